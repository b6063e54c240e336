package reports

import (
	"fmt"
	"io"
	"strings"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/reports/result"
)

func writeComparisonMarkdown(w io.Writer, c *judge.Comparison, _ Options) error {
	p := &comparisonMarkdown{c: c}
	if headline, details := forcedWarning(c); headline != "" {
		p.printf("> **%s**\n>\n", escape(headline))
		for _, d := range details {
			p.printf("> - %s\n", escape(d))
		}
		p.printf("\n")
	}
	p.movedFirst()
	p.printf("**%s**\n\n", escape(comparisonCounts(c)))
	for _, line := range append([]string{chanceNote(c)}, comparisonProblems(c)...) {
		if line != "" {
			p.printf("%s\n\n", escape(line))
		}
	}
	for _, s := range c.Scenarios {
		p.printf("### %s\n\n", escape(s.Heading))
		for i := range s.Tables {
			p.table(&s.Tables[i])
		}
	}
	p.printf("<details><summary>Legend and environment</summary>\n\n")
	for i, note := range p.notes {
		p.printf("- %s %s\n", superscript(i+1), escape(note))
	}
	for _, l := range comparisonLegends(c) {
		p.printf("- **%s**: %s\n", escape(l.term), escape(l.text))
	}
	for _, l := range comparisonProvenance(c) {
		if l.term == "" {
			p.printf("  - %s\n", escape(l.text))
		} else {
			p.printf("- **%s**: %s\n", escape(l.term), escape(l.text))
		}
	}
	p.printf("\n</details>\n")
	_, err := io.WriteString(w, p.text.String())
	return err
}

type comparisonMarkdown struct {
	c     *judge.Comparison
	text  strings.Builder
	notes footnotes
}

func (p *comparisonMarkdown) printf(format string, args ...any) {
	fmt.Fprintf(&p.text, format, args...)
}

// row writes a table row of texts that are already escaped.
func (p *comparisonMarkdown) row(cells []string) { p.printf("| %s |\n", strings.Join(cells, " | ")) }

func (p *comparisonMarkdown) movedFirst() {
	moved := changedFigures(p.c)
	for _, m := range moved {
		in := ""
		if len(p.c.Documents) > 2 {
			in = " in " + m.Document
		}
		p.printf("- **%s**: %s %s, %s%s: %s, %s\n", m.To.Change.Verdict, escape(m.Strategy), escape("("+m.Scenario+")"),
			judge.MetricNamed(m.Table.Metric).Title, escape(in), m.fromTo(), escape(deltaText(m.From, m.To)+" "+changeTest(m.To.Change)))
	}
	if len(moved) > 0 {
		p.printf("\n")
	}
}

func (p *comparisonMarkdown) table(t *judge.MetricComparison) {
	titles, rule := []string{judge.MetricNamed(t.Metric).Title}, []string{"---"}
	for k, d := range p.c.Documents {
		titles, rule = append(titles, escape(d.Label)), append(rule, "---:")
		if k > 0 {
			titles, rule = append(titles, "vs "+escape(p.c.Documents[0].Label)), append(rule, "---:")
		}
	}
	p.row(titles)
	p.row(rule)
	for _, r := range t.Rows {
		format := judge.MetricNamed(t.Metric).Scale(mediansOf(&r)...)
		row := []string{escape(r.Strategy)}
		for k, cell := range r.Cells {
			row = append(row, p.figure(cell, format))
			if k > 0 {
				row = append(row, p.changed(r.Cells[0], cell))
			}
		}
		p.row(row)
	}
	if t.GeoMean != nil {
		p.geoMean(t)
	}
	p.printf("\n")
}

func (p *comparisonMarkdown) geoMean(t *judge.MetricComparison) {
	row := []string{"geomean"}
	for k, m := range t.GeoMean {
		value := result.Nothing
		if m.Value != nil {
			value = judge.MetricNamed(t.Metric).Scale(*m.Value)(*m.Value)
		}
		mark := p.notes.mark(m.Warnings...)
		if k == 0 {
			row = append(row, value+mark)
		} else {
			row = append(row, value, signed(m.Delta)+mark)
		}
	}
	p.row(row)
}

func (p *comparisonMarkdown) figure(c *judge.CellComparison, format func(float64) string) string {
	if c == nil {
		return result.Nothing
	}
	return format(c.Median) + " ± " + spreadText(c) + p.notes.mark(c.Warnings...)
}

// changed formats the change from the first document, in bold if it is better or worse.
func (p *comparisonMarkdown) changed(first, c *judge.CellComparison) string {
	if c == nil || c.Change == nil {
		return ""
	}
	delta := escape(deltaText(first, c))
	if v := c.Change.Verdict; v == judge.Worse || v == judge.Better {
		delta = "**" + delta + "**"
	}
	return delta + " " + changeTest(c.Change) + p.notes.mark(c.Change.Warnings...)
}
