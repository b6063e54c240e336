package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/reports/result"
)

// changeText is the change in a table: a ratio, or the difference if the old value is 0.
func changeText(f *judge.MetricCheck) string {
	if f.Change != nil || f.Old == nil || f.New == nil {
		return plus(f.Change)
	}
	difference := *f.New - *f.Old
	if f.Difference != nil {
		difference = *f.Difference
	}
	text := metric.Named(f.Metric).Format(difference)
	if difference > 0 {
		text = "+" + text
	}
	return text
}

// boundsText is the bounds of the change: [+8.9%, +11.5%], or "" if there are none.
func boundsText(f *judge.MetricCheck) string {
	if f.Lower == nil && f.Upper == nil {
		return ""
	}
	return "[" + cmp.Or(plus(f.Lower), result.Nothing) + ", " + cmp.Or(plus(f.Upper), result.Nothing) + "]"
}

// copyText is the change from the old binary to its copy, with a sign if the rule detects a
// change.
func copyText(f *judge.MetricCheck) string {
	switch {
	case f.Copy == nil:
		return ""
	case f.Copy.Fires:
		return cmp.Or(plus(f.Copy.Change), result.Nothing) + " " + errorSign
	}
	return cmp.Or(plus(f.Copy.Change), result.Nothing)
}

// testText is the test of a change between two documents.
func testText(f *judge.MetricCheck) string {
	if f.P == nil {
		return ""
	}
	return fmt.Sprintf("%.2g n=%d+%d", *f.P, len(f.Samples.Old), len(f.Samples.New))
}

// thresholdValue is the value of a threshold with its unit.
func thresholdValue(t *judge.ThresholdCheck) string {
	if t.Value == nil {
		return result.Nothing
	}
	return metric.FormatValue(t.Unit, *t.Value)
}

// plus writes a change with its sign, as in a table: +10.2%, or "" for none.
func plus(x *float64) string {
	if x == nil {
		return ""
	}
	text := strings.ReplaceAll(result.FormatPercent1(*x), " ", "")
	switch {
	case strings.Trim(text, "-0.%") == "":
		return "0.0%" // without the sign of what rounds to nothing
	case *x > 0:
		return "+" + text
	}
	return text
}

// checkHeadline is the verdict and its explanation, and whether it is only advice.
func checkHeadline(c *judge.Check) string {
	verdict := strings.ToUpper(string(c.Verdict))
	if c.Advisory && (c.Verdict == judge.Passed || c.Binding() != c.Verdict) {
		verdict += " (advice)"
	}
	return verdict + ": " + c.Explanation
}

// checkProblems lists what was not judged.
func checkProblems(c *judge.Check) (lines []string) {
	for _, v := range c.Violations {
		if len(c.Violations) == 1 {
			break // it is in the headline
		}
		lines = append(lines, fmt.Sprintf("Violated: %s (%s) %s in %s.", v.Strategy, v.Scenario, v.Reason, v.Document))
	}
	for _, l := range c.Excluded {
		lines = append(lines, fmt.Sprintf("Excluded from %s: %s (%s): %s.", l.Document, l.Strategy, l.Scenario, l.Reason))
	}
	if len(c.Differences) > 0 {
		lines = append(lines, "The machines differ: "+strings.Join(judge.DescribeDifferences(c.Differences, c.Documents[0].Label), "; ")+".")
	}
	return lines
}

// gateReasons explains the verdicts of a scenario's gates, one line per reason.
func gateReasons(c *judge.Check, s *judge.ScenarioCheck) (lines []string) {
	gates := slices.DeleteFunc(c.Gates(), func(g judge.Gate) bool { return g.Scenario != s.Scenario || g.Reason == "" })
	why := func(g judge.Gate) string {
		text := fmt.Sprintf("%s: %s", g.Verdict, g.Reason)
		if g.Needed > 0 {
			text += fmt.Sprintf("; about %d pairs would suffice", g.Needed)
		}
		return text
	}
	for _, group := range judge.GroupBy(gates, why) {
		var names []string
		for _, g := range group {
			names = append(names, g.Strategy+" "+metric.Named(g.Metric).Word())
		}
		lines = append(lines, sheet.And(names)+": "+why(group[0])+".")
	}
	return lines
}

// checkLegends explains the rule and the signs in the tables.
func checkLegends(c *judge.Check) (list []sheet.Term) {
	r := c.Rule
	switch {
	case c.Mode == judge.RateMode:
		return rateLegends(c)
	case r == nil:
		return nil
	}
	alpha := fmt.Sprintf("α = %.3g (%v over %s)", r.Alpha, judge.FalseAlarmRate, result.FormatCounted(r.Comparisons, "comparison"))
	const sign = "; negative is worse for ops/s, positive is worse for time, memory and allocations"
	if c.Mode == judge.StoredMode {
		list = append(list,
			sheet.Term{Term: "change", Text: "new/old − 1 of the medians" + sign},
			sheet.Term{Term: "p", Text: "two-sided Mann-Whitney U test of all trials of both documents"},
			sheet.Term{Term: "fail", Text: fmt.Sprintf("the median is worse by %s or more and p is at most %s", result.FormatPercent(r.MinEffect), alpha)},
			sheet.Term{Term: "pass", Text: fmt.Sprintf("the median is worse by less than %s; everything else is inconclusive", result.FormatPercent(r.MinEffect))})
	} else {
		list = append(list,
			sheet.Term{Term: "change", Text: "new/old − 1 of the median pair, where the old value is the mean of " + c.Documents[0].Label + " and its copy" + sign},
			sheet.Term{Term: "bounds", Text: "one-sided bounds by the exact sign test over " + result.FormatCounted(r.Pairs, "pair") + ": on the side of better at " +
				alpha + fmt.Sprintf(", on the side of worse at %s", result.FormatPercent(1-r.PassAlpha))},
			sheet.Term{Term: "A/A′", Text: "change from " + c.Documents[0].Label +
				" to an identical copy of it: the noise of the machine; where the rule finds a change (!), the result is inconclusive"},
			sheet.Term{Term: "fail", Text: fmt.Sprintf("worse by %s or more, and both bounds are worse than 0", result.FormatPercent(r.MinEffect))},
			sheet.Term{Term: "pass", Text: fmt.Sprintf("no bound is worse by %s or more; everything else is inconclusive", result.FormatPercent(r.Tolerance))})
	}
	if showsUngated(c) {
		list = append(list, sheet.Term{Term: "( )", Text: "not gated: shown, but not part of the verdict"})
	}
	return list
}

// rateLegends explains the verdict about goals at a rate.
func rateLegends(c *judge.Check) []sheet.Term {
	list := []sheet.Term{
		{Term: "met", Text: "trials that meet the goal; one in which the store is saturated does not"},
		{Term: "pass, fail", Text: "so many trials meet, or miss, the goal that their median does with 97.5 % confidence (sign test); " +
			"where they do neither, the verdict is inconclusive"},
		{Term: "95 % interval", Text: "of the median over the trials"},
	}
	if len(c.Documents) > 1 {
		list = append(list, sheet.Term{Term: "( )", Text: "the older build, in the same blocks and with the same arrivals: shown, but not part of the verdict"})
	}
	return list
}

func showsUngated(c *judge.Check) bool {
	return slices.ContainsFunc(c.Scenarios, func(s judge.ScenarioCheck) bool {
		return slices.ContainsFunc(s.Rows, func(r judge.RowCheck) bool {
			return slices.ContainsFunc(r.Metrics, func(f judge.MetricCheck) bool { return !f.Gated })
		})
	})
}
