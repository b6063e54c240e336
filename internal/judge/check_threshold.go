package judge

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/internal/stats"
	"github.com/sessbench/sessbench/reports/result"
)

// CheckThresholds checks a result against thresholds only. command is the command line. It is
// an error if there is no threshold, or one matches nothing in the result.
func CheckThresholds(fresh Source, list []Threshold, command string) (*Check, error) {
	if len(list) == 0 {
		return nil, errors.New("no threshold to judge")
	}
	c := newCheck(ThresholdMode, command, fresh)
	c.Interrupted = fresh.Document.Interrupted
	c.violated(fresh)
	return c.conclude(list)
}

// someOf joins the first few elements of a list and counts the others.
func someOf(list []string) string {
	const most = 3
	if more := len(list) - most; more > 0 {
		return strings.Join(list[:most], "; ") + fmt.Sprintf("; and %d more", more)
	}
	return strings.Join(list, "; ")
}

// describeThresholds describes the thresholds with an outcome, those farthest from their bounds first.
func describeThresholds(list []ThresholdCheck, o Verdict) (lines []string) {
	list = slices.DeleteFunc(slices.Clone(list), func(t ThresholdCheck) bool { return t.Verdict != o })
	slices.SortStableFunc(list, func(a, b ThresholdCheck) int { return cmp.Compare(b.distance(), a.distance()) })
	for _, t := range list {
		lines = append(lines, t.Describe())
	}
	return lines
}

// Relative reports whether the bound is a multiple of another row's value.
func (t *ThresholdCheck) Relative() bool { return t.relative }

// distance is how far a figure is from its bound: twice is as far as half.
func (t *ThresholdCheck) distance() float64 {
	switch {
	case t.Value == nil:
		return 0
	case *t.Value <= 0 || t.Bound <= 0:
		return math.Inf(1)
	}
	return math.Abs(math.Log(*t.Value / t.Bound))
}

// ApplyThresholds applies thresholds to the rows of a document. The checks are in the order of the thresholds, and for each
// of them in that of the rows. The error names the first threshold that matches nothing: see [Threshold.Match].
//
// The median over the trials is compared with the bound. If the bound is a factor, the row and the other one are paired
// block by block, and the median of the ratios is judged, because a slow machine slows both in the same block. A value that
// some trial lacks is [Inconclusive]. A row whose audit failed has no values and no check; a scenario in which no row has the
// operation is skipped. A threshold that is Known and matches nothing is inconclusive: the operation did not occur.
func ApplyThresholds(d *result.Document, list []Threshold) (checked []ThresholdCheck, err error) {
	return applyThresholds(d, list, func(t Threshold, r *result.Result) ThresholdCheck { return t.judge(d, r) })
}

// applyThresholds is [ApplyThresholds] with one that applies a threshold to a row.
func applyThresholds(d *result.Document, list []Threshold, one func(Threshold, *result.Result) ThresholdCheck) (checked []ThresholdCheck, err error) {
	for _, t := range list {
		err := t.Match(d)
		judged, struck := len(checked), false
		for i := range d.Results {
			switch r := &d.Results[i]; {
			case err != nil || !t.appliesTo(r):
			case r.Failed():
				struck = true
			case occurs(d, r.Scenario, t.subject.operation):
				checked = append(checked, one(t, r))
			}
		}
		switch {
		case judged < len(checked) || struck:
			continue
		case err == nil:
			err = fmt.Errorf("%q: matches no row here: a gate that matches nothing cannot fail", t.Text)
		}
		if !t.Known {
			return nil, err
		}
		checked = append(checked, ThresholdCheck{
			Threshold: t.Text, Metric: t.metric.Short(), Unit: t.metric.Unit, Operator: t.operator, Bound: t.bound,
			Verdict: Inconclusive, Reason: err.Error(),
		})
	}
	return checked, nil
}

// appliesTo reports whether the threshold applies to the strategy of a row.
func (t Threshold) appliesTo(r *result.Result) bool {
	probe := r.Strategy == probeName || len(r.Trials) > 0 && !r.Audited()
	return t.covers(r.Strategy, probe, r.Baseline)
}

