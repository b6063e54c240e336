//go:build unix

package cmd

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/lockedfile"
)

// blockedProcess is this program in a separate process and directory.
type blockedProcess struct {
	t *testing.T
	*exec.Cmd
	out    bytes.Buffer
	stderr *signalled
}

// startIn starts the program where dir has what it reads. It is ready when its stderr matches the pattern.
func startIn(t *testing.T, dir, ready string, args ...string) *blockedProcess {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &blockedProcess{
		t: t, Cmd: exec.Command(self),
		stderr: &signalled{pattern: regexp.MustCompile(ready), matched: make(chan struct{})},
	}
	p.Args = append([]string{"sessbench"}, args...) // by which name the test binary is the program
	p.Dir, p.Stdout, p.Stderr = dir, &p.out, p.stderr
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill() })
	return p
}

// feed writes text to a named pipe once the program has opened it for reading, by which time it handles signals.
func (p *blockedProcess) feed(path, text string) {
	p.t.Helper()
	f := p.openPipe(path)
	defer f.Close()
	if _, err := io.WriteString(f, text); err != nil {
		p.t.Fatal(err)
	}
}

func (p *blockedProcess) openPipe(path string) *os.File {
	p.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		f, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if err == nil {
			return f
		}
		if !errors.Is(err, syscall.ENXIO) || time.Now().After(deadline) {
			p.t.Fatalf("%v; stderr: %s", err, p.stderr.text.String())
		}
	}
}

// ends sends a signal and makes sure that the program ends with this exit code.
func (p *blockedProcess) ends(with os.Signal, code int) {
	p.t.Helper()
	if err := p.Process.Signal(with); err != nil {
		p.t.Fatal(err)
	}
	p.exits(code)
}

func (p *blockedProcess) exits(code int) {
	p.t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- p.Wait() }()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		_ = p.Process.Kill()
		<-ended
		p.t.Fatalf("still there a minute after the signal; stderr: %s", p.stderr.text.String())
	}
	if got := p.ProcessState.ExitCode(); got != code {
		p.t.Errorf("%v: want exit code %d; stderr: %s", p.ProcessState, code, p.stderr.text.String())
	}
}

func pipes(t *testing.T, names ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, name := range names {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Skip("no named pipes here:", err)
		}
	}
	return dir
}

