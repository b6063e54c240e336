package judge

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
)

// Threshold is a bound for values of a run, such as sharded.append.p99<5ms. The zero value is
// none.
type Threshold struct {
	Text  string // as given
	Known bool   // its names were checked before the measurement: see [Threshold.MatchNames]

	subject  subject
	metric   *metric.Metric
	operator string
	bound    float64 // in the metric's unit; the factor if relative
	relative bool
	other    subject // if relative: what the factor multiplies
}

// subject selects the strategy and operation of a value.
type subject struct {
	strategy  string // "": every strategy; in other: the baseline
	operation string // "": all operations
}

// grammar is the syntax of a threshold.
const grammar = "[[STRATEGY.]OPERATION.]METRIC, one of < <= > >=, and a bound"

// ParseThreshold reads [[strategy.]operation.]metric, an operator, <, <=, > or >=, and a bound. One name alone before the
// metric is an operation if there is one of that name, else a strategy. Without a strategy the threshold applies to all of
// them except probes of the harness.
//
// A bound has the metric's unit (5ms, 0.1%, 512B or 4KiB, 20000), or is a factor: 10x is ten times the baseline
// strategy's same value, 10x global that of another strategy, 10x global.append.p99 any value with the same metric.
// Blanks around the parts mean nothing.
//
// The error names the text and what is legal. [Threshold.MatchNames] reports whether the strategies and operations exist.
func ParseThreshold(text string) (Threshold, error) {
	t := Threshold{Text: strings.TrimSpace(text)}
	if err := t.parse(tight(text)); err != nil {
		return Threshold{}, fmt.Errorf("%q: %w", text, err)
	}
	return t, nil
}

// tight removes blanks around dots and operators.
func tight(text string) string {
	return regexp.MustCompile(`\s*([.<>=])\s*`).ReplaceAllString(strings.TrimSpace(text), "$1")
}

func (t *Threshold) parse(text string) (err error) {
	left, right, err := t.cut(text)
	if err != nil {
		return err
	}
	t.subject = parseSubject(left)
	if factor, rest, ok := metric.CutNumber(right); ok && isFactor(rest) {
		return t.parseFactor(factor, rest)
	}
	if t.bound, err = t.metric.Parse(right); err != nil {
		return err
	}
	return t.checkOperation(t.subject)
}

// cut finds the metric and the operator, and returns the text before and after them. The
// operator is the first one after a metric's name: labels of strategies may contain anything.
func (t *Threshold) cut(text string) (left, right string, err error) {
	first := strings.IndexAny(text, "<>")
	if first < 0 {
		return "", "", fmt.Errorf("no operator: want %s", grammar)
	}
	for at, r := range text {
		if r != '<' && r != '>' {
			continue
		}
		if m, rest := cutMetric(text[:at]); m != nil {
			t.metric, t.operator = m, text[at:at+1]
			right = text[at+1:]
			if after, ok := strings.CutPrefix(right, "="); ok {
				t.operator, right = t.operator+"=", after
			}
			return rest, right, nil
		}
	}
	return "", "", fmt.Errorf("unknown metric %q: want %s, with a metric of %s",
		text[:first], grammar, strings.Join(metric.Shorts(metric.All()), ", "))
}

// cutMetric separates the metric at the end of a text from the text before its dot. Of service.p99 and p99 it is the longer one. m is
// nil if there is no metric.
func cutMetric(text string) (m *metric.Metric, rest string) {
	for _, one := range metric.All() {
		before, ok := strings.CutSuffix(text, one.Short())
		left, dot := strings.CutSuffix(before, ".")
		if ok && dot == (left != "") && (m == nil || len(left) < len(rest)) { // neither .p99 nor xp99
			m, rest = one, left
		}
	}
	return m, rest
}

// parseSubject parses the text before a metric.
func parseSubject(text string) subject {
	if isOperation(text) {
		return subject{operation: text}
	}
	if dot := strings.LastIndexByte(text, '.'); dot >= 0 && isOperation(text[dot+1:]) {
		return subject{text[:dot], text[dot+1:]}
	}
	return subject{strategy: text}
}

// isOperation reports whether documents can have values of such an operation.
func isOperation(name string) bool {
	_, err := scenarios.ParseOp(strings.TrimSuffix(name, "_during_sweep"))
	return err == nil || name == scenarios.FirstEvent
}

// isFactor reports whether the text after a number makes it a factor: 10x, 10x global.
func isFactor(rest string) bool { return strings.HasPrefix(rest, "x") || strings.HasPrefix(rest, "×") }

