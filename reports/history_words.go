package reports

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/reports/result"
)

// sparkWidth is the maximum number of runs that are drawn, the newest ones.
const sparkWidth = 60

// trendHeadline names the history and its period.
func trendHeadline(t *judge.Trend) string {
	text := t.File + ": " + result.FormatCounted(t.Runs, "run")
	var points []judge.TrendPoint
	for _, g := range t.Groups {
		for _, s := range g.Series {
			points = append(points, s.Points...)
		}
	}
	earlier := func(a, b judge.TrendPoint) int { return a.Created.Compare(b.Created) }
	first, last := slices.MinFunc(points, earlier), slices.MaxFunc(points, earlier)
	if pointDate(first) == pointDate(last) {
		return text + ", shown: " + pointDate(first)
	}
	return text + ", shown from " + pointDate(first) + " to " + pointDate(last)
}

// changeCount returns the number of series, of series with changes, and of changes.
func changeCount(t *judge.Trend) (series, changed, changes int) {
	for _, g := range t.Groups {
		for _, s := range g.Series {
			series++
			if n := len(relevantChanges(&s)); n > 0 {
				changed++
				changes += n
			}
		}
	}
	return series, changed, changes
}

// trendCounts states how many series changed.
func trendCounts(t *judge.Trend) string {
	series, changed, changes := changeCount(t)
	if changes == 0 {
		return fmt.Sprintf("No change point in %d series, which does not show that nothing changed.", series)
	}
	return fmt.Sprintf("%s in %d of %d series: a hint where to look, not a verdict. sessbench check gives one.",
		result.FormatCounted(changes, "change point"), changed, series)
}

// relevantChanges returns the changes that are not negligible.
func relevantChanges(s *judge.TrendSeries) (list []judge.TrendChange) {
	for _, c := range s.Changes {
		if c.Verdict != judge.Negligible {
			list = append(list, c)
		}
	}
	return list
}

// changeSentence describes a change: changed at 2026-11-20 (commit abc1234): 76.10k → 60.90k
// (-19.97%), worse.
func changeSentence(s *judge.TrendSeries, c judge.TrendChange) string {
	p := s.Points[c.At]
	format := metric.Named(s.Metric).Scale(c.Before, c.After)
	text := fmt.Sprintf("changed at %s (%s): %s → %s", pointDate(p), pointName(p), format(c.Before), format(c.After))
	if delta := signed(c.Delta); delta != "" {
		text += " (" + delta + ")"
	}
	return text + ", " + string(c.Verdict)
}

func pointDate(p judge.TrendPoint) string { return p.Created.UTC().Format("2006-01-02") }

// pointName distinguishes a run from others of its day: its label, else the commit of its
// sessbench, else its id.
func pointName(p judge.TrendPoint) string {
	switch {
	case p.Label != "":
		return p.Label
	case p.Tool.Commit != "":
		return "commit " + judge.ShortHash(p.Tool.Commit)
	}
	return "run " + judge.ShortHash(p.ID)
}

// sparkValues returns the values of a sparkline of at most width, and the index of the first.
func sparkValues(s *judge.TrendSeries, width int) (xs []float64, from int) {
	for _, p := range s.Points {
		xs = append(xs, p.Value)
	}
	from = max(0, len(xs)-width)
	return xs[from:], from
}

// lastChange is the change of the last run from the previous one, as compare writes it, or "".
func lastChange(s *judge.TrendSeries) string {
	n := len(s.Points)
	if n < 2 {
		return ""
	}
	return signed(judge.RelativeChange(s.Points[n-2].Value, s.Points[n-1].Value))
}

// firstAndLast formats the first and the last value in one scale.
func firstAndLast(s *judge.TrendSeries) (first, last string) {
	a, b := s.Points[0].Value, s.Points[len(s.Points)-1].Value
	format := metric.Named(s.Metric).Scale(a, b)
	return format(a), format(b)
}

// trendLegends explains the columns, and the sign if there is one. Markdown has none.
func trendLegends(t *judge.Trend, markdown bool) []sheet.Term {
	list := []sheet.Term{
		{Term: "trend", Text: fmt.Sprintf("median of each run by time, at most the last %d, from the lowest (▁) to the highest (█)",
			sparkWidth)},
		{Term: "last change", Text: "change of the newest run from the previous one, noise included"},
		{Term: "groups", Text: "runs on another machine, on another tape or with other settings form separate series: they are not comparable"},
	}
	if _, _, changes := changeCount(t); changes > 0 {
		sign := changeSign
		if markdown {
			sign = "changed"
		}
		list = append(list, sheet.Term{Term: sign, Text: "the first run after a change point, found by E-divisive (Matteson and James, JASA 109, " +
			"2014), a nonparametric test of the order of the runs; not shown below a hundredth of an allocation or one byte"})
	}
	return list
}

// changeSign marks the first run after a change point.
const changeSign = "^"

// changeMarks returns the signs below a sparkline that begins with the point from.
func changeMarks(s *judge.TrendSeries, from int) string {
	signs := []rune(strings.Repeat(" ", len(s.Points)-from))
	for _, c := range relevantChanges(s) {
		if c.At >= from {
			signs[c.At-from] = []rune(changeSign)[0]
		}
	}
	return strings.TrimRight(string(signs), " ")
}

// sparkline draws numbers as blocks, one each, from the lowest (▁) to the highest (█): E.
// Tufte, "Beautiful Evidence", 2006. Equal numbers are drawn at half height.
func sparkline(xs []float64) string {
	if len(xs) == 0 {
		return ""
	}
	blocks := []rune("▁▂▃▄▅▆▇█")
	lo, hi := slices.Min(xs), slices.Max(xs)
	var b strings.Builder
	for _, x := range xs {
		level := len(blocks)/2 - 1
		if hi > lo {
			level = max(0, min(len(blocks)-1, int((x-lo)/(hi-lo)*float64(len(blocks)))))
		}
		b.WriteRune(blocks[level])
	}
	return b.String()
}