// document is a result document that one trial wrote.
func document(t *testing.T) string {
	t.Helper()
	code, out, stderr := sessbench(t.Context(), strings.Fields("run -q -s hundred-users -S cow -u 2 -r 1 -i 2 --hold 0 -f json"))
	if code != exitOK {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	return out
}

func TestFirstSignalEndsWhatBlocks(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	t.Parallel()
	heedHangups(t)
	doc := document(t)
	for _, tc := range []struct {
		why    string
		signal os.Signal
		args   string
		pipes  map[string]string // what the program reads before it blocks; first.yaml is read by every case that names it
	}{
		{"opening a trace", syscall.SIGINT, "run -c first.yaml --trace second", map[string]string{"first.yaml": "users: 2\n"}},
		{"opening a trace to describe", syscall.SIGTERM, "trace stats first second", map[string]string{"first": "a\nb\n"}},
		{"opening a history", syscall.SIGHUP, "verify -c first.yaml --history second", map[string]string{"first.yaml": "quiet: true\n"}},
		{"opening a result", syscall.SIGINT, "report merge first second", map[string]string{"first": doc}},
		{"opening a result to compare", syscall.SIGTERM, "compare first second", map[string]string{"first": doc}},
		{"opening a baseline", syscall.SIGHUP, "check -c first.yaml --baseline ./second", map[string]string{"first.yaml": "users: 2\n"}},
		{"opening a history of runs", syscall.SIGINT, "history add first second", map[string]string{"first": doc}},
		{"waiting for the lock of a history", syscall.SIGTERM, "history add first --file locked", map[string]string{"first": doc}},
	} {
		t.Run(tc.why, func(t *testing.T) {
			t.Parallel()
			dir := pipes(t, "first", "first.yaml", "second")
			unlock, err := lockedfile.MutexAt(filepath.Join(dir, "locked.lock")).Lock()
			if err != nil {
				t.Fatal(err)
			}
			defer unlock()
			p := startIn(t, dir, "^$", strings.Fields(tc.args)...)
			for name, text := range tc.pipes {
				p.feed(filepath.Join(dir, name), text)
			}
			time.Sleep(50 * time.Millisecond) // it ends the same if it is not there yet
			p.ends(tc.signal, exitInterrupted)
			if !strings.Contains(p.stderr.text.String(), "interrupted") {
				t.Errorf("stderr: %s", p.stderr.text.String())
			}
			if left, _ := filepath.Glob(filepath.Join(dir, ".sessbench-*")); left != nil {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// heedHangups has the processes that a test starts begin with the default action of SIGHUP, where the test itself was started
// with the signal ignored, as under nohup: a handler here becomes the default there.
func heedHangups(t *testing.T) {
	t.Helper()
	handled := make(chan os.Signal, 1)
	signal.Notify(handled, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(handled) })
}

// TestFirstSignalEndsReading: reading a pipe that stays open ends, too.
func TestFirstSignalEndsReading(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	t.Parallel()
	for _, args := range []string{"run -c pipe.yaml", "run --trace pipe.yaml", "report pipe.yaml", "history show --file pipe.yaml", "trace stats pipe.yaml"} {
		dir := pipes(t, "pipe.yaml")
		p := startIn(t, dir, "^$", strings.Fields(args)...)
		f := p.openPipe(filepath.Join(dir, "pipe.yaml"))
		p.ends(syscall.SIGINT, exitInterrupted)
		f.Close()
	}
}

// TestFirstSignalEndsWriting: results are written to every reader, and a pipe without a reader does not block the end.
func TestFirstSignalEndsWriting(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	t.Parallel()
	dir := pipes(t, "pipe")
	p := startIn(t, dir, "block 1/1 done", strings.Fields("run -s hundred-users -S cow -u 2 -r 1 -i 2 --hold 0 -o csv=pipe -o json=file.json")...)
	<-p.stderr.matched
	p.ends(syscall.SIGINT, exitInterrupted)
	if !strings.Contains(p.out.String(), "cow") {
		t.Errorf("stdout: %q", p.out.String())
	}
	if text, err := os.ReadFile(filepath.Join(dir, "file.json")); err != nil || !bytes.Contains(text, []byte(`"strategy": "cow"`)) {
		t.Errorf("the file holds %q, %v", text, err)
	}
	if want := "write pipe: interrupted: the reader does not read"; !strings.Contains(p.stderr.text.String(), want) {
		t.Errorf("stderr %q: want %q", p.stderr.text.String(), want)
	}
}

// TestHangup: SIGHUP ends a run as SIGTERM does, and does not where it was ignored at the start, as under nohup.
func TestHangup(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	t.Parallel()
	heedHangups(t)
	p := startIn(t, t.TempDir(), "block 2/1000", strings.Fields("run -S cow -u 2 -r 1000 -d 20ms --hold 0 --warmup 0s -o json=result.json")...)
	<-p.stderr.matched
	p.ends(syscall.SIGHUP, exitInterrupted)
	if text, err := os.ReadFile(filepath.Join(p.Dir, "result.json")); err != nil || !bytes.Contains(text, []byte(`"interrupted": true`)) {
		t.Errorf("the file holds %q, %v", text, err)
	}

	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell here:", err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "sessbench")
	if err := os.Symlink(self, link); err != nil {
		t.Fatal(err)
	}
	p = &blockedProcess{t: t, stderr: &signalled{pattern: regexp.MustCompile("block 1/3"), matched: make(chan struct{})}}
	p.Cmd = exec.Command(sh, "-c", `trap "" HUP; exec "$0" run -S cow -u 2 -r 3 -d 100ms --hold 0 --warmup 0s`, link)
	p.Dir, p.Stdout, p.Stderr = t.TempDir(), &p.out, p.stderr
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	<-p.stderr.matched
	p.ends(syscall.SIGHUP, exitOK)
}
