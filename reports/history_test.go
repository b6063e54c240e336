package reports

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/setting"
	"github.com/sessbench/sessbench/reports/result"
)

// day makes a document a run of its own: the n-th day of 2026.
func day(n int, d *result.Document) *result.Document {
	d.ID = fmt.Sprintf("%08x-7d0e-4f35-9f0f-6a1d0d8d7a10", n)
	d.Created = time.Date(2026, 1, n, 12, 0, 0, 0, time.UTC)
	d.Tool.Commit = fmt.Sprintf("%07xdddd", 0xabc0000+n)
	return d
}

func entryOf(t testing.TB, label string, d *result.Document) *judge.HistoryEntry {
	t.Helper()
	e, _, err := judge.NewHistoryEntry(judge.Source{Label: label, File: label + ".json", Document: d})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func historyOf(t testing.TB, documents ...*result.Document) *judge.History {
	t.Helper()
	h := &judge.History{}
	for _, d := range documents {
		if _, err := h.Add(entryOf(t, "", d)); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

func trendOf(t testing.TB, h *judge.History, f judge.TrendFilter) *judge.Trend {
	t.Helper()
	trend, err := judge.NewTrend(h, "history.jsonl", f)
	if err != nil {
		t.Fatal(err)
	}
	return trend
}

// nightly is a run a day with noise of some 2 %, in which the throughput of per-session is what rate says of the day.
func nightly(days int, rate func(day int) float64) (list []*result.Document) {
	dice := rand.New(rand.NewPCG(1, 2))
	for n := range days {
		noise := func() float64 { return 1 + 0.02*dice.NormFloat64() }
		list = append(list, day(n+1, document(build("global", 940*noise(), 6), build("per-session", rate(n)*noise(), 6))))
	}
	return list
}

func step(day int) float64 {
	if day < 20 {
		return 76_100
	}
	return 60_900
}

func steady(int) float64 { return 76_100 }

// histories are what the goldens show.
func histories(t testing.TB) map[string]*judge.History {
	here := nightly(4, steady)
	elsewhere := nightly(7, steady)[4:]
	for _, d := range elsewhere {
		d.Machine.CPU, d.Machine.Cores = "Ampere Altra", 80
	}
	odd := day(1, awkwardNames())
	h := historyOf(t, odd)
	h.Entries[0].Label = "a|b\n*c* \x1b[1m"
	h.Entries[0].Machine.CPU = "x86 \x1b[31m|\nred"
	return map[string]*judge.History{
		"step":     historyOf(t, nightly(30, step)...),
		"steady":   historyOf(t, nightly(30, steady)...),
		"machines": historyOf(t, append(here, elsewhere...)...),
		"long":     historyOf(t, nightly(90, func(day int) float64 { return step(day / 2) })...),
		"one-run":  historyOf(t, day(1, normal())),
		"awkward":  h,
	}
}

func trendAs(t testing.TB, format string, trend *judge.Trend, o Options) string {
	t.Helper()
	for _, f := range TrendFormats() {
		if f.Name == format {
			var b bytes.Buffer
			if err := f.Write(&b, trend, o); err != nil {
				t.Fatal(err)
			}
			return b.String()
		}
	}
	t.Fatalf("no format %s", format)
	return ""
}

func TestHistoryGolden(t *testing.T) {
	extensions := map[string]string{"table": ".txt", "markdown": ".md", "csv": ".csv", "json": ".json"}
	for name, h := range histories(t) {
		trend := trendOf(t, h, judge.TrendFilter{})
		for _, f := range TrendFormats() {
			if (f.Name == "json" || f.Name == "csv") && name != "one-run" || f.Name == "markdown" && name != "step" && name != "awkward" || f.Name == "html" || f.Name == SVG {
				continue // the others are read back below, or show nothing that the table does not
			}
			t.Run(f.Name+"/"+name, func(t *testing.T) {
				golden(t, "history-"+name+extensions[f.Name], trendAs(t, f.Name, trend, Options{}))
			})
		}
	}
	long := trendOf(t, histories(t)["long"], judge.TrendFilter{Metrics: []string{"ops_per_sec"}})
	t.Run("table/color", func(t *testing.T) { golden(t, "history-color.ansi", trendAs(t, "table", long, Options{Color: true})) })
	t.Run("table/narrow", func(t *testing.T) { golden(t, "history-narrow.txt", trendAs(t, "table", long, Options{Width: 80})) })
}

func TestSparkline(t *testing.T) {
	for _, tt := range []struct {
		why  string
		xs   []float64
		want string
	}{
		{"nothing", nil, ""},
		{"one value has no scale", []float64{7}, "▄"},
		{"nor have equal ones, zeros among them", []float64{0, 0, 0}, "▄▄▄"},
		{"eight steps, eight blocks", []float64{0, 1, 2, 3, 4, 5, 6, 7}, "▁▂▃▄▅▆▇█"},
		{"lowest to highest, wherever they lie", []float64{1e9, 1e9 + 1, 1e9}, "▁█▁"},
		{"just below the second eighth, and at it", []float64{0, 1.99, 2, 16}, "▁▁▂█"},
		{"a range beyond what numbers hold", []float64{-1.7e308, 0, 1.7e308}, "▁▁▁"},
	} {
		if got := sparkline(tt.xs); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.why, got, tt.want)
		}
	}
}

func TestHistoryRejectsDocuments(t *testing.T) {
	without := func(change func(*result.Document)) *result.Document {
		d := normal()
		change(d)
		return d
	}
	struck := document(build("global", 940, 6))
	struck.Results[0].Trials[0].Audit = result.Audit{Violations: []result.Violation{{Kind: "lost update"}}}
	for _, tt := range []struct {
		why  string
		d    *result.Document
		want string
	}{
		{"no id", without(func(d *result.Document) { d.ID = "" }), "x.json: no id"},
		{"no date", without(func(d *result.Document) { d.Created = time.Time{} }), "x.json: no creation time"},
		{"no results", without(func(d *result.Document) { d.Results = nil }), "x.json: no results"},
		{"nothing passed its audit", struck, "x.json: no result has a speed: global (chatbot) failed its audit (lost update)"},
		{"nothing was finished", document(build("global", 940, 0)), "x.json: no result has a speed: global (chatbot) no trial was completed"},
		{"one result twice", document(build("cow", 1, 6), build("cow", 2, 6)), "x.json: cow (chatbot) occurs twice"},
	} {
		if e, _, err := judge.NewHistoryEntry(judge.Source{Label: "x", File: "x.json", Document: tt.d}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v and error %v, want %q", tt.why, e, err, tt.want)
		}
	}
}

func TestHistoryExcludesFailedRows(t *testing.T) {
	e, out, err := judge.NewHistoryEntry(judge.Source{Label: "x", File: "x.json", Document: failedAudit()})
	if err != nil {
		t.Fatal(err)
	}
	want := []judge.Exclusion{{Document: "x.json", Scenario: "chatbot", Strategy: "forgetful",
		Reason: "failed its audit (lost update, duplicate number)"}}
	if !slices.Equal(out, want) {
		t.Errorf("%+v", out)
	}
	for _, r := range e.Results {
		if r.Strategy == "forgetful" {
			t.Error("a store that failed its audit is in the history")
		}
	}
}

func TestAppendHistory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "h.jsonl")
	a, b, c := entryOf(t, "a", day(1, normal())), entryOf(t, "b", day(2, normal())), entryOf(t, "c", day(3, normal()))
	if _, added, err := judge.AppendHistory(path, []*judge.HistoryEntry{a, b, a}); err != nil || !slices.Equal(added, []bool{true, true, false}) {
		t.Fatalf("added %v, error %v", added, err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// All or none: the last of these cannot be added.
	other := *b
	other.Interrupted = true
	var bad *judge.HistoryError
	if _, _, err := judge.AppendHistory(path, []*judge.HistoryEntry{c, &other}); !errors.As(err, &bad) {
		t.Errorf("error %v", err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file changed, error %v:\n%s", err, after)
	}
	// A damaged file is left alone.
	if err := os.WriteFile(path, before[:len(before)-20], 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := judge.AppendHistory(path, []*judge.HistoryEntry{c}); !errors.As(err, &bad) || bad.Line != 2 {
		t.Errorf("error %v", err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before[:len(before)-20], after) {
		t.Errorf("the file changed, error %v:\n%s", err, after)
	}
	if _, _, err := judge.AppendHistory(filepath.Join(path, "no", "folder"), []*judge.HistoryEntry{c}); err == nil || errors.As(err, &bad) {
		t.Errorf("a folder that is none: error %v", err)
	}
}

// Whoever adds at the same time, through whichever link, no run is lost, and a reader meets a whole file at any time.
func TestAppendHistoryConcurrently(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "h.jsonl"), filepath.Join(dir, "link.jsonl")
	if _, _, err := judge.AppendHistory(path, []*judge.HistoryEntry{entryOf(t, "", day(1, normal()))}); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, link); err != nil {
		link = path // not allowed here
	}
	const writers, each = 4, 5
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				at := []string{path, link}[w%2]
				if _, _, err := judge.AppendHistory(at, []*judge.HistoryEntry{entryOf(t, "", day(2+w*each+i, normal()))}); err != nil {
					t.Error(err)
				}
				text, err := os.ReadFile(path)
				if err == nil {
					_, err = judge.ParseHistory(text)
				}
				if err != nil {
					t.Errorf("while others write: %v", err)
				}
			}
		})
	}
	wg.Wait()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	h, err := judge.ParseHistory(text)
	if err != nil {
		t.Fatal(err)
	}
	if len(h.Entries) != 1+writers*each {
		t.Errorf("%d runs, want %d", len(h.Entries), 1+writers*each)
	}
}

