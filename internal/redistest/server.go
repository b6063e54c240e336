// Package redistest provides Redis for tests: servers and clusters of redis-server processes on loopback, which end with
// the test.
package redistest

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/sessbench/sessbench/internal/child"
)

const program = "redis-server"

// RequireEnv is the environment variable that lists the tools, separated by commas, without which tests fail instead of being
// skipped: "redis" requires redis-server in PATH.
const RequireEnv = "SESSBENCH_REQUIRE"

// patience is how long a server may take to start or to load a small file.
const patience = 20 * time.Second

// Server is a redis-server process with its own directory and port. Its data is lost with the process unless it was started with
// persistence ("--appendonly", "yes").
//
// Its methods except Kill and Restart may be called from several goroutines.
type Server struct {
	Port int

	t      testing.TB
	dir    string
	args   []string // in addition to those that every server gets
	client *redis.Client

	process *child.Process
}

// Start starts a server with further arguments, as on redis-server's command line, and returns it once it answers. It keeps
// nothing on disk by default. It is killed at the end of t at the latest, and on Linux when the test process dies.
// Where there is no redis-server, t is skipped, or fails (see [RequireEnv]).
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	need(t)
	s := &Server{t: t, dir: t.TempDir(), args: args}
	const tries = 5 // another process may take a port that was free
	var err error
	for range tries {
		if s.Port, err = freePort(); err != nil {
			break
		}
		if err = s.launch(); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	s.client = redis.NewClient(&redis.Options{
		Addr: s.Addr(), MaxRetries: -1, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	t.Cleanup(func() {
		s.client.Close()
		s.Kill()
	})
	return s
}

// need skips or fails a test where redis-server is missing.
func need(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	const why = "left out: no redis-server in PATH"
	if slices.Contains(strings.Split(os.Getenv(RequireEnv), ","), "redis") {
		t.Fatalf("%s, and %s=%q forbids it", why, RequireEnv, os.Getenv(RequireEnv))
	}
	t.Skip(why)
}

// freePort returns an unused TCP port on loopback.
func freePort() (int, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// Addr is the server's address, HOST:PORT.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)) }

// URL is the server's address as a URL.
func (s *Server) URL() string { return "redis://" + s.Addr() }

// Client is a client of the server, without retries or a proxy. It is closed at the end of the test.
func (s *Server) Client() *redis.Client { return s.client }

// Kill kills the server with SIGKILL and waits for its end. It is for one goroutine at a time, and may be called again.
func (s *Server) Kill() { s.process.Kill() }

// Restart starts a killed server again, with its directory and port, and returns when it has loaded its data. It is for the
// goroutine of the test.
func (s *Server) Restart() {
	s.t.Helper()
	s.Kill()
	if err := s.launch(); err != nil {
		s.t.Fatal(err)
	}
}

// launch starts the process and waits until it answers.
func (s *Server) launch() error {
	port := strconv.Itoa(s.Port)
	args := []string{
		"--bind", "127.0.0.1", "--port", port, "--dir", s.dir, "--logfile", s.log(),
		"--save", "", "--appendonly", "no", "--daemonize", "no",
	}
	c := exec.Command(program, append(args, s.args...)...)
	c.Dir = s.dir
	var stdout bytes.Buffer
	p, err := child.Start(c, child.Options{Output: func(r io.Reader) { _, _ = stdout.ReadFrom(r) }})
	if err != nil {
		return err
	}
	s.process = p
	if err := s.await(); err != nil {
		s.Kill()
		return fmt.Errorf("%s on port %s: %w:\n%s", program, port, err, cmp.Or(s.endOfLog(), stdout.String()+p.Stderr()))
	}
	return nil
}

func (s *Server) log() string { return filepath.Join(s.dir, "redis.log") }

// endOfLog is the end of the server's log.
func (s *Server) endOfLog() string {
	text, _ := os.ReadFile(s.log()) // fails where the server could not write one
	const enough = 2000
	return string(text[max(0, len(text)-enough):])
}

// await waits until the server has loaded its data and answers.
func (s *Server) await() error {
	late := time.After(patience)
	for {
		err := ping(s.Addr())
		if err == nil {
			return nil
		}
		select {
		case <-s.process.Exited():
			return errors.New("ended at once")
		case <-late:
			return fmt.Errorf("does not answer after %v: %w", patience, err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func ping(addr string) error {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	if _, err := io.WriteString(c, "PING\r\n"); err != nil {
		return err
	}
	answer, err := bufio.NewReader(c).ReadString('\n')
	if err == nil && answer != "+PONG\r\n" {
		err = errors.New(strings.TrimSpace(answer))
	}
	return err
}
