package http_test

import (
	"cmp"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sessbench/sessbench/internal/redistest"
)

// TestMappings performs each operation of each mapping once.
func TestMappings(t *testing.T) {
	files, err := filepath.Glob("*/*.yaml")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d mappings, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(file, func(t *testing.T) {
			need(t, file)
			sessbench(t, 0, "target", "test", "http:"+file)
		})
	}
}

// TestVerdicts has for each kind of session handling what verify says of it. What loses messages by design is found, and what does not is
// not accused.
func TestVerdicts(t *testing.T) {
	if !required() {
		t.Skip(redistest.RequireEnv + " does not name http: verdicts about servers under load take minutes")
	}
	for _, test := range []struct {
		why, file string
		code      int
		says      string
	}{
		{"a lock that is dropped on delete lets two requests change a session", "fastapi/per-session.yaml", 5, ""},
		{"a lock in the session", "fastapi/fixed.yaml", 0, ""},
		{"one lock", "fastapi/global.yaml", 0, ""},
		{"a dictionary in each of two processes", "fastapi/2-workers.yaml", 5, "state kept per process:"},
		{"the same, and a session stays with one", "fastapi/2-workers-affinity.yaml", 0, ""},
		{"the session is loaded and saved as a whole", "express/memory.yaml", 5, ""},
		{"the session is loaded and saved as a whole, in Redis", "express/redis.yaml", 5, ""},
		{"the session is loaded and saved as a whole, also by requests that only read it", "flask/filesystem.yaml", 5, ""},
		{"the session is loaded and saved as a whole, by the client", "flask/cookie.yaml", 5, ""},
		{"the session is loaded and saved as a whole, in Go", "scs/scs.yaml", 5, ""},
		{"requests of a session wait for each other", "scs/locked.yaml", 0, ""},
		{"the session is loaded and saved as a whole, in a file", "gorilla/filesystem.yaml", 5, ""},
	} {
		t.Run(test.file, func(t *testing.T) {
			need(t, test.file)
			t.Log(test.why)
			rounds := []string{"--rounds", "10"}
			if test.code != 0 {
				rounds = []string{"--until", "any"}
			}
			out := sessbench(t, test.code, append([]string{"verify", "-s", "churn", "--target", "http:" + test.file}, rounds...)...)
			if !strings.Contains(out, test.says) {
				t.Errorf("want %q in %s", test.says, out)
			}
		})
	}
}

var program string // sessbench, built from this tree

func TestMain(m *testing.M) {
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "sessbench-http-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "sessbench")
	if out, err := exec.Command("go", "build", "-o", program, "../..").CombinedOutput(); err != nil {
		panic(string(out))
	}
	return m.Run()
}

// sessbench runs the program, compares its exit code, and returns what it says.
func sessbench(t *testing.T, want int, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), program, args...)
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) } // it ends the service
	out, _ := c.CombinedOutput()                                      // its exit code is compared
	if code := c.ProcessState.ExitCode(); code != want {
		t.Errorf("sessbench %s: exit code %d, want %d\n%s", strings.Join(args, " "), code, want, out)
	}
	return strings.Join(strings.Fields(string(out)), " ")
}

// required reports whether the servers must be there.
func required() bool {
	return slices.Contains(strings.Split(os.Getenv(redistest.RequireEnv), ","), "http")
}

// need skips or fails a test where what the server needs is not installed, and starts a Redis server for it.
func need(t *testing.T, file string) {
	t.Helper()
	dir, name := filepath.Split(file)
	needs := map[string]func() error{
		"fastapi/": func() error { return runs(dir, "uvicorn", "--version") },
		"express/": func() error {
			return runs(dir, "node", "--input-type=module", "--eval", "await import('express-session')")
		},
		"flask/":   func() error { return runs(dir, "gunicorn", "--check-config", "app:app") },
		"scs/":     func() error { return runs(dir, "go", "build", "-o", os.DevNull, ".") },
		"gorilla/": func() error { return runs(dir, "go", "build", "-o", os.DevNull, ".") },
	}
	if err := needs[dir](); err != nil {
		if required() {
			t.Fatalf("%v, and %s=%q forbids to skip it", err, redistest.RequireEnv, os.Getenv(redistest.RequireEnv))
		}
		t.Skip(err)
	}
	if name == "redis.yaml" {
		t.Setenv("REDIS_URL", redistest.Start(t).URL())
	}
}

// runs runs a command in a directory.
func runs(dir, name string, args ...string) error {
	c := exec.Command(name, args...)
	c.Dir = dir
	out, err := c.CombinedOutput()
	if err != nil {
		return errors.New(cmp.Or(strings.TrimSpace(string(out)), err.Error()))
	}
	return nil
}
