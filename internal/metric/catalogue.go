package metric

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/sessbench/sessbench/reports/result"
)

// catalogue holds all metrics, in the order of tables.
var catalogue = slices.Concat([]*Metric{
	{Name: "ops_per_sec", Title: "ops/s", Unit: "ops/s", Doc: "completed operations per second", HigherIsBetter: true, Gated: true,
		CSV: "ops_per_sec", Given: true,
		Column: &Column{Title: "ops/s", Format: result.FormatRate,
			Legend: "completed operations per second: median of the trials ± half-width of the 95 % confidence interval",
			Value:  func(r *result.Result) (float64, bool) { return r.Summary.OpsPerSec.Median, true }},
		Read:     func(_ *result.Result, t *result.Trial) (float64, bool) { return t.OpsPerSec, true },
		Interval: func(s *result.Summary) *result.Interval { return &s.OpsPerSec }},
}, percentiles(), []*Metric{
	maximum(),
	latency("mean", "mean time of an operation", func(l *result.Latency) (int64, bool) { return l.Mean, l.Count > 0 }),
	{Name: "errors.rate", Unit: "share", Doc: "share of the operations that ended in an error; a session not found is no error",
		Missing: "errors that may as well be sessions not found",
		Read: func(_ *result.Result, t *result.Trial) (float64, bool) {
			_, errors := errorsOf(t)
			return per(errors, t.LatencyNs.Count)
		},
		OfOp: operationErrors},
	// Without operations there is no mean per operation, not a mean of 0. Allocations of this process are not those of a target.
	{Name: "allocs_per_op", Title: "allocs/op", Unit: "allocs/op", Doc: "allocations per operation", Missing: noAllocations,
		Least: 0.01, Gated: true, CSV: "allocs_per_op", Chart: "allocs/op",
		Column: &Column{Title: "allocs/op", Spare: 4, Format: result.FormatAmount,
			Value: func(r *result.Result) (float64, bool) { return r.Summary.AllocsPerOp, r.Target == "" }},
		Read: func(r *result.Result, t *result.Trial) (float64, bool) {
			return t.Usage.AllocsPerOp, t.Ops > 0 && r.Target == ""
		},
		Mean:    perOp(func(t *result.Trial) *float64 { return &t.Usage.AllocsPerOp }),
		Summary: func(s *result.Summary) *float64 { return &s.AllocsPerOp }},
	{Name: "bytes_per_op", Title: "B/op", Unit: "B/op", Doc: "bytes allocated per operation", Missing: noAllocations,
		Least: 1, CSV: "bytes_per_op",
		Read: func(r *result.Result, t *result.Trial) (float64, bool) {
			return t.Usage.BytesPerOp, t.Ops > 0 && r.Target == ""
		},
		Mean: perOp(func(t *result.Trial) *float64 { return &t.Usage.BytesPerOp })},
	{Name: "bytes_per_session", Title: "B/session", Unit: "B", Doc: "memory per session", Missing: "not measured",
		Least: 1, Gated: true, CSV: "bytes_per_session", Chart: "bytes/session",
		Column: &Column{Title: "bytes/session", Spare: 5, Format: result.FormatBytes},
		Read: func(_ *result.Result, t *result.Trial) (float64, bool) {
			return t.BytesPerSession, t.BytesPerSession > 0
		},
		Mean: func(r *result.Result, t *result.Trial) (field *float64, weight float64) {
			if t.BytesPerSession > 0 { // only the participant that audits measures it
				weight = float64(r.Sessions)
			}
			return &t.BytesPerSession, weight
		},
		Summary: func(s *result.Summary) *float64 { return &s.BytesPerSession }},
	{Name: "of_limit", Unit: "share", Closed: true, Doc: "share of the theoretical maximum for a store with one lock per session",
		Missing: "there is no limit, or the trial is too short",
		Column: &Column{Title: "of limit", Format: result.FormatShare,
			Legend: "% of the theoretical maximum for a store with one lock per session"},
		Read:    ofLimit,
		Summary: func(s *result.Summary) *float64 { return &s.OfLimit }},
	{Name: "cpu_per_op", Unit: "ns", Doc: "CPU time per operation", Missing: "not measured", CSV: "cpu_ns_per_op",
		Read: func(_ *result.Result, t *result.Trial) (float64, bool) {
			return t.Usage.CPUNsPerOp, t.Usage.CPUNsPerOp > 0
		},
		Mean: perOp(func(t *result.Trial) *float64 { return &t.Usage.CPUNsPerOp })},
	total("gc_pause_ns", "gc_pause_ns", "ns", "pauses of the garbage collector in the window"),
	total("goroutines_max", "", "", "largest number of goroutines in the window"),
	{Name: "fairness.jain", Doc: "Jain's index over the users: 1 is even, 1/users is one user alone", Missing: "nothing was completed",
		CSV:  "fairness_jain",
		Read: func(_ *result.Result, t *result.Trial) (float64, bool) { return t.Fairness.Jain, t.Fairness.Jain > 0 }},
}, openLoop(), searched())

const noAllocations = "nothing was completed, or a target does not report its allocations"

