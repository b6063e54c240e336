package reports

import (
	"fmt"
	"slices"

	"github.com/sessbench/sessbench/internal/figure"
	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/metric"
)

// trendStyles gives each strategy of a history a style, the same in all figures.
func trendStyles(t *judge.Trend) styles {
	of := styles{}
	for _, g := range t.Groups {
		for _, s := range g.Series {
			if _, known := of[s.Strategy]; !known {
				of[s.Strategy] = len(of)
			}
		}
	}
	return of
}

// trendFigure shows the page's n-th group: a panel per metric, over the runs of the group in order of time. A vertical line marks the
// first run after a change. Where a run lacks a series, its line has a gap.
func trendFigure(g *judge.TrendGroup, n int, of styles) *figure.Figure {
	runs := runsOf(g)
	order := map[string]int{} // of a run's id
	for i, p := range runs {
		order[p.ID] = i
	}
	f := &figure.Figure{
		ID: figureID("trend", n), Title: g.Scenario + ": medians of each run",
		Desc: fmt.Sprintf("%d runs in order of time, a panel per metric and a line per strategy. Vertical lines mark the first run after a change.", len(runs)),
		Of:   "strategy", X: figure.Axis{Label: "run"},
	}
	for _, p := range runs {
		f.X.Names = append(f.X.Names, pointDate(p)+" "+pointName(p))
	}
	var panels figure.Panels
	panelOf := map[string]int{}   // a metric's
	changed := map[int][]string{} // the series that changed at a run
	for i := range g.Series {
		s, m := &g.Series[i], metric.Named(g.Series[i].Metric)
		unit, factor, label := axisOf(s.Unit)
		at, known := panelOf[s.Metric]
		if !known {
			at = len(panels)
			panelOf[s.Metric] = at
			panels = append(panels, figure.Panel{Y: figure.Axis{Label: m.Word() + label, Unit: unit}})
		}
		line := figure.Series{Name: s.Strategy, Style: of[s.Strategy]}
		last := -1
		for _, p := range s.Points {
			x := order[p.ID]
			line.Points = append(line.Points, figure.Point{X: float64(x), Y: factor * p.Value, Gap: last >= 0 && x > last+1})
			last = x
		}
		for _, c := range relevantChanges(s) {
			line.Points[c.At].Note = changeSentence(s, c)
			x := int(line.Points[c.At].X)
			changed[x] = append(changed[x], s.Strategy+" "+m.Word())
		}
		panels[at].Series = append(panels[at].Series, line)
	}
	for x := range runs {
		switch list := changed[x]; {
		case len(list) == 1:
			f.X.Lines = append(f.X.Lines, figure.Line{At: float64(x), Label: list[0] + " changed"})
		case len(list) > 1:
			f.X.Lines = append(f.X.Lines, figure.Line{At: float64(x), Label: fmt.Sprintf("%d series changed", len(list))})
		}
	}
	f.Body = panels
	return f
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
