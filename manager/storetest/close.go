package storetest

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/sessbench/sessbench/manager"
)

func closed[T any](e *env[T]) {
	there := e.create(1)[0]
	e.want(e.store.Close(), nil, "Close")
	e.step("hang after Close: an operation on a closed store waits")
	for _, op := range operations[T]() {
		for _, id := range []manager.ID{there, e.ids.id()} {
			err := op.do(e, background, id, func() {
				e.errorf("used after Close: %s was called by a store that is closed", op.name)
			})
			if op.name == "Len" && err == nil {
				continue // 0 and ErrClosed are both correct; the number is checked below
			}
			if !errors.Is(err, manager.ErrClosed) {
				e.fatalf("used after Close: an operation (%s) gave error %v, want ErrClosed", op.name, err)
			}
		}
	}
	if n, err := e.store.Len(background); err == nil && n != 0 {
		e.fatalf("used after Close: Len says that a closed store holds %d sessions", n)
	}
	e.storm(4, func(int) { e.want(e.store.Close(), nil, "Close of a closed store") })
}

func closeWaits[T any](e *env[T]) {
	ids := e.create(2)
	var running atomic.Int64
	in, out, viewing := newGate(), newGate(), newGate()
	holder := e.spawn(func() {
		err := e.update(ids[0], func(s *T) {
			running.Add(1)
			in.open()
			e.pause(out.ch)
			running.Add(-1)
		})
		if e.g.ExclusiveUpdates { // otherwise it may have to retry, and finds the store closed
			e.want(err, nil, "Update that was running when Close was called")
		}
	})
	e.await(in.ch)
	viewer := e.spawn(func() { // if it can run beside the holder, Close has to wait for it too
		err := e.store.View(background, ids[1], func(context.Context, *T) error {
			running.Add(1)
			viewing.open()
			e.pause(out.ch)
			running.Add(-1)
			return nil
		})
		e.inTime(err, "View that started before Close")
	})
	e.linger(viewing.ch)
	waiters := e.waiters(ids[0])
	closing := e.spawn(func() {
		e.want(e.store.Close(), nil, "Close")
		if n := running.Load(); n != 0 {
			e.errorf("Close did not wait: it returned while %d closures were running", n)
		}
	})
	e.linger(closing)
	e.step("Close hangs: the closures it waited for have returned")
	out.open()
	e.await(holder, viewer, closing)
	e.step("waiter forgotten: the store is closed and an operation still waits")
	e.await(waiters...)
}

// waiters starts every operation that waits for the held session.
func (e *env[T]) waiters(id manager.ID) []<-chan struct{} {
	var dones []<-chan struct{}
	for _, op := range operations[T]() {
		if op.fresh || op.plain {
			continue
		}
		var called atomic.Bool
		done := e.spawn(func() {
			err := op.do(e, background, id, func() { called.Store(true) })
			e.inTime(err, op.name)
			if err != nil && e.g.ExclusiveUpdates && called.Load() && !op.sweeps { // a Sweep may stop halfway
				e.errorf("applied and rejected: %s was called and its caller got %v", op.name, err)
			}
		})
		e.linger(done)
		dones = append(dones, done)
	}
	return dones
}

// inTime fails the case unless the operation was applied before Close (possibly after another one's Sweep) or returned
// ErrClosed.
func (e *env[T]) inTime(err error, what string) {
	if err != nil && !errors.Is(err, manager.ErrNotFound) {
		e.want(err, manager.ErrClosed, what)
	}
}

// closeStorm closes the store during updates. A store can be closed once, so there is one round, with many goroutines.
func closeStorm[T any](e *env[T]) {
	const workers = 16
	ids := e.create(4)
	var over atomic.Bool
	var started atomic.Int64
	many := newGate()
	closing := e.spawn(func() {
		e.await(many.ch)
		e.want(e.store.Close(), nil, "Close")
		over.Store(true)
	})
	e.step("waiter forgotten: the store is closed and an operation still waits")
	e.storm(workers, func(worker int) {
		for !e.hasFailed() {
			err := e.update(ids[worker%len(ids)], func(s *T) {
				if over.Load() {
					e.errorf("applied after Close: fn was called after Close had returned")
				}
				if started.Add(1) == 100 {
					many.open()
				}
				e.p.Increment(s)
				if over.Load() {
					e.errorf("applied after Close: fn was still running when Close returned")
				}
			})
			if err != nil {
				e.want(err, manager.ErrClosed, "Update beside Close")
				return
			}
			if over.Load() && e.increment(ids[0]) == nil {
				e.fatalf("applied after Close: an Update that began after Close had returned was acknowledged")
			}
		}
	})
	e.await(closing)
}
