package storetest

import (
	"math/rand/v2"
	"slices"
	"sync/atomic"

	"github.com/sessbench/sessbench/manager"
)

func sweepTouch[T any](e *env[T]) {
	for range e.rounds(8) {
		e.touchedWhileAsked()
	}
	e.touchStorm()
}

// touchedWhileAsked touches a session while expired runs for it. Either the touch waits and finds no session, or it is applied, and
// then the session has not expired.
func (e *env[T]) touchedWhileAsked() {
	l := &tally{id: e.create(1)[0]}
	l.created.Add(1)
	var touched <-chan struct{}
	n, err := e.store.Sweep(background, func(id manager.ID, s *T) bool {
		if id != l.id || e.p.Count(s) > 0 {
			return false
		}
		if touched == nil {
			touched = e.spawn(func() {
				if e.acknowledged(e.increment(l.id)) {
					l.acked.Add(1)
				}
			})
			e.linger(touched)
		}
		return true
	}, func(_ manager.ID, last T) {
		l.remove(e.p.Count(&last))
		if e.p.Count(&last) != 0 {
			e.errorf("stale sweep: a session was removed although it was touched after expired was called")
		}
	})
	e.want(err, nil, "Sweep")
	if touched == nil {
		e.fatalf("session overlooked: Sweep did not call expired for an existing session")
	}
	e.await(touched)
	if int64(n) != l.removed.Load() {
		e.fatalf("wrong sweep: Sweep returned %d and called removed %d times", n, l.removed.Load())
	}
	if _, err := e.count(l.id); err != nil && l.acked.Load() != l.returned.Load() {
		e.fatalf("stale sweep: %d touches were acknowledged and the removed session had %d",
			l.acked.Load(), l.returned.Load())
	}
	e.settle(l)
	_, err = e.delete(l.id)
	e.acknowledged(err)
}

// touchStorm sweeps at each eighth touch of a session while touches go on.
func (e *env[T]) touchStorm() {
	const sweepers, touchers, pool, due = 2, 4, 16, 8
	tallies := make(map[manager.ID]*tally, pool)
	all := make([]*tally, pool)
	for k, id := range e.create(pool) {
		all[k] = &tally{id: id}
		all[k].created.Add(1)
		tallies[id] = all[k]
	}
	var touching atomic.Int64
	touching.Store(touchers)
	e.storm(sweepers+touchers, func(worker int) {
		if worker < sweepers {
			for touching.Load() > 0 && !e.hasFailed() {
				e.sweepDue(tallies, due)
			}
			return
		}
		defer touching.Add(-1)
		rng := rand.New(rand.NewPCG(uint64(worker), 9))
		for range e.rounds(1000) {
			l := all[rng.IntN(pool)]
			if e.acknowledged(e.increment(l.id)) {
				l.acked.Add(1)
				continue
			}
			if e.ensure(l.id, "GetOrCreate") {
				l.created.Add(1)
			}
		}
	})
	for _, l := range all {
		e.settle(l)
	}
}

// sweepDue sweeps the sessions whose count is just below a multiple of due.
func (e *env[T]) sweepDue(tallies map[manager.ID]*tally, due int64) {
	expired := func(s *T) bool { return e.p.Count(s)%due == due-1 }
	calls := 0
	n, err := e.store.Sweep(background,
		func(_ manager.ID, s *T) bool { return expired(s) },
		func(id manager.ID, last T) {
			calls++
			tallies[id].remove(e.p.Count(&last))
			if !expired(&last) {
				e.errorf("stale sweep: an unexpired session was removed: count %d", e.p.Count(&last))
			}
		})
	e.want(err, nil, "Sweep")
	if n != calls {
		e.fatalf("wrong sweep: Sweep returned %d and called removed %d times", n, calls)
	}
}

func sweepOnce[T any](e *env[T]) {
	const sessions = 64
	e.create(sessions)
	e.wantSweep(0, func(*T) bool { return false }, "Sweep")
	e.wantLen(sessions)
	e.wantSweep(sessions, always, "Sweep")
	for range e.rounds(20) {
		e.removeAll(e.create(sessions))
		e.wantLen(0)
	}
}

// removeAll removes each of ids by two Sweeps and a Delete that run concurrently.
func (e *env[T]) removeAll(ids []manager.ID) {
	times := make(map[manager.ID]*atomic.Int64, len(ids))
	for _, id := range ids {
		times[id] = new(atomic.Int64)
	}
	var reported atomic.Int64
	e.storm(3, func(worker int) {
		if worker == 0 {
			for _, id := range ids {
				if _, err := e.delete(id); e.acknowledged(err) {
					times[id].Add(1)
					reported.Add(1)
				}
			}
			return
		}
		var inside atomic.Int64
		all := func(manager.ID, *T) bool { return true }
		n, err := e.store.Sweep(background, all, func(id manager.ID, _ T) {
			if inside.Add(1) != 1 {
				e.errorf("wrong sweep: removed was called on two goroutines at once")
			}
			times[id].Add(1)
			inside.Add(-1)
		})
		e.want(err, nil, "Sweep")
		reported.Add(int64(n))
	})
	for _, id := range ids {
		if n := times[id].Load(); n != 1 {
			e.fatalf("removed %d times: each removed session belongs to exactly one Sweep or Delete", n)
		}
	}
	if n := reported.Load(); n != int64(len(ids)) {
		e.fatalf("wrong sweep: %d sessions were removed and Sweeps and Deletes returned %d", len(ids), n)
	}
}

// sweepBusy sweeps while one of several sessions is held. It may be the last that a store comes to, so each is held once.
func sweepBusy[T any](e *env[T]) {
	const sessions = 4
	for busy := range sessions {
		ids := e.create(sessions)
		idle := func(id manager.ID) bool { return id != ids[busy] && slices.Contains(ids, id) }
		removed := map[manager.ID]bool{}
		h := e.hold(ids[busy])
		swept := e.spawn(func() {
			_, err := e.store.Sweep(background, func(id manager.ID, _ *T) bool { return idle(id) },
				func(id manager.ID, _ T) { removed[id] = true })
			e.want(err, nil, "Sweep beside a busy session")
		})
		e.linger(swept)
		e.release(h)
		e.await(swept)
		for _, id := range ids {
			if idle(id) && !removed[id] {
				e.fatalf("session overlooked: Sweep left an idle session because another one was busy")
			}
		}
		e.wantCount(ids[busy], 1, "lost update beside a Sweep")
	}
}
