package storetest

import (
	"context"
	"runtime"
	"sync/atomic"

	"github.com/sessbench/sessbench/manager"
)

func noLostUpdate[T any](e *env[T]) {
	const workers, sessions = 8, 4
	ids := e.create(sessions)
	var acked [sessions]atomic.Int64
	e.storm(workers, func(worker int) {
		var own [sessions]int64
		for round := range e.rounds(150) {
			k := (worker + round) % sessions
			err := e.update(ids[k], func(s *T) {
				runtime.Gosched() // gives operations that should wait a chance to run
				e.p.Increment(s)
			})
			e.want(err, nil, "Update")
			acked[k].Add(1)
			own[k]++
			if seen := e.view(ids[k], "View"); seen < own[k] {
				e.fatalf("lost update: one goroutine made %d acknowledged increments and reads count %d", own[k], seen)
			}
		}
	})
	for k, id := range ids {
		e.wantCount(id, acked[k].Load(), "lost update: acknowledged increments are not all in the session")
	}
}

func steadyView[T any](e *env[T]) {
	e.viewedWhileUpdated()
	id := e.create(1)[0]
	var writers atomic.Int64
	writers.Store(2)
	e.storm(4, func(worker int) {
		if worker < 2 {
			defer writers.Add(-1)
			for range e.rounds(300) {
				e.want(e.increment(id), nil, "Update")
			}
			return
		}
		var latest int64
		for writers.Load() > 0 && !e.hasFailed() {
			n := e.view(id, "View")
			if n < latest {
				e.fatalf("stale read: View showed count %d and later %d", latest, n)
			}
			latest = n
		}
	})
}

// viewedWhileUpdated reads a session twice in one closure, with an update in between that has time to complete, unless it waits
// because views and updates exclude each other.
func (e *env[T]) viewedWhileUpdated() {
	type show func(id manager.ID, fn func(*T)) error
	shows := map[string]show{
		"View": func(id manager.ID, fn func(*T)) error {
			return e.store.View(background, id, func(_ context.Context, s *T) error { fn(s); return nil })
		},
		"GetOrCreate": func(id manager.ID, fn func(*T)) error {
			_, err := e.store.GetOrCreate(background, id, e.p.New, fn)
			return err
		},
	}
	for name, show := range shows {
		for range e.rounds(4) {
			id := e.create(1)[0]
			var kept T
			var updated <-chan struct{}
			err := show(id, func(s *T) {
				before := e.p.Count(s)
				kept = *s
				updated = e.spawn(func() { e.want(e.increment(id), nil, "Update") })
				e.linger(updated)
				if after := e.p.Count(s); after != before {
					e.errorf("live reference returned: the session changed from %d to %d while %s showed it",
						before, after, name)
				}
			})
			e.want(err, nil, name)
			e.await(updated)
			if n := e.p.Count(&kept); n != 0 {
				e.fatalf("live reference returned: a copy made in %s changed its count from 0 to %d", name, n)
			}
			e.wantCount(id, 1, "lost update beside a "+name)
		}
	}
}

func exclusiveUpdates[T any](e *env[T]) {
	e.keptOut()
	const workers = 6
	id := e.create(1)[0]
	var inside atomic.Int64
	e.storm(workers, func(worker int) {
		for range e.rounds(150) {
			if worker == 0 {
				e.want(e.store.View(background, id, func(context.Context, *T) error {
					if n := inside.Load(); n != 0 {
						e.errorf("updates not exclusive: View ran in a session during %d updates", n)
					}
					return nil
				}), nil, "View")
				continue
			}
			var runs atomic.Int64
			e.want(e.update(id, func(s *T) {
				runs.Add(1)
				if n := inside.Add(1); n != 1 {
					e.errorf("updates not exclusive: %d updates ran in one session at once", n)
				}
				runtime.Gosched()
				e.p.Increment(s)
				inside.Add(-1)
			}), nil, "Update")
			if n := runs.Load(); n != 1 {
				e.fatalf("fn ran %d times in one Update although exclusive updates are declared", n)
			}
		}
	})
}

// keptOut holds a session and checks that every other operation on it waits.
func (e *env[T]) keptOut() {
	for _, op := range operations[T]() {
		if op.fresh || op.plain {
			continue
		}
		id := e.create(1)[0]
		h := e.hold(id)
		e.step("lock kept: %s waits for a session that was released", op.name)
		done := e.spawn(func() {
			e.want(op.do(e, background, id, func() {
				if h.inFn.Load() {
					e.errorf("updates not exclusive: %s was called while another goroutine held the session", op.name)
				}
			}), nil, op.name)
		})
		e.linger(done)
		e.release(h)
		e.await(done)
		if _, err := e.store.Sweep(background, func(manager.ID, *T) bool { return true }, nil); err != nil {
			e.fatalf("Sweep failed: %v", err)
		}
	}
}

func independentSessions[T any](e *env[T]) {
	h := e.hold(e.create(1)[0])
	for range e.rounds(1000) { // many ids, so that some share a shard with the busy session, also one of a thousand
		for _, op := range operations[T]() {
			if op.sweeps {
				continue // it calls expired for every session, including the busy one
			}
			id := e.ids.id()
			e.step("wider block: %s of another session waits although a busy session is declared to block only operations on that session", op.name)
			if !op.fresh {
				e.ensure(id, "GetOrCreate")
			}
			e.want(op.do(e, background, id, func() {}), nil, op.name)
		}
	}
	e.release(h)
}

func readersProceed[T any](e *env[T]) {
	id := e.create(1)[0]
	h := e.hold(id)
	e.step("readers blocked: View waits for an update although only writers are declared to wait")
	e.wantCount(id, 0, "unfinished update shown")
	e.release(h)
	e.wantCount(id, 1, "lost update")
}
