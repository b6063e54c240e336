package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

const (
	mostMB = 25 // of the release binary for linux/amd64

	// mostInit is what a package may allocate before main, in bytes. Every start pays for it, that of --help and those of child
	// processes, too. With 4 MB in all, each start would also have a garbage collection.
	mostInit = 60_000
)

// heavyInit are the packages of dependencies that allocate more, and that sessbench does not do without.
var heavyInit = map[string]int{
	"github.com/olekukonko/tablewriter/pkg/twwidth": 700_000, // a cache of the widths of cells
	"github.com/itchyny/gojq":                       250_000, // the functions of the language
	"github.com/google/pprof/profile":               160_000, // regular expressions for old formats
	"github.com/olekukonko/errors":                  70_000,
}

// TestBinary builds a release, but for -trimpath, with which the go command would compile all packages once more. What it tests does not depend on the speed of the machine, as the time of a start would.
func TestBinary(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program")
	}
	program := filepath.Join(t.TempDir(), "sessbench.exe")
	build := exec.CommandContext(t.Context(), "go", "build", "-ldflags", "-s -w", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	file, err := os.Stat(program)
	if err != nil {
		t.Fatal(err)
	}
	if mb := float64(file.Size()) / 1e6; mb > mostMB && runtime.GOOS == "linux" && runtime.GOARCH == "amd64" {
		t.Errorf("%.1f MB: want at most %d; make size lists the dependencies", mb, mostMB)
	}

	var trace strings.Builder
	help := exec.CommandContext(t.Context(), program, "--help")
	help.Env, help.Stderr = append(os.Environ(), "GODEBUG=inittrace=1"), &trace
	if err := help.Run(); err != nil {
		t.Fatal(err)
	}
	heavy, packages := heavyInits(trace.String())
	if packages < 50 {
		t.Errorf("%d packages in the trace: want those of the program\n%s", packages, trace.String())
	}
	for _, wrong := range heavy {
		t.Error(wrong)
	}
}

// heavyInits returns a sentence for each package in a trace of GODEBUG=inittrace=1 that allocates too much, and the number of packages.
func heavyInits(trace string) (heavy []string, packages int) {
	for line := range strings.Lines(trace) {
		var name string
		var start, clock float64
		var bytes int
		if _, err := fmt.Sscanf(line, "init %s @%f ms, %f ms clock, %d bytes", &name, &start, &clock, &bytes); err != nil {
			continue
		}
		packages++
		most := mostInit
		if n, ok := heavyInit[name]; ok {
			most = n
		}
		if bytes > most {
			heavy = append(heavy, fmt.Sprintf("%s allocates %d bytes before main: want at most %d", name, bytes, most))
		}
	}
	return heavy, packages
}

func TestHeavyInits(t *testing.T) {
	heavy, packages := heavyInits(`init errors @0.23 ms, 0.001 ms clock, 0 bytes, 0 allocs
init github.com/itchyny/gojq @7.3 ms, 0.27 ms clock, 207368 bytes, 2152 allocs
init example.com/tables @11 ms, 3.8 ms clock, 1701192 bytes, 21284 allocs
another line
`)
	if want := "example.com/tables allocates 1701192 bytes before main: want at most 60000"; packages != 3 || len(heavy) != 1 || heavy[0] != want {
		t.Errorf("%d packages, %q: want 3, %q", packages, heavy, want)
	}
}
