package strategies

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/sessbench/sessbench/manager"
)

var _ = register(Strategy{
	Name:        "global-rw",
	Description: "one RWMutex around everything: readers share it, a writer of any session holds it exclusively",
	Guarantees: manager.Guarantees{
		Blocks:           manager.BlocksAllSessions,
		ExclusiveUpdates: true,
	},
	Open: func(Values) (manager.SessionStore[manager.Session], error) {
		return NewGlobalRW[manager.Session](), nil
	},
})

// GlobalRW keeps all sessions in one map under one RWMutex.
//
// View, and GetOrCreate of an existing session, hold it for reading and run concurrently, even on one session. Everything else
// holds it for writing, including create and Sweep's removed: a busy writer delays every operation, a busy reader every writer,
// and a waiting writer every new reader. All operations are linearizable across sessions.
//
// Inside a closure, any use of the store may deadlock, even a View inside a View: a writer may start to wait between the two.
type GlobalRW[T any] struct {
	closed   atomic.Bool  // set before Close locks mu, so that operations waiting for mu return ErrClosed
	mu       sync.RWMutex // protects sessions and what they point to; held while a closure runs
	sessions table[T]
}

var (
	_ manager.SessionStore[int] = (*GlobalRW[int])(nil)
	_ manager.CensusReporter    = (*GlobalRW[int])(nil)
)

// NewGlobalRW returns an empty store.
func NewGlobalRW[T any]() *GlobalRW[T] { return &GlobalRW[T]{sessions: make(table[T])} }

// lock takes mu for writing. An error means not locked.
func (s *GlobalRW[T]) lock(ctx context.Context) error {
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

// rlock takes mu for reading. An error means not locked.
func (s *GlobalRW[T]) rlock(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return manager.NotApplied(err)
	}
	manager.LockAsked(ctx)
	s.mu.RLock()
	manager.LockGranted(ctx)
	if s.closed.Load() {
		s.mu.RUnlock()
		return manager.ErrClosed
	}
	return nil
}

// GetOrCreate implements [manager.SessionStore].
func (s *GlobalRW[T]) GetOrCreate(ctx context.Context, id manager.ID, create func() T, view func(*T)) (bool, error) {
	if found, err := s.show(ctx, id, view); found || err != nil {
		return false, err
	}
	if err := s.lock(ctx); err != nil {
		return false, err
	}
	defer s.mu.Unlock()
	return s.sessions.getOrCreate(id, create, view), nil
}

// show runs view on an existing session.
func (s *GlobalRW[T]) show(ctx context.Context, id manager.ID, view func(*T)) (found bool, err error) {
	if err := s.rlock(ctx); err != nil {
		return false, err
	}
	defer s.mu.RUnlock()
	v := s.sessions[id]
	if v != nil && view != nil {
		view(v)
	}
	return v != nil, nil
}

// View implements [manager.SessionStore]. Other readers may use the session at the same time.
func (s *GlobalRW[T]) View(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	if err := s.rlock(ctx); err != nil {
		return err
	}
	defer s.mu.RUnlock()
	return s.sessions.use(ctx, id, fn)
}

// Update implements [manager.SessionStore].
func (s *GlobalRW[T]) Update(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	return s.sessions.use(ctx, id, fn)
}

// Delete implements [manager.SessionStore].
func (s *GlobalRW[T]) Delete(ctx context.Context, id manager.ID) (last T, err error) {
	if err := s.lock(ctx); err != nil {
		return last, err
	}
	defer s.mu.Unlock()
	return s.sessions.take(id)
}

// Sweep implements [manager.SessionStore]. The lock is held for writing from the first session to the last.
func (s *GlobalRW[T]) Sweep(
	ctx context.Context, expired func(manager.ID, *T) bool, removed func(manager.ID, T),
) (int, error) {
	if err := s.lock(ctx); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	return s.sessions.sweep(expired, removed), nil
}

// Len implements [manager.SessionStore].
func (s *GlobalRW[T]) Len(ctx context.Context) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, manager.NotApplied(err)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.sessions), nil
}

// Close implements [manager.SessionStore].
func (s *GlobalRW[T]) Close() error {
	s.closed.Store(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions = nil
	return nil
}

// Census implements [manager.CensusReporter]. There are no locks of single sessions.
func (s *GlobalRW[T]) Census() manager.Census {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return manager.Census{Sessions: len(s.sessions)}
}
