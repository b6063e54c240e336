package judge

import (
	"cmp"
	"slices"

	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/internal/stats"
	"github.com/sessbench/sessbench/reports/result"
)

// Duet is the measurement of two binaries in alternating time slices: blocks of three new processes, of the old binary, of
// a copy of it and of the new one. The documents have one trial per block, numbered by Block. Blocks that one of the three
// documents lacks are ignored. Shares are fractions of one.
type Duet struct {
	Gating
	Old, Copied, Fresh *result.Document
	OldLabel, NewLabel string  // old, new
	OldFile, NewFile   string  // file names
	Planned            int     // number of pairs, fixed before the start
	Tolerance          float64 // a pass shows that the change is smaller
	Interrupted        bool
}

// CheckDuet judges a duet by row and metric; see [stats.Gate] for the rule. Thresholds are judged on the new values. A row
// whose audit failed in any of the three documents is violated and not judged. A row that one of them lacks makes the
// verdict inconclusive, as does an interruption, unless something else fails. Differences between the machines, for example
// the version of Go that built the binaries, are listed, because they are part of the change that is judged.
//
// The error is a [NotComparableError] if tapes or settings differ; other errors are about d itself.
func CheckDuet(d Duet) (*Check, error) {
	old, fresh := Source{d.OldLabel, d.OldFile, d.Old}, Source{d.NewLabel, d.NewFile, d.Fresh}
	c := newCheck(DuetMode, d.Command, old, fresh)
	c.Interrupted = d.Interrupted
	all := []Source{old, {d.OldLabel + copyMark, d.OldFile, d.Copied}, fresh}
	return c.judge(&d.Gating, all, duetMetric, func(rows []alignedRow, rule *Rule) error {
		c.unfinished = len(c.Excluded) > 0
		rule.Planned, rule.Tolerance, rule.PassAlpha = d.Planned, d.Tolerance, checkPassAlpha
		for i, r := range rows {
			if n := len(blocksOf(r.results)); i == 0 || n < rule.Pairs {
				rule.Pairs = n
			}
		}
		return nil
	})
}

// copyMark follows the label of a binary in that of its copy.
const copyMark = "′"

// duetMetric judges a metric of a row by its pairs.
func duetMetric(r alignedRow, m rated, rule *Rule) MetricCheck {
	blocks := blocksOf(r.results)
	slices.SortFunc(blocks, func(a, b []*result.Trial) int { return cmp.Compare(a[0].Block, b[0].Block) })
	arms := make([][]*result.Trial, len(r.results))
	for _, block := range blocks {
		for i, t := range block {
			arms[i] = append(arms[i], t)
		}
	}
	f, sampled := m.sampled(r, arms)
	if !sampled {
		return f
	}
	old, copied, fresh := f.Samples.Old, f.Samples.Copy, f.Samples.New
	g := stats.Gate{Alpha: rule.Alpha, PassAlpha: rule.PassAlpha, MinEffect: rule.MinEffect, Tolerance: rule.Tolerance}
	if m.ByDifference() {
		f.judged(g.Differences(old, copied, fresh, m.Least))
		return f
	}
	f.judged(g.Ratios(old, copied, fresh, m.HigherIsBetter))
	return f
}

// judged copies the judgement of the gate into f. Without pairs there are no values.
func (f *MetricCheck) judged(j stats.Judgement) {
	f.Reason, f.Needed = j.Reason, j.Needed
	switch j.Decision {
	case stats.Pass:
		f.Verdict = Passed
	case stats.Fail:
		f.Verdict = Failing
	default:
		f.Verdict = Inconclusive
	}
	if len(f.Samples.Old) == 0 {
		return
	}
	old, fresh := stats.Median(f.Samples.Old).Median, stats.Median(f.Samples.New).Median
	f.Old, f.New = &old, &fresh
	f.Change, f.Lower, f.Upper = j.Change.Share, j.Change.Lower, j.Change.Upper
	f.Copy = &CopyCheck{Change: j.Copy.Share, Lower: j.Copy.Lower, Upper: j.Copy.Upper, Fires: j.CopyFires}
	if metric.Named(f.Metric).ByDifference() {
		f.Difference, f.Copy.Difference = &j.Change.Difference, &j.Copy.Difference
	}
}
