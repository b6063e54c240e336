package reports

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/reports/result"
)

// called makes documents sources, in the order of their labels, each a run of its own.
func called(labels string, documents ...*result.Document) (list []judge.Source) {
	for i, label := range strings.Fields(labels) {
		documents[i].ID = fmt.Sprintf("5f0c9a52-7d0e-4f35-9f0f-6a1d0d8d7a1%d", i)
		list = append(list, judge.Source{Label: label, File: label + ".json", Document: documents[i]})
	}
	return list
}

func comparing(t testing.TB, sources []judge.Source) *judge.Comparison {
	t.Helper()
	c, err := judge.Compare(sources)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// later is a run like normal in which per-session lost a fifth of its speed and sharded uses a byte less.
func later() *result.Document {
	d := document(build("global", 940, 6), build("per-session", 60_900, 6), build("sharded:shards=16", 91_200, 6))
	for i := range d.Results[2].Trials {
		d.Results[2].Trials[i].BytesPerSession -= 0.5
		d.Results[1].Trials[i].Usage.AllocsPerOp = 0.5
	}
	return d
}

// comparisons are what the goldens show.
var comparisons = map[string]func() []judge.Source{
	"moved":    func() []judge.Source { return called("old new", normal(), later()) },
	"the-same": func() []judge.Source { return called("old new", normal(), normal()) },
	"three": func() []judge.Source {
		third := document(build("global", 1880, 6), build("per-session", 76_100, 6))
		return called("old new newer", normal(), later(), third)
	},
	"few-trials": func() []judge.Source { return called("old new", fewTrials(), fewTrialsOf(3)) },
	"too-few":    func() []judge.Source { return called("old new", fewTrialsOf(3), fewTrialsOf(3)) },
	"left-out":   func() []judge.Source { return called("old new", normalWithCow(), failedAndInterrupted()) },
	"forced": func() []judge.Source {
		d := later()
		d.Machine.CPU, d.Machine.Go = "Ampere Altra", "go1.27.0"
		for i := range d.Results {
			d.Results[i].Users, d.Results[i].TapeHash = 200, "sha256:aaaa"
		}
		return called("old new", normal(), d)
	},
	"awkward": func() []judge.Source {
		list := called("old new", awkwardNames(), awkwardNames())
		list[1].Label = "n|e*w \x1b[1m"
		return list
	},
	"two-scenarios": func() []judge.Source { return called("old new", twoScenarios(), twoScenarios()) },
}

func fewTrialsOf(n int) *result.Document {
	return document(build("global", 940, n), build("per-session", 60_000, n))
}

func normalWithCow() *result.Document {
	return document(build("global", 940, 6), build("forgetful", 90_000, 6), build("sharded", 91_200, 6), build("cow", 50_000, 6))
}

func failedAndInterrupted() *result.Document {
	d := failedAudit()
	d.Interrupted = true
	d.Results = append(d.Results, build("actor", 40_000, 6))
	return d
}

func comparisonAs(t *testing.T, format string, c *judge.Comparison, o Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := comparisonFormat(t, format).Write(&b, c, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func comparisonFormat(t *testing.T, name string) FormatOf[*judge.Comparison] {
	t.Helper()
	for _, f := range ComparisonFormats() {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("no format %s", name)
	return FormatOf[*judge.Comparison]{}
}

func TestComparisonGolden(t *testing.T) {
	extensions := map[string]string{"table": ".txt", "markdown": ".md", "csv": ".csv", "json": ".json"}
	for name, sources := range comparisons {
		c := comparing(t, sources())
		for _, f := range ComparisonFormats() {
			few := map[string][]string{"json": {"forced"}, "csv": {"three"}, "markdown": {"three", "forced", "awkward"}, "html": {}, SVG: {}}[f.Name]
			if few != nil && !slices.Contains(few, name) {
				continue // the others show nothing that the table does not
			}
			t.Run(f.Name+"/"+name, func(t *testing.T) {
				golden(t, "compare-"+name+extensions[f.Name], comparisonAs(t, f.Name, c, Options{}))
			})
		}
	}
	t.Run("table/color", func(t *testing.T) {
		golden(t, "compare-color.ansi", comparisonAs(t, "table", comparing(t, comparisons["moved"]()), Options{Color: true}))
	})
	t.Run("table/narrow", func(t *testing.T) {
		golden(t, "compare-narrow.txt", comparisonAs(t, "table", comparing(t, comparisons["three"]()), Options{Width: 80}))
	})
}

// The cells are what benchstat's documentation shows for the same samples.
func TestComparisonMatchesBenchstat(t *testing.T) {
	with := func(ns ...int64) *result.Document {
		r := build("json", 1000, len(ns))
		for i := range ns {
			r.Trials[i].LatencyNs.P50 = &ns[i]
		}
		return document(r)
	}
	c := comparing(t, called("old new",
		with(1726, 1723, 1707, 1707, 1713, 1729, 1736, 1707, 1705, 1774),
		with(1423, 1416, 1411, 1413, 1412, 1426, 1424, 1422, 1447, 1425)))
	text := comparisonAs(t, "table", c, Options{})
	for _, want := range []string{
		"json            1.718µ ± 1%  1.423µ ± 1%  -17.20% (p=0.000 n=10)\n",
		"better   chatbot   json      latency p50, s  1.718µ → 1.423µ  -17.20% (p=0.000 n=10)\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no line %q in\n%s", want, text)
		}
	}
}

// one is a document of one strategy, with these throughputs.
func one(rates ...float64) *result.Document {
	r := build("global", 1000, len(rates))
	for i := range rates {
		r.Trials[i].OpsPerSec = rates[i]
	}
	return document(r)
}

// Whatever has to be the same is noticed when it is not, and nothing else is.
func TestDifferences(t *testing.T) {
	each := func(change func(r *result.Result)) func(*result.Document) {
		return func(d *result.Document) {
			for i := range d.Results {
				change(&d.Results[i])
			}
		}
	}
	hold := func(d *result.Document, ns int64, kind string) {
		each(func(r *result.Result) { r.HoldNs, r.HoldKind = ns, kind })(d)
	}
	for _, tt := range []struct {
		why    string
		change func(d *result.Document)
		want   string // the only difference; "": there is none
	}{
		{"nothing", func(*result.Document) {}, ""},
		{"another processor", func(d *result.Document) { d.Machine.CPU = "Z80" }, "CPU: AMD EPYC 7763 in old, Z80 in new"},
		{"cores", func(d *result.Document) { d.Machine.Cores = 4 }, "cores: 2 in old, 4 in new"},
		{"GOMAXPROCS", func(d *result.Document) { d.Machine.GOMAXPROCS = 1 }, "GOMAXPROCS: 2 in old, 1 in new"},
		{"no quota", func(d *result.Document) { d.Machine.CgroupCPUs = 0 }, "cgroup quota: 1.5 in old, not set in new"},
		{"system", func(d *result.Document) { d.Machine.OS = "plan9" }, "OS: linux in old, plan9 in new"},
		{"kernel", func(d *result.Document) { d.Machine.Kernel = "6.9.0" }, "kernel: 6.8.0 in old, 6.9.0 in new"},
		{"Go", func(d *result.Document) { d.Machine.Go = "go1.27" }, "Go: go1.26.0 in old, go1.27 in new"},
		{"the load is never the same", func(d *result.Document) { d.Machine.Load1 = 7 }, ""},
		{"the tool is what is compared", func(d *result.Document) { d.Tool.Version, d.Tool.Commit = "v2.0.0", "ffff" }, ""},
		{"the number of trials is in the test", func(d *result.Document) {
			d.Config.Runs = 5
			each(func(r *result.Result) { r.Trials = r.Trials[:5] })(d)
		}, ""},
		{"the tape", each(func(r *result.Result) { r.TapeHash = "sha256:00" }), "tape (chatbot): sha256:3f2a9c1d77e0 in old, sha256:00 in new"},
		{"users", each(func(r *result.Result) { r.Users = 7 }), "users (chatbot): 100 in old, 7 in new"},
		{"sessions", each(func(r *result.Result) { r.Sessions = 7 }), "sessions (chatbot): 10000 in old, 7 in new"},
		{"hold", func(d *result.Document) { hold(d, 2_000_000, "sleep") }, "hold (chatbot): 1ms in old, 2ms in new"},
		{"what hold is", func(d *result.Document) { hold(d, 1_000_000, "spin") }, "hold kind (chatbot): sleep in old, spin in new"},
		{"think", each(func(r *result.Result) { r.ThinkNs = 1e9 }), "think (chatbot): 0s in old, 1s in new"},
		{"window", each(func(r *result.Result) { r.WindowNs = 1e9 }), "window (chatbot): 400ms in old, 1s in new"},
		{"iterations", each(func(r *result.Result) { r.Iterations = 9 }), "iterations (chatbot): not set in old, 9 in new"},
		{"settings of one strategy", func(d *result.Document) { d.Results[1].Params = map[string]string{"shards": "2"} },
			"params of per-session (chatbot): not set in old, shards=2 in new"},
		{"target", func(d *result.Document) { d.Results[1].Target = "x" }, "target of per-session (chatbot): not set in old, x in new"},
		{"seed", func(d *result.Document) { d.Config.Settings["seed"] = "9" }, "seed: 1 in old, 9 in new"},
		{"warmup", func(d *result.Document) { d.Config.Settings["warmup"] = "1ms" }, "warmup: 0s in old, 1ms in new"},
		{"time to live", func(d *result.Document) { d.Config.Settings["ttl"] = "1s" }, "ttl: not set in old, 1s in new"},
		{"recording", func(d *result.Document) { d.Config.Settings["record"] = "1/64" }, "record: not set in old, 1/64 in new"},
		{"speed of a replay", func(d *result.Document) { d.Config.Settings["trace-speed"] = "60x" }, "trace-speed: not set in old, 60x in new"},
		{"recorded traffic", func(d *result.Document) { d.Traffic = &result.Traffic{Hash: "sha256:1"} },
			"recorded traffic: not set in old, sha256:1 in new"},
		{"keys that draw the same tape", func(d *result.Document) { d.Config.Overrides = map[string]string{"keys": "uniform"} }, ""},
		{"one strategy's own tape", func(d *result.Document) { d.Results[0].TapeHash = "" },
			"tape (chatbot): sha256:3f2a9c1d77e0 in old, not set in new"},
	} {
		d := normal()
		tt.change(d)
		got := strings.Join(comparing(t, called("old new", normal(), d)).DescribeDifferences(), "; ")
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.why, got, tt.want)
		}
	}
	d := normal()
	each(func(r *result.Result) { r.TapeHash = "sha256:00" })(d)
	d.Config.Overrides = map[string]string{"keys": "uniform", "mix": "append=1"}
	got := comparing(t, called("old new", normal(), d)).DescribeDifferences()
	if want := []string{"tape (chatbot): sha256:3f2a9c1d77e0 in old, sha256:00 in new", "keys: not set in old, uniform in new",
		"mix: not set in old, append=1 in new"}; !slices.Equal(got, want) {
		t.Errorf("other keys and another mix: got %q, want %q", got, want)
	}
	a, b := normal(), normal()
	each(func(r *result.Result) { r.TapeHash = "" })(a)
	each(func(r *result.Result) { r.TapeHash = "" })(b)
	b.Config.Overrides = map[string]string{"keys": "uniform"}
	if got := comparing(t, called("old new", a, b)).DescribeDifferences(); !slices.Equal(got, []string{"keys: not set in old, uniform in new"}) {
		t.Errorf("other keys and no tapes to show whether they matter: got %q", got)
	}
	idle, spinning := normal(), normal()
	hold(idle, 0, "sleep")
	hold(spinning, 0, "spin")
	if got := comparing(t, called("old new", idle, spinning)).Differences; len(got) > 0 {
		t.Errorf("no hold at all has no kinds: got %v", got)
	}
}

