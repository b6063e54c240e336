package reports

import (
	"fmt"
	"io"
	"strings"

	"github.com/sessbench/sessbench/reports/result"
)

func writeComparisonMarkdown(w io.Writer, c *Comparison, _ Options) error {
	p := &comparisonMarkdown{c: c}
	if headline, details := c.despite(); headline != "" {
		p.printf("> **%s**\n>\n", escape(headline))
		for _, d := range details {
			p.printf("> - %s\n", escape(d))
		}
		p.printf("\n")
	}
	p.movedFirst()
	p.printf("**%s**\n\n", escape(c.counts()))
	for _, line := range append([]string{c.chance()}, c.problems()...) {
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
	p.printf("<details><summary>How to read it, and where it was measured</summary>\n\n")
	for i, note := range p.notes {
		p.printf("- %s %s\n", superscript(i+1), escape(note))
	}
	for _, l := range c.comparisonLegends() {
		p.printf("- **%s**: %s\n", escape(l.term), escape(l.text))
	}
	for _, l := range c.provenance() {
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
	c     *Comparison
	text  strings.Builder
	notes footnotes
}

func (p *comparisonMarkdown) printf(format string, args ...any) {
	fmt.Fprintf(&p.text, format, args...)
}

// row writes a table's row of texts that are escaped already.
func (p *comparisonMarkdown) row(cells []string) { p.printf("| %s |\n", strings.Join(cells, " | ")) }

func (p *comparisonMarkdown) movedFirst() {
	moved := p.c.moved()
	for _, m := range moved {
		in := ""
		if len(p.c.Documents) > 2 {
			in = " in " + m.Document
		}
		p.printf("- **%s**: %s %s, %s%s: %s, %s\n", m.To.Change.Verdict, escape(m.Strategy), escape("("+m.Scenario+")"),
			m.Table.metric.title, escape(in), m.fromTo(), escape(m.To.Change.text+" "+m.To.Change.tested()))
	}
	if len(moved) > 0 {
		p.printf("\n")
	}
}

func (p *comparisonMarkdown) table(t *ComparedTable) {
	titles, rule := []string{t.metric.title}, []string{"---"}
	for k, d := range p.c.Documents {
		titles, rule = append(titles, escape(d.Label)), append(rule, "---:")
		if k > 0 {
			titles, rule = append(titles, "vs "+escape(p.c.Documents[0].Label)), append(rule, "---:")
		}
	}
	p.row(titles)
	p.row(rule)
	for _, r := range t.Rows {
		format := t.metric.scale(r.medians()...)
		row := []string{escape(r.Strategy)}
		for k, cell := range r.Cells {
			row = append(row, p.figure(cell, format))
			if k > 0 {
				row = append(row, p.changed(cell))
			}
		}
		p.row(row)
	}
	if t.GeoMean != nil {
		p.geoMean(t)
	}
	p.printf("\n")
}

func (p *comparisonMarkdown) geoMean(t *ComparedTable) {
	row := []string{"geomean"}
	for k, m := range t.GeoMean {
		value := result.Nothing
		if m.Value != nil {
			value = t.metric.scale(*m.Value)(*m.Value)
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

func (p *comparisonMarkdown) figure(c *ComparedCell, format func(float64) string) string {
	if c == nil {
		return result.Nothing
	}
	return format(c.Median) + " ± " + c.spread + p.notes.mark(c.Warnings...)
}

// changed is the change from the first document, in bold where it is for the worse or the better.
func (p *comparisonMarkdown) changed(c *ComparedCell) string {
	if c == nil || c.Change == nil {
		return ""
	}
	delta := escape(c.Change.text)
	if v := c.Change.Verdict; v == Worse || v == Better {
		delta = "**" + delta + "**"
	}
	return delta + " " + c.Change.tested() + p.notes.mark(c.Change.Warnings...)
}
