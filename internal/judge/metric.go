package judge

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/perf/benchunit"

	"github.com/sessbench/sessbench/internal/stats"
	"github.com/sessbench/sessbench/reports/result"
)

// Metric is a value of every trial that can have a bound. Those with a title are compared, gated and displayed over time, too.
type Metric struct {
	Name           string // in documents, stable: latency_p50_ns
	Doc            string // one line
	Title          string // of a column, with the displayed unit; empty: not compared
	Unit           string // of the values: ops/s, ns, share, allocs/op, B/op, B, or none
	HigherIsBetter bool

	// Read returns the value of a trial. ok is false if it has none.
	Read func(r *result.Result, t *result.Trial) (x float64, ok bool)

	// ofOp returns the value of one kind of operation; nil if it has none.
	ofOp func(t *result.Trial, op result.Operation) (x float64, ok bool)

	missing        string  // why a trial with operations may have no value
	least          float64 // a difference below it is negligible; 0: none is
	gatedByDefault bool
}

// catalogue holds all metrics, in the order of tables.
var catalogue = slices.Concat([]*Metric{
	{Name: "ops_per_sec", Title: "ops/s", Unit: "ops/s", Doc: "completed operations per second", HigherIsBetter: true, gatedByDefault: true,
		Read: func(_ *result.Result, t *result.Trial) (float64, bool) { return t.OpsPerSec, true }},
}, percentileMetrics(), []*Metric{
	latencyMetric("max", "the longest operation", "", func(l *result.Latency) *int64 { return ifCounted(l, l.Max) }),
	latencyMetric("mean", "mean time of an operation", "", func(l *result.Latency) *int64 { return ifCounted(l, l.Mean) }),
	{Name: "errors.rate", Unit: "share", Doc: "share of the operations that ended in an error; a session not found is no error",
		missing: "errors that may as well be sessions not found",
		Read: func(_ *result.Result, t *result.Trial) (float64, bool) {
			_, errors := errorsOf(t)
			return per(errors, t.LatencyNs.Count)
		},
		ofOp: operationErrors},
	{Name: "of_limit", Unit: "share", Doc: "share of the theoretical maximum for a store with one lock per session",
		missing: "there is no limit", Read: ofLimit},
	// Without operations there is no mean per operation, not a mean of 0.
	{Name: "allocs_per_op", Title: "allocs/op", Unit: "allocs/op", Doc: "allocations per operation", missing: "nothing was completed",
		least: 0.01, gatedByDefault: true,
		Read: func(_ *result.Result, t *result.Trial) (float64, bool) { return t.AllocsPerOp, t.Ops > 0 }},
	{Name: "bytes_per_op", Title: "B/op", Unit: "B/op", Doc: "bytes allocated per operation", missing: "nothing was completed", least: 1,
		Read: func(_ *result.Result, t *result.Trial) (float64, bool) { return t.BytesPerOp, t.Ops > 0 }},
	{Name: "bytes_per_session", Title: "B/session", Unit: "B", Doc: "memory per session", missing: "not measured", least: 1, gatedByDefault: true,
		Read: func(_ *result.Result, t *result.Trial) (float64, bool) {
			return t.BytesPerSession, t.BytesPerSession > 0
		}},
	{Name: "cpu_per_op", Unit: "ns", Doc: "CPU time per operation", missing: "not measured",
		Read: func(_ *result.Result, t *result.Trial) (float64, bool) { return t.CPUNsPerOp, t.CPUNsPerOp > 0 }},
	{Name: "fairness.jain", Doc: "Jain's index over the users: 1 is even, 1/users is one user alone", missing: "nothing was completed",
		Read: func(_ *result.Result, t *result.Trial) (float64, bool) { return t.Fairness.Jain, t.Fairness.Jain > 0 }},
})

func percentileMetrics() (list []*Metric) {
	for _, p := range result.Percentiles() {
		m := latencyMetric(p.Name, fmt.Sprintf("the time that %v %% of the operations did not exceed", p.Percent),
			"too few operations beyond it", func(l *result.Latency) *int64 { return *p.In(l) })
		switch p.Name {
		case "p50", "p95", "p99":
			m.Title = "latency " + p.Name + ", s"
		}
		// A p99 depends on the few slowest operations of a trial and varies too much to be gated unless it is named.
		m.gatedByDefault = p.Name == "p50"
		list = append(list, m)
	}
	return list
}

