package judge

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/stats"
	"github.com/sessbench/sessbench/reports/result"
)

// AtRate is whole trials in an open loop of a build, and maybe of an older one in the same blocks.
type AtRate struct {
	Old, New   Source // Old has no document without an older build
	Thresholds []Threshold
	Command    string // the command line
}

// Repeated is a goal at a rate, judged by the trials of one build.
type Repeated struct {
	Verdict   Verdict     `json:"verdict"`
	Reason    string      `json:"reason,omitempty"` // why it does not pass
	Value     *float64    `json:"value"`            // median over the trials; null if one lacks the value
	AtLeast   bool        `json:"at_least,omitempty"`
	Lower     *float64    `json:"lower,omitempty"` // of the median's 95 % interval, if all values are exact
	Upper     *float64    `json:"upper,omitempty"`
	Met       int         `json:"met"` // trials by their verdicts
	Missed    int         `json:"missed"`
	Undecided int         `json:"undecided"`
	Trials    []RateTrial `json:"trials"`
}

// RateTrial is a goal judged by one trial.
type RateTrial struct {
	Verdict   Verdict  `json:"verdict"`
	Reason    string   `json:"reason,omitempty"` // why it does not pass
	Order     int      `json:"order"`            // among the trials of all builds
	Block     int      `json:"block"`
	Value     *float64 `json:"value"`
	AtLeast   bool     `json:"at_least,omitempty"` // the value is a lower bound
	Offered   float64  `json:"offered"`            // operations per second
	Achieved  float64  `json:"achieved"`           // fraction of them
	Saturated bool     `json:"saturated,omitempty"`
}

// MinRateTrials is the number of trials from which a goal at a rate can be decided.
const MinRateTrials = stats.MinSamples

// rateAlpha bounds the probability of each wrong verdict about a goal at a rate, so that the bounds of the median's interval, which
// decide, have [stats.Confidence] together.
const rateAlpha = (1 - stats.Confidence) / 2

// CheckAtRate judges whether a build meets goals at the rate of its trials. A trial of a store that is saturated misses the goal. A
// value that the trial lacks, and a lower bound that does not decide, leave it undecided: see [Goal.Judge] for the rest. The older
// build does not affect the verdict, and neither does a failed audit of it. A row of this build whose audit failed is violated.
//
// The error is a [NotComparableError] if tapes or settings of the builds differ; other errors are about a threshold.
func CheckAtRate(of AtRate) (*Check, error) {
	sources := []Source{of.New}
	if of.Old.Document != nil {
		sources = []Source{of.Old, of.New}
	}
	c := newCheck(RateMode, of.Command, sources...)
	c.Interrupted = of.New.Document.Interrupted
	c.violated(of.New)
	older := map[*result.Result]*result.Result{}
	if len(sources) > 1 {
		var rows []alignedRow
		for _, r := range ResultsOf(of.New.Document) { // the builds were given the same rows
			for _, o := range ResultsOf(of.Old.Document) {
				if o.Scenario == r.Scenario && o.Strategy == r.Strategy {
					older[r] = o
					rows = append(rows, alignedRow{scenario: r.Scenario, label: r.Strategy, params: r.Params, results: []*result.Result{o, r}})
				}
			}
		}
		if err := c.sameSettings(sources, rows); err != nil {
			return nil, err
		}
	}
	for _, t := range of.Thresholds {
		if _, err := GoalOf(t); err != nil {
			return nil, err
		}
	}
	var err error
	c.Thresholds, err = applyThresholds(c.New, of.Thresholds, func(t Threshold, r *result.Result) ThresholdCheck {
		return t.judgeRepeated(r, older[r])
	})
	if err != nil {
		return nil, err
	}
	return c.decided(), nil
}

// judgeRepeated judges the threshold, a goal, by the trials of a row, and by those of the older build's row, which may be nil.
func (t Threshold) judgeRepeated(fresh, old *result.Result) ThresholdCheck {
	c, goal := t.of(fresh), Goal{t.Text, &t}
	c.Load = loadOf(fresh)
	c.New = goal.repeated(fresh)
	c.Value, c.Verdict = c.New.Value, c.New.Verdict
	if c.Verdict != Passed {
		c.Reason = c.New.Words() + " at " + c.Load + ": " + c.New.Reason
	}
	if old == nil {
		return c
	}
	c.Old = goal.repeated(old)
	what := map[Verdict]string{
		Passed: "the older build meets the goal", Failing: "the older build already failed before",
		Inconclusive: "whether the older build meets the goal is undecided", Violated: "the older build has no speed",
	}[c.Old.Verdict]
	why := c.Old.Words()
	if c.Old.Verdict == Violated {
		why = c.Old.Reason
	}
	if c.Verdict != Passed || c.Old.Verdict != Passed {
		c.Reason = strings.TrimPrefix(c.Reason+"; "+what+" ("+why+")", "; ")
	}
	return c
}

