package reports

import (
	"fmt"
	"math"
	"slices"

	"github.com/sessbench/sessbench/internal/figure"
	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/internal/stats"
	"github.com/sessbench/sessbench/reports/result"
)

// mostCrossings is the number of crossovers that the figure of a sweep shows; more of them would hide the lines.
const mostCrossings = 3

// sweepFigure shows the throughput and the p99 of each strategy over the setting that was varied; nil: no result has a speed.
func sweepFigure(d *result.Document) *figure.Figure {
	s := d.Sweep
	throughput := figure.Panel{Y: figure.Axis{Label: "operations per second, more is better", Scale: figure.Log}, Main: true}
	p99 := figure.Panel{Y: figure.Axis{Label: "p99 of an operation, less is better", Unit: figure.Time, Scale: figure.Log}}
	of := stylesOf(d)
	at := map[string]*section{}
	for _, s := range sections(d) {
		at[s.scenario] = s
	}
	axis := sweepAxis(s)
	for _, name := range judge.SweepStrategies(d) {
		line := figure.Series{Name: name, Style: of[name]}
		times := line
		for _, p := range s.Points {
			r := judge.SweepRow(d, p.Scenario, name)
			if r == nil || !placed(axis, p) {
				continue
			}
			state, why, measured := at[p.Scenario].stateOf(r)
			if ops := r.Summary.OpsPerSec; measured && ops.Median > 0 {
				of := figure.Point{X: p.Value, Y: ops.Median, State: state, Note: why}
				if ops.Lo > 0 {
					of.Interval = bounded(ops.Lo, ops.Hi)
				}
				line.Points = append(line.Points, of)
			}
			if m := metric.Named("latency_p99_ns"); measured {
				if x, ok := m.Shown(r); ok && x > 0 {
					of := figure.Point{X: p.Value, Y: x, State: state, Note: why, AtLeast: m.AtLeast(r, "", x)}
					if i := stats.Median(m.Sample(r)); i.Lo > 0 && r.Summary.Pooled[m.Short()] == (result.Pooled{}) {
						of.Interval = bounded(i.Lo, i.Hi)
					}
					times.Points = append(times.Points, of)
				}
			}
		}
		if len(line.Points) > 0 {
			throughput.Series, p99.Series = append(throughput.Series, line), append(p99.Series, times)
		}
	}
	if len(throughput.Series) == 0 {
		return nil
	}
	f := &figure.Figure{
		ID: "sweep", Title: s.Scenario + ": throughput over " + s.Over, Of: "strategy",
		Desc: "Operations per second and p99 of each strategy at each value: the median of the trials, with its 95 % confidence interval.",
		X:    axis,
	}
	for _, p := range s.Points {
		if !placed(axis, p) {
			f.Notes = append(f.Notes, fmt.Sprintf("%s %s has no place on the logarithmic axis: it is in the table.", s.Over, p.Text))
		}
	}
	if ideal := sweepIdeal(s); len(ideal.Points) > 0 {
		throughput.Series = append(throughput.Series, ideal)
		f.Notes = append(f.Notes, "ideal: a perfect store with one lock per session, with the measured holds.")
	}
	for i := range s.Lines {
		if curve := lawCurve(s, &s.Lines[i]); len(curve.Points) > 0 {
			curve.Style = of[curve.Name]
			throughput.Series = append(throughput.Series, curve)
		}
	}
	for i, c := range s.Crossovers {
		if i == mostCrossings {
			f.Notes = append(f.Notes, fmt.Sprintf("Shown are %d of %d crossovers.", mostCrossings, len(s.Crossovers)))
			break
		}
		if f.X.Scale == figure.Log && c.At.Low <= 0 {
			continue
		}
		f.X.Lines = append(f.X.Lines, figure.Line{At: c.At.Value, Label: fmt.Sprintf("%s overtakes %s: %s", c.Faster, c.Slower, sweepEstimate(s, c.At))})
		f.X.Bands = append(f.X.Bands, figure.Band{From: c.At.Low, To: c.At.High})
	}
	if slices.ContainsFunc(throughput.Series, func(s figure.Series) bool {
		return slices.ContainsFunc(s.Points, func(p figure.Point) bool { return p.Interval != nil })
	}) {
		f.Notes = append(f.Notes, "Vertical lines: 95 % confidence intervals of the medians.")
	}
	for _, of := range throughput.Series { // the reasons of marks, which are otherwise in titles only
		for _, p := range of.Points {
			i := slices.IndexFunc(s.Points, func(of result.SweepPoint) bool { return of.Value == p.X })
			if p.State == figure.Unranked && p.Note != "" && i >= 0 {
				f.Notes = append(f.Notes, fmt.Sprintf("Not ranked: %s at %s: %s.", of.Name, sweepFrom(s, s.Points[i].Text), p.Note))
			}
		}
	}
	body := figure.Panels{throughput}
	if slices.ContainsFunc(p99.Series, func(s figure.Series) bool { return len(s.Points) > 0 }) {
		body = append(body, p99)
	}
	f.Body = body
	return f
}

// sweepAxis is the axis of the setting. It is logarithmic, except for an exponent.
func sweepAxis(s *result.Sweep) figure.Axis {
	a := figure.Axis{Label: s.Over, Scale: figure.Log}
	switch {
	case s.Unit == "ns":
		a.Unit = figure.Time
	case s.Over == "zipf":
		a.Label, a.Scale = "exponent of the popularity of sessions (zipf)", figure.Linear
	case s.Unit != "":
		a.Label += ", operations per second"
	}
	return a
}

// placed reports whether a point has a place on the axis of the setting.
func placed(a figure.Axis, p result.SweepPoint) bool { return a.Scale != figure.Log || p.Value > 0 }

// sweepIdeal is the line of a perfect store.
func sweepIdeal(s *result.Sweep) figure.Series {
	line := figure.Series{Name: "ideal", Style: otherStyle, Curve: true}
	for _, p := range s.Points {
		if p.Ideal > 0 && placed(sweepAxis(s), p) {
			line.Points = append(line.Points, figure.Point{X: p.Value, Y: p.Ideal})
		}
	}
	return line
}

// lawCurve is the curve of the law of a strategy, where it predicts.
func lawCurve(s *result.Sweep, of *result.SweepLine) figure.Series {
	curve := figure.Series{Name: of.Strategy, Variant: "Universal Scalability Law", Curve: true}
	law := judge.SweepLaw(of)
	if law == nil {
		return curve
	}
	for _, p := range s.Points {
		if p.Value <= 0 {
			continue
		}
		if y := law.At(p.Value); y > 0 && !math.IsInf(y, 0) {
			curve.Points = append(curve.Points, figure.Point{X: p.Value, Y: y})
		}
	}
	return curve
}
