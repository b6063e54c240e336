package main

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/sessbench/sessbench/manager"
)

// closure is what View and Update run on a session.
type closure = func(context.Context, *manager.Session) error

// entry is one incarnation of a session with its lock, 64 bytes. A map has an entry until it is dead: an entry is removed while
// it is locked, so that a goroutine that has waited for a dead one looks its id up again and does not find it.
type entry struct {
	mu   sync.Mutex // protects dead and val; held while a closure runs
	dead bool       // removed from the map; never reset
	val  manager.Session
}

// newEntry returns an entry that its creator holds, so that the creator is the first to use it.
func newEntry(create func() manager.Session) *entry {
	e := &entry{val: create()}
	e.mu.Lock()
	return e
}

// use runs fn on the session, unless it is dead. It is not part of a loop, where defer would allocate.
func (e *entry) use(ctx context.Context, fn closure) (live bool, err error) {
	e.mu.Lock()
	if e.dead {
		e.mu.Unlock()
		return false, nil
	}
	defer e.mu.Unlock()
	return true, fn(ctx, &e.val)
}

// show runs view, which may be nil, on the session, unless it is dead.
func (e *entry) show(view func(*manager.Session)) (live bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.dead && view != nil {
		view(&e.val)
	}
	return !e.dead
}

// base is what stores of entries share: Close, and the operations on all sessions. Operations on one session are written out
// for each store, because calls through the functions below would be part of their cost.
type base struct {
	closed atomic.Bool
	sweeps sync.RWMutex // read-held by each Sweep, because removed runs while no entry is locked

	all    iter.Seq2[manager.ID, *entry] // yields with no lock of the map held
	remove func(manager.ID)
	count  func() int
}

// check returns the error of an operation that must not begin.
func (b *base) check(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return manager.NotApplied(err)
	}
	if b.closed.Load() {
		return manager.ErrClosed
	}
	return nil
}

// absent is the error for an id without an entry. Close removes all entries, so operations that find one need not look at closed.
func (b *base) absent() error {
	if b.closed.Load() {
		return manager.ErrClosed
	}
	return manager.ErrNotFound
}

// created runs view on an entry that the caller has inserted, and unlocks it. Close may have enumerated the entries before the
// insertion, which is then undone.
func (b *base) created(id manager.ID, fresh *entry, view func(*manager.Session)) (bool, error) {
	defer fresh.mu.Unlock()
	if b.closed.Load() {
		fresh.dead = true
		b.remove(id)
		return false, manager.ErrClosed
	}
	if view != nil {
		view(&fresh.val)
	}
	return true, nil
}

// Sweep implements [manager.SessionStore]. It locks one session at a time.
func (b *base) Sweep(
	ctx context.Context, expired func(manager.ID, *manager.Session) bool, removed func(manager.ID, manager.Session),
) (n int, err error) {
	if err := b.check(ctx); err != nil {
		return 0, err
	}
	if !b.sweeps.TryRLock() { // fails only while Close holds it or waits for it
		return 0, manager.ErrClosed
	}
	defer b.sweeps.RUnlock()
	for id, e := range b.all {
		if err := b.check(ctx); err != nil {
			return n, err
		}
		if !b.expire(id, e, expired) {
			continue
		}
		n++
		if removed != nil {
			removed(id, e.val) // no operation uses a dead entry
		}
	}
	return n, nil
}

// expire removes an entry if it is live and expired reports true.
func (b *base) expire(id manager.ID, e *entry, expired func(manager.ID, *manager.Session) bool) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.dead || b.closed.Load() || !expired(id, &e.val) {
		return false
	}
	e.dead = true
	b.remove(id)
	return true
}

// Len implements [manager.SessionStore].
func (b *base) Len(ctx context.Context) (int, error) {
	if err := b.check(ctx); err != nil {
		return 0, err
	}
	return b.count(), nil
}

// Close implements [manager.SessionStore]. It locks each entry, and so waits for closures that run, and removes it.
func (b *base) Close() error {
	b.closed.Store(true)
	b.sweeps.Lock()
	defer b.sweeps.Unlock()
	for id, e := range b.all {
		e.mu.Lock()
		if !e.dead {
			e.dead = true
			b.remove(id)
		}
		e.mu.Unlock()
	}
	return nil
}

// Census implements [manager.CensusReporter]. Each entry has a lock.
func (b *base) Census() manager.Census {
	n := b.count()
	return manager.Census{Sessions: n, Locks: n}
}
