// Package metric is the catalogue of the metrics of a trial. Tables, CSV, charts, thresholds, gates, comparisons, trends, merged
// documents and the completion of the command line are made from its rows.
package metric

import (
	"math"
	"slices"
	"strings"

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
	Gated          bool    // by default
	Least          float64 // a difference below it is negligible; 0: none is
	Missing        string  // why a trial with operations may have no value

	Column *Column // in the table of a run; nil: none
	CSV    string  // name of the column in the CSV of trials; empty: none
	Chart  string  // name of the series in charts, in which less is better; empty: none

	Percentile *result.Percentile // which percentile of the latency it is; nil: another metric

	Open   bool // only trials of an open loop have it
	Closed bool // only trials of a closed loop have it
	Given  bool // in an open loop it follows from the load, and is not compared

	// Bound reports whether a value of a trial, or of one kind of operation, is only a lower bound. nil: none is.
	Bound func(t *result.Trial, op string, x float64) bool

	// Read returns the value of a trial. ok is false if it has none; x is then what the trial holds instead.
	Read func(r *result.Result, t *result.Trial) (x float64, ok bool)

	// OfOp returns the value of one kind of operation; nil if it has none.
	OfOp func(t *result.Trial, op result.Operation) (x float64, ok bool)

	// Mean returns the field of a trial that holds the value, and the weight of the value in the mean of trials that ran at the
	// same time; nil if a merged trial does not hold their mean.
	Mean func(r *result.Result, t *result.Trial) (field *float64, weight float64)

	// Summary returns the field of a summary that holds the median over the trials, Interval the one that holds it with its
	// interval; nil if none does. A percentile has its field in the summary's latency.
	Summary  func(s *result.Summary) *float64
	Interval func(s *result.Summary) *result.Interval
}

// Column is a column of the table of a run.
type Column struct {
	Title  string
	Spare  int    // the order in which columns are omitted where there is no room: the highest first, 0 never
	Legend string // empty: the title explains itself
	Format func(x float64) string

	// Value returns the value of a result. ok is false if it has none. nil: it is the one of the summary, if that is above 0, else
	// the median over the trials, if all of them have a value.
	Value func(r *result.Result) (x float64, ok bool)
}

// All returns all metrics, in the order of tables.
func All() []*Metric { return slices.Clone(catalogue) }

// Compared returns the metrics that are compared, in the order of their tables.
func Compared() []*Metric { return where(func(m *Metric) bool { return m.Title != "" }) }

// Gated returns the metrics that a check gates by default.
func Gated() []*Metric { return where(func(m *Metric) bool { return m.Gated }) }

func where(match func(*Metric) bool) (list []*Metric) {
	for _, m := range catalogue {
		if match(m) {
			list = append(list, m)
		}
	}
	return list
}

// Names returns the names of metrics in documents.
func Names(list []*Metric) (names []string) {
	for _, m := range list {
		names = append(names, m.Name)
	}
	return names
}

// Shorts returns the names of metrics on the command line.
func Shorts(list []*Metric) (names []string) {
	for _, m := range list {
		names = append(names, m.Short())
	}
	return names
}

// Named returns the metric with a name. It panics where there is none: names in documents come from this package.
func Named(name string) *Metric {
	return catalogue[slices.IndexFunc(catalogue, func(m *Metric) bool { return m.Name == name })]
}

// ByDifference reports whether changes of the metric are differences: counts, which may be 0. Changes of other metrics are
// ratios.
func (m *Metric) ByDifference() bool { return m.Least > 0 }

// Better is the direction of better in documents.
func (m *Metric) Better() string {
	if m.HigherIsBetter {
		return "higher"
	}
	return "lower"
}

