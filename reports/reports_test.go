package reports

import (
	"bytes"
	"encoding/csv"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/printable"
	"github.com/sessbench/sessbench/reports/result"
)

var update = flag.Bool("update", false, "rewrite the files in testdata")

var documents = map[string]func() *result.Document{
	"normal":              normal,
	"failed-audit":        failedAudit,
	"failed-baseline":     failedBaseline,
	"found-rates":         found,
	"sweep":               swept,
	"sweep-violated":      sweptViolated,
	"interrupted":         interrupted,
	"failed-run":          failedRun,
	"missing-percentiles": missingPercentiles,
	"few-trials":          fewTrials,
	"no-baseline":         noBaseline,
	"two-scenarios":       twoScenarios,
	"awkward-names":       awkwardNames,
	"recorded":            recorded,
	"beyond-this-process": beyondThisProcess,
	"time-series":         timeSeries,
	"empty":               empty,
}

func written(t *testing.T, format string, d *result.Document, o Options) string {
	t.Helper()
	f, ok := Lookup(format)
	if !ok {
		t.Fatalf("no format %s", format)
	}
	var b bytes.Buffer
	if err := f.Write(&b, d, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (- wanted, + written; -update rewrites it):\n%s", file, diff)
	}
}

// pinned are the documents whose golden files exist in a format. The table pins the words of all; the other formats are pinned
// where they differ from it.
var pinned = map[string][]string{
	"markdown":         {"normal", "sweep", "failed-audit", "awkward-names", "two-scenarios", "empty"},
	"csv":              {"normal", "failed-audit", "missing-percentiles", "beyond-this-process", "empty"},
	"gobench":          {"normal", "failed-audit", "missing-percentiles", "awkward-names", "empty"},
	"benchmark-action": {"normal", "failed-audit", "missing-percentiles", "awkward-names", "empty"},
	"series":           {"normal", "time-series"},
	"hgrm":             {"normal", "time-series"},
	"json":             {"normal"}, // the others are read back
}

func TestGolden(t *testing.T) {
	for name, build := range documents {
		for _, f := range All() {
			if f.Name != "table" && !slices.Contains(pinned[f.Name], name) {
				continue
			}
			t.Run(f.Name+"/"+name, func(t *testing.T) {
				out := written(t, f.Name, build(), Options{})
				if testing.Verbose() {
					t.Log("\n" + out)
				}
				golden(t, name+f.Extension, out)
			})
		}
	}
	t.Run("table/color", func(t *testing.T) { golden(t, "color.ansi", written(t, "table", failedAudit(), Options{Color: true})) })
	t.Run("table/narrow", func(t *testing.T) { golden(t, "narrow.txt", written(t, "table", failedAudit(), Options{Width: 80})) })
}

func TestJSONIsReadBack(t *testing.T) {
	for name, build := range documents {
		want := build()
		got, err := result.Read(strings.NewReader(written(t, "json", want, Options{})))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if name == "empty" {
			want.Results = nil
		}
		printable.Fields(want) // as reading does
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestVersion3 reads a document as it was written in schema version 3, and compares it with the same one of the present version.
func TestVersion3(t *testing.T) {
	f, err := os.Open("testdata/version3.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	old, err := result.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "normal.json", written(t, "json", old, Options{}))
	present := normal()
	present.ID = "6a1d0d8d-7d0e-4f35-9f0f-5f0c9a527a10"
	c, err := judge.Compare([]judge.Source{{File: "old", Document: old}, {File: "new", Document: present}})
	if err != nil {
		t.Fatal(err)
	}
	if c.Counts[judge.Better] > 0 || c.Counts[judge.Worse] > 0 || c.Counts[judge.Negligible]+c.Counts[judge.Noise] == 0 {
		t.Errorf("compared with the present version: %v", c.Counts)
	}
}

func TestCSVHasARowATrial(t *testing.T) {
	for name, build := range documents {
		d := build()
		rows, err := csv.NewReader(strings.NewReader(written(t, "csv", d, Options{}))).ReadAll()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := 1 // the header, always
		for _, r := range d.Results {
			want += len(r.Trials)
		}
		if len(rows) != want {
			t.Errorf("%s: %d rows, want %d", name, len(rows), want)
		}
	}
}

func TestCSVOfAFailedTrialHasNoSpeed(t *testing.T) {
	rows, err := csv.NewReader(strings.NewReader(written(t, "csv", failedAudit(), Options{}))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) int { return slices.Index(rows[0], name) }
	failed := 0
	for _, row := range rows[1:] {
		if row[at("audit")] != "failed" {
			continue
		}
		failed++
		if row[at("ops_per_sec")] != "" || row[at("latency_p50_ns")] != "" || row[at("violation")] == "" {
			t.Errorf("a failed trial's row: %q", row)
		}
	}
	if failed != 2 {
		t.Errorf("%d failed trials, want 2", failed)
	}
}

// The failed row must show no figure of its own anywhere in the formats for people.
func TestFailedRowShowsNoValues(t *testing.T) {
	for _, format := range []string{"table", "markdown"} {
		for line := range strings.Lines(written(t, format, failedAudit(), Options{})) {
			if !strings.Contains(line, "FAILED") {
				continue
			}
			if figures := strings.ContainsAny(line, "0123456789"); figures || !strings.Contains(line, struckSign) {
				t.Errorf("%s: %s", format, line)
			}
			if !strings.Contains(line, "lost update") {
				t.Errorf("%s does not name the violation: %s", format, line)
			}
		}
	}
}

// Every line of a table is as wide as its titles say, whatever the figures: columns line up although
// × ± – are several bytes each.
func TestColumnsLineUp(t *testing.T) {
	lines := strings.Split(written(t, "table", normal(), Options{}), "\n")
	at := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "strategy") })
	column := func(line, text string) int {
		i := strings.Index(line, text)
		if i < 0 {
			t.Fatalf("no %q in %q", text, line)
		}
		return utf8.RuneCountInString(line[:i])
	}
	audit := column(lines[at], "audit")
	for _, line := range lines[at+2 : at+5] {
		if got := column(line, " ok") + 1; got != audit {
			t.Errorf("the audit stands at %d, its title at %d:\n%s\n%s", got, audit, lines[at], line)
		}
	}
}

