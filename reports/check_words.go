package reports

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/reports/result"
)

// shout is the verdict as it stands before its words: FAIL.
func (o Outcome) shout() string { return strings.ToUpper(string(o)) }

// headline is the verdict in words, and whether it is only advice.
func (c *Check) headline() string {
	verdict := c.Verdict.shout()
	if c.Advisory && (c.Verdict == Passed || c.Binding() != c.Verdict) {
		verdict += " (advice)"
	}
	return verdict + ": " + c.Words
}

// words says what a duet or a stored baseline came to, the worst first.
func (c *Check) words() string {
	var parts []string
	add := func(text string) { // what begins with a name, or stands alone behind the verdict
		if text != "" {
			parts = append(parts, text)
		}
	}
	say := func(text string) { // what begins with a word
		if len(parts) > 0 && text != "" {
			text = strings.ToUpper(text[:1]) + text[1:]
		}
		add(text)
	}
	add(c.violatedWords())
	add(c.failedWords())
	add(c.thresholdWords(FailedGate, "crossed"))
	if c.Verdict == Inconclusive {
		add(c.undecidedWords())
	}
	add(c.thresholdWords(Inconclusive, "cannot be judged"))
	if c.Verdict == Inconclusive && c.unfinished {
		say("not everything could be held against " + c.Documents[0].Label)
	}
	if c.Verdict == Passed {
		add(c.passedWords())
	}
	if c.Interrupted {
		say(c.interruptedWords())
	}
	say(c.adviceWords())
	return strings.Join(parts, ". ") + "."
}

func (c *Check) violatedWords() string {
	if len(c.Violations) == 0 {
		return ""
	}
	v := c.Violations[0]
	text := fmt.Sprintf("%s (%s) %s in %s: there is no speed to judge", v.Strategy, v.Scenario, v.Reason, v.Document)
	if more := len(c.Violations) - 1; more > 0 {
		text += fmt.Sprintf(", and %d more failed theirs", more)
	}
	return text
}

// failedWords names the gate that failed by most and counts the others.
func (c *Check) failedWords() string {
	list := c.gatesThat(FailedGate)
	if len(list) == 0 {
		return ""
	}
	slices.SortStableFunc(list, func(a, b gate) int { return cmp.Compare(b.severity(), a.severity()) })
	worst := list[0]
	text := worst.name() + " " + worst.worsened()
	if more := len(list) - 1; more > 0 {
		text += fmt.Sprintf(", and %d more of %d comparisons failed", more, c.Rule.Comparisons)
	}
	return text
}

// severity orders changes by how many times worse the new figure is: half the rate is as bad as twice the time. A change
// without a share is from 0, or to 0, and is the worst.
func (f *CheckedMetric) severity() float64 {
	if f.Change == nil {
		return math.Inf(1)
	}
	return f.worse() * math.Log1p(*f.Change)
}

// worse is the sign of a change for the worse.
func (f *CheckedMetric) worse() float64 {
	if f.metric.higher {
		return -1
	}
	return 1
}

// leastWorse is the bound of the change on the side of better: the change for the worse is at least that. nil where
// there is none.
func (f *CheckedMetric) leastWorse() *float64 {
	if f.metric.higher {
		return f.Upper
	}
	return f.Lower
}

// worsened says by how much a gate got worse: "is 10.2 % worse (at least 8.9 %)". Beyond eleven times, where a percentage
// is hard to read, it says from what to what instead.
func (f *CheckedMetric) worsened() string {
	if f.severity() > math.Log(11) {
		return "went from " + f.metric.writeKnown(f.Old) + " to " + f.metric.writeKnown(f.New)
	}
	text := "is " + precise(f.worse()**f.Change) + " worse"
	switch least := f.leastWorse(); {
	case least != nil:
		text += " (at least " + precise(f.worse()**least) + ")"
	case f.P != nil:
		text += fmt.Sprintf(" (p=%.2g n=%d+%d)", *f.P, len(f.Samples.Old), len(f.Samples.New))
	}
	return text
}

