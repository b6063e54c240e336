package reports

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/internal/stats"
	"github.com/sessbench/sessbench/reports/result"
)

// sweepPage is the page of a sweep: a table with a row for each point, and what follows from it.
func sweepPage(d *result.Document, all []*section, o Options) *sheet.Page {
	p := &sheet.Page{}
	found, closing := sweepFindings(d), sweepClosing(d, all)
	terms := append(sweepLegend(d), signs(all)...)
	terms = slices.DeleteFunc(terms, func(t sheet.Term) bool { // of the times, only the p99 is shown
		return t.Term == schedulerSign || t.Term == poolSign && !pooledP99(all)
	})
	table := func() {
		p.Table(sweepTable(d, all))
		p.Say(sheet.Plain, mistrusted(d))
		for _, r := range judge.ResultsOf(d) {
			if r.Failed() {
				headline, details := violations(r)
				p.List(sheet.Worse, "At "+sweepAt(d.Sweep, d.Sweep.At(r.Scenario).Value)+": "+headline, details)
			}
		}
	}
	switch o.Medium {
	case sheet.Terminal:
		p.Heading(sheet.Bold, judge.SweepHeading(d))
		table()
		p.Legend(terms)
		p.List(sheet.Plain, "", found)
		p.Say(sheet.Plain, notes(d)...)
		p.Say(sheet.Bold, append(endings(d), closing...)...)
	case sheet.Markdown:
		p.Heading(sheet.Bold, judge.SweepHeading(d))
		p.Say(sheet.Bold, append(endings(d), closing...)...)
		if o.Drawn() {
			p.Figure(sweepFigure(d))
		}
		table()
		p.List(sheet.Plain, "", found)
		p.Fold(legendSummary)
		p.Legend(terms)
		p.List(sheet.Plain, "", append(notes(d), toolLine(d.Tool, d.Created, d.Config.Command)))
	case sheet.Web:
		p.Heading(sheet.Bold, sweepHeadline(d, all))
		p.Say(sheet.Alarm, endings(d)...)
		p.Say(sheet.Plain, closing...)
		lead(p, func() {
			p.Say(sheet.Dim, judge.MachineLine(&d.Machine), toolLine(d.Tool, d.Created, ""))
			p.Command(d.Config.Command)
		}, sweepFigure(d))
		p.Heading(sheet.Bold, judge.SweepHeading(d))
		table()
		p.List(sheet.Plain, "", found)
		p.Heading(sheet.Plain, legendSummary)
		p.Legend(terms)
		p.List(sheet.Plain, "", notes(d))
	}
	return p
}

// sweepTable has a row for each point, and for each strategy its throughput and its p99.
func sweepTable(d *result.Document, all []*section) *sheet.Table {
	s := d.Sweep
	t := &sheet.Table{Columns: []sheet.Column{{Title: s.Over}}, Rows: make([][]sheet.Cell, len(s.Points))}
	for i, p := range s.Points {
		t.Rows[i] = []sheet.Cell{{Text: sweepValue(s, p.Value)}}
		if s.Unit != "" {
			t.Rows[i][0].Text = p.Text
		}
	}
	ops, p99 := metric.Named("ops_per_sec"), metric.Named("latency_p99_ns")
	names := judge.SweepStrategies(d)
	for n, name := range names {
		title := "p99"
		if pooledP99(all) {
			title += " " + poolSign
		}
		t.Columns = append(t.Columns, sheet.Column{Title: name, Group: n + 1}, sheet.Column{Title: title, Group: n + 1, Spare: n + 1})
		for i, p := range s.Points {
			r := judge.SweepRow(d, p.Scenario, name)
			t.Rows[i] = append(t.Rows[i], sweepCell(r, metricCell(ops)), sweepCell(r, metricCell(p99)))
			if r != nil && !r.Failed() {
				of := &t.Rows[i][len(t.Rows[i])-2]
				switch {
				case judge.DelayNotReached(r):
					of.Note += delaySign
				case judge.HarnessBound(r):
					of.Note += harnessSign
				}
			}
		}
	}
	if slices.ContainsFunc(s.Points, func(p result.SweepPoint) bool { return p.Ideal > 0 }) {
		t.Columns = append(t.Columns, sheet.Column{Title: "ideal", Group: len(names) + 1, Spare: len(names) + 1})
		for i, p := range s.Points {
			text := result.Nothing
			if p.Ideal > 0 {
				text = result.FormatRate(p.Ideal)
			}
			t.Rows[i] = append(t.Rows[i], sheet.Cell{Text: text})
		}
	}
	return t
}

