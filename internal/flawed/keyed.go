package flawed

import (
	"context"
	"maps"
	"slices"

	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
)

// keyed has a table of locks beside the table of sessions. An operation acquires the session's lock first. An update copies
// the session, changes the copy and stores it. It is correct as long as a session never has two locks in use, which enter
// must ensure and its flawed forms do not.
type keyed struct {
	*correct                         // its entries never block, and are replaced instead of changed
	newLock  func() locker           // of the table of locks
	locks    map[manager.ID]*counted // protected by mu
	enter    func(ctx context.Context, id manager.ID) (leave func(), err error)
}

// counted is a lock with the number of its holders and waiters.
type counted struct {
	locker
	users int
}

// onKeyed returns an Open function for a flaw in the table of locks.
func onKeyed(flaw func(*keyed)) func(*verify.SyncPoints) (store, error) {
	return func(t *verify.SyncPoints) (store, error) {
		s := newKeyed(t)
		flaw(s)
		return s, nil
	}
}

func newKeyed(t *verify.SyncPoints) *keyed {
	s := &keyed{correct: newCorrect(t), locks: map[manager.ID]*counted{}}
	s.newLock, s.enter = s.newMutex, s.enterCounted
	s.correct.newLock = func() locker { return openLock{} }
	return s
}

// openLock never blocks.
type openLock struct{}

func (openLock) acquire(context.Context) error { return nil }
func (openLock) release()                      {}

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
	s.Reach(ctx, beforeLock)
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

// with calls f with the session's lock held. f finds out whether the store was closed meanwhile.
func (s *keyed) with(ctx context.Context, id manager.ID, f func() error) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	leave, err := s.enter(ctx, id)
	if err != nil {
		return err
	}
	defer leave()
	return f()
}

// GetOrCreate implements [manager.SessionStore].
func (s *keyed) GetOrCreate(ctx context.Context, id manager.ID, create func() session, view func(*session)) (created bool, err error) {
	err = s.with(ctx, id, func() error {
		created, err = s.correct.GetOrCreate(ctx, id, create, view)
		return err
	})
	return created, err
}

// View implements [manager.SessionStore].
func (s *keyed) View(ctx context.Context, id manager.ID, fn closure) error {
	return s.with(ctx, id, func() error { return s.correct.View(ctx, id, fn) })
}

// Update implements [manager.SessionStore].
func (s *keyed) Update(ctx context.Context, id manager.ID, fn closure) error {
	return s.with(ctx, id, func() error {
		return s.correct.View(ctx, id, func(ctx context.Context, v *session) error {
			changed := &entry{lock: openLock{}, val: *v.Clone()}
			defer s.replace(id, changed)
			return fn(ctx, &changed.val)
		})
	})
}

func (s *keyed) replace(id manager.ID, e *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.table[id] = e
}

// Delete implements [manager.SessionStore].
func (s *keyed) Delete(ctx context.Context, id manager.ID) (last session, err error) {
	err = s.with(ctx, id, func() error {
		last, err = s.correct.Delete(ctx, id)
		return err
	})
	return last, err
}

// Sweep implements [manager.SessionStore].
func (s *keyed) Sweep(ctx context.Context, expired func(manager.ID, *session) bool, removed func(manager.ID, session)) (n int, err error) {
	if err := s.ready(ctx); err != nil {
		return 0, err
	}
	for _, id := range s.ids() {
		err := s.with(ctx, id, func() error {
			e, err := s.hold(ctx, id)
			if err == nil && s.expire(id, e, expired, removed) {
				n++
			}
			return err
		})
		if err != nil && err != manager.ErrNotFound {
			return n, err
		}
	}
	return n, nil
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
	clear(s.table)
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
	return manager.Census{Sessions: len(s.table), Locks: len(s.locks)}
}
