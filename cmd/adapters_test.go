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

// shippedAdapters are the adapters below examples/, each with every way of locking that it has. What is the same with all of
// them is tested once.
func shippedAdapters() []shippedAdapter {
	return []shippedAdapter{
		{language: "python", words: "python/server.py --lock global"},
		{language: "python", words: "python/server.py --lock per-session", unsound: true},
		{language: "python", words: "python/server.py --lock per-session-fixed", wholly: true},
		{language: "python", words: "python/server.py --lock global --async"},
		{language: "python", words: "python/server.py --lock per-session --async", unsound: true},
		{language: "python", words: "python/server.py --lock per-session-fixed --async", wholly: true},
		{language: "java", words: "java/Server.java --lock synchronized"},
		{language: "java", words: "java/Server.java --lock compute"},
		{language: "java", words: "java/Server.java --lock reentrant", wholly: true},
		{language: "node", words: "node/server.js --lock none", unsound: true, wholly: true, fails: "two messages at once in one session"},
		{language: "node", words: "node/server.js --lock global"},
		{language: "node", words: "node/server.js --lock per-session", wholly: true},
	}
}

type shippedAdapter struct {
	language string
	words    string // of its command line, the interpreter aside; the first is a path below examples/
	wholly   bool   // the protocol, too, is tested with this one
	unsound  bool   // its lock is there to show how an update gets lost
	fails    string // the only check of its conformance that it fails; empty: none
}

func TestShippedAdapters(t *testing.T) {
	if child.RaceDetector {
		t.Skip("left out: the race detector sees nothing of other programs")
	}
	classes := t.TempDir()
	compiled := sync.OnceValue(func() error { // from source each start takes seconds of processor time
		out, err := exec.CommandContext(t.Context(), "javac", "-d", classes, "../examples/java/Server.java").CombinedOutput()
		if err != nil {
			return fmt.Errorf("javac: %w: %s", err, out)
		}
		return nil
	})
	for _, a := range shippedAdapters() {
		t.Run(a.words, func(t *testing.T) {
			t.Parallel()
			started := a.spec(t)
			if a.language == "java" {
				if err := compiled(); err != nil {
					t.Fatal(err)
				}
				started.Command = append([]string{started.Command[0], "-cp", classes, "Server"}, started.Command[2:]...)
			}
			if a.wholly {
				t.Run("speaks the protocol", func(t *testing.T) { a.speaks(t, started) })
			}
			t.Run("locks as it says", func(t *testing.T) { a.locks(t, started) })
		})
	}
}

// TestJavaAdapterRunsFromSource starts it as its users do.
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

