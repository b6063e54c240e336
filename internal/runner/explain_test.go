package runner

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessbench/sessbench/internal/explain"
	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies"
)

// explained runs the pass that explains a store.
func explained(t *testing.T, s scenarios.Scenario, of Subject, window time.Duration) *result.Explanation {
	t.Helper()
	r := run{Config: Config{Seed: DefaultSeed, Window: window, Warmup: 20 * time.Millisecond}}
	trial, err := explainTrial(t.Context(), of, r.setup(&s))
	if err != nil {
		t.Fatal(err)
	}
	if !trial.Audit.OK {
		t.Fatalf("audit: %+v", trial.Audit)
	}
	return trial.Explanation
}

// share is a share of operations' time that was measured, and the truth.
type share struct {
	what      string
	got, want float64
}

// near fails unless the shares of one of several passes are all within five points of the truth: other processes may take the processor at any
// time, which is no fault of the pass.
func near(t *testing.T, pass func() []share) {
	t.Helper()
	if testing.Short() {
		t.Skip("shares are measured without -short") // the race detector changes them
	}
	const tries = 5
	for try := range tries {
		off := false
		for _, s := range pass() {
			if math.Abs(s.got-s.want) > 0.05 {
				off = true
				t.Logf("pass %d: %s: %.1f %%, want %.1f %%", try+1, s.what, 100*s.got, 100*s.want)
			}
		}
		if !off {
			return
		}
	}
	t.Errorf("in each of %d passes a share was more than 5 points from the truth", tries)
}

// sharesOf compares all parts with the truth. Those that it does not name are 0.
func sharesOf(x *result.Explanation, want map[explain.Part]float64) (list []share) {
	for _, p := range explain.Parts() {
		list = append(list, share{p.String(), x.All.Shares[p.String()], want[p]})
	}
	return list
}

// planted is a scenario of appends by users who do nothing else.
func planted(t *testing.T, users, sessions int, settings ...string) scenarios.Scenario {
	return appends(t, append([]string{"users", fmt.Sprint(users), "sessions", fmt.Sprint(sessions), "think", "0s"}, settings...)...)
}

// Of n users at one lock, one works and the others wait.
func TestExplainsWaitsForALock(t *testing.T) {
	for _, row := range []struct {
		strategy        string
		users, sessions int
	}{
		{"global", 100, 1000},
		{"global", 4, 1000},
		{"global-rw", 10, 1000},
		{"per-session", 4, 1},
		{"actor", 5, 1},
		{"cancellable", 3, 1},
		{"reentrant", 2, 1},
	} {
		t.Run(fmt.Sprintf("%s with %d users and %d sessions", row.strategy, row.users, row.sessions), func(t *testing.T) {
			works := 1 / float64(row.users)
			near(t, func() []share {
				x := explained(t, planted(t, row.users, row.sessions, "hold", "2ms"), subject(t, row.strategy), 400*time.Millisecond)
				return sharesOf(x, map[explain.Part]float64{explain.LockWait: 1 - works, explain.Closure: works})
			})
		})
	}
}

// Of n users who compute on one processor, one runs and the others wait for it.
func TestExplainsWaitsForAProcessor(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, users := range []int{1, 2, 4} {
		runs := 1 / float64(users)
		near(t, func() []share {
			x := explained(t, planted(t, users, 20_000, "keys", "uniform", "hold", "300us", "hold-kind", "spin"), subject(t, "sync-map"), time.Second)
			return sharesOf(x, map[explain.Part]float64{explain.CPU: 1 - runs, explain.Closure: runs})
		})
	}
}

// littered is a store with hooks that keeps operations waiting for a lock, and whose updates leave garbage. It measures both by other means than the
// pass: the wait by its own clock, garbage collection by the runtime's accounts of processor time.
type littered struct {
	manager.SessionStore[manager.Session]
	wait    time.Duration
	litter  int // objects per update
	tree    []*[8]*int
	updates int
	waited  time.Duration
	took    time.Duration // updates
	first   collections
	last    collections
}

