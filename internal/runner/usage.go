package runner

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
	"time"

	"github.com/sessbench/sessbench/internal/wait"
	"github.com/sessbench/sessbench/scenarios"
)

// usage is what the process has spent so far.
type usage struct {
	cpu       time.Duration
	mutexWait time.Duration // all goroutines together
	gcPause   time.Duration
	waits     wait.Spent // by the clock that ends waits
	objects   uint64
	bytes     uint64
	target    scenarios.TargetUsage
}

// totals returns the counters that a trial has under the names of their metrics.
func (u usage) totals() map[string]float64 {
	return map[string]float64{"gc_pause_ns": float64(u.gcPause)}
}

// readUsage reads the process's counters. exact stops the world for the allocation counts; without it they may be some
// thousand objects late, which a timed window does not notice and a handful of operations does.
func readUsage(exact bool) usage {
	samples := []metrics.Sample{
		{Name: "/sync/mutex/wait/total:seconds"},
		{Name: "/gc/heap/allocs:objects"},
		{Name: "/gc/heap/allocs:bytes"},
	}
	metrics.Read(samples)
	var gc debug.GCStats
	debug.ReadGCStats(&gc)
	u := usage{
		cpu:       cpuTime(),
		mutexWait: time.Duration(samples[0].Value.Float64() * 1e9),
		gcPause:   gc.PauseTotal,
		objects:   samples[1].Value.Uint64(),
		bytes:     samples[2].Value.Uint64(),
	}
	if exact {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		u.objects, u.bytes = m.Mallocs, m.TotalAlloc
	}
	return u
}

// meter reads what the process and the target spend in a trial.
type meter struct {
	system         system
	clock          *wait.Clock // that ends waits; nil: there are none
	opened, closed reading     // at either end of a timed window
}

// reading is a usage that the first of several goroutines takes; the others skip it. It may be read after all of them have finished.
type reading struct {
	taken atomic.Bool
	usage usage
}

// usage is what was spent so far. See [readUsage].
func (m *meter) usage(exact bool) usage {
	u := readUsage(exact)
	u.target = m.system.usage()
	if m.clock != nil {
		u.waits = m.clock.Spent()
	}
	return u
}

// read reads the usage at an end of the window, unless another goroutine has.
func (m *meter) read(r *reading) {
	if r.taken.CompareAndSwap(false, true) {
		r.usage = m.usage(false)
	}
}

// window is what was spent in a timed window, after all users have finished.
func (m *meter) window() usage {
	if !m.opened.taken.Load() {
		return usage{}
	}
	m.read(&m.closed) // if all users finished before the end
	return m.closed.usage.since(m.opened.usage)
}

// since is what was spent between before and u.
func (u usage) since(before usage) usage {
	return usage{
		cpu:       u.cpu - before.cpu,
		mutexWait: u.mutexWait - before.mutexWait,
		gcPause:   u.gcPause - before.gcPause,
		waits:     u.waits.Since(before.waits),
		objects:   u.objects - before.objects,
		bytes:     u.bytes - before.bytes,
		target:    scenarios.TargetUsage{CPU: u.target.CPU - before.target.CPU, Memory: u.target.Memory},
	}
}
