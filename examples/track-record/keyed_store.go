package main

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/sessbench/sessbench/manager"
)

// keyedMutex locks one of any number of keys.
type keyedMutex interface {
	Lock(key any)
	Unlock(key any)
}

// onKeyedMutex registers a store with a lock for each id.
func onKeyedMutex(name, description string, fresh func() keyedMutex) string {
	return register(name, description, manager.Guarantees{Blocks: manager.BlocksSession, ExclusiveUpdates: true},
		func() manager.SessionStore[manager.Session] {
			return &keyedStore{lock: fresh(), sessions: map[manager.ID]*manager.Session{}}
		})
}

// keyedStore keeps sessions in a map, and locks an id in a mutex of keys that others published, while it uses that session.
type keyedStore struct {
	lock   keyedMutex
	closed atomic.Bool
	gate   sync.RWMutex // read-held by each operation
	sweeps sync.RWMutex // read-held by each Sweep, because removed runs while no id is locked

	mu       sync.Mutex                      // protects sessions, for the time of a look-up
	sessions map[manager.ID]*manager.Session // a session is used under the lock of its id
}

// use runs do while the id is locked, with its session, or nil. The session that do returns replaces it.
func (s *keyedStore) use(ctx context.Context, id manager.ID, do func(*manager.Session) (*manager.Session, error)) error {
	if err := ctx.Err(); err != nil {
		return manager.NotApplied(err)
	}
	s.gate.RLock()
	defer s.gate.RUnlock()
	s.lock.Lock(id)
	defer s.lock.Unlock(id)
	if s.closed.Load() {
		return manager.ErrClosed
	}
	s.mu.Lock()
	old := s.sessions[id]
	s.mu.Unlock()
	v, err := do(old)
	if v == old {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if v == nil {
		delete(s.sessions, id)
	} else {
		s.sessions[id] = v
	}
	return err
}

// GetOrCreate implements [manager.SessionStore].
func (s *keyedStore) GetOrCreate(
	ctx context.Context, id manager.ID, create func() manager.Session, view func(*manager.Session),
) (created bool, err error) {
	err = s.use(ctx, id, func(v *manager.Session) (*manager.Session, error) {
		if created = v == nil; created {
			fresh := create()
			v = &fresh
		}
		if view != nil {
			view(v)
		}
		return v, nil
	})
	return created, err
}

// View implements [manager.SessionStore].
func (s *keyedStore) View(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
	return s.Update(ctx, id, fn)
}

// Update implements [manager.SessionStore].
func (s *keyedStore) Update(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
	return s.use(ctx, id, func(v *manager.Session) (*manager.Session, error) {
		if v == nil {
			return nil, manager.ErrNotFound
		}
		return v, fn(ctx, v)
	})
}

// Delete implements [manager.SessionStore].
func (s *keyedStore) Delete(ctx context.Context, id manager.ID) (last manager.Session, err error) {
	err = s.use(ctx, id, func(v *manager.Session) (*manager.Session, error) {
		if v == nil {
			return nil, manager.ErrNotFound
		}
		last = *v
		return nil, nil
	})
	return last, err
}

// ids returns the ids of all sessions.
func (s *keyedStore) ids() (all []manager.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.sessions {
		all = append(all, id)
	}
	return all
}

// Sweep implements [manager.SessionStore]. It locks one id at a time.
func (s *keyedStore) Sweep(
	ctx context.Context, expired func(manager.ID, *manager.Session) bool, removed func(manager.ID, manager.Session),
) (n int, err error) {
	if !s.sweeps.TryRLock() { // fails only while Close holds it or waits for it
		return 0, manager.ErrClosed
	}
	defer s.sweeps.RUnlock()
	if s.closed.Load() {
		return 0, manager.ErrClosed
	}
	for _, id := range s.ids() {
		var last *manager.Session
		err := s.use(ctx, id, func(v *manager.Session) (*manager.Session, error) {
			if v == nil || !expired(id, v) {
				return v, nil
			}
			last = v
			return nil, nil
		})
		if err != nil {
			return n, err
		}
		if last == nil {
			continue
		}
		n++
		if removed != nil {
			removed(id, *last)
		}
	}
	return n, ctx.Err()
}

// Len implements [manager.SessionStore].
func (s *keyedStore) Len(ctx context.Context) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, manager.NotApplied(err)
	}
	if s.closed.Load() {
		return 0, manager.ErrClosed
	}
	return len(s.ids()), nil
}

// Close implements [manager.SessionStore]. It waits for closures that run, and for operations that wait, which then return ErrClosed.
func (s *keyedStore) Close() error {
	s.closed.Store(true)
	s.sweeps.Lock()
	defer s.sweeps.Unlock()
	s.gate.Lock()
	defer s.gate.Unlock()
	clear(s.sessions)
	return nil
}
