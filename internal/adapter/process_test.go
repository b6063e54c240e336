//go:build unix

package adapter

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
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

var _ = func() bool {
	adapters["crash-held"] = serveAndLeave
	return true
}()

// serveAndLeave starts a process in another group that holds its stderr, prints the process's number there, and crashes at the
// first add_message.
func serveAndLeave() error {
	shell := exec.Command("sh", "-c", "sleep 60 & echo $! >&2")
	shell.Stderr, shell.SysProcAttr = os.Stderr, &syscall.SysProcAttr{Setpgid: true}
	if err := shell.Run(); err != nil {
		return err
	}
	return serve(variant{on: "add_message", instead: func(net.Conn) error {
		fmt.Fprintln(os.Stderr, "out of memory")
		os.Exit(1)
		return nil
	}})
}

// lives reports whether a process exists and is not a zombie.
func lives(t *testing.T, pid int) bool {
	t.Helper()
	if runtime.GOOS != "linux" {
		return syscall.Kill(pid, 0) == nil
	}
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !strings.Contains(string(text), ") Z ")
}

// waitGone waits until a process has ended.
func waitGone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); lives(t, pid); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("process %d still exists", pid)
		}
	}
}

func TestCloseEndsTheProcess(t *testing.T) {
	p := start(t, "memory", Options{})
	if err := p.Close(); err != nil {
		t.Errorf("end of stdin: %v", err)
	}
	if pid := p.process.Pid(); lives(t, pid) {
		t.Errorf("process %d still exists", pid)
	}
	if got := p.process.Status(); got != "exit status 0" {
		t.Errorf("status %q", got)
	}
}

func TestCloseKillsAfterTheLimit(t *testing.T) {
	t.Parallel()
	p := start(t, "stubborn", Options{})
	err := p.Close()
	wantError(t, err, nil, []string{"did not end within 2s of the end of its stdin, and was killed", "ignoring the end of stdin"})
	if again := p.Close(); again != err {
		t.Errorf("the second Close returned %v", again)
	}
	if pid := p.process.Pid(); lives(t, pid) {
		t.Errorf("process %d still exists", pid)
	}
	if got := p.process.Status(); got != "signal: killed" {
		t.Errorf("status %q", got)
	}
}

func TestCloseEndsTheGroup(t *testing.T) {
	p := start(t, "parent", Options{})
	child := number(t, p.Stderr())
	if !lives(t, child) {
		t.Fatalf("no child process %d", child)
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

// A crash is reported although a process outside the group holds the stderr pipe.
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
			t.Errorf("the holder had ended: %v", err)
		}
	}()
	err := connect(t, p).Do(context.Background(), &scenarios.Request{Op: scenarios.Append, ID: manager.ID(uuid.New())}, &scenarios.Effect{})
	wantError(t, err, []error{scenarios.ErrUnavailable}, []string{"crashed at add_message: exit status 1", "out of memory"})
}

// On Linux a program ends with this process even if it ignores the end of stdin.
func TestProgramEndsWithParent(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux ends a process with its parent")
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
		t.Fatalf("no target process %d", target)
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
	c, err := p.Announced.Dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, `{"op":"reset"}`+"\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || line != "{}\n" {
		t.Errorf("answer %q, %v", line, err)
	}
	if p.Status() != "" {
		t.Errorf("status of a running program: %q", p.Status())
	}
	p.Input.Close()
	<-p.Exited()
	if p.Status() != "exit status 0" {
		t.Errorf("status %q", p.Status())
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}
