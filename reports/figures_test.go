package reports

import (
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sessbench/sessbench/internal/figure"
	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/reports/result"
)

// figuresByID returns the figures on the page of a document.
func figuresByID(t *testing.T, d *result.Document) map[string]*figure.Figure {
	t.Helper()
	found := map[string]*figure.Figure{}
	for _, f := range runPage(d, Options{Medium: sheet.Web}).Figures() {
		if found[f.ID] != nil {
			t.Errorf("two figures %s", f.ID)
		}
		found[f.ID] = f
	}
	return found
}

// rowsOf returns the rows of a figure's table by their first column.
func rowsOf(t *testing.T, f *figure.Figure) map[string][]string {
	t.Helper()
	_, rows, err := f.Table()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for _, row := range rows {
		found[row[0]] = row[1:]
	}
	return found
}

// open is an open loop: a store that keeps up, another that is slower, one that does not keep up, one with few operations, one that
// lost an update.
func openLoopOf(n int) *result.Document {
	var results []result.Result
	for _, of := range []struct {
		strategy string
		ops      float64
	}{{"slow", 10_000}, {"quick", 20_000}, {"saturated", 900}, {"few", 30_000}, {"broken", 40_000}} {
		r := build(of.strategy, of.ops, n)
		r.Load, r.LimitOpsPerSec = "2000/s poisson", 0
		ideal := result.Perfect{OpsPerSec: 2000, Achieved: 1, LatencyNs: result.Latency{P99: ns(1.5e6), Count: 2000}}
		r.Ideal = &result.Ideal{PerSession: ideal, OneLock: ideal}
		for i := range r.Trials {
			t := &r.Trials[i]
			t.OpenLoop = &result.OpenLoop{Offered: 2000, Achieved: 1, Users: 10, Limit: 100}
			switch of.strategy {
			case "saturated":
				t.OpenLoop.Saturated, t.OpenLoop.Achieved = true, 0.45
				r.Ideal.PerSession.LatencyNs.P99 = ns(90e6) // its holds are not those of the others
			case "few":
				t.LatencyNs.P99 = nil
			case "broken":
				t.Audit = result.Audit{Violations: []result.Violation{{Kind: "lost update"}}}
			}
		}
		results = append(results, r)
	}
	return withoutBaseline(results...)
}

// states returns the name and the state of each row, in their order.
func states(f *figure.Figure) (list []string) {
	for _, r := range f.Body.(figure.Rows) {
		text := strings.TrimSuffix(r.Name+" "+r.State.String(), " ")
		if r.Empty {
			text = "(" + text + ")"
		}
		list = append(list, text)
	}
	return list
}

