package runner

import (
	"context"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// storeDriver is one user's driver of a store without a manager between, for ids that are used more than once. Like the
// managers' pooled operations its closures are bound once, so that an operation allocates nothing.
type storeDriver struct {
	store   manager.SessionStore[manager.Session]
	work    manager.Work                      // what an append does under the lock; may be nil
	removed func(manager.ID, manager.Session) // called for each session that a Delete or a Sweep removes
	next    uint64                            // the incarnation of the latest session that this user made

	q *scenarios.Request // the current operation
	e *scenarios.Effect

	create func() manager.Session
	see    func(*manager.Session)
	append func(context.Context, *manager.Session) error
	read   func(context.Context, *manager.Session) error
}

// incarnationShift is the bit at which the number of the creating user begins in an incarnation.
const incarnationShift = 40

// newStoreDriver returns the driver of store for the user with this number.
func newStoreDriver(
	store manager.SessionStore[manager.Session], number int, work manager.Work, removed func(manager.ID, manager.Session),
) *storeDriver {
	d := &storeDriver{store: store, work: work, removed: removed, next: uint64(number+1) << incarnationShift}
	d.create = func() manager.Session {
		d.next++
		return manager.Session{Incarnation: d.next}
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

// Do implements [scenarios.Conn]. It sets the parts of e that belong to the operation.
func (d *storeDriver) Do(ctx context.Context, q *scenarios.Request, e *scenarios.Effect) (err error) {
	d.q, d.e = q, e
	e.Reported = scenarios.ReportsIncarnation | scenarios.ReportsSeq
	switch q.Op {
	case scenarios.Append:
		return d.store.Update(ctx, q.ID, d.append)
	case scenarios.History:
		return d.store.View(ctx, q.ID, d.read)
	case scenarios.GetOrCreate:
		e.Created, err = d.store.GetOrCreate(ctx, q.ID, d.create, d.see)
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
func (d *storeDriver) Close() error { return nil }
