package reports

import (
	"fmt"
	"slices"

	"github.com/sessbench/sessbench/internal/figure"
	"github.com/sessbench/sessbench/reports/result"
)

// leastIntervals is the number of intervals from which a trial has a course.
const leastIntervals = 3

// track is what a panel of a time series shows.
type track struct {
	axis figure.Axis
	of   func(r *result.Result, t *result.Trial) bool // whether the trial has it
	// value returns the value of an interval that took seconds of the window, 0 after it.
	value func(p *result.Point, seconds float64) (y float64, ok bool)
	bound bool // a value is a lower bound where operations had not ended
	quiet bool // it is left out where it is 0 in all trials
}

func always(*result.Result, *result.Trial) bool { return true }

// arrivals reports whether the visits of a trial and the users that they wait for are known. Those of recorded traffic are not.
func arrivals(_ *result.Result, t *result.Trial) bool {
	return t.OpenLoop != nil && t.OpenLoop.Users > 0
}

func ramp(r *result.Result, _ *result.Trial) bool { return r.Ramp != "" }

func percentileOf(get func(p *result.Point) *int64) func(*result.Point, float64) (float64, bool) {
	return func(p *result.Point, _ float64) (float64, bool) {
		if ns := get(p); ns != nil {
			return float64(*ns), true
		}
		return 0, false
	}
}

var tracks = []track{
	{axis: figure.Axis{Label: "operations per second", Zero: true}, of: always,
		value: func(p *result.Point, seconds float64) (float64, bool) {
			if seconds <= 0 {
				return 0, false
			}
			return float64(p.Ops) / seconds, true
		}},
	{axis: figure.Axis{Label: "p50", Unit: figure.Time, Scale: figure.Log}, of: always, bound: true, quiet: true,
		value: percentileOf(func(p *result.Point) *int64 { return p.P50 })},
	{axis: figure.Axis{Label: "p99", Unit: figure.Time, Scale: figure.Log}, of: always, bound: true, quiet: true,
		value: percentileOf(func(p *result.Point) *int64 { return p.P99 })},
	{axis: figure.Axis{Label: "visits that wait for a user, the most", Zero: true}, of: arrivals,
		value: func(p *result.Point, _ float64) (float64, bool) { return float64(p.Queue), true }},
	{axis: figure.Axis{Label: "visits that arrived and have not ended, the most", Zero: true}, of: arrivals,
		value: func(p *result.Point, _ float64) (float64, bool) { return float64(p.Open), true }},
	{axis: figure.Axis{Label: "active users", Zero: true}, of: ramp,
		value: func(p *result.Point, _ float64) (float64, bool) { return p.Users, true }},
	{axis: figure.Axis{Label: "sweeps", Zero: true}, of: always, quiet: true,
		value: func(p *result.Point, _ float64) (float64, bool) { return float64(p.Sweeps), true }},
	{axis: figure.Axis{Label: "stopped by the garbage collector", Unit: figure.Time, Zero: true}, of: always, quiet: true,
		value: func(p *result.Point, _ float64) (float64, bool) { return float64(p.GCPauseNs), true }},
}

// seriesFigure shows the last trial of each result over time; nil: none has a series. One trial is shown as it was: a median over
// trials, interval by interval, would hide what happens at other times in each, such as sweeps and pauses.
func (s *section) seriesFigure(n int, of styles) *figure.Figure {
	var shown []*result.Result
	most := 0 // trials
	for _, r := range s.ordered() {
		if _, _, measured := s.stateOf(r); !measured || r.Search != nil && r.Search.Lower <= 0 {
			continue
		}
		if last := &r.Trials[len(r.Trials)-1]; last.Series != nil && last.Series.IntervalNs > 0 && len(last.Series.Points) >= leastIntervals {
			shown, most = append(shown, r), max(most, len(r.Trials))
		}
	}
	var panels figure.Panels
	for _, tr := range tracks {
		panel, worth := figure.Panel{Y: tr.axis}, false
		for _, r := range shown {
			if last := &r.Trials[len(r.Trials)-1]; tr.of(r, last) {
				points := tr.points(last)
				worth = worth || slices.ContainsFunc(points, func(p figure.Point) bool { return p.Y > 0 || !tr.quiet })
				panel.Series = append(panel.Series, figure.Series{Name: r.Strategy, Style: of[r.Strategy], Points: points})
			}
		}
		if worth {
			panels = append(panels, panel)
		}
	}
	if len(panels) == 0 {
		return nil
	}
	f := &figure.Figure{
		ID: figureID("series", n), Title: s.scenario + ": over time", Of: "strategy",
		Desc: "The values of each interval of a trial, for each strategy.",
		X:    figure.Axis{Label: "since the start of the window", Unit: figure.Time}, Body: panels,
	}
	if s.searched() {
		f.Title += ", at the highest rate that passes"
	}
	if most > 1 {
		f.Title += ", the last trial of each strategy"
		f.Notes = append(f.Notes, fmt.Sprintf("One trial of %d, the last one, not a median.", most))
	}
	return f
}

// points returns the values of a trial's intervals. A gap is where there is none.
func (tr *track) points(t *result.Trial) (points []figure.Point) {
	gap := false
	for k := range t.Series.Points {
		p := &t.Series.Points[k]
		begin := int64(k) * t.Series.IntervalNs
		y, ok := tr.value(p, inWindow(t, begin))
		if !ok {
			gap = len(points) > 0
			continue
		}
		points = append(points, figure.Point{X: float64(begin), Y: y, Gap: gap, AtLeast: tr.bound && p.Censored > 0})
		gap = false
	}
	return points
}

// inWindow is how much of the interval that begins so many nanoseconds after the window did lies in the window, in seconds. The last
// one may be a rest of the window; of a short one the throughput is not known.
func inWindow(t *result.Trial, begin int64) float64 {
	length := t.Series.IntervalNs
	if t.ElapsedNs > 0 {
		length = min(length, t.ElapsedNs-begin)
	}
	if length < t.Series.IntervalNs/10 {
		return 0
	}
	return float64(length) / 1e9
}