func TestTableFitsItsWidth(t *testing.T) {
	for name, build := range documents {
		for _, width := range []int{80, 100, 120} {
			for line := range strings.Lines(written(t, "table", build(), Options{Width: width})) {
				if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > width {
					t.Errorf("%s: %d characters in a terminal of %d: %s", name, n, width, line)
				}
			}
		}
	}
}

func TestNoEscapeSequencesWithoutColor(t *testing.T) {
	for name, build := range documents {
		for _, format := range []string{"table", "markdown"} {
			if strings.Contains(written(t, format, build(), Options{}), "\x1b") {
				t.Errorf("%s of %s holds an escape sequence", format, name)
			}
		}
	}
}

// A document read from a file may contradict itself. It is shown as well as it goes, without a panic.
func TestContradictoryDocuments(t *testing.T) {
	for name, spoil := range map[string]func(d *result.Document){
		"a ratio to no baseline":   func(d *result.Document) { d.Results[0].Baseline = false },
		"a summary without trials": func(d *result.Document) { d.Results[0].Trials, d.Results[1].Trials = nil, nil },
		"trials without a summary": func(d *result.Document) { d.Results[1].Summary = result.Summary{} },
		"two baselines":            func(d *result.Document) { d.Results[1].Baseline = true },
	} {
		d := normal()
		spoil(d)
		for _, f := range All() {
			if written(t, f.Name, d, Options{Color: true, Width: 40}) == "" {
				t.Errorf("%s: nothing in %s", name, f.Name)
			}
		}
	}
}

// full is a writer with room for n bytes.
type full struct{ n int }

var errFull = errors.New("no space left")

func (w *full) Write(p []byte) (int, error) {
	if len(p) > w.n {
		return w.n, errFull
	}
	w.n -= len(p)
	return len(p), nil
}

func TestFormatsReturnWriteError(t *testing.T) {
	for _, f := range All() {
		size := len(written(t, f.Name, normal(), Options{}))
		for _, room := range []int{0, min(100, size/2), size - 1} {
			if err := f.Write(&full{room}, normal(), Options{}); !errors.Is(err, errFull) {
				t.Errorf("%s into %d bytes: got %v, want the writer's error", f.Name, room, err)
			}
		}
		if err := f.Write(&full{size}, normal(), Options{}); err != nil {
			t.Errorf("%s into as many bytes as it takes: %v", f.Name, err)
		}
	}
}

func TestFormatsDoNotChangeTheDocument(t *testing.T) {
	for name, build := range documents {
		d := build()
		for _, f := range All() {
			written(t, f.Name, d, Options{Color: true, Width: 60})
		}
		if diff := cmp.Diff(build(), d); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestRegistry(t *testing.T) {
	if _, ok := Lookup("gif"); ok {
		t.Error("there is a format gif")
	}
	for _, f := range All() {
		if got, ok := Lookup(f.Name); !ok || got.Extension != f.Extension || f.Doc == "" || !strings.HasPrefix(f.Extension, ".") {
			t.Errorf("%+v", f)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("two formats of one name")
		}
	}()
	register(Format{Name: "table"})
}

func TestMissesAreReportedIfTheyDiffer(t *testing.T) {
	for missed, said := range map[int64]bool{0: false, 300: true} {
		d := normal()
		for j := range d.Results[1].Trials {
			trial := &d.Results[1].Trials[j]
			trial.Errors = map[string]int64{"not_found": missed}
			trial.LatencyNs.Count = 1000
		}
		text := written(t, "table", d, Options{})
		if got := strings.Contains(text, "global 0%, "+d.Results[1].Strategy+" 30%"); got != said {
			t.Errorf("%d of 1000 missed: said %v, want %v:\n%s", missed, got, said, text)
		}
	}
}

func TestShortTrialsAreReported(t *testing.T) {
	for took, said := range map[time.Duration]bool{time.Millisecond: true, 400 * time.Millisecond: false} {
		d := normal()
		for i := range d.Results {
			for j := range d.Results[i].Trials {
				d.Results[i].Trials[j].ElapsedNs = int64(took)
			}
		}
		text := written(t, "table", d, Options{})
		if got := strings.Contains(text, "No trial took longer than 1"); got != said {
			t.Errorf("trials of %v: said %v, want %v:\n%s", took, got, said, text)
		}
	}
}
