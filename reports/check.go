package reports

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/sessbench/sessbench/internal/figure"
	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/reports/result"
)

// CheckFormats returns the formats of checks by name.
func CheckFormats() []FormatOf[*judge.Check] {
	more := []FormatOf[*judge.Check]{
		{Name: "github", Doc: "the step summary of a GitHub workflow: as markdown", Write: asMarkdown(checkPage, sheet.SummaryLimit)},
		{Name: "junit", Doc: "a test case per gated metric, for CI servers (XML)", Write: writeCheckJUnit},
	}
	for _, name := range []string{"benchmark-action", "gobench"} {
		if f, ok := Lookup(name); ok {
			more = append(more, FormatOf[*judge.Check]{Name: name, Doc: "of the new figures: " + f.Doc, Write: func(w io.Writer, c *judge.Check, o Options) error {
				return f.Write(w, c.New, o)
			}})
		}
	}
	return kind[*judge.Check]{name: "check", rows: "one row per metric or threshold", shows: "the verdict, a table per scenario and the rule",
		page: checkPage, drawn: true, limit: sheet.SummaryLimit, csv: checkRows}.formats(more...)
}

// checkPage shows the verdict, then what it is based on. Markdown begins with the metrics that decide it, the worst first, so
// that passes are omitted first, and folds the tables of the scenarios. The web has the forest plot, the machine and the command
// before them.
func checkPage(c *judge.Check, o Options) *sheet.Page {
	p, terminal := &sheet.Page{}, o.Medium == sheet.Terminal
	sign := ""
	if !terminal {
		sign = cmp.Or(map[judge.Verdict]string{judge.Passed: "✓ ", judge.Inconclusive: "? "}[c.Verdict], "✗ ")
	}
	style := map[judge.Verdict]sheet.Style{judge.Passed: sheet.Success, judge.Inconclusive: sheet.Bold}[c.Verdict]
	if o.Medium == sheet.Markdown {
		style = sheet.Bold
	}
	headline, rest := checkHeadline(c), ""
	if o.Medium == sheet.Web { // where the heading is large
		if first, others, found := strings.Cut(headline, ". "); found {
			headline, rest = first+".", others
		}
	}
	p.Heading(cmp.Or(style, sheet.Alarm), sign+headline)
	p.Say(sheet.Plain, rest)
	p.List(sheet.Plain, "", checkProblems(c))
	if o.Drawn() {
		lead(p, func() {
			if o.Medium == sheet.Web {
				p.Say(sheet.Plain, judge.MachineLine(&c.New.Machine))
				p.Command(c.Command)
			}
		}, append([]*figure.Figure{changesFigure(c)}, goalFigures(c)...)...)
	}
	if o.Medium == sheet.Web && len(c.Gates())+len(c.Thresholds) > 0 {
		p.Heading(sheet.Plain, "What decided")
	}
	if !terminal {
		p.Table(gatesTable(c))
		p.Table(thresholdsTable(c, true))
	}
	if o.Medium == sheet.Web {
		for i := range c.Scenarios {
			p.List(sheet.Plain, "", gateReasons(c, &c.Scenarios[i]))
		}
	}
	for i := range c.Scenarios {
		s := &c.Scenarios[i]
		if terminal {
			p.Heading(sheet.Bold, s.Heading)
		} else {
			p.Fold(s.Heading)
		}
		p.Table(scenarioTable(c, s, !terminal))
		if o.Medium != sheet.Web {
			p.List(sheet.Plain, "", gateReasons(c, s))
		}
	}
	if c.Mode == judge.RateMode {
		for _, rows := range judge.ByScenario(judge.ResultsOf(c.New)) {
			p.Heading(sheet.Bold, judge.Heading(c.New, rows))
		}
	}
	if terminal && len(c.Thresholds) > 0 {
		if c.Mode != judge.RateMode {
			p.Heading(sheet.Bold, "Thresholds")
		}
		p.Table(thresholdsTable(c, false))
		p.List(sheet.Plain, "", thresholdReasons(c))
	}
	p.Fold(legendSummary)
	p.Legend(checkLegends(c))
	p.Legend(provenance(c.Documents, c.Mode == judge.StoredMode)) // in other modes it is the check's
	if o.Medium != sheet.Web {
		p.Command(c.Command)
	}
	return p
}

// checkTable returns a table of metrics without rows; before are the columns before the metric.
func checkTable(c *judge.Check, before ...string) *sheet.Table {
	t := &sheet.Table{}
	for _, title := range append(before, "metric") {
		t.Columns = append(t.Columns, sheet.Column{Title: title, Left: true})
	}
	t.Columns = append(t.Columns, sheet.Column{Title: c.Documents[0].Label}, sheet.Column{Title: c.Documents[1].Label}, sheet.Column{Title: "change"})
	if c.Mode == judge.StoredMode {
		t.Columns = append(t.Columns, sheet.Column{Title: "p", Left: true})
	} else {
		t.Columns = append(t.Columns, sheet.Column{Title: "bounds", Left: true, Spare: 2}, sheet.Column{Title: "A/A′", Spare: 1})
	}
	t.Columns = append(t.Columns, sheet.Column{Title: "verdict", Left: true})
	return t
}