// seriesOf finds a series.
func seriesOf(t testing.TB, trend *judge.Trend, strategy, metric string) *judge.TrendSeries {
	t.Helper()
	for _, g := range trend.Groups {
		for i := range g.Series {
			if s := &g.Series[i]; s.Strategy == strategy && s.Metric == metric {
				return s
			}
		}
	}
	t.Fatalf("no series %s %s", strategy, metric)
	return nil
}

func TestTrendFindsStepsNotNoise(t *testing.T) {
	trend := trendOf(t, histories(t)["step"], judge.TrendFilter{})
	for _, metric := range []struct {
		name    string
		verdict judge.ChangeVerdict
		up      bool
	}{{"ops_per_sec", judge.Worse, false}, {"latency_p50_ns", judge.Worse, true}} {
		s := seriesOf(t, trend, "per-session", metric.name)
		if len(s.Changes) != 1 || s.Changes[0].At != 20 || s.Changes[0].Verdict != metric.verdict || (*s.Changes[0].Delta > 0) != metric.up {
			t.Errorf("%s: %+v, want one change for the worse at 20", metric.name, s.Changes)
		}
	}
	if s := seriesOf(t, trend, "global", "ops_per_sec"); len(s.Changes) > 0 {
		t.Errorf("global did not change: %+v", s.Changes)
	}
	text := trendAs(t, "table", trend, Options{})
	const want = "per-session, ops/s: changed at 2026-01-21 (commit abc0015d): 76.42k → 59.87k (-21.66%), worse"
	if !strings.Contains(text, want) {
		t.Errorf("%q is not said:\n%s", want, text)
	}
	for _, s := range trendOf(t, histories(t)["steady"], judge.TrendFilter{}).Groups[0].Series {
		if len(s.Changes) > 0 {
			t.Errorf("%s of %s is noise: %+v", s.Metric, s.Strategy, s.Changes)
		}
	}
}

