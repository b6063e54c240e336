package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/internal/adapter"
	"github.com/sessbench/sessbench/internal/adapter/conformance"
	"github.com/sessbench/sessbench/internal/child"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// shippedAdapters are the adapters in examples/, with each of their lock strategies. The common part of an adapter is tested
// once. The short form leaves out the strategies without which each language still has a sound and, if it has any, an unsound one.
func shippedAdapters() []shippedAdapter {
	return []shippedAdapter{
		{language: "python", words: "python/server.py --lock global", long: true},
		{language: "python", words: "python/server.py --lock per-session", unsound: true},
		{language: "python", words: "python/server.py --lock per-session-fixed", protocol: true},
		{language: "python", words: "python/server.py --lock global --async", long: true},
		{language: "python", words: "python/server.py --lock per-session --async", unsound: true},
		{language: "python", words: "python/server.py --lock per-session-fixed --async", protocol: true},
		{language: "java", words: "java/Server.java --lock synchronized", long: true},
		{language: "java", words: "java/Server.java --lock compute"},
		{language: "java", words: "java/Server.java --lock reentrant", protocol: true},
		{language: "node", words: "node/server.js --lock none", unsound: true},
		{language: "node", words: "node/server.js --lock global", long: true},
		{language: "node", words: "node/server.js --lock per-session", protocol: true},
	}
}

type shippedAdapter struct {
	language string
	words    string // of the command line without the interpreter; the first is a path in examples/
	protocol bool   // also run the conformance checks
	unsound  bool   // the strategy loses updates on purpose
	long     bool   // tested in the long form only
}

func TestShippedAdapters(t *testing.T) {
	if child.RaceDetector {
		t.Skip("the race detector does not see other programs")
	}
	t.Parallel()
	classes := t.TempDir()
	compiled := sync.OnceValue(func() error { // a start from source takes seconds of processor time
		out, err := exec.CommandContext(t.Context(), "javac", "-J-XX:TieredStopAtLevel=1", "-J-XX:+UseSerialGC", "-d", classes, "../examples/java/Server.java").CombinedOutput()
		if err != nil {
			return fmt.Errorf("javac: %w: %s", err, out)
		}
		return nil
	})
	for _, a := range shippedAdapters() {
		t.Run(a.words, func(t *testing.T) {
			if a.long && !long {
				t.Skip("not in the short form: make long")
			}
			t.Parallel()
			started := a.spec(t)
			if a.language == "java" {
				if err := compiled(); err != nil {
					t.Fatal(err)
				}
				started.Command = append([]string{started.Command[0], "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", classes, "Server"},
					started.Command[2:]...) // a short run is over before better code pays
			}
			if a.protocol {
				t.Run("conforms", func(t *testing.T) { conforms(t, started) })
			}
			t.Run("locks", func(t *testing.T) { a.locks(t, started) })
		})
	}
}