// with gives a result settings, as run does.
func with(r result.Result, params ...string) result.Result {
	r.Params = map[string]string{}
	for _, p := range params {
		k, v, _ := strings.Cut(p, "=")
		r.Params[k] = v
	}
	return r
}

func TestRowsMatchBySettings(t *testing.T) {
	for _, tt := range []struct {
		why         string
		first, then []result.Result
		rows        string
		differ      string
		out         string
	}{
		{"one strategy at two settings is two rows, whatever their order",
			[]result.Result{with(build("sharded:shards=4", 100, 6), "shards=4"), with(build("sharded:shards=16", 200, 6), "shards=16")},
			[]result.Result{with(build("sharded:shards=16", 200, 6), "shards=16"), with(build("sharded:shards=4", 100, 6), "shards=4")},
			"sharded:shards=4 sharded:shards=16", "", ""},
		{"alone it goes by its short name, and is the same",
			[]result.Result{with(build("sharded", 100, 6), "shards=4")},
			[]result.Result{with(build("sharded:shards=16", 200, 6), "shards=16"), with(build("sharded:shards=4", 100, 6), "shards=4")},
			"sharded:shards=4", "", "new sharded:shards=16: not in old"},
		{"the only one on both sides with other settings differs",
			[]result.Result{with(build("sharded", 100, 6), "shards=4"), build("global", 50, 6)},
			[]result.Result{with(build("sharded", 200, 6), "shards=16"), build("global", 50, 6)},
			"sharded global", "params of sharded (chatbot): shards=4 in old, shards=16 in new", ""},
		{"one of two with other settings is somebody else",
			[]result.Result{with(build("sharded", 100, 6), "shards=4"), build("global", 50, 6)},
			[]result.Result{with(build("sharded:shards=8", 200, 6), "shards=8"), with(build("sharded:shards=16", 200, 6), "shards=16"), build("global", 50, 6)},
			"global", "", "new sharded:shards=8: not in old; new sharded:shards=16: not in old; old sharded:shards=4: not in new"},
		{"a label's settings count where a document has no others",
			[]result.Result{build("a:x=1", 100, 6), build("a:x=2", 200, 6)},
			[]result.Result{build("a:x=2", 200, 6), build("a:x=1", 100, 6)}, "a:x=1 a:x=2", "", ""},
	} {
		c := comparing(t, called("old new", withoutBaseline(tt.first...), withoutBaseline(tt.then...)))
		var rows, out []string
		for _, r := range c.Scenarios[0].Tables[0].Rows {
			rows = append(rows, r.Strategy)
			if change := r.Cells[1].Change; tt.differ == "" && change.Verdict != judge.Noise {
				t.Errorf("%s: %s was compared with something else: %+v", tt.why, r.Strategy, change)
			}
		}
		for _, l := range c.Excluded {
			out = append(out, l.Document+" "+l.Strategy+": "+l.Reason)
		}
		if got := strings.Join(rows, " "); got != tt.rows {
			t.Errorf("%s: rows %s, want %s", tt.why, got, tt.rows)
		}
		if got := strings.Join(out, "; "); got != tt.out {
			t.Errorf("%s: left out %q, want %q", tt.why, got, tt.out)
		}
		if got := strings.Join(c.DescribeDifferences(), "; "); got != tt.differ {
			t.Errorf("%s: differences %q, want %q", tt.why, got, tt.differ)
		}
	}
}

