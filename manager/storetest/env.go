package storetest

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/sessbench/sessbench/manager"
)

var background = context.Background()

// env is the environment of a case: a new store, its guarantees, and helpers that fail the case.
type env[T any] struct {
	*watch
	store manager.SessionStore[T]
	g     manager.Guarantees
	p     Probe[T]
	ids   *mint
}

// mint generates random version 4 ids, the same in every run.
type mint struct {
	mu  sync.Mutex // protects rng
	rng *rand.Rand
}

func (m *mint) id() (id manager.ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	binary.LittleEndian.PutUint64(id[:8], m.rng.Uint64())
	binary.LittleEndian.PutUint64(id[8:], m.rng.Uint64())
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}

// retry calls op again while it returns ErrConflict. A store with exclusive updates has no conflicts.
func (e *env[T]) retry(op func() error) error {
	for {
		err := op()
		if e.g.ExclusiveUpdates || !errors.Is(err, manager.ErrConflict) || e.hasFailed() {
			return err
		}
	}
}

// update changes the session with fn, which may run more than once.
func (e *env[T]) update(id manager.ID, fn func(s *T)) error {
	return e.retry(func() error {
		return e.store.Update(background, id, func(_ context.Context, s *T) error { fn(s); return nil })
	})
}

// increment adds one to the session's count.
func (e *env[T]) increment(id manager.ID) error { return e.update(id, e.p.Increment) }

// count returns the session's count as View reads it.
func (e *env[T]) count(id manager.ID) (n int64, err error) {
	err = e.store.View(background, id, func(_ context.Context, s *T) error { n = e.p.Count(s); return nil })
	return n, err
}

// delete removes the session and returns the count of its final state.
func (e *env[T]) delete(id manager.ID) (last int64, err error) {
	err = e.retry(func() error {
		s, err := e.store.Delete(background, id)
		last = e.p.Count(&s)
		return err
	})
	return last, err
}

// remove removes the session, which exists, and returns the count of its final state.
func (e *env[T]) remove(id manager.ID, what string) int64 {
	last, err := e.delete(id)
	e.want(err, nil, what)
	return last
}

// ensure creates the session if it is absent.
func (e *env[T]) ensure(id manager.ID, what string) (created bool) {
	created, err := e.getOrCreate(id)
	e.want(err, nil, what)
	return created
}

// view returns the count of the session, which exists.
func (e *env[T]) view(id manager.ID, what string) int64 {
	n, err := e.count(id)
	e.want(err, nil, what)
	return n
}

// wantSweep sweeps all expired sessions and fails the case unless there are n.
func (e *env[T]) wantSweep(n int, expired func(*T) bool, what string) {
	got, err := e.store.Sweep(background, func(_ manager.ID, s *T) bool { return expired(s) }, nil)
	e.want(err, nil, what)
	if got != n {
		e.fatalf("wrong sweep: %d sessions had expired and %s removed %d", n, what, got)
	}
}

// always is what expired returns for every session that is to be removed.
func always[T any](*T) bool { return true }

// getOrCreate creates the session if it is absent.
func (e *env[T]) getOrCreate(id manager.ID) (created bool, err error) {
	err = e.retry(func() (err error) {
		created, err = e.store.GetOrCreate(background, id, e.p.New, nil)
		return err
	})
	return created, err
}

// create creates n new sessions.
func (e *env[T]) create(n int) []manager.ID {
	ids := make([]manager.ID, n)
	for i := range ids {
		ids[i] = e.ids.id()
		if created, err := e.getOrCreate(ids[i]); err != nil || !created {
			e.fatalf("creation failed: GetOrCreate of a new id gave created %v, error %v", created, err)
		}
	}
	return ids
}

// want fails the case unless errors.Is(err, wanted); nil is success.
func (e *env[T]) want(err, wanted error, what string) {
	if !e.expect(err, wanted, what) {
		runtime.Goexit()
	}
}

// expect is want for closures: it does not end the goroutine.
func (e *env[T]) expect(err, wanted error, what string) bool {
	ok := errors.Is(err, wanted) && (wanted != nil || err == nil)
	if !ok {
		e.errorf("wrong answer: %s gave error %v, want %v", what, err, wanted)
	}
	return ok
}

// wantCount fails the case unless the session exists and its count is n.
func (e *env[T]) wantCount(id manager.ID, n int64, anomaly string) {
	if got := e.view(id, "View"); got != n {
		e.fatalf("%s: the session counts %d, want %d", anomaly, got, n)
	}
}

// holder is an Update that holds a session.
type holder struct {
	out  *gate
	done <-chan struct{}
	inFn atomic.Bool
}

// hold starts an Update that holds the session until release and then adds one. It returns once fn runs.
func (e *env[T]) hold(id manager.ID) *holder {
	in, h := newGate(), &holder{out: newGate()}
	h.done = e.spawn(func() {
		err := e.update(id, func(s *T) {
			h.inFn.Store(true)
			in.open()
			e.pause(h.out.ch)
			h.inFn.Store(false)
			e.p.Increment(s)
		})
		e.want(err, nil, "Update that holds the session")
	})
	e.await(in.ch)
	return h
}

// release ends the holder and waits for it.
func (e *env[T]) release(h *holder) {
	h.out.open()
	e.await(h.done)
}

// operation is one method of the store with one of its closures, which calls act.
type operation[T any] struct {
	name   string
	fresh  bool // needs an absent id
	plain  bool // has no closure
	sweeps bool // visits all sessions
	do     func(e *env[T], ctx context.Context, id manager.ID, act func()) error
}

// operations returns every method and closure.
func operations[T any]() []operation[T] {
	all := func(manager.ID, *T) bool { return true }
	return []operation[T]{
		{name: "create of GetOrCreate", fresh: true,
			do: func(e *env[T], ctx context.Context, id manager.ID, act func()) error {
				_, err := e.store.GetOrCreate(ctx, id, func() T { act(); return e.p.New() }, nil)
				return err
			}},
		{name: "view of GetOrCreate", do: func(e *env[T], ctx context.Context, id manager.ID, act func()) error {
			_, err := e.store.GetOrCreate(ctx, id, e.p.New, func(*T) { act() })
			return err
		}},
		{name: "fn of View", do: func(e *env[T], ctx context.Context, id manager.ID, act func()) error {
			return e.store.View(ctx, id, func(context.Context, *T) error { act(); return nil })
		}},
		{name: "fn of Update", do: func(e *env[T], ctx context.Context, id manager.ID, act func()) error {
			return e.store.Update(ctx, id, func(_ context.Context, s *T) error { act(); e.p.Increment(s); return nil })
		}},
		{name: "expired of Sweep", sweeps: true, do: func(e *env[T], ctx context.Context, _ manager.ID, act func()) error {
			_, err := e.store.Sweep(ctx, func(manager.ID, *T) bool { act(); return false }, nil)
			return err
		}},
		{name: "removed of Sweep", sweeps: true, do: func(e *env[T], ctx context.Context, _ manager.ID, act func()) error {
			_, err := e.store.Sweep(ctx, all, func(manager.ID, T) { act() })
			return err
		}},
		{name: "Delete", plain: true, do: func(e *env[T], ctx context.Context, id manager.ID, _ func()) error {
			_, err := e.store.Delete(ctx, id)
			return err
		}},
		{name: "Len", plain: true, do: func(e *env[T], ctx context.Context, _ manager.ID, _ func()) error {
			_, err := e.store.Len(ctx)
			return err
		}},
	}
}
