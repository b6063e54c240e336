package reports

import (
	"math"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/reports/result"
)

// Signs in the cells, each explained under the table where it occurs.
const (
	struckSign    = "✗" // instead of a value: the audit failed
	harnessSign   = "†"
	schedulerSign = "‡"
	errorSign     = "!"
	remarkSign    = "§" // the row has a note
	delaySign     = "≠" // a delay is not as requested
	poolSign      = "∑" // the percentiles of the column are pooled
)

// section is one scenario of a document: one table.
type section struct {
	doc      *result.Document
	scenario string
	baseline *result.Result // nil: there is none
	results  []*result.Result
}

// sections splits a document by scenario, in the order of the results.
func sections(d *result.Document) []*section {
	var all []*section
	for _, results := range judge.ByScenario(judge.ResultsOf(d)) {
		name := results[0].Scenario
		all = append(all, &section{doc: d, scenario: name, baseline: judge.Baseline(d, name), results: results})
	}
	return all
}

// some reports whether match holds for any of the section's results.
func (s *section) some(match func(*result.Result) bool) bool {
	return slices.ContainsFunc(s.results, match)
}

// column is one column of the table.
type column struct {
	sheet.Column
	get    func(r *result.Result) sheet.Cell
	legend string // empty: the title explains itself
}

// columns returns the columns of the section's table: those of the baseline and of delays, which follow the throughput, only where
// there are some.
func (s *section) columns() (list []column) {
	if s.searched() {
		return s.searchColumns()
	}
	add := func(title string, spare int, get func(*result.Result) sheet.Cell, legend string) {
		list = append(list, column{sheet.Column{Title: title, Spare: spare}, speedOnly(get), legend})
	}
	list = append(list, column{sheet.Column{Title: "strategy", Left: true}, strategyCell, ""})
	for _, m := range metric.All() {
		if m.Column == nil || m.Open && !s.open() || m.Closed && (s.open() || s.ramped()) {
			continue
		}
		title := m.Column.Title
		if s.pools(m) {
			title += " " + poolSign
		}
		add(title, m.Column.Spare, metricCell(m), m.Column.Legend)
		if m.Name != "ops_per_sec" {
			continue
		}
		if s.baseline != nil && !s.open() { // at a given rate, the throughput is that rate
			add("× baseline", 0, ratioCell, "throughput divided by the baseline's (before): median of the ratios per block, with the 95 % confidence interval")
		}
		for _, d := range judge.Delays() {
			if s.some(func(r *result.Result) bool { return *d.Measured(&r.Summary) > 0 }) {
				add(d.Name, 4, delayCell(d), d.Doc+": median of the trials' medians")
			}
		}
	}
	if len(s.explained()) > 0 {
		list = append(list, column{sheet.Column{Title: "why", Left: true}, speedOnly(whyCell), whyLegend})
	}
	return append(list, column{sheet.Column{Title: "audit", Left: true}, auditCell, auditLegend})
}

const auditLegend = "check after each trial for lost, duplicated or mixed-up data; ✗: failed, so no speed is reported"

// pools reports whether the section's column of a metric, a percentile or the maximum, is pooled.
func (s *section) pools(m *metric.Metric) bool {
	return m.Column != nil && s.some(func(r *result.Result) bool { _, ok := r.Summary.Pooled[m.Short()]; return ok })
}

// open reports whether the section is of an open loop.
func (s *section) open() bool {
	return s.some(func(r *result.Result) bool { return r.Load != "" })
}

// ramped reports whether the number of active users changes, so that it has no limit.
func (s *section) ramped() bool {
	return s.some(func(r *result.Result) bool { return r.Ramp != "" })
}

// legends explains the titles that occur in these tables, and the signs.
func legends(all []*section) (list []sheet.Term) {
	add := func(term, text string) {
		if t := (sheet.Term{Term: term, Text: text}); !slices.Contains(list, t) {
			list = append(list, t)
		}
	}
	for _, s := range all {
		for _, c := range s.columns() {
			if c.legend != "" {
				add(strings.TrimSuffix(c.Title, " "+poolSign), c.legend)
			}
		}
	}
	return slices.Concat(list, signs(all))
}