func TestNothingToCompare(t *testing.T) {
	other := normal()
	for i := range other.Results {
		other.Results[i].Scenario = "auth"
	}
	struck := document(build("global", 940, 6))
	struck.Results[0].Trials[0].Audit = result.Audit{Violations: []result.Violation{{Kind: "lost update"}}}
	for _, tt := range []struct {
		why     string
		sources []judge.Source
		want    string
	}{
		{"one document", called("old", normal()), "only one document"},
		{"no results", called("old new", normal(), &result.Document{}), "new.json: no results"},
		{"no results in the first", called("old new", &result.Document{}, normal()), "old.json: no results"},
		{"other scenarios", called("old new", normal(), other),
			"old.json and new.json have nothing in common: old has chatbot with global and per-session and sharded:shards=16, new has auth with"},
		{"the third alone", called("old new newer", normal(), normal(), other), "old.json and newer.json have nothing in common"},
		{"what both have failed its audit", called("old new", normal(), struck), "global (chatbot) in new: failed its audit (lost update)"},
		{"or did in the first", called("old new", struck, one(1, 2, 3)), "global (chatbot) in old: failed its audit (lost update)"},
		{"or was never finished", called("old new", normal(), document(build("global", 940, 0))), "global (chatbot) in new: no trial was completed"},
		{"one result twice", called("old new", normal(), document(build("cow", 1, 6), build("cow", 2, 6))), "new.json: cow (chatbot) occurs twice"},
	} {
		c, err := judge.Compare(tt.sources)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v and error %v, want %q", tt.why, c, err, tt.want)
		}
	}
}

