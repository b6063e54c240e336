package live

import (
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/reports/result"
)

// metrics are the figures of a run for Prometheus, filled from snapshots. Operations of warm-ups, of searches for a first rate and of passes
// are not among them.
type metrics struct {
	tool result.Tool
	goes string // the version of Go

	mu     sync.Mutex
	series []*series // in the order of their first snapshots
}

// series are the figures of a strategy under a scenario.
type series struct {
	strategy, scenario string

	ended, running tally // of the trials that have ended, and of the one that runs
	last           runner.Snapshot
}

// tally is what can be counted.
type tally struct {
	ops, errors int64
	times       histogram
}

func (t *tally) add(of *tally) {
	t.ops += of.ops
	t.errors += of.errors
	t.times.merge(&of.times)
}

// snapshot counts a snapshot.
func (m *metrics) snapshot(shot runner.Snapshot) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.of(shot.Label, shot.Scenario)
	if shot.Second < s.last.Second && shot.Block == s.last.Block && !s.last.Final { // performed once more, after a crash of its process
		s.end()
	}
	now := tally{ops: max(shot.Ops, s.running.ops), errors: max(shot.Errors, s.running.errors)}
	shot.EachTime(now.times.add)
	if now.times.count < s.running.times.count { // a trial that its store failed has none
		now.times = s.running.times
	}
	s.running, s.last = now, shot
	s.last.Times = nil // the caller's
	if shot.Final {
		s.last.Queue, s.last.Users = 0, 0
		s.end()
	}
}

// of returns the series of a strategy under a scenario.
func (m *metrics) of(strategy, scenario string) *series {
	for _, s := range m.series {
		if s.strategy == strategy && s.scenario == scenario {
			return s
		}
	}
	s := &series{strategy: strategy, scenario: scenario}
	m.series = append(m.series, s)
	return s
}

// end adds the running trial to those that have ended.
func (s *series) end() {
	s.ended.add(&s.running)
	s.running = tally{}
}

// values are the metrics with a number for each series; ok: it has one.
var values = []struct {
	name, help string
	kind       kind
	of         func(s *series) (x float64, ok bool)
}{
	{"sessbench_operations_total", "Operations completed in the measured windows of trials.", counters,
		func(s *series) (float64, bool) { return float64(s.ended.ops + s.running.ops), true }},
	{"sessbench_operation_errors_total", "Operations in the measured windows of trials that failed.", counters,
		func(s *series) (float64, bool) { return float64(s.ended.errors + s.running.errors), true }},
	{"sessbench_operations_per_second", "Operations completed per second in the last second of the running trial, or in the last trial.", gauges,
		func(s *series) (float64, bool) { return s.last.OpsPerSec, true }},
	{"sessbench_offered_operations_per_second", "Operations per second that arrive in the running trial, or arrived in the last one, of an open loop.", gauges,
		func(s *series) (float64, bool) { return s.last.Offered, s.last.Offered > 0 }},
	{"sessbench_queued_visits", "Visits that wait for a user in the running trial.", gauges,
		func(s *series) (float64, bool) { return float64(s.last.Queue), true }},
	{"sessbench_users", "Users that are active in the running trial; in an open loop those with a visit.", gauges,
		func(s *series) (float64, bool) { return float64(s.last.Users), true }},
}

// families returns what a scrape returns.
func (m *metrics) families() []family {
	m.mu.Lock()
	defer m.mu.Unlock()
	build := []label{{"goversion", m.goes}, {"revision", m.tool.Commit}, {"version", m.tool.Version}}
	list := []family{{"sessbench_build_info", "The version of sessbench that measures. The value is 1.", gauges, []sample{{labels: build, value: 1}}}}
	for _, v := range values {
		f := family{v.name, v.help, v.kind, nil}
		for _, s := range m.series {
			if x, ok := v.of(s); ok {
				f.samples = append(f.samples, sample{labels: s.labels(), value: x})
			}
		}
		list = append(list, f)
	}
	f := family{"sessbench_response_time_seconds", "Response times of operations in the measured windows of trials.", histograms, nil}
	for _, s := range m.series {
		all := s.ended.times
		all.merge(&s.running.times)
		f.samples = append(f.samples, sample{labels: s.labels(), times: &all})
	}
	return slices.DeleteFunc(append(list, f), func(f family) bool { return len(f.samples) == 0 })
}

// labels returns the labels of the series. Those that are no UTF-8, which Prometheus rejects, are made so.
func (s *series) labels() []label {
	valid := func(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }
	return []label{{"scenario", valid(s.scenario)}, {"strategy", valid(s.strategy)}}
}

// histogram has the buckets of a classic histogram and those of a native one. The zero histogram is empty.
type histogram struct {
	count, zero int64
	sum         float64              // seconds
	classic     [numBounds]int64     // not cumulative
	native      [numNative + 1]int64 // from nativeLowest on
}

// The buckets of a native histogram grow by the factor 2^(2^-schema): of 3, which is the schema of the bucket factor 1.1, by 9 %.
const (
	nativeSchema = 3
	perDoubling  = 1 << nativeSchema

	nativeLowest  = -30 * perDoubling // the bucket that ends at 2^-30 s, below a nanosecond
	nativeHighest = 13 * perDoubling  // 2^13 s, above the longest time that a histogram of sessbench has
	numNative     = nativeHighest - nativeLowest

	zeroThreshold = 0x1p-128 // seconds; the bucket of zero ends here, as in the libraries of Prometheus
)

// bounds are the upper bounds of the classic buckets in seconds: 1 µs to 10 s.
var bounds = [numBounds]float64{
	1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 1e-1, 2.5e-1, 5e-1, 1, 2.5, 5, 10,
}

const numBounds = 22

// add adds n times of ns nanoseconds.
func (h *histogram) add(ns, n int64) {
	seconds := float64(ns) / 1e9
	h.count += n
	h.sum += seconds * float64(n)
	for i, bound := range bounds {
		if seconds <= bound {
			h.classic[i] += n
			break
		}
	}
	if ns <= 0 {
		h.zero += n
		return
	}
	h.native[nativeIndex(seconds)-nativeLowest] += n
}

// nativeIndex returns the number of a bucket, which is that of times above 2^((index-1)/8) and up to 2^(index/8) seconds.
func nativeIndex(seconds float64) int {
	index := int(math.Ceil(math.Log2(seconds) * perDoubling))
	return min(max(index, nativeLowest), nativeHighest)
}

// merge adds another histogram.
func (h *histogram) merge(of *histogram) {
	h.count += of.count
	h.zero += of.zero
	h.sum += of.sum
	for i, n := range of.classic {
		h.classic[i] += n
	}
	for i, n := range of.native {
		h.native[i] += n
	}
}

// cumulative yields the bounds of the classic buckets, in seconds, each with the number of times up to it.
func (h *histogram) cumulative(yield func(bound float64, count int64) bool) {
	count := int64(0)
	for i, n := range h.classic {
		if count += n; !yield(bounds[i], count) {
			return
		}
	}
}