// pooledP99 reports whether the p99 of some value is pooled.
func pooledP99(all []*section) bool {
	return slices.ContainsFunc(all, func(s *section) bool { return s.pools(metric.Named("latency_p99_ns")) })
}

// sweepCell returns a cell of a result, which may be missing.
func sweepCell(r *result.Result, get func(*result.Result) sheet.Cell) sheet.Cell {
	if r == nil {
		return sheet.Cell{Text: result.Nothing}
	}
	if r.Summary.OfLimit > judge.OverLimit {
		return sheet.Cell{Text: result.Nothing}
	}
	c := speedOnly(get)(r)
	if r.Failed() {
		c.Style = sheet.Worse
	}
	return c
}

// sweepLegend explains the columns.
func sweepLegend(d *result.Document) []sheet.Term {
	list := []sheet.Term{
		{Term: "strategy", Text: metric.Named("ops_per_sec").Column.Legend},
		{Term: "p99", Text: metric.Named("latency_p99_ns").Column.Legend},
	}
	if slices.ContainsFunc(d.Sweep.Points, func(p result.SweepPoint) bool { return p.Ideal > 0 }) {
		list = append(list, sheet.Term{Term: "ideal",
			Text: "what a perfect store with one lock per session reaches with the measured holds and the cost of the fastest store, in virtual time"})
	}
	return list
}

// mistrusted says which results are no part of the lines, and why.
func mistrusted(d *result.Document) string {
	var reasons []string
	where := map[string][]string{}
	for _, p := range d.Sweep.Points {
		for _, name := range judge.SweepStrategies(d) {
			r := judge.SweepRow(d, p.Scenario, name)
			why := judge.Mistrusted(r)
			if why == "" {
				continue
			}
			if r != nil && judge.DelayNotReached(r) {
				why = judge.DelayNames() + " times differ from the requested ones by more than 5 %"
			}
			if where[why] == nil {
				reasons = append(reasons, why)
			}
			where[why] = append(where[why], name+" at "+p.Text)
		}
	}
	for i, why := range reasons {
		reasons[i] = sheet.And(where[why]) + " (" + why + ")"
	}
	if reasons == nil {
		return ""
	}
	return "No part of what follows: " + strings.Join(reasons, "; ") + "."
}

// sweepValue writes a value of the setting.
func sweepValue(s *result.Sweep, x float64) string {
	switch {
	case x == 0:
		return "0"
	case s.Unit == "ns":
		return result.FormatNs(int64(math.Round(x)))
	case x == math.Trunc(x):
		return result.FormatCount(int64(x))
	case x >= 100:
		return result.FormatCount(int64(math.Round(x)))
	case x >= 10 && s.Over != "zipf":
		return fmt.Sprintf("%.0f", x)
	case s.Over != "zipf":
		return strings.TrimSuffix(fmt.Sprintf("%.1f", x), ".0")
	}
	return result.FormatAmount(x)
}

// sweepAt writes a value of the setting in a sentence: 14 users, a hold of 1.2 ms.
func sweepAt(s *result.Sweep, x float64) string {
	text := sweepValue(s, x)
	switch s.Over {
	case "users", "sessions", "shards":
		if text == "1" {
			return text + " " + strings.TrimSuffix(s.Over, "s")
		}
		return text + " " + s.Over
	case "gomaxprocs":
		return "GOMAXPROCS " + text
	case "rate":
		return text + "/s"
	}
	return s.Over + " " + text
}

