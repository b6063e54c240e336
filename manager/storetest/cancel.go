package storetest

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/sessbench/sessbench/manager"
)

// refused fails the case unless err is ErrNotApplied with this cause.
func (e *env[T]) refused(err, cause error, what string) {
	if !errors.Is(err, manager.ErrNotApplied) || !errors.Is(err, cause) {
		e.fatalf("wrong answer: %s gave error %v, want ErrNotApplied that wraps %v", what, err, cause)
	}
}

func ctxDone[T any](e *env[T]) {
	cancelled, cancel := context.WithCancel(background)
	cancel()
	late, cancel := context.WithDeadline(background, time.Unix(1, 0))
	defer cancel()
	there := e.create(1)[0]
	for _, ctx := range []context.Context{cancelled, late} {
		for _, op := range operations[T]() {
			for _, id := range []manager.ID{there, e.ids.id()} {
				err := op.do(e, ctx, id, func() {
					e.errorf("done ctx ignored: %s was called although ctx was done before", op.name)
				})
				e.refused(err, ctx.Err(), "an operation ("+op.name+") with a ctx that is done")
			}
		}
	}
	e.wantCount(there, 0, "done ctx ignored: an operation was applied although ctx was done before")
	e.wantLen(1)
}

func cancelWaiting[T any](e *env[T]) {
	for round := range e.rounds(8) {
		for _, op := range operations[T]() {
			if !op.fresh && op.name != "Len" {
				e.cancelOneWaiting(op, round%2 == 0)
			}
		}
	}
	id := e.create(1)[0]
	h := e.hold(id)
	e.step("deadline ignored: a waiter whose deadline is over still waits")
	ctx, cancel := context.WithTimeout(background, grace)
	defer cancel()
	err := e.store.Update(ctx, id, func(context.Context, *T) error { return nil })
	e.refused(err, context.DeadlineExceeded, "Update that waited past its deadline")
	e.release(h)
}

// cancelOneWaiting cancels op while it waits for a session that stays held. settled gives it time to start waiting.
func (e *env[T]) cancelOneWaiting(op operation[T], settled bool) {
	id := e.create(1)[0]
	h := e.hold(id)
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	e.step("cancelled waiter still waits: %s does not return before the session is released", op.name)
	var err error
	waiter := e.spawn(func() {
		err = op.do(e, ctx, id, func() {
			e.errorf("cancelled waiter applied: %s was called for a cancelled operation", op.name)
		})
	})
	if settled {
		e.linger(waiter)
	}
	cancel()
	e.await(waiter)
	e.refused(err, context.Canceled, "a cancelled wait ("+op.name+")")
	e.release(h)
	e.step("wait leaked: after a cancelled wait of %s the session stays locked", op.name)
	e.wantCount(id, 1, "cancelled waiter applied")
	e.remove(id, "Delete after a cancelled wait")
}

func cancelGranted[T any](e *env[T]) {
	id := e.create(1)[0]
	var acked int64
	for round := range e.rounds(400) {
		e.step("grant leaked: a waiter cancelled at the moment it got the session keeps it, and the next waiter waits forever")
		h := e.hold(id)
		ctx, cancel := context.WithCancel(background)
		var err error
		given := e.spawn(func() {
			err = e.store.Update(ctx, id, func(_ context.Context, s *T) error { e.p.Increment(s); return nil })
		})
		next := e.spawn(func() { e.want(e.increment(id), nil, "Update behind a cancelled waiter") })
		if round%8 == 0 {
			e.linger(given) // both have started to wait
		} else {
			runtime.Gosched()
		}
		if round%2 == 0 {
			h.out.open()
			cancel()
		} else {
			e.spawn(cancel)
			h.out.open()
		}
		e.await(h.done, given, next)
		cancel()
		acked += 2
		if err == nil {
			acked++
			continue
		}
		e.refused(err, context.Canceled, "a wait that was cancelled when it got the session")
	}
	e.wantCount(id, acked, "cancelled waiter applied: acknowledged and counted increments differ")
}

func cancelBetween[T any](e *env[T]) {
	for range e.rounds(8) {
		id := e.create(1)[0]
		ctx, cancel := context.WithCancel(background)
		tries := 0
		e.step("conflicting update blocked: updates are declared not to wait")
		err := e.store.Update(ctx, id, func(_ context.Context, s *T) error {
			if tries++; tries > 1 {
				e.errorf("cancelled update tried again: fn ran %d times, although ctx was done in its first try", tries)
				return nil
			}
			e.expect(e.increment(id), nil, "Update of the same session from inside fn")
			cancel()
			e.p.Increment(s)
			return nil
		})
		cancel()
		e.refused(err, context.Canceled, "an update that met a conflict after it was cancelled")
		e.wantCount(id, 1, "cancelled update applied: only the conflicting one should be in the session")
	}
}
