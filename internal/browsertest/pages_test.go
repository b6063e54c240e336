package browsertest

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/sessbench/sessbench/internal/figure"
	"github.com/sessbench/sessbench/internal/findings"
	"github.com/sessbench/sessbench/internal/flawed"
	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/reports"
	"github.com/sessbench/sessbench/reports/result"
)

// hostile is a name that would be elements if it were written without escaping.
const hostile = `</script><img src=x onerror=alert(1)>`

// pages make the pages that every check looks at.
var pages = map[string]func(t *testing.T) string{
	"run":       func(t *testing.T) string { return written(t, reports.All(), run(1)) },
	"figures":   figures,
	"check":     checked,
	"compare":   compared,
	"history":   overTime,
	"violation": convicted,
}

// made are the pages by name, each made once.
type made map[string]string

// page returns a page.
func (m made) page(t *testing.T, name string) string {
	t.Helper()
	if m[name] == "" {
		m[name] = pages[name](t)
	}
	return m[name]
}

// written returns the page of a document.
func written[T any](t *testing.T, formats []reports.FormatOf[T], it T) string {
	t.Helper()
	var b strings.Builder
	for _, f := range formats {
		if f.Name == "html" {
			if err := f.Write(&b, it, reports.Options{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return b.String()
}

func checked(t *testing.T) string {
	c, err := judge.CheckStored(judge.Stored{Old: judge.Source{Label: "main", File: "main.json", Document: run(1)},
		New: judge.Source{Label: hostile, File: hostile, Document: run(0.7)}, Gating: judge.Gating{MinEffect: 0.1, Command: "sessbench check --baseline main"}})
	if err != nil {
		t.Fatal(err)
	}
	return written(t, reports.CheckFormats(), c)
}

func compared(t *testing.T) string {
	c, err := judge.Compare([]judge.Source{{Label: "old", File: "old.json", Document: run(1)}, {Label: hostile, File: hostile, Document: run(1.2)}})
	if err != nil {
		t.Fatal(err)
	}
	return written(t, reports.ComparisonFormats(), c)
}

func overTime(t *testing.T) string {
	h := &judge.History{}
	for day := range 20 {
		d := run(1 + 0.3*float64(day/12))
		d.ID = fmt.Sprintf("%08x-7d0e-4f35-9f0f-6a1d0d8d7a10", day)
		d.Created = d.Created.AddDate(0, 0, day)
		entry, _, err := judge.NewHistoryEntry(judge.Source{Label: hostile, File: hostile, Document: d})
		if err == nil {
			_, err = h.Add(entry)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	trend, err := judge.NewTrend(h, "history.jsonl", judge.TrendFilter{})
	if err != nil {
		t.Fatal(err)
	}
	return written(t, reports.TrendFormats(), trend)
}

// convicted is the page of a store that is wrong on purpose, after the schedule that shows it.
func convicted(t *testing.T) string {
	f, ok := flawed.Lookup("no-dead-mark")
	if !ok {
		t.Fatal("no such flaw")
	}
	subject := f.Subject()
	subject.Label = hostile
	r, err := verify.Run(t.Context(), verify.Config{Subject: subject, First: true, Seed: 1, Schedule: f.Schedule})
	if err != nil {
		t.Fatal(err)
	}
	d := &findings.Document{Command: "sessbench verify -S '" + hostile + "'"}
	d.Add(r, nil)
	return written(t, findings.Formats(), d)
}

func ns(x float64) *int64 { n := int64(math.Round(x)); return &n }

// run is a result with several scenarios in closed and open loops, a strategy whose audit failed, a hostile name, and series. The
// throughput is multiplied by a factor.
func run(factor float64) *result.Document {
	var results []result.Result
	for _, scenario := range []string{"chatbot", "auth", "expiry " + hostile, "open"} {
		for i, strategy := range []string{"global", "per-session", hostile, "sharded:shards=16", "forgetful"} {
			results = append(results, measured(scenario, strategy, i, factor))
		}
	}
	d := &result.Document{
		SchemaVersion: result.SchemaVersion, ID: "5f0c9a52-7d0e-4f35-9f0f-6a1d0d8d7a10", Created: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		Tool:    result.Tool{Version: "v1.0.0", Commit: "0123456789abcdef"},
		Machine: result.Machine{CPU: "AMD EPYC 7763", Cores: 2, GOMAXPROCS: 2, OS: "linux", Kernel: "6.8.0", Go: "go1.26.0", Load1: 0.42},
		Config: result.Config{Scenarios: []string{"chatbot", "auth", "open"}, Baseline: "global", Runs: 6,
			Settings: map[string]string{"seed": "1", "warmup": "0s"}, Command: "sessbench run -s chatbot -S '" + hostile + "'"},
		Harness: result.Harness{NsPerOp: 71.3, OpsPerSec: 14_100_000},
		Results: results,
	}
	judge.Summarize(d)
	return d
}

// measured is a made-up result of six trials of the i-th strategy.
func measured(scenario, strategy string, i int, factor float64) result.Result {
	ops := factor * []float64{940, 76_100, 81_000, 91_200, 93_000}[i]
	r := result.Result{Strategy: strategy, Scenario: scenario, Baseline: i == 0, LimitOpsPerSec: 95_000,
		Workload: result.Workload{TapeHash: "sha256:3f2a9c1d77e0", Users: 100, Sessions: 10_000, HoldNs: int64(time.Millisecond), HoldKind: "sleep",
			WindowNs: int64(400 * time.Millisecond)}}
	for n := range 6 {
		f := []float64{0.99, 1.02, 1.00, 0.98, 1.01, 1.00}[(n+i)%6]
		latency := result.Latency{P50: ns(1e11 / ops / f), P90: ns(1.3e11 / ops / f), P95: ns(1.5e11 / ops / f), P99: ns(1.9e11 / ops / f),
			P999: ns(2.4e11 / ops / f), Max: *ns(3.3e11 / ops / f), Mean: *ns(1.02e11 / ops / f), Count: int64(0.4 * f * ops)}
		t := result.Trial{Order: n, Block: n, Ops: int64(0.4 * f * ops), Visits: int64(0.13 * f * ops), ElapsedNs: 400_000_000, OpsPerSec: f * ops,
			LatencyNs: latency, BytesPerSession: 1234, Locks: result.Locks{HoldNs: 1_070_000}, Fairness: result.Fairness{Jain: 0.99, MinOverMax: 0.9},
			Audit: result.Audit{OK: true}}
		if strategy == "forgetful" && n == 1 {
			t.Audit = result.Audit{Violations: []result.Violation{{Kind: "lost update", Session: "0b9c1f52-1d9e-4c66-9d5e-2f6f7f1e0a11",
				Detail: "9 messages were acknowledged, 8 are there " + hostile}}}
		}
		if scenario == "open" {
			r.Load = "2000/s"
			t.OpenLoop = &result.OpenLoop{Offered: 2000, Achieved: 1, Queue: 40, Users: 80, StartNs: latency, ServiceNs: latency, VisitNs: latency}
			t.Series = &result.Series{IntervalNs: 1e9}
			for second := range 300 {
				level := 1 + 0.1*math.Sin(float64(second)/9)
				t.Series.Points = append(t.Series.Points, result.Point{Ops: int64(2000 * level), Latencies: int64(2000 * level),
					P50: ns(1e6 * level), Max: int64(9e6 * level), Queue: int64(second % 50), Open: 20})
			}
		}
		r.Trials = append(r.Trials, t)
	}
	return r
}

// figures is a page with what a figure may have: rows, lines with variants in several panels, repeated points, and lines of so many
// points that the values are those of buckets. There are more names than a toolbar shows unasked.
func figures(t *testing.T) string {
	t.Helper()
	p := &sheet.Page{}
	p.Heading(sheet.Bold, "Everything that figures have")
	var rows figure.Rows
	for i := range 14 {
		rows = append(rows, figure.Row{Name: fmt.Sprint("strategy-", i), Style: i, Point: figure.Point{X: float64(40 + i),
			Interval: &figure.Interval{Low: float64(36 + i), High: float64(47 + i)}}})
	}
	rows[3].Name = hostile
	rows[4].State, rows[4].Empty, rows[4].Note = figure.Struck, true, "lost update"
	rows[5].State, rows[5].AtLeast = figure.Saturated, true
	p.Figure(&figure.Figure{ID: "rows", Title: "Rows", Desc: "Rows.", Of: "strategy",
		X: figure.Axis{Label: "× strategy-0", Unit: figure.Ratio, Scale: figure.Log, Lines: []figure.Line{{At: 40, Label: "limit"}}}, Body: rows})

	lines := func(panels, names, points int, variants ...string) (body figure.Panels) {
		for panel := range panels {
			in := figure.Panel{Y: figure.Axis{Label: fmt.Sprint("value ", panel), Unit: figure.Time}}
			for i := range names {
				for v, variant := range variants {
					s := figure.Series{Name: rows[i].Name, Style: i, Variant: variant}
					for x := range points {
						y := 1e6 * float64(1+panel+i+v) * (1.5 + math.Sin(float64(x)/7))
						s.Points = append(s.Points, figure.Point{X: float64(x), Y: y, State: figure.State(x % 4)})
					}
					in.Series = append(in.Series, s)
				}
			}
			body = append(body, in)
		}
		return body
	}
	repeated := lines(1, 2, 4, "")
	repeated[0].Series[0].Points[2].X = 1
	for _, f := range []struct {
		id   string
		body figure.Body
	}{{"lines", lines(2, 3, 4, "response", "service")}, {"one-line", lines(3, 1, 5, "")}, {"repeated", repeated}, {"dense", lines(3, 5, 900, "")}} {
		p.Heading(sheet.Plain, "Section of "+f.id)
		p.Figure(&figure.Figure{ID: f.id, Title: f.id, Desc: "Lines.", Of: "strategy", X: figure.Axis{Label: "second"}, Body: f.body})
		p.Draw(func(page *sheet.Text) error {
			page.Line(page.Paint(sheet.Alarm, "✗ lost update ") + page.Paint(sheet.Dim, hostile))
			return nil
		})
	}
	p.Table(sheet.Words([]string{"name", "a wide column", "what it is"}, [][]string{{hostile, strings.Repeat("wide", 30), strings.Repeat("long text ", 30)}}))
	p.Command("sessbench run -S '" + hostile + strings.Repeat(",another", 40) + "'")
	p.Fold("Legend")
	p.Legend([]sheet.Term{{Term: "×", Text: "as many times as " + hostile}})
	var b strings.Builder
	if err := p.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
