package reports

import (
	"fmt"
	"slices"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/reports/result"
)

// checkLegends explains the rule and the signs in the tables.
func checkLegends(c *judge.Check) (list []legend) {
	r := c.Rule
	if r == nil {
		return nil
	}
	alpha := fmt.Sprintf("α = %.3g (%v over %s)", r.Alpha, judge.FalseAlarmRate, result.FormatCounted(r.Comparisons, "comparison"))
	const sign = "; negative is worse for ops/s, positive is worse for time, memory and allocations"
	if c.Mode == judge.StoredMode {
		list = append(list,
			legend{"change", "new/old − 1 of the medians" + sign},
			legend{"p", "two-sided Mann-Whitney U test of all trials of both documents"},
			legend{"fail", fmt.Sprintf("the median is worse by %s or more and p is at most %s", result.FormatPercent(r.MinEffect), alpha)},
			legend{"pass", fmt.Sprintf("the median is worse by less than %s; everything else is inconclusive", result.FormatPercent(r.MinEffect))})
	} else {
		list = append(list,
			legend{"change", "new/old − 1 of the median pair, where the old value is the mean of " + c.Documents[0].Label + " and its copy" + sign},
			legend{"bounds", "one-sided bounds by the exact sign test over " + result.FormatCounted(r.Pairs, "pair") + ": on the side of better at " +
				alpha + fmt.Sprintf(", on the side of worse at %s", result.FormatPercent(1-r.PassAlpha))},
			legend{"A/A′", "change from " + c.Documents[0].Label +
				" to an identical copy of it: the noise of the machine; where the rule finds a change (!), the result is inconclusive"},
			legend{"fail", fmt.Sprintf("worse by %s or more, and both bounds are worse than 0", result.FormatPercent(r.MinEffect))},
			legend{"pass", fmt.Sprintf("no bound is worse by %s or more; everything else is inconclusive", result.FormatPercent(r.Tolerance))})
	}
	if showsUngated(c) {
		list = append(list, legend{"( )", "not gated: shown, but not part of the verdict"})
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

// checkProvenance states where the values are from. A machine is named once.
func checkProvenance(c *judge.Check) (list []legend) {
	var last result.Machine
	for _, d := range c.Documents {
		doc := &result.Document{Tool: d.Tool, Created: d.Created, Machine: d.Machine}
		if c.Mode == judge.StoredMode {
			doc.Config.Command = d.Command // what the other time's was
		}
		list = append(list, legend{d.Label, toolLine(doc)})
		d.Machine.Load1 = 0 // never twice the same
		if line := judge.MachineLine(doc); line != "" && d.Machine != last {
			list = append(list, legend{"", line})
			last = d.Machine
		}
	}
	return list
}
