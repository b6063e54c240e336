//go:build unix

package child

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestGroupIsKilled: a process that a child has started is killed when the child is killed, and when the child ends.
func TestGroupIsKilled(t *testing.T) {
	for _, role := range []string{"starts another", "leaves another"} {
		p, lines := start(t, role, Options{})
		left, err := strconv.Atoi(next(t, lines))
		if err != nil {
			t.Fatal(err)
		}
		if role == "starts another" {
			p.Kill()
		}
		await(t, p)
		ended(t, role, left)
	}
}

// TestDiesWithParent: a child that ignores its stdin dies when its parent is killed.
func TestDiesWithParent(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("elsewhere a child ends at the end of its stdin")
	}
	p, lines := start(t, "parent", Options{})
	left, err := strconv.Atoi(next(t, lines))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	await(t, p)
	ended(t, "parent", left)
}

// ended waits until there is no such process, or only a zombie whose parent is dead.
func ended(t *testing.T, role string, pid int) {
	t.Helper()
	for end := time.Now().Add(ample); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if err := syscall.Kill(pid, 0); errors.Is(err, syscall.ESRCH) {
			return
		}
		if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil && strings.Contains(string(stat), ") Z ") {
			return
		}
	}
	t.Errorf("%s: process %d is still there", role, pid)
}

// TestFilesAreNotInheritedTwice: a child inherits a file, and the processes that it starts do not.
func TestFilesAreNotInheritedTwice(t *testing.T) {
	file, err := os.Create(t.TempDir() + "/inherited")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, row := range []struct{ role, want string }{
		{"inheritor", "inherited as 3\n"}, // the file can be inherited
		{"starts inheritor", ""},
	} {
		c := command(row.role)
		c.Env = append(c.Env, fileEnv+"="+file.Name())
		c.ExtraFiles = []*os.File{file}
		p, err := Start(c, Options{Answers: answersEnv})
		if err != nil {
			t.Fatal(err)
		}
		await(t, p)
		if got := p.Stderr(); got != row.want {
			t.Errorf("%s: %q: want %q", row.role, got, row.want)
		}
	}
}

// TestKillPrecedesEndOfStdin: a child that would exit with status 3 at the end of its stdin never does.
func TestKillPrecedesEndOfStdin(t *testing.T) {
	for range 50 {
		p, lines := start(t, "echo", Options{})
		fmt.Fprintln(p.Input, "hello")
		next(t, lines)
		p.Kill()
		if code := p.State().ExitCode(); code != -1 {
			t.Fatalf("exit code %d: want that of a signal", code)
		}
	}
}