// repeated judges the goal by the trials of a row.
//
// The trials decide by the exact sign test: the goal is met if so many trials meet it that their median does with a confidence of
// 97.5 %, and missed if so many miss it, otherwise undecided. Of a figure with a bound that is the same as to compare the
// bound with the median's distribution-free interval, but it needs no figure of a trial whose store was saturated. The number of trials
// is fixed before the first one, unlike in a search for the highest rate, which stops as soon as two trials more agree than not: of
// a rate that half of the trials meet, that finds an answer as often as not, and as often the one as the other. A search
// can live with it, because it probes the neighbouring rates; a gate of CI would fail by chance.
func (g Goal) repeated(r *result.Result) *Repeated {
	c := &Repeated{Verdict: Inconclusive, Trials: []RateTrial{}}
	if r.Failed() {
		c.Verdict, c.Reason = Violated, NoSpeed(r)
		return c
	}
	var values []float64
	why := map[Verdict]string{} // the last reason of each verdict
	for i := range r.Trials {
		t := g.judgeTrial(r, &r.Trials[i])
		c.Trials = append(c.Trials, t)
		if t.Value != nil {
			values = append(values, *t.Value)
		}
		why[t.Verdict] = t.Reason
		switch t.Verdict {
		case Passed:
			c.Met++
		case Failing:
			c.Missed++
		default:
			c.Undecided++
		}
	}
	n := len(c.Trials)
	if n > 0 && len(values) == n {
		median := stats.Median(values).Median
		c.Value, c.AtLeast = &median, g.threshold.metric.AtLeast(r, g.Operation(), median)
		exact := !slices.ContainsFunc(c.Trials, func(t RateTrial) bool { return t.AtLeast })
		if lo, ok := stats.LowerBound(values, rateAlpha); ok && exact {
			hi, _ := stats.UpperBound(values, rateAlpha)
			c.Lower, c.Upper = &lo, &hi
		}
	}
	switch needed := stats.UpperRank(n, rateAlpha); {
	case needed == 0:
		c.Reason = fmt.Sprintf("%s: a verdict needs %d", result.FormatCounted(n, "trial"), MinRateTrials)
	case c.Met >= needed:
		c.Verdict = Passed
	case c.Missed >= needed:
		c.Verdict, c.Reason = Failing, why[Failing]
	case c.Undecided > 0:
		c.Reason = why[Inconclusive]
	default:
		c.Reason = fmt.Sprintf("trials disagree, a verdict needs %d: %s", needed, why[Failing])
	}
	return c
}

// judgeTrial judges the goal, which has a threshold, by one trial of r.
func (g Goal) judgeTrial(r *result.Result, t *result.Trial) RateTrial {
	c := RateTrial{Verdict: Inconclusive, Order: t.Order, Block: t.Block}
	th := g.threshold
	x, missing := th.metric.Of(r, t, g.Operation())
	if missing == "" {
		c.Value, c.AtLeast = &x, th.metric.Bound != nil && th.metric.Bound(t, g.Operation(), x)
	}
	o := t.OpenLoop
	if o != nil {
		c.Offered, c.Achieved, c.Saturated = o.Offered, o.Achieved, o.Saturated
	}
	switch {
	case whyUndecided(&t.Audit) != "":
		c.Reason = whyUndecided(&t.Audit)
	case o == nil:
		c.Reason = "not in an open loop"
	case o.Saturated:
		c.Verdict = Failing
		c.Reason = fmt.Sprintf("saturated: the queue grew by %s of %s visits", result.FormatCount(int64(o.Growth)), result.FormatCount(t.Visits))
	case missing != "":
		c.Reason = missing
	default:
		c.Verdict = th.outcome(x)
		failing := c.Verdict == Failing
		switch less := strings.HasPrefix(th.operator, "<"); {
		case c.AtLeast && less != failing:
			c.Verdict, c.Reason = Inconclusive, lowerBound
		case failing:
			c.Reason = fmt.Sprintf("%s is %s, %s %s", strings.TrimSpace(g.Operation()+" "+th.metric.Short()), th.metric.Format(x),
				comparison(th.operator, Failing), th.metric.Format(th.bound))
		default:
			c.Verdict, c.Reason = g.judgeStarts(t)
		}
	}
	return c
}

// Words states how many trials met the goal: met in 4 of 6 trials, undecided in 1.
func (c *Repeated) Words() string {
	text := fmt.Sprintf("met in %d of %s", c.Met, result.FormatCounted(len(c.Trials), "trial"))
	if c.Undecided > 0 {
		text += fmt.Sprintf(", undecided in %d", c.Undecided)
	}
	return text
}
