package reports

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/figure"
	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/reports/result"
)

// Limits of the figures of checks and comparisons.
const (
	mostRows    = 30 // of a figure, the most important ones; the tables have all
	mostGoals   = 6  // figures of thresholds
	widestScale = 10 // times the tolerance: larger changes are beyond the end of the axis
	widestRange = 20 // the largest value divided by the smallest one on a linear axis
)

// The styles of good, bad and other rows: green triangles, red squares, and circles in the colour of text.
const (
	goodStyle  = 2
	badStyle   = 1
	otherStyle = 22
)

// verdictMarks returns the state and the style of a row with a verdict.
func verdictMarks(v judge.Verdict) (figure.State, int) {
	switch v {
	case judge.Passed:
		return figure.Passing, goodStyle
	case judge.Inconclusive:
		return figure.Undecided, otherStyle
	}
	return figure.Failing, badStyle
}

// worstGates returns the metrics that decide the verdict, the worst first, and those that pass in the order of the tables.
func worstGates(c *judge.Check) []judge.Gate {
	severity := func(g judge.Gate) float64 {
		switch {
		case g.Old == nil || g.New == nil:
			return math.Inf(-1)
		case g.Change == nil && (*g.Old == *g.New || metric.Named(g.Metric).HigherIsBetter):
			return 0
		}
		return g.Severity()
	}
	return slices.SortedStableFunc(slices.Values(c.Gates()), func(a, b judge.Gate) int {
		order := cmp.Compare(b.Verdict.Severity(), a.Verdict.Severity())
		if order == 0 && a.Verdict != judge.Passed {
			return cmp.Compare(severity(b), severity(a))
		}
		return order
	})
}

// changesFigure is the forest plot of a check: the change of each gated metric with its bounds, the worst first. nil: there is no
// older value.
func changesFigure(c *judge.Check) *figure.Figure {
	gates := worstGates(c)
	if len(gates) == 0 {
		return nil
	}
	f := &figure.Figure{
		ID: "changes", Title: fmt.Sprintf("Change of each gated metric from %s to %s", c.Documents[0].Label, c.Documents[1].Label),
		Desc: "Each row is a gated metric: its change, with bounds where there are any, and its verdict. The worst is first.",
		Of:   "metric", X: figure.Axis{Label: "change", Unit: figure.Change, Lines: []figure.Line{{At: 0}}},
		Notes: []string{worseSides(gates)},
	}
	if r := c.Rule; r != nil {
		showRule(&f.X, r)
	}
	several := slices.ContainsFunc(gates, func(g judge.Gate) bool { return g.Scenario != gates[0].Scenario })
	if !several {
		f.Title = gates[0].Scenario + ": " + f.Title
	}
	var rows figure.Rows
	for _, g := range gates[:min(mostRows, len(gates))] {
		m, row := metric.Named(g.Metric), changeRow(&g)
		note := fmt.Sprintf("A difference below %s %s passes, however large a share it is.", m.Format(m.Least), m.Word())
		if negligible(&g) && c.Rule != nil && math.Abs(row.X) > c.Rule.Tolerance && !slices.Contains(f.Notes, note) {
			f.Notes = append(f.Notes, note)
		}
		if row.Name, row.Variant = g.Strategy, m.Word(); several {
			row.Variant += " (" + g.Scenario + ")"
		}
		rows = append(rows, row)
	}
	f.Body = rows
	if len(gates) > len(rows) {
		f.Notes = append(f.Notes, fmt.Sprintf("The worst %d of %d comparisons; all are in the table.", len(rows), len(gates)))
	}
	return f
}

// showRule adds the minimum effect and the tolerance of a rule to the axis of changes.
func showRule(x *figure.Axis, r *judge.Rule) {
	if r.Tolerance > 0 {
		x.Bands = []figure.Band{{From: -r.Tolerance, To: r.Tolerance, Label: "tolerance ±" + result.FormatPercent(r.Tolerance)}}
	}
	if r.MinEffect > 0 {
		x.Lines = append(x.Lines, figure.Line{At: -r.MinEffect},
			figure.Line{At: r.MinEffect, Label: "minimum effect ±" + result.FormatPercent(r.MinEffect)})
	}
	if widest := widestScale * max(r.Tolerance, r.MinEffect); widest > 0 {
		x.Limits = &figure.Interval{Low: -widest, High: widest}
	}
}

// worseSides states on which side of 0 the metrics are worse.
func worseSides(gates []judge.Gate) string {
	var left []string
	right := false
	for _, g := range gates {
		m := metric.Named(g.Metric)
		right = right || !m.HigherIsBetter
		if name := m.Word(); m.HigherIsBetter && !slices.Contains(left, name) {
			left = append(left, name)
		}
	}
	switch {
	case left == nil:
		return "Worse is to the right: more of it."
	case !right:
		return "Worse is to the left: less of it."
	}
	return fmt.Sprintf("Worse is to the left for %s, and to the right for the other metrics.", sheet.And(left))
}

