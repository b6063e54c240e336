package judge

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sessbench/sessbench/internal/stats"
	"github.com/sessbench/sessbench/reports/result"
)

// thresholdMetric is a value of every trial that can have a bound.
type thresholdMetric struct {
	name    string // on the command line
	doc     string
	unit    string // of the values: ops/s, ns, share, allocs/op, B/op, B, or none
	missing string // why a trial with operations may lack it

	of func(r *result.Result, t *result.Trial) (x float64, ok bool)
	// ofOp returns the value of one kind of operation; nil if it has none.
	ofOp func(t *result.Trial, op result.Operation) (x float64, ok bool)
}

// ThresholdMetric is a metric of thresholds.
type ThresholdMetric struct {
	Name string // on the command line
	Doc  string // one line
}

// ThresholdMetrics returns the metrics of thresholds.
func ThresholdMetrics() (list []ThresholdMetric) {
	for _, m := range thresholdMetrics() {
		list = append(list, ThresholdMetric{m.name, m.doc})
	}
	return list
}

func thresholdMetrics() []*thresholdMetric {
	return []*thresholdMetric{
		{name: "ops_per_sec", doc: "completed operations per second", unit: "ops/s",
			of: func(_ *result.Result, t *result.Trial) (float64, bool) { return t.OpsPerSec, true }},
		percentileMetric("p50", "50", func(l *result.Latency) *int64 { return l.P50 }),
		percentileMetric("p90", "90", func(l *result.Latency) *int64 { return l.P90 }),
		percentileMetric("p95", "95", func(l *result.Latency) *int64 { return l.P95 }),
		percentileMetric("p99", "99", func(l *result.Latency) *int64 { return l.P99 }),
		percentileMetric("p99_9", "99.9", func(l *result.Latency) *int64 { return l.P999 }),
		percentileMetric("p99_99", "99.99", func(l *result.Latency) *int64 { return l.P9999 }),
		latencyMetric("max", "the longest operation", "", func(l *result.Latency) *int64 { return ifCounted(l, l.Max) }),
		latencyMetric("mean", "mean time of an operation", "", func(l *result.Latency) *int64 { return ifCounted(l, l.Mean) }),
		{name: "errors.rate", doc: "share of the operations that ended in an error; a session not found is no error", unit: "share",
			missing: "errors that may as well be sessions not found",
			of: func(_ *result.Result, t *result.Trial) (float64, bool) {
				_, errors := errorsOf(t)
				return per(errors, t.LatencyNs.Count)
			},
			ofOp: operationErrors},
		{name: "of_limit", doc: "share of the theoretical maximum for a store with one lock per session", unit: "share",
			missing: "there is no limit", of: ofLimit},
		perOperation("allocs_per_op", "allocations per operation", "allocs/op", func(t *result.Trial) float64 { return t.AllocsPerOp }),
		perOperation("bytes_per_op", "bytes allocated per operation", "B/op", func(t *result.Trial) float64 { return t.BytesPerOp }),
		{name: "bytes_per_session", doc: "memory per session", unit: "B", missing: "not measured",
			of: func(_ *result.Result, t *result.Trial) (float64, bool) {
				return t.BytesPerSession, t.BytesPerSession > 0
			}},
		{name: "cpu_per_op", doc: "CPU time per operation", unit: "ns", missing: "not measured",
			of: func(_ *result.Result, t *result.Trial) (float64, bool) { return t.CPUNsPerOp, t.CPUNsPerOp > 0 }},
		{name: "fairness.jain", doc: "Jain's index over the users: 1 is even, 1/users is one user alone",
			missing: "nothing was completed",
			of:      func(_ *result.Result, t *result.Trial) (float64, bool) { return t.Fairness.Jain, t.Fairness.Jain > 0 }},
	}
}

func percentileMetric(name, percent string, get func(*result.Latency) *int64) *thresholdMetric {
	return latencyMetric(name, "the time that "+percent+" % of the operations did not exceed", "too few operations beyond it", get)
}

func latencyMetric(name, doc, missing string, get func(*result.Latency) *int64) *thresholdMetric {
	figure := func(l *result.Latency) (float64, bool) {
		if ns := get(l); ns != nil {
			return float64(*ns), true
		}
		return 0, false
	}
	return &thresholdMetric{name: name, doc: doc, unit: "ns", missing: missing,
		of:   func(_ *result.Result, t *result.Trial) (float64, bool) { return figure(&t.LatencyNs) },
		ofOp: func(_ *result.Trial, op result.Operation) (float64, bool) { return figure(&op.LatencyNs) },
	}
}

func ifCounted(l *result.Latency, ns int64) *int64 {
	if l.Count == 0 {
		return nil
	}
	return &ns
}

// perOperation is a cost divided by the completed operations. Without operations it is missing,
// not 0.
func perOperation(name, doc, unit string, get func(*result.Trial) float64) *thresholdMetric {
	return &thresholdMetric{name: name, doc: doc, unit: unit, missing: "nothing was completed",
		of: func(_ *result.Result, t *result.Trial) (float64, bool) { return get(t), t.Ops > 0 }}
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

// sample returns the metric of every trial by block, for one kind of operation or for all (op
// ""). If a trial lacks it, it returns the reason instead: using only the other trials would be
// a biased choice.
func (m *thresholdMetric) sample(r *result.Result, op string) (xs stats.Blocks, why string) {
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

// figure returns the metric of one trial, or why it is missing.
func (m *thresholdMetric) figure(r *result.Result, t *result.Trial, op string) (x float64, missing string) {
	ok := false
	if op == "" {
		x, ok = m.of(r, t)
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

// boundPattern matches a number and the text after it: a unit, or the sign of a factor.
const boundPattern = `^(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)\s*(.*)$`

// cutNumber separates a finite number of at least 0 from the text after it.
func cutNumber(text string) (x float64, rest string, ok bool) {
	parts := regexp.MustCompile(boundPattern).FindStringSubmatch(text)
	if parts == nil {
		return 0, "", false
	}
	x, err := strconv.ParseFloat(parts[1], 64)
	return x, parts[2], err == nil
}

// bound parses a fixed bound in the metric's unit. The error lists what is legal.
func (m *thresholdMetric) bound(text string) (float64, error) {
	x, unit, ok := cutNumber(text)
	wrong := func(want string) error {
		switch {
		case !ok:
			return fmt.Errorf("%q is no bound: want %s", text, want)
		case unit == "":
			return fmt.Errorf("%s has no unit: want %s", text, want)
		}
		return fmt.Errorf("%s has the unit %q: want %s", text, unit, want)
	}
	switch m.unit {
	case "ns":
		d, err := time.ParseDuration(strings.ReplaceAll(text, " ", ""))
		if !ok || unit == "" || err != nil { // a bare 0 would be a duration
			return 0, wrong("a time such as " + m.name + "<5ms")
		}
		return float64(d), nil
	case "share":
		if !ok || unit != "%" {
			return 0, wrong("a percentage such as " + m.name + "<0.1%")
		}
		return x / 100, nil
	case "B", "B/op":
		shift := slices.Index([]string{"B", "KiB", "MiB"}, unit)
		if !ok || unit != "" && shift < 0 {
			return 0, wrong("a number of bytes such as 512, 512B, 4KiB or 1MiB")
		}
		return x * float64(int(1)<<(10*max(0, shift))), nil
	}
	if !ok || unit != "" {
		return 0, wrong("a plain number such as " + m.name + ">0.9")
	}
	return x, nil
}

// write writes a value with its unit.
func (m *thresholdMetric) write(x float64) string { return FormatValue(m.unit, x) }

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
