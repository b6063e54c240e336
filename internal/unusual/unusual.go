// Package unusual holds session stores that keep the contract of [manager.SessionStore] in ways that few stores do: slow,
// stalling, unfair, large. No check may find a violation in any of them. It is the counterpart of internal/flawed.
package unusual

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/strategies"
)

// All returns the stores, each as a strategy without parameters and without OpenProbe.
func All() []strategies.Strategy {
	var all []strategies.Strategy
	add := func(name, how string, g manager.Guarantees, open func() *store) {
		all = append(all, strategies.Strategy{
			Name: name, Description: how, Guarantees: g,
			Open: func(strategies.Values) (manager.SessionStore[manager.Session], error) { return open(), nil },
		})
	}
	exclusive := manager.Guarantees{Blocks: manager.BlocksSession, ExclusiveUpdates: true}

	add("slow", "each operation sleeps 1 to 5 ms while it holds the session, as one that writes to disk does", exclusive,
		func() *store {
			s := newStore(newMutex)
			s.inside = func() { time.Sleep(time.Millisecond + rand.N(4*time.Millisecond)) }
			return s
		})
	add("stalling", "every 500th operation stops the whole store for 200 ms, as a compaction or a long collection does",
		manager.Guarantees{Blocks: manager.BlocksAllSessions, ExclusiveUpdates: true},
		func() *store {
			s, operations := newStore(newMutex), 0
			s.lookup = func() {
				if operations++; operations%500 == 0 {
					time.Sleep(200 * time.Millisecond)
				}
			}
			return s
		})
	add("group-commit", "an operation returns at the next multiple of 2 ms, together with all others that wait for it", exclusive,
		func() *store {
			s := newStore(newMutex)
			s.commit = func() {
				const interval = 2 * time.Millisecond
				now := time.Now()
				time.Sleep(now.Truncate(interval).Add(interval).Sub(now))
			}
			return s
		})
	add("large", "64 KiB are kept for each session, and copied by each operation", exclusive,
		func() *store {
			s := newStore(newMutex)
			s.ballast = 64 << 10
			return s
		})
	add("retrying", "an update's closure runs on a copy up to three times before its result is kept",
		manager.Guarantees{Blocks: manager.BlocksSession, Rollback: true},
		func() *store {
			s := newStore(newMutex)
			s.tries = func() int { return 1 + rand.IntN(3) }
			return s
		})
	add("signal", "a sync.Cond with Signal: callers that arrive go before those that wait", exclusive,
		func() *store { return newStore(func() locker { return newCondLock((*sync.Cond).Signal) }) })
	add("broadcast", "a sync.Cond with Broadcast: the first caller to run is served first", exclusive,
		func() *store { return newStore(func() locker { return newCondLock((*sync.Cond).Broadcast) }) })
	add("polling", "a flag that waiting callers poll, with sleeps that get longer", exclusive,
		func() *store { return newStore(func() locker { return new(pollingLock) }) })
	add("last-come", "the caller that came last is served first", exclusive,
		func() *store { return newStore(func() locker { return new(stackLock) }) })
	add("readers-first", "writers wait as long as there are readers", exclusive,
		func() *store { return newStore(func() locker { return newReadersFirst() }) })
	return all
}
