package reports

import (
	"cmp"
	"fmt"
	"html"
	"io"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/reports/result"
)

// GitHub shows a step summary of at most a mebibyte, and nothing at all of a longer one.
const (
	summaryLimit = 1 << 20
	longCommand  = 8 << 10 // a command beyond it is not shown: cut it would be another one
	clipped      = 300     // characters of a text that comes from outside; labels are far shorter
)

// writeCheckMarkdown writes for a pull request and for a step summary: the verdict, the metrics
// that decide it (the worst first), and everything else folded. The text stays below
// [summaryLimit]; rows beyond it are omitted and counted.
func writeCheckMarkdown(w io.Writer, c *judge.Check, _ Options) error {
	p := &checkMarkdown{c: c}
	p.printf("### %s %s\n\n", p.sign(), p.cut(checkHeadline(c), 4*clipped))
	p.upTo(2)
	p.list(checkProblems(c))
	p.upTo(10)
	p.gated()
	p.upTo(13)
	p.thresholds()
	p.upTo(15)
	for i := range c.Scenarios {
		p.scenario(&c.Scenarios[i])
	}
	p.closing()
	_, err := io.WriteString(w, p.text.String())
	return err
}

// checkMarkdown is the text so far.
type checkMarkdown struct {
	c       *judge.Check
	text    strings.Builder
	room    int  // where what is being written has to end
	full    bool // it has
	leftOut int  // lines there was no room for
}

// upTo begins a part that may extend to so many sixteenths of the limit, counted from the start
// of the text.
func (p *checkMarkdown) upTo(sixteenths int) { p.room, p.full = sixteenths*summaryLimit/16, false }

// skip reports whether there is no room for another line, and counts it. Nothing is written
// after an omitted line.
func (p *checkMarkdown) skip() bool {
	if p.full {
		p.leftOut++
	}
	return p.full
}

func (p *checkMarkdown) printf(format string, args ...any) { fmt.Fprintf(&p.text, format, args...) }

// line writes a line of a table or a list, if there is room for it.
func (p *checkMarkdown) line(text string) {
	p.full = p.full || p.text.Len()+len(text) >= p.room
	if p.skip() {
		return
	}
	p.text.WriteString(text + "\n")
}

// row writes a table row of texts that are already escaped.
func (p *checkMarkdown) row(cells ...string) { p.line("| " + strings.Join(cells, " | ") + " |") }

// titles writes a table's head. Columns from figures on are right-aligned, except for the last
// ones with words.
func (p *checkMarkdown) titles(figures, words int, titles ...string) {
	rule := make([]string, len(titles))
	for i := range rule {
		if rule[i] = "---:"; i < figures || i >= len(titles)-words {
			rule[i] = "---"
		}
	}
	p.row(titles...)
	p.row(rule...)
}

func (p *checkMarkdown) list(lines []string) {
	for _, line := range lines {
		p.line("- " + p.cut(line, 4*clipped))
	}
	if len(lines) > 0 {
		p.printf("\n")
	}
}

// cut escapes text from outside and limits its length.
func (p *checkMarkdown) cut(text string, most int) string { return escape(shorten(text, most)) }

func (p *checkMarkdown) name(text string) string { return p.cut(text, clipped) }

// shorten makes one line of text and limits its length.
func shorten(text string, most int) string {
	if r := []rune(text); len(r) > most {
		text = string(r[:most]) + "…"
	}
	return clean(text)
}

// sign is a symbol of the verdict that every font has.
func (p *checkMarkdown) sign() string {
	switch p.c.Verdict {
	case judge.Passed:
		return "✓"
	case judge.Inconclusive:
		return "?"
	}
	return "✗"
}

// gated writes the table of the metrics that decide the verdict, the worst first, so that
// passes are omitted first.
func (p *checkMarkdown) gated() {
	gates := p.c.Gates()
	if len(gates) == 0 {
		return
	}
	slices.SortStableFunc(gates, func(a, b judge.Gate) int { return cmp.Compare(b.Verdict.Severity(), a.Verdict.Severity()) })
	p.titles(3, 1, append([]string{"scenario", "strategy", "metric"}, p.figureTitles()...)...)
	for _, g := range gates {
		if p.skip() {
			continue
		}
		p.row(append([]string{p.name(g.Scenario), p.name(g.Strategy), judge.MetricNamed(g.Metric).Word()}, p.figures(g.MetricCheck)...)...)
	}
	p.printf("\n")
}

