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
	Description: "an atomic pointer to an immutable session; an update changes a copy and swaps it in, or retries",
	Guarantees: manager.Guarantees{
		Blocks:      manager.BlocksWriters,
		Cancellable: manager.CancelBetween,
		Rollback:    true,
	},
	Open: func(Values) (manager.SessionStore[manager.Session], error) {
		return NewCOW((*manager.Session).CopyTo), nil
	},
})

// COW copies on write: an id maps to an immutable session behind an atomic pointer. View reads the session as it was when the
// look-up found it, without waiting. Update runs fn on a copy and installs it by compare-and-swap; if the session has changed
// meanwhile, fn runs again on a copy of the new state. So one of several concurrent updates always succeeds, but a slow one can
// lose to fast ones again and again, until its ctx is done.
//
// An update costs a copy of the session, and one more per conflict. The copy overwrites a replaced state that no operation uses any more,
// if there is one: a closure must not keep a part of the session that copyTo overwrites, and create must return a new one each time. An
// fn that fails or panics leaves the session unchanged. After fn has returned nothing may change what it stored, because readers share
// it. Sweep calls expired again for a session that changed during the call.
//
// Inside a closure every operation but Close, which deadlocks, can be used; it is not part of the outer operation. On the same
// session, a nested View sees the state before fn. A nested Update takes effect at once, so the outer one finds a conflict and
// fn runs again: an fn that nests an update in every run never succeeds, and is retried until its ctx is done. After a nested
// Delete the outer Update returns ErrNotFound.
type COW[T any] struct {
	copyTo  func(from, to *T)
	gate    *gate // every operation is inside from start to end: there is no lock that Close could wait for
	states  *recycler[T]
	cells   xsyncIndex[cell[T]]
	closing sync.Once
}

// cell is one incarnation of a session: its current state, or nil for ever after its removal.
type cell[T any] struct{ state atomic.Pointer[T] }

var (
	_ manager.SessionStore[int] = (*COW[int])(nil)
	_ manager.CensusReporter    = (*COW[int])(nil)
)

// NewCOW returns an empty store. copyTo makes *to a copy of *from that shares nothing mutable with it. It must not change *from, and is
// called concurrently, also for the same one. *to is a zero T, or a state that is used no more and whose memory copyTo may use.
func NewCOW[T any](copyTo func(from, to *T)) *COW[T] {
	g := newGate()
	return &COW[T]{
		copyTo: copyTo,
		gate:   g,
		states: newRecycler[T](g),
		cells:  xsyncIndex[cell[T]]{xsync.NewMap[manager.ID, *cell[T]]()},
	}
}

func (s *COW[T]) copyOf(state *T) (c T) { s.copyTo(state, &c); return c }

// find returns the cell of a session and its state, or nil, nil. It removes a dead cell, which the look-up would otherwise find
// again until the operation that emptied it has removed it.
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

// GetOrCreate implements [manager.SessionStore]. The creator's view gets the state it created, even if that has changed since.
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

// View implements [manager.SessionStore]. The state that fn gets does not change while fn runs.
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

// Update implements [manager.SessionStore]. fn may run any number of times, each on a new copy. Close waits for all retries of a
// started update; they end, because each conflict is the success of another update.
func (s *COW[T]) Update(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	in, err := s.gate.enter(ctx)
	if err != nil {
		return err
	}
	defer s.gate.leave(in)
	bin := s.states.get()
	next := bin.take(s.gate, in)
	replaced, err := s.replace(ctx, id, next, fn)
	if err != nil {
		bin.addReady(next)
	} else {
		bin.addReplaced(replaced)
	}
	s.states.put(bin)
	return err
}

// replace makes next the state of a session, once fn has changed it, and returns the state before.
func (s *COW[T]) replace(ctx context.Context, id manager.ID, next *T, fn func(context.Context, *T) error) (*T, error) {
	for {
		c, state := s.find(id)
		if state == nil {
			return nil, manager.ErrNotFound
		}
		s.copyTo(state, next)
		if err := fn(ctx, next); err != nil {
			return nil, err
		}
		if c.state.CompareAndSwap(state, next) {
			return state, nil
		}
		if err := ctx.Err(); err != nil {
			return nil, manager.NotApplied(err)
		}
	}
}

// Delete implements [manager.SessionStore]. It removes whatever the current state is, so it has no conflicts. It returns a copy,
// because readers may still use the state.
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
			return s.copyOf(state), nil
		}
	}
}

// Sweep implements [manager.SessionStore]. It stops between two sessions when ctx is done or the store is closed.
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
			removed(id, s.copyOf(last))
		}
	}
	return n, nil
}

// expire empties the cell if expired reports true for its last state, and returns that state, else nil.
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
