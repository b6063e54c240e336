package wait

import (
	"math"
	"sync/atomic"
	"time"
)

// Waiter makes one goroutine at a time wait. From each wait it learns how late the goroutine runs after it is woken, and has
// the clock wake the next one earlier by that time.
type Waiter struct {
	clock *Clock
	busy  atomic.Bool
	woken chan struct{}

	next    *Waiter // in the stack of pending waits
	due     int64
	precise bool

	punctual
	lead int64 // nanoseconds by which it is woken early
	spun int64 // nanoseconds spent polling after that
}

// punctual is how a waiter chooses its lead. The lead follows a percentile of the delays: it grows by some steps after a late return
// and shrinks by one after an early one.
type punctual struct {
	first int64 // the lead of its first wait, in nanoseconds
	// most bounds the lead, and with it how long a waiter polls by itself. At most as many waiters as there are processors do so at a
	// time, since they do not yield.
	most   time.Duration
	part   int64         // of the wait, which the lead does not exceed
	grow   int64         // steps; 3: three waits of four end on time
	within time.Duration // waits shorter than this are precise; longer ones only sleep
}

var (
	ordinary = punctual{0, 10 * time.Microsecond, 8, 3, precise}
	// The delay of an arrival counts, however long the wait for it was. 16 users wait for arrivals at a time, so that a 128th part of
	// each wait is an eighth of a processor at most. A waiter of a short trial has some hundred waits to learn from, in which a lead
	// that is too long costs less than late arrivals.
	exact = punctual{int64(mostLead), mostLead, 128, 49, math.MaxInt64}
)

const mostLead = 60 * time.Microsecond

const leadStep = 25 * time.Nanosecond

// NewWaiter returns a waiter on c, of which there may be thousands.
func (c *Clock) NewWaiter() *Waiter { return c.newWaiter(ordinary) }

// NewExactWaiter returns a waiter on c whose waits are precise, however long they are: 49 of 50 end on time, if idle processors wake
// within 60 µs. It uses more processor time than others, so only a few should wait at a time.
func (c *Clock) NewExactWaiter() *Waiter { return c.newWaiter(exact) }

func (c *Clock) newWaiter(p punctual) *Waiter {
	return &Waiter{clock: c, woken: make(chan struct{}, 1), punctual: p, lead: p.first}
}

// Wait returns after d, or when the clock is released. If w is in use by another goroutine, it sleeps on a timer.
func (w *Waiter) Wait(d time.Duration) {
	if d <= 0 || w.clock.stopped.Load() {
		return
	}
	if !w.busy.CompareAndSwap(false, true) {
		w.sleep(d)
		return
	}
	defer w.busy.Store(false)
	c := w.clock
	deadline := c.now() + int64(d)
	w.due, w.precise = deadline, d < w.within
	if w.precise {
		w.due -= min(w.lead, int64(d)/w.part)
	}
	w.enqueue()
	<-w.woken
	if w.precise {
		w.finish(deadline)
	}
}

// sleep waits on timers.
func (w *Waiter) sleep(d time.Duration) {
	for end := w.clock.now() + int64(d); !w.clock.stopped.Load(); {
		rest := time.Duration(end - w.clock.now())
		if rest <= 0 {
			return
		}
		time.Sleep(min(rest, precise))
	}
}

// enqueue gives the wait to the clock.
func (w *Waiter) enqueue() {
	c, at := w.clock, w.due
	if w.precise {
		at -= c.ahead.Load()
	}
	for {
		w.next = c.pending.Load()
		if c.pending.CompareAndSwap(w.next, w) {
			break
		}
	}
	if c.stopped.Load() { // the clock may be gone
		for w := c.pending.Swap(nil); w != nil; {
			next := w.next
			w.woken <- struct{}{}
			w = next
		}
		return
	}
	if asleep := c.asleep.Load(); asleep != awake && at < asleep {
		c.wake()
	}
}

// finish polls until the deadline when it was woken early, and learns from the difference.
func (w *Waiter) finish(deadline int64) {
	c := w.clock
	now := c.now()
	if now >= deadline {
		w.lead = min(w.lead+w.grow*int64(leadStep), int64(w.most))
		return
	}
	if w.lead = max(0, w.lead-int64(leadStep)); c.stopped.Load() {
		return
	}
	start := now
	for now < deadline {
		now = c.now()
	}
	w.spun += now - start
}

// Spun is the processor time that w has spent polling. It must not be called during a wait.
func (w *Waiter) Spun() time.Duration { return time.Duration(w.spun) }
