package storetest

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync/atomic"

	"github.com/sessbench/sessbench/manager"
)

// tally counts operations under one id over all its incarnations. The acknowledged increments must equal those returned by Delete
// and Sweep plus those in the remaining session; creations must equal removals plus the remaining session.
type tally struct {
	id                                manager.ID
	created, acked, removed, returned atomic.Int64
	inside                            atomic.Int64 // updates running in the session
}

func (l *tally) remove(last int64) { l.removed.Add(1); l.returned.Add(last) }

// settle compares a tally with what the store still holds.
func (e *env[T]) settle(l *tally) {
	left, err := e.count(l.id)
	exists := int64(1)
	if err != nil {
		e.want(err, manager.ErrNotFound, "View")
		exists = 0
	}
	if created, gone := l.created.Load(), l.removed.Load(); created != gone+exists {
		e.fatalf("resurrected session: %d creations and %d removals under one id left %d sessions", created, gone, exists)
	}
	if acked, returned := l.acked.Load(), l.returned.Load(); acked != returned+left {
		e.fatalf("lost update: %d acknowledged increments under one id, but %d returned and %d in the session", acked, returned, left)
	}
}

func churn[T any](e *env[T]) {
	const workers, pool = 8, 2
	tallies := make([]*tally, pool)
	for k := range tallies {
		tallies[k] = &tally{id: e.ids.id()}
	}
	e.storm(workers, func(worker int) {
		rng := rand.New(rand.NewPCG(uint64(worker), 7))
		for range e.rounds(1500) {
			e.churnOnce(tallies[rng.IntN(pool)], rng.IntN(10))
		}
	})
	for _, l := range tallies {
		e.settle(l)
	}
}

// churnOnce does one operation; draw is from 0 to 9.
func (e *env[T]) churnOnce(l *tally, draw int) {
	switch {
	case draw < 3:
		if e.ensure(l.id, "GetOrCreate") {
			l.created.Add(1)
		}
	case draw < 7:
		err := e.update(l.id, func(s *T) {
			if n := l.inside.Add(1); n != 1 && e.g.ExclusiveUpdates {
				e.errorf("orphan lock: %d updates ran in one session at once after it was deleted and recreated", n)
			}
			runtime.Gosched() // others start to wait, so that a Delete finds waiters
			e.p.Increment(s)
			l.inside.Add(-1)
		})
		if e.acknowledged(err) {
			l.acked.Add(1)
		}
	case draw < 8:
		err := e.store.View(background, l.id, func(context.Context, *T) error {
			if n := l.inside.Load(); n != 0 && e.g.ExclusiveUpdates {
				e.errorf("orphan lock: View ran in a session during %d updates after it was deleted and recreated", n)
			}
			return nil
		})
		e.acknowledged(err)
	default:
		last, err := e.delete(l.id)
		if e.acknowledged(err) {
			l.remove(last)
		}
	}
}

// acknowledged reports whether an operation on a session that may be absent took effect.
func (e *env[T]) acknowledged(err error) bool {
	if err != nil {
		e.want(err, manager.ErrNotFound, "an operation on a session that may be absent")
	}
	return err == nil
}

// raced is the outcome of one Delete concurrent with updates of the same session.
type raced struct {
	id          manager.ID
	acked, last int64
}

// raceDelete deletes a session that others are updating. In the first rounds one update holds the session when Delete starts, and
// others wait; in the rest all run freely until the session is removed.
func (e *env[T]) raceDelete(check func(raced)) {
	for round := range e.rounds(200) {
		r := raced{id: e.create(1)[0]}
		var acked atomic.Int64
		count := func(err error) bool {
			ok := e.acknowledged(err)
			if ok {
				acked.Add(1)
			}
			return ok
		}
		out, updaters := newGate(), make([]<-chan struct{}, 0, 4)
		if round < 8 {
			in := newGate()
			updaters = append(updaters, e.spawn(func() {
				count(e.update(r.id, func(s *T) { in.open(); e.pause(out.ch); e.p.Increment(s) }))
			}))
			e.await(in.ch)
		}
		gone := newGate()
		e.step("stuck delete: an update and a Delete of the same session wait for each other")
		for range 3 {
			updaters = append(updaters, e.spawn(func() {
				for count(e.increment(r.id)) && !gone.isOpen() && !e.hasFailed() {
				}
			}))
		}
		deleted := e.spawn(func() {
			runtime.Gosched()
			var err error
			r.last, err = e.delete(r.id)
			gone.open()
			e.want(err, nil, "the only Delete of a session")
		})
		if round < 8 {
			e.linger(deleted)
		}
		out.open()
		e.await(deleted)
		e.await(updaters...)
		r.acked = acked.Load()
		check(r)
	}
	e.wantLen(0)
}

func staysDeleted[T any](e *env[T]) {
	e.raceDelete(func(r raced) {
		const anomaly = "resurrected session: it was deleted and not created again, and %s finds it"
		if _, err := e.count(r.id); err == nil {
			e.fatalf(anomaly, "View")
		}
		if err := e.increment(r.id); err == nil {
			e.fatalf(anomaly, "Update")
		}
		if _, err := e.delete(r.id); err == nil {
			e.fatalf(anomaly, "Delete")
		}
	})
}

func deleteLastState[T any](e *env[T]) {
	e.raceDelete(func(r raced) {
		if r.last != r.acked {
			e.fatalf("stale state returned: %d increments were acknowledged and Delete returned a count of %d", r.acked, r.last)
		}
	})
}
