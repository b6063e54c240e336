package live

import (
	"math"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/reports/result"
)

// metrics are the figures of a run for Prometheus, filled from snapshots. Operations of warm-ups, of searches for a first rate and of passes
// are not among them.
type metrics struct {
	tool  result.Tool
	goes  string // the version of Go
	start time.Time

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

var (
	labels = []string{"strategy", "scenario"}

	operationsDesc = desc("operations_total", "Operations completed in the measured windows of trials.", labels...)
	errorsDesc     = desc("operation_errors_total", "Operations in the measured windows of trials that failed.", labels...)
	rateDesc       = desc("operations_per_second", "Operations completed per second in the last second of the running trial, or in the last trial.", labels...)
	offeredDesc    = desc("offered_operations_per_second", "Operations per second that arrive in the running trial, or arrived in the last one, of an open loop.", labels...)
	queueDesc      = desc("queued_visits", "Visits that wait for a user in the running trial.", labels...)
	usersDesc      = desc("users", "Users that are active in the running trial; in an open loop those with a visit.", labels...)
	timesDesc      = desc("response_time_seconds", "Response times of operations in the measured windows of trials.", labels...)
	buildDesc      = desc("build_info", "The version of sessbench that measures. The value is 1.", "version", "revision", "goversion")
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName("sessbench", "", name), help, labels, nil)
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

var _ prometheus.Collector = (*metrics)(nil)

// Describe implements [prometheus.Collector].
func (m *metrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{operationsDesc, errorsDesc, rateDesc, offeredDesc, queueDesc, usersDesc, timesDesc, buildDesc} {
		to <- d
	}
}

// Collect implements [prometheus.Collector].
func (m *metrics) Collect(to chan<- prometheus.Metric) {
	to <- constant(buildDesc, prometheus.GaugeValue, 1, m.tool.Version, m.tool.Commit, m.goes)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.series {
		all := tally{}
		all.add(&s.ended)
		all.add(&s.running)
		of, last := []string{s.strategy, s.scenario}, &s.last
		queue, users := last.Queue, last.Users
		if last.Final {
			queue, users = 0, 0
		}
		to <- constant(operationsDesc, prometheus.CounterValue, float64(all.ops), of...)
		to <- constant(errorsDesc, prometheus.CounterValue, float64(all.errors), of...)
		to <- constant(rateDesc, prometheus.GaugeValue, last.OpsPerSec, of...)
		if last.Offered > 0 {
			to <- constant(offeredDesc, prometheus.GaugeValue, last.Offered, of...)
		}
		to <- constant(queueDesc, prometheus.GaugeValue, float64(queue), of...)
		to <- constant(usersDesc, prometheus.GaugeValue, float64(users), of...)
		to <- all.times.metric(timesDesc, m.start, of...)
	}
}

// constant returns a metric with a value. Labels that are no UTF-8, which Prometheus rejects, are made so.
func constant(d *prometheus.Desc, kind prometheus.ValueType, x float64, labels ...string) prometheus.Metric {
	m, err := prometheus.NewConstMetric(d, kind, x, valid(labels)...)
	return orInvalid(d, m, err)
}

func valid(labels []string) []string {
	list := make([]string, len(labels))
	for i, text := range labels {
		list[i] = strings.ToValidUTF8(text, "\uFFFD")
	}
	return list
}

// orInvalid returns a metric that fails the scrape where there was an error.
func orInvalid(d *prometheus.Desc, m prometheus.Metric, err error) prometheus.Metric {
	if err != nil {
		return prometheus.NewInvalidMetric(d, err)
	}
	return m
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

// metric returns the histogram for Prometheus, with both kinds of buckets.
func (h *histogram) metric(d *prometheus.Desc, since time.Time, labels ...string) prometheus.Metric {
	labels = valid(labels)
	cumulative, sum := make(map[float64]uint64, numBounds), uint64(0)
	for i, n := range h.classic {
		sum += uint64(n)
		cumulative[bounds[i]] = sum
	}
	sparse := map[int]int64{}
	for i, n := range h.native {
		if n > 0 {
			sparse[nativeLowest+i] = n
		}
	}
	classic, err := prometheus.NewConstHistogram(d, uint64(h.count), h.sum, cumulative, labels...)
	if err != nil {
		return prometheus.NewInvalidMetric(d, err)
	}
	native, err := prometheus.NewConstNativeHistogram(d, uint64(h.count), h.sum, sparse, nil, uint64(h.zero), nativeSchema, prometheus.DefNativeHistogramZeroThreshold, since, labels...)
	return orInvalid(d, bothKinds{native, classic}, err)
}

// bothKinds is a histogram that has native and classic buckets, for which the library has no constant metric.
type bothKinds struct{ native, classic prometheus.Metric }

// Desc implements [prometheus.Metric].
func (b bothKinds) Desc() *prometheus.Desc { return b.native.Desc() }

// Write implements [prometheus.Metric].
func (b bothKinds) Write(to *dto.Metric) error {
	classic := &dto.Metric{}
	if err := b.classic.Write(classic); err != nil {
		return err
	}
	if err := b.native.Write(to); err != nil {
		return err
	}
	to.Histogram.Bucket = classic.Histogram.Bucket
	return nil
}
