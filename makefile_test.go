package main_test

import (
	"cmp"
	"go/ast"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	testFunction = regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	testPattern  = regexp.MustCompile(`'((?:Test|Real)[^']*)'`)
	scriptNames  = regexp.MustCompile(`^Test(Join|)Scripts/\^\(?([a-z_|]+)\)?\$$`)
	alternative  = regexp.MustCompile(`(?:\([^)]*\)|[^|(])+`)
)

// TestMakefilePatterns checks that every alternative of the patterns in the Makefile matches a test: after a renaming a
// pattern must not silently select nothing.
func TestMakefilePatterns(t *testing.T) {
	makefile := strings.ReplaceAll(readPage(t, "Makefile"), "$$", "$")
	tests := testNames(t)
	patterns := testPattern.FindAllStringSubmatch(makefile, -1)
	for _, pattern := range patterns {
		for _, name := range alternative.FindAllString(pattern[1], -1) {
			if scripts := scriptNames.FindStringSubmatch(name); scripts != nil {
				dir := filepath.Join("cmd/testdata", cmp.Or(strings.ToLower(scripts[1]), "script"))
				for script := range strings.SplitSeq(scripts[2], "|") {
					if _, err := os.Stat(filepath.Join(dir, script+".txtar")); err != nil {
						t.Errorf("Makefile: %s: %v", name, err)
					}
				}
			} else if !slices.ContainsFunc(tests, regexp.MustCompile(name).MatchString) {
				t.Errorf("Makefile: %s matches no test", name)
			}
		}
	}
	if len(patterns) < 3 {
		t.Errorf("found %d patterns in the Makefile, want at least 3", len(patterns))
	}
}

// testNames returns the names of all test functions.
func testNames(t *testing.T) (names []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path.Base(name), "_test.go") {
			return err
		}
		for _, found := range testFunction.FindAllStringSubmatch(readPage(t, name), -1) {
			names = append(names, found[1])
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// raceExceptions are packages with goroutines or locks that are not in the Makefile's CONCURRENT.
var raceExceptions = map[string]string{
	"cmd":             "RACE_CMD selects its tests",
	"internal/flawed": "make stress",
	"internal/judge":  "RACE_CMD runs report_merge",
	"reports":         "RACE_CMD runs report_merge",
}

// TestRaceDetectorCoversConcurrentPackages checks that make race tests every package that starts goroutines or uses locks.
func TestRaceDetectorCoversConcurrentPackages(t *testing.T) {
	_, list, _ := strings.Cut(readPage(t, "Makefile"), "\nCONCURRENT :=")
	list, _, _ = strings.Cut(strings.ReplaceAll(list, "\\\n", " "), "\n")
	covered := func(dir string) bool {
		return slices.ContainsFunc(strings.Fields(list), func(pattern string) bool {
			parent, recursive := strings.CutSuffix(pattern, "/...")
			return "./"+dir == parent || recursive && strings.HasPrefix("./"+dir, parent+"/")
		})
	}
	for _, s := range sources(t, os.DirFS(".")) {
		if dir := path.Dir(s.name); concurrent(s.file) && !covered(dir) && raceExceptions[dir] == "" {
			t.Errorf("%s starts goroutines or uses locks: add ./%s to CONCURRENT in the Makefile", s.name, dir)
		}
	}
}

func concurrent(file *ast.File) (found bool) {
	for _, spec := range file.Imports {
		found = found || spec.Path.Value == `"sync"` || spec.Path.Value == `"sync/atomic"`
	}
	ast.Inspect(file, func(n ast.Node) bool {
		_, starts := n.(*ast.GoStmt)
		found = found || starts
		return !found
	})
	return found
}
