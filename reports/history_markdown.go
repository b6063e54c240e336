package reports

import (
	"io"
	"strings"

	"github.com/sessbench/sessbench/internal/judge"
)

func writeTrendMarkdown(w io.Writer, t *judge.Trend, _ Options) error {
	p := &comparisonMarkdown{}
	p.printf("**%s**\n\n%s\n\n", escape(trendHeadline(t)), escape(trendCounts(t)))
	for i := range t.Groups {
		g := &t.Groups[i]
		p.printf("### %s\n\non %s\n\n", escape(g.Heading), escape(g.Machine))
		trendMarkdownGroup(p, g)
	}
	p.printf("<details><summary>Legend</summary>\n\n")
	for _, l := range trendLegends(t) {
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

func trendMarkdownGroup(p *comparisonMarkdown, g *judge.TrendGroup) {
	p.row([]string{"strategy", "metric", "trend", "runs", "first", "last", "last change"})
	p.row([]string{"---", "---", "---", "---:", "---:", "---:", "---:"})
	var sentences []string
	for i := range g.Series {
		s := &g.Series[i]
		xs, _ := sparkValues(s, sparkWidth)
		first, last := firstAndLast(s)
		p.row([]string{escape(s.Strategy), judge.MetricNamed(s.Metric).Title, sparkline(xs), whole(int64(len(s.Points))), first, last, lastChange(s)})
		for _, c := range relevantChanges(s) {
			sentences = append(sentences, "- "+escape(s.Strategy+", "+judge.MetricNamed(s.Metric).Title+": "+changeSentence(s, c)))
		}
	}
	p.printf("\n")
	if len(sentences) > 0 {
		p.printf("%s\n\n", strings.Join(sentences, "\n"))
	}
}