func latencyMetric(short, doc, missing string, get func(*result.Latency) *int64) *Metric {
	read := func(l *result.Latency) (float64, bool) {
		if ns := get(l); ns != nil {
			return float64(*ns), true
		}
		return 0, false
	}
	return &Metric{Name: "latency_" + short + "_ns", Doc: doc, Unit: "ns", missing: missing,
		Read: func(_ *result.Result, t *result.Trial) (float64, bool) { return read(&t.LatencyNs) },
		ofOp: func(_ *result.Trial, op result.Operation) (float64, bool) { return read(&op.LatencyNs) },
	}
}

func ifCounted(l *result.Latency, ns int64) *int64 {
	if l.Count == 0 {
		return nil
	}
	return &ns
}

func ofLimit(r *result.Result, t *result.Trial) (float64, bool) {
	limit := t.LimitOpsPerSec
	if limit == 0 {
		limit = r.LimitOpsPerSec
	}
	return t.OpsPerSec / max(limit, math.SmallestNonzeroFloat64), limit > 0
}

// errorsOf counts the operations of a trial that found no session, and those that ended in
// another error.
func errorsOf(t *result.Trial) (missed, errors int64) {
	for kind, n := range t.Errors {
		if kind == "not_found" {
			missed += n
		} else {
			errors += n
		}
	}
	return missed, errors
}

