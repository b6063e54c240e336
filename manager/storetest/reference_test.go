package storetest

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/sessbench/sessbench/manager"
)

// reference is the store that is obviously right: one lock, first come first served, around a map.
// g says which of the optional promises it keeps.
type reference[T any] struct {
	g        manager.Guarantees
	lock     handoff
	sessions map[manager.ID]*T // protected by lock
	closed   bool              // protected by lock
}

func newReference[T any](g manager.Guarantees) *reference[T] {
	return &reference[T]{g: g, sessions: map[manager.ID]*T{}}
}

// with calls f while the lock is held. The ctx that f gets owns the lock where the store is reentrant.
func (r *reference[T]) with(ctx context.Context, f func(ctx context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return manager.NotApplied(err)
	}
	if owns, ok := ctx.Value(r).(*atomic.Bool); ok && owns.Load() {
		return f(ctx)
	}
	done := ctx.Done()
	if r.g.Cancellable != manager.CancelAlways {
		done = nil
	}
	if !r.lock.acquire(done) {
		return manager.NotApplied(ctx.Err())
	}
	defer r.lock.release()
	if r.closed {
		return manager.ErrClosed
	}
	if r.g.Reentrant {
		owns := new(atomic.Bool)
		owns.Store(true)
		defer owns.Store(false)
		ctx = context.WithValue(ctx, r, owns)
	}
	return f(ctx)
}

func (r *reference[T]) GetOrCreate(
	ctx context.Context, id manager.ID, create func() T, view func(*T),
) (created bool, err error) {
	err = r.with(ctx, func(context.Context) error {
		s, ok := r.sessions[id]
		if !ok {
			fresh := create()
			s, created = &fresh, true
			r.sessions[id] = s
		}
		if view != nil {
			view(s)
		}
		return nil
	})
	return created, err
}

func (r *reference[T]) View(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	return r.with(ctx, func(ctx context.Context) error {
		s, ok := r.sessions[id]
		if !ok {
			return manager.ErrNotFound
		}
		return fn(ctx, s)
	})
}

func (r *reference[T]) Update(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	return r.View(ctx, id, func(ctx context.Context, s *T) (err error) {
		if !r.g.Rollback {
			return fn(ctx, s)
		}
		draft := *s
		if err = fn(ctx, &draft); err == nil {
			*s = draft
		}
		return err
	})
}

func (r *reference[T]) Delete(ctx context.Context, id manager.ID) (last T, err error) {
	err = r.View(ctx, id, func(_ context.Context, s *T) error {
		last = *s
		delete(r.sessions, id)
		return nil
	})
	return last, err
}

func (r *reference[T]) Sweep(
	ctx context.Context, expired func(manager.ID, *T) bool, removed func(manager.ID, T),
) (n int, err error) {
	err = r.with(ctx, func(context.Context) error {
		for id, s := range r.sessions {
			if !expired(id, s) {
				continue
			}
			delete(r.sessions, id)
			n++
			if removed != nil {
				removed(id, *s)
			}
		}
		return nil
	})
	return n, err
}

func (r *reference[T]) Len(ctx context.Context) (n int, err error) {
	err = r.with(ctx, func(context.Context) error { n = len(r.sessions); return nil })
	return n, err
}

func (r *reference[T]) Close() error {
	r.lock.acquire(nil)
	defer r.lock.release()
	r.closed = true
	return nil
}

func (r *reference[T]) Census() manager.Census {
	r.lock.acquire(nil)
	defer r.lock.release()
	return manager.Census{Sessions: len(r.sessions)}
}

// handoff is a lock whose wait can end early. release gives it to whoever waits longest.
type handoff struct {
	leaky bool // wrong on purpose: whoever is cancelled in its turn keeps the lock
	lifo  bool // unfair: the waiter that came last is next

	mu    sync.Mutex // protects what follows
	held  bool
	queue []chan struct{}
}

// acquire reports whether it got the lock before done.
func (h *handoff) acquire(done <-chan struct{}) bool {
	h.mu.Lock()
	if !h.held {
		h.held = true
		h.mu.Unlock()
		return true
	}
	turn := make(chan struct{}, 1)
	h.queue = append(h.queue, turn)
	h.mu.Unlock()
	select {
	case <-turn:
		return true
	case <-done:
	}
	if !h.leave(turn) && !h.leaky {
		h.release() // the turn came in the same moment
	}
	return false
}

// leave takes a waiter out of the queue and reports whether it was still there.
func (h *handoff) leave(turn chan struct{}) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, c := range h.queue {
		if c == turn {
			h.queue = append(h.queue[:i], h.queue[i+1:]...)
			return true
		}
	}
	return false
}

func (h *handoff) release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.queue) == 0 {
		h.held = false
		return
	}
	next := 0
	if h.lifo {
		next = len(h.queue) - 1
	}
	h.queue[next] <- struct{}{}
	h.queue = append(h.queue[:next], h.queue[next+1:]...)
}

// optimistic keeps nobody waiting: View shows a copy, Update works on a copy and tries again
// when another update came first.
type optimistic[T any] struct {
	*reference[T]
	deaf    bool           // wrong on purpose: ctx is not looked at between tries
	running sync.WaitGroup // closures that run outside the lock; added to under it
}

func newOptimistic[T any]() *optimistic[T] {
	return &optimistic[T]{reference: newReference[T](optimisticGuarantees)}
}

var optimisticGuarantees = manager.Guarantees{
	Blocks: manager.BlocksWriters, Cancellable: manager.CancelBetween, Rollback: true,
}

// on calls fn with a copy of the session and returns the original.
func (o *optimistic[T]) on(
	ctx context.Context, id manager.ID, fn func(context.Context, *T) error,
) (was, draft *T, err error) {
	err = o.reference.View(ctx, id, func(_ context.Context, s *T) error {
		was, draft = s, new(*s)
		o.running.Add(1)
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	defer o.running.Done()
	return was, draft, fn(ctx, draft)
}

func (o *optimistic[T]) View(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	_, _, err := o.on(ctx, id, fn)
	return err
}

func (o *optimistic[T]) Update(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	for {
		was, draft, err := o.on(ctx, id, fn)
		if err != nil {
			return err
		}
		if o.deaf {
			ctx = context.WithoutCancel(ctx)
		}
		swapped := false
		err = o.with(context.WithoutCancel(ctx), func(context.Context) error {
			if swapped = o.sessions[id] == was; swapped {
				o.sessions[id] = draft
			}
			return nil
		})
		if err != nil || swapped {
			return err
		}
	}
}

func (o *optimistic[T]) Close() error {
	err := o.reference.Close()
	o.running.Wait()
	return err
}
