package unusual

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/sessbench/sessbench/manager"
)

type (
	session = manager.Session
	closure = func(context.Context, *session) error
)

// store is a table of entries, each with a lock of its own and a mark that it was removed. The function fields change how it
// behaves, never what it answers; nil ones do nothing.
type store struct {
	newLock func() locker
	lookup  func()     // called with mu held, once for each look at the table
	inside  func()     // called with the session held
	commit  func()     // called when the session has been released, before the operation returns
	tries   func() int // how often an update's closure runs on a copy; nil: once, in place
	ballast int        // bytes kept for each session, copied by each operation

	mu     sync.Mutex // protects the following
	table  map[manager.ID]*entry
	closed bool
}

var (
	_ manager.SessionStore[session] = (*store)(nil)
	_ manager.CensusReporter        = (*store)(nil)
)

// entry is one incarnation of a session.
type entry struct {
	lock    locker
	val     session
	dead    bool // set with the lock held: a caller that has waited for the lock looks up again
	ballast []byte
}

func newStore(newLock func() locker) *store {
	return &store{newLock: newLock, table: map[manager.ID]*entry{}}
}

func call(f func()) {
	if f != nil {
		f()
	}
}

// hold finds the entry under id and locks it. The caller releases it.
func (s *store) hold(ctx context.Context, id manager.ID, reads bool) (*entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, manager.NotApplied(err)
	}
	for {
		s.mu.Lock()
		call(s.lookup)
		e, closed := s.table[id], s.closed
		s.mu.Unlock()
		switch {
		case closed:
			return nil, manager.ErrClosed
		case e == nil:
			return nil, manager.ErrNotFound
		}
		e.lock.lock(reads)
		if !e.dead {
			s.enter(e)
			return e, nil
		}
		e.lock.unlock(reads)
	}
}

// enter is called with e held.
func (s *store) enter(e *entry) {
	call(s.inside)
	_ = bytes.Clone(e.ballast)
}

func (s *store) release(e *entry, reads bool) {
	e.lock.unlock(reads)
	call(s.commit)
}

// remove marks e, which is held, and removes it from the table.
func (s *store) remove(id manager.ID, e *entry) {
	e.dead = true
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.table[id] == e {
		delete(s.table, id)
	}
}

// insert puts e under id, unless there is an entry already or the store is closed.
func (s *store) insert(id manager.ID, e *entry) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.table[id] != nil || s.closed {
		return false
	}
	s.table[id] = e
	return true
}

// GetOrCreate implements [manager.SessionStore].
func (s *store) GetOrCreate(ctx context.Context, id manager.ID, create func() session, view func(*session)) (bool, error) {
	for {
		e, err := s.hold(ctx, id, true)
		created := err == manager.ErrNotFound
		switch {
		case created:
			e = &entry{lock: s.newLock(), val: create(), ballast: make([]byte, s.ballast)}
			e.lock.lock(true)
			if !s.insert(id, e) {
				continue
			}
			s.enter(e)
		case err != nil:
			return false, err
		}
		defer s.release(e, true)
		if view != nil {
			view(&e.val)
		}
		return created, nil
	}
}

// View implements [manager.SessionStore].
func (s *store) View(ctx context.Context, id manager.ID, fn closure) error {
	e, err := s.hold(ctx, id, true)
	if err != nil {
		return err
	}
	defer s.release(e, true)
	return fn(ctx, &e.val)
}

// Update implements [manager.SessionStore].
func (s *store) Update(ctx context.Context, id manager.ID, fn closure) error {
	e, err := s.hold(ctx, id, false)
	if err != nil {
		return err
	}
	defer s.release(e, false)
	if s.tries == nil {
		return fn(ctx, &e.val)
	}
	var next *session
	for range s.tries() {
		next = e.val.Clone()
		if err := fn(ctx, next); err != nil {
			return err
		}
	}
	e.val = *next
	return nil
}

// Delete implements [manager.SessionStore].
func (s *store) Delete(ctx context.Context, id manager.ID) (last session, err error) {
	e, err := s.hold(ctx, id, false)
	if err != nil {
		return last, err
	}
	defer s.release(e, false)
	s.remove(id, e)
	return e.val, nil
}

// Sweep implements [manager.SessionStore].
func (s *store) Sweep(ctx context.Context, expired func(manager.ID, *session) bool, removed func(manager.ID, session)) (n int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, manager.NotApplied(err)
	}
	s.mu.Lock()
	ids, closed := slices.Collect(maps.Keys(s.table)), s.closed
	s.mu.Unlock()
	if closed {
		return 0, manager.ErrClosed
	}
	for _, id := range ids {
		e, err := s.hold(ctx, id, false)
		if err == manager.ErrNotFound {
			continue
		}
		if err != nil {
			return n, err
		}
		if s.expire(id, e, expired, removed) {
			n++
		}
	}
	return n, nil
}

// expire removes e, which is held, if it has expired, and releases it.
func (s *store) expire(id manager.ID, e *entry, expired func(manager.ID, *session) bool, removed func(manager.ID, session)) bool {
	defer s.release(e, false)
	if !expired(id, &e.val) {
		return false
	}
	s.remove(id, e)
	if removed != nil {
		removed(id, e.val)
	}
	return true
}

// Len implements [manager.SessionStore].
func (s *store) Len(ctx context.Context) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, manager.NotApplied(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.table), nil
}

// Close implements [manager.SessionStore]. It takes every lock once, which waits for running closures.
func (s *store) Close() error {
	s.mu.Lock()
	s.closed = true
	entries := maps.Clone(s.table)
	s.mu.Unlock()
	for id, e := range entries {
		e.lock.lock(false)
		s.remove(id, e)
		e.lock.unlock(false)
	}
	return nil
}

// Census implements [manager.CensusReporter].
func (s *store) Census() manager.Census {
	s.mu.Lock()
	defer s.mu.Unlock()
	return manager.Census{Sessions: len(s.table), Locks: len(s.table)}
}
