//go:build unix

package openfiles

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// limited has a test run with a limit of open files.
func limited(t *testing.T, to uint64) {
	t.Helper()
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	lower := before
	setCur(&lower, to)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lower); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
			t.Error(err)
		}
	})
}

// setCur sets a limit whose type depends on the system.
func setCur(l *syscall.Rlimit, to uint64) {
	switch cur := any(&l.Cur).(type) {
	case *uint64:
		*cur = to
	case *int64:
		*cur = int64(to)
	}
}

func TestCheck(t *testing.T) {
	limited(t, 64)
	if err := Check(20); err != nil {
		t.Errorf("20 files of 64: %v", err)
	}
	err := Check(100)
	found, ok := errors.AsType[*Error](err)
	if !ok || found.Limit != 64 || found.Need < 100 || found.Need > 164 {
		t.Fatalf("100 files of 64: %v", err)
	}
	if text := err.Error(); !strings.HasPrefix(text, "the limit of open files (ulimit -n) is 64: want 1") {
		t.Error(text)
	}
	limited(t, uint64(found.Need))
	if err := Check(100); err != nil {
		t.Errorf("the limit that was asked for does not suffice: %v", err)
	}
}

func TestExplain(t *testing.T) {
	limited(t, 64)
	for _, test := range []struct {
		why  string
		err  error
		want string
	}{
		{"no error", nil, "<nil>"},
		{"another error", os.ErrNotExist, "file does not exist"},
		{"the limit of this process", fmt.Errorf("dial: %w", syscall.EMFILE),
			"dial: too many open files: the limit of open files (ulimit -n) is 64: want 1024 or more"},
		{"an explained one", fmt.Errorf("start: %w", &Error{Limit: 64, Need: 200, Cause: syscall.EMFILE}),
			"start: too many open files: the limit of open files (ulimit -n) is 64: want 200 or more"},
	} {
		if got := fmt.Sprint(Explain(test.err, Usual)); got != test.want {
			t.Errorf("%s: %s: want %s", test.why, got, test.want)
		}
	}
}

// A process whose soft limit alone is too low may raise it.
func TestCheckProcessThatMayRaiseItsLimit(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("left out: only Linux says what another process's limit is")
	}
	limited(t, 64)
	found, ok := errors.AsType[*Error](CheckProcess(os.Getpid(), "this", 65))
	if !ok || !found.Raisable || found.Limit != 64 {
		t.Errorf("%#v: want one of 64 that can be raised", found)
	}
}

func TestCheckProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("left out: only Linux says what another process's limit is")
	}
	limited(t, 100)
	c := exec.Command("sh", "-c", "ulimit -n 64; echo; read end")
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		in.Close()
		_ = c.Wait() // read found the end
	}()
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := CheckProcess(c.Process.Pid, "sh", 64); err != nil {
		t.Errorf("64 files of 64: %v", err)
	}
	err = CheckProcess(c.Process.Pid, "sh", 65)
	if want := "the limit of open files (ulimit -n) of sh is 64: want 65 or more"; err == nil || err.Error() != want {
		t.Errorf("65 files of 64: %v: want %s", err, want)
	}
	if found, ok := errors.AsType[*Error](err); !ok || found.Raisable {
		t.Errorf("%#v: want a limit that cannot be raised", err)
	}
	if err := CheckProcess(1<<30, "no process", 1<<20); err != nil {
		t.Errorf("no such process: %v", err)
	}
}
