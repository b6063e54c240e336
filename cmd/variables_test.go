package cmd

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sessbench/sessbench/internal/verify"
)

func TestUnknownVariables(t *testing.T) {
	root := newRootCmd(newApp([]Option{WithArgs()}))
	for _, tc := range []struct{ why, variable, want string }{
		{"a flag's", "SESSBENCH_USERS=3", ""},
		{"another command's flag's", "SESSBENCH_PAIRS=12", ""},
		{"the configuration's", "SESSBENCH_CONFIG=c.yaml", ""},
		{"the tests'", "SESSBENCH_REQUIRE=redis", ""},
		{"a test's own", "SESSBENCH_TEST_ADAPTER=1", ""},
		{"another program's", "SESSIONBENCH_USER=3", ""},
		{"one that is not set", "SESSBENCH_USER=", ""},
		{"misspelt", "SESSBENCH_USER=3", "sessbench: warning: SESSBENCH_USER is set but not used: did you mean SESSBENCH_USERS?\n"},
		{"with a dash", "SESSBENCH_HOLD-KIND=spin", "sessbench: warning: SESSBENCH_HOLD-KIND is set but not used: did you mean SESSBENCH_HOLD_KIND?\n"},
		{"like nothing", "SESSBENCH_ANYTHING=1", "sessbench: warning: SESSBENCH_ANYTHING is set but not used: a variable is named after its flag: SESSBENCH_HOLD_KIND for --hold-kind\n"},
		{"of a command, which only the file has", "SESSBENCH_RUN.USERS=3", "sessbench: warning: SESSBENCH_RUN.USERS is set but not used: "},
	} {
		var stderr bytes.Buffer
		warnOfUnknownVariables(&stderr, root, []string{tc.variable})
		if got := stderr.String(); got != tc.want && (tc.want == "" || !strings.HasPrefix(got, tc.want)) {
			t.Errorf("%s: %q: want %q", tc.why, got, tc.want)
		}
	}
}

// TestUnknownVariableChangesNoExitCode: an unknown variable is a warning, also with --quiet.
func TestUnknownVariableChangesNoExitCode(t *testing.T) {
	t.Setenv("SESSBENCH_USER", "3")
	code, _, stderr := sessbench(t.Context(), strings.Fields("run -q -s hundred-users -S cow --baseline-strategy none -u 2 -r 1 -i 2 --hold 0"))
	if code != exitOK || strings.Count(stderr, "SESSBENCH_USER is set") != 1 {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
	if code, _, stderr := sessbench(t.Context(), []string{"list"}); code != exitOK || stderr != "" {
		t.Errorf("a command that reads no variables: exit code %d, stderr %q", code, stderr)
	}
}

// TestVariablesInTheSource: every variable in the source of this module is known.
func TestVariablesInTheSource(t *testing.T) {
	root := newRootCmd(newApp([]Option{WithArgs()}))
	name := regexp.MustCompile(`"(SESSBENCH_[A-Z_]+)"`)
	var found []string
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || path == filepath.Join("..", "cmd", "variables_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range name.FindAllStringSubmatch(string(text), -1) {
			found = append(found, m[1])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(found, verify.ChildVariable) {
		t.Fatalf("found only %v", found)
	}
	for _, name := range found {
		var stderr bytes.Buffer
		if warnOfUnknownVariables(&stderr, root, []string{name + "=1"}); stderr.Len() > 0 && name != variablePrefix {
			t.Errorf("%s: add it to otherVariables", stderr.String())
		}
	}
}
