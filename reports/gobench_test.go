package reports

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchproc"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/reports/result"
)

// stat is a cell of benchstat's table.
type stat struct {
	Median      float64
	Spread      string // ±
	Delta, Test string // empty in the first column
}

// statColumns are benchstat's tables: unit, row, column.
type statColumns map[string]stat

func statKey(unit, row, column string) string { return unit + " | " + row + " | " + column }

// benchstat is the path of the program, built from this module's golang.org/x/perf.
func benchstat(t *testing.T) string {
	t.Helper()
	gotool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("no go command on PATH to build benchstat with")
	}
	dir := t.TempDir()
	if out, err := exec.Command(gotool, "build", "-o", dir, "golang.org/x/perf/cmd/benchstat").CombinedOutput(); err != nil {
		t.Fatalf("go build benchstat: %v\n%s", err, out)
	}
	return filepath.Join(dir, "benchstat")
}

// benchstatSays runs benchstat over texts, each in a file with its label, and returns the figures and the warnings.
func benchstatSays(t *testing.T, program string, labels, texts []string, flags ...string) (c statColumns, warnings string) {
	t.Helper()
	dir, args := t.TempDir(), flags
	for i, label := range labels {
		path := filepath.Join(dir, label+".bench")
		if err := os.WriteFile(path, []byte(texts[i]), 0o644); err != nil {
			t.Fatal(err)
		}
		args = append(args, label+"="+path)
	}
	_, warnings = runProgram(t, program, args...) // not with CSV, where the tables' footnotes are on stderr too
	figures, _ := runProgram(t, program, append([]string{"-format", "csv"}, args...)...)
	return readColumns(t, figures), warnings
}

func runProgram(t *testing.T, program string, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	c := exec.Command(program, args...)
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", c, err, &errs)
	}
	return out.String(), errs.String()
}

// readColumns reads benchstat's CSV: for every unit a line with the columns' labels, one with what is in them, and the rows.
func readColumns(t *testing.T, text string) statColumns {
	t.Helper()
	r := csv.NewReader(strings.NewReader(text))
	r.FieldsPerRecord = -1
	records, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	c := statColumns{}
	var labels, heads []string
	for i, record := range records {
		switch {
		case len(record) < 3: // goos: linux
		case i+1 < len(records) && len(records[i+1]) > 2 && records[i+1][2] == "CI":
			labels, heads = record, records[i+1]
		case record[0] != "":
			addRow(t, c, labels, heads, record)
		}
	}
	return c
}

func addRow(t *testing.T, c statColumns, labels, heads, record []string) {
	t.Helper()
	cell := func(k int) string {
		if k < len(record) {
			return record[k]
		}
		return ""
	}
	for k := 1; k < len(heads); k++ {
		if heads[k] != heads[1] || cell(k) == "" {
			continue
		}
		median, err := strconv.ParseFloat(cell(k), 64)
		if err != nil {
			t.Fatal(err)
		}
		s := stat{Median: median, Spread: cell(k + 1)}
		if k > 1 {
			s.Delta, s.Test = cell(k+2), cell(k+3)
		}
		c[statKey(heads[1], record[0], labels[k])] = s
	}
}

// expectedColumns is what benchstat is to show of a comparison. row names a row of its tables.
func expectedColumns(c *judge.Comparison, row func(scenario, strategy string) string) statColumns {
	units := map[string]string{"ops_per_sec": "ops/s", "latency_p50_ns": "p50-sec", "latency_p95_ns": "p95-sec", "latency_p99_ns": "p99-sec",
		"allocs_per_op": "allocs/op", "bytes_per_op": "B/op", "bytes_per_session": "B/session"}
	want := statColumns{}
	for _, s := range c.Scenarios {
		for _, table := range s.Tables {
			scale := 1.0
			if table.Unit == "ns" {
				scale = 1e-9
			}
			for _, r := range table.Rows {
				for i, cell := range r.Cells {
					x := stat{Median: scale * cell.Median, Spread: spreadText(cell)}
					if cell.Change != nil {
						x.Delta, x.Test = deltaText(r.Cells[0], cell), strings.Trim(changeTest(cell.Change), "()")
					}
					want[statKey(units[table.Metric], row(s.Scenario, r.Strategy), c.Documents[i].Label)] = x
				}
			}
			for i, mean := range table.GeoMean {
				key := statKey(units[table.Metric], "geomean", c.Documents[i].Label)
				want[key] = stat{Median: scale * *mean.Value, Delta: signed(mean.Delta)}
			}
		}
	}
	return want
}

