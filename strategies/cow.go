package strategies

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/puzpuzpuz/xsync/v4"

	"github.com/sessbench/sessbench/manager"
)

var _ = register(Strategy{
	Name:        "cow",
	Description: "an atomic pointer to an immutable session; an update changes a copy and swaps it in, or tries again",
	Guarantees: manager.Guarantees{
		Blocks:      manager.BlocksWriters,
		Cancellable: manager.CancelBetween,
		Rollback:    true,
	},
	Open: func(Values) (manager.SessionStore[manager.Session], error) {
		return NewCOW((*manager.Session).Clone), nil
	},
	OpenProbe: func(Values) (manager.SessionStore[Probe], error) { return NewCOW((*Probe).Clone), nil },
})

// COW copies on write: what an id leads to is an immutable session behind an atomic pointer. View reads it as it was
// when the look-up found it, and nobody waits for anybody. Update runs fn on a copy and puts that in place by
// compare-and-swap; when the session has changed meanwhile, fn runs again on a copy of what it is now. So one of
// several updates always gets on, but a slow one can lose to quick ones again and again, until its ctx ends.
//
// An update costs a copy of the session, and one more for every conflict. An fn that fails or panics leaves the session
// as it was. What fn changed must not be changed by anybody once fn has returned, for readers share it. Sweep
// asks expired again about a session that changed while it was being asked.
//
// From inside a closure the store can be used freely but for Close, which hangs; nothing there is part of the
// outer operation. For the same session, a nested View sees what was there before fn. A nested Update takes effect at
// once, so the outer one finds a conflict and fn runs again: an fn that nests an update in every run never succeeds and
// goes on until its ctx ends. After a nested Delete the outer Update gives ErrNotFound.
type COW[T any] struct {
	clone   func(*T) *T
	gate    *gate // every operation is inside from its start to its end: there is no lock that Close could wait for
	cells   xsyncIndex[cell[T]]
	closing sync.Once
}

// cell is one incarnation of a session: its present state, or nil once it was removed, which it stays.
type cell[T any] struct{ state atomic.Pointer[T] }

var (
	_ manager.SessionStore[int] = (*COW[int])(nil)
	_ manager.CensusReporter    = (*COW[int])(nil)
)

// NewCOW makes an empty store. clone returns a copy that shares nothing mutable with its argument, which it must not
// change; it is called on any number of goroutines at once, for the same argument, too.
func NewCOW[T any](clone func(*T) *T) *COW[T] {
	return &COW[T]{
		clone: clone,
		gate:  newGate(),
		cells: xsyncIndex[cell[T]]{xsync.NewMap[manager.ID, *cell[T]]()},
	}
}

// find returns the cell of a session and its state, or nil, nil. It helps to remove a dead cell, which the look-up
// would otherwise find again until whoever killed it has done so.
func (s *COW[T]) find(id manager.ID) (*cell[T], *T) {
	for {
		c := s.cells.load(id)
		if c == nil {
			return nil, nil
		}
		if state := c.state.Load(); state != nil {
			return c, state
		}
		s.cells.remove(id, c)
	}
}

// GetOrCreate implements [manager.SessionStore]. The creator is shown what it created, whatever has become of it.
func (s *COW[T]) GetOrCreate(ctx context.Context, id manager.ID, create func() T, view func(*T)) (bool, error) {
	in, err := s.gate.enter(ctx)
	if err != nil {
		return false, err
	}
	defer s.gate.leave(in)
	state, created := s.getOrCreate(id, create)
	if view != nil {
		view(state)
	}
	return created, nil
}

func (s *COW[T]) getOrCreate(id manager.ID, create func() T) (state *T, created bool) {
	var fresh *cell[T]
	for {
		if _, state := s.find(id); state != nil {
			return state, false
		}
		if fresh == nil {
			state, fresh = new(create()), new(cell[T])
			fresh.state.Store(state)
		}
		if s.cells.insert(id, fresh) {
			return state, true
		}
	}
}

// View implements [manager.SessionStore]. What fn sees stays as it is while fn runs.
func (s *COW[T]) View(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	in, err := s.gate.enter(ctx)
	if err != nil {
		return err
	}
	defer s.gate.leave(in)
	_, state := s.find(id)
	if state == nil {
		return manager.ErrNotFound
	}
	return fn(ctx, state)
}

// Update implements [manager.SessionStore]. fn may run any number of times, each on a copy of its own. Close waits for an
// update once begun through all its tries; they come to an end, for each conflict is another update's success.
func (s *COW[T]) Update(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	in, err := s.gate.enter(ctx)
	if err != nil {
		return err
	}
	defer s.gate.leave(in)
	for {
		c, state := s.find(id)
		if state == nil {
			return manager.ErrNotFound
		}
		next := s.clone(state)
		if err := fn(ctx, next); err != nil {
			return err
		}
		if c.state.CompareAndSwap(state, next) {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return manager.NotApplied(err)
		}
	}
}

// Delete implements [manager.SessionStore]. Whatever the state is, it goes, so there is nothing to compare and no conflict.
// It returns a copy, for there may be readers left.
func (s *COW[T]) Delete(ctx context.Context, id manager.ID) (last T, err error) {
	in, err := s.gate.enter(ctx)
	if err != nil {
		return last, err
	}
	defer s.gate.leave(in)
	for {
		c, _ := s.find(id)
		if c == nil {
			return last, manager.ErrNotFound
		}
		state := c.state.Swap(nil)
		s.cells.remove(id, c)
		if state != nil {
			return *s.clone(state), nil
		}
	}
}

// Sweep implements [manager.SessionStore]. A ctx that ends, or a Close, ends it between two sessions.
func (s *COW[T]) Sweep(
	ctx context.Context, expired func(manager.ID, *T) bool, removed func(manager.ID, T),
) (n int, err error) {
	in, err := s.gate.enter(ctx)
	if err != nil {
		return 0, err
	}
	defer s.gate.leave(in)
	for id, c := range s.cells.all() {
		if err := s.gate.again(ctx); err != nil {
			return n, err
		}
		last := c.expire(id, expired)
		if last == nil {
			continue
		}
		s.cells.remove(id, c)
		n++
		if removed != nil {
			removed(id, *s.clone(last))
		}
	}
	return n, nil
}

// expire kills the cell if expired says so of the very state that is the last, and returns that, or nil.
func (c *cell[T]) expire(id manager.ID, expired func(manager.ID, *T) bool) *T {
	for {
		state := c.state.Load()
		if state == nil || !expired(id, state) {
			return nil
		}
		if c.state.CompareAndSwap(state, nil) {
			return state
		}
	}
}

// Len implements [manager.SessionStore].
func (s *COW[T]) Len(ctx context.Context) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, manager.NotApplied(err)
	}
	return s.cells.len(), nil
}

// Close implements [manager.SessionStore].
func (s *COW[T]) Close() error {
	s.closing.Do(func() {
		s.gate.close()
		s.cells.clear()
	})
	return nil
}

// Census implements [manager.CensusReporter]. There are no locks.
func (s *COW[T]) Census() manager.Census { return manager.Census{Sessions: s.cells.len()} }