// figureTitles returns the titles of the columns of figures.
func (p *checkMarkdown) figureTitles() []string {
	titles := []string{p.name(p.c.Documents[0].Label), p.name(p.c.Documents[1].Label), "change"}
	if p.c.Mode == judge.StoredMode {
		return append(titles, "p", "verdict")
	}
	return append(titles, "bounds", "A/A′", "verdict")
}

func (p *checkMarkdown) figures(f *judge.MetricCheck) []string {
	cells := []string{judge.MetricNamed(f.Metric).FormatKnown(f.Old), judge.MetricNamed(f.Metric).FormatKnown(f.New), changeText(f)}
	if p.c.Mode == judge.StoredMode {
		cells = append(cells, testText(f))
	} else {
		cells = append(cells, escape(boundsText(f)), copyText(f))
	}
	verdict := string(f.Verdict)
	switch {
	case !f.Gated:
		verdict = "(" + verdict + ")"
	case f.Verdict != judge.Passed:
		verdict = "**" + verdict + "**"
	}
	return append(cells, verdict)
}

func (p *checkMarkdown) thresholds() {
	if len(p.c.Thresholds) == 0 {
		return
	}
	p.titles(3, 2, "scenario", "strategy", "threshold", "value", "verdict", "")
	list := slices.Clone(p.c.Thresholds)
	slices.SortStableFunc(list, func(a, b judge.ThresholdCheck) int { return cmp.Compare(b.Verdict.Severity(), a.Verdict.Severity()) })
	for i := range list {
		if p.skip() {
			continue
		}
		t := &list[i]
		verdict := string(t.Verdict)
		if t.Verdict != judge.Passed {
			verdict = "**" + verdict + "**"
		}
		p.row(p.name(t.Scenario), p.name(t.Strategy), p.name(t.Threshold), thresholdValue(t), verdict, p.name(t.Reason))
	}
	p.printf("\n")
}

// scenario writes all metrics of a scenario, folded.
func (p *checkMarkdown) scenario(s *judge.ScenarioCheck) {
	p.line("<details><summary>" + html.EscapeString(shorten(s.Heading, 4*clipped)) + "</summary>\n") // Markdown is not read here
	if p.full {
		for _, r := range s.Rows {
			p.leftOut += len(r.Metrics)
		}
		return
	}
	p.titles(2, 1, append([]string{"strategy", "metric"}, p.figureTitles()...)...)
	for _, r := range s.Rows {
		for i := range r.Metrics {
			if p.skip() {
				continue
			}
			f := &r.Metrics[i]
			p.row(append([]string{p.name(r.Strategy), judge.MetricNamed(f.Metric).Word()}, p.figures(f)...)...)
		}
	}
	p.printf("\n")
	p.list(gateReasons(s))
	p.printf("</details>\n\n")
}

// closing writes the legend, the provenance and the command line.
func (p *checkMarkdown) closing() {
	if p.leftOut > 0 {
		p.printf("%s omitted to stay below the 1 MiB that GitHub shows.\n\n", result.FormatCounted(p.leftOut, "line"))
	}
	p.printf("<details><summary>Legend and environment</summary>\n\n")
	for _, l := range append(checkLegends(p.c), checkProvenance(p.c)...) {
		if l.term == "" {
			p.printf("  - %s\n", p.cut(l.text, 4*clipped))
		} else {
			p.printf("- **%s**: %s\n", p.name(l.term), p.cut(l.text, 4*clipped))
		}
	}
	p.printf("\n</details>\n")
	if n := len(p.c.Command); n > 0 && n <= longCommand {
		p.printf("\nReproduce with:\n\n%s\n", fenced(p.c.Command))
	}
}

// fenced makes a code block of one line, whatever it contains.
func fenced(code string) string {
	fence := "```"
	for strings.Contains(code, fence) {
		fence += "`"
	}
	return fence + "sh\n" + clean(code) + "\n" + fence
}
