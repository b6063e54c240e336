package runner

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/sessbench/sessbench/internal/flawed"
	"github.com/sessbench/sessbench/internal/wait"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/scenarios/trace"
	"github.com/sessbench/sessbench/strategies"
)

// small cuts a scenario down to what a test has time for.
func small(t *testing.T, name string) scenarios.Scenario {
	t.Helper()
	found, err := scenarios.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	s := *found
	s.Users = 8
	s.Sessions = min(s.Sessions, 64)
	s.Hold = min(s.Hold, 50*time.Microsecond)
	s.TTL = min(s.TTL, 5*time.Millisecond)
	return s
}

func subject(t testing.TB, name string) Subject {
	t.Helper()
	s, ok := strategies.Lookup(name)
	if !ok {
		t.Fatalf("no strategy %s", name)
	}
	params, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	return Subject{Label: name, Strategy: s, Params: params, Baseline: name == "global"}
}

// try runs one short trial.
func try(t *testing.T, s scenarios.Scenario, of Subject, window time.Duration) result.Trial {
	t.Helper()
	r := run{Config: Config{Seed: DefaultSeed, Window: window}}
	trial, err := runTrial(t.Context(), of, r.setup(&s))
	if err != nil {
		t.Fatal(err)
	}
	return trial
}

// chosen reports whether a test of every strategy in every scenario includes a pair. The short form, in which the race detector runs
// it, has a third of the pairs, with each strategy and each scenario in some.
func chosen(scenario, strategy int) bool { return !testing.Short() || (scenario+strategy)%3 == 0 }

func TestEveryStrategyPassesTheAuditOfEveryScenario(t *testing.T) {
	for i, s := range scenarios.All() {
		for j, strategy := range strategies.All() {
			if !chosen(i, j) {
				continue
			}
			t.Run(s.Name+"/"+strategy.Name, func(t *testing.T) {
				trial := try(t, small(t, s.Name), subject(t, strategy.Name), 15*time.Millisecond)
				checkSums(t, &trial)
				if !trial.Audit.OK {
					t.Errorf("audit: %+v", trial.Audit)
				}
				counted := countedOps(&trial)
				if counted != trial.LatencyNs.Count {
					t.Errorf("%d operations by kind, %d in all", counted, trial.LatencyNs.Count)
				}
			})
		}
	}
}

func TestVisitsAreCountedExactly(t *testing.T) {
	s := small(t, "chatbot")
	s.Iterations = 7
	trial := try(t, s, subject(t, "sharded"), 0)
	if trial.Visits != 8*7 || trial.Ops != 8*7*3 || trial.Operations["append"].Count != 8*7*2 {
		t.Errorf("%d visits, %d operations, %+v", trial.Visits, trial.Ops, trial.Operations)
	}
	if trial.Fairness.Jain != 1 || trial.Fairness.MinOverMax != 1 {
		t.Errorf("all users did the same: %+v", trial.Fairness)
	}
}

func TestSweptSessionsAreDistinguished(t *testing.T) {
	for _, name := range []string{"expiry", "daily"} {
		s := small(t, name)
		s.TTL = 2 * time.Millisecond
		trial := try(t, s, subject(t, "global"), 60*time.Millisecond)
		if !trial.Audit.OK {
			t.Errorf("%s: %+v", name, trial.Audit)
		}
		if trial.Operations["sweep"].Count == 0 {
			t.Errorf("%s: no sweep in %v", name, trial.Operations)
		}
	}
}

// TestSweepsOfUnusualStores: a sweep that is slow, or that leaves out sessions in use, is no violation.
func TestSweepsOfUnusualStores(t *testing.T) {
	for _, store := range flawed.Unusual() {
		for _, name := range []string{"expiry", "daily"} {
			t.Run(store.Name+"/"+name, func(t *testing.T) {
				t.Parallel()
				s := small(t, name)
				s.TTL = 4 * time.Millisecond
				if trial := try(t, s, Subject{Strategy: &store, Label: store.Name}, 100*time.Millisecond); !trial.Audit.OK {
					t.Errorf("audit: %+v", trial.Audit)
				}
			})
		}
	}
}

