package reports

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/reports/result"
)

// wobble is what the machine does to one process of a duet, the same whenever it is asked: within spread of 1, evenly.
func wobble(block, salt int, spread float64) float64 {
	return 1 + spread*(2*rand.New(rand.NewPCG(uint64(block), uint64(salt))).Float64()-1)
}

// arm is one binary's document of a duet: a trial a block of each strategy, rate times as fast as usual and with so much
// noise of its own.
func arm(n int, rate, noise float64, salt int, strategies ...string) *result.Document {
	var all []result.Result
	for _, name := range strategies {
		r := build(name, 76_100, 0)
		for b := range n {
			f := rate * wobble(b, 0, 0.1) * wobble(b, salt, noise) // what slows a block slows all its processes
			t := build(name, 76_100*f, 1).Trials[0]
			t.Order, t.Block = b, b
			r.Trials = append(r.Trials, t)
		}
		all = append(all, r)
	}
	d := withoutBaseline(all...)
	d.Config.Runs = n
	return d
}

// duet is one of n blocks, in which the new binary is rate times as fast.
func duet(n int, rate, noise float64, strategies ...string) judge.Duet {
	d := judge.Duet{
		Old: arm(n, 1, noise, 1, strategies...), Copied: arm(n, 1, noise, 2, strategies...), Fresh: arm(n, rate, noise, 3, strategies...),
		OldLabel: "old", NewLabel: "new", OldFile: "./old-sessbench", NewFile: "./sessbench",
		Planned: n, Tolerance: 0.05,
		Gating: judge.Gating{MinEffect: 0.025, Command: "sessbench check --against ./old-sessbench"},
	}
	d.Fresh.Tool = result.Tool{Version: "v1.1.0", Commit: "fedcba9876543210"}
	return d
}

// each changes every trial of a strategy.
func eachTrial(d *result.Document, strategy string, change func(t *result.Trial)) {
	for i := range d.Results {
		for j := range d.Results[i].Trials {
			if strategy == "" || d.Results[i].Strategy == strategy {
				change(&d.Results[i].Trials[j])
			}
		}
	}
}

func passing() judge.Duet { return duet(30, 1, 0.03, "per-session", "sharded") }

func failing() judge.Duet {
	d := passing()
	d.Fresh = arm(30, 0.9, 0.03, 3, "per-session", "sharded")
	eachTrial(d.Fresh, "sharded", func(t *result.Trial) { t.Usage.AllocsPerOp = 1 })
	return d
}

// restless is a duet in which the old binary is not as fast as its copy.
func restless() judge.Duet {
	d := passing()
	d.Copied = arm(30, 0.93, 0.01, 2, "per-session", "sharded")
	return d
}

func lost(d *result.Document, strategy string) {
	eachTrial(d, strategy, func(t *result.Trial) {
		if t.Block == 3 {
			t.Audit = result.Audit{Violations: []result.Violation{{Kind: "lost update", Detail: "9 were acknowledged, 8 are there"}}}
		}
	})
}

func violated() judge.Duet {
	d := failing()
	lost(d.Fresh, "sharded")
	return d
}

func lackingPercentiles() judge.Duet {
	d := passing()
	d.Copied.Results[1].Trials[7].LatencyNs.P50 = nil
	return d
}

func cutShort() judge.Duet {
	d := duet(12, 1, 0.01, "per-session")
	d.Planned, d.Interrupted = 30, true
	d.Fresh.Results[0].Trials = d.Fresh.Results[0].Trials[:11] // the last block has no third
	return d
}

func fromNothing() judge.Duet {
	d := duet(30, 1, 0.01, "per-session")
	for _, arm := range []*result.Document{d.Old, d.Copied} {
		eachTrial(arm, "", func(t *result.Trial) { t.Usage.AllocsPerOp = 0 })
	}
	eachTrial(d.Fresh, "", func(t *result.Trial) { t.Usage.AllocsPerOp = 0.02 })
	return d
}

func awkwardDuet() judge.Duet {
	d := duet(30, 0.9, 0.03, "a|b *c* <d> \x1b[1m", "sharded:shards=16,x=y")
	d.OldLabel, d.NewLabel = "o|ld\x1b[1m", "n<e>w\nline"
	d.Command = "sessbench check --against 'a```b'\n--pairs 30"
	return d
}

