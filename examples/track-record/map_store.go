package main

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/sessbench/sessbench/manager"
)

// entries is what a store needs of a map: a find, an insertion of an absent key, and a removal.
type entries interface {
	load(manager.ID) (e *entry, found bool)
	loadOrStore(manager.ID, *entry) (actual *entry, found bool)
	remove(manager.ID)
	all(yield func(manager.ID, *entry) bool) // yields with no lock of the map held
}

// entry is one incarnation of a session with its lock. A map has an entry until it is dead: an entry is removed while it is
// locked, so that a goroutine that has waited for a dead one looks its id up again and does not find it.
type entry struct {
	mu   sync.Mutex // protects dead and val; held while a closure runs
	dead bool       // removed from the map; never reset
	val  manager.Session
}

// mapStore finds sessions through a map that others published, in the way that all such maps advertise: load, load or store,
// and remove. All stores of maps are this one, so that a violation in one of them and in no other is the map's. On sync.Map
// it is linearizable.
type mapStore struct {
	m      entries
	closed atomic.Bool
	sweeps sync.RWMutex // read-held by each Sweep, because removed runs while no entry is locked
}

// check returns the error of an operation that must not begin.
func (s *mapStore) check(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return manager.NotApplied(err)
	}
	if s.closed.Load() {
		return manager.ErrClosed
	}
	return nil
}

// GetOrCreate implements [manager.SessionStore].
func (s *mapStore) GetOrCreate(
	ctx context.Context, id manager.ID, create func() manager.Session, view func(*manager.Session),
) (bool, error) {
	if err := s.check(ctx); err != nil {
		return false, err
	}
	for {
		if e, found := s.m.load(id); found {
			if e.show(view) {
				return false, nil
			}
			continue
		}
		fresh := &entry{val: create()}
		fresh.mu.Lock() // its creator is the first to use it
		e, found := s.m.loadOrStore(id, fresh)
		if !found {
			return s.created(id, fresh, view)
		}
		if e.show(view) {
			return false, nil
		}
	}
}

// created runs view on an entry that the caller has inserted, and unlocks it. Close may have enumerated the entries before the
// insertion, which is then undone.
func (s *mapStore) created(id manager.ID, fresh *entry, view func(*manager.Session)) (bool, error) {
	defer fresh.mu.Unlock()
	if s.closed.Load() {
		fresh.dead = true
		s.m.remove(id)
		return false, manager.ErrClosed
	}
	if view != nil {
		view(&fresh.val)
	}
	return true, nil
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

// View implements [manager.SessionStore].
func (s *mapStore) View(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
	return s.use(ctx, id, func(e *entry) error { return fn(ctx, &e.val) })
}

// Update implements [manager.SessionStore].
func (s *mapStore) Update(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
	return s.use(ctx, id, func(e *entry) error { return fn(ctx, &e.val) })
}

// Delete implements [manager.SessionStore].
func (s *mapStore) Delete(ctx context.Context, id manager.ID) (last manager.Session, err error) {
	err = s.use(ctx, id, func(e *entry) error {
		e.dead, last = true, e.val
		s.m.remove(id)
		return nil
	})
	return last, err
}

// use runs do on the live entry of a session, which it locks.
func (s *mapStore) use(ctx context.Context, id manager.ID, do func(*entry) error) error {
	if err := s.check(ctx); err != nil {
		return err
	}
	for {
		e, found := s.m.load(id)
		if !found {
			if s.closed.Load() { // Close removes all entries
				return manager.ErrClosed
			}
			return manager.ErrNotFound
		}
		if live, err := e.use(do); live {
			return err
		}
	}
}

func (e *entry) use(do func(*entry) error) (live bool, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.dead {
		return false, nil
	}
	return true, do(e)
}

// Sweep implements [manager.SessionStore]. It locks one session at a time.
func (s *mapStore) Sweep(
	ctx context.Context, expired func(manager.ID, *manager.Session) bool, removed func(manager.ID, manager.Session),
) (n int, err error) {
	if err := s.check(ctx); err != nil {
		return 0, err
	}
	if !s.sweeps.TryRLock() { // fails only while Close holds it or waits for it
		return 0, manager.ErrClosed
	}
	defer s.sweeps.RUnlock()
	for id, e := range s.m.all {
		if err := s.check(ctx); err != nil {
			return n, err
		}
		if !s.expire(id, e, expired) {
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
func (s *mapStore) expire(id manager.ID, e *entry, expired func(manager.ID, *manager.Session) bool) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.dead || s.closed.Load() || !expired(id, &e.val) {
		return false
	}
	e.dead = true
	s.m.remove(id)
	return true
}

// Len implements [manager.SessionStore]. It counts the entries, because the lengths that some maps report count others, too.
func (s *mapStore) Len(ctx context.Context) (int, error) {
	if err := s.check(ctx); err != nil {
		return 0, err
	}
	return s.count(), nil
}

func (s *mapStore) count() (n int) {
	for range s.m.all {
		n++
	}
	return n
}

// Close implements [manager.SessionStore]. It locks each entry, and so waits for closures that run, and removes it.
func (s *mapStore) Close() error {
	s.closed.Store(true)
	s.sweeps.Lock()
	defer s.sweeps.Unlock()
	for id, e := range s.m.all {
		e.mu.Lock()
		if !e.dead {
			e.dead = true
			s.m.remove(id)
		}
		e.mu.Unlock()
	}
	return nil
}

// Census implements [manager.CensusReporter]. Each entry has a lock.
func (s *mapStore) Census() manager.Census {
	n := s.count()
	return manager.Census{Sessions: n, Locks: n}
}
