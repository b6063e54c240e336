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

// TestTheGroupEndsToo: what a child has started ends when the child is killed, and when it ends by itself.
func TestTheGroupEndsToo(t *testing.T) {
	for _, role := range []string{"grandparent", "orphaner"} {
		p, lines := start(t, role, Options{})
		left, err := strconv.Atoi(next(t, lines))
		if err != nil {
			t.Fatal(err)
		}
		if role == "grandparent" {
			p.Kill()
		}
		await(t, p)
		ended(t, role, left)
	}
}

// TestAChildDiesWithItsParent even if the parent is killed and the child does not look at its stdin.
func TestAChildDiesWithItsParent(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("elsewhere a child is to end at the end of its stdin")
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

// ended waits until there is no such process, or only what a parent that is gone could not wait for.
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

// TestFilesAreNotHandedOn: a child inherits a file, and what it starts does not.
func TestFilesAreNotHandedOn(t *testing.T) {
	file, err := os.Create(t.TempDir() + "/heirloom")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, row := range []struct{ role, want string }{
		{"heir's child", "inherited as 3\n"}, // there is something to inherit
		{"heir", ""},
	} {
		c := command(row.role)
		c.Env = append(c.Env, heirloomEnv+"="+file.Name())
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