// TimePerOp is the wall time of the window divided by the operations completed in it, as go test reports it for parallel
// benchmarks: ops/s with less being better, for formats that need that. A trial without operations has none.
var TimePerOp = &Metric{Name: "ns_per_op", Unit: "ns/op", Chart: "time per operation",
	Read: func(_ *result.Result, t *result.Trial) (float64, bool) {
		return 1e9 / max(t.OpsPerSec, math.SmallestNonzeroFloat64), t.OpsPerSec > 0
	}}

// MaxName is the short name of the maximum, beside those of percentiles.
const MaxName = "max"

func maximum() *Metric {
	m := latency(MaxName, "the longest operation", func(l *result.Latency) (int64, bool) { return l.Max, l.Count > 0 })
	m.Column = &Column{Title: MaxName, Spare: 1, Format: formatNs,
		Value: func(r *result.Result) (float64, bool) { return float64(r.Summary.LatencyNs.Max), true }}
	return m
}

func percentiles() (list []*Metric) {
	for _, p := range result.Percentiles() {
		m := latency(p.Name, fmt.Sprintf("the time that %v %% of the operations did not exceed", p.Percent),
			func(l *result.Latency) (int64, bool) {
				if ns := *p.In(l); ns != nil {
					return *ns, true
				}
				return 0, false
			})
		m.Missing, m.Percentile = "too few operations beyond it", &p
		title := strings.ReplaceAll(p.Name, "_", ".")
		column := &Column{Title: title, Format: formatNs}
		switch p.Name {
		case "p50":
			// A p99 depends on the few slowest operations of a trial and varies too much to be gated unless it is named.
			m.Gated, m.Chart, column.Spare = true, p.Name, 3
		case "p95":
			column.Spare = 6
		case "p99":
			m.Chart = p.Name
			column.Legend = "99 % of the operations took at most this long; p50 to max are medians of the trials; –: too few samples"
		case "p99_9":
			column.Spare = 2
		default:
			column = nil
		}
		if m.Column = column; column != nil && p.Name != "p99_9" {
			m.Title = "latency " + title + ", s"
		}
		list = append(list, m)
	}
	return list
}

// total is a figure that a trial has under its name.
func total(name, column, unit, doc string) *Metric {
	return &Metric{Name: name, Unit: unit, Doc: doc, Missing: "not measured", CSV: column,
		Read: func(_ *result.Result, t *result.Trial) (float64, bool) { x, ok := t.Totals[name]; return x, ok }}
}

func formatNs(x float64) string { return result.FormatNs(int64(math.Round(x))) }

func latency(short, doc string, get func(*result.Latency) (int64, bool)) *Metric {
	read := func(l *result.Latency) (float64, bool) {
		ns, ok := get(l)
		return float64(ns), ok
	}
	name := "latency_" + short + "_ns"
	return &Metric{Name: name, CSV: name, Doc: doc, Unit: "ns",
		Read: func(_ *result.Result, t *result.Trial) (float64, bool) { return read(&t.LatencyNs) },
		OfOp: func(_ *result.Trial, op result.Operation) (float64, bool) { return read(&op.LatencyNs) },
		Bound: func(t *result.Trial, op string, x float64) bool {
			l := t.LatencyNs
			if op != "" {
				l = t.Operations[op].LatencyNs
			}
			return l.AtLeast(int64(x))
		},
	}
}

// perOp returns the Mean of a mean per operation.
func perOp(field func(*result.Trial) *float64) func(*result.Result, *result.Trial) (*float64, float64) {
	return func(_ *result.Result, t *result.Trial) (*float64, float64) { return field(t), float64(t.Ops) }
}

// ShortTrial is the duration of a trial below which start-up is a large part of it. Its share of the limit is not known: the cost of
// an operation, with which the limit is computed, varies by more.
const ShortTrial = 20 * time.Millisecond

func ofLimit(r *result.Result, t *result.Trial) (share float64, ok bool) {
	if t.ElapsedNs > 0 && t.ElapsedNs < int64(ShortTrial) {
		return 0, false
	}
	limit := t.LimitOpsPerSec // with the waits that were measured in this trial
	if limit == 0 {
		limit = r.LimitOpsPerSec
	}
	if limit <= 0 {
		return 0, false
	}
	return t.OpsPerSec / limit, true
}

// errorsOf counts the operations of a trial that found no session, and those that ended in another error.
func errorsOf(t *result.Trial) (notFound, errors int64) {
	for kind, n := range t.Errors {
		if kind == "not_found" {
			notFound += n
		} else {
			errors += n
		}
	}
	return notFound, errors
}

// operationErrors is the fraction of one kind of operation that ended in an error. A trial counts the kinds of errors for all
// operations together: if both kinds occurred, the split for this operation may be unknown.
func operationErrors(t *result.Trial, op result.Operation) (rate float64, ok bool) {
	notFound, errors := errorsOf(t)
	least, most := max(0, op.Errors-notFound), min(op.Errors, errors)
	if least != most {
		return 0, false
	}
	return per(least, op.Count)
}

func per(n, of int64) (share float64, ok bool) {
	if of == 0 {
		return 0, false
	}
	return float64(n) / float64(of), true
}
