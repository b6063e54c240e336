package reports

import (
	"fmt"
	"io"

	"github.com/sessbench/sessbench/internal/judge"
)

func writeCheckTable(w io.Writer, c *judge.Check, o Options) error {
	p := &checkPage{page: page{o: o}, c: c}
	p.prose("", checkHeadline(c), ansiBold+p.color(c.Verdict))
	for _, line := range checkProblems(c) {
		p.prose("", line, "")
	}
	for i := range c.Scenarios {
		p.scenario(&c.Scenarios[i])
	}
	p.thresholds()
	p.legends(checkLegends(c))
	p.legends(checkProvenance(c))
	if c.Command != "" {
		p.line("")
		p.line("reproduce: " + clean(c.Command)) // in one line, to be copied
	}
	_, err := io.WriteString(w, p.text.String())
	return err
}

// checkPage is a page about a check.
type checkPage struct {
	page
	c *judge.Check
}

func (p *checkPage) color(o judge.Verdict) string {
	switch o {
	case judge.Failing, judge.Violated:
		return ansiRed
	case judge.Passed:
		return ansiGreen
	}
	return ""
}

// checkColumns are the columns of a scenario's table that go where there is no room.
type checkColumns struct{ bounds, copied bool }

// scenario draws the rows of a scenario, one line per metric, and the reasons of verdicts.
func (p *checkPage) scenario(s *judge.ScenarioCheck) {
	p.line("")
	p.prose("", s.Heading, ansiBold)
	duet := p.c.Mode == judge.DuetMode
	full := checkColumns{bounds: duet, copied: duet}
	g := p.grid(s, full)
	var left []string
	if duet && p.wide(g) {
		left = append(left, "the bounds")
		g = p.grid(s, checkColumns{copied: true})
	}
	if duet && p.wide(g) {
		left = append(left, "A/A′")
		g = p.grid(s, checkColumns{})
	}
	p.draw(g)
	if len(left) > 0 {
		p.line("")
		p.prose("", "Omitted for lack of width: "+and(left)+".", "")
	}
	if reasons := gateReasons(s); len(reasons) > 0 {
		p.line("")
		for _, line := range reasons {
			p.prose("", line, "")
		}
	}
}

// wide reports whether a table is wider than the page.
func (p *checkPage) wide(g *layout) bool { return p.o.Width > 0 && g.width() > p.o.Width }

func (p *checkPage) grid(s *judge.ScenarioCheck, show checkColumns) *layout {
	g := &layout{tight: func(column int) bool { return show.bounds && column == 5 }} // bounds belong to the change
	from, to := clean(p.c.Documents[0].Label), clean(p.c.Documents[1].Label)
	titles := []block{left("strategy"), left("metric"), right(from), right(to), right("change")}
	if show.bounds {
		titles = append(titles, left("bounds"))
	}
	if show.copied {
		titles = append(titles, right("A/A′"))
	}
	if p.c.Mode == judge.StoredMode {
		titles = append(titles, left("p"))
	}
	g.add(append(titles, left("verdict"))...)
	for _, r := range s.Rows {
		for i := range r.Metrics {
			f := &r.Metrics[i]
			name := clean(r.Strategy)
			if i > 0 {
				name = ""
			}
			from, to := judge.MetricNamed(f.Metric).FormatKnown(f.Old), judge.MetricNamed(f.Metric).FormatKnown(f.New)
			row := []block{left(name), left(judge.MetricNamed(f.Metric).Word()), right(from), right(to), right(changeText(f))}
			if show.bounds {
				row = append(row, left(boundsText(f)))
			}
			if show.copied {
				row = append(row, right(copyText(f)))
			}
			if p.c.Mode == judge.StoredMode {
				row = append(row, left(testText(f)))
			}
			g.add(append(row, p.verdict(f.Verdict, f.Gated))...)
		}
	}
	return g
}

// verdict formats a verdict in its color, in parentheses if it is not gated.
func (p *checkPage) verdict(o judge.Verdict, gated bool) block {
	if !gated {
		return left("(" + string(o) + ")")
	}
	b := left(string(o))
	if style := p.color(o); p.o.Color && style != "" {
		b.style = func(text string) string { return style + text + ansiOff }
	}
	return b
}

func (p *checkPage) thresholds() {
	if len(p.c.Thresholds) == 0 {
		return
	}
	p.line("")
	p.prose("", "Thresholds", ansiBold)
	g := &layout{tight: func(int) bool { return false }}
	g.add(left("scenario"), left("strategy"), left("threshold"), right("value"), left("verdict"))
	var reasons []string
	for i := range p.c.Thresholds {
		t := &p.c.Thresholds[i]
		g.add(left(clean(t.Scenario)), left(clean(t.Strategy)), left(clean(t.Threshold)), right(thresholdValue(t)), p.verdict(t.Verdict, true))
		if t.Reason != "" {
			name := fmt.Sprintf("%s (%s) %s", t.Strategy, t.Scenario, t.Threshold)
			if t.Strategy == "" { // it matches nothing
				name = t.Threshold
			}
			reasons = append(reasons, fmt.Sprintf("%s: %s: %s", name, t.Verdict, t.Reason))
		}
	}
	p.draw(g)
	if len(reasons) > 0 {
		p.line("")
		for _, line := range reasons {
			p.prose("", line, "")
		}
	}
}

// legends writes terms and their aligned texts.
func (p *checkPage) legends(list []legend) {
	if len(list) == 0 {
		return
	}
	p.line("")
	wide := 0
	for _, l := range list {
		wide = max(wide, runes(clean(l.term)))
	}
	for _, l := range list {
		p.prose(pad(clean(l.term), wide), l.text, "")
	}
}