func TestDirectoriesAreRemoved(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	try(t, small(t, "brainstorming"), subject(t, "cow"), 10*time.Millisecond)
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// bent is a right store but for what a test bends.
type bent struct {
	manager.SessionStore[manager.Session]
	update func(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error
	view   func(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error
	make   func(ctx context.Context, id manager.ID, create func() manager.Session, view func(*manager.Session)) (bool, error)
	sweep  func(ctx context.Context, expired func(manager.ID, *manager.Session) bool, removed func(manager.ID, manager.Session)) (int, error)
	length func() int
	census *manager.Census
}

func (b *bent) Update(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
	if b.update != nil {
		return b.update(ctx, id, fn)
	}
	return b.SessionStore.Update(ctx, id, fn)
}

func (b *bent) View(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
	if b.view != nil {
		return b.view(ctx, id, fn)
	}
	return b.SessionStore.View(ctx, id, fn)
}

func (b *bent) GetOrCreate(
	ctx context.Context, id manager.ID, create func() manager.Session, view func(*manager.Session),
) (bool, error) {
	if b.make != nil {
		return b.make(ctx, id, create, view)
	}
	return b.SessionStore.GetOrCreate(ctx, id, create, view)
}

func (b *bent) Sweep(
	ctx context.Context, expired func(manager.ID, *manager.Session) bool, removed func(manager.ID, manager.Session),
) (int, error) {
	if b.sweep != nil {
		return b.sweep(ctx, expired, removed)
	}
	return b.SessionStore.Sweep(ctx, expired, removed)
}

func (b *bent) Len(ctx context.Context) (int, error) {
	if b.length != nil {
		return b.length(), nil
	}
	return b.SessionStore.Len(ctx)
}

func (b *bent) Census() manager.Census {
	if b.census != nil {
		return *b.census
	}
	return manager.Census{}
}

// bend makes a subject of a global store that how bends. One mutex keeps what a bend counts in order.
func bend(how func(b *bent)) Subject {
	return Subject{Label: "bent", Strategy: &strategies.Strategy{
		Name: "bent",
		Open: func(strategies.Values) (manager.SessionStore[manager.Session], error) {
			b := &bent{SessionStore: strategies.NewGlobal[manager.Session]()}
			how(b)
			return b, nil
		},
	}}
}

// Whatever a store does wrong during a run strikes its row, by the name of what went wrong.
func TestWrongStoresAreStruck(t *testing.T) {
	t.Parallel()
	everyTenth := func() func() bool {
		n := make(chan int, 1)
		n <- 0
		return func() bool { i := <-n; n <- i + 1; return i%10 == 9 }
	}
	for _, row := range []struct {
		why, scenario, kind string
		how                 func(b *bent)
	}{
		{"one update in ten is made to a copy", "chatbot", "lost update", func(b *bent) {
			tenth := everyTenth()
			b.update = func(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
				return b.SessionStore.Update(ctx, id, func(ctx context.Context, s *manager.Session) error {
					if tenth() {
						return fn(ctx, s.Clone())
					}
					return fn(ctx, s)
				})
			}
		}},
		{"one update in ten is made twice", "hot-session", "phantom update", func(b *bent) {
			tenth := everyTenth()
			b.update = func(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
				if tenth() {
					if err := b.SessionStore.Update(ctx, id, fn); err != nil {
						return err
					}
				}
				return b.SessionStore.Update(ctx, id, fn)
			}
		}},
		{"an update in ten of a board is lost", "brainstorming", "lost update", func(b *bent) {
			tenth := everyTenth()
			b.update = func(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
				return b.SessionStore.Update(ctx, id, func(ctx context.Context, s *manager.Session) error {
					if tenth() {
						return fn(ctx, s.Clone())
					}
					return fn(ctx, s)
				})
			}
		}},
		{"a read sees half of a change", "planner", "torn read", func(b *bent) {
			b.view = func(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
				return b.SessionStore.View(ctx, id, func(ctx context.Context, s *manager.Session) error {
					half := s.Clone()
					if half.Fields != nil {
						half.Fields["owner"] = "other"
					}
					return fn(ctx, half)
				})
			}
		}},
		{"a change of several fields is made by half", "planner", "corrupted session", func(b *bent) {
			b.update = func(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
				return b.SessionStore.Update(ctx, id, func(ctx context.Context, s *manager.Session) error {
					owner := s.Fields["owner"]
					err := fn(ctx, s)
					s.Fields["owner"] = owner
					return err
				})
			}
		}},
		{"every call reports a creation", "churn", "double creation", func(b *bent) {
			b.make = func(ctx context.Context, id manager.ID, create func() manager.Session, view func(*manager.Session)) (bool, error) {
				_, err := b.SessionStore.GetOrCreate(ctx, id, create, view)
				return true, err
			}
		}},
		{"the session created is not the one that is kept", "churn", "lost session", func(b *bent) {
			b.make = func(ctx context.Context, id manager.ID, create func() manager.Session, view func(*manager.Session)) (bool, error) {
				s := create()
				created, err := b.SessionStore.GetOrCreate(ctx, id, create, nil)
				view(&s)
				return created, err
			}
		}},
		{"the sweep forgets a session", "expiry", "lost session", func(b *bent) {
			tenth := everyTenth()
			b.sweep = func(ctx context.Context, expired func(manager.ID, *manager.Session) bool, removed func(manager.ID, manager.Session)) (int, error) {
				return b.SessionStore.Sweep(ctx, expired, func(id manager.ID, s manager.Session) {
					if !tenth() {
						removed(id, s)
					}
				})
			}
		}},
		{"the sweep hands a session over twice", "expiry", "removed twice", func(b *bent) {
			b.sweep = func(ctx context.Context, expired func(manager.ID, *manager.Session) bool, removed func(manager.ID, manager.Session)) (int, error) {
				return b.SessionStore.Sweep(ctx, expired, func(id manager.ID, s manager.Session) { removed(id, s); removed(id, s) })
			}
		}},
		{"a session that is there is not found", "daily", "lost session", func(b *bent) {
			tenth := everyTenth()
			b.view = func(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
				if tenth() {
					return manager.ErrNotFound
				}
				return b.SessionStore.View(ctx, id, fn)
			}
		}},
		{"a session that must be there is not found", "auth", "lost session", func(b *bent) {
			tenth := everyTenth()
			b.view = func(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
				if tenth() {
					return manager.ErrNotFound
				}
				return b.SessionStore.View(ctx, id, fn)
			}
		}},
		{"a touch in ten is lost", "auth", "lost update", func(b *bent) {
			b.update = func(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
				return b.SessionStore.View(ctx, id, func(ctx context.Context, s *manager.Session) error { return fn(ctx, s.Clone()) })
			}
		}},
		{"an update fails for no reason", "hundred-users", "unexpected error", func(b *bent) {
			b.update = func(context.Context, manager.ID, func(context.Context, *manager.Session) error) error {
				return errors.New("no reason")
			}
		}},
		{"an update panics", "chatbot", "unexpected error", func(b *bent) {
			var armed bool
			b.update = func(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
				return b.SessionStore.Update(ctx, id, func(ctx context.Context, s *manager.Session) error {
					if armed = armed || s.Seq > 18; armed {
						panic("no reason")
					}
					return fn(ctx, s)
				})
			}
		}},
		{"one touch in ten is lost where messages are what is counted", "expiry", "lost update", func(b *bent) {
			tenth := everyTenth()
			b.update = func(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
				return b.SessionStore.Update(ctx, id, func(ctx context.Context, s *manager.Session) error {
					before := *s.Clone()
					err := fn(ctx, s)
					if s.Seq == before.Seq && tenth() {
						*s = before
					}
					return err
				})
			}
		}},
		{"the sweep takes whatever is there", "expiry", "lost session", func(b *bent) {
			b.sweep = func(ctx context.Context, _ func(manager.ID, *manager.Session) bool, removed func(manager.ID, manager.Session)) (int, error) {
				return b.SessionStore.Sweep(ctx, func(manager.ID, *manager.Session) bool { return true }, removed)
			}
		}},
		{"a sweep removes at most three sessions", "expiry", "session not swept", atMostThree},
		{"a sweep at the end of the day removes at most three sessions", "daily", "session not swept", atMostThree},
		{"sessions are counted that are gone", "create-storm", "sessions left", func(b *bent) {
			b.length = func() int { return 1 }
		}},
		{"locks are kept for sessions that are gone", "hundred-users", "locks left", func(b *bent) {
			b.census = &manager.Census{Locks: 8}
		}},
	} {
		t.Run(row.why, func(t *testing.T) {
			t.Parallel()
			s := small(t, row.scenario)
			if row.scenario == "auth" {
				s.Mix = scenarios.Mix{{Op: scenarios.Validate, Weight: 1}, {Op: scenarios.Touch, Weight: 1}}
			}
			switch row.kind + row.scenario {
			case "lost updateexpiry":
				s.Visit, s.Mix = nil, scenarios.Mix{{Op: scenarios.Append, Weight: 1}, {Op: scenarios.Touch, Weight: 1}}
			case "session not sweptexpiry", "session not sweptdaily":
				s.Iterations, s.Sessions, s.Think = 200, 10_000, 100*time.Microsecond // most sessions are used once
			case "lost sessionexpiry":
				s.TTL, s.Think = 50*time.Millisecond, 2*time.Millisecond // two sweeps at least see sessions in use
			}
			if s.Iterations == 0 {
				s.Iterations = 60 // by count and not by time: enough of everything on any machine
			}
			named := func(v result.Violation) bool { return v.Kind == row.kind }
			trial := try(t, s, bend(row.how), 0)
			for again := 0; again < 4 && row.kind == "session not swept" && trial.Audit.OK; again++ {
				s.Iterations, s.Sessions = 2*s.Iterations, 2*s.Sessions // on a busy machine single operations take long, and as long a session may be in use
				trial = try(t, s, bend(row.how), 0)
			}
			if trial.Audit.OK || !slices.ContainsFunc(trial.Audit.Violations, named) {
				t.Errorf("want %q, found %+v", row.kind, trial.Audit)
			}
		})
	}
}

// atMostThree makes a sweep remove at most three sessions, but not the one at the end of the trial.
func atMostThree(b *bent) {
	b.sweep = func(ctx context.Context, expired func(manager.ID, *manager.Session) bool, removed func(manager.ID, manager.Session)) (int, error) {
		left := 3
		if expired(manager.ID{}, &manager.Session{Touched: math.MaxInt64}) {
			left = math.MaxInt
		}
		return b.SessionStore.Sweep(ctx, func(id manager.ID, s *manager.Session) bool {
			goes := left > 0 && expired(id, s)
			if goes {
				left--
			}
			return goes
		}, removed)
	}
}

func TestAHangIsAViolationAndEndsTheSubject(t *testing.T) {
	release := make(chan struct{})
	defer func() { close(release); time.Sleep(10 * time.Millisecond) }()
	s := small(t, "chatbot")
	s.Iterations = 1
	hangs := bend(func(b *bent) {
		b.update = func(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
			<-release
			return manager.ErrClosed
		}
	})
	// The keeper appends, too: nothing to prepare, so that the hang comes in the window.
	s.Prefill = 0
	doc, err := Run(t.Context(), Config{
		Subjects: []Subject{hangs}, Scenarios: []scenarios.Scenario{s}, Runs: 2, Seed: 1, Patience: 50 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	trials := doc.Results[0].Trials
	if len(trials) != 1 || trials[0].Audit.OK || trials[0].Audit.Violations[0].Kind != "hang" {
		t.Errorf("trials: %+v", trials)
	}
}

// Whatever a store does outside the window, too, strikes its row and no other.
func TestViolationsOutsideTheWindow(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	for _, row := range []struct {
		why, scenario, kind string
		how                 func(b *bent)
	}{
		{"hangs while sessions are prepared", "chatbot", "hang", func(b *bent) {
			b.update = func(context.Context, manager.ID, func(context.Context, *manager.Session) error) error {
				<-release
				return manager.ErrClosed
			}
		}},
		{"fails while sessions are prepared", "chatbot", "unexpected error", func(b *bent) {
			b.update = func(context.Context, manager.ID, func(context.Context, *manager.Session) error) error {
				return errors.New("no reason")
			}
		}},
		{"hangs in the sweep at the end", "brainstorming", "hang", func(b *bent) {
			b.sweep = func(context.Context, func(manager.ID, *manager.Session) bool, func(manager.ID, manager.Session)) (int, error) {
				<-release
				return 0, manager.ErrClosed
			}
		}},
		{"panics in the sweep at the end", "chatbot", "unexpected error", func(b *bent) {
			b.sweep = func(context.Context, func(manager.ID, *manager.Session) bool, func(manager.ID, manager.Session)) (int, error) {
				panic("no reason")
			}
		}},
	} {
		t.Run(row.why, func(t *testing.T) {
			s := small(t, row.scenario)
			s.Iterations, s.Sessions = 1, 8
			doc, err := Run(t.Context(), Config{
				Subjects: []Subject{bend(row.how), subject(t, "xsync")}, Scenarios: []scenarios.Scenario{s}, Runs: 2, Seed: 1,
				Patience: 50 * time.Millisecond,
			})
			if err != nil {
				t.Fatal(err)
			}
			bad, good := doc.Results[0].Trials, doc.Results[1].Trials
			if len(bad) != 1 || bad[0].Audit.OK || bad[0].Audit.Violations[0].Kind != row.kind {
				t.Errorf("want %q once, found %+v", row.kind, bad)
			}
			if len(good) != 2 || !good[0].Audit.OK {
				t.Errorf("the other store: %+v", good)
			}
		})
	}
}

func TestRunInterleavesAndKeepsTheOrderOfSubjects(t *testing.T) {
	s := small(t, "chatbot")
	subjects := []Subject{subject(t, "global"), subject(t, "cow"), subject(t, "noop"), subject(t, "sharded")}
	var steps int
	doc, err := Run(t.Context(), Config{
		Subjects: subjects, Scenarios: []scenarios.Scenario{s}, Runs: 3, Window: 5 * time.Millisecond, Seed: 3,
		Progress: func(Step) { steps++ },
	})
	if err != nil {
		t.Fatal(err)
	}
	orders := map[int]bool{}
	for i, r := range doc.Results {
		if r.Strategy != subjects[i].Label {
			t.Errorf("result %d is %s, want %s", i, r.Strategy, subjects[i].Label)
		}
		for b, trial := range r.Trials {
			if trial.Block != b || trial.Order/len(subjects) != b {
				t.Errorf("%s: trial %d has block %d, order %d", r.Strategy, b, trial.Block, trial.Order)
			}
			orders[trial.Order] = true
		}
		if probe := r.Strategy == "noop"; probe != r.Trials[0].Audit.Skipped || probe != (r.LimitOpsPerSec == 0) {
			t.Errorf("%s: skipped %v, limit %v", r.Strategy, r.Trials[0].Audit.Skipped, r.LimitOpsPerSec)
		}
		if r.TapeHash != doc.Results[0].TapeHash {
			t.Error("not the same tape for all")
		}
	}
	if len(orders) != 12 || steps == 0 {
		t.Errorf("%d different places in the order, %d steps reported", len(orders), steps)
	}
	if doc.Harness.NsPerOp < 1 || doc.Machine.Cores == 0 {
		t.Errorf("harness %+v, machine %+v", doc.Harness, doc.Machine)
	}
}

func TestInterruptionKeepsWhatWasFinished(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := small(t, "chatbot")
	doc, err := Run(ctx, Config{
		Subjects: []Subject{subject(t, "global"), subject(t, "actor")}, Scenarios: []scenarios.Scenario{s}, Runs: 50,
		Window: 5 * time.Millisecond, Seed: 1,
		Progress: func(s Step) {
			if s.Done == 5 {
				cancel()
			}
		},
	})
	if !errors.Is(err, context.Canceled) || doc == nil || !doc.Interrupted {
		t.Fatalf("error %v, document %v", err, doc)
	}
	if n := len(doc.Results[0].Trials) + len(doc.Results[1].Trials); n != 5 {
		t.Errorf("%d trials kept, want 5", n)
	}
}

// A hundred users, each holding its own session: the throughput cannot be above the limit, and on any machine one
// lock a session comes far nearer to it than one lock for all, since sleeping needs no processor.
func TestOfLimit(t *testing.T) {
	s := small(t, "hundred-users")
	s.Users, s.Sessions, s.Hold = 20, 20, 5*time.Millisecond
	doc, err := Run(t.Context(), Config{
		Subjects: []Subject{subject(t, "global"), subject(t, "per-session")}, Scenarios: []scenarios.Scenario{s}, Runs: 1, Seed: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	share := func(i int) float64 {
		return doc.Results[i].Trials[0].OpsPerSec / doc.Results[i].LimitOpsPerSec
	}
	if global, own := share(0), share(1); global > 0.06 || own < 2*global || math.IsNaN(own) {
		t.Errorf("of limit: global %.3f, per-session %.3f", global, own)
	}
}

func TestReplayFollowsTheLog(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log.csv")
	log := "t_s,session,user_tokens,assistant_tokens\n0,a,1,2\n1,b,3,4\n2,a,5,6\n3,c,7,8\n"
	if err := os.WriteFile(file, []byte(log), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, speed := range []float64{0, 1000} {
		s := scenarios.Recorded()
		s.Users = 2
		tape := compile(t, file, s.Users)
		s.Sessions = int(tape.Counts().Sessions)
		if speed > 0 {
			s.FollowLog(speed)
		}
		doc, err := Run(t.Context(), Config{
			Subjects: []Subject{subject(t, "global"), subject(t, "actor")}, Scenarios: []scenarios.Scenario{s}, Runs: 2, Seed: 1,
			Traffic: tape,
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range doc.Results {
			for _, trial := range r.Trials {
				if !trial.Audit.OK || trial.Visits != 4 || trial.Operations["get_or_create"].Count != 3 ||
					trial.Operations["history"].Count != 4 || trial.Operations["append"].Count != 8 {
					t.Errorf("speed %v: %s: %+v", speed, r.Strategy, trial)
				}
				if took := time.Duration(trial.ElapsedNs); speed > 0 && took < 3*time.Millisecond {
					t.Errorf("three seconds at 1000x took %v", took)
				}
			}
		}
	}
}

func compile(t *testing.T, file string, users int) *trace.Tape {
	t.Helper()
	r, err := trace.Open(file, trace.Options{Format: "auto"})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	tape, err := trace.NewTape(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tape.Close() })
	if err := tape.Compile(t.Context(), r, users); err != nil {
		t.Fatal(err)
	}
	return tape
}

// rewriting performs updates, which the chatbot does not count, by an operation that changes the version once and reports no use.
type rewriting struct{ scenarios.Conn }

func (c rewriting) Do(ctx context.Context, q *scenarios.Request, e *scenarios.Effect) error {
	if q.Op != scenarios.Update {
		return c.Conn.Do(ctx, q, e)
	}
	touch := *q
	touch.Op = scenarios.Touch
	err := c.Conn.Do(ctx, &touch, e)
	e.Uses = 0
	return err
}

// A write that a scenario does not count changes the version. The audit does not take it for one that no user made.
func TestUncountedWrites(t *testing.T) {
	s := small(t, "chatbot")
	s.Visit = []scenarios.Op{scenarios.Append, scenarios.Update}
	r := run{Config: Config{Seed: DefaultSeed, Window: 20 * time.Millisecond}}
	tr, err := prepare(t.Context(), subject(t, "sharded"), r.setup(&s))
	if err != nil {
		t.Fatal(err)
	}
	defer tr.cleanUp()
	tr.meter.clock, err = wait.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer tr.meter.clock.Stop()
	for _, u := range tr.users.active {
		u.driver, u.waiter = rewriting{u.driver}, tr.meter.clock.NewWaiter()
	}
	w, err := tr.drive()
	if err != nil {
		t.Fatal(err)
	}
	trial, err := tr.finish(w)
	if err != nil || !trial.Audit.OK || trial.Operations["update"].Count == 0 {
		t.Errorf("%+v, %v", trial.Audit, err)
	}
}

// countedOps returns how many operations a trial has by kind, sweeps left out, which are not among all of its latencies.
func countedOps(trial *result.Trial) (n int64) {
	for op, o := range trial.Operations {
		if op != "sweep" {
			n += o.Count
		}
	}
	return n
}
