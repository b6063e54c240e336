package judge

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/reports/result"
)

// The error probabilities of a verdict, the same for every mode.
const (
	FalseAlarmRate = 0.01 // of a fail without a change, over all gated comparisons
	checkPassAlpha = 0.1  // of each upper bound being too low
)

// NotComparableError reports documents whose values must not be compared, and why.
type NotComparableError struct {
	Reasons  []string
	Machines bool // only the machines differ, which [Stored.OtherMachine] allows
}

func (e *NotComparableError) Error() string {
	return "not comparable: " + strings.Join(e.Reasons, "; ")
}

// gatedMetrics returns the requested metrics, or the default ones if there are none. The error names an unknown or repeated
// metric.
func gatedMetrics(names []string) ([]string, error) {
	if len(names) == 0 {
		return metric.Names(metric.Gated()), nil
	}
	names = slices.Clone(names)
	for i, name := range names {
		if legal := metric.Names(metric.Compared()); !slices.Contains(legal, name) {
			return nil, fmt.Errorf("gated metric %q: want some of %s", name, strings.Join(legal, ", "))
		}
		if slices.Contains(names[:i], name) {
			return nil, fmt.Errorf("gated metric %q: named twice", name)
		}
	}
	return names, nil
}

// newCheck returns an empty check of sources; the last source holds the new values. command is
// the command line.
func newCheck(mode Mode, command string, sources ...Source) *Check {
	fresh := sources[len(sources)-1].Document
	c := &Check{
		SchemaVersion: CheckVersion,
		Kind:          checkKind,
		Created:       fresh.Created,
		Mode:          mode,
		Command:       command,
		New:           fresh,
	}
	for _, s := range sources {
		c.Documents = append(c.Documents, documentInfo(s))
	}
	return c
}

// align returns the rows that all sources have with a speed, and records the others as
// excluded. Sources with different tapes or settings, or without a common result, are a
// [NotComparableError]. Differences between machines are recorded; the mode decides what they
// mean.
func (c *Check) align(sources []Source) (rows []alignedRow, err error) {
	for _, s := range sources {
		if _, err := distinct(s); err != nil {
			return nil, &NotComparableError{Reasons: []string{err.Error()}}
		}
	}
	rows, out, err := align(sources)
	if err != nil && len(c.Violations) == 0 && !c.Interrupted {
		return nil, &NotComparableError{Reasons: []string{err.Error()}}
	}
	if err := c.sameSettings(sources, rows); err != nil {
		return nil, err
	}
	for _, l := range out {
		if l.cause != auditFailed {
			c.Excluded = append(c.Excluded, l)
		}
	}
	return slices.DeleteFunc(rows, func(r alignedRow) bool { return slices.Contains(r.results, nil) }), nil
}

// sameSettings records the differences between the machines of sources. Other ones are a [NotComparableError].
func (c *Check) sameSettings(sources []Source, rows []alignedRow) error {
	var reasons []string
	for _, d := range differences(sources, rows) {
		if d.of == ofMachine {
			c.Differences = append(c.Differences, d)
		} else {
			reasons = append(reasons, d.describe(sources[0].Label))
		}
	}
	if len(reasons) > 0 {
		return &NotComparableError{Reasons: reasons}
	}
	return nil
}

// violated records the rows of a document whose audit failed, each once: a binary and its copy are the same.
func (c *Check) violated(s Source) {
	for _, r := range ResultsOf(s.Document) {
		v := FailedAudit{Document: strings.TrimSuffix(s.Label, copyMark), Scenario: r.Scenario, Strategy: r.Strategy, Reason: NoSpeed(r)}
		if r.Failed() && !slices.Contains(c.Violations, v) {
			c.Violations = append(c.Violations, v)
		}
	}
}

// rated is a metric of a row that is to be judged.
type rated struct {
	*metric.Metric
	gated bool
}

