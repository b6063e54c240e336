package main_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

const module = "github.com/sessbench/sessbench"

var (
	floorRow    = regexp.MustCompile(`(?m)^\| (\d+) \| (.*) \|$`)
	packageName = regexp.MustCompile("`([^`]+)`")
)

// layout returns the floor of each package, by its directory, from the table of CONTRIBUTING.md. Floor 1 is the top.
func layout(t *testing.T) map[string]int {
	t.Helper()
	text, err := os.ReadFile("CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	floors := map[string]int{}
	for _, row := range floorRow.FindAllStringSubmatch(string(text), -1) {
		floor, _ := strconv.Atoi(row[1]) // digits
		for _, name := range packageName.FindAllStringSubmatch(row[2], -1) {
			dir := name[1]
			if dir == "main" {
				dir = "."
			}
			if floors[dir] != 0 {
				t.Errorf("CONTRIBUTING.md: %s is on two floors", dir)
			}
			floors[dir] = floor
		}
	}
	return floors
}

// topLevel is what the module's directory may hold besides Go's test files.
var topLevel = []string{
	"main.go", "go.mod", "go.sum", "cmd", "manager", "strategies", "scenarios", "reports", "internal", "Makefile", "README.md",
	"LICENSE", "CONTRIBUTING.md", "CHANGELOG.md", "docs", "examples", ".ci", ".github", ".gitignore", ".git", ".goreleaser.yaml", "action.yml", "SECURITY.md", "README.ko.md",
}

// source is a file of non-test code.
type source struct {
	name string // its path below the module's directory
	file *ast.File
}

// sources parses the non-test code of the module, for all systems. Nested modules are not part of it.
func sources(t *testing.T, module fs.FS) (found []source) {
	t.Helper()
	err := fs.WalkDir(module, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return enters(module, name, entry)
		}
		if path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		text, err := fs.ReadFile(module, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution|parser.ParseComments)
		found = append(found, source{name, file})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// enters returns fs.SkipDir for directories in which the go command does not look for packages of this module.
func enters(module fs.FS, name string, entry fs.DirEntry) error {
	if name == "." {
		return nil
	}
	if base := entry.Name(); base == "testdata" || base[0] == '.' || base[0] == '_' {
		return fs.SkipDir
	}
	if _, err := fs.Stat(module, path.Join(name, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}

// edge is an import between two packages of the module.
type edge struct {
	file     string
	from, to string // directories
}

func edges(files []source) (all []edge) {
	for _, s := range files {
		for _, spec := range s.file.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value) // the parser accepted it
			if imported == module {
				all = append(all, edge{s.name, path.Dir(s.name), "."})
			} else if to, found := strings.CutPrefix(imported, module+"/"); found {
				all = append(all, edge{s.name, path.Dir(s.name), to})
			}
		}
	}
	return all
}

// forbidden returns a sentence for every import that does not point to a lower floor.
func forbidden(floors map[string]int, all []edge) (wrong []string) {
	for _, e := range all {
		switch from, to := floors[e.from], floors[e.to]; {
		case from == 0:
			wrong = append(wrong, fmt.Sprintf("%s: package %s is not in the layout", e.file, e.from))
		case to == 0:
			wrong = append(wrong, fmt.Sprintf("%s: %s imports %s, which is not in the layout", e.file, e.from, e.to))
		case from >= to:
			wrong = append(wrong, fmt.Sprintf("%s: %s must not import %s", e.file, e.from, e.to))
		}
	}
	return wrong
}

func TestImportsPointDown(t *testing.T) {
	files, floors := sources(t, os.DirFS(".")), layout(t)
	for _, wrong := range forbidden(floors, edges(files)) {
		t.Error(wrong)
	}
	seen := map[string]bool{}
	for _, s := range files {
		if dir := path.Dir(s.name); !seen[dir] {
			seen[dir] = true
			if floors[dir] == 0 {
				t.Errorf("package %s is not in the layout", dir)
			}
		}
	}
	for dir := range floors {
		if !seen[dir] {
			t.Errorf("CONTRIBUTING.md: package %s does not exist", dir)
		}
	}
	for _, dir := range []string{".", "cmd", "manager", "strategies", "scenarios", "reports"} {
		if !seen[dir] {
			t.Errorf("no package was found in %s", dir)
		}
	}
}

func TestForbiddenImports(t *testing.T) {
	floors := map[string]int{".": 1, "cmd": 2, "internal/runner": 3, "internal/duet": 3, "manager": 4}
	for _, test := range []struct {
		why      string
		from, to string
		ok       bool
	}{
		{"to the next floor", ".", "cmd", true},
		{"over several floors", ".", "manager", true},
		{"upward", "internal/runner", "cmd", false},
		{"to the same floor", "internal/runner", "internal/duet", false},
		{"to an unknown package", "cmd", "cmd/util", false},
		{"from an unknown package", "util", "manager", false},
	} {
		wrong := forbidden(floors, []edge{{"some/file.go", test.from, test.to}})
		if ok := len(wrong) == 0; ok != test.ok {
			t.Errorf("%s: %s → %s allowed %v, want %v", test.why, test.from, test.to, ok, test.ok)
		}
		if len(wrong) > 0 && !strings.HasPrefix(wrong[0], "some/file.go: ") {
			t.Errorf("%s: %q does not name the file", test.why, wrong[0])
		}
	}
}

// TestForbiddenImportIsFound adds one forbidden import to the module: exactly that one is reported.
func TestForbiddenImportIsFound(t *testing.T) {
	for _, test := range []struct{ file, imports, want string }{
		{"strategies/sharded.go", "scenarios", "strategies/sharded.go: strategies must not import scenarios"},
		{"manager/session.go", "strategies", "manager/session.go: manager must not import strategies"},
		{"internal/stats/sign.go", "reports/result", "internal/stats/sign.go: internal/stats must not import reports/result"},
		{"strategies/util/util.go", "manager", "strategies/util/util.go: package strategies/util is not in the layout"},
	} {
		changed := fstest.MapFS{test.file: {Data: []byte("package util\n")}}
		for _, s := range sources(t, os.DirFS(".")) {
			text, err := os.ReadFile(s.name)
			if err != nil {
				t.Fatal(err)
			}
			changed[s.name] = &fstest.MapFile{Data: text}
		}
		addImport(t, changed, test.file, module+"/"+test.imports)
		if diff := cmp.Diff([]string{test.want}, forbidden(layout(t), edges(sources(t, changed)))); diff != "" {
			t.Errorf("%s importing %s (-want +got):\n%s", test.file, test.imports, diff)
		}
	}
}

// addImport inserts an import after the package clause of a file.
func addImport(t *testing.T, tree fstest.MapFS, name, imported string) {
	t.Helper()
	text := tree[name].Data
	file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.PackageClauseOnly)
	if err != nil {
		t.Fatal(err)
	}
	at := int(file.Name.End() - file.FileStart)
	tree[name] = &fstest.MapFile{Data: fmt.Appendf(nil, "%s\nimport extra %q\n%s", text[:at], imported, text[at:])}
}

// hidden returns a sentence for each init function, blank import and end of the process.
func hidden(s source) (wrong []string) {
	for _, spec := range s.file.Imports {
		if spec.Name != nil && spec.Name.Name == "_" {
			wrong = append(wrong, fmt.Sprintf("%s: blank import of %s", s.name, spec.Path.Value))
		}
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv == nil && n.Name.Name == "init" {
				wrong = append(wrong, s.name+": func init")
			}
		case *ast.SelectorExpr:
			if of, ok := n.X.(*ast.Ident); ok && !mayExit[s.name] && exits(of.Name, n.Sel.Name) {
				wrong = append(wrong, fmt.Sprintf("%s: %s.%s", s.name, of.Name, n.Sel.Name))
			}
		}
		return true
	})
	return wrong
}

