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
		{"everybody on one session waits for its lock",
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
		e := &entrant{Subject: Subject{Strategy: &strategies.Strategy{}}, result: result.Result{Trials: []result.Trial{{CPUNsPerOp: cpu}}}}
		r := &run{doc: &result.Document{}}
		if r.conclude(setup{scenario: s}, costs{noop: 100}, []*entrant{e}); e.result.Summary.HarnessBound != want {
			t.Errorf("%v ns of CPU an operation beside 100 ns of the harness: bound %v, want %v", cpu, e.result.Summary.HarnessBound, want)
		}
	}
}
