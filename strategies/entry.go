package strategies

import (
	"context"
	"sync"

	"github.com/sessbench/sessbench/manager"
)

// locker is the lock of a single session; its zero value is unlocked.
type locker[L any] interface {
	*L
	// lock waits until the caller holds the lock exclusively, and returns the context for closures under it.
	// An error means not locked; the store returns it unchanged.
	lock(ctx context.Context) (context.Context, error)
	unlock()
}

// mutex adapts a sync.Mutex to locker.
type mutex struct{ mu sync.Mutex }

func (m *mutex) lock(ctx context.Context) (context.Context, error) { m.mu.Lock(); return ctx, nil }
func (m *mutex) unlock()                                           { m.mu.Unlock() }

// entry is one incarnation of a session with its lock. An index finds it until it is dead, and a little longer.
//
// With a mutex and a [manager.Session] it is 64 bytes, one cache line.
type entry[T, L any, P locker[L]] struct {
	l    L    // protects what follows; held while a closure runs
	dead bool // this incarnation was removed: no closure runs on it again. Never reset
	val  T
}

func (e *entry[T, L, P]) lock(ctx context.Context) (context.Context, error) {
	manager.LockAsked(ctx)
	held, err := P(&e.l).lock(ctx)
	if err == nil {
		manager.LockGranted(ctx)
	}
	return held, err
}

func (e *entry[T, L, P]) unlock() { P(&e.l).unlock() }

// engine is a store with one lock per session, in the entry that holds the session. The strategies built on it differ in the
// index, which their constructors set, and in the lock.
//
// Because the lock is part of the entry, removing a session removes its lock, and goroutines waiting for that lock have to find
// out that the session is gone. They do by the dead mark: a waiter that finds it looks the id up again. There is no table of
// locks from which a lock could be dropped while others still wait for it.
//
// No goroutine waits for an entry's lock while it holds a lock of the index, so a busy session never delays a look-up.
type engine[T, L any, P locker[L]] struct {
	index index[entry[T, L, P]]
	closing
}

// hold returns the live entry of a session, locked, and the context for closures under that lock.
//
// closed is read after the look-up, because Close sets it before it empties the index, and again under the lock, because Close
// sets it before it takes each lock: Close waits for every closure that runs.
func (s *engine[T, L, P]) hold(ctx context.Context, id manager.ID) (*entry[T, L, P], context.Context, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, manager.NotApplied(err)
	}
	for {
		e := s.index.load(id)
		if s.closed.Load() {
			return nil, nil, manager.ErrClosed
		}
		if e == nil {
			return nil, nil, manager.ErrNotFound
		}
		held, err := e.lock(ctx)
		if err != nil {
			return nil, nil, err
		}
		if s.closed.Load() {
			e.unlock()
			return nil, nil, manager.ErrClosed
		}
		if !e.dead {
			return e, held, nil
		}
		e.unlock()
		s.index.remove(id, e) // the operation that marked it will; until then the look-up would find it again
	}
}

// GetOrCreate implements [manager.SessionStore]. create runs with no lock held. After a panic in view the session
// exists.
func (s *engine[T, L, P]) GetOrCreate(ctx context.Context, id manager.ID, create func() T, view func(*T)) (bool, error) {
	var fresh *entry[T, L, P]
	for {
		e, _, err := s.hold(ctx, id)
		if err == nil {
			return false, e.show(view)
		}
		if err != manager.ErrNotFound {
			return false, err
		}
		if fresh == nil {
			fresh = &entry[T, L, P]{val: create()}
		}
		if created, err := s.insert(ctx, id, fresh, view); created || err != nil {
			return created, err
		}
	}
}

// insert publishes fresh and runs view on it, or returns false if the id already has an entry. fresh is locked before it can be
// found, so its creator is the first to use it.
//
// An insertion that does not see closed happened before Close enumerates the entries, so Close waits for it. One that sees
// closed may have been missed by Close, and is undone. No other operation used the entry, because it would see closed as well.
func (s *engine[T, L, P]) insert(ctx context.Context, id manager.ID, fresh *entry[T, L, P], view func(*T)) (bool, error) {
	if _, err := fresh.lock(ctx); err != nil {
		return false, err
	}
	defer fresh.unlock()
	if !s.index.insert(id, fresh) {
		return false, nil
	}
	if s.closed.Load() {
		fresh.dead = true
		s.index.remove(id, fresh)
		return false, manager.ErrClosed
	}
	if view != nil {
		view(&fresh.val)
	}
	return true, nil
}

