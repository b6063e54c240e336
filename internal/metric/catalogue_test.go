package metric

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sessbench/sessbench/reports/result"
)

func ns(n int64) *int64 { return &n }

// Every metric reads its own field.
func TestReads(t *testing.T) {
	trial := result.Trial{
		Ops: 10, OpsPerSec: 1, LimitOpsPerSec: 10, Errors: map[string]int64{"conflict": 20},
		LatencyNs: result.Latency{P50: ns(2), P90: ns(3), P95: ns(35), P99: ns(4), P999: ns(5), P9999: ns(6), Max: 7, Mean: 8, Count: 100},
		Operations: map[string]result.Operation{"append": {Count: 10, Errors: 5,
			LatencyNs: result.Latency{P50: ns(12), P90: ns(13), P95: ns(135), P99: ns(14), P999: ns(15), P9999: ns(16), Max: 17, Mean: 18, Count: 10}}},
		BytesPerSession: 11, Usage: result.Usage{AllocsPerOp: 9, BytesPerOp: 10, CPUNsPerOp: 12}, Totals: map[string]float64{"gc_pause_ns": 120, "goroutines_max": 121}, Fairness: result.Fairness{Jain: 0.13},
	}
	want := []string{"ops_per_sec 1", "p50 2 12", "p90 3 13", "p95 35 135", "p99 4 14", "p99_9 5 15", "p99_99 6 16", "max 7 17", "mean 8 18", "errors.rate 0.2 0.5",
		"allocs_per_op 9", "bytes_per_op 10", "bytes_per_session 11", "of_limit 0.1", "cpu_per_op 12", "gc_pause 120", "goroutines_max 121", "fairness.jain 0.13"}
	var got []string
	for _, m := range All() {
		if m.Open {
			continue // TestReadsOpenLoop
		}
		x, missing := m.Of(&result.Result{}, &trial, "")
		line := fmt.Sprint(m.Short(), " ", x, missing)
		if m.OfOp != nil {
			x, missing := m.Of(&result.Result{}, &trial, "append")
			line += fmt.Sprint(" ", x, missing)
		}
		got = append(got, line)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A trial that is too short has no share of the limit, whatever it is: neither a good one nor one that no store can reach.
func TestShortTrialsHaveNoShareOfTheLimit(t *testing.T) {
	for took, known := range map[time.Duration]bool{555 * time.Microsecond: false, ShortTrial - 1: false, ShortTrial: true, time.Second: true} {
		x, missing := Named("of_limit").Of(&result.Result{}, &result.Trial{ElapsedNs: int64(took), OpsPerSec: 23, LimitOpsPerSec: 20}, "")
		if (missing == "") != known || known && x != 1.15 {
			t.Errorf("%v: %v, %q", took, x, missing)
		}
	}
}

// Names, and those of columns and of charts, identify a metric.
func TestNamesAreDistinct(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range append(All(), TimePerOp) {
		for kind, name := range map[string]string{"name": m.Name, "short": m.Short(), "title": m.Title, "CSV": m.CSV, "chart": m.Chart} {
			if name != "" && seen[kind+name] {
				t.Errorf("two metrics have the %s %q", kind, name)
			}
			seen[kind+name] = true
		}
		if m.Gated && m.Title == "" {
			t.Errorf("%s is gated and not compared", m.Name)
		}
	}
}

// A trial merged from trials that ran at the same time holds their means, weighted with what they are means over.
func TestMerge(t *testing.T) {
	row := []*result.Result{{Workload: result.Workload{Sessions: 10}}, {Workload: result.Workload{Sessions: 10}}}
	trials := []*result.Trial{{Ops: 1, BytesPerSession: 7, Usage: result.Usage{AllocsPerOp: 4}}, {Ops: 3, Usage: result.Usage{AllocsPerOp: 8}}}
	var got result.Trial
	Merge(&got, row, trials)
	if got.Usage.AllocsPerOp != 7 || got.BytesPerSession != 7 || got.Usage.CPUNsPerOp != 0 {
		t.Errorf("%+v", got)
	}
}
