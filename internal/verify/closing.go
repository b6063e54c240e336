package verify

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/manager"
)

// closing is the Close of a store while it is used.
type closing struct {
	begun   atomic.Bool                       // Close is called, or will be at once
	closed  atomic.Bool                       // Close has returned
	against atomic.Pointer[history.Violation] // the first of a closure; nil: none
}

// entered is called at the beginning of a closure, and left at its end. A closure that begins after Close has returned, or that has not ended
// by then, violates the contract. One that ends between the return of Close and the write of closed is not noticed.
func (c *closing) entered(op *history.Op) {
	if c.closed.Load() {
		c.violate(history.UsedAfterClose, "the closure of %s was called after Close had returned", op.String())
	}
}

func (c *closing) left(op *history.Op) {
	if c.closed.Load() {
		c.violate(history.EarlyClose, "Close returned while the closure of %s was running", op.String())
	}
}

// refused reports whether an operation returned err because of Close.
func (c *closing) refused(err error) bool { return c.begun.Load() && errors.Is(err, manager.ErrClosed) }

// close closes the store.
func (c *closing) close(store manager.SessionStore[manager.Session]) error {
	c.begun.Store(true)
	err := store.Close()
	c.closed.Store(true)
	return err
}

// closeStore closes the store.
func (c *client) closeStore() {
	if err := c.closing.close(c.store); err != nil {
		c.violate(history.UnexpectedError, "Close: %v", err)
	}
	c.beat.n.Add(1)
}

func (c *closing) violate(a history.Anomaly, format string, args ...any) {
	c.against.CompareAndSwap(nil, history.NewViolation(a, format, args...))
}

// afterClose calls every method of the closed store, with the ids of a session that was there and of one that was not, and returns a
// violation unless each returns what the contract demands.
func (r *round) afterClose(there manager.ID) (v *history.Violation) {
	ctx, store := context.Background(), r.store
	used := func(format string, args ...any) {
		if v == nil {
			v = history.NewViolation(history.UsedAfterClose, format, args...)
		}
	}
	for _, id := range []manager.ID{there, uuid.New()} {
		for _, method := range []struct {
			name string
			kind history.Kind // that the scenarios must perform: sessions are always created
			call func(ran func()) error
		}{
			{"GetOrCreate", history.GetOrCreate, func(ran func()) error {
				_, err := store.GetOrCreate(ctx, id, newSession, func(*manager.Session) { ran() })
				return err
			}},
			{"View", history.GetOrCreate, func(ran func()) error {
				return store.View(ctx, id, func(context.Context, *manager.Session) error { ran(); return nil })
			}},
			{"Update", history.GetOrCreate, func(ran func()) error {
				return store.Update(ctx, id, func(ctx context.Context, s *manager.Session) error { ran(); return add(ctx, s) })
			}},
			{"Delete", history.Delete, func(func()) error { _, err := store.Delete(ctx, id); return err }},
			{"Sweep", history.Sweep, func(ran func()) error {
				_, err := store.Sweep(ctx, func(manager.ID, *manager.Session) bool { ran(); return false }, nil)
				return err
			}},
		} {
			if !r.cfg.performs(method.kind) {
				continue
			}
			err := method.call(func() { used("the closure of %s was called on a closed store", method.name) })
			if !errors.Is(err, manager.ErrClosed) && !indeterminate(err) {
				used("%s on a closed store: error %v, want ErrClosed", method.name, err)
			}
		}
	}
	switch n, err := store.Len(ctx); {
	case err == nil && n != 0:
		r.leak = history.NewViolation(history.CountAfterClose, "Len of the closed store returned %d, want 0 or ErrClosed", n)
	case err != nil && !errors.Is(err, manager.ErrClosed) && !indeterminate(err):
		used("Len on a closed store: error %v, want none or ErrClosed", err)
	}
	if err := store.Close(); err != nil {
		used("Close on a closed store: %v", err)
	}
	return v
}

// closes observes Close while an update holds a session, while a view uses another one, and while other operations wait for the first.
func closes(p *probe) Guarantee {
	g := Guarantee{Name: "close", Declared: "yes", Observed: "yes", Kept: true}
	p.closeBusy()
	if p.violation == nil && !p.indeterminate.Load() {
		p.violation = p.round.afterClose(p.id)
	}
	if p.violation != nil {
		g.Observed, g.Kept = "no", false
	}
	return g
}

func (p *probe) closeBusy() {
	var (
		c     closing
		store = p.round.store
		ctx   = context.Background()

		held, waited = &history.Op{Kind: history.Append}, &history.Op{Kind: history.Append, User: 1}
		read, sweep  = &history.Op{Kind: history.ReadMessages, User: 2}, &history.Op{Kind: history.Sweep, User: 3}
	)
	viewed := uuid.New()
	if _, err := store.GetOrCreate(ctx, viewed, newSession, nil); p.noted(err) != nil {
		p.violate(history.UnexpectedError, "GetOrCreate: %v", err)
		return
	}
	h := p.hold(p.id, func(ctx context.Context, s *manager.Session) error { defer c.left(held); return add(ctx, s) })
	let := make(chan struct{})
	beside := p.start(func() error { // on a coarse store it waits for the update
		return store.View(ctx, viewed, func(context.Context, *manager.Session) error {
			c.entered(read)
			defer c.left(read)
			<-let
			return nil
		})
	})
	settle(beside)
	var updated atomic.Bool
	waiters := map[string]*operation{
		"Update": p.start(func() error {
			return store.Update(ctx, p.id, func(ctx context.Context, s *manager.Session) error {
				c.entered(waited)
				updated.Store(true)
				defer c.left(waited)
				return add(ctx, s)
			})
		}),
		"View": p.start(func() error {
			return store.View(ctx, p.id, func(context.Context, *manager.Session) error { c.entered(read); return nil })
		}),
		"Sweep": p.start(func() error {
			if !p.round.cfg.performs(history.Sweep) {
				return nil
			}
			_, err := store.Sweep(ctx, func(manager.ID, *manager.Session) bool { c.entered(sweep); return false }, nil)
			return err
		}),
	}
	settle(waiters["Update"], waiters["View"], waiters["Sweep"])
	closer := p.start(func() error { return c.close(store) })
	settle(closer)
	h.release()
	settle(closer) // it still has to wait for the view
	close(let)
	p.running.Wait()

	waiters["View of another session"] = beside
	switch exclusive := p.declares.ExclusiveUpdates; {
	case c.against.Load() != nil:
		p.violation = c.against.Load()
	case closer.err != nil:
		p.violate(history.UnexpectedError, "Close: %v", closer.err)
	case exclusive && h.err != nil:
		p.violate(history.RefusedAfterRun, "Update: error %v, although its closure was running when Close was called, and ran to its end", h.err)
	case exclusive && updated.Load() && waiters["Update"].err != nil:
		p.violate(history.RefusedAfterRun, "Update beside Close: error %v, although its closure had run", waiters["Update"].err)
	default:
		for what, o := range waiters {
			if o.err != nil && !errors.Is(o.err, manager.ErrClosed) {
				p.violate(history.UnexpectedError, "%s beside Close: %v, want success or ErrClosed", what, o.err)
			}
		}
		if h.err != nil && !errors.Is(h.err, manager.ErrClosed) {
			p.violate(history.UnexpectedError, "Update beside Close: %v", h.err)
		}
	}
}