// differingColumns says where benchstat's columns are not as expected. Geometric means of a single row, which we do not show, and
// the time per operation, which no comparison has, are not looked at.
func differingColumns(want, got statColumns) string {
	got = maps.Clone(got)
	maps.DeleteFunc(got, func(key string, _ stat) bool {
		_, ours := want[key]
		return !ours && (strings.Contains(key, " | geomean | ") || strings.HasPrefix(key, "sec/op | "))
	})
	return cmp.Diff(want, got, cmpopts.EquateApprox(1e-12, 0))
}

// strewn moves every figure of every trial about, so that no two are equal and some differences are noise.
func strewn(seed uint64, d *result.Document) *result.Document {
	random := rand.New(rand.NewPCG(seed, 0))
	about := func(x float64) float64 { return x * (0.95 + 0.1*random.Float64()) }
	for i := range d.Results {
		for j := range d.Results[i].Trials {
			t := &d.Results[i].Trials[j]
			t.OpsPerSec, t.Usage.AllocsPerOp = about(t.OpsPerSec), about(1+t.Usage.AllocsPerOp)
			t.Usage.BytesPerOp, t.BytesPerSession = about(t.Usage.BytesPerOp), about(t.BytesPerSession)
			for _, p := range []*int64{t.LatencyNs.P50, t.LatencyNs.P99} {
				if p != nil {
					*p = int64(about(float64(*p)))
				}
			}
		}
	}
	judge.Summarize(d)
	return d
}

// fourOf is a document of four strategies with n trials each, the second as fast as factor says.
func fourOf(n int, factor float64) *result.Document {
	return document(build("global", 940, n), build("per-session", 76_100*factor, n), build("sharded:shards=16", 91_200, n),
		build("sharded:shards=64", 88_000, n))
}

// byStrategy makes a document a strategy, in which all are called the same: what benchstat -col /strategy holds against
// each other.
func byStrategy(d *result.Document) (list []judge.Source) {
	for _, r := range d.Results {
		at := slices.IndexFunc(list, func(s judge.Source) bool { return s.Label == r.Strategy })
		if at < 0 {
			at = len(list)
			list = append(list, judge.Source{Label: r.Strategy, File: r.Strategy, Document: withoutBaseline()})
		}
		r.Strategy = "any"
		list[at].Document.Results = append(list[at].Document.Results, r)
	}
	return list
}

// twoGroups is two scenarios with the same strategies.
func twoGroups(n int) *result.Document {
	d := fourOf(n, 1)
	for _, r := range fourOf(n, 2).Results {
		r.Scenario = "auth"
		d.Results = append(d.Results, r)
	}
	return strewn(5, d)
}

// slowPercentiles is a document in which no strategy but the first is too slow for a p99.
func slowPercentiles(seed uint64) *result.Document {
	d := fourOf(6, 1)
	d.Results[0].Trials[3].LatencyNs.P99 = nil
	return strewn(seed, d)
}

func oneFailed(seed uint64) *result.Document {
	d := strewn(seed, fourOf(6, 1))
	d.Results[1].Trials[2].Audit = result.Audit{Violations: []result.Violation{{Kind: "lost update"}}}
	judge.Summarize(d)
	return d
}

