package storetest

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/sessbench/sessbench/manager"
)

func reentrant[T any](e *env[T]) {
	e.step("self-deadlock: a nested operation on the session that fn holds hangs although reentrancy is declared")
	id := e.create(1)[0]
	var inside atomic.Bool
	var outsider <-chan struct{}
	err := e.store.Update(background, id, func(ctx context.Context, s *T) error {
		inside.Store(true)
		defer inside.Store(false)
		outsider = e.spawn(func() {
			e.want(e.update(id, func(*T) {
				if inside.Load() {
					e.errorf("hold not exclusive: another goroutine used the session while the outermost fn still ran")
				}
			}), nil, "Update by another goroutine")
		})
		e.nested(ctx, id)
		e.linger(outsider) // the end of a nested operation must not release the session
		return nil
	})
	e.want(err, nil, "Update with nested uses")
	e.await(outsider)
	e.wantCount(id, 2, "lost update: nested increments are not all in the session")
	e.nestedViews(id)
	e.nestedDelete()
}

// nested calls every method but Delete on the session that the caller's fn holds, and adds two to its count.
func (e *env[T]) nested(ctx context.Context, id manager.ID) {
	own := errors.New("error of fn")
	increment := func(_ context.Context, s *T) error { e.p.Increment(s); return nil }
	derived, cancel := context.WithCancel(ctx)
	defer cancel()
	deeper := func(ctx context.Context, s *T) error { return e.store.Update(ctx, id, increment) }

	e.expect(e.store.Update(ctx, id, increment), nil, "nested Update")
	e.expect(e.store.Update(derived, id, deeper), nil, "Update nested twice, through a derived ctx")
	e.expect(e.store.Update(ctx, id, func(context.Context, *T) error { return own }), own, "nested Update with an error")
	if caught(func() { e.store.Update(ctx, id, func(context.Context, *T) error { panic(own) }) }) != any(own) {
		e.errorf("panic lost: a nested fn panicked and the nested call did not")
	}
	seen := int64(-1)
	e.expect(e.store.View(ctx, id, func(_ context.Context, s *T) error { seen = e.p.Count(s); return nil }), nil, "nested View")
	if seen != 2 {
		e.errorf("stale nested view: it shows count %d after 2 nested increments", seen)
	}
	created, err := e.store.GetOrCreate(ctx, id, e.p.New, func(s *T) { seen = e.p.Count(s) })
	e.expect(err, nil, "nested GetOrCreate")
	if created || seen != 2 {
		e.errorf("double creation: nested GetOrCreate gave created %v, count %d, want false, 2", created, seen)
	}
}

func (e *env[T]) nestedViews(id manager.ID) {
	err := e.store.View(background, id, func(ctx context.Context, _ *T) error {
		return e.store.View(ctx, id, func(_ context.Context, s *T) error {
			if n := e.p.Count(s); n != 2 {
				e.errorf("stale nested view: it shows count %d, want 2", n)
			}
			return nil
		})
	})
	e.want(err, nil, "View in View")
}

func (e *env[T]) nestedDelete() {
	id := e.create(1)[0]
	e.want(e.increment(id), nil, "Update")
	err := e.store.Update(background, id, func(ctx context.Context, _ *T) error {
		last, err := e.store.Delete(ctx, id)
		e.expect(err, nil, "nested Delete")
		if n := e.p.Count(&last); n != 1 {
			e.errorf("stale state returned: nested Delete returned count %d after 1 update", n)
		}
		nothing := func(context.Context, *T) error { return nil }
		e.expect(e.store.View(ctx, id, nothing), manager.ErrNotFound, "View after a nested Delete")
		return nil
	})
	e.want(err, nil, "Update with a nested Delete")
	if _, err := e.count(id); err == nil {
		e.fatalf("resurrected session: the end of an outer fn recreated a session that was deleted inside it")
	}
	if !e.ensure(id, "GetOrCreate after a nested Delete") {
		e.fatalf("resurrected session: GetOrCreate finds a session that was deleted inside an fn")
	}
}

func reentrantOwner[T any](e *env[T]) {
	id := e.create(1)[0]
	var kept context.Context
	err := e.store.Update(background, id, func(ctx context.Context, _ *T) error { kept = ctx; return nil })
	e.want(err, nil, "Update")
	e.enters(kept, id, "stale owner: the ctx of an fn that has returned gave access to a session that another goroutine holds")

	if !e.g.IndependentSessions() {
		return // while fn runs no other session can be held
	}
	other := e.create(1)[0]
	err = e.store.Update(background, id, func(ctx context.Context, _ *T) error {
		e.enters(ctx, other, "wrong owner: the ctx of one session gave access to another that is held elsewhere")
		return nil
	})
	e.want(err, nil, "Update with a nested use of another session")
}

// enters updates a session with ctx while another goroutine holds it, and checks that the update waits.
// It may end the goroutine of an fn, which with a ctx that carries ownership is the caller's.
func (e *env[T]) enters(ctx context.Context, id manager.ID, anomaly string) {
	h := e.hold(id)
	e.spawn(func() { e.linger(nil); h.out.open() })
	e.step("lock kept: a released session stays locked for an owner of another one")
	e.want(e.store.Update(ctx, id, func(context.Context, *T) error {
		if h.inFn.Load() {
			e.errorf("%s", anomaly)
		}
		return nil
	}), nil, "Update with the ctx of an fn")
	e.await(h.done)
}
