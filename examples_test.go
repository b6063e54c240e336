package main_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// withoutExample returns the constructors (functions named New, or New and more, that return a type of the package) of the package in dir
// for which its page shows no example that runs: neither of the function nor of the type.
func withoutExample(t *testing.T, module fs.FS, dir string) (missing []string) {
	t.Helper()
	names, err := fs.Glob(module, dir+"/*.go")
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range names {
		text, err := fs.ReadFile(module, name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(fset, name, text, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	p, err := doc.NewFromFiles(fset, files, path.Base(dir))
	if err != nil {
		t.Fatal(err)
	}
	runs := func(e *doc.Example) bool { return e.Output != "" || e.EmptyOutput }
	for _, typ := range p.Types {
		for _, f := range typ.Funcs {
			if strings.HasPrefix(f.Name, "New") && !slices.ContainsFunc(slices.Concat(typ.Examples, f.Examples), runs) {
				missing = append(missing, f.Name)
			}
		}
	}
	return missing
}

func TestConstructorsHaveExamples(t *testing.T) {
	for _, dir := range []string{"manager", "strategies", "strategies/redis"} {
		if missing := withoutExample(t, os.DirFS("."), dir); len(missing) > 0 {
			t.Errorf("%s: no example with output for %v", dir, missing)
		}
	}
}

func TestWithoutExample(t *testing.T) {
	module := fstest.MapFS{
		"p/p.go":      {Data: []byte("package p\ntype (A int; B int; C int)\nfunc New() *A { return nil }\nfunc NewB() *B { return nil }\nfunc NewC() *C { return nil }\n")},
		"p/p_test.go": {Data: []byte("package p_test\nfunc ExampleB() {\n}\nfunc ExampleNewC() {\n\t// Output: 3\n}\n")},
	}
	if diff := cmp.Diff([]string{"New", "NewB"}, withoutExample(t, module, "p")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