func TestBenchstatShowsTheSameColumns(t *testing.T) {
	t.Parallel()
	program := benchstat(t)
	byName := func(scenario, strategy string) string {
		return fmt.Sprintf("Session/scenario=%s/strategy=%s/users=100-2", scenario, strategy)
	}
	for _, tt := range []struct {
		why      string
		old, new *result.Document
	}{
		{"one strategy lost a fifth, the others nothing", strewn(1, fourOf(10, 1)), strewn(2, fourOf(10, 0.8))},
		{"six trials against ten", strewn(1, fourOf(10, 1)), strewn(2, fourOf(6, 0.8))},
		{"three trials have no interval", strewn(1, fourOf(3, 1)), strewn(2, fourOf(3, 0.8))},
		{"a percentile that one trial is too short for", slowPercentiles(1), slowPercentiles(2)},
		{"an audit failed", oneFailed(1), oneFailed(2)},
	} {
		t.Run(tt.why, func(t *testing.T) {
			c := comparing(t, called("old new", tt.old, tt.new))
			got, warnings := benchstatSays(t, program, []string{"old", "new"},
				[]string{written(t, "gobench", tt.old, Options{}), written(t, "gobench", tt.new, Options{})})
			if warnings != "" {
				t.Errorf("benchstat warns: %s", warnings)
			}
			if diff := differingColumns(expectedColumns(c, byName), got); diff != "" {
				t.Errorf("- ours, + benchstat's\n%s", diff)
			}
			for key, speed := range got { // ranks are the same from behind
				row, ok := strings.CutPrefix(key, "ops/s | ")
				if took := got["sec/op | "+row]; ok && took.Test != speed.Test {
					t.Errorf("%s: %+v of ns/op, %+v of ops/s", row, took, speed)
				}
			}
		})
	}

	byUsers := func(scenario, _ string) string { return fmt.Sprintf("Session/scenario=%s/users=100-2", scenario) }
	for _, tt := range []struct {
		why string
		d   *result.Document
	}{
		{"strategies side by side", strewn(3, fourOf(10, 1))},
		{"under two scenarios", twoGroups(6)},
		{"too few trials", strewn(4, fourOf(3, 1))},
	} {
		t.Run(tt.why, func(t *testing.T) {
			c := comparing(t, byStrategy(tt.d))
			want := expectedColumns(c, byUsers)
			maps.DeleteFunc(want, func(key string, _ stat) bool { return strings.Contains(key, " | geomean | ") })
			text := written(t, "gobench", tt.d, Options{})
			got, warnings := benchstatSays(t, program, []string{"new"}, []string{text}, "-col", "/strategy")
			maps.DeleteFunc(got, func(key string, _ stat) bool { return strings.Contains(key, " | geomean | ") }) // over scenarios
			if warnings != "" {
				t.Errorf("benchstat warns: %s", warnings)
			}
			if diff := differingColumns(want, got); diff != "" {
				t.Errorf("- ours, + benchstat's\n%s", diff)
			}
		})
	}

	old, changed := strewn(1, fourOf(10, 1)), strewn(2, fourOf(10, 0.8))
	want := expectedColumns(comparing(t, called("old new", old, changed)), byName)
	text := written(t, "gobench", changed, Options{})
	for _, tt := range []struct {
		why      string
		pattern  string // the first match of which is replaced, or all with every
		by       string
		every    bool
		warnings bool // benchstat itself notices
	}{
		{"another unit", `ops/s`, "ops/min", true, false},
		{"microseconds", `p50-ns`, "p50-us", true, false},
		{"a time that is not tidied", `p99-ns`, "p99ns", true, false},
		{"one value is larger", `(\d\S*) allocs/op`, "9$1 allocs/op", false, false},
		{"a trial is missing", `(?m)^BenchmarkSession.*\n`, "", false, false},
		{"a figure is missing in one trial", ` \S+ B/session\n`, "\n", false, false},
		{"two strategies changed places", `shards=16`, "shards=64", false, false},
		{"another configuration key", `goos: linux`, "goos: linux\nhold: 1ms", false, false},
		{"no unit behind a value", ` B/session\n`, "\n", false, true},
		{"the other direction", `ops/s better=higher`, "ops/s better=lower", false, true},
	} {
		t.Run("altered/"+tt.why, func(t *testing.T) {
			altered, left := "", 1
			if tt.every {
				left = -1
			}
			pattern := regexp.MustCompile(tt.pattern)
			altered = pattern.ReplaceAllStringFunc(text, func(match string) string {
				if left == 0 {
					return match
				}
				left--
				return pattern.ReplaceAllString(match, tt.by)
			})
			got, warnings := benchstatSays(t, program, []string{"old", "new"}, []string{written(t, "gobench", old, Options{}), altered})
			if (warnings != "") != tt.warnings {
				t.Errorf("benchstat warns: %q", warnings)
			}
			if !tt.warnings && differingColumns(want, got) == "" {
				t.Error("nobody noticed")
			}
		})
	}
}

// benchResults reads the text back. A line that the reader stumbles over is an error.
func benchResults(t *testing.T, text string) (list []*benchfmt.Result, units benchfmt.UnitMetadataMap) {
	t.Helper()
	r := benchfmt.NewReader(strings.NewReader(text), "text")
	for r.Scan() {
		switch rec := r.Result().(type) {
		case *benchfmt.SyntaxError:
			t.Error(rec)
		case *benchfmt.Result:
			list = append(list, rec.Clone())
		}
	}
	if err := r.Err(); err != nil {
		t.Error(err)
	}
	return list, r.Units()
}

func TestGobenchOneLinePerTrial(t *testing.T) {
	for name, build := range documents {
		d, want := build(), 0
		for i := range d.Results {
			if !d.Results[i].Failed() {
				want += len(d.Results[i].Trials)
			}
		}
		if got, _ := benchResults(t, written(t, "gobench", d, Options{})); len(got) != want {
			t.Errorf("%s: %d lines, want %d", name, len(got), want)
		}
	}
}