// checkRow returns the row of a metric in a [checkTable].
func checkRow(c *judge.Check, f *judge.MetricCheck, before ...string) (row []sheet.Cell) {
	metric := metric.Named(f.Metric)
	for _, text := range append(before, metric.Word(), metric.FormatKnown(f.Old), metric.FormatKnown(f.New), changeText(f)) {
		row = append(row, sheet.Cell{Text: text})
	}
	if c.Mode == judge.StoredMode {
		row = append(row, sheet.Cell{Text: testText(f)})
	} else {
		row = append(row, sheet.Cell{Text: boundsText(f)}, sheet.Cell{Text: copyText(f)})
	}
	if !f.Gated {
		return append(row, sheet.Cell{Text: "(" + string(f.Verdict) + ")"})
	}
	return append(row, verdictCell(f.Verdict))
}

func verdictCell(v judge.Verdict) sheet.Cell {
	styles := map[judge.Verdict]sheet.Style{judge.Passed: sheet.Green, judge.Inconclusive: sheet.Bold}
	return sheet.Cell{Text: string(v), Style: cmp.Or(styles[v], sheet.Worse)}
}

// gatesTable has the metrics that decide the verdict, the worst first.
func gatesTable(c *judge.Check) *sheet.Table {
	gates := worstGates(c)
	if len(gates) == 0 {
		return &sheet.Table{}
	}
	t := checkTable(c, "scenario", "strategy")
	for _, g := range gates {
		t.Rows = append(t.Rows, checkRow(c, g.MetricCheck, g.Scenario, g.Strategy))
	}
	return t
}

// scenarioTable has all metrics of a scenario. In text a strategy is named once.
func scenarioTable(c *judge.Check, s *judge.ScenarioCheck, markdown bool) *sheet.Table {
	t := checkTable(c, "strategy")
	for _, r := range s.Rows {
		name := r.Strategy
		for i := range r.Metrics {
			t.Rows = append(t.Rows, checkRow(c, &r.Metrics[i], name))
			if !markdown {
				name = ""
			}
		}
	}
	return t
}

// thresholdsTable has the thresholds, the worst first. For the reasons only Markdown has room.
func thresholdsTable(c *judge.Check, markdown bool) *sheet.Table {
	t := &sheet.Table{Columns: []sheet.Column{{Title: "scenario", Left: true}, {Title: "strategy", Left: true}, {Title: "threshold", Left: true}}}
	both := c.Mode == judge.RateMode && len(c.Documents) > 1
	if both {
		t.Columns = append(t.Columns, sheet.Column{Title: "build", Left: true})
	}
	t.Columns = append(t.Columns, sheet.Column{Title: "value"})
	if c.Mode == judge.RateMode {
		t.Columns = append(t.Columns, sheet.Column{Title: "95 % interval", Left: true, Spare: 1}, sheet.Column{Title: "met"})
	}
	t.Columns = append(t.Columns, sheet.Column{Title: "verdict", Left: true})
	if markdown {
		t.Columns = append(t.Columns, sheet.Column{Title: "reason", Left: true, Prose: true})
	}
	for _, x := range worstFirst(c.Thresholds) {
		names := []sheet.Cell{{Text: x.Scenario}, {Text: x.Strategy}, {Text: x.Threshold}}
		verdict := []sheet.Cell{verdictCell(x.Verdict), {Text: x.Reason}}
		add := func(cells ...[]sheet.Cell) { t.Rows = append(t.Rows, slices.Concat(cells...)[:len(t.Columns)]) }
		switch {
		case both:
			add(names, []sheet.Cell{{Text: c.Documents[1].Label}}, repeatedCells(&x, x.New), verdict)
			if x.Old != nil {
				add(names, []sheet.Cell{{Text: c.Documents[0].Label}}, repeatedCells(&x, x.Old), []sheet.Cell{{Text: "(" + string(x.Old.Verdict) + ")"}, {}})
			}
		case c.Mode == judge.RateMode:
			add(names, repeatedCells(&x, x.New), verdict)
		default:
			add(names, []sheet.Cell{{Text: thresholdValue(&x)}}, verdict)
		}
	}
	return t
}

