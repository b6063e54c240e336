package cmd

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sessbench/sessbench/internal/measure"
	"github.com/sessbench/sessbench/internal/verify"
)

// long selects the long form of the tests, as make long does.
var long = os.Getenv("SESSBENCH_TEST_LONG") != ""

// TestMain lets the scripts run the test binary as sessbench and as builds with added stores.
func TestMain(m *testing.M) {
	commands := map[string]func(){
		"sessbench": func() { os.Exit(Main()) },
		"lossy":     func() { os.Exit(Main(WithStore(lossyStrategy("lossy")))) },
		"lean":      func() { os.Exit(Main(WithStore(myStrategy(false)))) },
		"wasteful":  func() { os.Exit(Main(WithStore(myStrategy(true)))) },
		"unfit":     func() { os.Exit(Main(WithStore(unfitStrategy()))) },
		"clash":     func() { os.Exit(Main(WithStore(lossyStrategy("cow")))) },
		"unsound":   func() { os.Exit(Main(unsoundStores()...)) },
		"crashing":  func() { os.Exit(Main(crashingStores()...)) },
		"twice":     callMainTwice,
	}
	if _, script := commands[filepath.Base(os.Args[0])]; !script { // a test's own child
		switch {
		case os.Getenv(verify.ChildVariable) != "":
			commands["unsound"]()
		case os.Getenv(measure.ChildVariable) != "":
			commands["crashing"]()
		}
	}
	testscript.Main(tests{m}, commands)
}

// tests runs the tests with the interpreter of Python in PATH, behind the directory of the commands: python3 may be a script that
// looks for it, and takes several times as long to start.
type tests struct{ *testing.M }

func (t tests) Run() int {
	if path, err := exec.Command("python3", "-c", "import sys; print(sys.executable)").Output(); err == nil && len(path) > 1 {
		directories := slices.Insert(filepath.SplitList(os.Getenv("PATH")), 1, filepath.Dir(strings.TrimSpace(string(path))))
		if err := os.Setenv("PATH", strings.Join(directories, string(filepath.ListSeparator))); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return t.M.Run()
}

// callMainTwice is a program with code before, between and after two calls of Main.
func callMainTwice() {
	args := os.Args[1:]
	Main(WithArgs("version"))
	fmt.Fprintln(os.Stderr, "between")
	code := Main(WithArgs(args...))
	fmt.Fprintln(os.Stderr, "after")
	os.Exit(code)
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			sample, err := filepath.Abs("../examples/sample.csv")
			e.Setenv("SAMPLE", sample)
			e.Setenv("EXAMPLES", filepath.Dir(sample))
			e.Setenv("GORACE", "atexit_sleep_ms=0") // under the race detector every process would sleep for a second at its end
			return err
		},
		Condition: func(name string) (bool, error) {
			if name != "long" {
				return false, fmt.Errorf("unknown condition %q", name)
			}
			return long, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":     exits,
			"interrupt": interrupt,
			"width":     narrow,
		},
	})
}

// exits CODE COMMAND ARGS... runs a command that is to end with this exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARGS...")
	}
	check(ts, args[0], ts.Exec(args[1], args[2:]...))
}

func check(ts *testscript.TestScript, want string, err error) {
	code := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		code = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(code) != want {
		ts.Fatalf("exit code %d: want %s", code, want)
	}
}

// interrupt CODE PATTERN COMMAND ARGS... sends SIGINT to a command as soon as its stderr matches. Its output is in the
// files stdout and stderr.
func interrupt(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: interrupt CODE PATTERN COMMAND ARGS...")
	}
	path := filepath.Join(filepath.SplitList(ts.Getenv("PATH"))[0], args[2])
	c := exec.Command(path, args[3:]...)
	c.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "GORACE"} {
		c.Env = append(c.Env, name+"="+ts.Getenv(name))
	}
	var out bytes.Buffer
	seen := &signalled{pattern: regexp.MustCompile(args[1]), matched: make(chan struct{})}
	c.Stdout, c.Stderr = &out, seen
	ts.Check(c.Start())
	select {
	case <-seen.matched:
	case <-time.After(time.Minute):
		ts.Logf("stderr never matched %s:\n%s", args[1], seen.text.String())
	}
	ts.Check(c.Process.Signal(os.Interrupt))
	err := c.Wait()
	ts.Check(os.WriteFile(ts.MkAbs("stdout"), out.Bytes(), 0o666))
	ts.Check(os.WriteFile(ts.MkAbs("stderr"), seen.text.Bytes(), 0o666))
	check(ts, args[0], err)
}

// signalled collects text and closes matched once the text matches.
type signalled struct {
	pattern *regexp.Regexp
	matched chan struct{}
	once    sync.Once
	text    bytes.Buffer
}

func (s *signalled) Write(p []byte) (int, error) {
	s.text.Write(p)
	if s.pattern.Match(s.text.Bytes()) {
		s.once.Do(func() { close(s.matched) })
	}
	return len(p), nil
}

// width N FILE makes sure that no line of a file has more than N characters.
func narrow(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	for i, line := range bytes.Split([]byte(ts.ReadFile(args[1])), []byte("\n")) {
		if wide := len([]rune(string(line))); wide > n {
			ts.Fatalf("%s", fmt.Sprintf("%s:%d: %d characters: %s", args[1], i+1, wide, line))
		}
	}
}
