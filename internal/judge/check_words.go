package judge

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/reports/result"
)

// explain returns the sentences that explain the verdict, the worst first.
func (c *Check) explain() string {
	var parts []string
	add := func(text string) { // begins with a name, or follows the verdict alone
		if text != "" {
			parts = append(parts, text)
		}
	}
	addSentence := func(text string) { // capitalized unless it is the first
		if len(parts) > 0 && text != "" {
			text = strings.ToUpper(text[:1]) + text[1:]
		}
		add(text)
	}
	add(c.violatedWords())
	add(c.failedWords())
	add(c.thresholdWords(Failing, "crossed"))
	if c.Verdict == Inconclusive {
		add(c.undecidedWords())
	}
	add(c.thresholdWords(Inconclusive, "cannot be judged"))
	if c.Verdict == Inconclusive && c.unfinished {
		addSentence("not everything could be compared with " + c.Documents[0].Label)
	}
	if c.Verdict == Passed {
		add(c.passedWords())
	}
	if c.Interrupted {
		addSentence(c.Interruption())
	}
	addSentence(c.adviceWords())
	return strings.Join(parts, ". ") + "."
}

func (c *Check) violatedWords() string {
	if len(c.Violations) == 0 {
		return ""
	}
	v := c.Violations[0]
	text := fmt.Sprintf("%s (%s) %s in %s: there is no speed to judge", v.Strategy, v.Scenario, v.Reason, v.Document)
	if more := len(c.Violations) - 1; more > 0 {
		text += fmt.Sprintf(", and %d more failed their audits", more)
	}
	return text
}

// failedWords names the gate with the largest regression and counts the others.
func (c *Check) failedWords() string {
	list := c.gatesThat(Failing)
	if len(list) == 0 {
		return ""
	}
	slices.SortStableFunc(list, func(a, b Gate) int { return cmp.Compare(b.Severity(), a.Severity()) })
	worst := list[0]
	text := worst.Name() + " " + worst.Worsening()
	if more := len(list) - 1; more > 0 {
		text += fmt.Sprintf(", and %d more of %d comparisons failed", more, c.Rule.Comparisons)
	}
	return text
}

// Severity orders changes by how many times worse the new value is: half the rate is as bad as
// twice the time. A change without a ratio is from or to 0, and is the worst.
func (f *MetricCheck) Severity() float64 {
	if f.Change == nil {
		return math.Inf(1)
	}
	return f.worse() * math.Log1p(*f.Change)
}

// worse returns the sign of a change for the worse.
func (f *MetricCheck) worse() float64 {
	if metric.Named(f.Metric).HigherIsBetter {
		return -1
	}
	return 1
}

// leastWorse returns the bound of the change on the better side: the regression is at least
// that large. It is nil if there is no bound.
func (f *MetricCheck) leastWorse() *float64 {
	if metric.Named(f.Metric).HigherIsBetter {
		return f.Upper
	}
	return f.Lower
}

// Worsening states by how much a gate is worse: "is 10.2 % worse (at least 8.9 %)". Beyond
// eleven times, where percentages are hard to read, it states the old and the new value.
func (f *MetricCheck) Worsening() string {
	if f.Severity() > math.Log(11) {
		return "went from " + metric.Named(f.Metric).FormatKnown(f.Old) + " to " + metric.Named(f.Metric).FormatKnown(f.New)
	}
	text := "is " + result.FormatPercent1(f.worse()**f.Change) + " worse"
	switch least := f.leastWorse(); {
	case least != nil:
		text += " (at least " + result.FormatPercent1(f.worse()**least) + ")"
	case f.P != nil:
		text += fmt.Sprintf(" (p=%.2g n=%d+%d)", *f.P, len(f.Samples.Old), len(f.Samples.New))
	}
	return text
}

// undecidedWords states why the first inconclusive gate is inconclusive, and how many pairs
// would decide all of them.
func (c *Check) undecidedWords() string {
	list := c.gatesThat(Inconclusive)
	if len(list) == 0 {
		return ""
	}
	// Noise of the machine comes first, because more pairs do not help against it.
	slices.SortStableFunc(list, func(a, b Gate) int { return cmp.Compare(b.copyFires(), a.copyFires()) })
	text := list[0].Name() + ": " + cmp.Or(list[0].Reason, "not decided")
	if n := len(list); n > 1 {
		text = fmt.Sprintf("%d of %d comparisons are inconclusive; ", n, c.Rule.Comparisons) + text
	}
	needed := 0
	for _, g := range list {
		if g.Needed == 0 {
			return text
		}
		needed = max(needed, g.Needed)
	}
	return text + fmt.Sprintf("; about %d pairs would suffice", needed)
}

func (f *MetricCheck) copyFires() int {
	if f.Copy != nil && f.Copy.Fires {
		return 1
	}
	return 0
}

// thresholdWords counts the thresholds with a verdict and describes the first few.
func (c *Check) thresholdWords(o Verdict, what string) string {
	list := describeThresholds(c.Thresholds, o)
	if len(list) == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %s %s: %s", len(list), result.FormatCounted(len(c.Thresholds), "threshold"), what, someOf(list))
}

func (c *Check) passedWords() string {
	if c.Mode == RateMode {
		return result.FormatCounted(len(c.Thresholds), "goal") + ": all met by repeated trials"
	}
	if c.Rule == nil {
		return result.FormatCounted(len(c.Thresholds), "threshold") + ": all met"
	}
	judged := result.FormatCounted(c.Rule.Comparisons, "comparison")
	if n := len(c.Thresholds); n > 0 {
		judged += ", " + result.FormatCounted(n, "threshold") + " met"
	}
	if c.Mode == DuetMode {
		return fmt.Sprintf("no gated metric is worse by %s or more (%s, %s)", result.FormatPercent(c.Rule.Tolerance), result.FormatCounted(c.Rule.Pairs, "pair"), judged)
	}
	return fmt.Sprintf("no gated median is worse by %s or more (%s)", result.FormatPercent(c.Rule.MinEffect), judged)
}

func (c *Check) Interruption() string {
	if c.Rule == nil || c.Rule.Planned == 0 {
		return "interrupted: only the trials completed before were judged"
	}
	return fmt.Sprintf("interrupted after %d of %s", c.Rule.Pairs, result.FormatCounted(c.Rule.Planned, "pair"))
}

// adviceWords states why the verdict is only advice.
func (c *Check) adviceWords() string {
	switch {
	case !c.Advisory:
		return ""
	case len(c.Differences) > 0:
		return "this comparison is only advice: " + c.Documents[0].Label +
			" was measured on another machine, and machines differ more than versions do"
	}
	return "this comparison is only advice: measurements of one machine at two times can differ as much as the change to be detected"
}

// gatesThat lists the gates with a verdict.
func (c *Check) gatesThat(o Verdict) []Gate {
	return slices.DeleteFunc(c.Gates(), func(g Gate) bool { return g.Verdict != o })
}