// sweepEstimate writes a value with its interval: 14 users (11–19).
func sweepEstimate(s *result.Sweep, e result.Estimate) string {
	low, high := sweepValue(s, e.Low), sweepValue(s, e.High)
	if low == high {
		return sweepAt(s, e.Value)
	}
	return sweepAt(s, e.Value) + " (" + low + "–" + high + ")"
}

// sweepFindings are the sentences about crossovers, knees and the law.
func sweepFindings(d *result.Document) []string {
	return slices.Concat(sweepOrder(d), sweepKnees(d), sweepLaws(d))
}

// sweepOrder are the sentences about which strategy is better, and from where on.
func sweepOrder(d *result.Document) (lines []string) {
	s := d.Sweep
	for _, c := range s.Crossovers {
		lines = append(lines, fmt.Sprintf("%s overtakes %s from %s.", c.Faster, c.Slower, sweepEstimate(s, c.At)))
	}
	for _, l := range s.Leads {
		if i := slices.IndexFunc(s.Crossovers, func(c result.SweepCrossover) bool { return c.Faster == l.Faster && c.Slower == l.Slower }); i >= 0 {
			lines[i] = fmt.Sprintf("%s: %s%s at %s.", strings.TrimSuffix(lines[i], "."), result.FormatRatio(l.Ratio.Ratio),
				intervalText(l.Ratio.Lo, l.Ratio.Hi), sweepFrom(s, l.At))
			continue
		}
		lines = append(lines, fmt.Sprintf("%s is faster than %s %s: %s%s at %s.", l.Faster, l.Slower, sweepSince(s, l.From),
			result.FormatRatio(l.Ratio.Ratio), intervalText(l.Ratio.Lo, l.Ratio.Hi), sweepFrom(s, l.At)))
	}
	return lines
}

// sweepSince writes from which point on something holds.
func sweepSince(s *result.Sweep, text string) string {
	if text == s.Points[0].Text {
		return "at all values"
	}
	return "from " + sweepFrom(s, text) + " on"
}

// sweepKnees are the sentences about where strategies stop scaling.
func sweepKnees(d *result.Document) (lines []string) {
	var none []string
	for _, l := range d.Sweep.Lines {
		switch {
		case l.Knee != nil:
			lines = append(lines, fmt.Sprintf("The knee of %s is at %s: beyond it the throughput no longer changes as before.", l.Strategy, sweepEstimate(d.Sweep, *l.Knee)))
		case measuredSixTimes(d, l.Strategy):
			none = append(none, l.Strategy)
		}
	}
	if none != nil {
		lines = append(lines, "No knee was observed of "+sheet.And(none)+".")
	}
	return lines
}

// sweepLaws are the sentences about the Universal Scalability Law.
func sweepLaws(d *result.Document) (lines []string) {
	for _, l := range d.Sweep.Lines {
		switch {
		case l.Law != nil:
			lines = append(lines, lawSentence(d.Sweep, &l))
		case l.NoLaw != "":
			lines = append(lines, sheet.Sentence("The Universal Scalability Law is not shown for "+l.Strategy+": "+l.NoLaw))
		}
	}
	return lines
}

// measuredSixTimes reports whether a strategy has enough trials for intervals.
func measuredSixTimes(d *result.Document, strategy string) bool {
	return slices.ContainsFunc(judge.ResultsOf(d), func(r *result.Result) bool {
		return r.Strategy == strategy && judge.Mistrusted(r) == "" && len(r.Trials) >= stats.MinSamples
	})
}

// lawSentence states the parameters of the law of a strategy.
func lawSentence(s *result.Sweep, l *result.SweepLine) string {
	coefficient := func(e result.Estimate) string { return fmt.Sprintf("%.3g (%.3g–%.3g)", e.Value, e.Low, e.High) }
	peak := "no peak observed"
	if l.Law.Peak != nil {
		peak = "its peak is at " + sweepEstimate(s, *l.Law.Peak)
	}
	return fmt.Sprintf("%s follows the Universal Scalability Law: λ %s ops/s, contention σ %s, coherency κ %s; %s.", l.Strategy,
		result.FormatRate(l.Law.Lambda.Value), coefficient(l.Law.Sigma), coefficient(l.Law.Kappa), peak)
}