// TestJavaAdapterRunsFromSource starts the adapter as the documentation does.
func TestJavaAdapterRunsFromSource(t *testing.T) {
	t.Parallel()
	a := shippedAdapter{language: "java", words: "java/Server.java --lock reentrant"}
	p, err := adapter.Start(t.Context(), a.spec(t), adapter.Options{StartTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// spec returns the adapter's command. Without its interpreter the test is skipped, or fails if SESSBENCH_REQUIRE has the
// language.
func (a shippedAdapter) spec(t *testing.T) adapter.Spec {
	t.Helper()
	interpreter, err := interpreters[a.language]()
	switch required := os.Getenv("SESSBENCH_REQUIRE"); {
	case err != nil && slices.Contains(strings.Split(required, ","), a.language):
		t.Fatalf("%v, but SESSBENCH_REQUIRE=%q", err, required)
	case err != nil:
		t.Skip(err)
	}
	words := strings.Fields(a.words)
	words[0], err = filepath.Abs(filepath.Join("..", "examples", words[0]))
	if err != nil {
		t.Fatal(err)
	}
	if a.language == "python" {
		words = append([]string{"-B"}, words...) // no compiled files beside the source
	}
	return adapter.Spec{Command: append([]string{interpreter}, words...)}
}

// interpreters are asked for their versions once.
var interpreters = map[string]func() (string, error){
	"python": sync.OnceValues(func() (string, error) { return interpreterOf("python") }),
	"java":   sync.OnceValues(func() (string, error) { return interpreterOf("java") }),
	"node":   sync.OnceValues(func() (string, error) { return interpreterOf("node") }),
}

// interpreterOf returns the path of a language's interpreter, or an error if it is too old for the examples.
func interpreterOf(language string) (string, error) {
	var name string
	var major, minor int
	switch language {
	case "python":
		name, major, minor = "python3", 3, 9
	case "java":
		name, major = "java", 17
		if _, err := exec.LookPath("javac"); err != nil {
			return "", errors.New("no javac in PATH: java cannot run source files")
		}
	case "node":
		name, major = "node", 18
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("no %s in PATH", name)
	}
	out, err := exec.Command(path, "--version").Output() // fails for Java 8
	m := regexp.MustCompile(`(\d+)(?:\.(\d+))?`).FindSubmatch(out)
	if err != nil || m == nil {
		return "", fmt.Errorf("%s --version: no version", name)
	}
	gotMajor, _ := strconv.Atoi(string(m[1])) // digits
	gotMinor, _ := strconv.Atoi(string(m[2]))
	if gotMajor < major || gotMajor == major && gotMinor < minor {
		return "", fmt.Errorf("%s in PATH is %s: want %d.%d or later", name, m[0], major, minor)
	}
	return path, nil
}

func conforms(t *testing.T, spec adapter.Spec) {
	report, err := conformance.Run(t.Context(), conformance.Config{Target: spec, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range report.Checks {
		if c.Outcome != conformance.Pass {
			t.Errorf("%s: %s\nsent %s\ngot  %s\nwant %s\n%s", c.Name, c.Outcome, c.Sent, c.Got, c.Want, c.Note)
		}
	}
}

// locks lets concurrent users work on two sessions that are removed and created again.
func (a shippedAdapter) locks(t *testing.T, spec adapter.Spec) {
	p, err := adapter.Start(t.Context(), spec, adapter.Options{StartTimeout: time.Minute, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}()
	limit := int64(300)
	if a.unsound {
		limit = 100_000 // usually a few hundred suffice
	}
	switch lost, err := lostUpdate(t.Context(), p, limit); {
	case err != nil:
		t.Fatal(err)
	case lost != "" && !a.unsound:
		t.Error(lost)
	case lost == "" && a.unsound:
		t.Errorf("no update lost in %d operations: this lock strategy must lose one", limit)
	}
}

// lostUpdate lets users work on the same sessions until limit operations are done or an update is lost, and describes the
// lost update.
func lostUpdate(ctx context.Context, t scenarios.Target, limit int64) (lost string, err error) {
	const users = 8
	ids := []manager.ID{uuid.New(), uuid.New()}
	var (
		wg   sync.WaitGroup
		done atomic.Int64
		errs [users]error
		mu   sync.Mutex // protects seen and lost
		seen = map[uint64]*incarnation{}
	)
	use := func(c scenarios.Conn, rng *rand.Rand) error {
		var a scenarios.Effect
		for done.Add(1) <= limit {
			q := scenarios.Request{ID: ids[rng.IntN(len(ids))]}
			switch dice := rng.IntN(10); {
			case dice < 2:
				q.Op = scenarios.GetOrCreate
			case dice < 3:
				q.Op = scenarios.Delete
			default:
				q.Op, q.Role, q.Content = scenarios.Append, "user", "hello"
				q.Hold = time.Duration(50+rng.IntN(950)) * time.Microsecond
			}
			err := c.Do(ctx, &q, &a)
			switch {
			case errors.Is(err, manager.ErrNotFound):
				continue
			case err != nil:
				return err
			case a.Reported&scenarios.ReportsSeq == 0 || a.Reported&scenarios.ReportsIncarnation == 0:
				return fmt.Errorf("%v without seq or incarnation: %+v", q.Op, a)
			}
			mu.Lock()
			in := seen[a.Incarnation]
			if in == nil {
				in = &incarnation{seqs: map[uint64]bool{}}
				seen[a.Incarnation] = in
			}
			if problem := in.add(q.Op, a.Seq); problem != "" {
				lost = fmt.Sprintf("incarnation %d: %s", a.Incarnation, problem)
				done.Store(limit)
			}
			mu.Unlock()
		}
		return nil
	}
	for i := range users {
		c, err := t.Connect(ctx)
		if err != nil {
			return "", err
		}
		defer c.Close()
		wg.Go(func() { errs[i] = use(c, rand.New(rand.NewPCG(1, uint64(i)))) })
	}
	wg.Wait()
	return lost, errors.Join(errs[:]...)
}

// incarnation is the set of answers about one incarnation of a session.
type incarnation struct {
	seqs    map[uint64]bool // of the messages
	latest  uint64          // highest of them
	deleted bool
	last    uint64 // seq in the answer to delete
}

// add adds an answer and describes a contradiction to earlier ones, empty for none.
func (l *incarnation) add(op scenarios.Op, seq uint64) string {
	switch op {
	case scenarios.Append:
		if l.seqs[seq] {
			return fmt.Sprintf("two messages have the number %d", seq)
		}
		l.seqs[seq] = true
		l.latest = max(l.latest, seq)
	case scenarios.Delete:
		if l.deleted {
			return "deleted twice"
		}
		l.deleted, l.last = true, seq
	}
	if l.deleted && l.latest > l.last {
		return fmt.Sprintf("deleted with %d messages, but one has the number %d", l.last, l.latest)
	}
	return ""
}

// TestPythonAdapterRemovesDirectories: the adapter removes its boards' directories at its end, and at its start those of a
// killed one.
func TestPythonAdapterRemovesDirectories(t *testing.T) {
	t.Parallel()
	spec := shippedAdapter{language: "python", words: "python/server.py --lock global"}.spec(t)
	tmp := t.TempDir()
	spec.Command = append([]string{"env", "TMPDIR=" + tmp}, spec.Command...)
	roots := func() (names []string) {
		list, err := os.ReadDir(tmp)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range list {
			names = append(names, entry.Name())
		}
		return names
	}
	board := func(p *adapter.Program) {
		c, err := p.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		q := scenarios.Request{Op: scenarios.Create, Kind: scenarios.BoardDriver}
		if err := errors.Join(c.Do(t.Context(), &q, new(scenarios.Effect)), c.Close()); err != nil {
			t.Fatal(err)
		}
	}
	start := func(spec adapter.Spec) *adapter.Program {
		p, err := adapter.Start(t.Context(), spec, adapter.Options{})
		if err != nil {
			t.Fatal(err)
		}
		board(p)
		return p
	}
	killed := exec.CommandContext(t.Context(), spec.Command[0], spec.Command[1:]...)
	if _, err := killed.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := killed.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := killed.Start(); err != nil {
		t.Fatal(err)
	}
	var announced struct{ Listen string }
	if err := json.NewDecoder(out).Decode(&announced); err != nil {
		t.Fatal(err)
	}
	joined := start(adapter.Spec{Network: "tcp", Address: announced.Listen})
	if err := joined.Close(); err != nil {
		t.Error(err)
	}
	living := start(spec)
	left := roots()
	if len(left) != 2 {
		t.Fatalf("directories of two programs: %q", left)
	}
	if err := killed.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = killed.Wait()   // killed
	next := start(spec) // removes a directory and creates one
	if now := roots(); len(now) != 2 || slices.Equal(now, left) {
		t.Errorf("directories after a kill and a start: %q, before %q", now, left)
	}
	board(living) // its directory must still exist
	if err := errors.Join(living.Close(), next.Close()); err != nil {
		t.Error(err)
	}
	if now := roots(); len(now) != 0 {
		t.Errorf("%q left", now)
	}
}
