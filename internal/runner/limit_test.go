package runner

import (
	"math"
	"testing"
	"time"

	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies"
)

func TestLimit(t *testing.T) {
	for _, row := range []struct {
		why  string
		l    limit
		want float64
	}{
		{"a hundred users who each hold their own session 100 ms come to a thousand per second",
			limit{users: 100, held: 0.1, busiest: 0.001, cost: 1e-7, processor: 1e-7, processors: 2}, 100 / (0.1 + 1e-7)},
		{"all users wait for the lock of one session",
			limit{users: 100, held: 0.0005, busiest: 0.0005, cost: 1e-7, processor: 1e-7, processors: 2}, 2000},
		{"without work the processors are the limit",
			limit{users: 100, cost: 100e-9, processor: 100e-9, processors: 2}, 2e7},
		{"work on the processors takes them too",
			limit{users: 100, held: 1e-3, busiest: 1e-7, processor: 1e-3, processors: 2}, 2000},
		{"so do waits",
			limit{users: 1000, held: 1e-3, cost: 1e-7, processor: 4e-6, processors: 2}, 5e5},
		{"one thinking user",
			limit{users: 1, think: 1, held: 0.5, busiest: 0.5, cost: 0.5, processor: 0.5, processors: 2}, 0.5},
		{"nothing measured limits nothing", limit{users: 5, processors: 2}, 0},
	} {
		if got := row.l.opsPerSec(); math.Abs(got-row.want) > row.want*1e-9 {
			t.Errorf("%s: %v, want %v", row.why, got, row.want)
		}
	}
}

// A row that completed no operation has no cost per operation, and is not bound by the harness.
func TestHarnessBoundNeedsOperations(t *testing.T) {
	s := &scenarios.Scenario{Users: 1, Hold: time.Second}
	for cpu, want := range map[float64]bool{0: false, 100: true, 201: false} {
		e := &entrant{Subject: Subject{Strategy: &strategies.Strategy{}}, result: result.Result{Trials: []result.Trial{{Usage: result.Usage{CPUNsPerOp: cpu}}}}}
		r := &run{doc: &result.Document{}}
		if r.conclude(setup{scenario: s}, costs{noop: 100}, []*entrant{e}); e.result.Summary.HarnessBound != want {
			t.Errorf("%v ns of CPU an operation beside 100 ns of the harness: bound %v, want %v", cpu, e.result.Summary.HarnessBound, want)
		}
	}
}

// The limit of a trial is never below what the trial itself did, since all its terms are measured inside the window.
func TestLimitOfATrial(t *testing.T) {
	shared, own := &scenarios.Scenario{Users: 100, Sessions: 10}, &scenarios.Scenario{Users: 100, Sessions: 100, OwnSessions: true}
	tape := &scenarios.Tape{Updates: 0.5, Busiest: 0.1}
	const ms = 1e6 // nanoseconds
	for _, row := range []struct {
		why     string
		s       *scenarios.Scenario
		tape    *scenarios.Tape
		t       result.Trial
		alone   float64
		waiting float64
		forEach float64
		want    float64
	}{
		{"the busiest session was held for a tenth of the operations, a millisecond each", shared, tape,
			result.Trial{Ops: 1, Locks: result.Locks{UpdateFraction: 0.5, HoldNs: ms, HeldNsPerOp: 0.5 * ms, BusiestHeld: 0.1 * ms}}, 100, 100, 100, 10_000},
		{"users who queue for it see less of the tape than it says", shared, tape,
			result.Trial{Ops: 1, Locks: result.Locks{UpdateFraction: 0.5, HoldNs: ms, HeldNsPerOp: 0.5 * ms, BusiestHeld: 0.02 * ms}}, 100, 100, 100, 50_000},
		{"a few operations of a slow store met it by chance", shared, tape,
			result.Trial{Ops: 1, Locks: result.Locks{UpdateFraction: 0.5, HoldNs: ms, HeldNsPerOp: 0.5 * ms, BusiestHeld: 0.4 * ms}}, 100, 100, 100, 10_000},
		{"a window shorter than a hold: what lies in it counts, not the whole hold", own, tape,
			result.Trial{Ops: 1, Locks: result.Locks{UpdateFraction: 1, BusiestFraction: 1, HoldNs: 100 * ms, HeldNsPerOp: 20 * ms}}, 0.001, 0.001, 0.001, 100 / 0.02},
		{"wake-ups of one user alone cost more than those of many at a time", shared, nil,
			result.Trial{Ops: 1, Usage: result.Usage{CPUNsPerOp: 900}}, 5000, 5000, 1000, 2 / 900e-9},
		{"many users cost more than one", shared, nil, result.Trial{Ops: 1, Usage: result.Usage{CPUNsPerOp: 900}}, 200, 800, 1000, 2 / 800e-9},
	} {
		r := &run{doc: &result.Document{Machine: result.Machine{GOMAXPROCS: 2, Cores: 2}}}
		e := &entrant{Subject: Subject{Strategy: &strategies.Strategy{}}, result: result.Result{Trials: []result.Trial{row.t}}}
		r.limit(e, setup{scenario: row.s, tape: row.tape}, row.alone, row.waiting, row.forEach)
		if got := e.result.LimitOpsPerSec; math.Abs(got/row.want-1) > 1e-6 {
			t.Errorf("%s: limit %v, want %v", row.why, got, row.want)
		}
	}
}
