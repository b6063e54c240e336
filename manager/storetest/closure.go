package storetest

import (
	"context"
	"errors"
	"runtime"

	"github.com/sessbench/sessbench/manager"
)

func panics[T any](e *env[T]) {
	for _, op := range operations[T]() {
		if op.plain {
			continue
		}
		id := e.idFor(op)
		value := new(int) // not equal to any other value
		e.step("panic lost: after a panic in %s the caller hangs", op.name)
		got := caught(func() { op.do(e, background, id, func() { panic(value) }) })
		if got == nil {
			e.fatalf("panic swallowed: %s panicked and the caller did not", op.name)
		}
		if got != any(value) {
			e.fatalf("panic replaced: %s panicked with %p and the caller got %v", op.name, value, got)
		}
		e.usable(id, "a panic in "+op.name)
	}
}

// caught returns the value that f panics with, or nil.
func caught(f func()) (value any) {
	defer func() { value = recover() }()
	f()
	return nil
}

// idFor returns an id for op: new, or of an existing session.
func (e *env[T]) idFor(op operation[T]) manager.ID {
	if op.fresh {
		return e.ids.id()
	}
	return e.create(1)[0]
}

// usable checks every operation on a session after a failed operation, and leaves an empty store.
func (e *env[T]) usable(id manager.ID, after string) {
	e.step("lock kept: after %s the session stays locked", after)
	e.ensure(id, "GetOrCreate after "+after)
	before := e.view(id, "View after "+after)
	e.want(e.increment(id), nil, "Update after "+after)
	e.wantCount(id, before+1, "wrong state after "+after)
	other := e.create(1)[0]
	e.want(e.increment(other), nil, "Update of another session after "+after)
	e.remove(other, "Delete of another session after "+after)
	e.wantSweep(1, always, "Sweep after "+after)
	e.wantLen(0)
}

func goexits[T any](e *env[T]) {
	for _, op := range operations[T]() {
		if op.plain {
			continue
		}
		id := e.idFor(op)
		e.step("lock kept: after runtime.Goexit in %s the caller hangs", op.name)
		e.await(e.spawn(func() { op.do(e, background, id, runtime.Goexit) }))
		e.usable(id, "runtime.Goexit in "+op.name)
	}
}

// ownError is fn's error: a pointer, so that a copy or a wrapper is another value.
type ownError struct{ error }

func errorAsIs[T any](e *env[T]) {
	id := e.create(1)[0]
	for _, own := range []error{
		&ownError{errors.New("error of fn")}, manager.ErrNotFound, manager.ErrClosed, context.Canceled,
	} {
		fn := func(context.Context, *T) error { return own }
		if got := e.store.View(background, id, fn); got != own {
			e.fatalf("error changed: fn of View returned %v and the caller got %v", own, got)
		}
		if got := e.store.Update(background, id, fn); got != own {
			e.fatalf("error changed: fn of Update returned %v and the caller got %v", own, got)
		}
	}
	e.usable(id, "an error from fn")
}

// halfway makes updates that change the session and then fail, and checks the count afterwards.
func (e *env[T]) halfway(stays int64, anomaly string) {
	own := errors.New("error of fn")
	id := e.create(1)[0]
	e.want(e.store.Update(background, id, func(_ context.Context, s *T) error { e.p.Increment(s); return own }), own, "Update")
	e.wantCount(id, stays, anomaly+" by an error")

	id = e.create(1)[0]
	if caught(func() {
		e.store.Update(background, id, func(_ context.Context, s *T) error { e.p.Increment(s); panic(own) })
	}) == nil {
		e.fatalf("panic swallowed: fn of Update panicked and the caller did not")
	}
	e.wantCount(id, stays, anomaly+" by a panic")
}

func changesStay[T any](e *env[T]) {
	e.halfway(1, "change undone: rollback is not declared, and the changes of fn were undone")
}

func rollback[T any](e *env[T]) {
	e.halfway(0, "no rollback: it is declared, and the changes of fn stay")
}
