package strategies

import (
	"context"

	"github.com/sessbench/sessbench/manager"
)

var _ = register(Strategy{
	Name:        "clht",
	Description: "hash table in cache-line sized buckets with ids inline, read without a lock; one mutex in each session, held while it is used",
	Guarantees: manager.Guarantees{
		Blocks:           manager.BlocksSession,
		ExclusiveUpdates: true,
	},
	Open: func(Values) (manager.SessionStore[manager.Session], error) {
		return NewCLHT[manager.Session](), nil
	},
})

// CLHT has one mutex per session and finds sessions in a hash table whose buckets are cache lines, as the lock-based CLHT of
// David, Guerraoui and Trigonakis (ASPLOS 2015), with half of each id in the bucket and the other half beside the session's mutex.
//
// A look-up takes no lock and writes nothing that is shared; it reads one line of the table, seldom more, and the line with the
// session. Insertions and removals lock one bucket. The table grows and shrinks by a few buckets per operation, and a
// Sweep that removes most sessions returns its memory.
// A closure, View's included, holds its session's mutex. A busy session delays only operations on
// that session.
//
// Inside a closure, operations on the same session, Sweep and Close deadlock. Operations on another session work; two closures
// that use each other's sessions deadlock, as two mutexes locked in opposite orders do.
type CLHT[T any] struct {
	closing
	table clhtTable[T] // last, because it ends with counters that change
}

var (
	_ manager.SessionStore[int] = (*CLHT[int])(nil)
	_ manager.CensusReporter    = (*CLHT[int])(nil)
)

// NewCLHT returns an empty store.
func NewCLHT[T any]() *CLHT[T] {
	s := new(CLHT[T])
	s.table.init()
	return s
}

// Update implements [manager.SessionStore].
//
// Hot path, hence written out. Every exceptional case goes through hold.
func (s *CLHT[T]) Update(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	high, low := halves(&id)
	slot, e := s.table.find(high, low)
	if e == nil || ctx.Err() != nil {
		return s.use(ctx, high, low, fn)
	}
	manager.LockAsked(ctx)
	e.mu.Lock()
	manager.LockGranted(ctx)
	if slot.entry.Load() != e || s.closed.Load() {
		e.mu.Unlock()
		return s.use(ctx, high, low, fn)
	}
	defer e.mu.Unlock()
	return fn(ctx, &e.val)
}

// View implements [manager.SessionStore]. It holds the session exclusively, as Update does.
func (s *CLHT[T]) View(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	return s.Update(ctx, id, fn)
}

func (s *CLHT[T]) use(ctx context.Context, high, low uint64, fn func(context.Context, *T) error) error {
	e, err := s.hold(ctx, high, low)
	if err != nil {
		return err
	}
	defer e.mu.Unlock()
	return fn(ctx, &e.val)
}

// hold returns the live entry of a session, locked. It reads closed when engine.hold does, for the same reasons.
//
// An entry is removed with its lock held, so an entry that is still in its slot stays live until it is unlocked. An entry that is not was
// removed, or moved to another slot: the id is looked up again.
func (s *CLHT[T]) hold(ctx context.Context, high, low uint64) (*clhtEntry[T], error) {
	if err := ctx.Err(); err != nil {
		return nil, manager.NotApplied(err)
	}
	for {
		slot, e := s.table.find(high, low)
		if s.closed.Load() {
			return nil, manager.ErrClosed
		}
		if e == nil {
			return nil, manager.ErrNotFound
		}
		manager.LockAsked(ctx)
		e.mu.Lock()
		manager.LockGranted(ctx)
		switch {
		case s.closed.Load():
			e.mu.Unlock()
			return nil, manager.ErrClosed
		case slot.entry.Load() == e:
			return e, nil
		}
		e.mu.Unlock()
	}
}

