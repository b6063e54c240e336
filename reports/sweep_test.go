package reports

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sessbench/sessbench/internal/figure"
	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/reports/result"
)

// sweepOf is a sweep over users from 1 to 64. Each strategy has a throughput by the number of users.
func sweepOf(strategies map[string]func(users float64) float64) *result.Document {
	names := slices.SortedFunc(func(yield func(string) bool) {
		for name := range strategies {
			if !yield(name) {
				return
			}
		}
	}, strings.Compare)
	d := withoutBaseline()
	d.Config.Baseline = ""
	d.Sweep = &result.Sweep{Scenario: "chatbot", Over: "users", Blocks: 6, BudgetNs: int64(3 * time.Minute), ElapsedNs: 100e9}
	for range d.Sweep.Blocks {
		d.Sweep.WindowsNs = append(d.Sweep.WindowsNs, 400_000_000)
	}
	for users := 1; users <= 64; users *= 2 {
		p := result.SweepPoint{Text: fmt.Sprint(users), Value: float64(users), Scenario: fmt.Sprintf("chatbot/users=%d", users), Ideal: 1000 * float64(users)}
		d.Sweep.Points = append(d.Sweep.Points, p)
		for _, name := range names {
			r := build(name, strategies[name](p.Value), 6)
			r.Scenario, r.Users, r.LimitOpsPerSec = p.Scenario, users, 0
			for i := range r.Trials {
				r.Trials[i].OpsPerSec *= 1 + 0.001*float64((i*users+len(name))%7)
				r.Trials[i].Locks.WaitNs = int64(float64(users)/strategies[name](p.Value)*1e9) - 1_000_000
			}
			d.Results = append(d.Results, r)
		}
	}
	judge.Summarize(d)
	judge.SummarizeSweep(d)
	coarse(d.Sweep)
	return d
}

// coarse rounds estimates, so that golden files do not depend on the digits that a fit ends with.
func coarse(s *result.Sweep) {
	round := func(list ...*result.Estimate) {
		for _, e := range list {
			for _, x := range []*float64{&e.Value, &e.Low, &e.High} {
				if *x, _ = strconv.ParseFloat(fmt.Sprintf("%.1g", *x), 64); *x < 1e-4 {
					*x = 0
				}
			}
		}
	}
	for _, l := range s.Lines {
		if l.Knee != nil {
			round(l.Knee)
		}
		if l.Law != nil {
			round(&l.Law.Sigma, &l.Law.Kappa)
		}
		if l.Law != nil && l.Law.Peak != nil {
			round(l.Law.Peak)
		}
	}
	for i := range s.Crossovers {
		round(&s.Crossovers[i].At)
	}
}

// swept has a strategy that does not scale, one that follows the law, and one that is slow for few users and overtakes the first.
func swept() *result.Document {
	law := func(n float64) float64 { return 1000 * n / (1 + 0.05*(n-1) + 0.0005*n*(n-1)) }
	return sweepOf(map[string]func(users float64) float64{
		"global": func(float64) float64 { return 950 },
		"law":    law,
		"late":   func(n float64) float64 { return 240 * n / (1 + 0.02*(n-1)) },
	})
}

// sweptViolated has a strategy that failed its audit at one value.
func sweptViolated() *result.Document {
	d := swept()
	r := judge.SweepRow(d, "chatbot/users=8", "late")
	r.Trials[2].Audit = result.Audit{Violations: []result.Violation{{Kind: "lost update", Detail: "9 messages were acknowledged, 8 are there"}}}
	judge.Summarize(d)
	judge.SummarizeSweep(d)
	coarse(d.Sweep)
	return d
}

func TestSweepFigure(t *testing.T) {
	f := figuresByID(t, swept())["sweep"]
	if f == nil {
		t.Fatal("no figure")
	}
	panels := f.Body.(figure.Panels)
	var names []string
	for _, s := range panels[0].Series {
		names = append(names, strings.TrimSuffix(s.Name+", "+s.Variant, ", "))
		if s.Curve != (s.Name == "ideal" || s.Variant != "") {
			t.Errorf("%s, %s: curve %v", s.Name, s.Variant, s.Curve)
		}
		for _, p := range s.Points {
			if !s.Curve && (p.Interval == nil || p.Interval.Low > p.Y || p.Interval.High < p.Y) {
				t.Errorf("%s at %v: interval %v of %v", s.Name, p.X, p.Interval, p.Y)
			}
		}
	}
	for _, want := range []string{"global", "law", "late", "ideal", "law, Universal Scalability Law"} {
		if !slices.Contains(names, want) {
			t.Errorf("series %q: want %s", names, want)
		}
	}
	if len(f.X.Lines) == 0 || !strings.HasPrefix(f.X.Lines[0].Label, "late overtakes global: ") {
		t.Errorf("crossovers %+v", f.X.Lines)
	}
	if f.X.Scale != figure.Log || panels[0].Y.Scale != figure.Log || !panels[0].Main {
		t.Errorf("axes %+v, %+v", f.X, panels[0].Y)
	}
	if _, err := f.SVG(); err != nil {
		t.Error(err)
	}
}

// What a strategy that lost data did elsewhere is in the table, but nothing follows from it.
func TestSweepOfViolation(t *testing.T) {
	d := sweptViolated()
	for _, c := range d.Sweep.Crossovers {
		if c.Faster == "late" || c.Slower == "late" {
			t.Errorf("crossover %+v", c)
		}
	}
	for _, l := range d.Sweep.Lines {
		if l.Strategy == "late" && (l.Law != nil || l.Knee != nil || l.Limited != nil) {
			t.Errorf("%+v", l)
		}
	}
	if text := written(t, "table", d, Options{}); !strings.Contains(text, struckSign) || !strings.Contains(text, "lost update") {
		t.Error(text)
	}
}

// A value of 0 has no place on a logarithmic axis, and an interrupted sweep may lack results.
func TestSweepWithGaps(t *testing.T) {
	d := swept()
	d.Sweep.Over, d.Sweep.Unit = "hold", "ns"
	d.Sweep.Points[0].Value, d.Sweep.Points[0].Text = 0, "0s"
	d.Interrupted = true
	d.Results = slices.DeleteFunc(d.Results, func(r result.Result) bool { return r.Strategy == "law" && r.Users > 2 })
	for i := range d.Results {
		d.Results[i].Trials = d.Results[i].Trials[:2]
	}
	judge.Summarize(d)
	judge.SummarizeSweep(d)
	for _, f := range All() {
		text := written(t, f.Name, d, Options{})
		if f.Name == "table" && (!strings.Contains(text, "Interrupted") || strings.Contains(text, "overtakes")) {
			t.Error(text)
		}
	}
	f := figuresByID(t, d)["sweep"]
	if _, err := f.SVG(); err != nil || !slices.Contains(f.Notes, "hold 0s has no place on the logarithmic axis: it is in the table.") {
		t.Error(err, f.Notes)
	}
}
