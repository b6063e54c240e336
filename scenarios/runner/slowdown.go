//go:build slowdown

package runner

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/strategies"
)

// slowdownEnv is the share by which a sample's operations are slowed down: SESSBENCH_SLOWDOWN=10%. It is there to see what
// share of known slowdowns a gate finds, and in no build without -tags slowdown.
const slowdownEnv = "SESSBENCH_SLOWDOWN"

// The trial that says what an operation costs before it is slowed down.
const (
	costWarmup = 10 * time.Millisecond
	costWindow = 40 * time.Millisecond
)

// slowed is the subject with every operation slower by the share asked for of the processor time that one takes, as
// measured here on the subject itself in the same scenario. At 0 % all is the same but for the spinning.
func slowed(ctx context.Context, subject Subject, base setup) (Subject, error) {
	text := os.Getenv(slowdownEnv)
	number, ok := strings.CutSuffix(text, "%")
	percent, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || percent < 0 || percent > 1000 {
		return subject, fmt.Errorf("%s=%q: want a share such as 10%%", slowdownEnv, text)
	}
	lag := &lag{}
	inner := subject.Strategy
	outer := *inner
	outer.Open = func(p strategies.Values) (manager.SessionStore[manager.Session], error) {
		store, err := inner.Open(p)
		return &slowStore{SessionStore: store, lag: lag}, err
	}
	subject.Strategy = &outer
	steps := stepsPerNs() // before the trial, for all arms of an experiment alike
	t, err := runTrial(ctx, subject, base.idle(base.scenario.Users, costWarmup, costWindow))
	lag.steps = percent / 100 * t.CPUNsPerOp * steps
	return subject, err
}

// lag is how long an operation is held up, in steps of spin. It is set while nobody uses it.
type lag struct{ steps float64 }

// slowStore is a store that spins before each of a user's operations.
type slowStore struct {
	manager.SessionStore[manager.Session]
	*lag
	owed float64 // what is left of a step: an operation may owe less than one
}

var _ strategies.PerUser[manager.Session] = (*slowStore)(nil)

// User returns the store for one user, who alone writes what is owed.
func (s *slowStore) User() manager.SessionStore[manager.Session] {
	store := s.SessionStore
	if per, ok := store.(strategies.PerUser[manager.Session]); ok {
		store = per.User()
	}
	return &slowStore{SessionStore: store, lag: s.lag}
}

func (s *slowStore) spin() {
	s.owed += s.steps
	n := int(s.owed)
	s.owed -= float64(n)
	spinSteps(n)
}

func (s *slowStore) View(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
	s.spin()
	return s.SessionStore.View(ctx, id, fn)
}

func (s *slowStore) Update(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
	s.spin()
	return s.SessionStore.Update(ctx, id, fn)
}

// stepsPerNs is how many steps of spinSteps take a nanosecond: the fastest of several tries.
func stepsPerNs() float64 {
	const n, tries = 100_000, 15
	best := time.Duration(1 << 62)
	for range tries {
		start := time.Now()
		spinSteps(n)
		best = min(best, time.Since(start))
	}
	return n / float64(best.Nanoseconds())
}

// spinSteps runs n dependent steps of two instructions: a share of an operation may be a few nanoseconds.
//
//go:noinline
func spinSteps(n int) (x uint64) {
	for range n {
		x = x>>1 ^ uint64(n)
	}
	return x
}
