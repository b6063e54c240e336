package strategies

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/sessbench/sessbench/manager"
)

var _ = register(Strategy{
	Name:        "global",
	Description: "one mutex around everything, held while any session is used",
	Guarantees: manager.Guarantees{
		Blocks:           manager.BlocksAllSessions,
		ExclusiveUpdates: true,
	},
	Open: func(Values) (manager.SessionStore[manager.Session], error) {
		return NewGlobal[manager.Session](), nil
	},
})

// Global keeps all sessions in one map under one mutex: the "before" that the other strategies are measured against.
//
// Every closure runs with that mutex held, including create and Sweep's removed, so a busy session delays every operation. In
// return all operations are linearizable across sessions: Len is exact at any time, and a Sweep happens at one instant.
//
// Inside a closure, every use of the store deadlocks.
type Global[T any] struct {
	closed   atomic.Bool // set before Close locks mu, so that operations waiting for mu return ErrClosed
	mu       sync.Mutex  // protects sessions; held while a closure runs
	sessions table[T]
}

var (
	_ manager.SessionStore[int] = (*Global[int])(nil)
	_ manager.CensusReporter    = (*Global[int])(nil)
)

// NewGlobal returns an empty store.
func NewGlobal[T any]() *Global[T] { return &Global[T]{sessions: make(table[T])} }

// lock takes mu for an operation. An error means not locked.
func (s *Global[T]) lock(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return manager.NotApplied(err)
	}
	manager.LockAsked(ctx)
	s.mu.Lock()
	manager.LockGranted(ctx)
	if s.closed.Load() {
		s.mu.Unlock()
		return manager.ErrClosed
	}
	return nil
}

// GetOrCreate implements [manager.SessionStore].
func (s *Global[T]) GetOrCreate(ctx context.Context, id manager.ID, create func() T, view func(*T)) (bool, error) {
	if err := s.lock(ctx); err != nil {
		return false, err
	}
	defer s.mu.Unlock()
	return s.sessions.getOrCreate(id, create, view), nil
}

// View implements [manager.SessionStore]. It holds the mutex, as Update does.
func (s *Global[T]) View(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	return s.Update(ctx, id, fn)
}

// Update implements [manager.SessionStore].
func (s *Global[T]) Update(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	return s.sessions.use(ctx, id, fn)
}

// Delete implements [manager.SessionStore].
func (s *Global[T]) Delete(ctx context.Context, id manager.ID) (last T, err error) {
	if err := s.lock(ctx); err != nil {
		return last, err
	}
	defer s.mu.Unlock()
	return s.sessions.take(id)
}

// Sweep implements [manager.SessionStore]. The mutex is held from the first session to the last.
func (s *Global[T]) Sweep(
	ctx context.Context, expired func(manager.ID, *T) bool, removed func(manager.ID, T),
) (int, error) {
	if err := s.lock(ctx); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	return s.sessions.sweep(expired, removed), nil
}

// Len implements [manager.SessionStore].
func (s *Global[T]) Len(ctx context.Context) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, manager.NotApplied(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions), nil
}

// Close implements [manager.SessionStore].
func (s *Global[T]) Close() error {
	s.closed.Store(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions = nil
	return nil
}

// Census implements [manager.CensusReporter]. There are no locks of single sessions.
func (s *Global[T]) Census() manager.Census {
	s.mu.Lock()
	defer s.mu.Unlock()
	return manager.Census{Sessions: len(s.sessions)}
}