// changeRow returns the row of a gate, without its name. A change without two bounds has no interval.
func changeRow(g *judge.Gate) (row figure.Row) {
	m := metric.Named(g.Metric)
	row.State, row.Style = verdictMarks(g.Verdict)
	worse := 1.0
	if m.HigherIsBetter {
		worse = -1
	}
	switch {
	case g.Old == nil || g.New == nil:
		row.Empty, row.Note = true, "no value"
		return row
	case g.Change == nil:
		row.Empty, row.Note = true, m.Format(*g.Old)+" → "+m.Format(*g.New)
		return row
	}
	row.X = *g.Change
	beyond := func(least, most *float64) bool { return least != nil && most != nil && *least > 0 && *most > 0 }
	switch lower, upper := scaled(worse, g.Lower), scaled(worse, g.Upper); {
	case g.Verdict == judge.Failing || negligible(g): // the latter are worse by less than is noticed
	case beyond(lower, upper):
		row.Note = "worse"
	case beyond(scaled(-1, lower), scaled(-1, upper)):
		row.Note = "better"
	}
	switch {
	case g.Lower != nil && g.Upper != nil:
		row.Interval = &figure.Interval{Low: *g.Lower, High: *g.Upper}
	case g.Lower != nil || g.Upper != nil:
		row.Note = strings.TrimSpace(row.Note + " bounds " + boundsText(g.MetricCheck))
	}
	return row
}

// negligible reports whether a gate passes because its difference is below the least one that counts.
func negligible(g *judge.Gate) bool {
	return g.Verdict == judge.Passed && g.Difference != nil && *g.Difference != 0 && math.Abs(*g.Difference) < metric.Named(g.Metric).Least
}

// scaled returns x times by, nil for nil.
func scaled(by float64, x *float64) *float64 {
	if x == nil {
		return nil
	}
	product := by * *x
	return &product
}

// goalFigures has a figure for each threshold with a fixed bound: the values of the rows, and the bound.
func goalFigures(c *judge.Check) (list []*figure.Figure) {
	for _, group := range judge.GroupBy(worstFirst(c.Thresholds), func(t judge.ThresholdCheck) string { return t.Threshold }) {
		if f := goalFigure(c, group, len(list)); f != nil && len(list) < mostGoals {
			list = append(list, f)
		}
	}
	return list
}

// goalFigure shows the values of the rows to which a threshold applies; nil: there is none, or its bounds are multiples of other rows.
func goalFigure(c *judge.Check, group []judge.ThresholdCheck, n int) *figure.Figure {
	t := &group[0]
	unit, factor, label := axisOf(t.Unit)
	label = strings.TrimSpace(t.Operation+" "+t.Metric) + label
	bound := t.Operator + " " + metric.FormatValue(t.Unit, t.Bound)
	f := &figure.Figure{
		ID: figureID("goal", n), Title: "Threshold " + t.Threshold, Of: "row",
		Desc: "The values of the rows to which the threshold applies, the worst first, and its bound.",
		X:    figure.Axis{Label: label, Unit: unit, Zero: true, Lines: []figure.Line{{At: factor * t.Bound, Label: bound}}},
	}
	var rows figure.Rows
	values := []float64{factor * t.Bound}
	several := slices.ContainsFunc(group, func(x judge.ThresholdCheck) bool { return x.Scenario != t.Scenario })
	add := func(x *judge.ThresholdCheck, build string, v judge.Verdict, value *float64, note string, of *judge.Repeated) {
		row := figure.Row{Name: x.Strategy, Variant: build}
		if several {
			row.Variant = strings.TrimSuffix(x.Scenario+", "+build, ", ")
		}
		row.State, row.Style = verdictMarks(v)
		if row.Note = note; value == nil {
			row.Empty, row.Note = true, strings.TrimPrefix(note+", no value", ", ")
		} else {
			row.X = factor * *value
			values = append(values, row.X)
		}
		if of != nil {
			row.AtLeast = of.AtLeast
			if of.Lower != nil && of.Upper != nil {
				row.Interval = &figure.Interval{Low: factor * *of.Lower, High: factor * *of.Upper}
				values = append(values, row.Interval.Low, row.Interval.High)
			}
		}
		rows = append(rows, row)
	}
	for _, x := range group[:min(mostRows, len(group))] {
		if x.Strategy == "" || x.Relative() {
			continue
		}
		switch {
		case x.New == nil:
			add(&x, "", x.Verdict, x.Value, "", nil)
		case x.Old == nil:
			add(&x, "", x.New.Verdict, x.New.Value, met(x.New), x.New)
		default:
			add(&x, c.Documents[1].Label, x.New.Verdict, x.New.Value, met(x.New), x.New)
			add(&x, c.Documents[0].Label, x.Old.Verdict, x.Old.Value, met(x.Old), x.Old)
		}
	}
	if rows == nil {
		return nil
	}
	if !several {
		f.Title = t.Scenario + ": " + f.Title
	}
	if len(group) > mostRows {
		f.Notes = []string{fmt.Sprintf("The worst %d of %d rows; all are in the table.", mostRows, len(group))}
	}
	f.Body = rows
	chooseScale(&f.X, values)
	return f
}

// met states how many trials met a goal, in few words.
func met(of *judge.Repeated) string { return fmt.Sprintf("%d of %d met", of.Met, len(of.Trials)) }

// chooseScale makes an axis logarithmic if the values on it are above 0 and differ by more than [widestRange].
func chooseScale(a *figure.Axis, values []float64) {
	if len(values) > 0 && slices.Min(values) > 0 && slices.Max(values) > widestRange*slices.Min(values) {
		a.Scale, a.Zero = figure.Log, false
	}
}

// axisOf returns the unit of an axis with values of a metric's unit, what to multiply them with, and what the label says of it.
func axisOf(unit string) (axis figure.Unit, factor float64, label string) {
	switch unit {
	case "ns":
		return figure.Time, 1, ""
	case "B", "B/op":
		return figure.Bytes, 1, ""
	case "share": // with the digits of the tables
		return figure.Number, 100, ", %"
	}
	return figure.Number, 1, ""
}
