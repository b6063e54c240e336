package reports

import (
	"io"
	"strings"
)

func writeTrendMarkdown(w io.Writer, t *Trend, _ Options) error {
	p := &comparisonMarkdown{}
	p.printf("**%s**\n\n%s\n\n", escape(t.headline()), escape(t.counts()))
	for i := range t.Groups {
		g := &t.Groups[i]
		p.printf("### %s\n\non %s\n\n", escape(g.heading), escape(g.Machine))
		trendMarkdownGroup(p, g)
	}
	p.printf("<details><summary>How to read it</summary>\n\n")
	for _, l := range t.legends() {
		if l.term != changeSign { // there are none in this format
			p.printf("- **%s**: %s\n", escape(l.term), escape(l.text))
			continue
		}
		p.printf("- **changed**: %s\n", escape(l.text))
	}
	p.printf("\n</details>\n")
	_, err := io.WriteString(w, p.text.String())
	return err
}

func trendMarkdownGroup(p *comparisonMarkdown, g *TrendGroup) {
	p.row([]string{"strategy", "metric", "trend", "runs", "first", "last", "last change"})
	p.row([]string{"---", "---", "---", "---:", "---:", "---:", "---:"})
	var told []string
	for i := range g.Series {
		s := &g.Series[i]
		xs, _ := s.drawn(sparkWidth)
		first, last := s.ends()
		p.row([]string{escape(s.Strategy), s.metric.title, sparkline(xs), whole(int64(len(s.Points))), first, last, s.step()})
		for _, c := range s.told() {
			told = append(told, "- "+escape(s.Strategy+", "+s.metric.title+": "+s.describe(c)))
		}
	}
	p.printf("\n")
	if len(told) > 0 {
		p.printf("%s\n\n", strings.Join(told, "\n"))
	}
}
