package reports

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/stats"
	"github.com/sessbench/sessbench/reports/result"
)

// despite says above everything else that the figures are not comparable, and why; "" where they are.
func (c *Comparison) despite() (headline string, details []string) {
	if len(c.Differences) == 0 {
		return "", nil
	}
	return "Not comparable, compared all the same (--force). What moved may have moved for these reasons:", c.DescribeDifferences()
}

// counts says in a sentence what the comparisons came to.
func (c *Comparison) counts() string {
	n := c.Counts
	moved := n[Better] + n[Worse]
	text := "Nothing moved"
	switch {
	case moved > 0:
		text = fmt.Sprintf("%d of %d moved (%d worse, %d better)", moved, c.total(), n[Worse], n[Better])
	case n[Noise]+n[Negligible] == 0:
		text = "Nothing can be told"
	}
	var rest []string
	if n[Noise] > 0 {
		rest = append(rest, fmt.Sprintf("%d within noise", n[Noise]))
	}
	if n[Negligible] > 0 {
		rest = append(rest, fmt.Sprintf("%d by less than a hundredth of an allocation or one byte", n[Negligible]))
	}
	if n[Undecided] > 0 {
		rest = append(rest, fmt.Sprintf("%d with too few trials", n[Undecided]))
	}
	if len(rest) > 0 {
		text += ": " + strings.Join(rest, ", ")
	}
	return text + "."
}

// chance says how much of what moved may be chance, or "" where nothing moved.
func (c *Comparison) chance() string {
	if c.Counts[Better]+c.Counts[Worse] == 0 {
		return ""
	}
	tests := c.total() - c.Counts[Undecided]
	return fmt.Sprintf("Were there no difference at all, on average up to %.0f of %d would still seem to move by chance (α = %v).",
		math.Ceil(float64(tests)*c.Alpha), tests, c.Alpha)
}

// problems says what a reader must know about the documents: interruptions, and what is missing from the tables.
func (c *Comparison) problems() (lines []string) {
	first := &c.Documents[0]
	for _, d := range c.Documents[1:] {
		if d.ID != "" && d.ID == first.ID {
			lines = append(lines, fmt.Sprintf("%s and %s are the same run: there is nothing to find.", first.Label, d.Label))
		}
	}
	for _, d := range c.Documents {
		if d.Interrupted {
			lines = append(lines, d.Label+" was interrupted: only the trials that had finished by then are in it.")
		}
	}
	for _, d := range c.Documents {
		var reasons []string
		byReason := map[string][]LeftOut{}
		for _, l := range c.LeftOut {
			if l.Document != d.Label {
				continue
			}
			if byReason[l.Reason] == nil {
				reasons = append(reasons, l.Reason)
			}
			byReason[l.Reason] = append(byReason[l.Reason], l)
		}
		for _, reason := range reasons {
			lines = append(lines, fmt.Sprintf("Left out of %s: %s: %s.", d.Label, listed(byReason[reason]), reason))
		}
	}
	if len(c.HarnessBound) > 0 {
		lines = append(lines, "The harness is half or more of the cost of "+strings.Join(c.HarnessBound, ", ")+
			": whatever changed in the store itself is larger than it looks there.")
	}
	return lines
}

// fromTo writes a move's medians, in one scale.
func (m *Moved) fromTo() string {
	format := m.Table.metric.scale(m.From.Median, m.To.Median)
	return format(m.From.Median) + " → " + format(m.To.Median)
}

// tested writes the test of a change as benchstat does: (p=0.002 n=6).
func (c *Change) tested() string {
	n := fmt.Sprintf("n=%d", c.N1)
	if c.N1 != c.N2 {
		n += fmt.Sprintf("+%d", c.N2)
	}
	return fmt.Sprintf("(p=%0.3f %s)", c.P, n)
}

// signed writes a share with its sign, as benchstat does; "" for none.
func signed(delta *float64) string {
	if delta == nil || math.IsInf(*delta, 0) {
		return ""
	}
	return fmt.Sprintf("%+.2f%%", 100**delta)
}

// provenance says where each document is from, a term and two lines a document.
func (c *Comparison) provenance() (list []legend) {
	for _, d := range c.Documents {
		doc := &result.Document{Tool: d.Tool, Created: d.Created, Machine: d.Machine, Config: result.Config{Command: d.Command}}
		list = append(list, legend{d.Label, toolLine(doc)})
		if line := machineLine(doc); line != "" {
			list = append(list, legend{"", line})
		}
	}
	return list
}

// comparisonLegends explains the signs in the tables.
func (c *Comparison) comparisonLegends() []legend {
	list := []legend{
		{"±", "the farther end of the median's 95 % interval"},
		{"p", fmt.Sprintf("Mann-Whitney U test on n trials a side; above %v the change is ~, within noise, which is no proof of equality", stats.Alpha)},
	}
	if slices.ContainsFunc(c.Scenarios, func(s ComparedScenario) bool {
		return slices.ContainsFunc(s.Tables, func(t ComparedTable) bool { return t.GeoMean != nil })
	}) {
		list = append(list, legend{"geomean", "of the medians, and of their changes row by row; nobody tests these"})
	}
	return list
}

// footnotes numbers warnings, each once.
type footnotes []string

// mark returns the signs for some warnings, with a blank before the first.
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

func superscript(n int) string {
	return strings.NewReplacer("0", "⁰", "1", "¹", "2", "²", "3", "³", "4", "⁴", "5", "⁵", "6", "⁶", "7", "⁷", "8", "⁸", "9", "⁹").
		Replace(fmt.Sprint(n))
}
