package runner

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/sessbench/sessbench/internal/audit"
	"github.com/sessbench/sessbench/internal/ideal"
	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/search"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
)

// oneLock is a perfect store with one lock, in place of a process that measures: it performs tasks in virtual time.
type oneLock struct {
	scenario scenarios.Scenario
	tape     *scenarios.Tape
	warmup   time.Duration
	fails    func(t Task) error     // may be nil
	soFar    func(*result.Document) // may be nil
	trials   int
	blocks   map[int]int
}

func newOneLock(s scenarios.Scenario) *oneLock {
	return &oneLock{scenario: s, tape: scenarios.Draw(&s, DefaultSeed), warmup: 100 * time.Millisecond, blocks: map[int]int{}}
}

// replay replays a trial at a rate.
func (l *oneLock) replay(rate float64, window time.Duration, block int) *ideal.Outcome {
	return ideal.Run(l.model(rate, window, block))
}

// model is a trial at a rate.
func (l *oneLock) model(rate float64, window time.Duration, block int) ideal.Model {
	load := l.scenario.Load
	load.Rate = rate
	return ideal.Model{
		Tape: l.tape, Locks: ideal.OneLock, Hold: ideal.Constant(l.scenario.Hold),
		Arrivals: load.Arrivals(l.tape.Visit, l.warmup, audit.Mix(DefaultSeed+uint64(block)), 0, 1),
		From:     int64(l.warmup), Until: int64(l.warmup + window), Drain: int64(findDrain),
	}
}

// perform is an [Executor]. In a closed loop the lock is held all the time.
func (l *oneLock) perform(_ context.Context, t Task, _ Callbacks) (out Outcome, err error) {
	trial := &out.Trial
	trial.Audit.OK = true
	switch t.Kind {
	case CapacityTask:
		trial.OpsPerSec = 0.9 / (l.tape.Updates * l.scenario.Hold.Seconds())
		return out, nil
	case TrialTask:
	default:
		return out, nil
	}
	if l.fails != nil {
		if err := l.fails(t); err != nil {
			return out, err
		}
	}
	l.trials++
	l.blocks[t.Block]++
	m := l.model(t.Rate, t.Window, t.Block)
	*trial = perfectTrial(&m, ideal.Run(m))
	trial.Locks.HoldNs = int64(l.scenario.Hold)
	return out, nil
}

// found searches with l for the highest rate that meets a goal.
func (l *oneLock) found(t *testing.T, ctx context.Context, goal string, budget time.Duration) (*result.Result, error) {
	t.Helper()
	of, err := judge.ParseGoal(goal)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := Run(ctx, Config{
		Subjects: []Subject{subject(t, "global")}, Scenarios: []scenarios.Scenario{l.scenario}, Seed: DefaultSeed, Warmup: l.warmup,
		Find: &Find{Goal: of, Budget: budget}, Executor: l.perform, SoFar: l.soFar,
	})
	if doc == nil || len(doc.Results) != 1 {
		t.Fatal(err)
	}
	return &doc.Results[0], err
}

// searched is the scenario chatbot with a hold of 1 ms, and with these settings.
func searched(t *testing.T, settings ...string) scenarios.Scenario {
	t.Helper()
	s, err := scenarios.Lookup("chatbot")
	if err != nil {
		t.Fatal(err)
	}
	found := *s
	if err := found.FindRate(); err != nil {
		t.Fatal(err)
	}
	return openLoop(t, found, settings...)
}

