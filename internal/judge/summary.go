package judge

import (
	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/internal/stats"
	"github.com/sessbench/sessbench/reports/result"
)

// Summarize sets every result's summary from its trials, and VsBaseline from those of the same
// scenario's baseline, paired by block. HarnessBound and SchedulerBound are unchanged, because
// they cannot be derived from trials.
//
// The summary of a result with a failed audit stays zero except for these two flags. AuditOK
// reports that there were trials and none failed; trials that are not audited do not fail.
func Summarize(d *result.Document) {
	for _, r := range ResultsOf(d) {
		flags := result.Summary{HarnessBound: r.Summary.HarnessBound, SchedulerBound: r.Summary.SchedulerBound}
		if r.Summary = flags; len(r.Trials) > 0 && !r.Failed() && AuditUndecided(r) == "" {
			summarize(r)
		}
	}
	for _, r := range ResultsOf(d) {
		if r.Summary.AuditOK {
			compareWithBaseline(r, Baseline(d, r.Scenario))
		}
	}
	for _, results := range ByScenario(ResultsOf(d)) {
		pool(results)
	}
}

func summarize(r *result.Result) {
	r.Summary.AuditOK = true
	metric.Summarize(r)
	summarizeDelays(r)
}

// compareWithBaseline sets the ratio to the baseline, or why there is none.
func compareWithBaseline(r, baseline *result.Result) {
	if baseline == nil || baseline == r || r.Load != "" || // at a given rate, the throughput is that rate
		!baseline.Summary.AuditOK || !r.Audited() {
		return
	}
	if r.Summary.NoRatio = noRatio(r, baseline); r.Summary.NoRatio != "" {
		return
	}
	if ratio := Versus(r, baseline); ratio.Ratio > 0 {
		vs := result.Ratio(ratio)
		r.Summary.VsBaseline = &vs
	}
}

// AuditUndecided returns why the trials of a result ended without an audit result, or "".
func AuditUndecided(r *result.Result) string {
	return firstReason(r, func(a *result.Audit) string { return a.Undecided })
}

// AuditPartial returns why the audit of a result did not cover all sessions, or "".
func AuditPartial(r *result.Result) string {
	return firstReason(r, func(a *result.Audit) string { return a.Partial })
}

func firstReason(r *result.Result, get func(a *result.Audit) string) string {
	for i := range r.Trials {
		if why := get(&r.Trials[i].Audit); why != "" {
			return why
		}
	}
	return ""
}

// Versus returns the ratio of r's throughput to that of other, from the blocks that both have.
func Versus(r, other *result.Result) stats.Ratio {
	return stats.PairedRatio(stats.Pair(Throughputs(r), Throughputs(other)))
}

func Throughputs(r *result.Result) stats.Blocks {
	b := make(stats.Blocks, len(r.Trials))
	for i := range r.Trials {
		b[r.Trials[i].Block] = r.Trials[i].OpsPerSec
	}
	return b
}

func Baseline(d *result.Document, scenario string) *result.Result {
	for _, r := range ResultsOf(d) {
		if r.Baseline && r.Scenario == scenario {
			return r
		}
	}
	return nil
}

// HarnessBound reports whether the harness was at least half of the cost of the completed
// operations of r. Without completed operations there is no cost.
func HarnessBound(r *result.Result) bool {
	if !r.Summary.HarnessBound || r.Failed() {
		return false
	}
	for i := range r.Trials {
		if r.Trials[i].Ops > 0 {
			return true
		}
	}
	return false
}
