package cmd

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sessbench/sessbench/reports/result"
)

func TestCheckBaselineName(t *testing.T) {
	for _, name := range []string{"main", "v1.2.3", "a", "2026-03-01_x", "main.", "json", "a.json.old"} {
		if err := checkBaselineName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"", ".", "..", ".main", "-main", "a/b", `a\b`, "a b", "main.json", ".json", "größe", "a\x00", "a:b", "a\n"} {
		err := checkBaselineName(name)
		if err == nil || !strings.HasPrefix(err.Error(), quoted(name)+": want a name of letters") {
			t.Errorf("%q gives %v", name, err)
		}
	}
}

func TestBaselinePath(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, tt := range []struct{ why, text, want, err string }{
		{"a file by its extension, there or not", "old.json", "old.json", ""},
		{"a file by its folder", "results/old", "results/old", ""},
		{"here, too", "./old", "./old", ""},
		{"a name that is none", "a b", "", "'a b': want a name of letters"},
		{"nothing", "", "", "'': want a name of letters"},
		{"a name before any was kept", "main", "", "main: no baseline of that name: .sessbench has none: want a file, or run --save-baseline NAME first"},
	} {
		checkPath(t, tt.why, tt.text, tt.want, tt.err)
	}
	if err := os.MkdirAll(filepath.Join(baselinesDir, "folder.json"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"main.json", "branch.json", "history.jsonl", ".hidden.json", "a b.json"} {
		if err := os.WriteFile(filepath.Join(baselinesDir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := baselineNames(), []string{"branch", "main"}; !slices.Equal(got, want) {
		t.Errorf("there are %v, want %v", got, want)
	}
	checkPath(t, "a name", "main", filepath.Join(".sessbench", "main.json"), "")
	checkPath(t, "an unknown name", "mian", "", "mian: no baseline of that name: want one of branch, main, or a file")
}

func checkPath(t *testing.T, why, text, want, wantErr string) {
	t.Helper()
	got, err := baselinePath(text)
	if got != want || (err == nil) != (wantErr == "") || err != nil && !strings.HasPrefix(err.Error(), wantErr) {
		t.Errorf("%s: %q gives %q, %v: want %q, %s", why, text, got, err, want, wantErr)
	}
}

func TestSaveBaseline(t *testing.T) {
	t.Chdir(t.TempDir())
	o := newRunOptions(nil)
	o.SaveBaseline = "main"
	o.sources = sources{"save-baseline": {rankFlag, "--save-baseline"}}
	if err := o.checkSaveBaseline(); err != nil {
		t.Fatal(err)
	}
	document := func(a result.Audit) *result.Document {
		return &result.Document{SchemaVersion: 1, Results: []result.Result{{Strategy: "cow", Trials: []result.Trial{{Audit: a}}}}}
	}
	interrupted := document(result.Audit{OK: true})
	interrupted.Interrupted = true
	failed := document(result.Audit{OK: true})
	failed.Interrupted, failed.Failure = true, "broken pipe"
	for _, tt := range []struct {
		why, want string
		d         *result.Document
	}{
		{"interrupted", "not saved as baseline main: the run was interrupted", interrupted},
		{"failed", "not saved as baseline main: the run failed", failed},
		{"violated", "not saved as baseline main: an audit failed", document(result.Audit{})},
	} {
		if err := o.saveBaseline(tt.d); err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v, want %s", tt.why, err, tt.want)
		}
		if names := baselineNames(); names != nil {
			t.Errorf("%s: kept as %v", tt.why, names)
		}
	}
	if err := o.saveBaseline(document(result.Audit{OK: true})); err != nil {
		t.Fatal(err)
	}
	path, err := baselinePath("main")
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if d, err := result.Read(f); err != nil || d.Results[0].Strategy != "cow" {
		t.Errorf("%+v, %v", d, err)
	}
}
