package storetest

import (
	"errors"
	"time"

	"github.com/sessbench/sessbench/manager"
)

func census[T any](e *env[T]) {
	const workers, sessions = 4, 100_000
	reporter, _ := e.store.(manager.CensusReporter)
	var empty manager.Census
	if reporter != nil {
		empty = reporter.Census()
	}
	e.storm(workers, func(int) {
		for round := range e.rounds(sessions / workers) {
			id := e.ids.id()
			e.ensure(id, "GetOrCreate")
			e.remove(id, "Delete")
			if round%16 == 0 { // look-ups of absent sessions must leave nothing behind either
				if _, err := e.count(id); !errors.Is(err, manager.ErrNotFound) {
					e.fatalf("resurrected session: View of a deleted session gave error %v", err)
				}
				e.want(e.increment(id), manager.ErrNotFound, "Update of a deleted session")
			}
		}
	})
	e.create(100)
	e.wantSweep(100, always, "Sweep")
	e.wantLen(0)
	if reporter != nil {
		e.wantCensus(reporter, empty)
	}
}

// wantCensus fails the case if the store holds more than when it was empty. It waits for goroutines that are ending.
func (e *env[T]) wantCensus(reporter manager.CensusReporter, empty manager.Census) {
	var c manager.Census
	for patience := time.Now().Add(5 * time.Second); time.Now().Before(patience); time.Sleep(time.Millisecond) {
		if c = reporter.Census(); c.Goroutines <= empty.Goroutines {
			break
		}
	}
	switch {
	case c.Sessions != 0:
		e.fatalf("session leak: every session was removed and the census counts %d", c.Sessions)
	case c.Locks > empty.Locks:
		e.fatalf("lock leak: no session is left and the census counts %d locks", c.Locks)
	case c.Goroutines > empty.Goroutines:
		e.fatalf("goroutine leak: no session is left and the census counts %d goroutines, %d when it was new",
			c.Goroutines, empty.Goroutines)
	}
}

// goroutines calls every method and leaves sessions behind; the end of the case checks for leaked goroutines.
func goroutines[T any](e *env[T]) {
	e.create(10)
	for _, op := range operations[T]() {
		e.want(op.do(e, background, e.idFor(op), func() {}), nil, op.name)
	}
	for _, id := range e.create(10) {
		e.want(e.increment(id), nil, "Update")
	}
	e.step("Close hangs: no operation is running any more")
	e.want(e.store.Close(), nil, "Close")
}