// duets are what the goldens show.
func duets() map[string]func() judge.Duet {
	return map[string]func() judge.Duet{
		"pass":         passing,
		"fail":         failing,
		"restless":     restless,
		"wide":         func() judge.Duet { return duet(12, 0.97, 0.12, "per-session") },
		"violated":     violated,
		"percentiles":  lackingPercentiles,
		"interrupted":  cutShort,
		"from-nothing": fromNothing,
		"awkward":      awkwardDuet,
		"thresholds": func() judge.Duet {
			d := passing()
			d.Thresholds = thresholds("per-session.p50<1ns", "ops_per_sec>1", "sharded.p99_99<1s")
			return d
		},
	}
}

func thresholds(texts ...string) (list []judge.Threshold) {
	for _, text := range texts {
		t, err := judge.ParseThreshold(text)
		if err != nil {
			panic(err)
		}
		list = append(list, t)
	}
	return list
}

// stored is a baseline and new figures, n trials each, the new rate times as fast.
func stored(n int, rate float64) judge.Stored {
	list := called("main new", arm(n, 1, 0.02, 1, "per-session", "sharded"), arm(n, rate, 0.02, 2, "per-session", "sharded"))
	list[0].File = ".sessbench/main.json"
	return judge.Stored{Old: list[0], New: list[1],
		Gating: judge.Gating{MinEffect: 0.1, Command: "sessbench check --baseline main"}}
}

func storeds() map[string]func() judge.Stored {
	strict := func(s judge.Stored) judge.Stored { s.Strict = true; return s }
	return map[string]func() judge.Stored{
		"stored-pass":        func() judge.Stored { return stored(6, 1) },
		"stored-fail":        func() judge.Stored { return stored(10, 0.7) },
		"stored-few":         func() judge.Stored { return stored(5, 0.7) },
		"stored-strict":      func() judge.Stored { return strict(stored(10, 0.7)) },
		"stored-strict-pass": func() judge.Stored { return strict(stored(10, 0.95)) },
		"stored-elsewhere": func() judge.Stored {
			s := strict(stored(10, 0.7))
			s.New.Document.Machine.CPU, s.New.Document.Machine.Kernel, s.OtherMachine = "Ampere Altra", "6.9.1", true
			return s
		},
		"stored-left-out": func() judge.Stored {
			s := stored(6, 1)
			s.Old.Document = arm(6, 1, 0.02, 1, "global", "per-session", "sharded")
			s.New.Document = arm(6, 1, 0.02, 2, "per-session", "sharded", "cow")
			lost(s.Old.Document, "sharded")
			return s
		},
	}
}

