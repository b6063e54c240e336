package reports

import "io"

// leastSpark is how narrow a sparkline is drawn at least, whatever the terminal's width.
const leastSpark = 10

func writeTrendTable(w io.Writer, t *Trend, o Options) error {
	p := &trendPage{comparisonPage{page: page{o: o}}}
	p.prose("", t.headline(), ansiBold)
	p.prose("", t.counts(), "")
	for i := range t.Groups {
		p.group(&t.Groups[i])
	}
	p.line("")
	for _, l := range t.legends() {
		p.prose(pad(l.term, len("last change")), l.text, "")
	}
	_, err := io.WriteString(w, p.text.String())
	return err
}

// trendPage draws its tables as a comparison does.
type trendPage struct{ comparisonPage }

// group draws a group's table: as much of the sparklines as there is room for, and what changed in words.
func (p *trendPage) group(g *TrendGroup) {
	p.line("")
	p.prose("", g.heading, ansiBold)
	p.prose("", "on "+g.Machine, "")
	grid := p.grid(g, sparkWidth)
	if over := grid.width() - p.o.Width; p.o.Width > 0 && over > 0 {
		grid = p.grid(g, max(leastSpark, g.longest()-over))
	}
	p.draw(grid)
	first := true
	for i := range g.Series {
		s := &g.Series[i]
		for _, c := range s.told() {
			if first {
				p.line("")
				first = false
			}
			p.prose("", s.Strategy+", "+s.metric.title+": "+s.describe(c), p.style(&Change{Verdict: c.Verdict}))
		}
	}
}

// longest is the length of the group's longest sparkline.
func (g *TrendGroup) longest() (n int) {
	for i := range g.Series {
		n = max(n, len(g.Series[i].Points))
	}
	return min(n, sparkWidth)
}

// grid lays out the series, with signs under their sparklines.
func (p *trendPage) grid(g *TrendGroup, width int) *layout {
	t := &layout{tight: func(int) bool { return false }}
	t.add(left("strategy"), left("metric"), left("trend"), right("runs"), right("first"), right("last"), right("last change"))
	for i := range g.Series {
		s := &g.Series[i]
		xs, from := s.drawn(width)
		first, last := s.ends()
		t.add(left(clean(s.Strategy)), left(s.metric.title), left(sparkline(xs)), right(whole(int64(len(s.Points)))),
			right(first), right(last), right(s.step()))
		if signs, any := s.marks(from); any {
			mark := left(signs)
			mark.style = func(text string) string { return p.painted(text, ansiBold) }
			t.add(left(""), left(""), mark)
		}
	}
	return t
}