// occurs reports whether any row of a scenario has the operation.
func occurs(d *result.Document, scenario, op string) bool {
	return op == "" || slices.ContainsFunc(d.Results, func(r result.Result) bool {
		return r.Scenario == scenario && slices.Contains(operationsOf(&r), op)
	})
}

// of returns the threshold's check of a row before it is judged.
func (t Threshold) of(r *result.Result) ThresholdCheck {
	return ThresholdCheck{Threshold: t.Text, Scenario: r.Scenario, Strategy: r.Strategy, Operation: t.subject.operation,
		Metric: t.metric.Short(), Unit: t.metric.Unit, Operator: t.operator, Bound: t.bound, Verdict: Inconclusive, relative: t.relative}
}

func (t Threshold) judge(d *result.Document, r *result.Result) ThresholdCheck {
	c := t.of(r)
	if t.relative {
		c.Bound = 0 // until the other figure is known
	}
	if pooled, ok := r.Summary.Pooled[t.metric.Short()]; ok && t.subject.operation == "" && !t.relative && !r.Failed() {
		t.judgePooled(&c, r, pooled)
		return c
	}
	figures, why := byBlock(t.metric, r, t.subject.operation)
	if why != "" {
		c.Reason = why
		return c
	}
	median := stats.Median(slices.Collect(maps.Values(figures)))
	c.Value = &median.Median
	if t.relative {
		if t.metric.AtLeast(r, t.subject.operation, median.Median) {
			c.Reason = lowerBound
			return c
		}
		t.judgeRatio(&c, d, r, figures)
		return c
	}
	c.Verdict = t.outcome(median.Median)
	if t.uncertain(c, r) {
		c.Verdict, c.Reason = Inconclusive, lowerBound
		return c
	}
	if len(figures) >= stats.MinSamples && median.Lo <= t.bound && t.bound <= median.Hi {
		c.Reason = fmt.Sprintf("close: the median's 95 %% interval, %s to %s, contains the bound",
			t.metric.Format(median.Lo), t.metric.Format(median.Hi))
	}
	return c
}

// lowerBound is why a value may not decide.
const lowerBound = "only a lower bound: some operations had not ended when the trial did"

// uncertain reports whether the value of a check is a lower bound that does not decide.
func (t Threshold) uncertain(c ThresholdCheck, r *result.Result) bool {
	less := strings.HasPrefix(t.operator, "<")
	return less != (c.Verdict == Failing) && t.metric.AtLeast(r, c.Operation, *c.Value)
}

// judgePooled judges the percentile or the maximum of the operations of all trials together,
// which is the value in the table.
func (t Threshold) judgePooled(c *ThresholdCheck, r *result.Result, of result.Pooled) {
	lo, hi := float64(of.LoNs), float64(of.HiNs)
	value, _ := t.metric.Shown(r)
	c.Value, c.Verdict = &value, t.outcome(value)
	if t.uncertain(*c, r) {
		c.Verdict, c.Reason = Inconclusive, lowerBound
		return
	}
	c.Reason = fmt.Sprintf("of all trials together; %s to %s with any one trial left out", t.metric.Format(lo), t.metric.Format(hi))
	if lo <= t.bound && t.bound <= hi {
		c.Reason = "close: " + c.Reason
	}
}

// byBlock returns the metric of every trial by block, for one kind of operation or for all (op ""). If a trial lacks it, it
// returns the reason instead: using only the others would be a biased choice.
func byBlock(m *metric.Metric, r *result.Result, op string) (xs stats.Blocks, why string) {
	if why := NoSpeed(r); why != "" {
		return nil, why
	}
	xs = stats.Blocks{}
	lacking := 0
	for i := range r.Trials {
		x, missing := m.Of(r, &r.Trials[i], op)
		if missing != "" {
			lacking, why = lacking+1, missing
		}
		xs[r.Trials[i].Block] = x
	}
	if lacking > 0 {
		return nil, fmt.Sprintf("%s in %d of %d trials", why, lacking, len(r.Trials))
	}
	return xs, ""
}