func TestGobenchLine(t *testing.T) {
	d := normal()
	p50 := int64(250)
	d.Machine.OS, d.Machine.CPU = "linux/amd64", " Wide\nCPU "
	d.Results = d.Results[:1]
	d.Results[0].Trials = []result.Trial{{Ops: 77, OpsPerSec: 4000, LatencyNs: result.Latency{P50: &p50},
		BytesPerSession: 1e7, Usage: result.Usage{AllocsPerOp: 2, BytesPerOp: 48}, Audit: result.Audit{OK: true}}}
	const head = "Unit ops/s better=higher\nUnit p50-ns better=lower\nUnit p95-ns better=lower\nUnit p99-ns better=lower\nUnit B/session better=lower\n"
	want := head + "goos: linux\ngoarch: amd64\ncpu: Wide CPU\n\nBenchmarkSession/scenario=chatbot/strategy=global/users=100-2 " +
		"77 250000 ns/op 4000 ops/s 250 p50-ns 2 allocs/op 48 B/op 1e+07 B/session\n"
	if diff := cmp.Diff(want, written(t, "gobench", d, Options{})); diff != "" {
		t.Error(diff)
	}

	// Nothing was done, on one processor of a machine that says nothing.
	d.Machine, d.Results[0].Trials[0] = result.Machine{GOMAXPROCS: 1}, result.Trial{Audit: result.Audit{OK: true}}
	want = head + "BenchmarkSession/scenario=chatbot/strategy=global/users=100 0 0 ops/s\n"
	if diff := cmp.Diff(want, written(t, "gobench", d, Options{})); diff != "" {
		t.Error(diff)
	}
}

// Whether more is better is known of every unit.
func TestGobenchDirections(t *testing.T) {
	results, units := benchResults(t, written(t, "gobench", normal(), Options{}))
	seen := 0
	for _, v := range results[0].Values {
		unit := v.Unit
		want := -1
		if unit == "ops/s" {
			want = 1
		}
		if got := units.GetBetter(unit); got != want {
			t.Errorf("%s: %+d, want %+d", unit, got, want)
		}
		seen++
	}
	if seen != 8 {
		t.Errorf("%d figures a line, want 8", seen)
	}
}

func TestGobenchOmitsMissingValues(t *testing.T) {
	d := normal()
	d.Results[1].Trials[3].LatencyNs.P99 = nil // one trial of six
	text := written(t, "gobench", d, Options{})
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "Benchmark") {
			continue
		}
		if got, want := strings.Contains(line, " p99-ns"), !strings.Contains(line, "strategy=per-session"); got != want {
			t.Errorf("p99 %v, want %v: %s", got, want, line)
		}
	}
	text = written(t, "gobench", failedAudit(), Options{})
	if strings.Contains(text, "\nBenchmarkSession/scenario=chatbot/strategy=forgetful") {
		t.Error("a strategy whose audit failed has a line")
	}
	want := "\n--- FAIL: BenchmarkSession/scenario=chatbot/strategy=forgetful/users=100-2\n" +
		"    failed its audit (lost update, duplicate number)\n"
	if !strings.Contains(text, want) {
		t.Errorf("nothing says so: no %q in\n%s", want, text)
	}
}

// A label comes back from a benchmark's name as it went in, whatever is in it, and nothing else of the name changes.
func TestLabelsInBenchmarkNames(t *testing.T) {
	labels := []string{"sharded:shards=16,x=y", "a/b", "a b", "a%20b", "a\tb", "a\nBenchmarkX 1 1 ns/op", "", "wörter", "\xff",
		"x-8", "a=b/users=7", "a\u00a0b", "\u2028", "a*b|c\"d", "/strategy=z", "Ω-2", "%"}
	d := withoutBaseline()
	for _, label := range labels {
		r := build("x", 1000, 1)
		r.Strategy = label
		d.Results = append(d.Results, r)
	}
	results, _ := benchResults(t, written(t, "gobench", d, Options{}))
	if len(results) != len(labels) {
		t.Fatalf("%d lines, want %d", len(results), len(labels))
	}
	project := func(key string) func(*benchfmt.Result) string {
		var p benchproc.ProjectionParser
		projection, err := p.Parse(key, nil)
		if err != nil {
			t.Fatal(err)
		}
		return func(r *benchfmt.Result) string { return projection.Project(r).StringValues() }
	}
	strategy, scenario, users, procs := project("/strategy"), project("/scenario"), project("/users"), project("/gomaxprocs")
	for i, r := range results {
		if got, err := url.PathUnescape(strategy(r)); err != nil || got != labels[i] {
			t.Errorf("%q came back as %q (%v)", labels[i], got, err)
		}
		if rest := []string{scenario(r), users(r), procs(r)}; !slices.Equal(rest, []string{"chatbot", "100", "2"}) {
			t.Errorf("%q: the rest of the name is %q", labels[i], rest)
		}
	}
	if got := namePart("sharded:shards=16,x=y"); got != "sharded:shards=16,x=y" {
		t.Errorf("a plain label is written %q", got)
	}
}
