package judge

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sessbench/sessbench/reports/result"
)

// trials makes audited trials with these throughputs, in blocks from 0.
func trials(opsPerSec ...float64) []result.Trial {
	ts := make([]result.Trial, len(opsPerSec))
	for i, x := range opsPerSec {
		ts[i] = result.Trial{Block: i, OpsPerSec: x, Audit: result.Audit{OK: true}}
	}
	return ts
}

func TestSummarize(t *testing.T) {
	d := &result.Document{Results: []result.Result{
		{Strategy: "global", Baseline: true, LimitOpsPerSec: 200, Trials: trials(10, 20, 30, 40, 50, 60)},
		{Strategy: "sharded", LimitOpsPerSec: 200, Trials: trials(20, 40, 60, 80, 100, 120)},
	}}
	// The order in which trials ran says nothing: they are paired by block.
	slices.Reverse(d.Results[1].Trials)
	Summarize(d)

	global, sharded := d.Results[0].Summary, d.Results[1].Summary
	if want := (result.Interval{Median: 35, Lo: 10, Hi: 60}); global.OpsPerSec != want {
		t.Errorf("global: %+v, want %+v", global.OpsPerSec, want)
	}
	if global.VsBaseline != nil {
		t.Errorf("the baseline is compared with itself: %+v", global.VsBaseline)
	}
	if math.Abs(global.OfLimit-0.175) > 1e-12 || math.Abs(sharded.OfLimit-0.35) > 1e-12 {
		t.Errorf("of the limit: %v and %v, want 0.175 and 0.35", global.OfLimit, sharded.OfLimit)
	}
	vs := sharded.VsBaseline
	if vs == nil || math.Abs(vs.Ratio-2) > 1e-9 || math.Abs(vs.Lo-2) > 1e-9 || math.Abs(vs.Hi-2) > 1e-9 || math.Abs(vs.P-0.03125) > 1e-9 {
		t.Errorf("sharded is twice as fast in every block, but its ratio is %+v", vs)
	}
	if !global.AuditOK || !sharded.AuditOK {
		t.Error("audits that were fine are not in the summary")
	}
}

func TestSummarizeTakesMediansOfLatencies(t *testing.T) {
	r := result.Result{Trials: trials(1, 1, 1)}
	for i, p := range []int64{10, 30, 20} {
		r.Trials[i].LatencyNs = result.Latency{P50: &p, P99: &p, Max: 10 * p, Mean: p + 1, Count: 100 * p}
	}
	r.Trials[1].LatencyNs.P99 = nil
	d := &result.Document{Results: []result.Result{r}}
	Summarize(d)
	p50 := int64(20)
	want := result.Latency{P50: &p50, Max: 200, Mean: 21, Count: 2000} // no P99: one trial was too short for it
	if diff := cmp.Diff(want, d.Results[0].Summary.LatencyNs); diff != "" {
		t.Error(diff)
	}
}

func TestSummarizeFailedResult(t *testing.T) {
	d := &result.Document{Results: []result.Result{
		{Strategy: "global", Baseline: true, Trials: trials(1, 1, 1, 1, 1, 1)},
		{Strategy: "broken", Trials: trials(9, 9, 9, 9, 9, 9), LimitOpsPerSec: 10},
	}}
	broken := &d.Results[1]
	broken.Summary = result.Summary{HarnessBound: true, SchedulerBound: true, OfLimit: 0.9, AuditOK: true}
	broken.Trials[3].Audit.OK = false
	Summarize(d)
	if diff := cmp.Diff(result.Summary{HarnessBound: true, SchedulerBound: true}, broken.Summary); diff != "" {
		t.Errorf("one failed trial of six takes all figures, and leaves the flags: %s", diff)
	}
}

func TestSummarizeWithoutBaseline(t *testing.T) {
	tests := []struct {
		why string
		d   *result.Document
	}{
		{"there is no baseline", &result.Document{Results: []result.Result{{Scenario: "a", Trials: trials(1)}}}},
		{"the baseline is another scenario's", &result.Document{Results: []result.Result{
			{Scenario: "a", Trials: trials(1)}, {Scenario: "b", Baseline: true, Trials: trials(1)}}}},
		{"the baseline did not run", &result.Document{Results: []result.Result{
			{Scenario: "a", Trials: trials(1)}, {Scenario: "a", Baseline: true}}}},
		{"the baseline finished nothing", &result.Document{Results: []result.Result{
			{Scenario: "a", Trials: trials(1)}, {Scenario: "a", Baseline: true, Trials: trials(0)}}}},
		{"the baseline failed", &result.Document{Results: []result.Result{
			{Scenario: "a", Trials: trials(1)}, {Scenario: "a", Baseline: true, Trials: []result.Trial{{OpsPerSec: 1}}}}}},
	}
	for _, tt := range tests {
		Summarize(tt.d)
		if vs := tt.d.Results[0].Summary.VsBaseline; vs != nil {
			t.Errorf("%s: %+v", tt.why, vs)
		}
	}
}

func TestSummarizeIsIdempotent(t *testing.T) {
	once, twice := failedAudit(), failedAudit()
	Summarize(twice)
	if diff := cmp.Diff(once, twice); diff != "" {
		t.Error(diff)
	}
}