// One lock that is held for h in the share w of the operations sustains 1/(w·h) of them per second.
func TestFindsWhatOneLockSustains(t *testing.T) {
	for _, arrivals := range []string{"constant", "poisson"} {
		l := newOneLock(searched(t, "arrivals", arrivals, "hold", "1ms"))
		r, err := l.found(t, t.Context(), "sustained", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		s, want := r.Search, 1/(l.tape.Updates*0.001)
		if math.Abs(s.Lower/want-1) > 0.05 || math.Abs(s.Upper/want-1) > 0.05 {
			t.Errorf("%s: %v to %v, want %v", arrivals, s.Lower, s.Upper, want)
		}
		t.Logf("%s: %v to %v of %.0f in %d trials, ended by %s", arrivals, s.Lower, s.Upper, want, l.trials, s.End)
		for block, n := range l.blocks {
			if n != 1 {
				t.Errorf("%d trials of block %d", n, block)
			}
		}
		// The result has the trials at the highest rate that passes.
		last := r.Trials[0]
		if len(r.Trials) < 2 || math.Abs(last.OpsPerSec/s.Lower-1) > 0.05 || r.WindowNs != last.ElapsedNs {
			t.Errorf("%d trials, at %v", len(r.Trials), last.OpsPerSec)
		}
	}
}

// The rate that is found for a percentile is the one at which it crosses the bound in a fine scan.
func TestFindsWhereAPercentileCrosses(t *testing.T) {
	for _, arrivals := range []string{"constant", "poisson"} {
		l := newOneLock(searched(t, "arrivals", arrivals, "hold", "1ms"))
		r, err := l.found(t, t.Context(), "append.p99<5ms", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		s, crossing := r.Search, 0.
		for rate := 0.9 * s.Lower; crossing == 0; rate *= 1.005 {
			if l.replay(rate, 4*time.Minute, 1000).Each[scenarios.Append].ValueAtQuantile(99) >= 5e6 {
				crossing = rate
			}
		}
		t.Logf("%s: %v to %v, the scan %.0f, in %d trials, ended by %s", arrivals, s.Lower, s.Upper, crossing, l.trials, s.End)
		if math.Abs(s.Lower/crossing-1) > 0.05 || math.Abs(s.Upper/crossing-1) > 0.05 {
			t.Errorf("%s: %v to %v, the scan crosses at %v", arrivals, s.Lower, s.Upper, crossing)
		}
	}
}

// Beside the rate that is found stands that of a perfect store with one lock per session: the one at which the percentile crosses the
// bound in a fine scan.
func TestFindHasTheIdeal(t *testing.T) {
	l := newOneLock(searched(t, "arrivals", "poisson", "hold", "1ms", "sessions", "10"))
	r, err := l.found(t, t.Context(), "append.p99<5ms", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	got, crossing := r.Search.Ideal, 0.
	if got < 3*r.Search.Upper {
		t.Fatalf("ideal %v, with one lock %v", got, r.Search.Upper)
	}
	for rate := 0.8 * got; crossing == 0 && rate < 2*got; rate *= 1.01 {
		m := l.model(rate, time.Minute, 1000)
		m.Locks = ideal.PerSession
		if ideal.Run(m).Each[scenarios.Append].ValueAtQuantile(99) >= 5e6 {
			crossing = rate
		}
	}
	if math.Abs(got/crossing-1) > 0.05 {
		t.Errorf("ideal %v, the scan crosses at %v", got, crossing)
	}
}

// The highest rate is found from any start; none is known where all rates pass, or none does.
func TestHighestRate(t *testing.T) {
	for _, start := range []float64{1, 999, 1001, 1e6} {
		if got := highestRate(start, func(rate float64) bool { return rate <= 1000 }); got > 1000 || got < 995 {
			t.Errorf("from %v: %v", start, got)
		}
	}
	for _, all := range []bool{true, false} {
		if got := highestRate(1000, func(float64) bool { return all }); got != 0 {
			t.Errorf("all pass: %v: %v", all, got)
		}
	}
}

// What was measured before an interruption, or within a budget that is too short, is in the document.
func TestFindKeepsWhatWasMeasured(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	l := newOneLock(searched(t, "hold", "1ms"))
	l.fails = func(Task) error {
		if l.trials == 3 {
			cancel()
			return ctx.Err()
		}
		return nil
	}
	r, err := l.found(t, ctx, "sustained", time.Hour)
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	trials := 0
	for _, p := range r.Search.Probes {
		trials += len(p.Trials)
	}
	if r.Search.End != string(search.Interrupted) || trials != 3 || r.Search.Lower == 0 || len(r.Trials) < 2 {
		t.Errorf("%+v", r.Search)
	}

	l = newOneLock(searched(t, "hold", "1ms"))
	r, err = l.found(t, t.Context(), "sustained", time.Nanosecond)
	if err != nil || r.Search.End != string(search.Budget) || l.trials != 1 || len(r.Trials) != 1 {
		t.Errorf("%v, %+v", err, r.Search)
	}
}

// A store that fails is not tried at another rate.
func TestFindEndsAtAViolation(t *testing.T) {
	l := newOneLock(searched(t, "hold", "1ms"))
	l.fails = func(t Task) error {
		if l.trials == 3 {
			return &Violation{Kind: "hang", Detail: "no progress"}
		}
		return nil
	}
	r, err := l.found(t, t.Context(), "sustained", time.Hour)
	if err != nil || r.Search.End != string(search.Violated) || !r.Failed() || l.trials != 3 {
		t.Errorf("%v, %+v", err, r.Search)
	}
}

// A percentile needs ten visits beyond it at every rate.
func TestFindWindows(t *testing.T) {
	base := (&run{Config: Config{Seed: DefaultSeed}}).setup(new(searched(t)))
	for _, of := range []struct {
		goal  string
		rate  float64
		width float64
		want  time.Duration
	}{
		{"sustained", 3000, 1.06, 1472 * time.Millisecond},
		{"sustained", 300_000, 1.03, time.Second},
		{"sustained", 300, 1.03, 10 * time.Second},
		{"p99_9<1s", 15_000, 2, 3 * time.Second}, // 15,000 visits at 5,000 per second
		{"p50<1s", 15_000, 2, time.Second},
	} {
		goal, err := judge.ParseGoal(of.goal)
		if err != nil {
			t.Fatal(err)
		}
		f := Find{Goal: goal}
		if got := f.window(base, search.Probe{Rate: of.rate, Width: of.width}); math.Abs(float64(got-of.want)) > float64(time.Millisecond) {
			t.Errorf("%s at %v: %v, want %v", of.goal, of.rate, got, of.want)
		}
	}
}

// A backlog grows if the store, and not the number of arrivals, is the cause: 10,000 visits are expected here.
func TestGrew(t *testing.T) {
	at := (&run{Config: Config{Seed: DefaultSeed}}).setup(new(searched(t))).at(3000, 10*time.Second)
	for _, of := range []struct {
		growth   float64
		visits   int64
		achieved float64
		want     bool
	}{
		{150, 10_000, 0.985, true},
		{90, 10_000, 0.991, false},
		{150, 10_200, 0.985, false}, // explained by 200 more arrivals than expected
		{150, 9_800, 0.985, true},   // in spite of 200 fewer
		{50, 9_800, 0.995, false},   // a store that fewer arrivals leave idle
		{150, 10_000, 0.999, false}, // made up for
	} {
		trial := result.Trial{Visits: of.visits, OpenLoop: &result.OpenLoop{Growth: of.growth, Achieved: of.achieved}}
		if got := at.grew(&trial); got != of.want {
			t.Errorf("%+v: %v", of, got)
		}
	}
}

// A trial of a check is as long as its goal's percentile needs, for the operation that the goal is about.
func TestWindowAt(t *testing.T) {
	s := searched(t)
	s.Load.Rate = 1000
	for goal, least := range map[string]time.Duration{"achieved>99%": 0, "p50<1s": 0, "p99_9<1s": 15 * time.Second, "history.p99_9<1s": 15 * time.Second} {
		g, err := judge.ParseGoal(goal)
		if err != nil {
			t.Fatal(err)
		}
		got := WindowAt(Config{Seed: DefaultSeed}, s, g)
		if least = max(least, WindowOf(&s)); got < least || least > WindowOf(&s) && got > 4*least || least == WindowOf(&s) && got != least {
			t.Errorf("%s: %v, want about %v", goal, got, least)
		}
	}
}
