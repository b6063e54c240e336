package flawed_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessbench/sessbench/internal/flawed"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/strategies"
)

type talks = manager.SessionStore[manager.Session]

// slowSweep is a store whose sweep leaves out sessions that are in use, and holds each that it leaves for a moment after it has judged it.
type slowSweep struct{ talks }

func (s slowSweep) Sweep(
	ctx context.Context, expired func(manager.ID, *manager.Session) bool, removed func(manager.ID, manager.Session),
) (int, error) {
	return s.talks.Sweep(ctx, func(id manager.ID, v *manager.Session) bool {
		goes := expired(id, v)
		if !goes {
			time.Sleep(100 * time.Microsecond)
		}
		return goes
	}, removed)
}

// compacting is a store whose creations wait for a goroutine that is busy once for longer than the patience of verify.
type compacting struct {
	talks
	tasks chan func()
	busy  *atomic.Int64
	gone  chan struct{}
}

const patienceHere = 100 * time.Millisecond

func newCompacting(s talks) talks {
	c := compacting{s, make(chan func()), new(atomic.Int64), make(chan struct{})}
	go func() {
		defer close(c.gone)
		for f := range c.tasks {
			f()
		}
	}()
	return c
}

func (c compacting) GetOrCreate(ctx context.Context, id manager.ID, create func() manager.Session, view func(*manager.Session)) (bool, error) {
	if c.busy.Load() < 0 {
		return c.talks.GetOrCreate(ctx, id, create, view)
	}
	done := make(chan struct{})
	c.tasks <- func() {
		if c.busy.Add(1) == 2 {
			time.Sleep(3 * patienceHere)
		}
		close(done)
	}
	<-done
	return c.talks.GetOrCreate(ctx, id, create, view)
}

func (c compacting) Close() error {
	err := c.talks.Close()
	if c.busy.Swap(-1<<40) >= 0 {
		close(c.tasks)
		<-c.gone
	}
	return err
}

// late is a store whose deletions take effect after their response was lost.
type late struct{ talks }

func (s late) Delete(ctx context.Context, id manager.ID) (last manager.Session, err error) {
	if rand.IntN(4) > 0 {
		return s.talks.Delete(ctx, id)
	}
	time.AfterFunc(time.Duration(rand.IntN(3000))*time.Microsecond, func() { _, _ = s.talks.Delete(context.Background(), id) })
	return last, manager.ErrIndeterminate
}

// bounded refuses operations of sessions while it performs others.
type bounded struct {
	talks
	running *atomic.Int64
}

const mostRunning = 3

func (s bounded) admitted(operation func() error) error {
	defer s.running.Add(-1)
	if s.running.Add(1) > mostRunning {
		return manager.NotApplied(errors.New("too busy"))
	}
	return operation()
}

func (s bounded) GetOrCreate(ctx context.Context, id manager.ID, create func() manager.Session, view func(*manager.Session)) (created bool, err error) {
	err = s.admitted(func() error {
		created, err = s.talks.GetOrCreate(ctx, id, create, view)
		return err
	})
	return created, err
}

func (s bounded) Update(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
	return s.admitted(func() error { return s.talks.Update(ctx, id, fn) })
}

func (s bounded) View(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
	return s.admitted(func() error { return s.talks.View(ctx, id, fn) })
}

// TestRightStoresHaveNoViolation verifies stores that keep the contract in ways in which few others do.
func TestRightStoresHaveNoViolation(t *testing.T) {
	leavesOut := func() talks {
		for _, s := range flawed.Unusual() {
			if s.Name == "busy-left-out" {
				store, err := s.Open(nil)
				if err != nil {
					t.Fatal(err)
				}
				return store
			}
		}
		t.Fatal("no store leaves out sessions")
		return nil
	}
	exclusive := manager.Guarantees{Blocks: manager.BlocksSession, ExclusiveUpdates: true}
	for _, test := range []struct {
		why    string
		g      manager.Guarantees
		open   func() talks
		rounds int
	}{
		{"a sweep leaves out sessions that another sweep or Close holds", exclusive, leavesOut, 24},
		{"a sweep holds what it leaves", exclusive, func() talks { return slowSweep{leavesOut()} }, 12},
		{"a goroutine of the store is busy while all callers wait", exclusive,
			func() talks { return newCompacting(strategies.NewPerSession[manager.Session]()) }, 1},
		{"a busy store refuses operations", exclusive,
			func() talks { return bounded{strategies.NewPerSession[manager.Session](), new(atomic.Int64)} }, 12},
		{"deletions take effect late", manager.Guarantees{Blocks: manager.BlocksSession},
			func() talks { return late{strategies.NewPerSession[manager.Session]()} }, 12},
	} {
		t.Run(test.why, func(t *testing.T) {
			r, err := verify.Run(t.Context(), verify.Config{Seed: 60, Rounds: test.rounds, Patience: patienceHere, Subject: verify.Subject{
				Guarantees: test.g, Open: func(*verify.SyncPoints) (talks, error) { return test.open(), nil },
			}})
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range r.All() {
				t.Errorf("seed %d: %s: %s", v.Seed, v.Anomaly, v.Why)
			}
		})
	}
}