// judgeRatio judges the ratio of a row's values to those of the other strategy.
func (t Threshold) judgeRatio(c *ThresholdCheck, d *result.Document, r *result.Result, figures stats.Blocks) {
	other := t.factorRow(d, c.Scenario)
	if other == nil {
		c.Reason = "no row in this scenario to compare with"
		return
	}
	name := strings.TrimSpace(other.Strategy + " " + t.other.operation)
	theirs, why := byBlock(t.metric, other, t.other.operation)
	if why != "" {
		c.Reason = "compared with " + name + ": " + why
		return
	}
	if timed := t.metric.Unit == "ops/s" || t.metric.Unit == "ns"; timed && r != other && noRatio(r, other) != "" {
		c.Reason = "no ratio to " + name + ": " + noRatio(r, other)
		return
	}
	c.Bound = t.bound * stats.Median(slices.Collect(maps.Values(theirs))).Median
	mine, others := stats.Pair(figures, theirs)
	switch {
	case len(mine) == 0:
		c.Reason = "no block has a trial of both it and " + name
		return
	case slices.Min(mine) <= 0 || slices.Min(others) <= 0:
		c.Reason = "a figure is 0 in some trial, so there is no ratio to " + name
		return
	}
	ratio := stats.PairedRatio(mine, others)
	c.Verdict = t.outcome(ratio.Ratio)
	c.Reason = fmt.Sprintf("%s that of %s, per block", formatFactor(ratio.Ratio), name)
	if ratio.Bounded() {
		c.Reason += fmt.Sprintf(" (%s)", result.FormatRatioRange(ratio.Lo, ratio.Hi))
	}
	c.Reason += ", " + comparison(t.operator, c.Verdict) + " " + formatFactor(t.bound)
	if ratio.Bounded() && ratio.Lo <= t.bound && t.bound <= ratio.Hi {
		c.Reason += ": close, since the interval contains it"
	}
}

// factorRow returns the row of a scenario whose value the factor multiplies, or nil.
func (t Threshold) factorRow(d *result.Document, scenario string) *result.Result {
	for i := range d.Results {
		if r := &d.Results[i]; r.Scenario == scenario && t.isOther(r.Strategy, r.Baseline) {
			return r
		}
	}
	return nil
}

// outcome returns whether a value or ratio satisfies the bound.
func (t Threshold) outcome(x float64) Verdict {
	if map[string]bool{"<": x < t.bound, "<=": x <= t.bound, ">": x > t.bound, ">=": x >= t.bound}[t.operator] {
		return Passed
	}
	return Failing
}

// comparison describes in words how a value that passed or failed relates to its bound.
func comparison(operator string, v Verdict) string {
	words := map[string][2]string{
		"<": {"below", "not below"}, "<=": {"at most", "above"}, ">": {"above", "not above"}, ">=": {"at least", "below"},
	}[operator]
	if v == Passed {
		return words[0]
	}
	return words[1]
}

// formatFactor writes a factor with three digits: 10×, 1.05×, 0.012×.
func formatFactor(x float64) string {
	if x >= 100 {
		return result.FormatRatio(x)
	}
	return strconv.FormatFloat(x, 'g', 3, 64) + "×"
}

// Describe describes the threshold's result in one clause: sharded (chatbot) append p99 is 7.10
// ms, not below 5.00 ms.
func (t *ThresholdCheck) Describe() string {
	name := fmt.Sprintf("%s (%s) %s", t.Strategy, t.Scenario, strings.TrimSpace(t.Operation+" "+t.Metric))
	switch {
	case t.Strategy == "": // it matches nothing, as the reason explains
		return t.Reason
	case t.Verdict == Inconclusive || t.Value == nil || t.New != nil:
		return name + ": " + t.Reason
	case t.relative: // the ratio is what was judged
		return fmt.Sprintf("%s is %s, %s", name, metric.FormatValue(t.Unit, *t.Value), t.Reason)
	}
	text := fmt.Sprintf("%s is %s, %s %s", name,
		metric.FormatValue(t.Unit, *t.Value), comparison(t.Operator, t.Verdict), metric.FormatValue(t.Unit, t.Bound))
	if t.Reason != "" {
		text += " (" + t.Reason + ")"
	}
	return text
}