func TestRowsFigure(t *testing.T) {
	differ := func(d *result.Document, factor float64) *result.Document {
		d.Results[1].LimitOpsPerSec *= factor
		return d
	}
	ramp := func(d *result.Document) *result.Document {
		for i := range d.Results {
			d.Results[i].Ramp = "10s:100"
		}
		return d
	}
	above := normal()
	for i := range above.Results[2].Trials {
		above.Results[2].Trials[i].LimitOpsPerSec = 50_000
	}
	judge.Summarize(above)
	one := withoutBaseline(build("per-session", 76_100, 1))
	for _, test := range []struct {
		why   string
		d     *result.Document
		id    string
		rows  []string
		lines []string
		notes int
	}{
		{"the fastest first", normal(), "ratio-1", []string{"sharded:shards=16", "per-session", "global"}, []string{"global", "theoretical limit 101×"}, 0},
		{"limits that differ are a band", differ(normal(), 1.2), "ratio-1", []string{"sharded:shards=16", "per-session", "global"},
			[]string{"global", "band: theoretical limit 101–121×"}, 0},
		{"limits that have little in common are not shown", differ(normal(), 3), "ratio-1", []string{"sharded:shards=16", "per-session", "global"},
			[]string{"global"}, 0},
		{"nor those of a ramp", ramp(normal()), "ratio-1", []string{"sharded:shards=16", "per-session", "global"}, []string{"global"}, 0},
		{"a failed audit has no value and comes last", failedAudit(), "ratio-1", []string{"sharded", "global", "(forgetful violation)"},
			[]string{"global", "theoretical limit 101×"}, 0},
		{"without a baseline there is the throughput", noBaseline(), "throughput-1", []string{"sharded", "per-session"}, []string{"theoretical limit 95.0k"}, 0},
		{"nor with one whose audit failed", failedBaseline(), "throughput-1", []string{"sharded", "per-session", "(global violation)"},
			[]string{"theoretical limit 95.0k"}, 0},
		{"too few trials for intervals", fewTrials(), "ratio-1", []string{"per-session", "global"}, []string{"global", "theoretical limit 101×"}, 1},
		{"one trial of one strategy", one, "throughput-1", []string{"per-session"}, []string{"theoretical limit 95.0k"}, 1},
		{"a row without trials", interrupted(), "ratio-1", []string{"sharded", "per-session", "global", "(cow)"},
			[]string{"global", "theoretical limit 101×"}, 1},
		{"no ratio is known; a row is above the limit, one is a probe of the harness", awkwardNames(), "throughput-1",
			[]string{"global", "a|b *c* <d> \x1b[1m not ranked", "noop not ranked"}, []string{"theoretical limit 95.0k"}, 0},
		{"above the limit", above, "ratio-1", []string{"per-session", "global", "(sharded:shards=16 not ranked)"}, []string{"global", "theoretical limit 101×"}, 0},
		{"an open loop, by its p99", openLoopOf(6), "response-1", []string{"quick", "slow", "(few)", "saturated saturated", "(broken violation)"},
			[]string{"perfect store 1.50 ms"}, 0},
		{"a search, by its rates", found(), "rate-1", []string{"sharded", "per-session", "global", "(actor)"}, nil, 0},
	} {
		f := figuresByID(t, test.d)[test.id]
		if f == nil {
			t.Errorf("%s: no figure %s", test.why, test.id)
			continue
		}
		if diff := cmp.Diff(test.rows, states(f)); diff != "" {
			t.Errorf("%s: %s", test.why, diff)
		}
		var lines []string
		for _, l := range f.X.Lines {
			lines = append(lines, l.Label)
		}
		for _, b := range f.X.Bands {
			lines = append(lines, "band: "+b.Label)
		}
		if diff := cmp.Diff(test.lines, lines); diff != "" {
			t.Errorf("%s: lines: %s", test.why, diff)
		}
		if len(f.Notes) != test.notes {
			t.Errorf("%s: notes %q, want %d", test.why, f.Notes, test.notes)
		}
	}
}

// A p99 that is a lower bound has no interval, as it has no rank.
func TestRowOfALowerBound(t *testing.T) {
	d := openLoopOf(6)
	for i := range d.Results[0].Trials {
		d.Results[0].Trials[i].LatencyNs.Censored = &result.Censored{Count: 3, LeastNs: 1e6}
	}
	for _, r := range figuresByID(t, d)["response-1"].Body.(figure.Rows) {
		if bound := r.Name == "slow"; r.AtLeast != bound || !r.Empty && (r.Interval == nil) != bound {
			t.Errorf("%s: at least %v, interval %v", r.Name, r.AtLeast, r.Interval)
		}
	}
}

// The values of the rows are those of the cells in the table of the same document.
func TestRowsFigureHasTheValuesOfTheTable(t *testing.T) {
	text := func(c sheet.Cell) string { return strings.TrimSpace(c.Text + " " + c.Note) }
	cells := map[string]func(r *result.Result) string{
		"ratio": func(r *result.Result) string {
			if r.Baseline {
				return "1.00×"
			}
			return text(ratioCell(r))
		},
		"throughput": func(r *result.Result) string { return metricCell(metric.Named("ops_per_sec"))(r).Text },
		"response":   func(r *result.Result) string { return metricCell(metric.Named("latency_p99_ns"))(r).Text },
		"rate":       func(r *result.Result) string { return result.FormatRate(r.Search.Lower) },
	}
	compared := map[string]int{}
	all := map[string]func() *result.Document{"open loop": func() *result.Document { return openLoopOf(6) }}
	for name, build := range documents {
		all[name] = build
	}
	for name, build := range all {
		d := build()
		figures := figuresByID(t, d)
		for i, s := range sections(d) {
			q := s.quantity()
			f := figures[figureID(q.id, i)]
			if f == nil {
				continue
			}
			rows := rowsOf(t, f)
			for _, r := range s.results {
				row := rows[sheet.Clean(r.Strategy)]
				if row == nil {
					t.Errorf("%s: %s has no row %s", name, f.ID, r.Strategy)
					continue
				}
				struck := s.table().Rows[slices.Index(s.results, r)][1].Text
				if got, want := row[0], cells[q.id](r); struck == struckSign || struck == result.Nothing {
					if got != "" {
						t.Errorf("%s: %s has a value, %s, which the table has not", name, r.Strategy, got)
					}
				} else if got == "" {
					if want != result.Nothing {
						t.Errorf("%s: %s has no value, want %s", name, r.Strategy, want)
					}
				} else if got, _, _ := strings.Cut(got, " ("); got != strings.Split(want, " (")[0] {
					t.Errorf("%s: %s is %s, want %s", name, r.Strategy, got, want)
				} else if q == &ratios && strings.Contains(row[0], "(") && row[0] != want {
					t.Errorf("%s: %s is %s, want %s", name, r.Strategy, row[0], want)
				} else {
					compared[q.id]++
				}
			}
		}
	}
	for _, id := range []string{"ratio", "throughput", "response", "rate"} {
		if compared[id] == 0 {
			t.Errorf("no values of %s were compared", id)
		}
	}
}

