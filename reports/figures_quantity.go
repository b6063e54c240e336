package reports

import (
	"cmp"
	"math"
	"slices"

	"github.com/sessbench/sessbench/internal/figure"
	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/internal/stats"
	"github.com/sessbench/sessbench/reports/result"
)

// quantity is what the results of a section are ranked by.
type quantity struct {
	id    string // of figures
	title func(s *section) string
	desc  string
	axis  func(s *section) figure.Axis
	limit func(s *section, rows []*result.Result) limit // what no store can exceed, by the times of these rows
	first string                                        // what the best one is
	most  string                                        // what it is if that may be chance

	ranking func(s *section) []*result.Result   // results that may be ranked, the best first
	values  func(r *result.Result) stats.Blocks // by which they are distinguished; nil: by the intervals of a search

	// point returns the value of a result, or why it is missing.
	point func(r *result.Result) (p figure.Point, missing string)
}

// tied returns those of the ranked results that cannot be distinguished from the first, and that one.
func (q *quantity) tied(ranked []*result.Result) []*result.Result {
	if q.values == nil {
		return overlapping(ranked)
	}
	if q.chance(ranked) {
		return ranked[:1]
	}
	return indistinguishable(ranked, q.values)
}

// chance reports whether there are too few trials to distinguish any of the ranked results from the first.
func (q *quantity) chance(ranked []*result.Result) bool {
	return q.values != nil && len(ranked) > 1 && !slices.ContainsFunc(ranked[1:], func(r *result.Result) bool {
		return stats.PairedRatio(stats.Pair(q.values(r), q.values(ranked[0]))).Bounded()
	})
}

// comparable returns the ranking of a closed loop, whose results must have the same delays.
func (s *section) comparable() []*result.Result {
	if ranked := s.ranking(); judge.SameDelays(ranked) {
		return ranked
	}
	return nil
}

// quantity returns what the section is ranked by.
func (s *section) quantity() *quantity { return quantityOf([]*section{s}) }

// quantityOf returns what the sections of a document are ranked by: with a baseline, ratios.
func quantityOf(all []*section) *quantity {
	some := func(match func(s *section) bool) bool { return slices.ContainsFunc(all, match) }
	switch {
	case some((*section).searched):
		return &rates
	case some((*section).open):
		return &responses
	case some((*section).compared):
		return &ratios
	}
	return &throughputs
}

// compared reports whether the section has ratios to its baseline.
func (s *section) compared() bool {
	return s.baseline != nil && s.some(func(r *result.Result) bool { return r.Summary.VsBaseline != nil })
}

var ratios = quantity{
	id:    "ratio",
	title: func(s *section) string { return "throughput, as a multiple of " + s.before() },
	desc:  "The median of the ratios per block, with its 95 % confidence interval.",
	axis: func(s *section) figure.Axis {
		return figure.Axis{
			Label: "× " + s.before() + ", more is better", Unit: figure.Ratio, Scale: figure.Log, Lines: []figure.Line{{At: 1, Label: s.before()}},
		}
	},
	limit: func(s *section, rows []*result.Result) limit {
		of := s.baseline.Summary.OpsPerSec.Median
		if of <= 0 {
			return limit{}
		}
		return limit{"theoretical limit", valuesOfRows(rows, func(r *result.Result) float64 { return s.limitOf(r) / of })}
	},
	first:   "is the fastest",
	most:    "has the highest throughput",
	ranking: (*section).comparable,
	values:  judge.Throughputs,
	point: func(r *result.Result) (p figure.Point, missing string) {
		vs := r.Summary.VsBaseline
		switch {
		case r.Baseline:
			return figure.Point{X: 1, Note: "baseline"}, ""
		case vs == nil:
			return p, cmp.Or(r.Summary.NoRatio, "no ratio to the baseline")
		}
		return figure.Point{X: vs.Ratio, Interval: bounded(vs.Lo, vs.Hi)}, ""
	},
}

// before is the name of the baseline. A section without one, among others, is of the same run.
func (s *section) before() string {
	if s.baseline == nil {
		return cmp.Or(s.doc.Config.Baseline, "the baseline")
	}
	return s.baseline.Strategy
}

var throughputs = quantity{
	id:    "throughput",
	title: func(*section) string { return "throughput" },
	desc:  "Operations per second: the median of the trials, with its 95 % confidence interval.",
	axis: func(*section) figure.Axis {
		return figure.Axis{Label: "operations per second, more is better", Unit: figure.Number, Scale: figure.Log}
	},
	limit: func(s *section, rows []*result.Result) limit {
		return limit{"theoretical limit", valuesOfRows(rows, s.limitOf)}
	},
	first:   ratios.first,
	most:    ratios.most,
	ranking: (*section).comparable,
	values:  judge.Throughputs,
	point: func(r *result.Result) (figure.Point, string) {
		ops := r.Summary.OpsPerSec
		if ops.Median <= 0 {
			return figure.Point{}, "no operation was completed"
		}
		return figure.Point{X: ops.Median, Interval: bounded(ops.Lo, ops.Hi)}, ""
	},
}

