package reports

import (
	"io"
	"strings"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/reports/result"
)

const ansiGreen = "\x1b[32m"

func writeComparisonTable(w io.Writer, c *judge.Comparison, o Options) error {
	p := &comparisonPage{page: page{o: o}, c: c}
	if headline, details := forcedWarning(c); headline != "" {
		p.prose("", headline, ansiRed)
		for _, d := range details {
			p.prose(" ", d, "")
		}
		p.line("")
	}
	p.movedFirst()
	p.prose("", comparisonCounts(c), ansiBold)
	for _, line := range append([]string{chanceNote(c)}, comparisonProblems(c)...) {
		if line != "" {
			p.prose("", line, "")
		}
	}
	for i := range c.Scenarios {
		p.scenario(&c.Scenarios[i])
	}
	p.line("")
	for i, note := range p.notes {
		p.prose(pad(superscript(i+1), len("geomean")), note, "")
	}
	for _, l := range comparisonLegends(c) {
		p.prose(pad(l.term, len("geomean")), l.text, "")
	}
	p.line("")
	p.documents()
	_, err := io.WriteString(w, p.text.String())
	return err
}

// comparisonPage is a page with the footnotes of its tables.
type comparisonPage struct {
	page
	c     *judge.Comparison
	notes footnotes
}

// movedFirst lists the changes, one per line.
func (p *comparisonPage) movedFirst() {
	t := &layout{tight: func(column int) bool { return column == 6 }} // the test belongs to the change
	var styles []string
	for _, m := range changedFigures(p.c) {
		row := []block{left(string(m.To.Change.Verdict)), left(clean(m.Scenario)), left(clean(m.Strategy)), left(judge.MetricNamed(m.Table.Metric).Title),
			right(m.fromTo()), right(deltaText(m.From, m.To)), left(changeTest(m.To.Change))}
		if len(p.c.Documents) > 2 {
			row = append(row, left("in "+clean(m.Document)))
		}
		t.add(row...)
		styles = append(styles, p.style(m.To.Change))
	}
	for i, line := range t.lines() {
		p.line(p.painted(line, styles[i]))
	}
	if len(styles) > 0 {
		p.line("")
	}
}

func (p *comparisonPage) style(c *judge.Change) string {
	switch c.Verdict {
	case judge.Worse:
		return ansiRed
	case judge.Better:
		return ansiGreen
	}
	return ""
}

func (p *comparisonPage) painted(text, style string) string {
	if !p.o.Color || style == "" {
		return text
	}
	return style + strings.TrimRight(text, " ") + ansiOff
}

// scenario draws a scenario's tables: all documents side by side if they fit, otherwise each
// beside the first.
func (p *comparisonPage) scenario(s *judge.ScenarioComparison) {
	p.line("")
	p.prose("", s.Heading, ansiBold)
	for i := range s.Tables {
		t := &s.Tables[i]
		all := make([]int, len(p.c.Documents))
		for k := range all {
			all[k] = k
		}
		side := p.grid(t, all)
		if p.o.Width <= 0 || side.width() <= p.o.Width || len(all) == 2 {
			p.draw(side)
			continue
		}
		for _, k := range all[1:] {
			p.draw(p.grid(t, []int{0, k}))
		}
	}
}

// grid lays out the columns of some documents.
func (p *comparisonPage) grid(t *judge.MetricComparison, documents []int) *layout {
	g := &layout{tight: func(column int) bool { return column > 0 && column%2 == 0 }}
	titles := []block{left(judge.MetricNamed(t.Metric).Title)}
	for _, k := range documents {
		titles = append(titles, over(2, clean(p.c.Documents[k].Label)))
		if k > 0 {
			titles = append(titles, over(2, "vs "+clean(p.c.Documents[0].Label)))
		}
	}
	g.add(titles...)
	for _, r := range t.Rows {
		format := judge.MetricNamed(t.Metric).Scale(mediansOf(&r)...)
		row := []block{left(clean(r.Strategy))}
		for _, k := range documents {
			row = append(row, p.figure(r.Cells[k], format)...)
			if k > 0 {
				row = append(row, p.changed(r.Cells[0], r.Cells[k])...)
			}
		}
		g.add(row...)
	}
	if t.GeoMean == nil {
		return g
	}
	row := []block{left("geomean")}
	for _, k := range documents {
		m := t.GeoMean[k]
		value := result.Nothing
		if m.Value != nil {
			value = judge.MetricNamed(t.Metric).Scale(*m.Value)(*m.Value)
		}
		mark := p.notes.mark(m.Warnings...)
		if k == 0 {
			row = append(row, right(value), left(mark))
			continue
		}
		row = append(row, right(value), left(""), right(signed(m.Delta)), left(strings.TrimSpace(mark)))
	}
	g.add(row...)
	return g
}

// figure is a document's median and its interval.
func (p *comparisonPage) figure(c *judge.CellComparison, format func(float64) string) []block {
	if c == nil {
		return []block{right(result.Nothing), left("")}
	}
	return []block{right(format(c.Median)), left("± " + spreadText(c) + p.notes.mark(c.Warnings...))}
}

// changed formats the change from the first document, in red if it is worse.
func (p *comparisonPage) changed(first, c *judge.CellComparison) []block {
	if c == nil || c.Change == nil {
		return []block{right(""), left("")}
	}
	delta := right(deltaText(first, c))
	delta.style = func(text string) string { return p.painted(text, p.style(c.Change)) }
	return []block{delta, left(changeTest(c.Change) + p.notes.mark(c.Change.Warnings...))}
}

func mediansOf(r *judge.RowComparison) (list []float64) {
	for _, c := range r.Cells {
		if c != nil {
			list = append(list, c.Median)
		}
	}
	return list
}

// documents states where the documents are from.
func (p *comparisonPage) documents() {
	wide := 0
	for _, d := range p.c.Documents {
		wide = max(wide, runes(clean(d.Label)))
	}
	for _, l := range comparisonProvenance(p.c) {
		p.prose(pad(clean(l.term), wide), l.text, "")
	}
}