func TestSummaryFigure(t *testing.T) {
	d := twoScenarios()
	figures := figuresByID(t, d)
	if first := runPage(d, Options{Medium: sheet.Web}).Figures()[0]; first.ID != "summary" {
		t.Errorf("the first figure is %s", first.ID)
	}
	for _, id := range []string{"ratio-1", "ratio-2"} {
		if figures[id] == nil {
			t.Errorf("no figure %s", id)
		}
	}
	want := map[string][]string{}
	for i, s := range sections(d) {
		best := s.ranking()[0]
		row := rowsOf(t, figures[figureID("ratio", i)])[best.Strategy]
		want[s.scenario] = row[:1]
	}
	got := rowsOf(t, figures["summary"])
	for scenario, row := range got {
		if row[0] != want[scenario][0] {
			t.Errorf("%s: %s, want %s", scenario, row[0], want[scenario][0])
		}
	}
	if !strings.Contains(got["auth"][1], "tied with") || strings.Contains(got["chatbot"][1], "global") || len(got) != 2 {
		t.Errorf("summary %q: want a tie in auth", got)
	}
}

func TestLatencyFigure(t *testing.T) {
	d := timeSeries()
	d.Results[1].Trials[0].LatencyNs.Count = 800 // of its histogram
	figures := figuresByID(t, d)
	f := figures["latency-1"]
	if f == nil {
		t.Fatal("no figure")
	}
	of := map[string][]figure.Point{}
	for _, s := range f.Body.(figure.Panels)[0].Series {
		of[s.Name+", "+s.Variant] = s.Points
	}
	open := &d.Results[0]
	all, err := judge.Together(open, func(t *result.Trial) (*result.Latency, string) { return &t.LatencyNs, t.Histogram })
	if err != nil {
		t.Fatal(err)
	}
	var want []figure.Point
	for _, p := range result.Percentiles() {
		if ns := *p.In(&all); ns != nil {
			want = append(want, figure.Point{X: p.Percent / 100, Y: float64(*ns)})
		}
	}
	if diff := cmp.Diff(want, of["per-session, response time"]); diff != "" || len(want) != 4 { // 1600 operations: up to 99 %
		t.Errorf("%d percentiles: %s", len(want), diff)
	}
	if of["per-session, service time"] != nil {
		t.Error("one operation has percentiles of the service time")
	}
	if of["global:x=a/b, response time"] == nil { // the document has an open loop
		t.Errorf("lines: %v", of)
	}
}

// A single trial has the percentiles of the table.
func TestLatencyFigureHasTheValuesOfTheTable(t *testing.T) {
	r := build("sharded", 76_100, 1)
	tr := &r.Trials[0]
	tr.Histogram = histogram(t, func(record func(int64)) {
		for i := range int64(20_000) {
			record(1000 + i*i)
		}
	})
	h, err := result.DecodeHistogram(tr.Histogram)
	if err != nil {
		t.Fatal(err)
	}
	tr.LatencyNs = result.LatencyOf(h)
	d := withoutBaseline(r)
	_, rows, err := figuresByID(t, d)["latency-1"].Table()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 5 { // 20,000 operations: up to 99.9 %
		t.Errorf("%d rows", len(rows))
	}
	for i, p := range result.Percentiles()[:len(rows)] {
		m := metric.Named("latency_" + p.Name + "_ns")
		x, _ := m.Shown(&d.Results[0])
		if want := result.FormatNs(int64(x)); rows[i][2] != want {
			t.Errorf("%s is %s, want %s", p.Name, rows[i][2], want)
		}
	}
}

