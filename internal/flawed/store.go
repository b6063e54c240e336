package flawed

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
)

// Short forms for the contract's types.
type (
	session = manager.Session
	store   = manager.SessionStore[session]
	closure = func(context.Context, *session) error
)

// correct is a store without a flaw: a table of entries, each with a lock and a mark for removed entries. Flawed stores
// embed it and override one method; unusual stores change its locks.
//
// Abandon ends all waiting in the store, so that a store that hangs leaves no goroutine behind.
type correct struct {
	*verify.SyncPoints // nil: no user is held at a point

	mu     sync.Mutex // protects table
	table  map[manager.ID]*entry
	closed atomic.Bool

	newLock   func() locker
	abandoned chan struct{} // closed by Abandon
	abandon   sync.Once
}

// entry is one incarnation of a session.
type entry struct {
	lock locker
	val  session
	dead atomic.Bool // set with the lock held: a caller that has waited for the lock must look up again
}

// locker is a session's lock. acquire returns [manager.ErrClosed] when the store is abandoned.
type locker interface {
	acquire(ctx context.Context) error
	release()
}

// mutex is a first-come, first-served locker. It is held while the channel has an element.
type mutex struct {
	held      chan struct{}
	abandoned <-chan struct{}
}

func (m mutex) acquire(context.Context) error {
	select {
	case m.held <- struct{}{}:
		return nil
	case <-m.abandoned:
		return manager.ErrClosed
	}
}

func (m mutex) release() { <-m.held }

// on returns an Open function for a flaw of a correct store.
func on(flaw func(*correct) store) func(*verify.SyncPoints) (store, error) {
	return func(t *verify.SyncPoints) (store, error) { return flaw(newCorrect(t)), nil }
}

func newCorrect(t *verify.SyncPoints) *correct {
	s := &correct{SyncPoints: t, table: map[manager.ID]*entry{}, abandoned: make(chan struct{})}
	s.newLock = s.newMutex
	return s
}

func (s *correct) newMutex() locker { return mutex{make(chan struct{}, 1), s.abandoned} }

// Abandon ends all present and future waiting inside the store.
func (s *correct) Abandon() { s.abandon.Do(func() { close(s.abandoned) }) }

// ready is called first by every operation.
func (s *correct) ready(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return manager.NotApplied(err)
	}
	if s.closed.Load() {
		return manager.ErrClosed
	}
	return nil
}

// find returns the entry under id, or nil.
func (s *correct) find(id manager.ID) *entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.table[id]
}

// remove removes e, but not another entry that may be under id by now.
func (s *correct) remove(id manager.ID, e *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.table[id] == e {
		delete(s.table, id)
	}
}

// hold finds the live entry under id and acquires its lock.
func (s *correct) hold(ctx context.Context, id manager.ID) (*entry, error) {
	for {
		e, err := s.holdAny(ctx, id, beforeLock)
		if err != nil || !e.dead.Load() {
			return e, err
		}
		e.lock.release()
	}
}

// holdAny finds the entry under id, passes a point, and acquires the entry's lock. The entry may have been removed
// meanwhile.
func (s *correct) holdAny(ctx context.Context, id manager.ID, point string) (*entry, error) {
	e, err := s.lookUp(ctx, id)
	if err != nil {
		return nil, err
	}
	s.Reach(ctx, point)
	return e, e.lock.acquire(ctx)
}

// lookUp returns the entry under id, or an error.
func (s *correct) lookUp(ctx context.Context, id manager.ID) (*entry, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	e := s.find(id)
	switch {
	case e != nil:
		return e, nil
	case s.closed.Load():
		return nil, manager.ErrClosed // Close may have removed it
	}
	return nil, manager.ErrNotFound
}

// beforeLock is the point at which the entry is found and its lock not yet acquired.
const beforeLock = "before lock"

// GetOrCreate implements [manager.SessionStore].
func (s *correct) GetOrCreate(ctx context.Context, id manager.ID, create func() session, view func(*session)) (bool, error) {
	return s.getOrCreate(ctx, id, create, view, func(e *entry) bool { return s.insert(id, e) })
}

// getOrCreate is GetOrCreate with another insert, which returns false if there is an entry by now.
func (s *correct) getOrCreate(ctx context.Context, id manager.ID, create func() session, view func(*session), insert func(*entry) bool) (bool, error) {
	for {
		e, err := s.hold(ctx, id)
		if err == nil {
			defer e.lock.release()
			callView(view, &e.val)
			return false, nil
		}
		if err != manager.ErrNotFound {
			return false, err
		}
		fresh := &entry{lock: s.newLock(), val: create()}
		if err := fresh.lock.acquire(ctx); err != nil {
			return false, err
		}
		if insert(fresh) {
			defer fresh.lock.release()
			callView(view, &fresh.val)
			return true, nil
		}
	}
}

// insert puts e under id, unless there is an entry or the store is closed: Close must find all entries.
func (s *correct) insert(id manager.ID, e *entry) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.table[id] != nil || s.closed.Load() {
		return false
	}
	s.table[id] = e
	return true
}

func callView(view func(*session), s *session) {
	if view != nil {
		view(s)
	}
}

// copy returns a copy of a session as a View shows it.
func (s *correct) copy(ctx context.Context, id manager.ID) (c *session, err error) {
	err = s.View(ctx, id, func(_ context.Context, v *session) error {
		c = v.Clone()
		return nil
	})
	return c, err
}

// View implements [manager.SessionStore].
func (s *correct) View(ctx context.Context, id manager.ID, fn closure) error {
	return s.Update(ctx, id, fn)
}

// Update implements [manager.SessionStore].
func (s *correct) Update(ctx context.Context, id manager.ID, fn closure) error {
	e, err := s.hold(ctx, id)
	if err != nil {
		return err
	}
	defer e.lock.release()
	return fn(ctx, &e.val)
}

// Delete implements [manager.SessionStore].
func (s *correct) Delete(ctx context.Context, id manager.ID) (last session, err error) {
	e, err := s.hold(ctx, id)
	if err != nil {
		return last, err
	}
	defer e.lock.release()
	e.dead.Store(true)
	s.remove(id, e)
	return e.val, nil
}

// Sweep implements [manager.SessionStore].
func (s *correct) Sweep(ctx context.Context, expired func(manager.ID, *session) bool, removed func(manager.ID, session)) (n int, err error) {
	if err := s.ready(ctx); err != nil {
		return 0, err
	}
	for _, id := range s.ids() {
		e, err := s.hold(ctx, id)
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

// expire removes e, whose lock is held, if it has expired.
func (s *correct) expire(id manager.ID, e *entry, expired func(manager.ID, *session) bool, removed func(manager.ID, session)) bool {
	defer e.lock.release()
	if !expired(id, &e.val) {
		return false
	}
	e.dead.Store(true)
	s.remove(id, e)
	if removed != nil {
		removed(id, e.val)
	}
	return true
}

func (s *correct) ids() (list []manager.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.table {
		list = append(list, id)
	}
	return list
}

// Len implements [manager.SessionStore].
func (s *correct) Len(ctx context.Context) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, manager.NotApplied(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.table), nil
}

// Close implements [manager.SessionStore]. It acquires every lock once, which waits for running closures.
func (s *correct) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	for _, id := range s.ids() {
		e := s.find(id)
		if e != nil && e.lock.acquire(context.Background()) == nil {
			e.dead.Store(true)
			e.lock.release()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.table)
	return nil
}

// Census implements [manager.CensusReporter].
func (s *correct) Census() manager.Census {
	n, _ := s.Len(context.Background())
	return manager.Census{Sessions: n, Locks: n}
}
