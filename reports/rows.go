package reports

import (
	"math"
	"slices"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/reports/result"
)

// Signs in the cells, each explained under the table where it occurs.
const (
	struckSign    = "✗" // in place of a figure: the audit failed
	harnessSign   = "†"
	schedulerSign = "‡"
	errorSign     = "!"
	remarkSign    = "§" // something must be known of the row
	waitSign      = "≠" // hold or think not reached
)

// section is one scenario of a document: one table.
type section struct {
	doc      *result.Document
	scenario string
	baseline *result.Result // nil: there is none
	results  []*result.Result
}

// sections splits a document by scenario, in the order of the results.
func sections(d *result.Document) []*section {
	var all []*section
	for _, results := range judge.ByScenario(d) {
		name := results[0].Scenario
		all = append(all, &section{doc: d, scenario: name, baseline: judge.Baseline(d, name), results: results})
	}
	return all
}

// some reports whether match holds for any of the section's results.
func (s *section) some(match func(*result.Result) bool) bool {
	return slices.ContainsFunc(s.results, match)
}

// A cell is a figure and what belongs to it: its interval or a sign.
type cell struct{ figure, note string }

// column is one column of the table, the same in every format.
type column struct {
	title string
	left  bool // names and words; figures stand to the right
	spare int  // the order in which columns go where there is no room: the highest first, 0 never
	get   func(r *result.Result) cell
}

// columns returns the columns of the section's table. Without a baseline there is no column for
// it.
func (s *section) columns() []column {
	all := []column{
		{title: "strategy", left: true, get: strategyCell},
		{title: "ops/s", get: speedOnly(rateCell)},
		{title: "× baseline", get: speedOnly(ratioCell)},
		{title: "hold", spare: 4, get: speedOnly(holdCell)},
		{title: "think", spare: 4, get: speedOnly(thinkCell)},
		s.percentileColumn("p50", 3),
		s.percentileColumn("p95", 6),
		s.percentileColumn("p99", 0),
		s.percentileColumn("p99_9", 2),
		{title: s.latencyTitle(judge.MaxName), spare: 1, get: speedOnly(maxCell)},
		{title: "allocs/op", spare: 4, get: speedOnly(allocsCell)},
		{title: "bytes/session", spare: 5, get: speedOnly(bytesCell)},
		{title: "of limit", get: speedOnly(limitCell)},
		{title: "audit", left: true, get: auditCell},
	}
	if s.baseline == nil {
		all = slices.DeleteFunc(all, func(c column) bool { return c.title == "× baseline" })
	}
	all = slices.DeleteFunc(all, func(c column) bool {
		return c.title == "hold" && !s.some(func(r *result.Result) bool { return r.Summary.HoldNs > 0 }) ||
			c.title == "think" && !s.some(func(r *result.Result) bool { return r.Summary.ThinkNs > 0 })
	})
	return all
}

// speedOnly wraps get so that results without a speed have a struck or empty cell.
func speedOnly(get func(*result.Result) cell) func(*result.Result) cell {
	return func(r *result.Result) cell {
		switch {
		case judge.Failed(r):
			return cell{figure: struckSign}
		case len(r.Trials) == 0, judge.AuditUndecided(r) != "":
			return cell{figure: result.Nothing}
		}
		return get(r)
	}
}

func strategyCell(r *result.Result) cell {
	c := cell{figure: r.Strategy}
	if r.Note != "" {
		c.note += remarkSign
	}
	if judge.HarnessBound(r) {
		c.note += harnessSign
	}
	return c
}

func rateCell(r *result.Result) cell {
	i := r.Summary.OpsPerSec
	c := cell{figure: result.FormatRate(i.Median)}
	if i.Hi > 0 && i.Median > 0 {
		c.note = "±" + percent(max(i.Hi/i.Median-1, 1-i.Lo/i.Median))
	}
	return c
}

func ratioCell(r *result.Result) cell {
	vs := r.Summary.VsBaseline
	switch {
	case r.Baseline:
		return cell{"1×", "before"}
	case vs == nil:
		return cell{figure: result.Nothing}
	case vs.Hi > 0:
		return cell{result.FormatRatio(vs.Ratio), "(" + result.FormatRatioRange(vs.Lo, vs.Hi) + ")"}
	}
	return cell{figure: result.FormatRatio(vs.Ratio)}
}

func maxCell(r *result.Result) cell {
	c := cell{figure: result.FormatNs(r.Summary.LatencyNs.Max)}
	if r.Summary.SchedulerBound {
		c.note = schedulerSign
	}
	return c
}

// allocsCell is empty for a target, because allocations in this process are not the target's.
func allocsCell(r *result.Result) cell {
	if r.Target != "" {
		return cell{figure: result.Nothing}
	}
	return cell{figure: result.FormatAmount(r.Summary.AllocsPerOp)}
}

func bytesCell(r *result.Result) cell {
	if r.Summary.BytesPerSession <= 0 {
		return cell{figure: result.Nothing}
	}
	return cell{figure: result.FormatBytes(r.Summary.BytesPerSession)}
}

func limitCell(r *result.Result) cell {
	switch share := r.Summary.OfLimit; {
	case share <= 0:
		return cell{figure: result.Nothing}
	case share > judge.OverLimit:
		return cell{result.FormatShare(share), errorSign}
	default:
		return cell{figure: result.FormatShare(share)}
	}
}

// auditCell names the first violation. The others are listed below the table.
func auditCell(r *result.Result) cell {
	switch {
	case judge.Failed(r):
		switch kinds := judge.ViolationKinds(r); len(kinds) {
		case 0:
			return cell{figure: "FAILED"}
		case 1:
			return cell{figure: "FAILED: " + kinds[0]}
		default:
			return cell{figure: "FAILED: " + kinds[0] + ", …"}
		}
	case judge.AuditUndecided(r) != "":
		return cell{figure: "undecided"}
	case !judge.Audited(r):
		return cell{figure: result.Nothing}
	case partial(r) != "":
		return cell{figure: "partial"}
	}
	return cell{figure: "ok"}
}

// partial returns why the audit of a result did not cover all sessions, or "".
func partial(r *result.Result) string {
	for i := range r.Trials {
		if why := r.Trials[i].Audit.Partial; why != "" {
			return why
		}
	}
	return ""
}

// percent formats the half-width of an interval in whole percents: six trials give no more
// precision.
func percent(x float64) string { return result.FormatCount(int64(math.Round(100*x))) + "%" }

func holdCell(r *result.Result) cell { return waitCell(r.Summary.HoldNs, r.Summary.HoldNotReached) }

func thinkCell(r *result.Result) cell { return waitCell(r.Summary.ThinkNs, r.Summary.ThinkNotReached) }

func waitCell(measured int64, notReached bool) cell {
	switch {
	case measured <= 0:
		return cell{figure: result.Nothing}
	case notReached:
		return cell{result.FormatNs(measured), waitSign}
	}
	return cell{figure: result.FormatNs(measured)}
}
