package judge

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestNewBaselinePath(t *testing.T) {
	for _, name := range []string{"main", "v1.2.3", "a", "2026-03-01_x", "main.", "json", "a.json.old"} {
		if _, err := NewBaselinePath(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"", ".", "..", ".main", "-main", "a/b", `a\b`, "a b", "main.json", ".json", "größe", "a\x00", "a:b", "a\n"} {
		_, err := NewBaselinePath(name)
		if err == nil || !strings.HasPrefix(err.Error(), "want a name of letters") {
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
		{"a name that is none", "a b", "", "want a name of letters"},
		{"nothing", "", "", "want a name of letters"},
		{"a name before any was kept", "main", "", "no baseline of that name: .sessbench has none: want a file, or run --save-baseline NAME first"},
	} {
		checkPath(t, tt.why, tt.text, tt.want, tt.err)
	}
	if err := os.MkdirAll(filepath.Join(BaselinesDir, "folder.json"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"main.json", "branch.json", "history.jsonl", ".hidden.json", "a b.json"} {
		if err := os.WriteFile(filepath.Join(BaselinesDir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := BaselineNames(), []string{"branch", "main"}; !slices.Equal(got, want) {
		t.Errorf("there are %v, want %v", got, want)
	}
	checkPath(t, "a name", "main", filepath.Join(".sessbench", "main.json"), "")
	checkPath(t, "an unknown name", "mian", "", "no baseline of that name: want one of branch, main, or a file")
}

func checkPath(t *testing.T, why, text, want, wantErr string) {
	t.Helper()
	got, err := BaselinePath(text)
	if got != want || (err == nil) != (wantErr == "") || err != nil && !strings.HasPrefix(err.Error(), wantErr) {
		t.Errorf("%s: %q gives %q, %v: want %q, %s", why, text, got, err, want, wantErr)
	}
}
