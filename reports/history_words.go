package reports

import (
	"fmt"
	"strings"

	"github.com/sessbench/sessbench/reports/result"
)

// sparkWidth is how many runs are drawn at most: more would fill a terminal, and the newest are what is looked for.
const sparkWidth = 60

// headline says what a trend is of.
func (t *Trend) headline() string {
	text := fmt.Sprintf("%s: %s runs", t.File, result.FormatCount(int64(t.Runs)))
	if t.Runs == 1 {
		text = t.File + ": 1 run"
	}
	first, last := t.Groups[0].Series[0].Points[0], t.Groups[0].Series[0].Points[0]
	for _, g := range t.Groups {
		for _, s := range g.Series {
			for _, p := range s.Points {
				if p.Created.Before(first.Created) {
					first = p
				}
				if p.Created.After(last.Created) {
					last = p
				}
			}
		}
	}
	if first.date() == last.date() {
		return text + ", shown: " + first.date()
	}
	return text + ", shown from " + first.date() + " to " + last.date()
}

// count returns how many series there are, how many of them changed, and how often.
func (t *Trend) count() (series, changed, changes int) {
	for _, g := range t.Groups {
		for _, s := range g.Series {
			series++
			if n := len(s.told()); n > 0 {
				changed++
				changes += n
			}
		}
	}
	return series, changed, changes
}

// counts says in a sentence or two how many series changed.
func (t *Trend) counts() string {
	series, changed, changes := t.count()
	if changes == 0 {
		return fmt.Sprintf("No change point in %d series, which does not show that nothing changed.", series)
	}
	points := "points"
	if changes == 1 {
		points = "point"
	}
	return fmt.Sprintf("%d change %s in %d of %d series: advice where to look, no verdict. sessbench check gives one.",
		changes, points, changed, series)
}

// told returns the changes that are large enough to be told.
func (s *TrendSeries) told() (list []TrendChange) {
	for _, c := range s.Changes {
		if c.Verdict != Negligible {
			list = append(list, c)
		}
	}
	return list
}

// describe says what a change came to: changed at 2026-11-20 (commit abc1234): 76.10k → 60.90k (-19.97%), worse.
func (s *TrendSeries) describe(c TrendChange) string {
	p := s.Points[c.At]
	format := s.metric.scale(c.Before, c.After)
	text := fmt.Sprintf("changed at %s (%s): %s → %s", p.date(), p.name(), format(c.Before), format(c.After))
	if delta := signed(c.Delta); delta != "" {
		text += " (" + delta + ")"
	}
	return text + ", " + string(c.Verdict)
}

func (p *TrendPoint) date() string { return p.Created.UTC().Format("2006-01-02") }

// name is what tells a run from others of its day: its label, else the commit of the sessbench that made it, else its id.
func (p *TrendPoint) name() string {
	switch {
	case p.Label != "":
		return p.Label
	case p.Tool.Commit != "":
		return "commit " + short(p.Tool.Commit)
	}
	return "run " + short(p.ID)
}

// drawn returns the values that a sparkline of at most width shows, and the index of the first.
func (s *TrendSeries) drawn(width int) (xs []float64, from int) {
	xs = trendValues(s.Points)
	from = max(0, len(xs)-width)
	return xs[from:], from
}

// step is the change of the last run from the one before, as compare writes it; "" where there is none.
func (s *TrendSeries) step() string {
	n := len(s.Points)
	if n < 2 {
		return ""
	}
	return signed(trendDelta(s.Points[n-2].Value, s.Points[n-1].Value))
}

// ends returns the first and the last value, in one scale.
func (s *TrendSeries) ends() (first, last string) {
	a, b := s.Points[0].Value, s.Points[len(s.Points)-1].Value
	format := s.metric.scale(a, b)
	return format(a), format(b)
}

// legends explains the columns, and the sign where there is one.
func (t *Trend) legends() []legend {
	list := []legend{
		{"trend", fmt.Sprintf("each run's median, by time, the last %d at most, from the series' lowest (▁) to its highest (█)",
			sparkWidth)},
		{"last change", "of the newest run from the one before it, noise included"},
		{"groups", "runs on another machine, tape or other settings are series of their own: their figures are not comparable"},
	}
	if _, _, changes := t.count(); changes > 0 {
		list = append(list, legend{changeSign, "the first run after a change point, found by E-divisive (Matteson and James, JASA 109, " +
			"2014), a nonparametric test of the order of the runs; not told below a hundredth of an allocation or one byte"})
	}
	return list
}

// changeSign stands under the first run after a change point.
const changeSign = "^"

// marks returns the signs under a sparkline that begins with the point from, and whether there are any.
func (s *TrendSeries) marks(from int) (line string, any bool) {
	signs := []rune(strings.Repeat(" ", len(s.Points)-from))
	for _, c := range s.told() {
		if c.At >= from {
			signs[c.At-from] = []rune(changeSign)[0]
			any = true
		}
	}
	return strings.TrimRight(string(signs), " "), any
}