// The line of times ends with the first lower bound.
func TestLatencyFigureIsCutWhereCensored(t *testing.T) {
	l := result.Latency{P50: ns(10), P90: ns(20), P95: ns(30), P99: ns(40), Max: 50, Count: 2000, Censored: &result.Censored{Count: 3, LeastNs: 25}}
	points := percentilePoints(&l, figure.Saturated, "why")
	if len(points) != 3 || points[1].AtLeast || !points[2].AtLeast || points[2].Y != 30 || points[0].State != figure.Saturated {
		t.Errorf("points %+v: want two values and a bound", points)
	}
}

func TestLatencyFigureWithoutHistograms(t *testing.T) {
	if f := figuresByID(t, normal())["latency-1"]; f != nil {
		t.Errorf("a figure without histograms: %+v", f)
	}
	d := timeSeries()
	d.Results[1].Trials[0].Histogram = "no histogram"
	f := figuresByID(t, d)["latency-1"]
	if f == nil || !slices.Contains(f.Notes, "Without histograms in the document: global:x=a/b.") {
		t.Errorf("notes: %+v", f)
	}
}

func TestProbesFigure(t *testing.T) {
	probe := func(verdict string, rate, achieved float64, p99s ...float64) result.Probe {
		p := result.Probe{Rate: rate, Verdict: verdict}
		for _, x := range p99s {
			p.Trials = append(p.Trials, result.ProbeTrial{Verdict: verdict, P99: ns(x), Achieved: achieved})
			if verdict != "passes" {
				p.Trials[0].Why = "the reason"
			}
		}
		return p
	}
	r := build("sharded", 2000, 2)
	r.Load = "2000/s poisson"
	r.Search = &result.Search{Goal: "p99<5ms", Lower: 2000, Upper: 2100, Precision: 1.06, End: "precision", Probes: []result.Probe{
		probe("fails", 4000, 0.6, 90e6), probe("passes", 1000, 1, 2e6), probe("passes", 2000, 1, 4e6, 3e6, 5e6), probe("undecided", 2050, 1, 5e6),
		probe("fails", 2100, 1, 6e6, 8e6), {Rate: 3000},
	}}
	d := withoutBaseline(r)
	f := figuresByID(t, d)["probes-1"]
	if f == nil {
		t.Fatal("no figure")
	}
	panel := f.Body.(figure.Panels)[0]
	var got []string
	for _, p := range panel.Series[0].Points {
		text := fmt.Sprintf("%v %v %s", p.X, p.Y, p.State)
		if p.Interval != nil {
			text += fmt.Sprintf(" %v", *p.Interval)
		}
		got = append(got, text)
	}
	want := []string{"1000 2e+06 passes", "2000 4e+06 passes {3e+06 5e+06}", "2050 5e+06 undecided", "2100 7e+06 fails {6e+06 8e+06}", "4000 9e+07 saturated"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]figure.Line{{At: 5e6, Label: "p99<5ms"}}, panel.Y.Lines); diff != "" {
		t.Errorf("the goal: %s", diff)
	}
	if note := panel.Series[0].Points[4].Note; note != "1 trial; the reason" {
		t.Errorf("note %q", note)
	}
	for _, goal := range []string{"sustained", "achieved>99%", "append.p99<5ms", "p50<1ms", "service.p99<5ms"} {
		d.Results[0].Search.Goal = goal
		f := figuresByID(t, d)["probes-1"]
		if panels := f.Body.(figure.Panels); len(panels) != 2 || panels[0].Y.Lines != nil {
			t.Errorf("%s: %d panels, lines %v: want what was achieved, and no line", goal, len(panels), panels[0].Y.Lines)
		}
		if _, err := f.SVG(); err != nil {
			t.Error(err)
		}
	}
}

