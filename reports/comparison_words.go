package reports

import (
	"cmp"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"

	"golang.org/x/perf/benchmath"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/internal/stats"
)

// comparisonCounts states in a sentence the results of the comparisons.
func comparisonCounts(c *judge.Comparison) string {
	n := c.Counts
	moved := n[judge.Better] + n[judge.Worse]
	text := "Nothing changed"
	switch {
	case moved > 0:
		text = fmt.Sprintf("%d of %d changed (%d worse, %d better)", moved, comparisonCount(c), n[judge.Worse], n[judge.Better])
	case n[judge.Noise]+n[judge.Negligible] == 0:
		text = "No conclusion is possible"
	}
	var rest []string
	if n[judge.Noise] > 0 {
		rest = append(rest, fmt.Sprintf("%d within noise", n[judge.Noise]))
	}
	if n[judge.Negligible] > 0 {
		rest = append(rest, fmt.Sprintf("%d by less than a hundredth of an allocation or one byte", n[judge.Negligible]))
	}
	if n[judge.Undecided] > 0 {
		rest = append(rest, fmt.Sprintf("%d with too few trials", n[judge.Undecided]))
	}
	if len(rest) > 0 {
		text += ": " + strings.Join(rest, ", ")
	}
	return text + "."
}

// chanceNote states how many changes may be due to chance, or is "" if nothing changed.
func chanceNote(c *judge.Comparison) string {
	if c.Counts[judge.Better]+c.Counts[judge.Worse] == 0 {
		return ""
	}
	tests := comparisonCount(c) - c.Counts[judge.Undecided]
	return fmt.Sprintf("If nothing had changed, on average up to %.0f of %d would still appear changed by chance (α = %v).",
		math.Ceil(float64(tests)*c.Alpha), tests, c.Alpha)
}

// comparisonProblems lists interruptions, and what is missing from the tables.
func comparisonProblems(c *judge.Comparison) (lines []string) {
	first := &c.Documents[0]
	for _, d := range c.Documents[1:] {
		if d.ID != "" && d.ID == first.ID {
			lines = append(lines, fmt.Sprintf("%s and %s are the same run: there is nothing to compare.", first.Label, d.Label))
		}
	}
	for _, d := range c.Documents {
		if d.Interrupted {
			lines = append(lines, d.Label+" was interrupted: it contains only the trials completed before.")
		}
	}
	lines = append(lines, exclusions(c.Documents, c.Excluded)...)
	if len(c.HarnessBound) > 0 {
		lines = append(lines, "At least half of the cost is the harness in "+strings.Join(c.HarnessBound, ", ")+
			": a change of the store itself is larger than it appears there.")
	}
	return lines
}

// fromTo formats the medians of a change in one scale.
func (m *compared) fromTo() string {
	format := metric.Named(m.Table.Metric).Scale(m.From.Median, m.To.Median)
	return format(m.From.Median) + " → " + format(m.To.Median)
}

// changeTest formats the test of a change as benchstat does: (p=0.002 n=6).
func changeTest(c *judge.Change) string {
	n := fmt.Sprintf("n=%d", c.N1)
	if c.N1 != c.N2 {
		n += fmt.Sprintf("+%d", c.N2)
	}
	return fmt.Sprintf("(p=%0.3f %s)", c.P, n)
}

// signed formats a ratio with its sign, as benchstat does, or "" for none.
func signed(delta *float64) string {
	if delta == nil || math.IsInf(*delta, 0) {
		return ""
	}
	return fmt.Sprintf("%+.2f%%", 100**delta)
}

// comparisonLegends explains the signs in the tables.
func comparisonLegends(c *judge.Comparison) []sheet.Term {
	list := []sheet.Term{
		{Term: "±", Text: "half-width of the median's 95 % confidence interval"},
		{Term: "p", Text: fmt.Sprintf("Mann-Whitney U test on n trials per side; above %v the change is shown as ~, within noise, which does not prove equality", stats.Alpha)},
	}
	if slices.ContainsFunc(c.Scenarios, func(s judge.ScenarioComparison) bool {
		return slices.ContainsFunc(s.Tables, func(t judge.MetricComparison) bool { return t.GeoMean != nil })
	}) {
		list = append(list, sheet.Term{Term: "geomean", Text: "geometric mean of the medians and of the changes per row, not tested for significance"})
	}
	return list
}

// footnotes numbers warnings, each once.
type footnotes []string

