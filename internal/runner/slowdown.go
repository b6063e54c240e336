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

// ground is the share by which every operation is slower, at 0 %, too: the call and the branches that the processor cannot
// foresee cost as much as a small share, and are to be the same in all arms of an experiment.
const ground = 0.05

// slowed returns the subject with every operation slower by the given share than at 0 %.
func slowed(subject Subject) (Subject, error) {
	text := os.Getenv(slowdownEnv)
	number, ok := strings.CutSuffix(text, "%")
	percent, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || percent < 0 || percent > 1000 {
		return subject, fmt.Errorf("%s=%q: want a share such as 10%%", slowdownEnv, text)
	}
	lag := lag{share: (1+ground)*(1+percent/100) - 1, stepsPerNs: stepsPerNs(), start: time.Now()}
	inner := subject.Strategy
	outer := *inner
	outer.Open = func(p strategies.Values) (manager.SessionStore[manager.Session], error) {
		store, err := inner.Open(p)
		return &slowStore{SessionStore: store, lag: lag}, err
	}
	subject.Strategy = &outer
	return subject, nil
}

// lag delays a user before each operation for a share of the time that the previous one took, so that the lag varies with
// the machine's speed as the operations do.
type lag struct {
	share      float64
	stepsPerNs float64
	start      time.Time
	last       int64   // when the last delay had ended, in nanoseconds from start
	usual      int64   // what the last operation took that was not interrupted
	owed       float64 // what is left of a step
}

// interrupted is longer than almost any operation takes whose goroutine did not wait for a lock or a processor.
const interrupted = 1000 // ns

func (l *lag) spin() {
	now := int64(time.Since(l.start))
	if took := now - l.last; took < interrupted || l.usual == 0 {
		l.usual = min(took, interrupted)
	}
	l.owed += l.share * float64(l.usual) * l.stepsPerNs
	n := int(l.owed)
	l.owed -= float64(n)
	spinSteps(n)
	l.last = now + int64(float64(n)/l.stepsPerNs)
}

// slowStore is a store that spins before each of a user's operations.
type slowStore struct {
	manager.SessionStore[manager.Session]
	lag
}

var _ strategies.PerUser[manager.Session] = (*slowStore)(nil)

// User returns the store for one user, with its own lag.
func (s *slowStore) User() manager.SessionStore[manager.Session] {
	store := s.SessionStore
	if per, ok := store.(strategies.PerUser[manager.Session]); ok {
		store = per.User()
	}
	return &slowStore{SessionStore: store, lag: s.lag}
}

func (s *slowStore) View(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
	s.spin()
	return s.SessionStore.View(ctx, id, fn)
}

func (s *slowStore) Update(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
	s.spin()
	return s.SessionStore.Update(ctx, id, fn)
}

// stepsPerNs is how many steps of spinSteps take a nanosecond: the median of several tries.
func stepsPerNs() float64 {
	const n, tries = 100_000, 15
	took := make([]float64, tries)
	for i := range took {
		start := time.Now()
		spinSteps(n)
		took[i] = float64(time.Since(start))
	}
	return n / median(took)
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