// The time series has the values of the CSV.
func TestSeriesFigure(t *testing.T) {
	d := timeSeries()
	f := figuresByID(t, d)["series-1"]
	if f == nil {
		t.Fatal("no figure")
	}
	rows, err := csv.NewReader(strings.NewReader(written(t, "series", d, Options{}))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) int { return slices.Index(rows[0], name) }
	last := rows[6:11] // the second trial of the first result
	panel := func(label string) figure.Series {
		for _, p := range f.Body.(figure.Panels) {
			if strings.Contains(p.Y.Label, label) {
				if len(p.Series) != 1 { // the other result has one interval
					t.Errorf("%s: %d lines", label, len(p.Series))
				}
				return p.Series[0]
			}
		}
		return figure.Series{}
	}
	check := func(label, column string, factor float64, intervals ...int) {
		points := panel(label).Points
		if len(points) != len(intervals) {
			t.Errorf("%s: %d points, want %d", label, len(points), len(intervals))
			return
		}
		for i, k := range intervals {
			for name, got := range map[string]float64{"start_s": points[i].X / 1e9, column: points[i].Y * factor} {
				want, err := strconv.ParseFloat(last[k][at(name)], 64)
				if err != nil || math.Abs(got-want) > 1e-9*want {
					t.Errorf("%s: %v, want %v (%v)", label, got, want, err)
				}
			}
		}
	}
	check("operations per second", "ops", 0.1, 0, 1, 2, 3) // the last interval follows the window
	check("p50", "latency_p50_ns", 1, 0, 2, 4)
	check("wait for a user", "queue_max_visits", 1, 0, 1, 2, 3, 4)
	check("arrived", "open_max_visits", 1, 0, 1, 2, 3, 4)
	check("garbage", "gc_pause_ns", 1, 0, 1, 2, 3, 4)
	check("sweeps", "sweeps", 1, 0, 1, 2, 3, 4)
	if p := panel("p50").Points; !p[1].Gap || p[0].AtLeast || !p[2].AtLeast {
		t.Errorf("p50 %+v: want a gap, and a lower bound at the end", p)
	}
	if panel("p99").Points != nil || panel("active users").Points != nil {
		t.Error("a panel without values")
	}
	if !strings.Contains(f.Title, "the last trial") || len(f.Notes) != 1 {
		t.Errorf("title %q, notes %q: want which trial it is", f.Title, f.Notes)
	}
	d.Results[0].Trials[0].Audit.OK = false
	judge.Summarize(d)
	if f := figuresByID(t, d)["series-1"]; f != nil {
		t.Error("a result whose audit failed has a course")
	}
}

// An interval in which a trial ended is as long as the trial lasted in it.
func TestRestOfAWindow(t *testing.T) {
	trial := &result.Trial{ElapsedNs: 250e6, Series: &result.Series{IntervalNs: 100e6}}
	for begin, want := range map[int64]float64{0: 0.1, 200e6: 0.05, 300e6: 0} {
		if got := inWindow(trial, begin); got != want {
			t.Errorf("from %d: %v s, want %v", begin, got, want)
		}
	}
	trial.ElapsedNs = 201e6
	if got := inWindow(trial, 200e6); got != 0 {
		t.Errorf("a hundredth of an interval counts as %v s", got)
	}
}

// twice is a document with its results a second time, of another scenario.
func twice(build func() *result.Document) *result.Document {
	d, other := build(), build()
	for i := range other.Results {
		other.Results[i].Scenario = "other"
	}
	d.Results = append(d.Results, other.Results...)
	return d
}

var legalFigure = regexp.MustCompile(`^(summary|sweep|(ratio|throughput|response|rate|probes|latency|series)-[0-9]+)$`)

