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
	lines func(s *section) []figure.Line // beside those of the axis: what no store can exceed
	first string                         // what the best one is
	most  string                         // what it is if that may be chance

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
		return figure.Axis{Label: "× " + s.before(), Unit: figure.Ratio, Scale: figure.Log, Lines: []figure.Line{{At: 1, Label: s.before()}}}
	},
	lines: func(s *section) []figure.Line {
		of := s.baseline.Summary.OpsPerSec.Median
		if limit, ok := s.limit(); ok && of > 0 {
			return []figure.Line{{At: limit / of, Label: "theoretical limit " + result.FormatRatio(limit/of)}}
		}
		return nil
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
		return figure.Axis{Label: "operations per second", Unit: figure.Number, Scale: figure.Log}
	},
	lines: func(s *section) []figure.Line {
		if limit, ok := s.limit(); ok {
			return []figure.Line{{At: limit, Label: "theoretical limit " + result.FormatRate(limit)}}
		}
		return nil
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
	lines: func(s *section) []figure.Line {
		ideal, ok := s.common(func(r *result.Result) float64 {
			if r.Ideal == nil || r.Ideal.PerSession.LatencyNs.P99 == nil {
				return 0
			}
			return float64(*r.Ideal.PerSession.LatencyNs.P99)
		})
		if !ok {
			return nil
		}
		return []figure.Line{{At: ideal, Label: "perfect store " + result.FormatNs(int64(ideal))}}
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
		if _, pooled := r.Summary.Pooled[m.Short()]; !pooled { // the range of a pooled value is no confidence interval
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
	lines: func(s *section) []figure.Line {
		ideal, ok := s.common(func(r *result.Result) float64 {
			if r.Search == nil {
				return 0
			}
			return r.Search.Ideal
		})
		if !ok {
			return nil
		}
		return []figure.Line{{At: ideal, Label: "perfect store " + result.FormatRate(ideal)}}
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
			return figure.Point{X: r.Search.Lower, AtLeast: true, Note: wide(r)}, ""
		}
		return figure.Point{X: r.Search.Lower, Interval: bounded(r.Search.Lower, r.Search.Upper), Note: wide(r)}, ""
	},
}

// bounded returns an interval, or nil where there is none.
func bounded(lo, hi float64) *figure.Interval {
	if hi <= 0 {
		return nil
	}
	return &figure.Interval{Low: lo, High: hi}
}

// limit returns the throughput that no store with one lock per session can exceed. ok is false where it is not known, or not about the
// same for all rows.
func (s *section) limit() (opsPerSec float64, ok bool) {
	if s.ramped() {
		return 0, false
	}
	return s.common(func(r *result.Result) float64 { return r.LimitOpsPerSec })
}

// common returns the median of a value of the section's rows, of those that have one above 0. ok is false if there is none, or if some are
// more than 10 % apart.
func (s *section) common(value func(r *result.Result) float64) (x float64, ok bool) {
	var xs []float64
	for _, r := range s.results {
		if v := value(r); !r.Failed() && v > 0 && !math.IsInf(v, 0) {
			xs = append(xs, v)
		}
	}
	if len(xs) == 0 || slices.Max(xs) > 1.1*slices.Min(xs) {
		return 0, false
	}
	return stats.Median(xs).Median, true
}