func TestCompareReportsTheSameRun(t *testing.T) {
	sources := called("old new", normal(), normal())
	const said = "old and new are the same run"
	if text := comparisonAs(t, "table", comparing(t, sources), Options{}); strings.Contains(text, said) {
		t.Errorf("two runs are one:\n%s", text)
	}
	sources[1].Document = sources[0].Document
	if text := comparisonAs(t, "table", comparing(t, sources), Options{}); !strings.Contains(text, said) {
		t.Errorf("%q is not said:\n%s", said, text)
	}
}

func TestCompareNamesHarnessBoundRows(t *testing.T) {
	d := normal()
	d.Results[1].Summary.HarnessBound = true
	const said = "At least half of the cost is the harness in chatbot/per-session"
	if text := comparisonAs(t, "table", comparing(t, called("old new", normal(), d)), Options{}); !strings.Contains(text, said) {
		t.Errorf("%q is not said:\n%s", said, text)
	}
}

// A row struck in any document shows no figure of that document anywhere.
func TestFailedRowsAreNotCompared(t *testing.T) {
	c := comparing(t, comparisons["left-out"]())
	for _, s := range c.Scenarios {
		for _, table := range s.Tables {
			for _, r := range table.Rows {
				if r.Strategy == "forgetful" {
					t.Errorf("%s of a store that failed its audit is compared", table.Metric)
				}
			}
		}
	}
	text := comparisonAs(t, "table", c, Options{})
	for _, want := range []string{
		"Excluded from new: forgetful (chatbot): failed its audit (lost update, duplicate number).",
		"Excluded from new: actor (chatbot): not in old.",
		"Excluded from old: cow (chatbot): not in new.",
		"new was interrupted",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not said:\n%s", want, text)
		}
	}
}

