package judge

import (
	"fmt"
	"slices"

	"github.com/sessbench/sessbench/internal/stats"
	"github.com/sessbench/sessbench/reports/result"
)

// MinStoredTrials is the number of trials per document that a strict check against a stored
// baseline needs.
const MinStoredTrials = 10

// Stored is a stored result and a new one. Shares are fractions of one.
type Stored struct {
	Gating
	Old, New     Source
	Whole        bool // a row missing in the new result prevents a pass
	Strict       bool // a gate, not advice
	OtherMachine bool // another machine makes the verdict advice, not an error
}

// CheckStored judges new values against stored ones, by row and metric. A metric passes if its median is worse by less than
// MinEffect. Otherwise it fails if the two-sided Mann-Whitney U test finds a difference at [Rule.Alpha], and is inconclusive
// if not. Trials at two times were not interleaved, so a change of the machine in between counts as a difference. Therefore
// the verdict is only advice unless Strict is set.
//
// Thresholds are judged on the new values. A row whose audit failed in either document is violated and not judged; a row
// that only one document has is listed.
//
// The error is a [NotComparableError] if tapes or settings differ; if the machines differ and OtherMachine is not set; or
// if Strict is set and there are fewer than [MinStoredTrials] trials. Other errors are about s itself.
func CheckStored(s Stored) (*Check, error) {
	c := newCheck(StoredMode, s.Command, s.Old, s.New)
	c.Interrupted = s.New.Document.Interrupted
	return c.judge(&s.Gating, []Source{s.Old, s.New}, storedMetric, func(rows []alignedRow, rule *Rule) error {
		if err := c.sameMachine(s); err != nil {
			return err
		}
		c.Advisory = !s.Strict || len(c.Differences) > 0
		c.unfinished = slices.ContainsFunc(c.Excluded, func(l Exclusion) bool {
			return l.cause == noTrials || s.Whole && l.cause == absent && l.Document == s.Old.Label
		})
		return enoughTrials(rows, s)
	})
}

// sameMachine returns an error if the machines differ and must not.
func (c *Check) sameMachine(s Stored) error {
	if s.OtherMachine || len(c.Differences) == 0 {
		return nil
	}
	reasons := DescribeDifferences(c.Differences, c.Documents[0].Label)
	reasons[0] = "another machine: " + reasons[0]
	return &NotComparableError{Reasons: reasons, Machines: true}
}

func enoughTrials(rows []alignedRow, s Stored) error {
	if !s.Strict {
		return nil
	}
	var reasons []string
	for _, r := range rows {
		for i, label := range []string{s.Old.Label, s.New.Label} {
			if n := len(r.results[i].Trials); n < MinStoredTrials {
				reasons = append(reasons, fmt.Sprintf("%d trials of %s (%s) in %s: a strict check needs %d or more",
					n, r.label, r.scenario, label, MinStoredTrials))
			}
		}
	}
	if len(reasons) > 0 {
		return &NotComparableError{Reasons: reasons}
	}
	return nil
}

// storedMetric judges a metric of a row by all trials of both documents.
func storedMetric(r alignedRow, m rated, rule *Rule) MetricCheck {
	f, sampled := m.sampled(r, [][]*result.Trial{pointers(r.results[0].Trials), pointers(r.results[1].Trials)})
	if !sampled {
		return f
	}
	before, after := f.Samples.Old, f.Samples.New
	p := stats.MannWhitney(before, after)
	from, to := stats.Median(before).Median, stats.Median(after).Median
	f.Old, f.New, f.P, f.Change = &from, &to, &p, RelativeChange(from, to)
	switch {
	case m.HigherIsBetter && from == 0 && to == 0:
		f.Verdict, f.Reason = Inconclusive, "no operation was completed on either side"
	case !m.Worsened(from, to, rule.MinEffect):
		f.Verdict = Passed
	case p <= rule.Alpha:
		f.Verdict = Failing
	default:
		f.Verdict = Inconclusive
		f.Reason = fmt.Sprintf("worse by %s or more, but not significantly: p is %.2g, above %.3g",
			result.FormatPercent(rule.MinEffect), p, rule.Alpha)
		if least := stats.LeastP(len(before), len(after)); least > rule.Alpha {
			f.Reason = fmt.Sprintf("worse by %s or more, but %d and %d trials are too few for any p of %.3g or less",
				result.FormatPercent(rule.MinEffect), len(before), len(after), rule.Alpha)
		}
	}
	return f
}

func pointers(trials []result.Trial) (list []*result.Trial) {
	for i := range trials {
		list = append(list, &trials[i])
	}
	return list
}