// mayExit names the files that may end the process: those of main, and that of cmd.Main, which in a child process must not
// return to a program that would continue.
var mayExit = map[string]bool{"main.go": true, "cmd/main.go": true, "internal/release/main.go": true}

func exits(pkg, name string) bool {
	return pkg == "os" && name == "Exit" || pkg == "log" && strings.HasPrefix(name, "Fatal")
}

func TestNoHiddenEffects(t *testing.T) {
	for _, s := range sources(t, os.DirFS(".")) {
		for _, wrong := range hidden(s) {
			t.Error(wrong)
		}
	}
}

func TestHidden(t *testing.T) {
	for _, test := range []struct {
		why, name, text string
		want            []string
	}{
		{"no hidden effect", "cmd/a.go", "package cmd\nimport \"os\"\nvar out = os.Stdout", nil},
		{"an init function", "cmd/a.go", "package cmd\nfunc init() {}", []string{"cmd/a.go: func init"}},
		{"a method named init", "cmd/a.go", "package cmd\ntype a int\nfunc (a) init() {}", nil},
		{"an exit", "cmd/a.go", "package cmd\nimport \"os\"\nfunc f() { os.Exit(1) }", []string{"cmd/a.go: os.Exit"}},
		{"an exit as a value", "cmd/a.go", "package cmd\nimport \"os\"\nvar exit = os.Exit", []string{"cmd/a.go: os.Exit"}},
		{"an exit by log.Fatalf", "cmd/a.go", "package cmd\nimport \"log\"\nfunc f() { log.Fatalf(\"\") }",
			[]string{"cmd/a.go: log.Fatalf"}},
		{"main exits", "main.go", "package main\nimport \"os\"\nfunc main() { os.Exit(1) }", nil},
		{"a blank import", "main.go", "package main\nimport _ \"a/b\"", []string{`main.go: blank import of "a/b"`}},
	} {
		files := sources(t, fstest.MapFS{test.name: &fstest.MapFile{Data: []byte(test.text)}})
		if diff := cmp.Diff(test.want, hidden(files[0])); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.why, diff)
		}
	}
}

