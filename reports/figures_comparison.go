package reports

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/sessbench/sessbench/internal/figure"
	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/internal/sheet"
)

// comparisonFigure shows the changes of the medians: what got worse, then what got better, or else what may not have changed; each with
// the largest change first. A comparison tests its changes but has no intervals of them, so there are only points. nil: nothing is
// compared.
func comparisonFigure(c *judge.Comparison) *figure.Figure {
	list := changes(c)
	changed := len(list) > 0
	var names []string
	several := false
	for m := range cells(c) {
		several = several || m.Scenario != c.Scenarios[0].Scenario
		if m.To.Change == nil {
			continue
		}
		if !slices.Contains(names, m.Document.Label) {
			names = append(names, m.Document.Label)
		}
		if !changed {
			list = append(list, m)
		}
	}
	if len(list) == 0 {
		return nil
	}
	size := func(m compared) float64 {
		if d := m.To.Change.Delta; d != nil {
			return math.Abs(*d)
		}
		return 0
	}
	if !changed {
		slices.SortStableFunc(list, func(a, b compared) int { return cmp.Compare(size(b), size(a)) })
	}
	f := &figure.Figure{
		ID: "changes", Title: fmt.Sprintf("Change of each median from %s to %s", c.Documents[0].Label, sheet.And(names)),
		Desc: "Each row is a metric: the change of its median, and whether it is significant. What got worse is first.",
		Of:   "metric", X: figure.Axis{Label: "change", Unit: figure.Change, Lines: []figure.Line{{At: 0, Label: "no change"}}, Limits: &figure.Interval{Low: -1, High: 1}},
		Notes: []string{"The test decides whether a median changed; a comparison has no intervals of changes. Those of the medians are in the tables."},
	}
	if !several {
		f.Title = c.Scenarios[0].Scenario + ": " + f.Title
	}
	var rows figure.Rows
	for _, m := range list[:min(mostRows, len(list))] {
		row := comparedRow(&m)
		if row.Name, row.Variant = m.Strategy, metric.Named(m.Table.Metric).Word(); several {
			row.Variant += " (" + m.Scenario + ")"
		}
		if len(names) > 1 {
			row.Variant += " in " + m.Document.Label
		}
		rows = append(rows, row)
	}
	f.Body = rows
	if n := comparisonCount(c); n > len(rows) {
		f.Notes = append(f.Notes, fmt.Sprintf("Shown are %d of %d comparisons; all are in the tables.", len(rows), n))
	}
	return f
}

// comparedRow returns the row of a change, without its name.
func comparedRow(m *compared) (row figure.Row) {
	change := m.To.Change
	row.Style = otherStyle
	word := string(change.Verdict)
	switch change.Verdict {
	case judge.Worse:
		row.Style = badStyle
	case judge.Better:
		row.Style = goodStyle
	case judge.Noise:
		word = "within noise"
	case judge.Undecided:
		word = "too few trials"
	}
	row.Note = word + " " + changeTest(change)
	if change.Delta == nil {
		row.Empty, row.Note = true, m.fromTo()+", "+row.Note
	} else {
		row.X = *change.Delta
	}
	return row
}