// Worsened reports whether to is worse than from by at least the fraction minEffect of from, and by more than a negligible
// difference.
func (m *Metric) Worsened(from, to, minEffect float64) bool {
	worse := to - from
	if m.HigherIsBetter {
		worse = from - to
	}
	return worse > 0 && worse >= m.Least && worse >= minEffect*from
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

// Of returns the metric of one trial, of one kind of operation or of all (op ""), or why it is missing.
func (m *Metric) Of(r *result.Result, t *result.Trial, op string) (x float64, missing string) {
	ok := false
	if op == "" {
		x, ok = m.Read(r, t)
	} else {
		one, done := t.Operations[op]
		if !done || one.Count == 0 {
			return 0, "no " + op
		}
		x, ok = m.OfOp(t, one)
	}
	switch {
	case ok:
		return x, ""
	case m.Open && t.OpenLoop == nil:
		return 0, "a closed loop"
	case t.LatencyNs.Count == 0:
		return 0, "no operation"
	}
	return 0, m.Missing
}

// Values returns the metric of some trials of a result, and the number of trials that lack it.
func (m *Metric) Values(r *result.Result, trials []*result.Trial) (xs []float64, lacking int) {
	for _, t := range trials {
		if x, ok := m.Read(r, t); ok {
			xs = append(xs, x)
		} else {
			lacking++
		}
	}
	return xs, lacking
}

// Sample returns the metric of every trial, or nil if a trial lacks it: using only the others would be a biased choice.
func (m *Metric) Sample(r *result.Result) []float64 {
	if r == nil {
		return nil
	}
	xs, lacking := m.Values(r, trialsOf(r))
	if lacking > 0 {
		return nil
	}
	return xs
}

func trialsOf(r *result.Result) (list []*result.Trial) {
	for i := range r.Trials {
		list = append(list, &r.Trials[i])
	}
	return list
}

// Summarize sets the fields of a result's summary that hold medians over its trials.
func Summarize(r *result.Result) {
	s := &r.Summary
	for _, m := range catalogue {
		value := func(t *result.Trial) float64 { x, _ := m.Read(r, t); return x }
		switch {
		case m.Interval != nil:
			*m.Interval(s) = result.Interval(MedianOf(r, value))
		case m.Summary != nil:
			*m.Summary(s) = MedianOf(r, value).Median
		case m.Percentile != nil: // of all trials or of none: using only some would favour the faster or the slower ones
			if xs := m.Sample(r); len(xs) > 0 {
				ns := int64(math.Round(stats.Median(xs).Median))
				*m.Percentile.In(&s.LatencyNs) = &ns
			}
		}
	}
	for _, of := range []func(*result.Latency) *int64{
		func(l *result.Latency) *int64 { return &l.Max },
		func(l *result.Latency) *int64 { return &l.Mean },
		func(l *result.Latency) *int64 { return &l.Count },
	} {
		median := MedianOf(r, func(t *result.Trial) float64 { return float64(*of(&t.LatencyNs)) }).Median
		*of(&s.LatencyNs) = int64(math.Round(median))
	}
}

// MedianOf returns the median over the trials of a result, with its interval.
func MedianOf(r *result.Result, get func(t *result.Trial) float64) stats.Interval {
	xs := make([]float64, len(r.Trials))
	for i := range r.Trials {
		xs[i] = get(&r.Trials[i])
	}
	return stats.Median(xs)
}

// Merge sets the fields of a trial that hold the mean of a metric over trials that ran at the same time, one of each result of
// row.
func Merge(into *result.Trial, row []*result.Result, trials []*result.Trial) {
	for _, m := range catalogue {
		if m.Mean == nil {
			continue
		}
		var sum, weights float64
		for i, t := range trials {
			x, weight := m.Mean(row[i], t)
			sum, weights = sum+*x*weight, weights+weight
		}
		if field, _ := m.Mean(row[0], into); weights > 0 {
			*field = sum / weights
		}
	}
}

// AtLeast reports whether the median x over a result's trials, of one kind of operation or of all (op ""), may be only a lower bound,
// since the value of some trial is one.
func (m *Metric) AtLeast(r *result.Result, op string, x float64) bool {
	return m.Bound != nil && slices.ContainsFunc(r.Trials, func(t result.Trial) bool { return m.Bound(&t, op, x) })
}

// Shown returns the value of a result that has a speed, as in the table of a run. ok is false if it has none.
func (m *Metric) Shown(r *result.Result) (x float64, ok bool) {
	switch {
	case m.Column != nil && m.Column.Value != nil:
		return m.Column.Value(r)
	case m.Summary != nil:
		x = *m.Summary(&r.Summary)
		return x, x > 0
	case m.Percentile != nil && *m.Percentile.In(&r.Summary.LatencyNs) != nil:
		return float64(**m.Percentile.In(&r.Summary.LatencyNs)), true
	}
	// Summaries of earlier versions lack percentiles, but reading them completes their trials.
	xs := m.Sample(r)
	return stats.Median(xs).Median, len(xs) > 0
}