// Every document has a page, whose figures can be drawn.
func TestEveryDocumentHasAPage(t *testing.T) {
	hostile := func() *result.Document {
		d := timeSeries()
		const name = `</script><img src=x onerror=alert(1)>`
		for i := range d.Results {
			d.Results[i].Strategy += name
			d.Results[i].Scenario = name
			d.Results[i].Trials[0].Audit = result.Audit{Violations: []result.Violation{{Kind: name, Detail: name}}}
		}
		d.Config.Command, d.Failure = name, name
		more := build(name, 900, 6)
		more.Scenario = "other" + name
		d.Results = append(d.Results, more)
		judge.Summarize(d)
		return d
	}
	many := func() *result.Document {
		var list []result.Result
		for i := range 30 {
			list = append(list, build(fmt.Sprintf("strategy-%d", i), 900+float64(i), 100))
		}
		return document(list...)
	}
	old := func() *result.Document {
		f, err := os.Open("testdata/version3.json")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		d, err := result.Read(f)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	all := map[string]func() *result.Document{
		"hostile": hostile, "many": many, "version 3": old, "open loop": func() *result.Document { return openLoopOf(6) },
		"open loop, one trial":        func() *result.Document { return openLoopOf(1) },
		"two scenarios, an open loop": func() *result.Document { return twice(func() *result.Document { return openLoopOf(6) }) },
		"two scenarios, searches":     func() *result.Document { return twice(found) },
		"two scenarios, over time":    func() *result.Document { return twice(timeSeries) },
	}
	for name, build := range documents {
		all[name] = build
	}
	for name, build := range all {
		d := build()
		page := written(t, "html", d, Options{})
		if strings.Contains(page, "<img") || strings.Count(page, "<script>") != 1 || strings.Contains(page, "\x1b") {
			t.Errorf("%s: a name is markup", name)
		}
		for id, f := range figuresByID(t, d) {
			if !legalFigure.MatchString(id) {
				t.Errorf("%s: id %q", name, id)
			}
			for _, draw := range []func() (string, error){f.SVG, f.File} {
				if _, err := draw(); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
		if strings.HasPrefix(name, "two scenarios") && figuresByID(t, d)["summary"] == nil {
			t.Errorf("%s: no summary", name)
		}
		if id := "ratio-1"; (name == "many" || name == "version 3") && figuresByID(t, d)[id] == nil {
			t.Errorf("%s: no figure %s", name, id)
		}
	}
}

// A page begins with the verdict in one sentence, its figure, the machine and the command.
func TestFirstScreen(t *testing.T) {
	known := openLoopOf(6)
	known.Results = slices.DeleteFunc(known.Results, func(r result.Result) bool { return r.Strategy == "few" })
	var rows []result.Result
	for i := range screenRows + 1 {
		rows = append(rows, build(fmt.Sprintf("strategy-%d", i), 900, 6))
	}
	tall := document(rows...)
	tall.Config.Command = "sessbench run"
	for name, test := range map[string]struct {
		d    *result.Document
		want []string
	}{
		"one scenario": {normal(), []string{"<h1 class=\"bold\">sharded:shards=16 is the fastest: 98× global (94–99×).</h1>", `<figure id="ratio-1"`, "machine: AMD",
			"Reproduce with:", "<h2", "<table", "<h2"}},
		"a failed audit": {failedAudit(), []string{"<h1", "sharded is the fastest: ", "Excluded for a failed audit: forgetful.", `<figure id="ratio-1"`, "machine: AMD", "<h2"}},
		"interrupted":    {interrupted(), []string{"<h1", "sharded has", "Interrupted: this result", "<figure", "<h2"}},
		"scenarios":      {twoScenarios(), []string{"<h1", " in ", "<figure id=\"summary\"", "machine: AMD", "<h2", `<figure id="ratio-1"`, "</figure>\n<div", "<h2", `<figure id="ratio-2"`}},
		"an open loop":   {known, []string{"<h1", "quick has the lowest p99", "keep up with 2000/s", `<figure id="response-1"`, "<h2"}},
		"a tall figure":  {tall, []string{"<h1", "machine: AMD", "Reproduce with:", `<figure id="ratio-1"`, "<h2"}},
		"nothing":        {empty(), []string{"<h1", "No trial was completed.", "Interrupted: "}},
	} {
		rest := written(t, "html", test.d, Options{})
		for _, want := range test.want {
			_, after, ok := strings.Cut(rest, want)
			if !ok {
				t.Errorf("%s: no %s in\n%s", name, want, rest)
				break
			}
			rest = after
		}
	}
}

// Of several scenarios the headline is one sentence.
func TestOverall(t *testing.T) {
	scenario := func(name string, n int, ops ...float64) (list []result.Result) {
		for i, x := range ops {
			r := build([]string{"global", "sharded", "cow", "actor", "sync-map"}[i], x, n)
			r.Scenario, r.LimitOpsPerSec, r.Baseline = name, 0, i == 0
			list = append(list, r)
		}
		return list
	}
	join := func(lists ...[]result.Result) *result.Document { return withoutBaseline(slices.Concat(lists...)...) }
	none := func(d *result.Document) *result.Document {
		for i := range d.Results {
			d.Results[i].Baseline = false
		}
		judge.Summarize(d)
		return d
	}
	broken := join(scenario("a", 6, 100, 900), scenario("b", 6, 100, 900))
	for i := range broken.Results {
		broken.Results[i].Trials[0].Audit = result.Audit{Violations: []result.Violation{{Kind: "lost update"}}}
	}
	judge.Summarize(broken)
	for _, test := range []struct {
		why  string
		d    *result.Document
		want string
	}{
		{"the same in all", join(scenario("a", 6, 100, 900, 200), scenario("b", 6, 100, 200, 150)), "sharded is the fastest in all 2 scenarios, at 1.98–8.91× global over all."},
		{"in most", join(scenario("a", 6, 100, 900, 200), scenario("b", 6, 100, 200, 150), scenario("c", 6, 100, 90, 300)),
			"sharded is the fastest in 2 of 3 scenarios, at 0.89–8.91× global over all."},
		{"each in one", join(scenario("a", 6, 100, 900, 200), scenario("b", 6, 100, 200, 300)), "sharded and cow are first, alone or tied, each in 1 of 2 scenarios."},
		{"too few trials", join(scenario("a", 3, 100, 900, 200), scenario("b", 3, 100, 200, 150)),
			"sharded has the highest throughput in all 2 scenarios, at 1.96–8.82× global over all, but with fewer than 6 common trials this may be chance."},
		{"no baseline", none(join(scenario("a", 6, 100, 900, 200), scenario("b", 6, 100, 200, 150))), "sharded is the fastest in all 2 scenarios."},
		{"no ranking", broken, "No row can be ranked in any of the scenarios."},
		{"searches", twice(found), "sharded and per-session are first, alone or tied, each in all 2 scenarios."},
	} {
		if got, _ := conclusion(sections(test.d)); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.why, got, test.want)
		}
	}
	if got, want := excluded(sections(broken)), "Excluded for a failed audit: global (a, b) and sharded (a, b)."; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Markdown has figures only where their directory is known.
func TestMarkdownFigures(t *testing.T) {
	d := twoScenarios()
	if text := written(t, "markdown", d, Options{}); strings.Contains(text, "![") {
		t.Errorf("figures without a directory:\n%s", text)
	}
	text := written(t, "markdown", d, Options{Figures: "../my figures"})
	f, _ := Lookup(SVG)
	files, err := f.Files(d)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !strings.Contains(text, "](../my%20figures/"+file.Name+")") {
			t.Errorf("no link to %s", file.Name)
		}
		var b strings.Builder
		if err := file.Write(&b); err != nil || !strings.HasPrefix(b.String(), "<?xml") || !strings.HasSuffix(b.String(), "</svg>\n") {
			t.Errorf("%s: %v:\n%s", file.Name, err, b.String())
		}
	}
	if len(files) != 3 || strings.Count(text, "![") != len(files) {
		t.Errorf("%d files, want as many links:\n%s", len(files), text)
	}
	if strings.Index(text, "summary.svg") > strings.Index(text, "<details>") {
		t.Error("the first figure is folded")
	}
}

// A pooled p99 has no interval, and the figure says so, however many trials there are.
func TestRowsOfPooledValues(t *testing.T) {
	d := openLoopOf(6)
	for i := range d.Results {
		for j := range d.Results[i].Trials {
			tr := &d.Results[i].Trials[j]
			tr.Histogram = histogram(t, func(record func(int64)) {
				for k := range int64(300) {
					record(1e6 + k*1e4)
				}
			})
			h, err := result.DecodeHistogram(tr.Histogram)
			if err != nil {
				t.Fatal(err)
			}
			tr.LatencyNs = result.LatencyOf(h)
		}
	}
	judge.Summarize(d)
	f := figuresByID(t, d)["response-1"]
	for _, r := range f.Body.(figure.Rows) {
		if r.Interval != nil || r.Empty != (r.Name == "broken") {
			t.Errorf("%+v: want a value without an interval", r)
		}
	}
	if len(f.Notes) != 1 || !strings.Contains(f.Notes[0], "all trials together") {
		t.Errorf("notes %q", f.Notes)
	}
}
