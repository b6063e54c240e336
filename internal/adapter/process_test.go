//go:build unix

package adapter

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// lives reports whether a process is there. One that is dead and was not waited for is not.
func lives(t *testing.T, pid int) bool {
	t.Helper()
	if runtime.GOOS != "linux" {
		return syscall.Kill(pid, 0) == nil
	}
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !strings.Contains(string(text), ") Z ")
}

// waitGone waits until a process is gone, which whoever ended it need not have waited for.
func waitGone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); lives(t, pid); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("process %d is still there", pid)
		}
	}
}

func TestCloseEndsTheProcess(t *testing.T) {
	p := start(t, "memory", Options{})
	if err := p.Close(); err != nil {
		t.Errorf("it was to end with its stdin: %v", err)
	}
	if pid := p.process.cmd.Process.Pid; lives(t, pid) {
		t.Errorf("process %d is still there", pid)
	}
	if got := p.process.Status(); got != "exit status 0" {
		t.Errorf("it ended with %q", got)
	}
}

func TestCloseKillsWhoDoesNotEnd(t *testing.T) {
	t.Parallel()
	p := start(t, "stubborn", Options{})
	err := p.Close()
	wantError(t, err, nil, []string{"did not end within 2s of the end of its stdin, and was killed", "deaf"})
	if again := p.Close(); again != err {
		t.Errorf("the second Close says %v", again)
	}
	if pid := p.process.cmd.Process.Pid; lives(t, pid) {
		t.Errorf("process %d is still there", pid)
	}
	if got := p.process.Status(); got != "signal: killed" {
		t.Errorf("it ended with %q", got)
	}
}

// What a program started goes with it.
func TestCloseEndsTheGroup(t *testing.T) {
	p := start(t, "parent", Options{})
	child := number(t, p.Stderr())
	if !lives(t, child) {
		t.Fatalf("its child %d is not there", child)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	waitGone(t, child)
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// How a program crashed is known also when somebody who left its group holds its stderr.
func TestCrashWithStderrHeld(t *testing.T) {
	t.Parallel()
	p := start(t, "crash-held", Options{})
	holder, _, _ := strings.Cut(p.Stderr(), "\n")
	defer func() {
		held, err := os.FindProcess(number(t, holder))
		if err != nil {
			t.Fatal(err)
		}
		if err := held.Kill(); err != nil {
			t.Errorf("nobody held it: %v", err)
		}
	}()
	err := connect(t, p).Do(context.Background(), &scenarios.Request{Op: scenarios.Append, ID: manager.ID(uuid.New())}, &scenarios.Effect{})
	wantError(t, err, []error{scenarios.ErrUnavailable}, []string{"crashed at add_message: exit status 1", "out of memory"})
}

// A program dies with us also when nobody can tell it to: this one does not care about its stdin.
func TestKilledParent(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("left out: only Linux ends a process with its parent")
	}
	spec := adapter(t, "starter")
	starter := exec.Command(spec.Command[0], spec.Command[1:]...)
	in, err := starter.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := starter.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := starter.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	target := number(t, line)
	if !lives(t, target) {
		t.Fatalf("its target %d is not there", target)
	}
	if err := starter.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = starter.Wait() // it was killed
	waitGone(t, target)
}

func TestLaunch(t *testing.T) {
	p, err := Launch(context.Background(), adapter(t, "noop").Command, Options{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := p.Dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, `{"op":"reset"}`+"\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || line != "{}\n" {
		t.Errorf("it answered %q, %v", line, err)
	}
	if p.Status() != "" {
		t.Errorf("it runs, and its status is %q", p.Status())
	}
	p.EndInput()
	<-p.Exited()
	if p.Status() != "exit status 0" {
		t.Errorf("its status is %q", p.Status())
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}