// Whatever makes figures incomparable makes another series, and nothing else does.
func TestTrendSeriesAreComparable(t *testing.T) {
	each := func(change func(r *result.Result)) func(*result.Document) {
		return func(d *result.Document) {
			for i := range d.Results {
				change(&d.Results[i])
			}
		}
	}
	for _, tt := range []struct {
		why    string
		change func(d *result.Document)
		groups int
	}{
		{"nothing", func(*result.Document) {}, 1},
		{"the load before the start", func(d *result.Document) { d.Machine.Load1 = 7 }, 1},
		{"sessbench's own version", func(d *result.Document) { d.Tool = result.Tool{Version: "v2"} }, 1},
		{"the command line", func(d *result.Document) { d.Config.Command = "sessbench run -q" }, 1},
		{"fewer trials", each(func(r *result.Result) { r.Trials = r.Trials[:5] }), 1},
		{"the CPU", func(d *result.Document) { d.Machine.CPU = "Z80" }, 2},
		{"cores", func(d *result.Document) { d.Machine.Cores = 4 }, 2},
		{"GOMAXPROCS", func(d *result.Document) { d.Machine.GOMAXPROCS = 1 }, 2},
		{"the quota", func(d *result.Document) { d.Machine.CgroupCPUs = 0 }, 2},
		{"the system", func(d *result.Document) { d.Machine.OS = "plan9" }, 2},
		{"the kernel", func(d *result.Document) { d.Machine.Kernel = "6.9.0" }, 2},
		{"Go", func(d *result.Document) { d.Machine.Go = "go1.27" }, 2},
		{"the seed", func(d *result.Document) { d.Config.Settings["seed"] = "7" }, 2},
		{"the warm-up", func(d *result.Document) { d.Config.Settings["warmup"] = "1ns" }, 2},
		{"the time to live", func(d *result.Document) { d.Config.Settings["ttl"] = "1ns" }, 2},
		{"recording", func(d *result.Document) { d.Config.Settings["record"] = "1/64" }, 2},
		{"the trace's speed", func(d *result.Document) { d.Config.Settings["trace-speed"] = "60x" }, 2},
		{"recorded traffic", func(d *result.Document) { d.Traffic = &result.Traffic{Hash: "sha256:1"} }, 2},
		{"users", each(func(r *result.Result) { r.Users = 7 }), 2},
		{"sessions", each(func(r *result.Result) { r.Sessions = 7 }), 2},
		{"hold", each(func(r *result.Result) { r.HoldNs = 7 }), 2},
		{"the kind of hold", each(func(r *result.Result) { r.HoldKind = "spin" }), 2},
		{"think", each(func(r *result.Result) { r.ThinkNs = 7 }), 2},
		{"the window", each(func(r *result.Result) { r.WindowNs = 7 }), 2},
		{"iterations", each(func(r *result.Result) { r.Iterations = 7 }), 2},
		{"the tape", each(func(r *result.Result) { r.TapeHash = "sha256:7" }), 2},
		{"the scenario", each(func(r *result.Result) { r.Scenario = "auth" }), 2},
	} {
		other := day(2, normal())
		tt.change(other)
		trend := trendOf(t, historyOf(t, day(1, normal()), other), judge.TrendFilter{})
		points := 0
		for _, g := range trend.Groups {
			points += len(g.Series[0].Points)
		}
		if len(trend.Groups) != tt.groups || points != 2 {
			t.Errorf("%s: %d groups with %d runs, want %d with 2", tt.why, len(trend.Groups), points, tt.groups)
		}
	}
}