// undecidedWords says why the first of the gates is inconclusive, and what would have decided all of them.
func (c *Check) undecidedWords() string {
	list := c.gatesThat(Inconclusive)
	if len(list) == 0 {
		return ""
	}
	// The machine's own doubt comes first: more pairs are no help against it.
	slices.SortStableFunc(list, func(a, b gate) int { return cmp.Compare(b.firing(), a.firing()) })
	text := list[0].name() + ": " + list[0].why()
	if n := len(list); n > 1 {
		text = fmt.Sprintf("%d of %d comparisons are not decided; ", n, c.Rule.Comparisons) + text
	}
	needed := 0
	for _, g := range list {
		if g.Needed == 0 {
			return text
		}
		needed = max(needed, g.Needed)
	}
	return text + fmt.Sprintf("; about %d pairs would have decided", needed)
}

func (f *CheckedMetric) firing() int {
	if f.Copy != nil && f.Copy.Fires {
		return 1
	}
	return 0
}

// why is the reason of a verdict that is not plain.
func (f *CheckedMetric) why() string { return cmp.Or(f.Reason, "not decided") }

// thresholdWords counts the thresholds with an outcome and describes the first few.
func (c *Check) thresholdWords(o Outcome, what string) string {
	list := describeThresholds(c.Thresholds, o)
	if len(list) == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %s %s: %s", len(list), result.FormatCounted(len(c.Thresholds), "threshold"), what, someOf(list))
}

func (c *Check) passedWords() string {
	if c.Rule == nil {
		return ""
	}
	judged := result.FormatCounted(c.Rule.Comparisons, "comparison")
	if n := len(c.Thresholds); n > 0 {
		judged += ", " + result.FormatCounted(n, "threshold") + " kept"
	}
	if c.Mode == DuetMode {
		return fmt.Sprintf("nothing gated got worse by %s or more (%s, %s)", inPercent(c.Rule.Tolerance), result.FormatCounted(c.Rule.Pairs, "pair"), judged)
	}
	return fmt.Sprintf("no gated median is worse by %s or more (%s)", inPercent(c.Rule.MinEffect), judged)
}

func (c *Check) interruptedWords() string {
	if c.Rule == nil || c.Rule.Planned == 0 {
		return "interrupted"
	}
	return fmt.Sprintf("interrupted after %d of %s", c.Rule.Pairs, result.FormatCounted(c.Rule.Planned, "pair"))
}

// adviceWords says that the verdict is advice, and why.
func (c *Check) adviceWords() string {
	switch {
	case !c.Advisory:
		return ""
	case len(c.Differences) > 0:
		return "the comparison is advice: " + c.Documents[0].Label +
			" was measured on another machine, and machines differ by more than versions do"
	}
	return "the comparison is advice: between two times of one machine the spread alone can be as large as what is looked for"
}

// gatesThat lists the gates with an outcome.
func (c *Check) gatesThat(o Outcome) []gate {
	return slices.DeleteFunc(c.gates(), func(g gate) bool { return g.Verdict != o })
}

// problems says what a reader must know about what was not judged.
func (c *Check) problems() (lines []string) {
	for _, v := range c.Violations {
		if len(c.Violations) == 1 {
			break // which the verdict has said
		}
		lines = append(lines, fmt.Sprintf("Violated: %s (%s) %s in %s.", v.Strategy, v.Scenario, v.Reason, v.Document))
	}
	for _, l := range c.LeftOut {
		lines = append(lines, fmt.Sprintf("Left out of %s: %s (%s): %s.", l.Document, l.Strategy, l.Scenario, l.Reason))
	}
	if len(c.Differences) > 0 {
		lines = append(lines, "The machines differ: "+strings.Join(describeAll(c.Differences, c.Documents[0].Label), "; ")+".")
	}
	return lines
}

// reasons says why gates of a scenario are what they are, a line a reason.
func (s *CheckedScenario) reasons() (lines []string) {
	var order []string
	gates := map[string][]string{}
	for _, r := range s.Rows {
		for _, f := range r.Metrics {
			if !f.Gated || f.Reason == "" {
				continue
			}
			why := fmt.Sprintf("%s: %s", f.Verdict, f.Reason)
			if f.Needed > 0 {
				why += fmt.Sprintf("; about %d pairs would have decided", f.Needed)
			}
			if gates[why] == nil {
				order = append(order, why)
			}
			gates[why] = append(gates[why], r.Strategy+" "+f.metric.word())
		}
	}
	for _, why := range order {
		lines = append(lines, and(gates[why])+": "+why+".")
	}
	return lines
}