// responses ranks an open loop, where the throughput is given.
var responses = quantity{
	id:    "response",
	title: func(s *section) string { return "p99 of the response time" },
	desc:  "From the intended start of an operation to its end: the median of the trials' p99, with its 95 % confidence interval.",
	axis: func(*section) figure.Axis {
		return figure.Axis{Label: "p99 of the response time", Unit: figure.Time, Scale: figure.Log}
	},
	limit: func(s *section, rows []*result.Result) limit {
		return limit{"perfect store", valuesOfRows(rows, func(r *result.Result) float64 {
			if r.Ideal == nil || r.Ideal.PerSession.LatencyNs.P99 == nil {
				return 0
			}
			return float64(*r.Ideal.PerSession.LatencyNs.P99)
		})}
	},
	first:   "has the lowest p99",
	most:    "has the lowest p99",
	ranking: func(s *section) []*result.Result { return byResponse(s.ranking()) },
	values:  judge.Responses,
	point: func(r *result.Result) (figure.Point, string) {
		m := metric.Named("latency_p99_ns")
		x, ok := m.Shown(r)
		if !ok || x <= 0 {
			return figure.Point{}, "too few operations for a p99"
		}
		p := figure.Point{X: x, AtLeast: m.AtLeast(r, "", x)}
		// The range of a pooled value is no confidence interval, nor is that of lower bounds.
		if _, pooled := r.Summary.Pooled[m.Short()]; !pooled && judge.Responses(r) != nil {
			of := stats.Median(m.Sample(r))
			p.Interval = bounded(of.Lo, of.Hi)
		}
		return p, ""
	},
}

// rates ranks what was searched for.
var rates = quantity{
	id:    "rate",
	title: func(s *section) string { return "the highest rate, " + s.goal() },
	desc:  "From the highest rate that passes to the lowest one that fails.",
	axis: func(*section) figure.Axis {
		return figure.Axis{Label: "operations per second", Unit: figure.Number, Scale: figure.Log}
	},
	limit: func(s *section, rows []*result.Result) limit {
		return limit{"perfect store", valuesOfRows(rows, func(r *result.Result) float64 {
			if r.Search == nil {
				return 0
			}
			return r.Search.Ideal
		})}
	},
	first:   "has the highest rate",
	most:    "has the highest rate",
	ranking: (*section).found,
	point: func(r *result.Result) (figure.Point, string) {
		switch {
		case r.Search == nil:
			return figure.Point{}, "not searched for"
		case r.Search.Lower <= 0:
			return figure.Point{}, cmp.Or(wide(r), "no rate passes")
		case r.Search.Upper <= 0:
			return figure.Point{X: r.Search.Lower, AtLeast: true}, ""
		}
		return figure.Point{X: r.Search.Lower, Interval: bounded(r.Search.Lower, r.Search.Upper)}, ""
	},
}

// bounded returns an interval, or nil where there is none.
func bounded(lo, hi float64) *figure.Interval {
	if hi <= 0 {
		return nil
	}
	return &figure.Interval{Low: lo, High: hi}
}

// limitOf returns the throughput that no store with one lock per session can exceed, with the times of a row; 0: not known.
func (s *section) limitOf(r *result.Result) float64 {
	if s.ramped() {
		return 0
	}
	return r.LimitOpsPerSec
}

// valuesOfRows returns a value of rows, of those that have one above 0.
func valuesOfRows(rows []*result.Result, value func(r *result.Result) float64) (xs []float64) {
	for _, r := range rows {
		if x := value(r); x > 0 && !math.IsInf(x, 0) {
			xs = append(xs, x)
		}
	}
	return xs
}

// limit is what no store can exceed, computed with the times that were measured on each row.
type limit struct {
	name   string
	values []float64
}

// The limits of the rows are one line if they differ by at most sameLimit, and a band up to similarLimit. Beyond it they say more about
// the rows' times than about what is possible.
const (
	sameLimit    = 1.1
	similarLimit = 2
)

// mark adds the limit to an axis.
func (l limit) mark(a *figure.Axis) {
	if len(l.values) == 0 {
		return
	}
	low, high := slices.Min(l.values), slices.Max(l.values)
	switch middle := stats.Median(l.values).Median; {
	case high <= sameLimit*low:
		a.Lines = append(a.Lines, figure.Line{At: middle, Label: l.name + " " + a.Unit.Format(middle)})
	case high <= similarLimit*low:
		a.Bands = append(a.Bands, figure.Band{From: low, To: high, Label: l.name + " " + a.Unit.Span(low, high)})
	}
}