func TestSourcesSkips(t *testing.T) {
	file := &fstest.MapFile{Data: []byte("package p\n")}
	var got []string
	for _, s := range sources(t, fstest.MapFS{
		"go.mod": {}, "main.go": file, "a/a.go": file, "a/a_windows.go": file,
		"a/a_test.go": file, "a/testdata/x.go": file, "_a/x.go": file, ".a/x.go": file, "a/README.md": file,
		"examples/b/go.mod": {}, "examples/b/b.go": file, "examples/c/c.go": file,
	}) {
		got = append(got, s.name)
	}
	if diff := cmp.Diff([]string{"a/a.go", "a/a_windows.go", "examples/c/c.go", "main.go"}, got); diff != "" {
		t.Errorf("files of the module (-want +got):\n%s", diff)
	}
}

func TestTopLevel(t *testing.T) {
	ignored, err := os.ReadFile(".gitignore")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !belongs(entry.Name(), strings.Fields(string(ignored))) {
			t.Errorf("%s does not belong on the top level: want only %s", entry.Name(), strings.Join(topLevel, ", "))
		}
	}
}

// belongs reports whether the name may be on the top level. Files that git ignores may.
func belongs(name string, ignored []string) bool {
	return slices.Contains(topLevel, name) || strings.HasSuffix(name, "_test.go") ||
		slices.ContainsFunc(ignored, func(pattern string) bool {
			match, err := path.Match(strings.Trim(pattern, "/"), name)
			return err == nil && match
		})
}

func TestBelongs(t *testing.T) {
	for name, want := range map[string]bool{
		"main.go": true, "layout_test.go": true, "sessbench": true, "cpu.prof": true, "bin": true, "docs": true,
		"util.go": false, "internal": true, "pkg": false, "go.work": false, "result.json": false,
	} {
		if got := belongs(name, []string{"/sessbench", "*.prof", "/bin/"}); got != want {
			t.Errorf("%s belongs on the top level: %v, want %v", name, got, want)
		}
	}
}