// metricsOf returns the metrics of a row. Bytes per session are not measured for every kind of
// target: a row without them in every source is not judged by them. A gated percentile that is
// missing for lack of samples stays, and is inconclusive.
func metricsOf(r alignedRow, gated []string) (list []rated) {
	for _, m := range metric.Compared() {
		has := slices.ContainsFunc(r.results, func(x *result.Result) bool {
			return slices.ContainsFunc(x.Trials, func(t result.Trial) bool { _, ok := m.Read(x, &t); return ok })
		})
		if g := slices.Contains(gated, m.Name); (has || g && m.Unit == "ns") && incomparable(m, r.results...) == "" {
			list = append(list, rated{m, g})
		}
	}
	return list
}

// unmeasured records the gated metrics that a row does not have. If the metric was named by the
// user, the verdict cannot be a pass.
func (c *Check) unmeasured(r alignedRow, list []rated, gated []string, named bool) {
	for _, name := range gated {
		if slices.ContainsFunc(list, func(m rated) bool { return m.Name == name }) {
			continue
		}
		m, why := metric.Named(name), "no "+name+" on either side"
		if reason := incomparable(m, r.results...); reason != "" {
			why = m.Short() + " is not judged: " + reason
		}
		c.Excluded = append(c.Excluded, Exclusion{Document: c.Documents[0].Label, Scenario: r.scenario, Strategy: r.label, Reason: why})
		c.unfinished = c.unfinished || named
	}
}

// Gating is what a check decides by.
type Gating struct {
	Gated      []string // metrics, as in [metric.Compared]; none: those that are gated by default
	Named      bool     // the user named them: a row without one cannot pass
	MinEffect  float64  // a fraction: a smaller change of a median does not fail
	Thresholds []Threshold
	Command    string // the command line
}

// judge aligns sources, of which the last has the new values, and judges every metric of every row that they have in common.
// prepare completes the rule and checks the rows before. The comparisons, which share the false alarm rate, are counted first.
func (c *Check) judge(by *Gating, sources []Source, one func(r alignedRow, m rated, rule *Rule) MetricCheck,
	prepare func(rows []alignedRow, rule *Rule) error) (*Check, error) {
	gated, err := gatedMetrics(by.Gated)
	if err != nil {
		return nil, err
	}
	for _, s := range sources {
		c.violated(s)
	}
	rows, err := c.align(sources)
	if err != nil {
		return nil, err
	}
	if !by.Named { // the default has the metrics of both kinds of loop
		gated = slices.DeleteFunc(gated, func(name string) bool {
			m := metric.Named(name)
			return (m.Open || m.Given) && !slices.ContainsFunc(rows, func(r alignedRow) bool { return incomparable(m, r.results...) == "" })
		})
	}
	rule := &Rule{Gated: gated, Named: by.Named, MinEffect: by.MinEffect}
	if err := prepare(rows, rule); err != nil {
		return nil, err
	}
	if len(rows) == 0 { // no row has a speed: the verdict is violated or inconclusive
		return c.conclude(by.Thresholds)
	}
	for _, r := range rows {
		metrics := metricsOf(r, rule.Gated)
		c.unmeasured(r, metrics, rule.Gated, rule.Named)
		for _, m := range metrics {
			if m.gated {
				rule.Comparisons++
			}
		}
	}
	if rule.Comparisons == 0 {
		return nil, fmt.Errorf("nothing to judge: %s is measured of no row: a gate that matches nothing cannot fail", strings.Join(rule.Gated, ", "))
	}
	rule.Alpha = FalseAlarmRate / float64(rule.Comparisons)
	c.Rule = rule
	for _, group := range perScenario(rows) {
		s := ScenarioCheck{Scenario: group[0].scenario}
		var fresh []*result.Result
		for _, r := range group {
			fresh = append(fresh, r.results[len(r.results)-1])
			row := RowCheck{Strategy: r.label}
			for _, m := range metricsOf(r, rule.Gated) {
				row.Metrics = append(row.Metrics, one(r, m, rule))
			}
			s.Rows = append(s.Rows, row)
		}
		s.Heading = Heading(c.New, fresh)
		c.Scenarios = append(c.Scenarios, s)
	}
	return c.conclude(by.Thresholds)
}

