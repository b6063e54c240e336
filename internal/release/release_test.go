package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRun writes all files.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("COLUMNS", "") // restores it
	if err := run([]string{dir}); err != nil {
		t.Fatal(err)
	}
	read := func(path ...string) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(append([]string{dir}, path...)...))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for _, page := range []string{"sessbench", "sessbench-run", "sessbench-verify", "sessbench-report-merge", "sessbench-completion-zsh"} {
		if text := read("man", page+".1"); !strings.HasPrefix(text, ".TH "+strings.ToUpper(page)+" 1 ") {
			t.Errorf("%s begins with %.40q", page, text)
		}
	}
	check := read("man", "sessbench-check.1")
	for _, part := range []string{"Fail on a performance regression", `\(aqsharded.append.p99<5ms\(aq`, ".SH \"BASELINE\"", `\-\-against\-ref REF`} {
		if !strings.Contains(check, part) {
			t.Errorf("no %q in\n%s", part, check)
		}
	}
	for shell, name := range completions {
		script := filepath.Join(dir, "completions", name)
		if !strings.Contains(read("completions", name), "sessbench") {
			t.Errorf("%s is not a completion script", name)
		}
		if path, err := exec.LookPath(shell); err == nil && shell != "powershell" {
			if out, err := exec.Command(path, "-n", script).CombinedOutput(); err != nil {
				t.Errorf("%s -n %s: %v\n%s", shell, name, err, out)
			}
		}
	}
}

func TestRunRejects(t *testing.T) {
	for _, args := range [][]string{nil, {"a", "b"}} {
		if err := run(args); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
}

func TestPage(t *testing.T) {
	help := "Tool measures 'x'.\n\n.hidden \\ line\n\nUsage:\n  tool [flags]\n\nWhat to run:\n  -n, --name N   a-b\n"
	want := `.TH TOOL-DO 1 "" sessbench "User Commands"
.SH NAME
tool-do \- do it
.SH "DESCRIPTION"
.nf
Tool measures \(aqx\(aq.

\&.hidden \e line

.fi
.SH "USAGE"
.nf
  tool [flags]

.fi
.SH "WHAT TO RUN"
.nf
  \-n, \-\-name N   a\-b
.fi
`
	if diff := cmp.Diff(want, page("tool-do", "do it", help)); diff != "" {
		t.Error(diff)
	}
}

func TestSubcommands(t *testing.T) {
	help := "Tool.\n\nCommands (COMMAND --help shows more):\n  run     measure, in a\n          long line\n  help    skipped\n  verify  check\n\nFlags:\n  -v   not a command\n"
	if diff := cmp.Diff(map[string]string{"run": "measure, in a long line", "verify": "check"}, subcommands(help)); diff != "" {
		t.Error(diff)
	}
}
