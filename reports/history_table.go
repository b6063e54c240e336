package reports

import (
	"io"

	"github.com/sessbench/sessbench/internal/judge"
)

// leastSpark is the minimum width of a sparkline, whatever the terminal's width.
const leastSpark = 10

func writeTrendTable(w io.Writer, t *judge.Trend, o Options) error {
	p := &trendPage{comparisonPage{page: page{o: o}}}
	p.prose("", trendHeadline(t), ansiBold)
	p.prose("", trendCounts(t), "")
	for i := range t.Groups {
		p.group(&t.Groups[i])
	}
	p.line("")
	for _, l := range trendLegends(t) {
		p.prose(pad(l.term, len("last change")), l.text, "")
	}
	_, err := io.WriteString(w, p.text.String())
	return err
}

// trendPage draws its tables as a comparison does.
type trendPage struct{ comparisonPage }

// group draws a group's table, with sparklines as wide as there is room for, and its changes in
// words.
func (p *trendPage) group(g *judge.TrendGroup) {
	p.line("")
	p.prose("", g.Heading, ansiBold)
	p.prose("", "on "+g.Machine, "")
	grid := p.grid(g, sparkWidth)
	if over := grid.width() - p.o.Width; p.o.Width > 0 && over > 0 {
		grid = p.grid(g, max(leastSpark, longestSeries(g)-over))
	}
	p.draw(grid)
	first := true
	for i := range g.Series {
		s := &g.Series[i]
		for _, c := range relevantChanges(s) {
			if first {
				p.line("")
				first = false
			}
			p.prose("", s.Strategy+", "+judge.MetricNamed(s.Metric).Title+": "+changeSentence(s, c), p.style(&judge.Change{Verdict: c.Verdict}))
		}
	}
}

// longestSeries is the length of the group's longest sparkline.
func longestSeries(g *judge.TrendGroup) (n int) {
	for i := range g.Series {
		n = max(n, len(g.Series[i].Points))
	}
	return min(n, sparkWidth)
}

// grid lays out the series, with signs below their sparklines.
func (p *trendPage) grid(g *judge.TrendGroup, width int) *layout {
	t := &layout{tight: func(int) bool { return false }}
	t.add(left("strategy"), left("metric"), left("trend"), right("runs"), right("first"), right("last"), right("last change"))
	for i := range g.Series {
		s := &g.Series[i]
		xs, from := sparkValues(s, width)
		first, last := firstAndLast(s)
		t.add(left(clean(s.Strategy)), left(judge.MetricNamed(s.Metric).Title), left(sparkline(xs)), right(whole(int64(len(s.Points)))),
			right(first), right(last), right(lastChange(s)))
		if signs, any := changeMarks(s, from); any {
			mark := left(signs)
			mark.style = func(text string) string { return p.painted(text, ansiBold) }
			t.add(left(""), left(""), mark)
		}
	}
	return t
}
