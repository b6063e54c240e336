package main

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/puzpuzpuz/xsync/v4"

	"github.com/sessbench/sessbench/manager"
)

// xsyncCompute runs each closure inside Compute of an xsync.Map, as one does with ConcurrentHashMap.compute in Java. Compute locks a
// bucket, so sessions have no locks, and a busy session delays others of its bucket.
//
// Compute unlocks the bucket after a return only. A panic is passed on after Compute; runtime.Goexit cannot be, and the bucket
// stays locked.
type xsyncCompute struct {
	m      *xsync.Map[manager.ID, *manager.Session]
	closed atomic.Bool
	sweeps sync.RWMutex // read-held by each Sweep
}

func newXsyncCompute() manager.SessionStore[manager.Session] {
	return &xsyncCompute{m: xsync.NewMap[manager.ID, *manager.Session]()}
}

// use runs fn on the session under the lock of its bucket, and after no error does op.
func (s *xsyncCompute) use(ctx context.Context, id manager.ID, fn closure, op xsync.ComputeOp) (err error) {
	if err := ctx.Err(); err != nil {
		return manager.NotApplied(err)
	}
	var panicked any
	s.m.Compute(id, func(v *manager.Session, _ bool) (_ *manager.Session, then xsync.ComputeOp) {
		then = xsync.CancelOp
		if v == nil || s.closed.Load() { // Close locks each bucket after it has set closed
			err = s.absent()
			return v, then
		}
		defer func() { panicked = recover() }()
		if err = fn(ctx, v); err == nil {
			then = op
		}
		return v, then
	})
	if panicked != nil {
		panic(panicked)
	}
	return err
}

func (s *xsyncCompute) absent() error {
	if s.closed.Load() {
		return manager.ErrClosed
	}
	return manager.ErrNotFound
}

// GetOrCreate implements [manager.SessionStore]. create runs with the bucket locked.
func (s *xsyncCompute) GetOrCreate(
	ctx context.Context, id manager.ID, create func() manager.Session, view func(*manager.Session),
) (created bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, manager.NotApplied(err)
	}
	var panicked any
	s.m.Compute(id, func(found *manager.Session, _ bool) (v *manager.Session, op xsync.ComputeOp) {
		v, op = found, xsync.CancelOp
		if s.closed.Load() {
			err = manager.ErrClosed
			return v, op
		}
		defer func() { panicked = recover() }()
		if v == nil {
			fresh := create()
			v, op, created = &fresh, xsync.UpdateOp, true
		}
		if view != nil {
			view(v)
		}
		return v, op
	})
	if panicked != nil {
		panic(panicked)
	}
	return created, err
}

// View implements [manager.SessionStore].
func (s *xsyncCompute) View(ctx context.Context, id manager.ID, fn closure) error {
	return s.use(ctx, id, fn, xsync.CancelOp)
}

// Update implements [manager.SessionStore].
func (s *xsyncCompute) Update(ctx context.Context, id manager.ID, fn closure) error {
	return s.use(ctx, id, fn, xsync.CancelOp)
}

// Delete implements [manager.SessionStore].
func (s *xsyncCompute) Delete(ctx context.Context, id manager.ID) (last manager.Session, err error) {
	err = s.use(ctx, id, func(_ context.Context, v *manager.Session) error { last = *v; return nil }, xsync.DeleteOp)
	return last, err
}

// errKept is the result of a closure of Sweep whose session is not expired.
var errKept = errors.New("not expired")

// Sweep implements [manager.SessionStore]. It locks one bucket at a time, and none while removed runs.
func (s *xsyncCompute) Sweep(
	ctx context.Context, expired func(manager.ID, *manager.Session) bool, removed func(manager.ID, manager.Session),
) (n int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, manager.NotApplied(err)
	}
	if !s.sweeps.TryRLock() { // fails only while Close holds it or waits for it
		return 0, manager.ErrClosed
	}
	defer s.sweeps.RUnlock()
	if s.closed.Load() {
		return 0, manager.ErrClosed
	}
	for id := range s.m.Range {
		var last manager.Session
		switch err := s.use(ctx, id, func(_ context.Context, v *manager.Session) error {
			if !expired(id, v) {
				return errKept
			}
			last = *v
			return nil
		}, xsync.DeleteOp); err {
		case nil:
			n++
			if removed != nil {
				removed(id, last)
			}
		case errKept, manager.ErrNotFound:
		default:
			return n, err
		}
	}
	return n, nil
}

// Len implements [manager.SessionStore].
func (s *xsyncCompute) Len(ctx context.Context) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, manager.NotApplied(err)
	}
	return s.m.Size(), nil
}

// Close implements [manager.SessionStore]. It removes each session under the lock of its bucket, and so waits for closures that run.
func (s *xsyncCompute) Close() error {
	s.closed.Store(true)
	s.sweeps.Lock()
	defer s.sweeps.Unlock()
	for id := range s.m.Range {
		s.m.Delete(id)
	}
	return nil
}

// Census implements [manager.CensusReporter]. Sessions have no locks.
func (s *xsyncCompute) Census() manager.Census { return manager.Census{Sessions: s.m.Size()} }
