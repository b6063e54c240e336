package judge

import (
	"math"
	"slices"

	"golang.org/x/perf/benchmath"
	"golang.org/x/perf/benchunit"

	"github.com/sessbench/sessbench/internal/stats"
	"github.com/sessbench/sessbench/reports/result"
)

// Metric is a value of every trial by which documents are compared.
type Metric struct {
	Name           string  // in JSON and CSV; stable
	Title          string  // column title with the displayed unit
	Unit           string  // of the values
	factor         float64 // from values to displayed values
	class          benchunit.Class
	plain          bool // no prefixes below one: milli-allocations are meaningless
	HigherIsBetter bool
	least          float64 // a difference below it is negligible; 0: none is
	Read           func(t *result.Trial) (x float64, ok bool)
}

// Metrics returns the metrics in the order of their tables.
func Metrics() []*Metric {
	return []*Metric{
		{Name: "ops_per_sec", Title: "ops/s", Unit: "ops/s", factor: 1, HigherIsBetter: true,
			Read: func(t *result.Trial) (float64, bool) { return t.OpsPerSec, true }},
		latency("latency_p50_ns", "latency p50, s", func(l *result.Latency) *int64 { return l.P50 }),
		latency("latency_p95_ns", "latency p95, s", func(l *result.Latency) *int64 { return l.P95 }),
		latency("latency_p99_ns", "latency p99, s", func(l *result.Latency) *int64 { return l.P99 }),
		{Name: "allocs_per_op", Title: "allocs/op", Unit: "allocs/op", factor: 1, plain: true, least: 0.01,
			Read: func(t *result.Trial) (float64, bool) { return t.AllocsPerOp, true }},
		{Name: "bytes_per_op", Title: "B/op", Unit: "B/op", factor: 1, class: benchunit.Binary, least: 1,
			Read: func(t *result.Trial) (float64, bool) { return t.BytesPerOp, true }},
		{Name: "bytes_per_session", Title: "B/session", Unit: "B", factor: 1, class: benchunit.Binary, least: 1,
			Read: func(t *result.Trial) (float64, bool) { return t.BytesPerSession, t.BytesPerSession > 0 }},
	}
}

// MetricNamed returns the metric with a name. It panics where there is none: names in documents come from this package.
func MetricNamed(name string) *Metric {
	list := Metrics()
	return list[slices.IndexFunc(list, func(m *Metric) bool { return m.Name == name })]
}

func latency(name, title string, get func(l *result.Latency) *int64) *Metric {
	return &Metric{Name: name, Title: title, Unit: "ns", factor: 1e-9,
		Read: func(t *result.Trial) (float64, bool) {
			if ns := get(&t.LatencyNs); ns != nil {
				return float64(*ns), true
			}
			return 0, false
		}}
}

// Sample returns the metric of every trial, or nil if a trial lacks it: using only the others
// would be a biased choice.
func (m *Metric) Sample(r *result.Result) []float64 {
	if r == nil {
		return nil
	}
	var xs []float64
	for i := range r.Trials {
		x, ok := m.Read(&r.Trials[i])
		if !ok {
			return nil
		}
		xs = append(xs, x)
	}
	return xs
}

// row compares the metric over the documents.
func (m *Metric) row(r alignedRow) RowComparison {
	row := RowComparison{Strategy: r.label, Params: r.params, Cells: make([]*CellComparison, len(r.results)), probe: r.probe}
	first := m.Sample(r.results[0])
	for i, x := range r.results {
		xs := m.Sample(x)
		if len(xs) == 0 {
			continue
		}
		row.Cells[i] = summedUp(xs)
		if i > 0 && len(first) > 0 {
			row.Cells[i].Change = m.change(first, xs)
		}
	}
	return row
}

func summedUp(xs []float64) *CellComparison {
	s := stats.Describe(xs)
	c := &CellComparison{N: len(xs), Median: s.Center, Warnings: texts(s.Warnings)}
	if !math.IsInf(s.Lo, 0) && !math.IsInf(s.Hi, 0) {
		c.Lo, c.Hi = &s.Lo, &s.Hi
	}
	return c
}

func (m *Metric) change(before, after []float64) *Change {
	from, to := stats.Describe(before).Center, stats.Describe(after).Center
	test := stats.Compare(before, after)
	c := &Change{Delta: RelativeChange(from, to), P: test.P, N1: test.N1, N2: test.N2, Verdict: m.verdict(test, from, to),
		Warnings: texts(test.Warnings)}
	return c
}

func (m *Metric) verdict(test benchmath.Comparison, from, to float64) ChangeVerdict {
	switch {
	case !stats.CanDiffer(test.N1, test.N2):
		return Undecided
	case test.P > test.Alpha || from == to:
		return Noise
	case math.Abs(to-from) < m.least:
		return Negligible
	case to > from == m.HigherIsBetter:
		return Better
	}
	return Worse
}

// Scale returns a formatter for the values, with one unit prefix for all.
func (m *Metric) Scale(values ...float64) func(float64) string {
	shown := make([]float64, len(values))
	least := math.Inf(1)
	for i, x := range values {
		shown[i] = x * m.factor
		if x > 0 {
			least = min(least, shown[i])
		}
	}
	s := benchunit.CommonScale(shown, m.class)
	if m.plain && least < 1 {
		digits := min(6, max(3, 2-int(math.Floor(math.Log10(least)))))
		s = benchunit.Scaler{Prec: digits, Factor: 1}
	}
	return func(x float64) string { return s.Format(x * m.factor) }
}

// The warnings of a column's geometric mean.
const (
	warnNoMean   = "medians must be above 0 for a geometric mean"
	warnNoRatio  = "medians must be above 0 for a ratio"
	warnOtherSet = "not every row is in every document, so the geometric means are of different rows; the change is of the common ones"
)

// geoMeans returns the geometric means of the audited rows of a table, one per document, or nil
// for fewer than two rows. The change is the geometric mean of the ratios per row, as in
// benchstat.
func geoMeans(rows []RowComparison, n int) []*GeoMean {
	rows = slices.DeleteFunc(slices.Clone(rows), func(r RowComparison) bool { return r.probe })
	if len(rows) < 2 {
		return nil
	}
	cells := make([]*GeoMean, n)
	for i := range n {
		cells[i] = geoMean(rows, i)
	}
	return cells
}

func geoMean(rows []RowComparison, document int) *GeoMean {
	g := &GeoMean{}
	var values, ratios []float64
	other := false
	for _, r := range rows {
		first, this := r.Cells[0], r.Cells[document]
		other = other || (first == nil) != (this == nil)
		if this == nil {
			continue
		}
		values = append(values, this.Median)
		switch {
		case document == 0 || first == nil:
		case this.Median == first.Median:
			ratios = append(ratios, 1) // 0 over 0 among them
		case first.Median == 0:
			ratios = append(ratios, 0) // there is no mean of it
		default:
			ratios = append(ratios, this.Median/first.Median)
		}
	}
	if mean, ok := stats.GeoMean(values); ok {
		g.Value = &mean
	} else {
		g.Warnings = append(g.Warnings, warnNoMean)
	}
	if document == 0 {
		return g
	}
	if mean, ok := stats.GeoMean(ratios); ok {
		delta := mean - 1
		g.Delta = &delta
	} else {
		g.Warnings = append(g.Warnings, warnNoRatio)
	}
	if other {
		g.Warnings = append(g.Warnings, warnOtherSet)
	}
	return g
}

func texts(errs []error) (list []string) {
	for _, err := range errs {
		list = append(list, err.Error())
	}
	return list
}