// operationErrors is the fraction of one kind of operation that ended in an error. A trial
// counts the kinds of errors for all operations together: if both kinds occurred, the split for
// this operation may be unknown.
func operationErrors(t *result.Trial, op result.Operation) (rate float64, ok bool) {
	missed, errors := errorsOf(t)
	least, most := max(0, op.Errors-missed), min(op.Errors, errors)
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

// ThresholdMetrics returns all metrics.
func ThresholdMetrics() []*Metric { return slices.Clone(catalogue) }

// Metrics returns the metrics that are compared, in the order of their tables.
func Metrics() (list []*Metric) {
	for _, m := range catalogue {
		if m.Title != "" {
			list = append(list, m)
		}
	}
	return list
}

// MetricNamed returns the metric with a name. It panics where there is none: names in documents come from this package.
func MetricNamed(name string) *Metric {
	return catalogue[slices.IndexFunc(catalogue, func(m *Metric) bool { return m.Name == name })]
}

// MetricNames returns the names of the metrics that are compared.
func MetricNames() (names []string) {
	for _, m := range Metrics() {
		names = append(names, m.Name)
	}
	return names
}

// DefaultGates returns the metrics that a check gates by default.
func DefaultGates() (names []string) {
	for _, m := range Metrics() {
		if m.gatedByDefault {
			names = append(names, m.Name)
		}
	}
	return names
}

// gatedMetrics returns the requested metrics, or DefaultGates if there are none. The error
// names an unknown or repeated metric.
func gatedMetrics(names []string) ([]string, error) {
	if len(names) == 0 {
		return DefaultGates(), nil
	}
	for i, name := range names {
		if legal := MetricNames(); !slices.Contains(legal, name) {
			return nil, fmt.Errorf("gated metric %q: want some of %s", name, strings.Join(legal, ", "))
		}
		if slices.Contains(names[:i], name) {
			return nil, fmt.Errorf("gated metric %q: named twice", name)
		}
	}
	return names, nil
}

// byDifference reports whether changes of the metric are differences: counts, which may be 0.
// Changes of other metrics are ratios.
func (m *Metric) byDifference() bool { return m.least > 0 }

// better is the direction of better in documents.
func (m *Metric) better() string {
	if m.HigherIsBetter {
		return "higher"
	}
	return "lower"
}

// Short returns the metric's name on the command line, without what its unit expresses: p50 for latency_p50_ns.
func (m *Metric) Short() string {
	return strings.TrimSuffix(strings.TrimPrefix(m.Name, "latency_"), "_ns")
}

// Word returns the name of the metric in tables with one metric per line.
func (m *Metric) Word() string {
	if m.Unit == "ns" {
		return m.Short()
	}
	return m.Title
}

// figure returns the metric of one trial, of one kind of operation or of all (op ""), or why it is missing.
func (m *Metric) figure(r *result.Result, t *result.Trial, op string) (x float64, missing string) {
	ok := false
	if op == "" {
		x, ok = m.Read(r, t)
	} else {
		one, done := t.Operations[op]
		if !done || one.Count == 0 {
			return 0, "no " + op
		}
		x, ok = m.ofOp(t, one)
	}
	switch {
	case ok:
		return x, ""
	case t.LatencyNs.Count == 0:
		return 0, "no operation"
	}
	return 0, m.missing
}

// figures returns the metric of some trials of a result, and the number of trials that lack it.
func (m *Metric) figures(r *result.Result, trials []*result.Trial) (xs []float64, lacking int) {
	for _, t := range trials {
		if x, ok := m.Read(r, t); ok {
			xs = append(xs, x)
		} else {
			lacking++
		}
	}
	return xs, lacking
}

// Sample returns the metric of every trial, or nil if a trial lacks it: using only the others
// would be a biased choice.
func (m *Metric) Sample(r *result.Result) []float64 {
	if r == nil {
		return nil
	}
	xs, lacking := m.figures(r, pointers(r.Trials))
	if lacking > 0 {
		return nil
	}
	return xs
}

// byBlock returns the metric of every trial by block, for one kind of operation or for all (op ""). If a trial lacks it, it
// returns the reason instead, as [Metric.Sample] returns nothing.
func (m *Metric) byBlock(r *result.Result, op string) (xs stats.Blocks, why string) {
	if why := NoSpeed(r); why != "" {
		return nil, why
	}
	xs = stats.Blocks{}
	lacking := 0
	for i := range r.Trials {
		x, missing := m.figure(r, &r.Trials[i], op)
		if missing != "" {
			lacking, why = lacking+1, missing
		}
		xs[r.Trials[i].Block] = x
	}
	if lacking > 0 {
		return nil, fmt.Sprintf("%s in %d of %d trials", why, lacking, len(r.Trials))
	}
	return xs, ""
}

// Scale returns a formatter for the values, with one unit prefix for all. Counts have no prefixes below one: milli-allocations
// are meaningless.
func (m *Metric) Scale(values ...float64) func(float64) string {
	factor, class := 1.0, benchunit.Decimal
	switch m.Unit {
	case "ns":
		factor = 1e-9
	case "B", "B/op":
		class = benchunit.Binary
	}
	displayed := make([]float64, len(values))
	least := math.Inf(1)
	for i, x := range values {
		displayed[i] = x * factor
		if x > 0 {
			least = min(least, displayed[i])
		}
	}
	s := benchunit.CommonScale(displayed, class)
	if m.Unit == "allocs/op" && least < 1 {
		digits := min(6, max(3, 2-int(math.Floor(math.Log10(least)))))
		s = benchunit.Scaler{Prec: digits, Factor: 1}
	}
	return func(x float64) string { return s.Format(x * factor) }
}

// Format writes a value with its unit, except units that the metric's word contains.
func (m *Metric) Format(x float64) string { return FormatValue(m.Unit, x) }

// FormatKnown is Format, and [result.Nothing] for a missing value.
func (m *Metric) FormatKnown(x *float64) string {
	if x == nil {
		return result.Nothing
	}
	return m.Format(*x)
}

// FormatValue writes a value of a metric with its unit, except units that the metric's name contains.
func FormatValue(unit string, x float64) string {
	switch unit {
	case "ns":
		return result.FormatNs(int64(math.Round(x)))
	case "share":
		return strconv.FormatFloat(100*x, 'g', 3, 64) + "%"
	case "B", "B/op":
		return result.FormatBytes(x)
	}
	if math.Abs(x) < 1 {
		return strconv.FormatFloat(x, 'g', 3, 64)
	}
	return result.FormatRate(x)
}