func checking(t testing.TB, d judge.Duet) *judge.Check {
	t.Helper()
	c, err := judge.CheckDuet(d)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func checkingStored(t testing.TB, s judge.Stored) *judge.Check {
	t.Helper()
	c, err := judge.CheckStored(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// checks are all of them, by name.
func checks(t testing.TB) map[string]*judge.Check {
	all := map[string]*judge.Check{}
	for name, d := range duets() {
		all[name] = checking(t, d())
	}
	for name, s := range storeds() {
		all[name] = checkingStored(t, s())
	}
	bounds, err := judge.CheckThresholds(called("new", failedAudit())[0], thresholds("p50<1ms", "ops_per_sec>1"),
		"sessbench check --threshold 'p50<1ms' --threshold 'ops_per_sec>1'")
	if err != nil {
		t.Fatal(err)
	}
	all["bounds-alone"] = bounds
	for name, of := range ratesChecked() {
		if all[name], err = judge.CheckAtRate(of); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// ratedArm is a build's document at a rate, with these values of p50 in the trials of sharded and twice of global.
func ratedArm(ms ...float64) *result.Document {
	var all []result.Result
	for i, name := range []string{"global", "sharded"} {
		r := build(name, 2000, 0)
		r.Load = "2000/s poisson"
		for b, x := range ms {
			t, ns := build(name, 2000, 1).Trials[0], int64(x*1e6)*int64(2-i)
			t.Order, t.Block, t.LatencyNs.P50 = b, b, &ns
			t.OpenLoop = &result.OpenLoop{Offered: 2000, Achieved: 0.9995, StartNs: result.Latency{Count: 1000, P50: new(int64)}}
			r.Trials = append(r.Trials, t)
		}
		all = append(all, r)
	}
	return withoutBaseline(all...)
}

// ratesChecked are goals at a rate, of one build and against an older one.
func ratesChecked() map[string]judge.AtRate {
	slow := ratedArm(4.1, 4.2, 4, 4.1, 5.9, 4.3)
	eachTrial(slow, "global", func(t *result.Trial) { t.OpenLoop.Saturated, t.OpenLoop.Growth, t.OpenLoop.Achieved = true, 97, 0.61 })
	list := called("old new", ratedArm(3.1, 3.2, 3, 3.1, 3.3, 3.2), slow)
	bounds := thresholds("sharded.p50<5ms", "global.p50<5ms", "sharded.p50<10ms")
	command := "sessbench check --at-rate 2000/s --threshold 'sharded.p50<5ms'"
	return map[string]judge.AtRate{
		"rate":         {New: called("new", ratedArm(3.1, 3.2, 3, 3.1, 3.3, 3.2))[0], Thresholds: bounds[:1], Command: command},
		"rate-against": {Old: list[0], New: list[1], Thresholds: bounds, Command: command + " --against old"},
	}
}

func checkFormat(t testing.TB, name string) FormatOf[*judge.Check] {
	t.Helper()
	list := CheckFormats()
	at := slices.IndexFunc(list, func(f FormatOf[*judge.Check]) bool { return f.Name == name })
	if at < 0 {
		t.Fatalf("no format %s", name)
	}
	return list[at]
}

func checkAs(t testing.TB, format string, c *judge.Check, o Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := checkFormat(t, format).Write(&b, c, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestCheckGolden(t *testing.T) {
	for name, c := range checks(t) {
		for format, extension := range map[string]string{"table": ".txt", "markdown": ".md", "junit": ".xml", "csv": ".csv", "json": ".json"} {
			few := map[string][]string{ // the table pins the words of all
				"markdown": {"fail", "thresholds", "violated", "awkward", "stored-fail", "rate-against"},
				"junit":    {"fail", "thresholds", "violated", "awkward", "interrupted", "stored-fail", "stored-left-out", "rate-against"},
				"csv":      {"fail", "thresholds", "violated", "stored-strict", "rate-against"},
				"json":     {"interrupted", "rate-against"},
			}[format]
			if few == nil || slices.Contains(few, name) {
				golden(t, "check-"+name+extension, checkAs(t, format, c, Options{}))
			}
		}
	}
	golden(t, "check-color.ansi", checkAs(t, "table", checking(t, failing()), Options{Color: true}))
	golden(t, "check-narrow.txt", checkAs(t, "table", checking(t, failing()), Options{Width: 80}))
	golden(t, "check-narrower.txt", checkAs(t, "table", checking(t, failing()), Options{Width: 60}))
}

// A check's JSON says all that the other formats do.
func TestCheckJSON(t *testing.T) {
	for name, c := range checks(t) {
		var got judge.Check
		if err := json.Unmarshal([]byte(checkAs(t, "json", c, Options{})), &got); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got.SchemaVersion != judge.CheckVersion || got.Kind != "check" || got.Verdict != c.Verdict || got.Explanation != c.Explanation ||
			len(got.Gates()) != len(c.Gates()) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestCheckCSV(t *testing.T) {
	for name, c := range checks(t) {
		rows, err := csv.NewReader(strings.NewReader(checkAs(t, "csv", c, Options{}))).ReadAll()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		at := func(row []string, name string) string { return row[slices.Index(rows[0], name)] }
		count := map[string]int{}
		for _, row := range rows[1:] {
			switch {
			case at(row, "threshold") != "":
				count["threshold"]++
			case at(row, "metric") == "":
				count["violation"]++
			case at(row, "gated") == "true":
				count["gate"]++
			}
			if at(row, "verdict") == "" {
				t.Errorf("%s: a row without a verdict: %q", name, row)
			}
		}
		if count["threshold"] != len(c.Thresholds) || count["violation"] != len(c.Violations) || count["gate"] != len(c.Gates()) {
			t.Errorf("%s: rows %v, want %d, %d and %d", name, count, len(c.Thresholds), len(c.Violations), len(c.Gates()))
		}
	}
}

// JUnit's XML is read by others: it is well formed whatever the names, and its counts are those of its cases.
func TestCheckJUnit(t *testing.T) {
	for name, c := range checks(t) {
		var got junitSuites
		if err := xml.Unmarshal([]byte(checkAs(t, "junit", c, Options{})), &got); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := map[judge.Verdict]int{judge.Violated: len(c.Violations)}
		for _, g := range c.Gates() {
			want[g.Verdict]++
		}
		for _, th := range c.Thresholds {
			want[th.Verdict]++
		}
		failures, skipped := want[judge.Failing], want[judge.Inconclusive]+len(c.Excluded)
		if c.Interrupted {
			skipped++
		}
		if c.Advisory { // none of these has a threshold
			failures, skipped = 0, skipped+failures
		}
		cases := map[string]int{}
		for _, s := range got.Suites {
			for _, k := range s.Cases {
				cases["tests"]++
				if k.Failure != nil {
					cases["failures"]++
				}
				if k.Error != nil {
					cases["errors"]++
				}
				if k.Skipped != nil {
					cases["skipped"]++
				}
				if k.Class == "" || k.Name == "" {
					t.Errorf("%s: a case without a name: %+v", name, k)
				}
			}
		}
		if got.Failures != failures || got.Errors != want[judge.Violated] || got.Skipped != skipped ||
			!maps.Equal(cases, nonZero(map[string]int{"tests": got.Tests, "failures": failures, "errors": got.Errors, "skipped": skipped})) {
			t.Errorf("%s: counts %+v of cases %v, want %d failures, %d errors, %d skipped",
				name, got.junitCounts, cases, failures, want[judge.Violated], skipped)
		}
	}
}

func nonZero(m map[string]int) map[string]int {
	maps.DeleteFunc(m, func(_ string, n int) bool { return n == 0 })
	return m
}

// vast is a check of many rows, of which the last fails.
func vast(t testing.TB, scenarios, rows int) *judge.Check {
	c := checking(t, failing())
	model := c.Scenarios[0].Rows[0]
	c.Scenarios = nil
	c.Thresholds = checking(t, duets()["thresholds"]()).Thresholds
	for s := range scenarios {
		scenario := judge.ScenarioCheck{Scenario: fmt.Sprintf("scenario-%d", s), Heading: "a heading: 100 users"}
		for r := range rows {
			row := judge.RowCheck{Strategy: fmt.Sprintf("sharded:shards=%d,<x>=%d", r, s), Metrics: slices.Clone(model.Metrics)}
			for i := range row.Metrics {
				row.Metrics[i].Verdict = judge.Passed
				if s == scenarios-1 && r == rows-1 {
					row.Metrics[i].Verdict = judge.Failing
				}
			}
			scenario.Rows = append(scenario.Rows, row)
		}
		c.Scenarios = append(c.Scenarios, scenario)
	}
	return c
}

// GitHub shows nothing of a summary that is too long. What is left out is counted, and never a fail or the end.
func TestStepSummaryStaysBelowLimit(t *testing.T) {
	t.Parallel()
	long := vast(t, 1, 1)
	long.Command = "sessbench " + strings.Repeat("`", 1<<20)
	long.Documents[0].Tool.Version = strings.Repeat("é", 1<<20)
	long.Excluded = make([]judge.Exclusion, 50_000)
	for name, c := range map[string]*judge.Check{
		"thousands of rows":      vast(t, 3, 800),
		"thousands of scenarios": vast(t, 600, 2),
		"both":                   vast(t, 35, 35),
		"endless texts":          long,
	} {
		text := checkAs(t, "github", c, Options{})
		if len(text) >= 1<<20 || len(text) < 1<<19 && name != "endless texts" {
			t.Errorf("%s: %d bytes", name, len(text))
		}
		if !strings.Contains(text, "lines omitted to stay below") {
			t.Errorf("%s: nothing is said to be left out", name)
		}
		if open, shut := strings.Count(text, "<details>"), strings.Count(text, "</details>"); open != shut {
			t.Errorf("%s: %d details are opened and %d closed", name, open, shut)
		}
		if !strings.Contains(text, "per-session.p50&lt;1ns | 1.33 ms | **fail**") {
			t.Errorf("%s: the threshold that was crossed is missing", name)
		}
		if want := len(slices.DeleteFunc(c.Gates(), func(g judge.Gate) bool { return g.Verdict != judge.Failing })); strings.Count(text, "**fail**") < want && name != "endless texts" {
			t.Errorf("%s: not all of %d fails are shown", name, want)
		}
		if !strings.Contains(text, "old**: sessbench") {
			t.Errorf("%s: the end is missing", name)
		}
	}
	if text := checkAs(t, "github", checking(t, failing()), Options{}); strings.Contains(text, "left out") {
		t.Errorf("something is excluded from a short summary:\n%s", text)
	}
}

func TestCheckVerdictComesFirst(t *testing.T) {
	for name, c := range checks(t) {
		for _, format := range []string{"table", "markdown", "github"} {
			first, _, _ := strings.Cut(checkAs(t, format, c, Options{Width: 200}), "\n")
			want := map[judge.Verdict]string{judge.Passed: "PASS", judge.Inconclusive: "INCONCLUSIVE", judge.Failing: "FAIL", judge.Violated: "VIOLATED"}[c.Verdict]
			if c.Advisory && c.Verdict != judge.Violated { // a lost update is none
				want += " (advice)"
			}
			if !strings.Contains(first, want+": ") {
				t.Errorf("%s of %s begins with %q, want %s", format, name, first, want)
			}
		}
	}
}

// Control characters of names reach no terminal and no file of others, and no line is wider than the terminal, but for
// the command that is to be copied.
func TestCheckEscapesAndWraps(t *testing.T) {
	t.Parallel()
	for name, c := range checks(t) {
		for _, format := range []string{"table", "markdown", "github", "junit"} {
			if strings.Contains(checkAs(t, format, c, Options{}), "\x1b") {
				t.Errorf("%s of %s holds an escape sequence", format, name)
			}
		}
		for _, width := range []int{80, 100, 120} {
			for line := range strings.Lines(checkAs(t, "table", c, Options{Width: width})) {
				if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > width && !strings.HasPrefix(line, "reproduce: ") {
					t.Errorf("%s: %d characters in a terminal of %d: %s", name, n, width, line)
				}
			}
		}
	}
}

func TestCheckReturnsWriteError(t *testing.T) {
	all := checks(t)
	for _, name := range []string{"fail", "thresholds", "violated", "stored-fail"} {
		c := all[name]
		for _, f := range CheckFormats() {
			size := len(checkAs(t, f.Name, c, Options{}))
			for _, room := range []int{0, 100, size - 1} {
				if err := f.Write(&full{room}, c, Options{}); !errors.Is(err, errFull) {
					t.Errorf("%s of %s into %d bytes: got %v, want the writer's error", f.Name, name, room, err)
				}
			}
		}
	}
}

func TestCheckDoesNotChangeItsInput(t *testing.T) {
	t.Parallel()
	for name, build := range duets() {
		d := build()
		c := checking(t, d)
		before := checkAs(t, "json", c, Options{})
		for _, f := range CheckFormats() {
			if err := f.Write(io.Discard, c, Options{Color: true, Width: 60}); err != nil {
				t.Error(err)
			}
		}
		if diff := cmp.Diff(before, checkAs(t, "json", c, Options{})); diff != "" {
			t.Errorf("%s: writing changed the check: %s", name, diff)
		}
		want := build()
		if diff := cmp.Diff([]*result.Document{want.Old, want.Copied, want.Fresh}, []*result.Document{d.Old, d.Copied, d.Fresh}); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// The formats of results that hold single trials are those of the new figures.
func TestCheckFormatsOfTheNewDocument(t *testing.T) {
	c := checking(t, failing())
	for _, f := range CheckFormats() {
		if f.Doc == "" {
			t.Errorf("%s has no line about it", f.Name)
		}
	}
	for _, name := range []string{"gobench", "benchmark-action"} {
		if got := checkAs(t, name, c, Options{}); got != written(t, name, failing().Fresh, Options{}) {
			t.Errorf("%s:\n%s", name, got)
		}
	}
}

// A loss of throughput has a minus sign and its size as a share of the old figure in every format: 3.67 M to 1.04 M is
// 71.7 % less, although an operation takes 253 % longer.
func TestRegressionIsReportedWithItsSign(t *testing.T) {
	d := duet(30, 1.04/3.67, 0, "sharded")
	d.Gated, d.Thresholds = []string{"ops_per_sec"}, nil
	s := stored(10, 1)
	s.Old.Document, s.New.Document = arm(10, 1, 0, 1, "sharded"), arm(10, 1.04/3.67, 0, 2, "sharded")
	s.Gated, s.Strict = d.Gated, true
	for mode, c := range map[string]*judge.Check{"duet": checking(t, d), "stored": checkingStored(t, s)} {
		if !strings.Contains(c.Explanation, "ops/s is 71.7 % worse") {
			t.Errorf("%s: %s", mode, c.Explanation)
		}
		for format, want := range map[string]string{"table": "-71.7%", "markdown": "-71.7%", "github": "-71.7%",
			"junit": "71.7 % worse", "csv": ",-0.716", "json": `"change": -0.716`} {
			text := checkAs(t, format, c, Options{})
			if !strings.Contains(text, want) {
				t.Errorf("%s, %s: no %q in\n%s", mode, format, want, text)
			}
			for _, line := range strings.Split(text, "\n") {
				if strings.Contains(line, "ops/s") && regexp.MustCompile(`\+[0-9.]+%`).MatchString(line) {
					t.Errorf("%s, %s: a loss as a gain: %s", mode, format, line)
				}
			}
		}
	}
}
