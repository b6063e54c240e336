package child

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

const (
	roleEnv    = "SESSBENCH_TEST_CHILD" // what the test binary does in place of its tests
	answersEnv = "SESSBENCH_TEST_ANSWERS"
	fileEnv    = "SESSBENCH_TEST_FILE" // names a file that a child inherits

	ample = 20 * time.Second // for what takes no time on any machine
)

func TestMain(m *testing.M) {
	if role := os.Getenv(roleEnv); role != "" {
		runRole(role)
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// runRole is the main function of a child.
func runRole(role string) {
	switch role {
	case "echo":
		_, _ = io.Copy(os.Stdout, os.Stdin)
		fmt.Fprintln(os.Stderr, "end of input")
		os.Exit(3)
	case "answer":
		before := os.Stdout // as in a logger that was made before main
		to, err := Answers(answersEnv)
		if err != nil {
			panic(err)
		}
		fmt.Fprintln(before, "printed early")
		fmt.Fprintln(os.Stdout, "printed")
		fmt.Fprintln(to, "answer, and", os.Getenv(answersEnv) == "")
	case "prints":
		fmt.Println("a line")
	case "starts inheritor":
		if _, err := Answers(answersEnv); err != nil {
			panic(err)
		}
		c := command("inheritor")
		c.Stderr = os.Stderr
		if err := c.Run(); err != nil {
			panic(err)
		}
	case "inheritor":
		want, err := os.Stat(os.Getenv(fileEnv))
		if err != nil {
			panic(err)
		}
		for i := range uintptr(20) {
			if got, err := os.NewFile(i, "inherited").Stat(); err == nil && os.SameFile(got, want) {
				fmt.Fprintln(os.Stderr, "inherited as", i)
			}
		}
	case "ignores stdin":
		fmt.Println("here")
		time.Sleep(time.Hour)
	case "starts another", "leaves another":
		// The other process holds the child's pipes.
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), roleEnv+"=ignores stdin")
		c.Stdout, c.Stderr = os.Stdout, os.Stderr
		if err := c.Start(); err != nil {
			panic(err)
		}
		fmt.Println(c.Process.Pid)
		if role == "starts another" {
			time.Sleep(time.Hour)
		}
	case "parent":
		p, err := Start(command("ignores stdin"), Options{})
		if err != nil {
			panic(err)
		}
		fmt.Println(p.cmd.Process.Pid)
		time.Sleep(time.Hour)
	}
}

func command(role string) *exec.Cmd {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), roleEnv+"="+role)
	return c
}

// start starts a child and returns its output line by line.
func start(t *testing.T, role string, o Options) (*Process, <-chan string) {
	t.Helper()
	lines := make(chan string, 100)
	o.Output = func(r io.Reader) {
		for s := bufio.NewScanner(r); s.Scan(); {
			lines <- s.Text()
		}
		close(lines)
	}
	p, err := Start(command(role), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p, lines
}

// next returns a child's next line, empty at the end.
func next(t *testing.T, lines <-chan string) string {
	t.Helper()
	select {
	case line := <-lines:
		return line
	case <-time.After(ample):
		t.Fatal("no line")
		return ""
	}
}

func await(t *testing.T, p *Process) {
	t.Helper()
	select {
	case <-p.Exited():
	case <-time.After(ample):
		t.Fatal("the child has not exited")
	}
}

func TestOutputAndEnd(t *testing.T) {
	var copied strings.Builder
	p, lines := start(t, "echo", Options{Stderr: &copied})
	if p.State() != nil {
		t.Error("State is not nil before the end")
	}
	fmt.Fprintln(p.Input, "hello")
	if got := next(t, lines); got != "hello" {
		t.Errorf("output %q: want hello", got)
	}
	if err := p.Stop(ample); err != nil {
		t.Error(err)
	}
	if s := p.State(); s == nil || s.ExitCode() != 3 || p.Err() == nil {
		t.Errorf("state %v, error %v: want exit status 3", s, p.Err())
	}
	if p.Stderr() != "end of input\n" || copied.String() != p.Stderr() {
		t.Errorf("stderr %q, copied to Options.Stderr %q", p.Stderr(), &copied)
	}
	p.Kill() // does nothing after the end
}

// TestAnswersAreSeparate: what a child prints to its stdout is no answer.
func TestAnswersAreSeparate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a child inherits no extra descriptors")
	}
	p, lines := start(t, "answer", Options{Answers: answersEnv})
	if got := next(t, lines); got != "answer, and true" {
		t.Errorf("answer %q", got)
	}
	await(t, p)
	if got := next(t, lines); got != "" {
		t.Errorf("another answer: %q", got)
	}
	if got := p.Stderr(); got != "printed early\nprinted\n" {
		t.Errorf("stderr %q", got)
	}
}

func TestAnswersNeedADescriptor(t *testing.T) {
	t.Setenv(answersEnv, "stdout")
	if _, err := Answers(answersEnv); err == nil {
		t.Error("no error")
	}
}

func TestStopKillsAfterGracePeriod(t *testing.T) {
	p, lines := start(t, "ignores stdin", Options{})
	next(t, lines)
	if err := p.Stop(10 * time.Millisecond); err == nil {
		t.Error("no error for a child that had to be killed")
	}
	if p.State() == nil || p.State().Success() {
		t.Errorf("state %v: want a signal", p.State())
	}
}

func TestStartError(t *testing.T) {
	if _, err := Start(exec.Command(os.Args[0]+".not"), Options{}); err == nil {
		t.Error("no error")
	}
}

func TestTail(t *testing.T) {
	for _, test := range []struct {
		why, want string
		writes    []string
	}{
		{"nothing", "", nil},
		{"little", "abc", []string{"a", "bc"}},
		{"more than fits at the beginning", "abcdefg", []string{"abcdef", "g"}},
		{"exactly what is kept", "abcdefgh", []string{"abcdefgh"}},
		{"the middle is left out", "abcd\n…\ngh12", []string{"abc", "defgh", "12"}},
		{"much in one write", "abcd\n…\nwxyz", []string{"abcdefghijklmnopqrstuvwxyz"}},
	} {
		kept := tail{size: 4}
		for _, w := range test.writes {
			if n, err := kept.Write([]byte(w)); n != len(w) || err != nil {
				t.Errorf("%s: %d, %v", test.why, n, err)
			}
		}
		if got := kept.String(); got != test.want {
			t.Errorf("%s: %q, want %q", test.why, got, test.want)
		}
	}
}

func TestRun(t *testing.T) {
	text, err := Run(t.Context(), command("prints"))
	if text != "a line\n" || err != nil {
		t.Errorf("got %q, %v", text, err)
	}
	text, err = Run(t.Context(), command("echo"))
	if exit := (*exec.ExitError)(nil); text != "" || !errors.As(err, &exit) || err.Error() != "exit status 3: end of input" {
		t.Errorf("got %q, %v", text, err)
	}
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(10*time.Millisecond, func() { cancel(cause) })
	if _, err := Run(ctx, command("ignores stdin")); err != cause {
		t.Errorf("after cancel: %v", err)
	}
	if _, err := Run(ctx, command("prints")); err != cause {
		t.Errorf("cancelled before the start: %v", err)
	}
}
