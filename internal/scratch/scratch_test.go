package scratch

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

const (
	prefix  = "sessbench-scratch-test-"
	makeEnv = "SCRATCH_TEST_MAKE"
)

// TestMain is also a process that makes a directory, says where, and waits for its end.
func TestMain(m *testing.M) {
	if os.Getenv(makeEnv) == "" {
		os.Exit(m.Run())
	}
	d, err := Make(prefix)
	if err != nil {
		panic(err)
	}
	os.Stdout.WriteString(d.Path() + "\n")
	_, _ = os.Stdin.Read(make([]byte, 1))
}

// other starts such a process and returns its directory.
func other(t *testing.T) (*exec.Cmd, string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self)
	c.Env = append(os.Environ(), makeEnv+"=1")
	if _, err := c.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill() // it may have ended
		_ = c.Wait()         // killed
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return c, strings.TrimSpace(line)
}

func there(t *testing.T, path string) bool {
	t.Helper()
	_, err := os.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

func TestMakeAndRemove(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	d, err := Make(prefix)
	if err != nil {
		t.Fatal(err)
	}
	if list, err := os.ReadDir(d.Path()); err != nil || len(list) > 0 {
		t.Errorf("%v in it, %v: want nothing", list, err)
	}
	if err := os.WriteFile(filepath.Join(d.Path(), "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.Remove(); err != nil {
		t.Error(err)
	}
	if list, err := os.ReadDir(os.TempDir()); err != nil || len(list) > 0 {
		t.Errorf("%v is left, %v", list, err)
	}
}

// A lock file is there as long as there is content, so that what an interrupted removal leaves is removed by the next process.
func TestTheLockFileIsRemovedLast(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("left out: there are no lock files here")
	}
	t.Setenv("TMPDIR", t.TempDir())
	d, err := Make(prefix)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { removeAll = os.RemoveAll }()
	interrupted := errors.New("interrupted")
	removeAll = func(path string) error { // stops behind the first file, as a process that is killed
		for name := range strings.SplitSeq(lockName+" "+contentName, " ") {
			file := filepath.Join(path, name)
			if _, err := os.Stat(file); err == nil {
				return errors.Join(interrupted, os.Remove(file))
			}
		}
		return interrupted
	}
	if err := d.Remove(); !errors.Is(err, interrupted) {
		t.Fatalf("error %v: want %v", err, interrupted)
	}
	Sweep(prefix)
	removeAll = os.RemoveAll
	if !there(t, d.Path()) {
		t.Fatal("the removal was not interrupted")
	}
	Sweep(prefix)
	if list, err := os.ReadDir(os.TempDir()); err != nil || len(list) > 0 {
		t.Errorf("%v is left, %v", list, err)
	}
}

// Where files cannot be locked, none is held: some of these systems rename and remove no open files.
func TestWithoutLocks(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var seen *os.File
	lock = func(f *os.File) (bool, error) { seen = f; return false, nil }
	defer func() { lock = tryLock }()
	d, err := Make(prefix)
	if err != nil {
		t.Fatal(err)
	}
	if d.lock != nil || seen.Close() == nil {
		t.Error("a file is open")
	}
	Sweep(prefix)
	if !there(t, d.Path()) {
		t.Error("the directory of a process that lives is removed")
	}
	if err := d.Remove(); err != nil {
		t.Error(err)
	}
	if list, err := os.ReadDir(os.TempDir()); err != nil || len(list) > 0 {
		t.Errorf("%v is left, %v", list, err)
	}
}

// Directories of processes that were killed are removed by the next one; those of processes that live, and others, stay.
func TestSweepRemovesDirectoriesOfEndedProcesses(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("left out: nothing is removed here")
	}
	t.Setenv("TMPDIR", t.TempDir())
	_, living := other(t)
	killed, left := other(t)
	if err := os.Mkdir(filepath.Join(left, "board"), 0o700); err != nil {
		t.Fatal(err)
	}
	own, err := Make(prefix)
	if err != nil {
		t.Fatal(err)
	}
	defer own.Remove()
	if !there(t, left) {
		t.Fatal("the directory of a process that lives is removed")
	}
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = killed.Wait() // killed
	unlocked, foreign := filepath.Join(os.TempDir(), prefix+"about-to-be-locked"), filepath.Join(os.TempDir(), "other")
	for _, dir := range []string{unlocked, foreign} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	another, err := Make(prefix)
	if err != nil {
		t.Fatal(err)
	}
	defer another.Remove()
	if there(t, filepath.Dir(left)) {
		t.Error("the directory of a process that was killed is still there")
	}
	for _, dir := range []string{living, own.Path(), unlocked, foreign} {
		if !there(t, dir) {
			t.Errorf("%s is gone", dir)
		}
	}
}
