package reports

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/sessbench/sessbench/internal/figure"
	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/search"
	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/internal/stats"
	"github.com/sessbench/sessbench/reports/result"
)

// timeKind is a kind of time of the operations of a trial.
type timeKind struct {
	variant string // of a line
	get     func(t *result.Trial) (l *result.Latency, histogram string)
}

// timeKinds are those that a section's trials have: in a closed loop the latency alone.
func (s *section) timeKinds() []timeKind {
	all := func(t *result.Trial) (*result.Latency, string) { return &t.LatencyNs, t.Histogram }
	if !s.open() {
		return []timeKind{{"", all}}
	}
	return []timeKind{{"response time", all}, {"service time", func(t *result.Trial) (*result.Latency, string) {
		if t.OpenLoop == nil {
			return &result.Latency{}, ""
		}
		return &t.OpenLoop.ServiceNs, t.OpenLoop.Service
	}}}
}

// latencyFigure shows the percentiles of the times of all trials of each result together; nil: none is known. The line of a result ends
// where fewer than ten samples lie beyond, or with the first value that is a lower bound.
func (s *section) latencyFigure(n int, of styles) *figure.Figure {
	panel := figure.Panel{Y: figure.Axis{Label: "latency", Unit: figure.Time, Scale: figure.Log}}
	if s.open() {
		panel.Y.Label = "time"
	}
	var unknown []string
	most := 0 // trials
	for _, r := range s.ordered() {
		state, why, measured := s.stateOf(r)
		if !measured {
			continue
		}
		for _, kind := range s.timeKinds() {
			l, err := judge.Together(r, kind.get)
			if err != nil {
				unknown = append(unknown, r.Strategy)
				break
			}
			if points := percentilePoints(&l, state, why); len(points) > 0 {
				most = max(most, len(r.Trials))
				line := figure.Series{Name: r.Strategy, Variant: kind.variant, Style: of[r.Strategy], Points: points}
				panel.Series = append(panel.Series, line)
			}
		}
	}
	if len(panel.Series) == 0 {
		return nil
	}
	f := &figure.Figure{
		ID: figureID("latency", n), Title: s.scenario + ": latency by percentile", Of: "strategy",
		Desc: "The percentiles of the times of operations, for each strategy.",
		X:    figure.Axis{Label: "percentile", Unit: figure.Percentile, Scale: figure.Percentiles}, Body: figure.Panels{panel},
	}
	if s.open() {
		f.Title = s.scenario + ": response and service time by percentile"
	}
	if most > 1 {
		f.Notes = append(f.Notes,
			"Percentiles of the operations of all trials together; the table has medians of the trials, except where it says so.")
	}
	if unknown != nil {
		f.Notes = append(f.Notes, "Without histograms in the document: "+sheet.And(unknown)+".")
	}
	return f
}

// percentilePoints returns the percentiles of a distribution as points, up to the first that is a lower bound.
func percentilePoints(l *result.Latency, state figure.State, why string) (points []figure.Point) {
	for _, p := range result.Percentiles() {
		ns := *p.In(l)
		if ns == nil {
			break
		}
		points = append(points, figure.Point{X: p.Percent / 100, Y: float64(*ns), AtLeast: l.AtLeast(*ns), State: state, Note: why})
		if l.AtLeast(*ns) {
			break
		}
	}
	return points
}

// probesFigure shows the p99 of each rate that a search tried, and what became of it; nil: there are none. Where the goal is
// another one, what was achieved of the rate is shown, too.
func (s *section) probesFigure(n int, of styles) *figure.Figure {
	p99s := figure.Panel{Y: figure.Axis{Label: "p99 of the response time", Unit: figure.Time, Scale: figure.Log}}
	achieved := figure.Panel{Y: figure.Axis{Label: "achieved", Unit: figure.Share}}
	goal, err := judge.ParseGoal(s.goal())
	bound := 0.0
	if err == nil {
		bound = goal.P99Bound()
	}
	if bound > 0 {
		p99s.Y.Lines = []figure.Line{{At: bound, Label: goal.Text}}
	}
	for _, r := range s.ordered() {
		if _, _, measured := s.stateOf(r); !measured || r.Search == nil {
			continue
		}
		line := figure.Series{Name: r.Strategy, Style: of[r.Strategy]}
		share := line
		probes := slices.Clone(r.Search.Probes)
		slices.SortStableFunc(probes, func(a, b result.Probe) int { return cmp.Compare(a.Rate, b.Rate) })
		for _, p := range probes {
			at := probePoint(&p)
			if x := valuesOf(p.Trials, func(t *result.ProbeTrial) (float64, bool) { return t.Achieved, true }); len(x) > 0 {
				at.Y, at.Interval = middle(x)
				share.Points = append(share.Points, at)
			}
			if x := valuesOf(p.Trials, p99OfProbe); len(x) > 0 {
				at.Y, at.Interval = middle(x)
				line.Points = append(line.Points, at)
			}
		}
		p99s.Series, achieved.Series = append(p99s.Series, line), append(achieved.Series, share)
	}
	body := figure.Panels{p99s}
	if bound == 0 {
		body = append(body, achieved)
	}
	if !slices.ContainsFunc(body, func(p figure.Panel) bool {
		return slices.ContainsFunc(p.Series, func(s figure.Series) bool { return len(s.Points) > 0 })
	}) {
		return nil
	}
	return &figure.Figure{
		ID: figureID("probes", n), Title: s.scenario + ": p99 by offered rate, goal " + s.goal(), Of: "strategy",
		Desc:  "The rates that were tried, with the median of the trials and the range of all of them.",
		X:     figure.Axis{Label: "offered, operations per second", Unit: figure.Number, Scale: figure.Log},
		Body:  body,
		Notes: []string{"A marker is the median of a rate's trials; a vertical line is the range of all of them."},
	}
}

func p99OfProbe(t *result.ProbeTrial) (float64, bool) {
	if t.P99 == nil {
		return 0, false
	}
	return float64(*t.P99), true
}

// valuesOf returns the values of trials that have one.
func valuesOf(trials []result.ProbeTrial, get func(t *result.ProbeTrial) (float64, bool)) (xs []float64) {
	for i := range trials {
		if x, ok := get(&trials[i]); ok {
			xs = append(xs, x)
		}
	}
	return xs
}

// middle returns the median and the range of values; nil: there is one value.
func middle(xs []float64) (median float64, all *figure.Interval) {
	if len(xs) > 1 {
		all = &figure.Interval{Low: slices.Min(xs), High: slices.Max(xs)}
	}
	return stats.Median(xs).Median, all
}

// lagging is the share that a store achieves at least of a rate that it keeps up with. A probe has no other sign of saturation.
const lagging = 0.995

// probePoint is the rate, the state and the note of a probe.
func probePoint(p *result.Probe) figure.Point {
	at := figure.Point{X: p.Rate, Note: result.FormatCounted(len(p.Trials), "trial")}
	achieved := valuesOf(p.Trials, func(t *result.ProbeTrial) (float64, bool) { return t.Achieved, true })
	switch v := search.Verdict(p.Verdict); {
	case v == search.Passes:
		at.State = figure.Passing
		return at
	case v == search.Fails && stats.Median(achieved).Median < lagging:
		at.State = figure.Saturated
	case v == search.Fails:
		at.State = figure.Failing
	default:
		at.State = figure.Undecided
	}
	for i := range p.Trials {
		if why := p.Trials[i].Why; why != "" {
			at.Note = fmt.Sprintf("%s; %s", at.Note, why)
			break
		}
	}
	return at
}