// One strategy at two settings is two series of one group, told apart by their settings.
func TestTrendSeparatesSettings(t *testing.T) {
	at := func(shards string) result.Result {
		r := build("sharded", 91_200, 6)
		r.Params = map[string]string{"shards": shards}
		return r
	}
	trend := trendOf(t, historyOf(t, day(1, document(at("16"))), day(2, document(at("64"))), day(3, document(at("64")))),
		judge.TrendFilter{Metrics: []string{"ops_per_sec"}})
	var got []string
	for _, s := range trend.Groups[0].Series {
		got = append(got, fmt.Sprintf("%s %d", s.Strategy, len(s.Points)))
	}
	if want := []string{"sharded:shards=16 1", "sharded:shards=64 2"}; len(trend.Groups) != 1 || !slices.Equal(got, want) {
		t.Errorf("%d groups, the first with %v: want one with %v", len(trend.Groups), got, want)
	}
}

// Runs come by the time they were made, whenever they were added, and the group with the newest run comes first.
func TestTrendSortsByTime(t *testing.T) {
	old := day(2, normal())
	old.Machine.CPU = "Z80"
	trend := trendOf(t, historyOf(t, old, day(5, normal()), day(1, normal()), day(3, normal())), judge.TrendFilter{})
	if g := trend.Groups[0]; len(trend.Groups) != 2 || g.Conditions["CPU"] == "Z80" {
		t.Fatalf("%d groups, the first on %s", len(trend.Groups), g.Machine)
	}
	var days []int
	for _, p := range trend.Groups[0].Series[0].Points {
		days = append(days, p.Created.Day())
	}
	if want := []int{1, 3, 5}; !slices.Equal(days, want) {
		t.Errorf("days %v, want %v", days, want)
	}
}

