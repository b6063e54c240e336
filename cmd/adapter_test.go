package cmd

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// TestAdapterConforms: the adapter at the end of the specification passes, and one with a change fails.
func TestAdapterConforms(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("left out: no python3 in PATH")
	}
	text, err := os.ReadFile("../docs/adapter-protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	_, good, _ := strings.Cut(string(text), "```python\n")
	good, _, _ = strings.Cut(good, "```\n")
	bad := strings.Replace(good, "[-15:]", "[-16:]", 1)
	if bad == good {
		t.Fatal("there is nothing to change")
	}
	for _, tc := range []struct {
		program string
		code    int
		out     string
	}{
		{good, exitOK, " checks passed, 0 failed, 0 skipped\n"},
		{bad, exitViolated, "\n✗ history: the newest 15 (docs/adapter-protocol.md#history)\n  sent  {\"op\":\"history\","},
	} {
		path := filepath.Join(t.TempDir(), "adapter.py")
		if err := os.WriteFile(path, []byte(tc.program), 0o666); err != nil {
			t.Fatal(err)
		}
		code, out, stderr := sessbench(t.Context(), []string{"adapter", "test", "--", "python3", path})
		if code != tc.code || !strings.Contains(out, tc.out) || (stderr == "") != (code == exitOK) {
			t.Errorf("exit code %d, stdout\n%s\nstderr %q: want %d with %q", code, out, stderr, tc.code, tc.out)
		}
	}
}
