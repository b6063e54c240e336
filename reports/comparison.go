package reports

import (
	"strconv"
	"strings"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/reports/result"
)

// ComparisonFormats returns the formats of comparisons by name.
func ComparisonFormats() []FormatOf[*judge.Comparison] {
	return kind[*judge.Comparison]{name: "comparison", rows: "one row per value of a document", shows: "what changed, and a table per metric",
		page: comparisonPage, drawn: true, csv: comparisonRows}.formats()
}

// comparisonPage shows the changes first, then all tables. The web begins with their counts, and has a figure of them.
func comparisonPage(c *judge.Comparison, o Options) *sheet.Page {
	p, web := &sheet.Page{}, o.Medium == sheet.Web
	if web {
		p.Heading(sheet.Bold, comparisonCounts(c))
	}
	if len(c.Differences) > 0 {
		p.List(sheet.Worse, "Not comparable, but compared because of --force. Changes may be due to these differences:", c.DescribeDifferences())
	}
	if o.Drawn() {
		lead(p, func() {
			if web {
				p.Legend(provenance(c.Documents, true))
			}
		}, comparisonFigure(c))
	}
	p.Table(changesTable(c))
	if !web {
		p.Say(sheet.Bold, comparisonCounts(c))
	}
	p.Say(sheet.Plain, append([]string{chanceNote(c)}, comparisonProblems(c)...)...)
	var notes footnotes
	for i := range c.Scenarios {
		s := &c.Scenarios[i]
		p.Heading(sheet.Bold, s.Heading)
		for j := range s.Tables {
			p.Table(metricTable(c, &s.Tables[j], &notes))
		}
	}
	p.Fold(legendSummary)
	p.Legend(append(notes.terms(), comparisonLegends(c)...))
	if !web {
		p.Legend(provenance(c.Documents, true))
	}
	return p
}

// changesTable lists what changed.
func changesTable(c *judge.Comparison) *sheet.Table {
	t := &sheet.Table{Columns: []sheet.Column{{Title: "verdict", Left: true}, {Title: "scenario", Left: true},
		{Title: "strategy", Left: true}, {Title: "metric", Left: true}, {Title: "medians"}, {Title: "change"}}}
	several := len(c.Documents) > 2
	if several {
		t.Columns = append(t.Columns, sheet.Column{Title: "in", Left: true})
	}
	for _, m := range changes(c) {
		row := []sheet.Cell{{Text: string(m.To.Change.Verdict), Style: changeStyle(m.To.Change.Verdict)}, {Text: m.Scenario}, {Text: m.Strategy},
			{Text: metric.Named(m.Table.Metric).Title}, {Text: m.fromTo()}, {Text: deltaText(m.From, m.To), Note: changeTest(m.To.Change)}}
		if several {
			row = append(row, sheet.Cell{Text: m.Document.Label})
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func changeStyle(v judge.ChangeVerdict) sheet.Style {
	return map[judge.ChangeVerdict]sheet.Style{judge.Worse: sheet.Worse, judge.Better: sheet.Better}[v]
}

// metricTable has two columns per document, its values and their changes from the first. A table that is too wide has each
// beside the first.
func metricTable(c *judge.Comparison, m *judge.MetricComparison, notes *footnotes) *sheet.Table {
	metric := metric.Named(m.Metric)
	t := &sheet.Table{Columns: []sheet.Column{{Title: metric.Title, Left: true}}}
	for k, d := range c.Documents {
		t.Columns = append(t.Columns, sheet.Column{Title: d.Label, Group: k})
		if k > 0 {
			t.Columns = append(t.Columns, sheet.Column{Title: "vs " + c.Documents[0].Label, Group: k})
		}
	}
	for _, r := range m.Rows {
		format := metric.Scale(mediansOf(&r)...)
		row := []sheet.Cell{{Text: r.Strategy}}
		for k, cell := range r.Cells {
			value, change := sheet.Cell{Text: result.Nothing}, sheet.Cell{}
			if cell != nil {
				value = sheet.Cell{Text: format(cell.Median), Note: "± " + spreadText(cell) + notes.mark(cell.Warnings...)}
			}
			if cell != nil && cell.Change != nil {
				change = sheet.Cell{Text: deltaText(r.Cells[0], cell), Note: changeTest(cell.Change) + notes.mark(cell.Change.Warnings...),
					Style: changeStyle(cell.Change.Verdict)}
			}
			if row = append(row, value); k > 0 {
				row = append(row, change)
			}
		}
		t.Rows = append(t.Rows, row)
	}
	if m.GeoMean != nil {
		t.Rows = append(t.Rows, geoMeanRow(metric, m.GeoMean, notes))
	}
	return t
}

func geoMeanRow(metric *metric.Metric, means []*judge.GeoMean, notes *footnotes) []sheet.Cell {
	row := []sheet.Cell{{Text: "geomean"}}
	for k, m := range means {
		value := sheet.Cell{Text: result.Nothing}
		if m.Value != nil {
			value.Text = metric.Scale(*m.Value)(*m.Value)
		}
		mark := strings.TrimSpace(notes.mark(m.Warnings...))
		if k == 0 {
			value.Note = mark
			row = append(row, value)
		} else {
			row = append(row, value, sheet.Cell{Text: signed(m.Delta), Note: mark})
		}
	}
	return row
}

func mediansOf(r *judge.RowComparison) (list []float64) {
	for _, c := range r.Cells {
		if c != nil {
			list = append(list, c.Median)
		}
	}
	return list
}

// comparisonRows returns only values; exclusions and differences are in the other formats. The last column reports whether the
// documents are comparable.
func comparisonRows(c *judge.Comparison) [][]string {
	rows := [][]string{{"scenario", "strategy", "metric", "unit", "better", "document", "file", "trials", "median", "lo", "hi",
		"delta", "p", "verdict", "comparable"}}
	for m := range cells(c) {
		t, cell := m.Table, m.To
		row := []string{m.Scenario, m.Strategy, t.Metric, t.Unit, t.Better, m.Document.Label, m.Document.File,
			strconv.Itoa(cell.N), decimal(cell.Median), known(cell.Lo), known(cell.Hi), "", "", "", strconv.FormatBool(len(c.Differences) == 0)}
		if change := cell.Change; change != nil {
			copy(row[11:], []string{known(change.Delta), decimal(change.P), string(change.Verdict)})
		}
		rows = append(rows, row)
	}
	return rows
}
