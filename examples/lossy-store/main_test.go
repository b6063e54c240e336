package main

import (
	"bytes"
	"errors"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestLossIsFound builds the program and runs it small: 4 users times 500 visits make 4,000 updates, four of them lost.
func TestLossIsFound(t *testing.T) {
	program := filepath.Join(t.TempDir(), "lossy.exe")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run := exec.Command(program, "run", "-S", "lossy,per-session", "-u", "4", "-i", "500", "-r", "1", "--hold", "0")
	var stdout, stderr bytes.Buffer
	run.Stdout, run.Stderr = &stdout, &stderr
	err := run.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 5 {
		t.Errorf("%v: want exit code 5\n%s%s", err, &stdout, &stderr)
	}
	if !regexp.MustCompile(`(?m)^lossy +✗ .*FAILED: `).Match(stdout.Bytes()) {
		t.Errorf("no struck row for lossy:\n%s", &stdout)
	}
	if !regexp.MustCompile(`(?m)^per-session .* ok$`).Match(stdout.Bytes()) {
		t.Errorf("no row for per-session:\n%s", &stdout)
	}
	if line := "consistency violated by lossy (chatbot): "; !strings.Contains(stderr.String(), line) {
		t.Errorf("stderr does not name it: %s", &stderr)
	}
}
