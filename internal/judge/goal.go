package judge

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/reports/result"
)

// Goal is what a store is to meet at a rate, besides keeping up with it: a threshold, or nothing more. See [ParseGoal].
type Goal struct {
	Text      string     // as in documents
	threshold *Threshold // nil: nothing more
}

// Sustained is the goal of a store that keeps up with the rate.
const Sustained = "sustained"

// ParseGoal reads sustained, or a threshold that every strategy can meet at low rates: [operation.]metric, an operator, and a bound in
// the metric's unit. The error names the text and what is legal.
func ParseGoal(text string) (Goal, error) {
	if strings.TrimSpace(text) == Sustained {
		return Goal{Text: Sustained}, nil
	}
	t, err := ParseThreshold(text)
	if err != nil {
		return Goal{}, fmt.Errorf("%w; or %s alone", err, Sustained)
	}
	refused := t.noGoal()
	if refused == "" && t.subject.strategy != "" {
		refused = fmt.Sprintf("%q is no operation; a goal is for every strategy", t.subject.strategy)
	}
	if refused != "" {
		return Goal{}, fmt.Errorf("%q: %s: want %s, or %s", text, refused, Sustained, someGoal)
	}
	return Goal{t.Text, &t}, nil
}

// GoalOf returns a threshold as the goal of the strategies that it applies to. The error names its text and what is legal.
func GoalOf(t Threshold) (Goal, error) {
	if refused := t.noGoal(); refused != "" {
		return Goal{}, fmt.Errorf("%q: %s: want %s", t.Text, refused, someGoal)
	}
	return Goal{t.Text, &t}, nil
}

const someGoal = "a bound that is met at low rates, such as p99<5ms, append.p99<5ms or achieved>99%"

// noGoal returns why a threshold is no goal at a rate, or "".
func (t Threshold) noGoal() string {
	switch m := t.metric; {
	case t.relative:
		return "a factor of another strategy's value is no goal"
	case m.Closed:
		return "an open loop has no " + m.Short()
	case slices.Contains([]string{"ops_per_sec", "visits_per_sec", metric.HighestRate, metric.FailingRate}, m.Name):
		return m.Short() + " follows from the rate"
	case m.HigherIsBetter != strings.HasPrefix(t.operator, ">"):
		return "it is not met at low rates"
	}
	return ""
}

// MatchOperations returns an error if none of the scenario's operations is the goal's.
func (g Goal) MatchOperations(operations []string) error {
	if op := g.Operation(); op != "" && !slices.Contains(operations, op) {
		return fmt.Errorf("%q: no operation %s here: want one of %s", g.Text, op, strings.Join(operations, ", "))
	}
	return nil
}

// Operation is the operation that the goal is about; "" for all.
func (g Goal) Operation() string {
	if g.threshold == nil {
		return ""
	}
	return g.threshold.subject.operation
}

// Sustained reports whether the goal is to keep up with the rate and nothing more.
func (g Goal) Sustained() bool { return g.threshold == nil }

// Percentile returns the percentile that the goal is about, or nil.
func (g Goal) Percentile() *result.Percentile {
	if g.threshold == nil {
		return nil
	}
	name := g.threshold.metric.Short()
	name = name[strings.LastIndexByte(name, '.')+1:]
	for _, p := range result.Percentiles() {
		if p.Name == name {
			return &p
		}
	}
	return nil
}

// P99Bound returns the bound of a goal about the p99 of all operations, in nanoseconds; 0: it is another goal.
func (g Goal) P99Bound() float64 {
	if g.Sustained() || g.Operation() != "" || !slices.Contains([]string{"p99", "response.p99"}, g.threshold.metric.Short()) {
		return 0
	}
	return g.threshold.bound
}

// Judge judges the goal by one trial of r, and explains a verdict that is not Passed. If the goal is a time, the start delay must meet
// it, too, at the same percentile: a store is not fast at a rate that its users cannot keep.
func (g Goal) Judge(r *result.Result, t *result.Trial) (v Verdict, why string) {
	if g.threshold == nil {
		return Passed, ""
	}
	one := *r
	one.Trials, one.Summary = []result.Trial{*t}, result.Summary{}
	c := g.threshold.judge(&result.Document{}, &one)
	if c.Verdict != Passed {
		return c.Verdict, c.Describe()
	}
	return g.judgeStarts(t)
}

// judgeStarts judges by the start delay of a trial a goal that the trial's operations meet.
func (g Goal) judgeStarts(t *result.Trial) (v Verdict, why string) {
	if g.threshold.metric.Unit != "ns" {
		return Passed, ""
	}
	delay := &t.OpenLoop.StartNs
	ns := &delay.Max
	if p := g.Percentile(); p != nil {
		ns = *p.In(delay)
	} else if strings.HasSuffix(g.threshold.metric.Short(), "mean") {
		ns = &delay.Mean
	}
	switch {
	case ns == nil:
		return Inconclusive, "too few visits for the percentile of the start delay"
	case g.threshold.outcome(float64(*ns)) != Passed:
		return Failing, "the start delay is " + result.FormatNs(*ns)
	case delay.AtLeast(*ns):
		return Inconclusive, "the start delay is " + lowerBound
	}
	return Passed, ""
}
