package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/format"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// recipe matches a recipe of CONTRIBUTING.md: a path, and the Go block below it.
var recipe = regexp.MustCompile("(?m)^`((?:strategies|scenarios|reports|internal/flawed)/[a-z_]+\\.go)`:\n\n<!-- code: run -->\n```go\n((?s:.*?))^```$")

// change matches a change to a file in a recipe of CONTRIBUTING.md: its path, and the lines below it.
var change = regexp.MustCompile("(?m)^`([a-z_/]+\\.go)`.*:\n\n<!-- code: run -->\n```diff\n((?s:.*?))^```$")

// changes returns the text of each file that the recipes change, by its path.
func changes(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile("CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, found := range change.FindAllStringSubmatch(string(page), -1) {
		text, err := os.ReadFile(found[1])
		if err != nil {
			t.Fatal(err)
		}
		files[found[1]] = apply(t, string(text), found[2])
	}
	if blocks := bytes.Count(page, []byte("```diff\n")); len(files) != 4 || blocks != 4 {
		t.Fatalf("changes to %d files in %d blocks: want four, of an operation", len(files), blocks)
	}
	return files
}

// apply changes text by the lines of a diff, whose parts are separated by @@ and occur once in text.
func apply(t *testing.T, text, diff string) string {
	t.Helper()
	for part := range strings.SplitSeq(diff, "@@\n") {
		var old, changed strings.Builder
		for line := range strings.Lines(part) {
			if line[0] != '+' {
				old.WriteString(line[1:])
			}
			if line[0] != '-' {
				changed.WriteString(line[1:])
			}
		}
		if n := strings.Count(text, old.String()); n != 1 {
			t.Fatalf("%d places for this change, want one:\n%s", n, part)
		}
		text = strings.Replace(text, old.String(), changed.String(), 1)
	}
	return text
}

// recipes returns the text of each recipe by its path.
func recipes(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile("CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, found := range recipe.FindAllStringSubmatch(string(page), -1) {
		files[found[1]] = found[2]
	}
	if blocks := bytes.Count(page, []byte("```go\n")); len(files) != 4 || blocks != 4 {
		t.Fatalf("%d files in %d Go blocks: want four, a strategy, a scenario, a report and a flawed store", len(files), blocks)
	}
	return files
}

// overlay writes the recipes to a temporary directory and returns an overlay file for the go command that adds them to this module.
func overlay(t *testing.T) string {
	t.Helper()
	files := recipes(t)
	for path := range files {
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("%s exists: the recipe needs another name (%v)", path, err)
		}
	}
	maps.Copy(files, changes(t))
	return overlayOf(t, files)
}

