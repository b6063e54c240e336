package cmd

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestCheckHTTPService has a service measured, stored, and checked against the stored result.
func TestCheckHTTPService(t *testing.T) {
	t.Parallel()
	_, target := serveChat(t, nil)
	_, other := serveChat(t, nil) // with the same name
	dir := t.TempDir()
	base, both := filepath.Join(dir, "base.json"), filepath.Join(dir, "both.json")
	measure := []string{"-s", "hundred-users", "-u", "4", "-r", "2", "-d", "50ms", "--warmup", "0s", "-q"}
	for file, args := range map[string][]string{
		base: {"--target", target},
		both: {"--target", target, "-S", "cow", "--baseline-strategy", "none", "--hold", "0s"},
	} {
		if code, _, said := called(append(append([]string{"run", "-o", "json=" + file}, measure...), args...)...); code != exitOK {
			t.Fatalf("run %q: exit code %d, %s", args, code, said)
		}
	}
	for _, row := range []struct {
		why  string
		args []string
		code int
		want []string
	}{
		{"the settings of the baseline, the service elsewhere", []string{"--baseline", base, "--target", other}, exitOK,
			[]string{" (advice)", "hundred-users: 4 users", "2 trials of 50ms", "no allocs_per_op on either side", "no bytes_per_session on either side"}},
		{"stores beside the service", []string{"--baseline", both, "--target", target}, exitOK, []string{" (advice)", "cow ", "chat "}},
		{"what a file names is not started", []string{"--baseline", base}, exitUsage, []string{"is a result of targets: want them here, too: --target " + target}},
		{"nothing in common", []string{"--baseline", base, "-S", "cow"}, exitIncomparable, []string{"nothing in common"}},
		{"a duet", []string{"--against", base, "--target", target}, exitUsage, []string{"a target is not a part of it"}},
		{"goals", append([]string{"--target", target, "--threshold", "errors.rate<1%"}, measure...), exitOK, []string{"PASS"}},
		{"a goal that it misses", append([]string{"--target", target, "--threshold", "append.p50<1ns"}, measure...), exitThreshold, []string{"FAIL"}},
		{"goals for what a target does not say", append([]string{"--target", target, "--threshold", "allocs_per_op<1"}, measure...), exitInconclusive,
			[]string{"a target does not report its allocations"}},
		{"a stored result", []string{base, "--threshold", "chat.errors.rate<1%"}, exitOK, []string{"PASS"}},
	} {
		t.Run(row.why, func(t *testing.T) {
			code, out, said := called(append([]string{"check", "-q"}, row.args...)...)
			if code != row.code {
				t.Errorf("exit code %d, want %d: %s\n%s", code, row.code, said, out)
			}
			for _, want := range row.want {
				if !strings.Contains(flat(out+said), want) {
					t.Errorf("want %q in\n%s%s", want, out, said)
				}
			}
		})
	}
}
