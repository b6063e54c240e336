package reports

import (
	"fmt"
	"strings"

	"github.com/sessbench/sessbench/internal/judge"
)

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
			break // which the verdict has said
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
