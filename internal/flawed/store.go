package flawed

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
)

// session and the short forms of the contract's closures.
type (
	session = manager.Session
	closure = func(context.Context, *session) error
)

// right is a store without a flaw: a table of entries, each with a lock of its own and a mark for the dead. Flawed stores
// embed it and get one method wrong.
//
// Whoever waits in it can be sent away by Abandon, so that a store that hangs leaves nothing behind.
type right struct {
	*verify.Turnstile // nil: nobody is held

	mu     sync.Mutex // protects table
	table  map[manager.ID]*entry
	closed atomic.Bool

	newLock func() locker
	gone    chan struct{} // closed by Abandon
	abandon sync.Once
}

// entry is one life of a session.
type entry struct {
	lock locker
	val  session
	dead bool // set with the lock held: whoever waited for the lock looks again
}

// locker is a session's lock. A wait for it ends with [manager.ErrClosed] when the store is abandoned.
type locker interface {
	take(ctx context.Context) error
	free()
}

// mutex is a locker, first come first served. It is taken while something is in the channel.
type mutex struct {
	held chan struct{}
	gone <-chan struct{}
}

func (m mutex) take(context.Context) error {
	select {
	case m.held <- struct{}{}:
		return nil
	case <-m.gone:
		return manager.ErrClosed
	}
}

func (m mutex) free() { <-m.held }

func newRight(t *verify.Turnstile) *right {
	s := &right{Turnstile: t, table: map[manager.ID]*entry{}, gone: make(chan struct{})}
	s.newLock = s.newMutex
	return s
}

func (s *right) newMutex() locker { return mutex{make(chan struct{}, 1), s.gone} }

// Abandon sends away whoever waits inside the store, now and from now on.
func (s *right) Abandon() { s.abandon.Do(func() { close(s.gone) }) }

// ready is what every operation begins with.
func (s *right) ready(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return manager.NotApplied(err)
	}
	if s.closed.Load() {
		return manager.ErrClosed
	}
	return nil
}

// find looks an entry up. nil: there is none.
func (s *right) find(id manager.ID) *entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.table[id]
}

// drop removes e, and nothing else that may stand under its id by now.
func (s *right) drop(id manager.ID, e *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.table[id] == e {
		delete(s.table, id)
	}
}

// hold finds the living entry under id and takes its lock.
func (s *right) hold(ctx context.Context, id manager.ID) (*entry, error) {
	for {
		e, err := s.grab(ctx, id, beforeLock)
		if err != nil || !e.dead {
			return e, err
		}
		e.lock.free()
	}
}

// grab finds the entry under id, passes a point, and takes the entry's lock, whatever became of it meanwhile.
func (s *right) grab(ctx context.Context, id manager.ID, point string) (*entry, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	e := s.find(id)
	if e == nil && s.closed.Load() {
		return nil, manager.ErrClosed // it may have been there until Close emptied the table
	}
	if e == nil {
		return nil, manager.ErrNotFound
	}
	s.Pass(ctx, point)
	return e, e.lock.take(ctx)
}

// The points that a right store passes, too.
const (
	beforeLock = "before lock" // the entry is found, its lock not yet taken
)

// GetOrCreate implements [manager.SessionStore].
func (s *right) GetOrCreate(ctx context.Context, id manager.ID, create func() session, view func(*session)) (bool, error) {
	for {
		e, err := s.hold(ctx, id)
		if err == nil {
			defer e.lock.free()
			look(view, &e.val)
			return false, nil
		}
		if err != manager.ErrNotFound {
			return false, err
		}
		fresh := &entry{lock: s.newLock(), val: create()}
		if err := fresh.lock.take(ctx); err != nil {
			return false, err
		}
		if s.insert(id, fresh) {
			defer fresh.lock.free()
			look(view, &fresh.val)
			return true, nil
		}
	}
}

// insert puts e under id, unless somebody was there before or the store was closed: Close then finds all there is.
func (s *right) insert(id manager.ID, e *entry) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.table[id] != nil || s.closed.Load() {
		return false
	}
	s.table[id] = e
	return true
}

func look(view func(*session), s *session) {
	if view != nil {
		view(s)
	}
}

// View implements [manager.SessionStore].
func (s *right) View(ctx context.Context, id manager.ID, fn closure) error {
	return s.Update(ctx, id, fn)
}

// Update implements [manager.SessionStore].
func (s *right) Update(ctx context.Context, id manager.ID, fn closure) error {
	e, err := s.hold(ctx, id)
	if err != nil {
		return err
	}
	defer e.lock.free()
	return fn(ctx, &e.val)
}

// Delete implements [manager.SessionStore].
func (s *right) Delete(ctx context.Context, id manager.ID) (last session, err error) {
	e, err := s.hold(ctx, id)
	if err != nil {
		return last, err
	}
	defer e.lock.free()
	e.dead = true
	s.drop(id, e)
	return e.val, nil
}

// Sweep implements [manager.SessionStore].
func (s *right) Sweep(ctx context.Context, expired func(manager.ID, *session) bool, removed func(manager.ID, session)) (n int, err error) {
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
func (s *right) expire(id manager.ID, e *entry, expired func(manager.ID, *session) bool, removed func(manager.ID, session)) bool {
	defer e.lock.free()
	if !expired(id, &e.val) {
		return false
	}
	e.dead = true
	s.drop(id, e)
	if removed != nil {
		removed(id, e.val)
	}
	return true
}

func (s *right) ids() (list []manager.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.table {
		list = append(list, id)
	}
	return list
}

// Len implements [manager.SessionStore].
func (s *right) Len(ctx context.Context) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, manager.NotApplied(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.table), nil
}

// Close implements [manager.SessionStore]. It takes every lock once, which waits for whoever is inside.
func (s *right) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	for _, id := range s.ids() {
		e := s.find(id)
		if e != nil && e.lock.take(context.Background()) == nil {
			e.dead = true
			e.lock.free()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.table)
	return nil
}

// Census implements [manager.CensusReporter].
func (s *right) Census() manager.Census {
	n, _ := s.Len(context.Background())
	return manager.Census{Sessions: n, Locks: n}
}