// limitWords say what limits a strategy, with the share.
var limitWords = map[string]string{
	judge.ByLock:    "waiting for a lock: %s of the time of an update",
	judge.BySession: "the busiest session, which is held %s of the time",
	judge.ByGC:      "garbage collection, which stops it %s of the time",
	judge.ByCPU:     "the processors, of which it uses %s",
}

// sweepClosing is the conclusion: the best strategies at both ends, and what limits each.
func sweepClosing(d *result.Document, all []*section) (lines []string) {
	s := d.Sweep
	if s.Ended != "" {
		lines = append(lines, sheet.Sentence(s.Ended+": want a longer --budget"))
	}
	most := 1
	for _, of := range all {
		most = max(most, len(of.ranking()))
	}
	ranked := slices.DeleteFunc(slices.Clone(all), func(s *section) bool { return len(s.ranking()) < most })
	for i, of := range ranked {
		if i == 0 || i == len(ranked)-1 {
			lines = append(lines, "At "+sweepAt(s, s.At(of.scenario).Value)+": "+strings.Join(of.verdicts(), " "))
		}
	}
	if ranked == nil {
		lines = append(lines, "No row has a speed to report.")
	}
	lines = append(lines, sweepLimits(s)...)
	if failed := sheet.And(failedNames(d)); failed != "" {
		lines = append(lines, excludedBy+failed+".")
	}
	return lines
}

// failedNames returns the strategies that failed an audit.
func failedNames(d *result.Document) (names []string) {
	for _, r := range judge.ResultsOf(d) {
		if r.Failed() && !slices.Contains(names, r.Strategy) {
			names = append(names, r.Strategy)
		}
	}
	return names
}

// sweepLimits is a sentence about what limits each strategy, the one that is limited first at the beginning; none if nothing is significant.
func sweepLimits(s *result.Sweep) []string {
	lines := slices.DeleteFunc(slices.Clone(s.Lines), func(l result.SweepLine) bool { return l.Limited == nil || limitWords[l.Limited.By] == "" })
	if len(lines) == 0 {
		return nil
	}
	slices.SortStableFunc(lines, func(a, b result.SweepLine) int {
		return cmp.Compare(s.Text(a.Limited.From).Value, s.Text(b.Limited.From).Value)
	})
	var parts []string
	for _, l := range lines {
		of := l.Limited
		parts = append(parts, fmt.Sprintf("%s %s by "+limitWords[of.By]+" at %s", l.Strategy, sweepSince(s, of.From), result.FormatShare(of.Share), sweepFrom(s, of.At)))
	}
	return []string{"What limits first: " + strings.Join(parts, "; ") + "."}
}

// sweepHeadline is the conclusion in one line: where strategies overtake each other, or else from where on the one that is ahead of most
// others is.
func sweepHeadline(d *result.Document, all []*section) string {
	s := d.Sweep
	if order := sweepOrder(d); len(s.Crossovers) > 0 {
		return strings.Join(order[:min(len(s.Crossovers), mostCrossings)], " ")
	}
	ahead := map[string][]string{}
	best := ""
	for _, l := range s.Leads {
		ahead[l.Faster] = append(ahead[l.Faster], l.Slower+" "+sweepSince(s, l.From))
		if best == "" || len(ahead[l.Faster]) > len(ahead[best]) {
			best = l.Faster
		}
	}
	if best != "" {
		return best + " is faster than " + strings.Join(ahead[best], " and than ") + "."
	}
	lines := sweepClosing(d, all)
	return lines[len(lines)-1]
}

// sweepFrom writes the value of a point in a sentence.
func sweepFrom(s *result.Sweep, text string) string { return sweepAt(s, s.Text(text).Value) }
