package judge

import (
	"math"
	"slices"

	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/internal/stats"
	"github.com/sessbench/sessbench/reports/result"
)

// rowOf compares a metric over the documents.
func rowOf(m *metric.Metric, r alignedRow) RowComparison {
	row := RowComparison{Strategy: r.label, Params: r.params, Cells: make([]*CellComparison, len(r.results)), probe: r.probe}
	sample := func(x *result.Result) []float64 {
		xs := m.Sample(x)
		if len(xs) == 0 || incomparable(m, x) != "" || m.AtLeast(x, "", slices.Max(xs)) { // a lower bound may be anywhere above
			return nil
		}
		return xs
	}
	first := sample(r.results[0])
	for i, x := range r.results {
		xs := sample(x)
		if xs == nil {
			continue
		}
		row.Cells[i] = summarizeSample(xs)
		if i > 0 && len(first) > 0 {
			row.Cells[i].Change = changeOf(m, first, xs)
		}
	}
	return row
}

func summarizeSample(xs []float64) *CellComparison {
	s := stats.Describe(xs)
	c := &CellComparison{N: len(xs), Median: s.Center, Warnings: errorTexts(s.Warnings)}
	if !math.IsInf(s.Lo, 0) && !math.IsInf(s.Hi, 0) {
		c.Lo, c.Hi = &s.Lo, &s.Hi
	}
	return c
}

func changeOf(m *metric.Metric, before, after []float64) *Change {
	from, to := stats.Describe(before).Center, stats.Describe(after).Center
	test := stats.Compare(before, after)
	c := &Change{Delta: RelativeChange(from, to), P: test.P, N1: test.N1, N2: test.N2, Verdict: direction(m, from, to),
		Warnings: errorTexts(test.Warnings)}
	switch {
	case !stats.CanDiffer(test.N1, test.N2):
		c.Verdict = Undecided
	case test.P > test.Alpha || from == to:
		c.Verdict = Noise
	}
	return c
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

func errorTexts(errs []error) (list []string) {
	for _, err := range errs {
		list = append(list, err.Error())
	}
	return list
}