// overlayOf writes files to a temporary directory and returns an overlay file with them.
func overlayOf(t *testing.T, files map[string]string) string {
	t.Helper()
	dir, replace := t.TempDir(), map[string]string{}
	for path, text := range files {
		target, err := filepath.Abs(path)
		if err != nil {
			t.Fatal(err)
		}
		replace[target] = filepath.Join(dir, strings.ReplaceAll(path, "/", "_"))
		if err := os.WriteFile(replace[target], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(name, list, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// output runs a program in the directory of the module and returns its stdout.
func output(t *testing.T, program string, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	c := exec.CommandContext(t.Context(), program, args...)
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", filepath.Base(program), strings.Join(args, " "), err, &out, &errs)
	}
	return out.String()
}

func TestRecipesAreFormatted(t *testing.T) {
	for path, text := range recipes(t) {
		formatted, err := format.Source([]byte(text))
		if err != nil || string(formatted) != text {
			t.Errorf("%s is not formatted (%v): gofmt has\n%s", path, err, formatted)
		}
		if n := strings.Count(text, "var _ = register("); n != 1 {
			t.Errorf("%s has %d calls of register, want one", path, n)
		}
	}
	for path, text := range changes(t) {
		if formatted, err := format.Source([]byte(text)); err != nil || string(formatted) != text {
			t.Errorf("%s is not formatted after its change (%v)", path, err)
		}
	}
}

// TestRecipes builds sessbench with the files of the recipes, and nothing else added: the new strategy, scenario, report,
// operation and flawed store work and are tested.
func TestRecipes(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs")
	}
	with := "-overlay=" + overlay(t)
	program := filepath.Join(t.TempDir(), "sessbench")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	output(t, "go", "build", with, "-ldflags=-s -w", "-o", program, ".") // without symbols, a link takes half the time

	t.Run("vet", func(t *testing.T) { output(t, "go", "vet", with, "./strategies", "./scenarios/...", "./reports") })
	t.Run("list", func(t *testing.T) { listsRecipes(t, program) })
	t.Run("run", func(t *testing.T) { runsRecipes(t, program) })
	t.Run("operation", func(t *testing.T) { runsOperation(t, program) })
	t.Run("row without cases", rowWithoutCases)
	t.Run("verify", func(t *testing.T) {
		if out := output(t, program, "verify", "-S", "spin", "--rounds=40"); !strings.Contains(out, "linearizable") {
			t.Errorf("the strategy was not reported as linearizable:\n%s", out)
		}
	})
	t.Run("tests", func(t *testing.T) {
		out := output(t, "go", "test", with, "-count=1", "-v", "-run", strings.Join([]string{
			"^Test(EveryOperation.*|DriversSupportTheirScenarios)$",
			"^(TestEveryStrategy|TestCatalogueIsComplete)$/^spin$",
			"^Test(Catalogue|Draw|Start|Tape)/^autosave$",
			"^Test(Scheduled|Random)Kills/^deleted-twice$",
			"^(TestRegistry|TestFormatsReturnWriteError|TestFormatsDoNotChangeTheDocument)",
		}, "|"), "./strategies", "./scenarios", "./internal/flawed", "./reports",
			"./internal/history", "./internal/driver", "./internal/adapter")
		for _, name := range []string{
			"TestEveryStrategy/spin", "TestCatalogueIsComplete/spin", "Test[A-Za-z]+/autosave", "TestScheduledKills/deleted-twice",
			"TestRandomKills/deleted-twice", "TestRegistry", "TestFormatsReturnWriteError", "TestFormatsDoNotChangeTheDocument",
			"TestEveryOperationHasAKind", "TestEveryOperationHasADriver", "TestEveryOperationIsInTheProtocol", "TestDriversSupportTheirScenarios",
		} {
			if !regexp.MustCompile("(?m)^ *--- PASS: " + name).MatchString(out) {
				t.Errorf("%s did not pass:\n%s", name, out)
			}
		}
	})
}

func listsRecipes(t *testing.T, program string) {
	type named struct{ Name string }
	var listed struct{ Strategies, Scenarios, Formats []named }
	if err := json.Unmarshal([]byte(output(t, program, "list", "-f", "json")), &listed); err != nil {
		t.Fatal(err)
	}
	table := output(t, program, "list")
	for _, test := range []struct {
		name string
		in   []named
	}{{"spin", listed.Strategies}, {"autosave", listed.Scenarios}, {"jsonl", listed.Formats}} {
		if !slices.Contains(test.in, named{test.name}) || !strings.Contains(table, test.name) {
			t.Errorf("sessbench list does not show %s:\n%s", test.name, table)
		}
	}
}

// runsRecipes runs the new scenario on the new strategy and writes the new report.
func runsRecipes(t *testing.T, program string) {
	out := output(t, program, "run", "-S", "spin", "-s", "autosave", "-f", "jsonl",
		"--users=8", "--runs=1", "--iterations=20", "--hold=0s", "--quiet")
	type line struct {
		Scenario, Strategy string
		AuditOK            bool `json:"audit_ok"`
	}
	var spin line
	for text := range strings.Lines(out) {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if l.Strategy == "spin" {
			spin = l
		}
	}
	if want := (line{"autosave", "spin", true}); spin != want {
		t.Errorf("the report has %+v, want %+v\n%s", spin, want, out)
	}
}

// runsOperation runs the new operation in this process and on a target that speaks the adapter protocol.
func runsOperation(t *testing.T, program string) {
	out := output(t, program, "run", "-s", "planner", "--mix", "update=1,peek=9", "-S", "global", "-o", "json=-",
		"--users=8", "--runs=1", "--iterations=20", "--hold=0s", "--quiet")
	var d struct {
		Results []struct {
			Trials []struct {
				Operations map[string]struct{ Count int }
				Audit      struct{ OK bool }
			}
		}
	}
	if err := json.Unmarshal([]byte(out), &d); err != nil {
		t.Fatal(err)
	}
	if tr := d.Results[0].Trials[0]; tr.Operations["peek"].Count < 100 || tr.Operations["read"].Count != 0 || !tr.Audit.OK {
		t.Errorf("%+v: want most of 160 operations to be a peek, and a passed audit", tr)
	}
}

// rowWithoutCases: tests fail for an operation that no driver, no request and no kind of a history has.
func rowWithoutCases(t *testing.T) {
	const path = "scenarios/op.go"
	with := "-overlay=" + overlayOf(t, map[string]string{path: strings.Replace(changes(t)[path], `{"peek", ReadsFields}`, `{"peek", 0}`, 1)})
	c := exec.CommandContext(t.Context(), "go", "test", with, "-run", "^TestEveryOperation", "./internal/history", "./internal/driver", "./internal/adapter")
	out, err := c.CombinedOutput()
	for _, want := range []string{
		"peek has the properties of no kind", "peek has a row in package scenarios, and no driver has a case",
		"peek has a row in package scenarios, and none in the table of the protocol",
	} {
		if err == nil || !strings.Contains(string(out), want) {
			t.Errorf("error %v: want %q in\n%s", err, want, out)
		}
	}
}
