package driver

import (
	"context"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// sessions is one user's driver of a store without a manager between, for ids that are used more than once. Like the
// managers' pooled operations its closures are bound once, so that an operation allocates nothing.
type sessions struct {
	store   manager.SessionStore[manager.Session]
	work    manager.Work // what an append does under the lock; may be nil
	removed func(manager.ID, manager.Session)
	made    uint64 // the incarnation of the latest session that this user made

	q *scenarios.Request // the current operation
	e *scenarios.Effect

	create func() manager.Session
	see    func(*manager.Session)
	append func(context.Context, *manager.Session) error
	read   func(context.Context, *manager.Session) error
}

// NewStore returns the driver of store for the user with this number. The incarnations that it makes are the tags of a user in a
// [github.com/sessbench/sessbench/internal/history.History]: the user's number, and below it a number from 1. removed is called for
// each session that a Delete or a Sweep removes.
func NewStore(
	store manager.SessionStore[manager.Session], user int, work manager.Work, removed func(manager.ID, manager.Session),
) scenarios.Conn {
	const userShift = 40
	d := &sessions{store: store, work: work, removed: removed, made: uint64(user) << userShift}
	d.create = func() manager.Session {
		d.made++
		return manager.Session{Incarnation: d.made}
	}
	d.see = func(s *manager.Session) { d.e.Incarnation, d.e.Seq = s.Incarnation, s.Seq }
	d.append = func(_ context.Context, s *manager.Session) error {
		if d.work != nil {
			d.work()
		}
		d.e.Seq = s.Append(d.q.Role, d.q.Content)
		d.e.Incarnation = s.Incarnation
		return nil
	}
	d.read = func(_ context.Context, s *manager.Session) error {
		d.e.Messages = s.History(d.e.Messages[:0])
		d.see(s)
		return nil
	}
	return d
}

// Do implements [scenarios.Conn].
func (d *sessions) Do(ctx context.Context, q *scenarios.Request, e *scenarios.Effect) (err error) {
	if d.q != q || d.e != e { // drivers of two users may share a cache line, so it is not written without need
		d.q, d.e = q, e
	}
	e.Reported = scenarios.ReportsIncarnation | scenarios.ReportsSeq
	switch q.Op {
	case scenarios.Append:
		return d.store.Update(ctx, q.ID, d.append)
	case scenarios.History:
		return d.store.View(ctx, q.ID, d.read)
	case scenarios.GetOrCreate:
		e.Created, err = d.store.GetOrCreate(ctx, q.ID, d.create, d.see)
		e.Made = d.made
		return err
	case scenarios.Delete:
		last, err := d.store.Delete(ctx, q.ID)
		if err == nil {
			d.removed(q.ID, last)
		}
		return err
	case scenarios.Sweep: // regardless of q.Idle: sessions of a store have no time-to-live
		e.Removed, err = d.store.Sweep(ctx, func(manager.ID, *manager.Session) bool { return true }, d.removed)
		return err
	default:
		return scenarios.ErrUnsupported
	}
}

// Close implements [scenarios.Conn]. The store stays open.
func (d *sessions) Close() error { return nil }