type collections struct {
	at        time.Time
	collected float64 // seconds of processor time
}

var garbage atomic.Pointer[[8]*int]

func collected() collections {
	samples := []metrics.Sample{{Name: "/cpu/classes/gc/total:cpu-seconds"}, {Name: "/cpu/classes/gc/mark/idle:cpu-seconds"}}
	metrics.Read(samples)
	return collections{time.Now(), samples[0].Value.Float64() - samples[1].Value.Float64()}
}

func (s *littered) Update(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
	if s.updates++; s.updates%20 == 1 {
		if s.last = collected(); s.updates == 1 {
			s.first = s.last
		}
	}
	start := time.Now()
	defer func() { s.took += time.Since(start) }()
	manager.LockAsked(ctx)
	if s.wait > 0 {
		time.Sleep(s.wait)
	}
	s.waited += time.Since(start)
	manager.LockGranted(ctx)
	return s.SessionStore.Update(context.Background(), id, func(ctx context.Context, session *manager.Session) error {
		for range s.litter {
			garbage.Store(new([8]*int))
		}
		return fn(ctx, session)
	})
}

// Waits, work and garbage collection in different proportions, on one processor and for one user, so that all that the collector takes it
// takes from the user.
func TestExplainsMixtures(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, row := range []struct {
		wait   time.Duration
		litter int
		live   int
	}{
		{0, 20_000, 50_000},
		{3 * time.Millisecond, 20_000, 50_000},
		{1 * time.Millisecond, 30_000, 150_000},
		{2 * time.Millisecond, 0, 0},
		{1700 * time.Microsecond, 20_000, 400_000}, // near 60, 30 and 10 %
	} {
		t.Run(fmt.Sprintf("wait %v, %d objects, %d live", row.wait, row.litter, row.live), func(t *testing.T) {
			near(t, func() []share {
				s := &littered{wait: row.wait, litter: row.litter}
				for range row.live { // to be marked
					s.tree = append(s.tree, new([8]*int))
				}
				of := subject(t, "per-session")
				plain := of.Strategy
				strategy := *plain
				strategy.Open = func(v strategies.Values) (store manager.SessionStore[manager.Session], err error) {
					s.SessionStore, err = plain.Open(v)
					return s, err
				}
				of.Strategy = &strategy
				x := explained(t, planted(t, 1, 100, "hold", "0s"), of, time.Second)
				runtime.KeepAlive(s.tree)
				gc := (s.last.collected - s.first.collected) / s.last.at.Sub(s.first.at).Seconds()
				wait := s.waited.Seconds() / s.took.Seconds()
				got := func(p explain.Part) float64 { return x.All.Shares[p.String()] }
				t.Logf("truth: wait %.1f %%, garbage collection %.1f %%; measured: %.1f %% and %.1f %%, unexplained %.1f %%",
					100*wait, 100*gc, 100*got(explain.LockWait), 100*got(explain.GC), 100*got(explain.Unexplained))
				// What the collector does while the user waits takes nothing from the user: between none of its work and all.
				gc = min(max(got(explain.GC), gc*(1-wait)), gc)
				return []share{
					{"wait", got(explain.LockWait), wait},
					{"garbage collection", got(explain.GC), gc},
					{"work, and what delays it on the machine", got(explain.Closure) + got(explain.Index) + got(explain.After) + got(explain.CPU), 1 - wait - gc},
					{"unexplained", got(explain.Unexplained), 0},
				}
			})
		})
	}
}

// The time that a slow target takes is the wait for its answer, without what it reports of its work under the lock.
func TestExplainsASlowTarget(t *testing.T) {
	var took, operations atomic.Int64
	p := newProgram()
	p.after = func(_ int, q *scenarios.Request, _ *scenarios.Effect, _ *held) error {
		if q.Op == scenarios.Append {
			start := time.Now()
			time.Sleep(3 * time.Millisecond)
			took.Add(int64(time.Since(start)))
			operations.Add(1)
		}
		return nil
	}
	near(t, func() []share {
		took.Store(0)
		operations.Store(0)
		x := explained(t, planted(t, 1, 10, "hold", "1ms"), driven(p), 500*time.Millisecond)
		answer, held := float64(took.Load())/float64(operations.Load())/x.All.MeanNs, float64(time.Millisecond)/x.All.MeanNs
		return sharesOf(x, map[explain.Part]float64{explain.Answer: answer - held, explain.Closure: held})
	})
}