// show runs view on an entry locked by the caller, and unlocks it.
func (e *entry[T, L, P]) show(view func(*T)) error {
	defer e.unlock()
	if view != nil {
		view(&e.val)
	}
	return nil
}

// View implements [manager.SessionStore]. It holds the session exclusively, as Update does.
func (s *engine[T, L, P]) View(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	return s.Update(ctx, id, fn)
}

// Update implements [manager.SessionStore].
func (s *engine[T, L, P]) Update(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	e, held, err := s.hold(ctx, id)
	if err != nil {
		return err
	}
	defer e.unlock()
	return fn(held, &e.val)
}

// Delete implements [manager.SessionStore].
func (s *engine[T, L, P]) Delete(ctx context.Context, id manager.ID) (last T, err error) {
	e, _, err := s.hold(ctx, id)
	if err != nil {
		return last, err
	}
	e.dead, last = true, e.val
	e.unlock()
	s.index.remove(id, e)
	return last, nil
}

// Sweep implements [manager.SessionStore]. It locks one session at a time, and none while removed runs. It stops
// between two sessions when ctx is done or the store is closed.
func (s *engine[T, L, P]) Sweep(
	ctx context.Context, expired func(manager.ID, *T) bool, removed func(manager.ID, T),
) (n int, err error) {
	expire := func(id manager.ID, e *entry[T, L, P]) (T, bool, error) { return s.expire(ctx, id, e, expired) }
	return sweep(ctx, &s.closing, s.index.all(), expire, removed)
}

// expire removes one entry if it is live and expired reports true, and returns its last state.
func (s *engine[T, L, P]) expire(
	ctx context.Context, id manager.ID, e *entry[T, L, P], expired func(manager.ID, *T) bool,
) (last T, gone bool, err error) {
	if _, err := e.lock(ctx); err != nil {
		return last, false, err
	}
	defer func() {
		e.unlock()
		if gone {
			s.index.remove(id, e)
		}
	}()
	switch {
	case s.closed.Load():
		return last, false, manager.ErrClosed
	case e.dead || !expired(id, &e.val):
		return last, false, nil
	}
	e.dead = true
	return e.val, true, nil
}

// Len implements [manager.SessionStore].
func (s *engine[T, L, P]) Len(ctx context.Context) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, manager.NotApplied(err)
	}
	if s.closed.Load() {
		return 0, nil
	}
	return s.index.len(), nil
}

// Close implements [manager.SessionStore]. It takes each session's lock once and so waits for running closures; later
// operations find closed set.
func (s *engine[T, L, P]) Close() error {
	s.close(func() {
		for _, e := range s.index.all() {
			if _, err := e.lock(context.Background()); err == nil {
				e.unlock()
			}
		}
		s.index.clear()
	})
	return nil
}

// Census implements [manager.CensusReporter]. Each entry has a lock.
func (s *engine[T, L, P]) Census() manager.Census {
	n := s.index.len()
	return manager.Census{Sessions: n, Locks: n}
}

// mutexEngine and mutexEntry are the engine and the entry whose lock is a plain mutex.
type (
	mutexEngine[T any] = engine[T, mutex, *mutex]
	mutexEntry[T any]  = entry[T, mutex, *mutex]
)

// useFound implements View and Update of a mutexEngine for a caller that has just looked up e, which may be nil.
//
// Hot path, hence written out: an index behind an interface and a lock behind a type parameter are reached by indirect calls,
// whose cost a comparison of strategies would attribute to the strategy. Every exceptional case goes through engine.Update,
// which handles it.
func useFound[T any](
	ctx context.Context, s *mutexEngine[T], id manager.ID, e *mutexEntry[T], fn func(context.Context, *T) error,
) error {
	if e == nil || ctx.Err() != nil {
		return s.Update(ctx, id, fn)
	}
	manager.LockAsked(ctx)
	e.l.mu.Lock()
	manager.LockGranted(ctx)
	if e.dead || s.closed.Load() {
		e.l.mu.Unlock()
		return s.Update(ctx, id, fn)
	}
	defer e.l.mu.Unlock()
	return fn(ctx, &e.val)
}
