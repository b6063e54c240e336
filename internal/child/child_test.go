package child

import (
	"bufio"
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
	roleEnv    = "SESSBENCH_TEST_CHILD" // what the test binary is to do in place of its tests
	answersEnv = "SESSBENCH_TEST_ANSWERS"

	heirloomEnv = "SESSBENCH_TEST_HEIRLOOM" // names a file that a child inherits
	ample       = 20 * time.Second          // for what takes no time on any machine
)

func TestMain(m *testing.M) {
	if role := os.Getenv(roleEnv); role != "" {
		play(role)
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// play is what a child does.
func play(role string) {
	switch role {
	case "echo":
		_, _ = io.Copy(os.Stdout, os.Stdin)
		fmt.Fprintln(os.Stderr, "that was all")
		os.Exit(3)
	case "answer":
		before := os.Stdout // as a logger has it that was made before main
		to, err := Answers(answersEnv)
		if err != nil {
			panic(err)
		}
		fmt.Fprintln(before, "printed early")
		fmt.Fprintln(os.Stdout, "printed")
		fmt.Fprintln(to, "answer, and", os.Getenv(answersEnv) == "")
	case "heir":
		if _, err := Answers(answersEnv); err != nil {
			panic(err)
		}
		c := command("heir's child")
		c.Stderr = os.Stderr
		if err := c.Run(); err != nil {
			panic(err)
		}
	case "heir's child":
		want, err := os.Stat(os.Getenv(heirloomEnv))
		if err != nil {
			panic(err)
		}
		for i := range uintptr(20) {
			if got, err := os.NewFile(i, "inherited").Stat(); err == nil && os.SameFile(got, want) {
				fmt.Fprintln(os.Stderr, "inherited as", i)
			}
		}
	case "deaf":
		fmt.Println("here")
		time.Sleep(time.Hour)
	case "grandparent", "orphaner":
		// A process that the child leaves behind, which holds its pipes.
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), roleEnv+"=deaf")
		c.Stdout, c.Stderr = os.Stdout, os.Stderr
		if err := c.Start(); err != nil {
			panic(err)
		}
		fmt.Println(c.Process.Pid)
		if role == "grandparent" {
			time.Sleep(time.Hour)
		}
	case "parent":
		p, err := Start(command("deaf"), Options{})
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

// start starts a child, and returns its output line by line.
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

// next is a child's next line, empty at the end.
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
		t.Fatal("still there")
	}
}

func TestOutputAndEnd(t *testing.T) {
	var passed strings.Builder
	p, lines := start(t, "echo", Options{Stderr: &passed})
	if p.State() != nil {
		t.Error("a state before the end")
	}
	fmt.Fprintln(p.Input, "hello")
	if got := next(t, lines); got != "hello" {
		t.Errorf("output %q: want hello", got)
	}
	if err := p.Stop(ample); err != nil {
		t.Error(err)
	}
	if s := p.State(); s == nil || s.ExitCode() != 3 {
		t.Errorf("state %v: want exit status 3", s)
	}
	if p.Stderr() != "that was all\n" || passed.String() != p.Stderr() {
		t.Errorf("stderr %q, passed on %q", p.Stderr(), &passed)
	}
	p.Kill() // of a process that is gone does nothing
}

// TestAnswersAreApart: what a child prints to its stdout is no answer.
func TestAnswersAreApart(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a child has no descriptors of its own")
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
	p, lines := start(t, "deaf", Options{})
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

func TestEndsKeepsBothEnds(t *testing.T) {
	e := &ends{size: 100}
	for i := range 1000 {
		fmt.Fprintf(e, "line %d\n", i)
	}
	text := e.String()
	if !strings.HasPrefix(text, "line 0\n") || !strings.HasSuffix(text, "line 998\nline 999\n") || !strings.Contains(text, "…") || len(text) > 400 {
		t.Errorf("%d bytes: %q", len(text), text)
	}
	short := &ends{size: 100}
	fmt.Fprint(short, strings.Repeat("x", 150))
	if got := short.String(); got != strings.Repeat("x", 150) {
		t.Errorf("%q: want all of it", got)
	}
}