func TestPercentileMissingInOneTrial(t *testing.T) {
	d := normal()
	d.Results[0].Trials[2].LatencyNs.P99 = nil
	for _, table := range comparing(t, called("old new", normal(), d)).Scenarios[0].Tables {
		if table.Metric != "latency_p99_ns" {
			continue
		}
		if got := table.Rows[0].Strategy; len(table.Rows) != 2 || got == "global" {
			t.Errorf("%d rows of p99, the first of them %s: want global left out", len(table.Rows), got)
		}
	}
}

func TestComparisonJSON(t *testing.T) {
	text := comparisonAs(t, "json", comparing(t, comparisons["moved"]()), Options{})
	var c judge.Comparison
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	if c.SchemaVersion != judge.ComparisonVersion || c.Kind != "comparison" || len(c.Documents) != 2 || c.Counts[judge.Worse] == 0 {
		t.Errorf("got %+v", c)
	}
	if _, err := judge.Compare(called("a comparison", normal(), mustRead(t, text))); err == nil {
		t.Error("a comparison was compared as if it were a result")
	}
}

func mustRead(t *testing.T, text string) *result.Document {
	t.Helper()
	d, err := result.Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestComparisonCSV(t *testing.T) {
	for name, sources := range comparisons {
		c := comparing(t, sources())
		rows, err := csv.NewReader(strings.NewReader(comparisonAs(t, "csv", c, Options{}))).ReadAll()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		at := func(row []string, name string) string { return row[slices.Index(rows[0], name)] }
		tested := 0
		for _, row := range rows[1:] {
			if at(row, "verdict") != "" {
				tested++
			}
			if comparable := at(row, "comparable"); comparable != fmt.Sprint(name != "forced") {
				t.Errorf("%s: comparable %s", name, comparable)
			}
		}
		if tested != comparisonCount(c) {
			t.Errorf("%s: %d verdicts, want %d", name, tested, comparisonCount(c))
		}
	}
}

// Forced comparisons say so before any figure.
func TestForcedComparisonStartsWithWarning(t *testing.T) {
	c := comparing(t, comparisons["forced"]())
	for _, format := range []string{"table", "markdown"} {
		text := comparisonAs(t, format, c, Options{})
		first, _, _ := strings.Cut(text, "\n")
		if !strings.Contains(first, "Not comparable, but compared because of --force") {
			t.Errorf("%s begins with %q", format, first)
		}
		for _, d := range c.DescribeDifferences() {
			if !strings.Contains(text, d) {
				t.Errorf("%s does not say %q", format, d)
			}
		}
	}
}

func TestComparisonReturnsWriteError(t *testing.T) {
	c := comparing(t, comparisons["three"]())
	for _, f := range ComparisonFormats() {
		size := len(comparisonAs(t, f.Name, c, Options{}))
		for _, room := range []int{0, 100, size - 1} {
			if err := f.Write(&full{room}, c, Options{}); !errors.Is(err, errFull) {
				t.Errorf("%s into %d bytes: got %v, want the writer's error", f.Name, room, err)
			}
		}
	}
}

func TestCompareDoesNotChangeItsInput(t *testing.T) {
	for name, sources := range comparisons {
		got := sources()
		c := comparing(t, got)
		before := comparisonAs(t, "json", c, Options{})
		for _, f := range ComparisonFormats() {
			comparisonAs(t, f.Name, c, Options{Color: true, Width: 60})
		}
		if diff := cmp.Diff(before, comparisonAs(t, "json", c, Options{})); diff != "" {
			t.Errorf("%s: writing changed the comparison: %s", name, diff)
		}
		if diff := cmp.Diff(sources(), got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// Control characters of a document's names reach no terminal, and no line is wider than it.
func TestComparisonEscapesAndWraps(t *testing.T) {
	t.Parallel()
	for name, sources := range comparisons {
		c := comparing(t, sources())
		for _, format := range []string{"table", "markdown"} {
			if strings.Contains(comparisonAs(t, format, c, Options{}), "\x1b") {
				t.Errorf("%s of %s holds an escape sequence", format, name)
			}
		}
		for _, width := range []int{100, 120} {
			for line := range strings.Lines(comparisonAs(t, "table", c, Options{Width: width})) {
				if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > width {
					t.Errorf("%s: %d characters in a terminal of %d: %s", name, n, width, line)
				}
			}
		}
	}
}
