package reports

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/figure"
	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/metric"
)

// trendStyles gives each strategy of a history a style, the same in all figures.
func trendStyles(t *judge.Trend) styles {
	of := styles{}
	for _, g := range t.Groups {
		for _, s := range g.Series {
			of.add(s.Strategy)
		}
	}
	return of
}

// mostPanels is the largest number of series that have a panel of their own.
const mostPanels = 8

// trendFigures shows the page's n-th group over its runs in order of time: each series that changed, then a panel per metric with all
// strategies. A vertical line marks the first run after a change. Where a run lacks a series, its line has a gap.
func trendFigures(g *judge.TrendGroup, n int, of styles) (list []*figure.Figure) {
	runs := runsOf(g)
	order := map[string]int{} // of a run's id
	for i, p := range runs {
		order[p.ID] = i
	}
	var changed, all figure.Panels
	panelOf := map[string]int{} // a metric's in all
	marks := map[int][]string{} // the series that changed at a run
	for i := range g.Series {
		s, m := &g.Series[i], metric.Named(g.Series[i].Metric)
		unit, factor, label := axisOf(s.Unit)
		line := figure.Series{Name: s.Strategy, Style: of[s.Strategy]}
		for j, p := range s.Points {
			x := order[p.ID]
			line.Points = append(line.Points, figure.Point{X: float64(x), Y: factor * p.Value, Gap: j > 0 && x > order[s.Points[j-1].ID]+1})
		}
		changes := relevantChanges(s)
		for _, c := range changes {
			line.Points[c.At].Note = changeSentence(s, c)
			x := order[s.Points[c.At].ID]
			marks[x] = append(marks[x], s.Strategy+" "+m.Word())
		}
		if len(changes) > 0 && len(changed) < mostPanels {
			changed = append(changed, figure.Panel{Y: figure.Axis{Label: s.Strategy + " " + m.Word() + label, Unit: unit}, Series: []figure.Series{line}})
		}
		at, known := panelOf[s.Metric]
		if !known {
			at = len(all)
			panelOf[s.Metric] = at
			all = append(all, figure.Panel{Y: figure.Axis{Label: m.Word() + label, Unit: unit}})
		}
		all[at].Series = append(all[at].Series, line)
	}
	for i := range all {
		chooseScale(&all[i].Y, panelValues(&all[i]))
	}
	x := figure.Axis{Label: "run", Names: runNames(runs)}
	for at := range runs {
		switch which := marks[at]; {
		case len(which) == 1:
			x.Lines = append(x.Lines, figure.Line{At: float64(at), Label: which[0] + " changed"})
		case len(which) > 1:
			x.Lines = append(x.Lines, figure.Line{At: float64(at), Label: fmt.Sprintf("%d series changed", len(which))})
		}
	}
	if changed != nil {
		list = append(list, &figure.Figure{
			ID: figureID("changes", n), Title: g.Scenario + ": what changed, medians of each run",
			Desc: fmt.Sprintf("%d runs in order of time. Vertical lines mark the first run after a change.", len(runs)), Of: "strategy", X: x, Body: changed,
		})
	}
	return append(list, &figure.Figure{
		ID: figureID("trend", n), Title: g.Scenario + ": all medians of each run",
		Desc: fmt.Sprintf("%d runs in order of time, a panel per metric and a line per strategy. Vertical lines mark the first run after a change.", len(runs)),
		Of:   "strategy", X: x, Body: all,
	})
}

// panelValues returns the values in a panel.
func panelValues(p *figure.Panel) (list []float64) {
	for _, s := range p.Series {
		for _, at := range s.Points {
			list = append(list, at.Y)
		}
	}
	return list
}

// runsOf returns the runs of a group, each once, in order of time.
func runsOf(g *judge.TrendGroup) (runs []judge.TrendPoint) {
	seen := map[string]bool{}
	for _, s := range g.Series {
		for _, p := range s.Points {
			if !seen[p.ID] {
				seen[p.ID] = true
				runs = append(runs, p)
			}
		}
	}
	slices.SortStableFunc(runs, func(a, b judge.TrendPoint) int { return a.Created.Compare(b.Created) })
	return runs
}

// runNames are the dates of runs, or their labels or commits where two runs are of one day.
func runNames(runs []judge.TrendPoint) (names []string) {
	days := map[string]bool{}
	for _, p := range runs {
		days[pointDate(p)] = true
	}
	for _, p := range runs {
		if name := pointDate(p); len(days) == len(runs) {
			names = append(names, name)
		} else {
			names = append(names, strings.TrimPrefix(pointName(p), "commit "))
		}
	}
	return names
}
