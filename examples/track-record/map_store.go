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
	gate   sync.RWMutex // read-held by each operation, so that Close waits for them
}

// enter begins an operation, which ends with gate.RUnlock, unless there is an error.
func (s *mapStore) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return manager.NotApplied(err)
	}
	s.gate.RLock()
	if s.closed.Load() {
		s.gate.RUnlock()
		return manager.ErrClosed
	}
	return nil
}

// GetOrCreate implements [manager.SessionStore].
func (s *mapStore) GetOrCreate(
	ctx context.Context, id manager.ID, create func() manager.Session, view func(*manager.Session),
) (bool, error) {
	if err := s.enter(ctx); err != nil {
		return false, err
	}
	defer s.gate.RUnlock()
	for {
		if e, found := s.m.load(id); found {
			if e.show(view) {
				return false, nil
			}
			continue
		}
		v := create()
		e, found := s.m.loadOrStore(id, &entry{val: *v.Clone()}) // another goroutine may change it before view runs, on v
		if !found {
			if view != nil {
				view(&v)
			}
			return true, nil
		}
		if e.show(view) {
			return false, nil
		}
	}
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
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.gate.RUnlock()
	for {
		e, found := s.m.load(id)
		if !found {
			return manager.ErrNotFound
		}
		if live, err := s.useEntry(e, do); live {
			return err
		}
	}
}

// useEntry runs do on an entry, unless it is dead. An operation that has waited for the entry while the store was closed does not.
func (s *mapStore) useEntry(e *entry, do func(*entry) error) (live bool, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case s.closed.Load():
		return true, manager.ErrClosed
	case e.dead:
		return false, nil
	}
	return true, do(e)
}

// Sweep implements [manager.SessionStore]. It locks one session at a time.
func (s *mapStore) Sweep(
	ctx context.Context, expired func(manager.ID, *manager.Session) bool, removed func(manager.ID, manager.Session),
) (n int, err error) {
	if err := s.enter(ctx); err != nil {
		return 0, err
	}
	defer s.gate.RUnlock()
	for id, e := range s.m.all {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		swept := false
		_, err := s.useEntry(e, func(e *entry) error {
			if swept = expired(id, &e.val); swept {
				e.dead = true
				s.m.remove(id)
			}
			return nil
		})
		if err != nil {
			return n, err
		}
		if !swept {
			continue
		}
		n++
		if removed != nil {
			removed(id, e.val) // no operation uses a dead entry
		}
	}
	return n, nil
}

// Len implements [manager.SessionStore]. It counts the entries, because the lengths that some maps report count others, too.
func (s *mapStore) Len(ctx context.Context) (int, error) {
	if err := s.enter(ctx); err != nil {
		return 0, err
	}
	defer s.gate.RUnlock()
	return s.count(), nil
}

func (s *mapStore) count() (n int) {
	for range s.m.all {
		n++
	}
	return n
}

// Close implements [manager.SessionStore]. It waits for closures that run, and for operations that wait, which then return ErrClosed.
func (s *mapStore) Close() error {
	s.closed.Store(true)
	s.gate.Lock()
	defer s.gate.Unlock()
	for id := range s.m.all {
		s.m.remove(id)
	}
	return nil
}

// Census implements [manager.CensusReporter]. Each entry has a lock.
func (s *mapStore) Census() manager.Census {
	n := s.count()
	return manager.Census{Sessions: n, Locks: n}
}
