package runner

import (
	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
)

// measure computes the trial's figures from what the users have recorded and from what the process has spent in the window.
func (tr *trial) measure(w window) (result.Trial, error) {
	t := result.Trial{ElapsedNs: int64(w.elapsed), Totals: map[string]float64{
		"gc_pause_ns": float64(w.spent.gcPause), "goroutines_max": float64(w.goroutines),
	}}
	all := result.NewHistogram()
	each := map[scenarios.Op]*hdr.Histogram{}
	failed, unanswered := map[scenarios.Op]int64{}, map[scenarios.Op]int64{}
	for _, u := range tr.users.all() {
		for kind, of := range u.stats.ops {
			if of.latency == nil {
				continue
			}
			op := scenarios.Op(kind)
			if each[op] == nil {
				each[op] = result.NewHistogram()
			}
			of.latency.addTo(each[op])
			failed[op] += of.failed
			unanswered[op] += of.unanswered
			if op != scenarios.Sweep {
				of.latency.addTo(all)
			}
		}
		t.Ops += u.stats.completed()
		t.Visits += u.stats.visits
		for kind, n := range u.stats.errors {
			if t.Errors == nil {
				t.Errors = map[string]int64{}
			}
			t.Errors[kind] += n
		}
	}
	t.Operations = make(map[string]result.Operation, len(each))
	for op, h := range each {
		count := h.TotalCount() + unanswered[op]
		if count == 0 {
			continue // no user performed it
		}
		of := result.Operation{Count: count, Errors: failed[op], LatencyNs: result.LatencyOf(h)}
		if tr.setup.part.shared() { // it will be merged with others'
			var err error
			if of.Histogram, err = result.EncodeHistogram(h); err != nil {
				return t, err
			}
		}
		t.Operations[operationName(op)] = of
	}
	t.LatencyNs = result.LatencyOf(all)
	t.Fairness = tr.users.fairness()
	t.UpdateFraction = tr.users.updates()
	if !tr.unaudited {
		t.BusiestFraction = t.UpdateFraction * tr.users.busiest(tr.setup.scenario.Slots())
	}
	tr.waited(&t, w)
	if t.Ops > 0 {
		ops := float64(t.Ops)
		t.OpsPerSec = ops / w.elapsed.Seconds()
		t.AllocsPerOp = float64(w.spent.objects) / ops
		t.BytesPerOp = float64(w.spent.bytes) / ops
		t.CPUNsPerOp = float64(w.spent.cpu+w.spent.target.CPU) / ops
		t.TargetCPUNs = float64(w.spent.target.CPU) / ops
	}
	t.TargetMemory = w.spent.target.Memory
	wait := int64(w.spent.mutexWait)
	t.MutexWaitNs = &wait
	var err error
	t.Histogram, err = result.EncodeHistogram(all)
	return t, err
}

// operationName distinguishes operations during a sweep from the others.
func operationName(op scenarios.Op) string {
	if op >= scenarios.NumOps {
		return (op - scenarios.NumOps).String() + "_during_sweep"
	}
	return op.String()
}

// waited sets the figures of holds, waits for locks, and pauses.
func (tr *trial) waited(t *result.Trial, w window) {
	var held, waited, holds, pauses, thought, inWindow, inHot int64
	all, thoughts := result.NewHistogram(), result.NewHistogram()
	for _, u := range tr.users.active {
		held += u.stats.holds.heldFor
		waited += u.stats.holds.waitedFor
		holds += u.stats.holds.n
		thought += u.stats.pauses.ns
		pauses += u.stats.pauses.ended
		inWindow += u.stats.holds.inWindow
		inHot += u.stats.holds.inHot
		u.stats.holds.times.addTo(all)
		u.stats.pauses.times.addTo(thoughts)
	}
	if holds > 0 {
		t.HoldNs, t.WaitNs = held/holds, waited/holds
	}
	if t.Ops > 0 {
		t.ThinkNs = thought / t.Ops
		t.HeldNsPerOp = float64(inWindow) / float64(t.Ops)
		if tr.setup.hold > 0 {
			t.BusiestHeld = float64(inHot) / float64(t.Ops)
		}
	}
	if tr.meter.clock != nil {
		t.Waiting = &result.Waiting{Count: pauses, Wakeups: w.spent.waits.Alarms, PolledNs: int64(w.spent.waits.Polled)}
		if tr.setup.hold > 0 {
			t.Waiting.Count += holds
		}
		for _, u := range tr.users.active {
			t.Waiting.PolledNs += int64(u.waiter.Spun() - u.spun)
		}
	}
	t.HoldTimes, t.ThinkTimes = timesOf(all), timesOf(thoughts)
}

func timesOf(h *hdr.Histogram) *result.Latency {
	if h.TotalCount() == 0 {
		return nil
	}
	l := result.LatencyOf(h)
	return &l
}
