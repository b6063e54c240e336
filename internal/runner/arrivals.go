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
	until int64            // end of the window, or of the log
	most  int              // users at a time
	make  func(number int) // starts a user
	quit  func()           // called when the arrivals are closed

	mu      sync.Mutex
	visits  visits
	next    *arrival        // the first that no user has claimed
	unused  []*arrival      // to be filled in
	order   sessionOrder    // of the visits of a log
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
	ops []scenarios.TapeOp

	// See [sessionOrder].
	held  bool
	after *arrival // the next visit of its session
	last  *arrival // of the first visit of a session: the last one
}

// maxWaiting is how many users wait for arrivals at a time; further free ones are parked. With one alone, each of many short
// visits would be followed by the wake-up of a parked user.
const maxWaiting = 16

// claim returns the next arrival, and whether there is one. It blocks while enough other users wait.
func (a *arrivals) claim(now int64) (*arrival, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for {
		if now >= a.until && a.over() {
			a.close()
		}
		if a.closed {
			return nil, false
		}
		if a.waiting < maxWaiting && a.order.held < maxHeld {
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
	a.order.claimed(got)
	a.advance()
	return got, true
}

// advance goes on to the next arrival.
func (a *arrivals) advance() {
	if n := len(a.unused); n > 0 {
		a.next, a.unused = a.unused[n-1], a.unused[:n-1]
	} else {
		a.next = &arrival{}
	}
	a.visits.next(a.next)
}

// start records that the user of a claimed arrival starts its visit, and has another user wait for the next arrival. A visit that is held
// does not begin; its user claims another one. ok reports whether there is still time.
func (a *arrivals) start(v *arrival) (begins, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting--
	if a.closed {
		return false, false
	}
	if a.order.hold(v) {
		return false, true
	}
	a.begin()
	if a.waiting == 0 && !a.wake() && a.users < a.most {
		a.users++
		a.make(a.users - 1)
	}
	return true, true
}

// begin counts a visit that starts.
func (a *arrivals) begin() {
	a.started++
	a.busy++
	a.peak = max(a.peak, a.busy)
}

// wake wakes a parked user, and reports whether there was one.
func (a *arrivals) wake() bool {
	n := len(a.parked)
	if n == 0 {
		return false
	}
	close(a.parked[n-1])
	a.parked = a.parked[:n-1]
	return true
}

// end records that a visit has ended. The visit that it returns, if there is one, was held until then: the user goes on with that, unless
// the store panicked.
func (a *arrivals) end(v *arrival, panicked bool) *arrival {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.busy--
	a.ended++
	if v.due < a.until {
		a.open--
	}
	next := a.order.ended(v, panicked || a.closed)
	if next != nil {
		a.begin()
		if a.order.held == maxHeld-1 { // users may be parked because of that
			a.wake()
		}
	}
	*v = arrival{ops: v.ops}
	a.unused = append(a.unused, v)
	return next
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

// unserved calls do for each arrival before the end of the window that no user has started, and that none waits for. The arrivals must be
// closed.
func (a *arrivals) unserved(do func(*arrival)) {
	a.order.all(do)
	for a.next.due < a.until {
		do(a.next)
		a.visits.next(a.next)
	}
}
