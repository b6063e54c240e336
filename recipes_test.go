package main_test

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// fileNamed is a line before a block that is the content of a file.
var fileNamed = regexp.MustCompile("^`([a-z._/]+)`:$")

// step is a block of a recipe that is executed: a file to write, or commands.
type step struct {
	at, file, text string
}

// stepsOf returns what a recipe has its reader do.
func stepsOf(t *testing.T, name string) (steps []step) {
	t.Helper()
	page := readPage(t, name)
	blocks, errs := blocksOf(name, page)
	for _, err := range errs {
		t.Error(err)
	}
	lines := strings.Split(page, "\n")
	for _, b := range blocks {
		var line int
		if _, err := fmt.Sscanf(b.at[strings.LastIndex(b.at, ":"):], ":%d", &line); err != nil {
			t.Fatal(err)
		}
		if b.tag != tagRun {
			continue
		}
		s := step{at: b.at, text: b.text}
		if m := fileNamed.FindStringSubmatch(lines[line-4]); m != nil { // line, tag, empty line, name
			s.file = m[1]
		} else if b.language != "sh" {
			t.Errorf("%s: want the name of the file before the block, such as `main.go`:", b.at)
		}
		steps = append(steps, s)
	}
	return steps
}

// TestRecipePages does what each page of docs/recipes says, in an empty directory.
func TestRecipePages(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs, and measures")
	}
	pages, err := filepath.Glob("docs/recipes/*.md")
	if err != nil || len(pages) < 8 {
		t.Fatalf("%q, %v", pages, err)
	}
	bin := t.TempDir()
	must(t, ".", "go", "build", "-trimpath", "-o", filepath.Join(bin, "sessbench"), ".")
	env := append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	for _, page := range pages {
		t.Run(strings.TrimSuffix(filepath.Base(page), ".md"), func(t *testing.T) {
			name := strings.TrimSuffix(filepath.Base(page), ".md")
			if name != "go-test" && os.Getenv("SESSBENCH_TEST_LONG") == "" {
				t.Skip("the long form measures for a minute or so")
			}
			for _, program := range map[string][]string{"fastapi": {"uvicorn"}, "redis": {"redis-server", "redis-cli"}, "pull-request": {"git"}}[name] {
				if _, err := exec.LookPath(program); err != nil {
					t.Skipf("no %s", program)
				}
			}
			env, dir := env, t.TempDir()
			switch name {
			case "go-test":
				env = append(env, onlyHere(t)...)
			case "pull-request":
				dir = newShop(t)
				must(t, dir, "git", "checkout", "--quiet", "comment-only")
			}
			for _, s := range stepsOf(t, page) {
				s.do(t, dir, env)
			}
		})
	}
}

// do does a step in dir.
func (s step) do(t *testing.T, dir string, env []string) {
	t.Helper()
	if s.file != "" {
		path := filepath.Join(dir, filepath.FromSlash(s.file))
		if err := os.WriteFile(path, []byte(s.text), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	c := exec.Command("sh", "-eu")
	c.Dir, c.Env, c.Stdin = dir, env, strings.NewReader(s.text)
	c.WaitDelay = time.Second // a server that a recipe starts may keep the streams
	start := time.Now()
	out, err := c.CombinedOutput()
	t.Logf("%s: %v", s.at, time.Since(start).Round(100*time.Millisecond))
	if err != nil {
		t.Fatalf("%s: %v\n%s", s.at, err, out)
	}
}

// onlyHere is the environment of go commands to which this module, as it is now, is v0.1.0. It is published into a module cache of its
// own: in that of the machine the first v0.1.0 would stay, and the build cache would take its list of files for that of a later one.
func onlyHere(t *testing.T) []string {
	t.Helper()
	file := func(dir string) string { return "file://" + filepath.ToSlash(dir) }
	setting := func(name string) string { return strings.TrimSpace(output(t, "go", "env", name)) }
	return []string{
		"GOMODCACHE=" + t.TempDir(),
		"GOPROXY=" + strings.Join([]string{file(published(t)), file(filepath.Join(setting("GOMODCACHE"), "cache", "download")), setting("GOPROXY")}, ","),
		"GONOSUMDB=" + module,
		"GOFLAGS=-mod=mod -modcacherw -trimpath", // without paths the packages of other modules are in the build cache
	}
}

// published is a module proxy, as a directory, that has this module as v0.1.0 (https://go.dev/ref/mod#goproxy-protocol).
func published(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	at := filepath.Join(dir, filepath.FromSlash(module), "@v")
	if err := os.MkdirAll(at, 0o777); err != nil {
		t.Fatal(err)
	}
	gomod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"list": "v0.1.0\n", "v0.1.0.mod": string(gomod), "v0.1.0.info": `{"Version":"v0.1.0","Time":"2026-01-02T15:04:05Z"}`,
	} {
		if err := os.WriteFile(filepath.Join(at, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.Create(filepath.Join(at, "v0.1.0.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	archive := zip.NewWriter(file)
	err = fs.WalkDir(os.DirFS("."), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			if name != "." && (entry.Name()[0] == '.' || readIfThere(t, filepath.Join(name, "go.mod")) != "") {
				return fs.SkipDir
			}
			return err
		}
		w, err := archive.Create(module + "@v0.1.0/" + name)
		if err == nil {
			_, err = io.WriteString(w, readIfThere(t, name))
		}
		return err
	})
	if err := errors.Join(err, archive.Close()); err != nil {
		t.Fatal(err)
	}
	return dir
}
