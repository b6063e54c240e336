package reports

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/sessbench/sessbench/internal/judge"
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
	text := judge.MetricNamed(f.Metric).Format(difference)
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
	return judge.FormatValue(t.Unit, *t.Value)
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
	return verdict + ": " + c.Words
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
func gateReasons(s *judge.ScenarioCheck) (lines []string) {
	var order []string
	gates := map[string][]string{}
	for _, r := range s.Rows {
		for _, f := range r.Metrics {
			if !f.Gated || f.Reason == "" {
				continue
			}
			why := fmt.Sprintf("%s: %s", f.Verdict, f.Reason)
			if f.Needed > 0 {
				why += fmt.Sprintf("; about %d pairs would suffice", f.Needed)
			}
			if gates[why] == nil {
				order = append(order, why)
			}
			gates[why] = append(gates[why], r.Strategy+" "+judge.MetricNamed(f.Metric).Word())
		}
	}
	for _, why := range order {
		lines = append(lines, and(gates[why])+": "+why+".")
	}
	return lines
}
