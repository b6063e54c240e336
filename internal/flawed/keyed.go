package flawed

import (
	"context"
	"maps"
	"slices"

	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
)

// keyed has a table of sessions and a separate table of locks. An operation copies a session, changes the copy and stores
// it, all under the session's lock. It is correct as long as a session never has two locks in use, which enter must
// ensure and its flawed forms do not.
type keyed struct {
	*correct
	locks  map[manager.ID]*counted // protected by mu
	values map[manager.ID]*session // protected by mu; the sessions are immutable

	enter  func(ctx context.Context, id manager.ID) (leave func(), err error)
	forget func(id manager.ID) // called by Delete and Sweep with mu and the session's lock held
}

// counted is a lock with the number of its holders and waiters.
type counted struct {
	locker
	users int
}

func newKeyed(t *verify.Turnstile) *keyed {
	s := &keyed{correct: newCorrect(t), locks: map[manager.ID]*counted{}, values: map[manager.ID]*session{}}
	s.enter, s.forget = s.enterCounted, func(manager.ID) {}
	return s
}

// lockOf returns the session's lock and creates it if necessary. mu is held.
func (s *keyed) lockOf(id manager.ID) *counted {
	l := s.locks[id]
	if l == nil {
		l = &counted{locker: s.newLock()}
		s.locks[id] = l
	}
	return l
}

// findLock is lockOf without mu held.
func (s *keyed) findLock(id manager.ID) *counted {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lockOf(id)
}

// enterCounted acquires the session's lock, which stays in the table while it has holders or waiters.
func (s *keyed) enterCounted(ctx context.Context, id manager.ID) (leave func(), err error) {
	s.mu.Lock()
	l := s.lockOf(id)
	l.users++
	s.mu.Unlock()
	s.Pass(ctx, beforeLock)
	return s.leaver(id, l), l.acquire(ctx)
}

// leaver returns the function that releases a counted lock.
func (s *keyed) leaver(id manager.ID, l *counted) func() {
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		l.release()
		if l.users--; l.users == 0 && s.locks[id] == l {
			delete(s.locks, id)
		}
	}
}

// enterOpen enters, unless the store is closed before or meanwhile.
func (s *keyed) enterOpen(ctx context.Context, id manager.ID) (leave func(), err error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	if leave, err = s.enter(ctx, id); err != nil {
		return nil, err
	}
	if s.closed.Load() {
		leave()
		return nil, manager.ErrClosed
	}
	return leave, nil
}

// load returns a copy of a session, or nil.
func (s *keyed) load(id manager.ID) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v := s.values[id]; v != nil {
		return v.Clone()
	}
	return nil
}

// store stores a session in the table.
func (s *keyed) store(id manager.ID, v *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values[id] = v
}

// GetOrCreate implements [manager.SessionStore].
func (s *keyed) GetOrCreate(ctx context.Context, id manager.ID, create func() session, view func(*session)) (created bool, err error) {
	leave, err := s.enterOpen(ctx, id)
	if err != nil {
		return false, err
	}
	defer leave()
	v := s.load(id)
	if created = v == nil; created {
		fresh := create()
		v = &fresh
		s.store(id, v.Clone())
	}
	callView(view, v)
	return created, nil
}

// View implements [manager.SessionStore].
func (s *keyed) View(ctx context.Context, id manager.ID, fn closure) error {
	return s.with(ctx, id, func(v *session) error { return fn(ctx, v) })
}

// Update implements [manager.SessionStore].
func (s *keyed) Update(ctx context.Context, id manager.ID, fn closure) error {
	return s.with(ctx, id, func(v *session) error {
		defer s.store(id, v)
		return fn(ctx, v)
	})
}

// with calls f with a copy of the session, with its lock held.
func (s *keyed) with(ctx context.Context, id manager.ID, f func(*session) error) error {
	leave, err := s.enterOpen(ctx, id)
	if err != nil {
		return err
	}
	defer leave()
	v := s.load(id)
	if v == nil {
		return manager.ErrNotFound
	}
	return f(v)
}

// Delete implements [manager.SessionStore].
func (s *keyed) Delete(ctx context.Context, id manager.ID) (last session, err error) {
	err = s.with(ctx, id, func(v *session) error {
		last = *v
		s.remove(id)
		return nil
	})
	return last, err
}

func (s *keyed) remove(id manager.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.values, id)
	s.forget(id)
}

// Sweep implements [manager.SessionStore].
func (s *keyed) Sweep(ctx context.Context, expired func(manager.ID, *session) bool, removed func(manager.ID, session)) (n int, err error) {
	if err := s.ready(ctx); err != nil {
		return 0, err
	}
	for _, id := range s.all() {
		err := s.with(ctx, id, func(v *session) error {
			if expired(id, v) {
				s.remove(id)
				n++
				if removed != nil {
					removed(id, *v)
				}
			}
			return nil
		})
		if err != nil && err != manager.ErrNotFound {
			return n, err
		}
	}
	return n, nil
}

func (s *keyed) all() (list []manager.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.values {
		list = append(list, id)
	}
	return list
}

// Len implements [manager.SessionStore].
func (s *keyed) Len(ctx context.Context) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, manager.NotApplied(err)
	}
	return len(s.all()), nil
}

// Close implements [manager.SessionStore]. It acquires every lock once, which waits for running closures.
func (s *keyed) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	for _, l := range s.allLocks() {
		if l.acquire(context.Background()) == nil {
			l.release()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.values)
	return nil
}

func (s *keyed) allLocks() []*counted {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.locks))
}

// Census implements [manager.CensusReporter].
func (s *keyed) Census() manager.Census {
	s.mu.Lock()
	defer s.mu.Unlock()
	return manager.Census{Sessions: len(s.values), Locks: len(s.locks)}
}