func TestTrendFilters(t *testing.T) {
	at := func(shards string) result.Result {
		r := build("sharded:shards="+shards, 91_200, 6)
		r.Params = map[string]string{"shards": shards}
		return r
	}
	auth := build("cow", 50_000, 6)
	auth.Scenario = "auth"
	short := build("global", 940, 6)
	for i := range short.Trials {
		short.Trials[i].LatencyNs.P99 = nil
	}
	h := historyOf(t, day(1, document(build("global", 940, 6), at("16"), at("64"), auth)), day(2, document(short)))
	strategy := func(name string, params ...string) judge.TrendFilter {
		s := setting.Selected{Name: name, Params: map[string]string{}}
		for _, p := range params {
			key, value, _ := strings.Cut(p, "=")
			s.Params[key] = value
		}
		return judge.TrendFilter{Strategies: []setting.Selected{s}, Metrics: []string{"ops_per_sec"}}
	}
	for _, tt := range []struct {
		why    string
		f      judge.TrendFilter
		want   string // series, and how many runs they have
		failed string
	}{
		{"everything of one metric", judge.TrendFilter{Metrics: []string{"ops_per_sec"}},
			"chatbot/global 2, chatbot/sharded:shards=16 1, chatbot/sharded:shards=64 1, auth/cow 1", ""},
		{"a strategy", strategy("global"), "chatbot/global 2", ""},
		{"at all settings", strategy("sharded"), "chatbot/sharded:shards=16 1, chatbot/sharded:shards=64 1", ""},
		{"at one", strategy("sharded", "shards=64"), "chatbot/sharded 1", ""},
		{"a scenario", judge.TrendFilter{Scenarios: []string{"auth"}, Metrics: []string{"ops_per_sec"}}, "auth/cow 1", ""},
		{"the last run", judge.TrendFilter{Metrics: []string{"ops_per_sec"}, Scenarios: []string{"chatbot"}, Last: 1},
			"chatbot/global 1, chatbot/sharded:shards=16 1, chatbot/sharded:shards=64 1", ""},
		{"a run without the percentile is left out", judge.TrendFilter{Strategies: strategy("global").Strategies, Metrics: []string{"latency_p99_ns"}},
			"chatbot/global 1", ""},
		{"an unknown strategy", strategy("actor"), "", `unknown strategy "actor": want some of global, sharded:shards=16, sharded:shards=64, cow`},
		{"a setting that nobody had", strategy("sharded", "shards=6"), "", `unknown strategy "sharded:shards=6"`},
		{"an unknown scenario", judge.TrendFilter{Scenarios: []string{"churn"}}, "", `unknown scenario "churn": want some of chatbot, auth`},
		{"an unknown metric", judge.TrendFilter{Metrics: []string{"p98"}}, "", `unknown metric "p98": want some of ops_per_sec, `},
		{"no run has both", judge.TrendFilter{Strategies: strategy("cow").Strategies, Scenarios: []string{"chatbot"}}, "", "no run matches all"},
	} {
		trend, err := judge.NewTrend(h, "h", tt.f)
		var got []string
		if err == nil {
			for _, g := range trend.Groups {
				for _, s := range g.Series {
					got = append(got, fmt.Sprintf("%s/%s %d", g.Scenario, s.Strategy, len(s.Points)))
				}
			}
		}
		text, refused := strings.Join(got, ", "), err != nil && tt.failed != "" && strings.Contains(err.Error(), tt.failed)
		if text != tt.want || refused != (tt.failed != "") || err != nil && !refused {
			t.Errorf("%s: %q and error %v, want %q and %q", tt.why, text, err, tt.want, tt.failed)
		}
	}
	if got := trendOf(t, h, judge.TrendFilter{Metrics: []string{"ops_per_sec"}, Last: 1}).Groups[0].Series[0].Points[0].Created.Day(); got != 2 {
		t.Errorf("the last run is of day %d, want 2", got)
	}
	var bad *judge.HistoryError
	if _, err := judge.NewTrend(&judge.History{}, "h", judge.TrendFilter{}); !errors.As(err, &bad) {
		t.Errorf("no runs: error %v", err)
	}
}