// repeatedCells are the value, its interval and the trials that meet a goal at a rate, of a build. of is nil if it was not judged.
func repeatedCells(t *judge.ThresholdCheck, of *judge.Repeated) []sheet.Cell {
	if of == nil {
		return []sheet.Cell{{Text: result.Nothing}, {}, {Text: result.Nothing}}
	}
	value, interval := result.Nothing, ""
	if of.Value != nil {
		value = metric.FormatValue(t.Unit, *of.Value)
	}
	if of.AtLeast {
		value = "≥ " + value
	}
	if of.Lower != nil {
		interval = "[" + metric.FormatValue(t.Unit, *of.Lower) + ", " + metric.FormatValue(t.Unit, *of.Upper) + "]"
	}
	return []sheet.Cell{{Text: value}, {Text: interval}, {Text: fmt.Sprintf("%d of %d", of.Met, len(of.Trials))}}
}

func worstFirst(list []judge.ThresholdCheck) []judge.ThresholdCheck {
	return slices.SortedStableFunc(slices.Values(list), func(a, b judge.ThresholdCheck) int {
		return cmp.Compare(b.Verdict.Severity(), a.Verdict.Severity())
	})
}

func thresholdReasons(c *judge.Check) (lines []string) {
	for _, t := range worstFirst(c.Thresholds) {
		name := t.Threshold
		if t.Strategy != "" { // it matches something
			name = fmt.Sprintf("%s (%s) %s", t.Strategy, t.Scenario, t.Threshold)
		}
		if t.Reason != "" {
			lines = append(lines, fmt.Sprintf("%s: %s: %s", name, t.Verdict, t.Reason))
		}
	}
	return lines
}

// checkColumns are the columns of the CSV.
const checkColumns = "scenario,strategy,operation,metric,unit,better,gated,n_old,n_new,old,new," +
	"change,lower,upper,copy_change,copy_fires,p,threshold,operator,bound,verdict,reason,pairs_needed"

// rateColumns follow in the CSV of goals at a rate.
const rateColumns = "old_lower,old_upper,old_met,old_missed,old_verdict,new_lower,new_upper,new_met,new_missed,new_verdict"

// checkRows returns one row per metric, gated or not, one per threshold (its value is in the column new), and one without a metric
// for each row whose audit failed.
func checkRows(c *judge.Check) [][]string {
	columns := strings.Split(checkColumns, ",")
	if c.Mode == judge.RateMode {
		columns = append(columns, strings.Split(rateColumns, ",")...)
	}
	rows := [][]string{columns}
	add := func(fields map[string]string) {
		row := make([]string, len(columns))
		for i, name := range columns {
			row[i] = fields[name]
		}
		rows = append(rows, row)
	}
	for _, s := range c.Scenarios {
		for _, r := range s.Rows {
			for i := range r.Metrics {
				fields := metricFields(&r.Metrics[i])
				fields["scenario"], fields["strategy"] = s.Scenario, r.Strategy
				add(fields)
			}
		}
	}
	for _, t := range c.Thresholds {
		fields := map[string]string{
			"scenario": t.Scenario, "strategy": t.Strategy, "operation": t.Operation, "metric": t.Metric, "unit": t.Unit, "gated": "true",
			"new": known(t.Value), "threshold": t.Threshold, "operator": t.Operator, "bound": decimal(t.Bound),
			"verdict": string(t.Verdict), "reason": t.Reason,
		}
		for name, of := range map[string]*judge.Repeated{"old": t.Old, "new": t.New} {
			if of != nil {
				fields["n_"+name], fields[name] = strconv.Itoa(len(of.Trials)), known(of.Value)
				fields[name+"_lower"], fields[name+"_upper"] = known(of.Lower), known(of.Upper)
				fields[name+"_met"], fields[name+"_missed"] = strconv.Itoa(of.Met), strconv.Itoa(of.Missed)
				fields[name+"_verdict"] = string(of.Verdict)
			}
		}
		add(fields)
	}
	for _, v := range c.Violations {
		add(map[string]string{"scenario": v.Scenario, "strategy": v.Strategy, "verdict": string(judge.Violated),
			"reason": v.Reason + " in " + v.Document})
	}
	return rows
}

// metricFields returns the metric's values by column.
func metricFields(f *judge.MetricCheck) map[string]string {
	fields := map[string]string{
		"metric": f.Metric, "unit": f.Unit, "better": f.Better, "gated": strconv.FormatBool(f.Gated),
		"n_old": strconv.Itoa(len(f.Samples.Old)), "n_new": strconv.Itoa(len(f.Samples.New)),
		"old": known(f.Old), "new": known(f.New), "change": known(f.Change), "lower": known(f.Lower), "upper": known(f.Upper),
		"p": known(f.P), "verdict": string(f.Verdict), "reason": f.Reason,
	}
	if f.Copy != nil {
		fields["copy_change"], fields["copy_fires"] = known(f.Copy.Change), strconv.FormatBool(f.Copy.Fires)
	}
	if f.Needed > 0 {
		fields["pairs_needed"] = strconv.Itoa(f.Needed)
	}
	return fields
}
