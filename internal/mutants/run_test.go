package mutants

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/sessbench/sessbench/internal/verify"
)

// usedBy are the strategies that verify a file's mutants: those in which its code is used most directly.
var usedBy = map[string][]string{
	"actor.go":       {"actor:per=session", "actor"},
	"cancellable.go": {"cancellable"},
	"clht.go":        {"clht"},
	"clht_table.go":  {"clht"},
	"closing.go":     {"per-session", "clht"},
	"cow.go":         {"cow"},
	"entry.go":       {"per-session", "cancellable"},
	"gate.go":        {"cow", "actor"},
	"global.go":      {"global", "sharded:shards=1"},
	"global_rw.go":   {"global-rw"},
	"index.go":       {"per-session"},
	"per_session.go": {"per-session"},
	"recycle.go":     {"cow"},
	"reentrant.go":   {"reentrant"},
	"registry.go":    {"sharded:shards=1"},
	"sharded.go":     {"sharded", "sharded:shards=1"},
	"sync_map.go":    {"sync-map"},
	"table.go":       {"global", "global-rw"},
	"xsync.go":       {"xsync", "cow"},
}

// stage is an effort. Later ones are for mutants that the earlier ones have not convicted.
type stage struct {
	name   string
	config verify.Config
}

var stages = []stage{
	{"fast", verify.Config{Seed: 1, Rounds: 25, Budget: 5 * time.Second, Patience: time.Second, First: true}},
	{"default", verify.Config{Seed: 1, Rounds: verify.DefaultRounds, Budget: verify.DefaultBudget, Patience: time.Second, First: true}},
	{"repeated", verify.Config{Seed: 1, Rounds: verify.DefaultRounds, Budget: 30 * time.Second, Patience: time.Second, Until: verify.Any}},
}

// mutantLimit is how long one mutant may take in all. verify ends each of its processes much earlier.
const mutantLimit = 10 * time.Minute

// fate is what became of a mutant.
type fate int

const (
	notCompiling fate = iota
	convicted
	undecided // verify says inconclusive, because nothing was completed
	survived
)

// outcome is the fate of a mutant and how it came about.
type outcome struct {
	fate
	detail string // the violation and the stage, or why nothing is known
	took   time.Duration
}

// TestMutants builds and verifies the mutants of the strategies: `make mutants`, SESSBENCH_MUTANTS=REGEXP of their keys.
func TestMutants(t *testing.T) {
	chosen := os.Getenv("SESSBENCH_MUTANTS")
	if chosen == "" {
		t.Skip("takes an hour: make mutants")
	}
	which, err := regexp.Compile(chosen)
	if err != nil {
		t.Fatal(err)
	}
	why, counts := explained(t), map[string]*[survived + 1]int{}
	sources := strategySources(t)
	for _, file := range slices.Sorted(maps.Keys(sources)) {
		list, err := Of(file, sources[file])
		if err != nil {
			t.Fatal(err)
		}
		b := bench{t.TempDir(), file, sources[file]}
		for _, m := range list {
			if !which.MatchString(m.Key()) {
				continue
			}
			o := b.judge(t, m)
			if counts[file] == nil {
				counts[file] = new([survived + 1]int)
			}
			counts[file][o.fate]++
			e, known := why[m.Key()]
			fmt.Printf("%-9s %6.1fs %s:%d %s: %s\n", [...]string{"no build", "convicted", "undecided", "SURVIVED"}[o.fate], o.took.Seconds(), file, m.Line, m.Key(), o.detail)
			switch {
			case o.fate == survived && !known:
				t.Errorf("%s:%d: %s: verify does not convict it (%s)\n%s", file, m.Line, m.Key(), o.detail, m.Diff(sources[file]))
			case o.fate == survived:
				fmt.Printf("  explained: %s\n", e.Why)
			case known && (e.Equivalent || o.fate == notCompiling):
				t.Errorf("%s: explained as a mutant that verify cannot convict, but %s", m.Key(), o.detail)
			}
		}
	}
	table(os.Stdout, counts)
}