// spec says how to start the adapter. Without its interpreter the test is left out, or fails where SESSBENCH_REQUIRE
// names the language.
func (a shippedAdapter) spec(t *testing.T) adapter.Spec {
	t.Helper()
	interpreter, err := interpreterOf(t.Context(), a.language)
	switch required := os.Getenv("SESSBENCH_REQUIRE"); {
	case err != nil && slices.Contains(strings.Split(required, ","), a.language):
		t.Fatalf("left out: %v, and SESSBENCH_REQUIRE=%q forbids it", err, required)
	case err != nil:
		t.Skipf("left out: %v", err)
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

// interpreterOf finds the program that runs a language, in a version that is new enough for the examples.
func interpreterOf(ctx context.Context, language string) (string, error) {
	var name string
	var major, minor int
	switch language {
	case "python":
		name, major, minor = "python3", 3, 9
	case "java":
		name, major = "java", 17
		if _, err := exec.LookPath("javac"); err != nil {
			return "", errors.New("no javac in PATH: without it java runs no source")
		}
	case "node":
		name, major = "node", 18
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("no %s in PATH", name)
	}
	out, err := exec.CommandContext(ctx, path, "--version").Output() // Java 8 does not know it
	m := regexp.MustCompile(`(\d+)(?:\.(\d+))?`).FindSubmatch(out)
	if err != nil || m == nil {
		return "", fmt.Errorf("%s in PATH does not tell its version", name)
	}
	is, _ := strconv.Atoi(string(m[1])) // digits
	and, _ := strconv.Atoi(string(m[2]))
	if is < major || is == major && and < minor {
		return "", fmt.Errorf("%s in PATH is %s: want %d.%d or later", name, m[0], major, minor)
	}
	return path, nil
}

func (a shippedAdapter) speaks(t *testing.T, spec adapter.Spec) {
	report, err := conformance.Run(t.Context(), conformance.Config{Target: spec, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	failed := ""
	for _, c := range report.Checks {
		switch {
		case c.Name == a.fails:
			failed = c.Name
			if c.Verdict != conformance.Fail {
				t.Errorf("%s: %s: want it to fail", c.Name, c.Verdict)
			}
		case c.Verdict != conformance.Pass:
			t.Errorf("%s: %s\nsent %s\ngot  %s\nwant %s\n%s", c.Name, c.Verdict, c.Sent, c.Got, c.Want, c.Note)
		}
	}
	if failed != a.fails {
		t.Errorf("no check is called %q", a.fails)
	}
}

// locks has users meet on two sessions that come and go.
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
	enough := int64(1000)
	if a.unsound {
		enough = 100_000 // some hundred do as a rule
	}
	switch lost, err := lostUpdate(t.Context(), p, enough); {
	case err != nil:
		t.Fatal(err)
	case lost != "" && !a.unsound:
		t.Error(lost)
	case lost == "" && a.unsound:
		t.Errorf("no update lost in %d operations: want one, it is what this lock is there to show", enough)
	}
}

// lostUpdate has users work on the same sessions until so many operations are done or an update was lost: then it says
// which.
func lostUpdate(ctx context.Context, t scenarios.Target, enough int64) (lost string, err error) {
	const users = 8
	ids := []manager.ID{uuid.New(), uuid.New()}
	var (
		wg    sync.WaitGroup
		done  atomic.Int64
		errs  [users]error
		mu    sync.Mutex // protects lives and lost
		lives = map[uint64]*toldLife{}
	)
	use := func(c scenarios.Conn, rng *rand.Rand) error {
		var a scenarios.Effect
		for done.Add(1) <= enough {
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
				return fmt.Errorf("%v told no seq or no incarnation: %+v", q.Op, a)
			}
			mu.Lock()
			life := lives[a.Incarnation]
			if life == nil {
				life = &toldLife{seqs: map[uint64]bool{}}
				lives[a.Incarnation] = life
			}
			if wrong := life.tell(q.Op, a.Seq); wrong != "" {
				lost = fmt.Sprintf("life %d: %s", a.Incarnation, wrong)
				done.Store(enough)
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

// toldLife is what a target told about one life of a session.
type toldLife struct {
	seqs   map[uint64]bool // of the messages
	latest uint64          // of them
	ended  bool
	last   uint64 // messages there were at the end
}

// tell says what is wrong in it with one more answer, or nothing.
func (l *toldLife) tell(op scenarios.Op, seq uint64) string {
	switch op {
	case scenarios.Append:
		if l.seqs[seq] {
			return fmt.Sprintf("two messages got the number %d", seq)
		}
		l.seqs[seq] = true
		l.latest = max(l.latest, seq)
	case scenarios.Delete:
		if l.ended {
			return "it was ended twice"
		}
		l.ended, l.last = true, seq
	}
	if l.ended && l.latest > l.last {
		return fmt.Sprintf("it ended with %d messages, and one has the number %d", l.last, l.latest)
	}
	return ""
}

// TestPythonAdapterRemovesDirectories: those of its boards when it ends, and at the next start those of one that was killed.
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
		t.Fatalf("two programs have the directories %q", left)
	}
	if err := killed.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = killed.Wait()   // killed
	next := start(spec) // which removes one and makes one
	if now := roots(); len(now) != 2 || slices.Equal(now, left) {
		t.Errorf("after one was killed and another started there are %q: before %q", now, left)
	}
	board(living) // its own is still there
	if err := errors.Join(living.Close(), next.Close()); err != nil {
		t.Error(err)
	}
	if now := roots(); len(now) != 0 {
		t.Errorf("%q is left", now)
	}
}
