package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sessbench/sessbench/internal/child"
	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies"
)

func TestMain(m *testing.M) {
	if os.Getenv(ChildVariable) != "" {
		if err := ServeChild(context.Background(), openTestStore); err != nil {
			fmt.Fprintln(os.Stderr, "sessbench:", err)
			os.Exit(child.ExitNoAnswer)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

type testStore = manager.SessionStore[manager.Session]

// broken is a store whose first update calls do, and whose other methods can be replaced.
type broken struct {
	testStore
	once   sync.Once
	do     func()
	update func(s testStore, ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error
	close  func()
}

func (b *broken) Update(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
	if b.do != nil {
		b.once.Do(b.do)
	}
	if b.update != nil {
		return b.update(b.testStore, ctx, id, fn)
	}
	return b.testStore.Update(ctx, id, fn)
}

func (b *broken) Close() error {
	if b.close != nil {
		b.close()
	}
	return b.testStore.Close()
}

// openTestStore is the Opener of the child processes of these tests.
func openTestStore(_ context.Context, t *Task) error {
	b := &broken{}
	switch t.Label {
	case "correct":
	case "unsupported":
		return fmt.Errorf("no such operation: %w", scenarios.ErrUnsupported)
	case "lossy":
		b.update = func(s testStore, ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
			return s.View(ctx, id, func(ctx context.Context, held *manager.Session) error { return fn(ctx, held.Clone()) })
		}
	case "busy":
		b.do = func() {
			for {
				runtime.Gosched()
			}
		}
	case "deadlocked":
		b.do = func() { select {} }
	case "large":
		b.do = allocateForever
	case "slow to close":
		b.close = func() { time.Sleep(4 * slowAfter) }
	case "prints a race report":
		b.do = func() { fmt.Fprint(os.Stderr, "log: "+raceBanner+" is quoted\n"+raceBanner+"\n") }
	case "deadlocked when opened":
		select {}
	case "busy when opened":
		for {
			runtime.Gosched()
		}
	}
	t.Config.Subject = Subject{
		Label:      t.Label,
		Guarantees: manager.Guarantees{Blocks: manager.BlocksSession, ExclusiveUpdates: true},
		Open: func(*SyncPoints) (testStore, error) {
			b := &broken{do: b.do, update: b.update, close: b.close}
			b.testStore = strategies.NewPerSession[manager.Session]()
			return b, nil
		},
	}
	return nil
}

// allocateForever takes 16 MB of memory each millisecond.
func allocateForever() {
	type block struct {
		before *block
		data   [16 << 20]byte
	}
	for last := new(block); last != nil; {
		last = &block{before: last}
		last.data[0] = 1
		time.Sleep(time.Millisecond)
	}
}

// testTask is a task that takes a moment.
func testTask(label string) Task {
	return Task{
		Label: label, MaxMemory: 512 << 20, Margin: time.Minute, Source: []byte("null"),
		Config: Config{Seed: 5, Rounds: 3, Budget: time.Minute, Users: 4, Ops: 100, Patience: time.Minute},
	}
}

func runChild(t *testing.T, ctx context.Context, task Task, step func(Step)) (*Report, error) {
	t.Helper()
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	return RunChild(ctx, task, Callbacks{Step: step, Slow: func(time.Duration) {}})
}

func ignoreSteps(Step) {}

var quiet = Callbacks{Step: ignoreSteps, Slow: func(time.Duration) {}}

// atOnce runs a subtest for each row, all at the same time, and then looks for goroutines that they left.
func atOnce[R any](t *testing.T, rows map[string]R, test func(t *testing.T, name string, row R)) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	var running sync.WaitGroup
	for name, row := range rows {
		running.Go(func() {
			t.Run(name, func(t *testing.T) { test(t, name, row) })
		})
	}
	running.Wait()
}

func TestChildSendsStepsAndReport(t *testing.T) {
	steps := 0
	r, err := runChild(t, t.Context(), testTask("correct"), func(Step) { steps++ })
	if err != nil || r.Verdict == history.Violated || r.Rounds != 3 || steps != 3 {
		t.Errorf("%+v, error %v after %d steps: want no violation after 3", r, err, steps)
	}
}

// The history of a violation is received shortened and as recorded.
func TestChildSendsHistories(t *testing.T) {
	task := testTask("lossy")
	task.Config.Rounds, task.Config.First = 20, true
	r, err := runChild(t, t.Context(), task, ignoreSteps)
	if err != nil || r.Violation == nil || r.Violation.History == nil || r.Violation.Full == nil {
		t.Fatalf("%+v, error %v: want a violation with both histories", r, err)
	}
	if v := r.Violation; len(v.History.Ops) == 0 || len(v.Full.Ops) < len(v.History.Ops) {
		t.Errorf("%d operations, shortened from %d", len(v.History.Ops), len(v.Full.Ops))
	}
}

// A child that does not end is stopped. That is a hang only if its goroutines wait for one another.
func TestChildThatDoesNotEnd(t *testing.T) {
	ends := map[string]history.Verdict{"deadlocked when opened": history.Violated, "busy when opened": history.Inconclusive}
	atOnce(t, ends, func(t *testing.T, label string, want history.Verdict) {
		task := testTask(label)
		task.Config.Budget, task.Config.Patience, task.Margin = time.Second, 10*time.Millisecond, 0
		r, err := RunChild(t.Context(), task, quiet)
		if err != nil {
			t.Fatal(err)
		}
		if r.Verdict != want {
			t.Fatalf("%s, %s, %+v: want %s", r.Verdict, r.Why, r.Violation, want)
		}
		if v := r.Violation; v != nil && (v.Anomaly != history.Hang || v.Detector != history.ByWatchdog || v.Seed != 5 || !strings.Contains(v.Stacks, "goroutine ")) {
			t.Errorf("%+v: want a hang with stacks", v)
		}
	})
}

// A store whose update never returns hangs if every goroutine waits; while goroutines are at work nothing is decided.
func TestUpdateThatDoesNotReturn(t *testing.T) {
	atOnce(t, map[string]Reason{"deadlocked": "", "busy": NoProgress}, func(t *testing.T, label string, want Reason) {
		task := testTask(label)
		task.Config.Patience = 100 * time.Millisecond
		r, err := RunChild(t.Context(), task, quiet)
		if err != nil {
			t.Fatal(err)
		}
		hangs := r.Violation != nil && r.Violation.Anomaly == history.Hang
		if r.Reason != want || hangs != (want == "") || hangs && r.Violation.Stacks == "" {
			t.Errorf("%s, %s, %+v: want the reason %q", r.Verdict, r.Why, r.Violation, want)
		}
	})
}

func TestChildThatUsesTooMuchMemory(t *testing.T) {
	task := testTask("large")
	task.Config.Rounds = 1
	r, err := runChild(t, t.Context(), task, ignoreSteps)
	if err != nil || r.Violation == nil || r.Violation.Anomaly != history.Crash || !strings.Contains(r.Violation.Why, "memory") {
		t.Fatalf("%+v, error %v: want a crash for its memory", r, err)
	}
}

func TestChildReportsErrors(t *testing.T) {
	_, err := runChild(t, t.Context(), testTask("unsupported"), ignoreSteps)
	if !errors.Is(err, scenarios.ErrUnsupported) || !strings.HasPrefix(err.Error(), "no such operation") {
		t.Errorf("error %v: want the child's", err)
	}
}

// When ctx ends the child reports what it has found by then. If that takes long, Slow is called once.
func TestInterruptedChild(t *testing.T) {
	atOnce(t, map[string]int{"correct": 0, "slow to close": 1}, func(t *testing.T, label string, want int) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		task := testTask(label)
		task.Config.Rounds, task.Config.Budget, task.Config.Patience = -1, time.Hour, 2*time.Second
		var slow []time.Duration
		r, err := RunChild(ctx, task, Callbacks{
			// Between the report of a round and the start of the next one a child stops at once, however slow its store closes.
			Step: func(Step) { time.AfterFunc(time.Duration(want)*slowAfter/2, cancel) },
			Slow: func(atMost time.Duration) { slow = append(slow, atMost) },
		})
		if err != nil || r.Verdict != history.Inconclusive || r.Rounds == 0 {
			t.Errorf("%+v, error %v: want an inconclusive report", r, err)
		}
		if len(slow) < want || len(slow) > 1 || len(slow) == 1 && slow[0] != 14*time.Second {
			t.Errorf("Slow was called with %v: want %d calls with 14s", slow, want)
		}
	})
}

// A store that prints what the race detector prints is not accused of a race.
func TestPrintedRaceReport(t *testing.T) {
	if child.RaceDetector {
		t.Skip("the race detector may have printed it")
	}
	if r, err := runChild(t, t.Context(), testTask("prints a race report"), ignoreSteps); err != nil || r.Violation != nil {
		t.Errorf("%+v, error %v: want no violation", r, err)
	}
}

func TestServeNeedsATask(t *testing.T) {
	if err := serve(t.Context(), strings.NewReader(""), &bytes.Buffer{}, nil); err == nil || !strings.Contains(err.Error(), "holds no task") {
		t.Errorf("error %v", err)
	}
}

func TestReceive(t *testing.T) {
	for sent, want := range map[string]string{
		"{}\n":          "cannot be read: empty message",
		"null\n":        "cannot be read: empty message",
		"good day\n":    "cannot be read: invalid character",
		`{"error":"x"}`: "x",
	} {
		messages := make(chan message)
		go child.Messages(strings.NewReader(sent), messages, unreadable)
		var s supervisor
		n := 0
		for m := range messages {
			s.receive(m, Callbacks{})
			n++
		}
		if n != 1 || !strings.Contains(s.last.Error, want) {
			t.Errorf("%q: %d messages, %+v: want the error %q", sent, n, s.last, want)
		}
	}
}

func TestRaceIn(t *testing.T) {
	for _, tc := range []struct {
		why, stderr string
		detector    bool
		want        string
	}{
		{"a report", "hello\n==================\n" + raceBanner + "\nWrite at\n", true, raceBanner + "\nWrite at"},
		{"a line that quotes it", "log: " + raceBanner + "\n", true, ""},
		{"a build without it", raceBanner + "\nWrite at\n", false, ""},
		{"nothing", "", true, ""},
	} {
		if got := raceIn(tc.stderr, tc.detector); got != tc.want {
			t.Errorf("%s: %q: want %q", tc.why, got, tc.want)
		}
	}
}

func TestCrashReport(t *testing.T) {
	for _, tc := range []struct{ why, stderr, want, begins string }{
		{"a fatal error after a store's output", "hello\nfatal error: concurrent map writes\n\ngoroutine 7:\n",
			"fatal error: concurrent map writes", "fatal error"},
		{"a panic", "panic: runtime error: index out of range [3]\n\ngoroutine 1:\n", "panic: runtime error: index out of range [3]", "panic"},
		{"a panic after others that were recovered from and logged", "panic: caught\nfatal error: not yet\npanic: uncaught\n\ngoroutine 1:\n",
			"panic: uncaught", "panic: uncaught"},
		{"a panic after which the system made a core", "panic: x\n\ngoroutine 1:\nSIGABRT: abort\n", "panic: x", "panic: x"},
		{"a line that quotes one", "log: panic: x\n", "", "log: "},
		{"a segfault in C", "SIGSEGV: segmentation violation\nPC=0x0\n", "SIGSEGV: segmentation violation", "SIGSEGV"},
		{"a race", "==================\nWARNING: DATA RACE\nWrite at 0x1 by goroutine 8:\n", racing, "WARNING: DATA RACE"},
		{"nothing of the kind", "goodbye\n", "", "goodbye"},
		{"nothing", "", "", ""},
	} {
		why, stacks := crashReport(tc.stderr, true)
		if why != tc.want || !strings.HasPrefix(stacks, tc.begins) {
			t.Errorf("%s: %q, %q: want %q and a beginning %q", tc.why, why, stacks, tc.want, tc.begins)
		}
	}
}

// A process that exits without a crash report is reported by its state.
func TestCrashedWithoutReport(t *testing.T) {
	for _, tc := range []struct{ script, want string }{
		{"exit 3", "before it had sent its report: exit status 3"},
		{"exit 0", "before it had sent its report"},
		{"kill -KILL $$", "signal: killed, as the system does when memory runs out"},
	} {
		p := exec.Command("sh", "-c", tc.script)
		if err := p.Run(); p.ProcessState == nil {
			t.Skip(err)
		}
		task := testTask("x")
		task.Config.Until = Any
		r := task.crashed(p.ProcessState, "", 7)
		if !strings.HasSuffix(r.Violation.Why, tc.want) || r.Violation.Seed != 6 || r.Rounds != 8 || r.Attempts != 3 || r.Verdict != history.Violated {
			t.Errorf("%s: %+v, %+v: want %q", tc.script, r, r.Violation, tc.want)
		}
	}
}