// Every strategy's time is explained.
func TestNothingIsUnexplained(t *testing.T) {
	for _, strategy := range strategies.All() {
		if strategy.Harness || strategy.Remote {
			continue
		}
		for _, hold := range []string{"0s", "100us"} {
			x := explained(t, planted(t, 20, 50, "hold", hold), subject(t, strategy.Name), 100*time.Millisecond)
			sum := 0.
			for _, share := range x.All.Shares {
				sum += share
			}
			if un := x.All.Shares[explain.Unexplained.String()]; un > 0.05 || math.Abs(sum-1) > 0.01 {
				t.Errorf("%s, hold %s: %.1f %% unexplained, %.1f %% in all: %v", strategy.Name, hold, 100*un, 100*sum, x.All.Shares)
			}
		}
	}
}

// A store for one user has no reason to be slow, but that other processes have the processors.
func TestNoReasonsWithoutACause(t *testing.T) {
	doc, err := Run(t.Context(), Config{
		Subjects: []Subject{subject(t, "global"), subject(t, "per-session"), subject(t, "sharded")}, Scenarios: []scenarios.Scenario{planted(t, 1, 100, "hold", "200us")},
		Runs: 2, Seed: 1, Window: 100 * time.Millisecond, Explain: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range doc.Results {
		r := &doc.Results[i]
		reasons := slices.DeleteFunc(judge.Reasons(r, &doc.Machine), func(reason string) bool { return strings.Contains(reason, "other processes use") })
		if r.Explanation == nil || len(reasons) > 0 {
			t.Errorf("%s: %q, %+v", r.Strategy, reasons, r.Explanation)
		}
	}
}

// A mutex profile of a store with one lock points at that lock, and every row has all files.
func TestProfiles(t *testing.T) {
	dir := t.TempDir()
	doc, err := Run(t.Context(), Config{
		Subjects: []Subject{subject(t, "global"), subject(t, "per-session")}, Scenarios: []scenarios.Scenario{planted(t, 20, 100, "hold", "1ms")},
		Runs: 1, Seed: 1, Window: 100 * time.Millisecond, Explain: true, Profile: dir,
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range doc.Results {
		r := &doc.Results[i]
		var kinds []string
		for _, p := range r.Explanation.Profiles {
			kinds = append(kinds, p.Kind)
			if info, err := os.Stat(p.File); err != nil || info.Size() == 0 || !strings.HasPrefix(p.File, filepath.Join(dir, "chatbot", r.Strategy)) {
				t.Errorf("%s: %s: %v", r.Strategy, p.File, err)
			}
		}
		if want := []string{"trace", "cpu", "mutex", "block", "heap"}; !slices.Equal(kinds, want) {
			t.Errorf("%s: %q, want %q", r.Strategy, kinds, want)
		}
	}
	if list := doc.Results[0].Explanation.Functions["mutex"]; len(list) == 0 || list[0].Name != "strategies.(*Global[…]).Update" || list[0].Share < 0.5 {
		t.Errorf("global waits in %+v", list)
	}
}

// Without a place for the trace there is no pass, and no user is left waiting for its start.
func TestNoPlaceForTheTrace(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	s := planted(t, 4, 10, "hold", "0s")
	r := run{Config: Config{Seed: DefaultSeed, Window: 20 * time.Millisecond}}
	before := runtime.NumGoroutine()
	if _, err := explainTrial(t.Context(), subject(t, "global"), r.setup(&s)); err == nil || !strings.Contains(err.Error(), "temporary execution trace") {
		t.Errorf("error %v", err)
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines, %d before", after, before)
	}
}