// GetOrCreate implements [manager.SessionStore]. create runs with no lock held. After a panic in view the session
// exists.
func (s *CLHT[T]) GetOrCreate(ctx context.Context, id manager.ID, create func() T, view func(*T)) (bool, error) {
	high, low := halves(&id)
	var fresh *clhtEntry[T]
	for {
		e, err := s.hold(ctx, high, low)
		if err == nil {
			return false, e.show(view)
		}
		if err != manager.ErrNotFound {
			return false, err
		}
		if fresh == nil {
			fresh = &clhtEntry[T]{high: high, val: create()}
		}
		if created, err := s.insert(ctx, low, fresh, view); created || err != nil {
			return created, err
		}
	}
}

// insert publishes fresh and runs view on it, or returns false if the id already has an entry. See engine.insert.
func (s *CLHT[T]) insert(ctx context.Context, low uint64, fresh *clhtEntry[T], view func(*T)) (bool, error) {
	manager.LockAsked(ctx)
	fresh.mu.Lock()
	manager.LockGranted(ctx)
	defer fresh.mu.Unlock()
	if !s.table.insert(low, fresh) {
		return false, nil
	}
	if s.closed.Load() {
		s.table.remove(low, fresh)
		return false, manager.ErrClosed
	}
	if view != nil {
		view(&fresh.val)
	}
	return true, nil
}

// show runs view on an entry locked by the caller, and unlocks it.
func (e *clhtEntry[T]) show(view func(*T)) error {
	defer e.mu.Unlock()
	if view != nil {
		view(&e.val)
	}
	return nil
}

// Delete implements [manager.SessionStore].
func (s *CLHT[T]) Delete(ctx context.Context, id manager.ID) (last T, err error) {
	high, low := halves(&id)
	e, err := s.hold(ctx, high, low)
	if err != nil {
		return last, err
	}
	last = e.val
	s.table.remove(low, e)
	e.mu.Unlock()
	return last, nil
}

// Sweep implements [manager.SessionStore]. It locks one session at a time, and none while removed runs. It stops
// between two sessions when ctx is done or the store is closed.
func (s *CLHT[T]) Sweep(
	ctx context.Context, expired func(manager.ID, *T) bool, removed func(manager.ID, T),
) (n int, err error) {
	defer s.table.shrink()
	expire := func(id manager.ID, e *clhtEntry[T]) (T, bool, error) { return s.expire(ctx, id, e, expired) }
	return sweep(ctx, &s.closing, s.table.all(), expire, removed)
}

// expire removes one entry if it is live and expired reports true, and returns its last state.
func (s *CLHT[T]) expire(
	ctx context.Context, id manager.ID, e *clhtEntry[T], expired func(manager.ID, *T) bool,
) (last T, gone bool, err error) {
	high, low := halves(&id)
	manager.LockAsked(ctx)
	e.mu.Lock()
	manager.LockGranted(ctx)
	defer e.mu.Unlock()
	if s.closed.Load() {
		return last, false, manager.ErrClosed
	}
	if _, live := s.table.find(high, low); live != e || !expired(id, &e.val) {
		return last, false, nil
	}
	last = e.val
	s.table.remove(low, e)
	return last, true, nil
}

// Len implements [manager.SessionStore].
func (s *CLHT[T]) Len(ctx context.Context) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, manager.NotApplied(err)
	}
	if s.closed.Load() {
		return 0, nil
	}
	return s.table.len(), nil
}

// Close implements [manager.SessionStore]. It takes each session's lock once and so waits for running closures; later
// operations find closed set.
func (s *CLHT[T]) Close() error {
	s.close(func() {
		for id, e := range s.table.all() {
			_, low := halves(&id)
			e.mu.Lock()
			s.table.remove(low, e)
			e.mu.Unlock()
		}
		s.table.shrink()
	})
	return nil
}

// Census implements [manager.CensusReporter]. Each entry has a lock.
func (s *CLHT[T]) Census() manager.Census {
	n := s.table.len()
	return manager.Census{Sessions: n, Locks: n}
}