func table(to io.Writer, counts map[string]*[survived + 1]int) {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	defer w.Flush()
	fmt.Fprintln(w, "file\tgenerated\tnot compiling\tconvicted\tundecided\tsurvived\t")
	var all [survived + 1]int
	row := func(name string, n *[survived + 1]int) {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t\n", name, n[0]+n[1]+n[2]+n[3], n[notCompiling], n[convicted], n[undecided], n[survived])
	}
	for _, file := range slices.Sorted(maps.Keys(counts)) {
		for i, n := range counts[file] {
			all[i] += n
		}
		row(file, counts[file])
	}
	row("all", &all)
}

// bench builds and verifies the mutants of a file.
type bench struct {
	dir, file string
	source    []byte
}

func (b bench) judge(t *testing.T, m *Mutant) (o outcome) {
	start := time.Now()
	defer func() { o.took = time.Since(start) }()
	ctx, cancel := context.WithTimeout(t.Context(), mutantLimit)
	defer cancel()
	overlay := b.overlay(t, m)
	probe := filepath.Join(b.dir, "probe")
	if out, err := exec.CommandContext(ctx, "go", "build", "-ldflags=-s -w", "-overlay", overlay, "-o", probe, "./probe").CombinedOutput(); err != nil {
		if !strings.Contains(string(out), b.file) && !strings.Contains(string(out), "changed") {
			t.Fatalf("%s: %v\n%s", m.Key(), err, out)
		}
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return outcome{fate: notCompiling, detail: lines[len(lines)-1]}
	}
	for _, s := range stages {
		if o = b.verify(ctx, probe, s); o.fate != survived {
			return o
		}
	}
	o.detail += "; storetest: " + b.storetest(ctx, overlay)
	return o
}

// overlay writes the mutant and returns the file that makes `go build` use it.
func (b bench) overlay(t *testing.T, m *Mutant) string {
	original, err := filepath.Abs("../../strategies/" + b.file)
	if err != nil {
		t.Fatal(err)
	}
	changed, overlay := filepath.Join(b.dir, "changed.go"), filepath.Join(b.dir, "overlay.json")
	text, err := json.Marshal(map[string]any{"Replace": map[string]string{original: changed}})
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string][]byte{changed: m.Apply(b.source), overlay: text} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return overlay
}

// verify verifies the strategies that use the file.
func (b bench) verify(ctx context.Context, probe string, s stage) outcome {
	order, _ := json.Marshal(map[string]any{"Strategies": usedBy[b.file], "Config": s.config})
	cmd := exec.CommandContext(ctx, probe, string(order))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	o := outcome{fate: survived, detail: "silent"}
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var r verify.Report
		if err := d.Decode(&r); err != nil {
			return outcome{fate: undecided, detail: err.Error()}
		}
		switch {
		case r.Violation != nil:
			return outcome{fate: convicted, detail: fmt.Sprintf("%s: %s (%s, %.1f s)", r.Subject, r.Violation.Anomaly, s.name, float64(r.ElapsedNs)/1e9)}
		case r.Reason == verify.NoProgress: // of an endless loop
			return outcome{fate: undecided, detail: r.Subject + ": " + r.Why}
		}
	}
	if err != nil { // the probe itself failed: a mutant that destroys its process is convicted of a crash
		return outcome{fate: undecided, detail: fmt.Sprintf("%v: %s", err, bytes.TrimSpace(stderr.Bytes()))}
	}
	return o
}

// storetest returns the cases of storetest that the strategies of the file fail.
func (b bench) storetest(ctx context.Context, overlay string) string {
	var names []string
	for _, s := range usedBy[b.file] {
		name, _, _ := strings.Cut(s, ":")
		names = append(names, name)
	}
	cmd := exec.CommandContext(ctx, "go", "test", "-short", "-count=1", "-timeout=3m", "-overlay", overlay, "../../strategies",
		"-run", "TestEveryStrategy/^("+strings.Join(names, "|")+")")
	out, err := cmd.CombinedOutput()
	if err == nil {
		return "passes"
	}
	var failed []string
	for _, f := range regexp.MustCompile(`--- FAIL: TestEveryStrategy/\S*/(\S+)`).FindAllStringSubmatch(string(out), -1) {
		if !slices.Contains(failed, f[1]) {
			failed = append(failed, f[1])
		}
	}
	return "fails " + strings.Join(failed, ", ")
}