// parseFactor parses what a factor multiplies: the name of a value, of a strategy, or nothing.
func (t *Threshold) parseFactor(factor float64, rest string) error {
	t.relative, t.bound = true, factor
	rest = strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(rest, "x"), "×"))
	same, before := cutMetric(rest)
	switch {
	case factor == 0:
		return errors.New("a factor of 0 is no bound: want a factor above 0")
	case same == nil: // the same figure
		if t.other = parseSubject(rest); t.other.operation == "" {
			t.other.operation = t.subject.operation
		}
	case same.Short() != t.metric.Short():
		return fmt.Errorf("%s is compared with %s: want the same metric on both sides", t.metric.Short(), same.Short())
	default:
		t.other = parseSubject(before)
	}
	if t.other == t.subject && t.other.strategy != "" {
		return errItself
	}
	if err := t.checkOperation(t.subject); err != nil {
		return err
	}
	return t.checkOperation(t.other)
}

var errItself = errors.New("compared with itself: want another strategy after the factor")

// checkOperation rejects a metric that single operations do not have.
func (t *Threshold) checkOperation(s subject) error {
	if s.operation == "" || t.metric.OfOp != nil {
		return nil
	}
	var legal []string
	for _, m := range metric.All() {
		if m.OfOp != nil {
			legal = append(legal, m.Short())
		}
	}
	return fmt.Errorf("%s is no figure of %s alone: want %s without an operation, or one of %s",
		t.metric.Short(), s.operation, t.metric.Short(), strings.Join(legal, ", "))
}

// MatchNames returns an error if the threshold matches none of these strategies (labels as in
// results) and operations, or if its bound is a multiple of the baseline's value and there is
// no baseline (""). A gate that matches nothing cannot fail. The error names what exists.
func (t Threshold) MatchNames(strategies, operations []string, baseline string) error {
	if err := t.matchNames(strategies, operations, baseline); err != nil {
		return fmt.Errorf("%q: %w", t.Text, err)
	}
	return nil
}

func (t Threshold) matchNames(strategies, operations []string, baseline string) error {
	for _, s := range []subject{t.subject, t.other} {
		if s.strategy != "" && findLabel(strategies, s.strategy) < 0 {
			return fmt.Errorf("no strategy and no operation is called %q here: want a strategy of %s, or an operation of %s",
				s.strategy, strings.Join(strategies, ", "), strings.Join(operations, ", "))
		}
		if s.operation != "" && !slices.Contains(operations, s.operation) {
			return fmt.Errorf("no operation %s here: want one of %s", s.operation, strings.Join(operations, ", "))
		}
	}
	if t.relative && t.other.strategy == "" && baseline == "" {
		return fmt.Errorf("no baseline strategy here: want %s STRATEGY of a strategy: %s",
			formatFactor(t.bound), strings.Join(strategies, ", "))
	}
	if !slices.ContainsFunc(strategies, func(label string) bool { return t.covers(label, label == probeName, label == baseline) }) {
		if t.subject.strategy != "" {
			return errItself
		}
		return fmt.Errorf("matches none of %s: want another strategy, or its name before the metric", strings.Join(strategies, ", "))
	}
	return nil
}

// probeName is the strategy that measures the harness. Builds may have more, which only their
// trials show.
const probeName = "noop"

// findLabel returns the index of a strategy in a list, or -1. Blanks are ignored as in a
// threshold.
func findLabel(list []string, label string) int {
	return slices.IndexFunc(list, func(s string) bool { return tight(s) == label })
}

// covers reports whether the threshold applies to a strategy. Without a name it applies to all
// except probes and the strategy it compares with.
func (t Threshold) covers(label string, probe, baseline bool) bool {
	itself := t.relative && t.subject.operation == t.other.operation && t.isOther(label, baseline)
	if t.subject.strategy != "" {
		return tight(label) == t.subject.strategy && !itself
	}
	return !probe && !itself
}

// isOther reports whether a strategy's value is the one that the factor multiplies.
func (t Threshold) isOther(label string, baseline bool) bool {
	if t.other.strategy == "" {
		return baseline
	}
	return tight(label) == t.other.strategy
}

// Match is [Threshold.MatchNames] with the names in a document. If some result does not list
// its operations, any operation matches.
func (t Threshold) Match(d *result.Document) error {
	var strategies, operations []string
	baseline := ""
	for _, r := range ResultsOf(d) {
		if !slices.Contains(strategies, r.Strategy) {
			strategies = append(strategies, r.Strategy)
		}
		if r.Baseline {
			baseline = r.Strategy
		}
		operations = append(operations, operationsOf(r)...)
		if NoSpeed(r) != "" {
			operations = append(operations, t.subject.operation, t.other.operation)
		}
	}
	if strategies == nil {
		return fmt.Errorf("%q: no results to apply it to", t.Text)
	}
	slices.Sort(operations)
	operations = slices.DeleteFunc(slices.Compact(operations), func(op string) bool { return op == "" })
	return t.MatchNames(strategies, operations, baseline)
}

// operationsOf lists the operations for which a result has values.
func operationsOf(r *result.Result) (names []string) {
	for i := range r.Trials {
		for name := range r.Trials[i].Operations {
			names = append(names, name)
		}
	}
	return names
}