// signs explains the signs that occur in these tables.
func signs(all []*section) (list []sheet.Term) {
	add := func(term, text string) {
		if t := (sheet.Term{Term: term, Text: text}); !slices.Contains(list, t) {
			list = append(list, t)
		}
	}
	for _, s := range all {
		if !s.searched() && slices.ContainsFunc(metric.All(), s.pools) {
			add(poolSign, "computed from the operations of all trials together, since single trials of some row have too few samples")
		}
		for _, m := range metric.All() {
			if m.Column != nil && s.some(func(r *result.Result) bool { x, ok := m.Shown(r); return ok && m.AtLeast(r, "", x) }) {
				add("≥", "a lower bound: some operations had not ended when the trial did")
				break
			}
		}
		if s.some(judge.HarnessBound) {
			add(harnessSign, "at least half of the cost is the harness: the store is faster than this table can show")
		}
		for _, r := range s.results {
			if judge.DelayNotReached(r) && !r.Failed() {
				add(delaySign, judge.DelayNames()+" not reached: more than 5 % from the requested time, so the row is not compared")
			}
			if r.Note != "" {
				add(remarkSign, r.Note)
			}
			if r.Summary.SchedulerBound && !r.Failed() {
				add(schedulerSign, "more users than processors and no waiting: shows the 10 ms time slices of Go's scheduler, not the store")
			}
		}
	}
	return list
}

// speedOnly wraps get so that results without a speed have a struck or empty cell.
func speedOnly(get func(*result.Result) sheet.Cell) func(*result.Result) sheet.Cell {
	return func(r *result.Result) sheet.Cell {
		switch {
		case r.Failed():
			return sheet.Cell{Text: struckSign}
		case len(r.Trials) == 0, judge.AuditUndecided(r) != "":
			return sheet.Cell{Text: result.Nothing}
		}
		return get(r)
	}
}

func strategyCell(r *result.Result) sheet.Cell {
	c := sheet.Cell{Text: r.Strategy}
	if r.Note != "" {
		c.Note += remarkSign
	}
	if judge.HarnessBound(r) {
		c.Note += harnessSign
	}
	return c
}

// metricCell returns the cells of a metric.
func metricCell(m *metric.Metric) func(*result.Result) sheet.Cell {
	return func(r *result.Result) sheet.Cell {
		x, ok := m.Shown(r)
		if !ok {
			return sheet.Cell{Text: result.Nothing}
		}
		c := sheet.Cell{Text: m.Column.Format(x)}
		if m.AtLeast(r, "", x) {
			c.Text = "≥ " + c.Text
		}
		switch i := r.Summary.OpsPerSec; {
		case m.Name == "ops_per_sec" && i.Hi > 0 && i.Median > 0:
			c.Note = "±" + percent(max(i.Hi/i.Median-1, 1-i.Lo/i.Median))
		case m.Short() == metric.MaxName && r.Summary.SchedulerBound:
			c.Note = schedulerSign
		case m.Name == "of_limit" && x > judge.OverLimit:
			c.Note = errorSign
		case m.Name == "achieved" && judge.Saturated(r) != "":
			c.Note = "saturated"
		}
		return c
	}
}

func ratioCell(r *result.Result) sheet.Cell {
	vs := r.Summary.VsBaseline
	switch {
	case r.Baseline:
		return sheet.Cell{Text: "1×", Note: "before"}
	case vs == nil:
		return sheet.Cell{Text: result.Nothing}
	case vs.Hi > 0:
		return sheet.Cell{Text: result.FormatRatio(vs.Ratio), Note: "(" + result.FormatRatioRange(vs.Lo, vs.Hi) + ")"}
	}
	return sheet.Cell{Text: result.FormatRatio(vs.Ratio)}
}

// auditCell names the first violation. The others are listed below the table.
func auditCell(r *result.Result) sheet.Cell {
	switch {
	case r.Failed():
		switch kinds := judge.ViolationKinds(r); len(kinds) {
		case 0:
			return sheet.Cell{Text: "FAILED"}
		case 1:
			return sheet.Cell{Text: "FAILED: " + kinds[0]}
		default:
			return sheet.Cell{Text: "FAILED: " + kinds[0] + ", …"}
		}
	case judge.AuditUndecided(r) != "":
		return sheet.Cell{Text: "undecided"}
	case !r.Audited():
		return sheet.Cell{Text: result.Nothing}
	case judge.AuditPartial(r) != "":
		return sheet.Cell{Text: "partial"}
	}
	return sheet.Cell{Text: "ok"}
}

// percent formats the half-width of an interval in whole percents: six trials give no more
// precision.
func percent(x float64) string { return result.FormatCount(int64(math.Round(100*x))) + "%" }

// delayCell returns the cells of a delay.
func delayCell(d judge.Delay) func(*result.Result) sheet.Cell {
	return func(r *result.Result) sheet.Cell {
		measured := *d.Measured(&r.Summary)
		if measured <= 0 {
			return sheet.Cell{Text: result.Nothing}
		}
		c := sheet.Cell{Text: result.FormatNs(measured)}
		if *d.NotReached(&r.Summary) {
			c.Note = delaySign
		}
		return c
	}
}