func TestTrendPointNames(t *testing.T) {
	for _, tt := range []struct {
		why  string
		p    judge.TrendPoint
		want string
	}{
		{"a label", judge.TrendPoint{Label: "abc", ID: "5f0c9a52-7d0e", Tool: result.Tool{Commit: "0123456789"}}, "abc"},
		{"a commit", judge.TrendPoint{ID: "5f0c9a52-7d0e", Tool: result.Tool{Commit: "0123456789"}}, "commit 01234567"},
		{"neither", judge.TrendPoint{ID: "5f0c9a52-7d0e"}, "run 5f0c9a52"},
	} {
		if got := pointName(tt.p); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.why, got, tt.want)
		}
	}
}

// Only the last runs are drawn, and the sign stands under the run that it is about.
func TestSparklineShowsNewestRuns(t *testing.T) {
	s := &judge.TrendSeries{Points: make([]judge.TrendPoint, 90), Changes: []judge.TrendChange{{At: 40, Verdict: judge.Worse}, {At: 60, Verdict: judge.Negligible}}}
	for _, tt := range []struct {
		why   string
		width int
		from  int
		mark  int // column; -1: the change is not drawn
	}{
		{"room for all", 100, 0, 40},
		{"the usual", sparkWidth, 30, 10},
		{"the change is the first that is drawn", 50, 40, 0},
		{"the change is not drawn any more", 49, 41, -1},
	} {
		xs, from := sparkValues(s, tt.width)
		line := changeMarks(s, from)
		if from != tt.from || len(xs) != 90-from || strings.Index(line, changeSign) != tt.mark {
			t.Errorf("%s: %d values from %d, signs %q, want from %d and a sign at %d", tt.why, len(xs), from, line, tt.from, tt.mark)
		}
	}
}

func TestTrendJSONAndCSV(t *testing.T) {
	for name, h := range histories(t) {
		trend := trendOf(t, h, judge.TrendFilter{})
		var back judge.Trend
		if err := json.Unmarshal([]byte(trendAs(t, "json", trend, Options{})), &back); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if back.Kind != "trend" || back.SchemaVersion != judge.TrendVersion || len(back.Groups) != len(trend.Groups) {
			t.Errorf("%s: read back %+v", name, back)
		}
		rows, err := csv.NewReader(strings.NewReader(trendAs(t, "csv", trend, Options{}))).ReadAll()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		points, changes, told := 0, 0, 0
		for _, g := range trend.Groups {
			for _, s := range g.Series {
				points, changes = points+len(s.Points), changes+len(s.Changes)
			}
		}
		for _, row := range rows[1:] {
			if row[slices.Index(rows[0], "change")] == "" {
				continue
			}
			told++
			if at := row[slices.Index(rows[0], "created")]; name == "step" && at != "2026-01-21T12:00:00Z" {
				t.Errorf("%s: a change at %s", name, at)
			}
		}
		if len(rows) != 1+points || told != changes {
			t.Errorf("%s: %d rows with %d changes, want %d with %d", name, len(rows), told, 1+points, changes)
		}
	}
}

// Control characters of a document reach no terminal, and no line is wider than it.
func TestTrendEscapesAndWraps(t *testing.T) {
	for name, h := range histories(t) {
		trend := trendOf(t, h, judge.TrendFilter{})
		for _, format := range []string{"table", "markdown"} {
			if strings.Contains(trendAs(t, format, trend, Options{}), "\x1b") {
				t.Errorf("%s of %s holds an escape sequence", format, name)
			}
		}
		for _, width := range []int{80, 100, 120} {
			for line := range strings.Lines(trendAs(t, "table", trend, Options{Width: width})) {
				if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > width {
					t.Errorf("%s: %d characters in a terminal of %d: %s", name, n, width, line)
				}
			}
		}
	}
}

func TestTrendReturnsWriteError(t *testing.T) {
	trend := trendOf(t, histories(t)["step"], judge.TrendFilter{})
	for _, f := range TrendFormats() {
		size := len(trendAs(t, f.Name, trend, Options{}))
		for _, room := range []int{0, 100, size - 1} {
			if err := f.Write(&full{room}, trend, Options{}); !errors.Is(err, errFull) {
				t.Errorf("%s into %d bytes: got %v, want the writer's error", f.Name, room, err)
			}
		}
	}
}
