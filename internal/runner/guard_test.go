package runner

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessbench/sessbench/internal/flawed"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// Correct stores that are slow, unfair, stalling or large are struck by no audit and no watch.
func TestUnusualStoresAreNotStruck(t *testing.T) {
	seeds := uint64(10)
	if testing.Short() {
		seeds = 1
	}
	for _, s := range flawed.Unusual() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			of := Subject{Label: s.Name, Strategy: &s}
			for seed := range seeds {
				for _, name := range []string{"chatbot", "churn"} {
					scenario := small(t, name)
					scenario.Users, scenario.Sessions, scenario.Iterations = 4, 8, 6
					scenario.Prefill = min(scenario.Prefill, 1)
					r := run{Config: Config{Seed: seed, Record: 1, Patience: 5 * time.Second}}
					trial, err := runTrial(t.Context(), of, r.setup(&scenario))
					if err != nil || !trial.Audit.OK {
						t.Errorf("seed %d, %s: %v, %+v", seed, name, err, trial.Audit)
					}
				}
			}
		})
	}
}

// The whole run of a store whose operations take milliseconds: preparing it takes longer than its trials.
func TestSlowStoreIsMeasured(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds by its nature")
	}
	slow := flawed.Unusual()[0]
	scenario := small(t, "chatbot")
	scenario.Users, scenario.Iterations, scenario.Prefill = 4, 2, 1
	doc, err := Run(t.Context(), Config{
		Subjects:  []Subject{{Label: slow.Name, Strategy: &slow}},
		Scenarios: []scenarios.Scenario{scenario}, Runs: 1, Seed: 1, Patience: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	if r := doc.Results[0]; len(r.Trials) != 1 || !r.Trials[0].Audit.OK || r.Trials[0].OpsPerSec <= 0 || r.Trials[0].BytesPerSession <= 0 {
		t.Errorf("%+v", r.Trials)
	}
}

// A store that polls a lock for ever looks like a slow one. Its trial is aborted, and its row is not struck.
func TestBusyStoreIsUndecided(t *testing.T) {
	var released atomic.Bool
	defer func() { released.Store(true); time.Sleep(10 * time.Millisecond) }()
	s := small(t, "chatbot")
	s.Iterations, s.Prefill, s.Sessions = 1, 0, 8
	polls := bend(func(b *bent) {
		b.update = func(context.Context, manager.ID, func(context.Context, *manager.Session) error) error {
			for !released.Load() {
				runtime.Gosched()
			}
			return manager.ErrClosed
		}
	})
	doc, err := Run(t.Context(), Config{
		Subjects: []Subject{polls, subject(t, "xsync")}, Scenarios: []scenarios.Scenario{s}, Runs: 2, Seed: 1, Patience: 20 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	given, other := doc.Results[0].Trials, doc.Results[1].Trials
	if len(given) != 1 || given[0].Audit.Undecided == "" || len(given[0].Audit.Violations) > 0 {
		t.Errorf("want one trial without a finding, got %+v", given)
	}
	if len(other) != 2 || !other[0].Audit.OK {
		t.Errorf("the other store: %+v", other)
	}
}

// A store may refuse an operation. Without the sessions there is no trial, and no finding.
func TestRefusedPreparationIsUndecided(t *testing.T) {
	for _, allowed := range []error{manager.NotApplied(errors.New("too busy")), manager.ErrConflict, manager.ErrIndeterminate} {
		s := small(t, "chatbot")
		s.Iterations, s.Sessions = 1, 8
		refuses := bend(func(b *bent) {
			b.update = func(context.Context, manager.ID, func(context.Context, *manager.Session) error) error { return allowed }
		})
		doc, err := Run(t.Context(), Config{
			Subjects: []Subject{refuses, subject(t, "xsync")}, Scenarios: []scenarios.Scenario{s}, Runs: 2, Seed: 1, Patience: 50 * time.Millisecond,
		})
		if err != nil {
			t.Fatal(err)
		}
		given, other := doc.Results[0].Trials, doc.Results[1].Trials
		if len(given) != 1 || !strings.Contains(given[0].Audit.Undecided, allowed.Error()) || len(given[0].Audit.Violations) > 0 {
			t.Errorf("%v: want one trial without a finding, got %+v", allowed, given)
		}
		if len(other) != 2 || !other[0].Audit.OK {
			t.Errorf("%v: the other store: %+v", allowed, other)
		}
	}
}

// A hold is no standstill, however long: here it takes eighteen times the patience.
func TestHoldsAreNoHang(t *testing.T) {
	s := small(t, "hundred-users")
	s.Users, s.Sessions, s.Iterations, s.Hold = 2, 2, 1, 900*time.Millisecond
	doc, err := Run(t.Context(), Config{
		Subjects: []Subject{subject(t, "global")}, Scenarios: []scenarios.Scenario{s}, Runs: 1, Seed: 1, Patience: 50 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	if trial := doc.Results[0].Trials[0]; !trial.Audit.OK || trial.Locks.HoldTimes == nil || trial.Locks.HoldTimes.Mean < int64(s.Hold)*99/100 { // a histogram has three digits
		t.Errorf("audit %+v, holds %+v", trial.Audit, trial.Locks.HoldTimes)
	}
}

// Preparing a session takes longer than the patience, and each of its messages does not. The store waits on timers, which
// looks like waiting for another goroutine.
func TestPreparationIsProgress(t *testing.T) {
	s := small(t, "chatbot")
	s.Users, s.Sessions, s.Iterations, s.Prefill, s.Hold = 1, 1, 1, 40, 0
	timers := bend(func(b *bent) {
		b.update = func(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
			<-time.After(5 * time.Millisecond)
			return b.SessionStore.Update(ctx, id, fn)
		}
	})
	r := run{Config: Config{Seed: 1, Patience: 100 * time.Millisecond}}
	trial, err := runTrial(t.Context(), timers, r.setup(&s))
	if err != nil || !trial.Audit.OK {
		t.Errorf("%v, %+v", err, trial.Audit)
	}
}
