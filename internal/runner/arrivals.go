package runner

import (
	"sync"

	"github.com/sessbench/sessbench/scenarios"
)

// arrivals hands the visits of an open loop to users, in the order in which they arrive. A free user claims the next arrival before
// it is due and waits for its time; so an arrival that finds no free user is claimed later, by the first user that becomes free,
// and none is dropped. When the last waiting user starts its visit, another one is woken or made, so that a user always waits for
// the next arrival while there are fewer users than the load allows.
//
// Rejected: a goroutine that keeps the times and wakes a user for each arrival. Each visit would pay for two wake-ups, and
// both would be part of the start delay.
type arrivals struct {
	ops   int              // operations on the tape
	visit int              // operations of a visit
	until int64            // end of the window
	most  int              // users at a time
	make  func(number int) // starts a user
	quit  func()           // called when the arrivals are closed

	mu      sync.Mutex
	stream  *scenarios.Arrivals
	next    arrival         // the first that no user has claimed
	users   int             // made
	waiting int             // users that have claimed an arrival and wait for its time
	parked  []chan struct{} // of users that wait for nothing, since enough others do
	open    int             // claimed visits that arrived before the end of the window and have not ended
	started int64           // visits
	ended   int64           // visits
	busy    int             // visits that have started and not ended
	peak    int             // the most of them
	closed  bool
}

// arrival is a visit that arrives.
type arrival struct {
	due int64 // on the trial's clock
	at  int   // index of its first operation on the tape
}

// maxWaiting is how many users wait for arrivals at a time; further free ones are parked. With one alone, each of many short
// visits would be followed by the wake-up of a parked user.
const maxWaiting = 16

// claim returns the next arrival, and whether there is one. It blocks while enough other users wait.
func (a *arrivals) claim(now int64) (arrival, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for {
		if now >= a.until && a.over() {
			a.close()
		}
		if a.closed {
			return arrival{}, false
		}
		if a.waiting < maxWaiting {
			break
		}
		woken := make(chan struct{})
		a.parked = append(a.parked, woken)
		a.mu.Unlock()
		<-woken
		a.mu.Lock()
	}
	got := a.next
	if got.due < a.until {
		a.open++
	}
	a.waiting++
	a.advance()
	return got, true
}

// advance goes on to the next arrival.
func (a *arrivals) advance() {
	a.next.due = a.stream.Next()
	if a.next.at += a.visit; a.next.at == a.ops {
		a.next.at = 0
	}
}

// start records that the user of a claimed arrival starts its visit, and has another user wait for the next arrival. It
// reports whether there is still time for it.
func (a *arrivals) start() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting--
	if a.closed {
		return false
	}
	a.started++
	a.busy++
	a.peak = max(a.peak, a.busy)
	if n := len(a.parked); a.waiting == 0 && n > 0 {
		close(a.parked[n-1])
		a.parked = a.parked[:n-1]
	} else if a.waiting == 0 && a.users < a.most {
		a.users++
		a.make(a.users - 1)
	}
	return true
}

// end records that a visit has ended, also by a panic of the store.
func (a *arrivals) end(v arrival) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.busy--
	a.ended++
	if v.due < a.until {
		a.open--
	}
}

// over reports whether every visit that arrived before the end of the window has ended.
func (a *arrivals) over() bool { return a.next.due >= a.until && a.open == 0 }

// close ends the arrivals: waiting users return, and no visit starts any more.
func (a *arrivals) close() {
	if a.closed {
		return
	}
	a.closed = true
	for _, woken := range a.parked {
		close(woken)
	}
	a.parked = nil
	a.quit()
}

// closeIf closes the arrivals at the end of the window, if it is over, or in any case.
func (a *arrivals) closeIf(anyway bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if anyway || a.over() {
		a.close()
	}
}

// unserved calls do for each arrival before the end of the window that no user has started. The arrivals must be closed.
func (a *arrivals) unserved(do func(arrival)) {
	for a.next.due < a.until {
		do(a.next)
		a.advance()
	}
}