// sampled returns the metric before it is judged, with its values in some trials of each source. Where a trial lacks the value
// it is inconclusive, and sampled is false: using only the others would be a biased choice.
func (m rated) sampled(r alignedRow, arms [][]*result.Trial) (f MetricCheck, sampled bool) {
	f = MetricCheck{Metric: m.Name, Unit: m.Unit, Better: m.Better(), Gated: m.gated}
	values := make([][]float64, len(arms))
	lacking, trials, bounds := 0, 0, 0
	for i, arm := range arms {
		var lack int
		values[i], lack = m.Values(r.results[i], arm)
		lacking, trials = lacking+lack, trials+len(arm)
		for _, t := range arm {
			if x, ok := m.Read(r.results[i], t); ok && m.Bound != nil && m.Bound(t, "", x) {
				bounds++
			}
		}
	}
	f.Samples = Samples{Old: values[0], New: values[len(arms)-1]}
	if len(arms) > 2 {
		f.Samples.Copy = values[1]
	}
	if lacking > 0 {
		f.Verdict, f.Reason = Inconclusive, fmt.Sprintf("%s in %d of %d trials", m.Missing, lacking, trials)
	}
	if lacking == 0 && bounds > 0 {
		f.Verdict, f.Reason = Inconclusive, fmt.Sprintf("a lower bound in %d of %d trials, where operations had not ended", bounds, trials)
	}
	return f, lacking == 0 && bounds == 0
}

// conclude judges the thresholds, and sets the verdict and the sentences that explain it.
func (c *Check) conclude(thresholds []Threshold) (_ *Check, err error) {
	if c.Thresholds, err = ApplyThresholds(c.New, thresholds); err != nil {
		return nil, err
	}
	return c.decided(), nil
}

// decided sets the verdict and the sentences that explain it, after everything was judged.
func (c *Check) decided() *Check {
	c.Verdict = c.verdict()
	c.Explanation = c.explain()
	return c
}

// verdict returns the worst of all verdicts. A check that was interrupted, or has rows without
// a counterpart, cannot pass.
func (c *Check) verdict() Verdict {
	if len(c.Violations) > 0 {
		return Violated
	}
	all := c.crossed()
	if c.Interrupted || c.unfinished {
		all = worst(all, Inconclusive)
	}
	for _, g := range c.Gates() {
		all = worst(all, g.Verdict)
	}
	return all
}

// crossed returns the worst verdict of the thresholds.
func (c *Check) crossed() Verdict {
	all := Passed
	for _, t := range c.Thresholds {
		all = worst(all, t.Verdict)
	}
	return all
}

// Binding returns the verdict that decides the exit code: if the verdict is advice, only failed
// audits and thresholds count, because they need no old values.
func (c *Check) Binding() Verdict {
	switch {
	case !c.Advisory:
		return c.Verdict
	case len(c.Violations) > 0:
		return Violated
	}
	return c.crossed()
}

// Gate is one gated metric with its scenario and strategy.
type Gate struct {
	Scenario, Strategy string
	*MetricCheck
}

// Name returns the gate's name in a sentence: per-session (chatbot) p50.
func (g Gate) Name() string {
	return fmt.Sprintf("%s (%s) %s", g.Strategy, g.Scenario, metric.Named(g.Metric).Word())
}

// Gates lists the metrics that decide the verdict.
func (c *Check) Gates() (list []Gate) {
	for i := range c.Scenarios {
		s := &c.Scenarios[i]
		for j := range s.Rows {
			r := &s.Rows[j]
			for k := range r.Metrics {
				if m := &r.Metrics[k]; m.Gated {
					list = append(list, Gate{s.Scenario, r.Strategy, m})
				}
			}
		}
	}
	return list
}