// mark returns the signs for some warnings, preceded by a blank.
func (f *footnotes) mark(warnings ...string) (signs string) {
	for _, w := range warnings {
		at := slices.Index(*f, w)
		if at < 0 {
			at = len(*f)
			*f = append(*f, w)
		}
		if sign := superscript(at + 1); !slices.Contains(strings.Fields(signs), sign) {
			signs += " " + sign
		}
	}
	return signs
}

// terms are the warnings with their signs.
func (f footnotes) terms() (list []sheet.Term) {
	for i, warning := range f {
		list = append(list, sheet.Term{Term: superscript(i + 1), Text: warning})
	}
	return list
}

func superscript(n int) string {
	return strings.NewReplacer("0", "⁰", "1", "¹", "2", "²", "3", "³", "4", "⁴", "5", "⁵", "6", "⁶", "7", "⁷", "8", "⁸", "9", "⁹").
		Replace(fmt.Sprint(n))
}

// compared is one value of a document, beside that of the first.
type compared struct {
	Scenario, Strategy string
	Document           *judge.DocumentInfo
	Table              *judge.MetricComparison
	From, To           *judge.CellComparison
}

// cells yields the values of a comparison that are not missing.
func cells(c *judge.Comparison) iter.Seq[compared] {
	return func(yield func(compared) bool) {
		for i := range c.Scenarios {
			s := &c.Scenarios[i]
			for j := range s.Tables {
				t := &s.Tables[j]
				for _, row := range t.Rows {
					for k, cell := range row.Cells {
						if cell != nil && !yield(compared{s.Scenario, row.Strategy, &c.Documents[k], t, row.Cells[0], cell}) {
							return
						}
					}
				}
			}
		}
	}
}

// changes lists what got worse and then what got better, each with the largest change first: halved is as large as doubled.
// Changes from 0 come first.
func changes(c *judge.Comparison) (list []compared) {
	size := func(m compared) float64 {
		if m.From.Median == 0 || m.To.Median == 0 {
			return math.Inf(1)
		}
		return math.Abs(math.Log(m.To.Median / m.From.Median))
	}
	for _, verdict := range []judge.ChangeVerdict{judge.Worse, judge.Better} {
		start := len(list)
		for m := range cells(c) {
			if m.To.Change != nil && m.To.Change.Verdict == verdict {
				list = append(list, m)
			}
		}
		slices.SortStableFunc(list[start:], func(a, b compared) int { return cmp.Compare(size(b), size(a)) })
	}
	return list
}

// comparisonCount is the number of comparisons.
func comparisonCount(c *judge.Comparison) (n int) {
	for _, some := range c.Counts {
		n += some
	}
	return n
}

// exclusions lists what is excluded from documents, one line per document and reason.
func exclusions(documents []judge.DocumentInfo, list []judge.Exclusion) (lines []string) {
	at := func(l judge.Exclusion) int {
		return slices.IndexFunc(documents, func(d judge.DocumentInfo) bool { return d.Label == l.Document })
	}
	list = slices.SortedStableFunc(slices.Values(list), func(a, b judge.Exclusion) int { return cmp.Compare(at(a), at(b)) })
	for _, group := range judge.GroupBy(list, func(l judge.Exclusion) string { return l.Document + "\n" + l.Reason }) {
		names := make([]string, len(group))
		for i, l := range group {
			names[i] = fmt.Sprintf("%s (%s)", l.Strategy, l.Scenario)
		}
		lines = append(lines, fmt.Sprintf("Excluded from %s: %s: %s.", group[0].Document, strings.Join(names, ", "), group[0].Reason))
	}
	return lines
}

// spreadText is the half-width of a median's interval in percent as benchstat writes it: 2%.
func spreadText(c *judge.CellComparison) string {
	s := benchmath.Summary{Center: c.Median, Lo: math.Inf(-1), Hi: math.Inf(1)}
	if c.Lo != nil && c.Hi != nil {
		s.Lo, s.Hi = *c.Lo, *c.Hi
	}
	return s.PctRangeString()
}

// deltaText is the change from first as benchstat writes it: -17.20%, ~.
func deltaText(first, c *judge.CellComparison) string {
	test := benchmath.Comparison{P: c.Change.P, N1: c.Change.N1, N2: c.Change.N2, Alpha: stats.Alpha}
	return test.FormatDelta(first.Median, c.Median)
}
