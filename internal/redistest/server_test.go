package redistest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sessbench/sessbench/internal/child"
)

var background = context.Background()

func TestServersAreSeparate(t *testing.T) {
	a, b := Start(t), Start(t)
	if err := a.Client().Set(background, "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if n, err := b.Client().DBSize(background).Result(); n != 0 || err != nil {
		t.Errorf("a fresh server holds %d keys (error %v), want 0", n, err)
	}
}

func TestKillAndRestart(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		want error
	}{
		{"nothing is kept on disk", nil, redis.Nil},
		{"the append-only file is kept", []string{"--appendonly", "yes", "--appendfsync", "always"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := Start(t, c.args...)
			if err := s.Client().Set(background, "k", "v", 0).Err(); err != nil {
				t.Fatal(err)
			}
			s.Kill()
			if err := s.Client().Get(background, "k").Err(); err == nil || errors.Is(err, redis.Nil) {
				t.Errorf("a killed server answered %v", err)
			}
			s.Restart()
			if err := s.Client().Get(background, "k").Err(); !errors.Is(err, c.want) {
				t.Errorf("after the restart: error %v, want %v", err, c.want)
			}
		})
	}
}

// recorder is a testing.TB that stops by a panic.
type recorder struct {
	testing.TB
	skipped, failed string
}

func (r *recorder) Helper() {}

func (r *recorder) Skip(args ...any) {
	r.skipped = fmt.Sprint(args...)
	panic(r)
}

func (r *recorder) Fatal(args ...any) {
	r.failed = fmt.Sprint(args...)
	panic(r)
}

func (r *recorder) Fatalf(format string, args ...any) { r.Fatal(fmt.Sprintf(format, args...)) }

// stopped runs f until it returns or stops the test.
func (r *recorder) stopped(f func()) {
	defer func() {
		if p := recover(); p != nil && p != r {
			panic(p)
		}
	}()
	f()
}

func TestWithoutRedisServer(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv(RequireEnv, "python,java")
	left := &recorder{TB: t}
	left.stopped(func() { Start(left) })
	if want := "left out: no redis-server in PATH"; left.skipped != want {
		t.Errorf("skipped with %q, want %q", left.skipped, want)
	}
	t.Setenv(RequireEnv, "python,redis")
	required := &recorder{TB: t}
	required.stopped(func() { StartCluster(required, 3) })
	if required.skipped != "" || !strings.Contains(required.failed, "no redis-server in PATH") {
		t.Errorf("skipped with %q and failed with %q, want a failure", required.skipped, required.failed)
	}
}

func TestStartError(t *testing.T) {
	need(t)
	r := &recorder{TB: t}
	r.stopped(func() { Start(r, "--maxmemory", "plenty") })
	if !strings.Contains(r.failed, "plenty") {
		t.Errorf("failed with %q, want the output of redis-server", r.failed)
	}
}

// serverAddrFile is the file to which a child of this test writes the address of its server.
const serverAddrFile = "REDISTEST_SERVER_ADDR_FILE"

// TestServerEndsWithItsTest kills a test process that has started a server.
func TestServerEndsWithItsTest(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("left out: a server can outlive a killed test on " + runtime.GOOS)
	}
	need(t)
	note := filepath.Join(t.TempDir(), "addr")
	orphan := exec.Command(os.Args[0], "-test.run=^TestServerEndsWithTheProcess$")
	orphan.Env = append(os.Environ(), serverAddrFile+"="+note, "TMPDIR="+t.TempDir()) // it cannot clean up
	p, err := child.Start(orphan, child.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	addr := ""
	for start := time.Now(); addr == ""; time.Sleep(5 * time.Millisecond) {
		text, _ := os.ReadFile(note) // not there yet
		addr = string(text)
		if time.Since(start) > patience {
			t.Fatal("the child started no server")
		}
	}
	if err := ping(addr); err != nil {
		t.Fatalf("the child's server: %v", err)
	}
	if err := p.Signal(os.Kill); err != nil { // not its group
		t.Fatal(err)
	}
	for start := time.Now(); ping(addr) == nil; time.Sleep(5 * time.Millisecond) {
		if time.Since(start) > patience {
			t.Fatalf("a server still answers %v after its test was killed", patience)
		}
	}
}

// TestServerEndsWithTheProcess is what TestServerEndsWithItsTest kills.
func TestServerEndsWithTheProcess(t *testing.T) {
	note := os.Getenv(serverAddrFile)
	if note == "" {
		t.Skip("part of TestServerEndsWithItsTest")
	}
	s := Start(t)
	if err := os.WriteFile(note+".new", []byte(s.Addr()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(note+".new", note); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Hour)
}
