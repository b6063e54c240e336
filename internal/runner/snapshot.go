package runner

import (
	"math"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
)

// Snapshot is a trial while it is measured: what it did in the last second, and its percentiles so far.
type Snapshot struct {
	Scenario string `json:"-"`
	Label    string `json:"-"` // of the subject
	Block    int    `json:"-"`

	Second    int     `json:"second"` // since the start of the window
	OpsPerSec float64 `json:"ops_per_sec"`
	Offered   float64 `json:"offered,omitempty"` // operations per second of the load; 0: a closed loop, or a log
	P50       *int64  `json:"p50_ns,omitempty"`  // so far; see [result.Latency]
	P99       *int64  `json:"p99_ns,omitempty"`
	Queue     int64   `json:"queue,omitempty"`  // visits that wait for a user
	Ops       int64   `json:"ops,omitempty"`    // so far
	Errors    int64   `json:"errors,omitempty"` // so far
	Users     int64   `json:"users,omitempty"`  // that are active; in an open loop those with a visit; 0 at the end of the trial
	Times     []byte  `json:"times,omitempty"`  // so far, if Config.LiveTimes is set: see EachTime. The callback must not keep it

	Final  bool `json:"-"` // the trial has ended; then the figures are those of all of it
	Failed bool `json:"-"` // and has no speed
}

// Callbacks are called while a task is performed, on the caller's goroutine. Each may be nil.
type Callbacks struct {
	Preparing func(Preparing) // while sessions take long to prepare
	Snapshot  func(Snapshot)  // about once per second in a timed window
}

const (
	snapshotEvery = time.Second
	snapshotLag   = 20 * time.Millisecond // for users to move what they recorded in the intervals before
)

// snapshots takes the snapshots of a trial from its series, of which nothing but what users have moved is read: a user that waits for
// long is late.
type snapshots struct {
	trial     *trial
	counts    counts
	histogram *hdr.Histogram
	timer     *time.Timer

	at     int64  // when the last one was taken, or the start of the window
	ops    int64  // until then
	packed []byte // room
}

// newSnapshots returns the snapshots of a trial whose series is open; nil if there is no callback. Where intervals are longer than the
// time between snapshots, users add what they have recorded in bursts, and there are none: operations per second would be wrong.
func (tr *trial) newSnapshots() *snapshots {
	if tr.series == nil || tr.setup.on.Snapshot == nil || !tr.setup.timed() || tr.series.unit > int64(snapshotEvery) {
		return nil
	}
	return &snapshots{trial: tr, counts: newCounts(), histogram: result.NewHistogram(), at: tr.phases.from}
}

// start begins with the trial's clock, and returns when to call next; on nil never.
func (s *snapshots) start() <-chan time.Time {
	if s == nil {
		return nil
	}
	s.timer = time.NewTimer(time.Duration(s.trial.phases.from) + snapshotEvery + snapshotLag)
	return s.timer.C
}

// stop ends the snapshots.
func (s *snapshots) stop() {
	if s != nil {
		s.timer.Stop()
	}
}

// next takes a snapshot.
func (s *snapshots) next() {
	tr := s.trial
	now := tr.phases.now()
	s.timer.Reset(snapshotEvery - time.Duration(now-tr.phases.from-int64(snapshotLag))%snapshotEvery)
	clear(s.counts)
	ops, errors, queue := tr.soFar(now, s.counts)
	s.histogram.Reset()
	s.counts.addTo(s.histogram)
	l := result.LatencyOf(s.histogram)
	seconds := float64(now-s.at) / 1e9
	shot := Snapshot{
		Second:    int((now - tr.phases.from) / int64(time.Second)),
		OpsPerSec: float64(ops-s.ops) / seconds,
		P50:       l.P50, P99: l.P99, Queue: queue, Ops: ops, Errors: errors, Users: tr.activeUsers(now),
	}
	if tr.setup.liveTimes {
		s.packed = s.counts.pack(s.packed[:0])
		shot.Times = s.packed
	}
	if set := &tr.setup; set.open() {
		expected := func(t int64) float64 { return set.scenario.Load.Expected(set.tape.Visit, set.warmup, t) }
		shot.Offered = (expected(now) - expected(s.at)) * float64(set.tape.Visit) / float64(set.part.Of()) / seconds
	}
	s.at, s.ops = now, ops
	tr.setup.on.Snapshot(shot)
}

// soFar returns the operations and errors that users have added so far, adds their latencies to c, and returns the longest queue of
// about the last interval.
func (tr *trial) soFar(now int64, c counts) (ops, errors, queue int64) {
	tr.times.settle()
	for kind := range numTimes {
		if op, response := kind.op(); response && op != scenarios.Sweep {
			tr.times.addTotal(kind, c)
		}
	}
	s := tr.series
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := max(0, int(s.index(now))-1); i < len(s.intervals); i++ {
		queue = max(queue, s.intervals[i].point.Queue)
	}
	return s.sums.Ops, s.sums.Errors, queue
}

// activeUsers returns how many users are active.
func (tr *trial) activeUsers(now int64) int64 {
	switch a := tr.arrivals; {
	case a != nil:
		a.mu.Lock()
		defer a.mu.Unlock()
		return int64(a.busy)
	case tr.setup.ramped():
		return int64(math.Round(tr.setup.scenario.Ramp.At(time.Duration(now-tr.phases.from)) / float64(tr.setup.part.Of())))
	}
	return int64(len(tr.users.active))
}

// EachTime calls f with each response time in the trial so far and the number of operations that had it, with the resolution of the
// histograms of documents.
func (s *Snapshot) EachTime(f func(ns, n int64)) {
	if len(s.Times) == 0 {
		return
	}
	all := newCounts()
	all.unpack(s.Times)
	for i, n := range all {
		if n > 0 {
			f((value(uint64(i))+value(uint64(i)+1)-1)/2, int64(n))
		}
	}
}

// packedTimes returns the response times of a trial for [Snapshot.EachTime]; nil if it has none.
func packedTimes(t *result.Trial) []byte {
	h, err := result.DecodeWhole(t.Histogram)
	if err != nil {
		return nil
	}
	all := newCounts()
	for _, bar := range h.Distribution() {
		all[slot(uint64(bar.From))] += uint64(bar.Count)
	}
	return all.pack(nil)
}

// snapshotOf returns the last snapshot of a trial, without its times.
func snapshotOf(t *result.Trial) Snapshot {
	s := Snapshot{
		Second: int(t.ElapsedNs / int64(time.Second)), OpsPerSec: t.OpsPerSec, P50: t.LatencyNs.P50, P99: t.LatencyNs.P99, Ops: t.Ops,
		Final: true, Failed: t.Failed() || t.Audit.Undecided != "",
	}
	for _, n := range t.Errors {
		s.Errors += n
	}
	if o := t.OpenLoop; o != nil {
		s.Offered, s.Queue = o.Offered, o.Queue
	}
	return s
}
