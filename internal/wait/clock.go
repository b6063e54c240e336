// Package wait ends waits on time. Go's timers wake a goroutine up to 1 ms late where the process is otherwise idle,
// because the network poller rounds timeouts below 1 ms up to 1 ms (runtime/netpoll_epoll.go), and a processor that
// sleeps takes some 50 µs more to come back. A wait of 200 µs then takes 1.1 ms, so critical
// sections of 200 µs could not be compared.
package wait

import (
	"container/heap"
	"runtime"
	"sync/atomic"
	"time"
)

// Clock ends the waits of any number of goroutines. One goroutine of its own keeps the deadlines in a heap. While the
// earliest is far away, that goroutine is blocked until an alarm wakes it a little early; then it polls, yielding the
// processor at each turn, and wakes each waiter at its deadline. However many goroutines wait, one polls.
//
// Rejected: waiters that poll for themselves. A hundred of them keep every processor in the scheduler's run queues, so
// that the network is polled by the runtime's monitor only, every 10 ms; and where few are allowed to poll, the others
// are left with timers.
type Clock struct {
	base    time.Time
	pending atomic.Pointer[Waiter] // waits that are not in the heap yet: a stack
	asleep  atomic.Int64           // when the alarm is set to go off; awake: the goroutine is running
	kick    chan struct{}          // wakes the goroutine
	stopped atomic.Bool
	done    chan struct{}
	alarm   *alarm
	heap    waits
	ahead   atomic.Int64 // nanoseconds by which the alarm precedes a precise deadline
	polled  atomic.Int64 // nanoseconds spent polling and waking
	alarms  atomic.Int64 // times that it was blocked
}

const (
	// Precise waits of ordinary waiters are shorter than this: an alarm that is 100 µs late is 1 % of a longer one.
	precise = 10 * time.Millisecond
	// The alarm goes off so long before a precise deadline that an idle processor is awake in time: a clock follows a
	// percentile, the 99.5th, of the delays of its alarms: it grows by 199 steps after a later one and shrinks by one after an earlier one.
	leastAhead = 100 * time.Microsecond
	mostAhead  = 750 * time.Microsecond
	aheadStep  = 500 * time.Nanosecond
	lateSteps  = 199
	// linger is how long the clock goes on polling after a wake-up: the next wait is often as short.
	linger = 20 * time.Microsecond
	// alone is the longest that yielding takes when there is no other goroutine to run.
	alone = 1500 * time.Nanosecond

	awake = int64(-1 << 63)
	never = int64(1<<63 - 1)
)

// Start starts a clock. Stop must be called.
func Start() (*Clock, error) {
	c := &Clock{base: time.Now(), kick: make(chan struct{}, 1), done: make(chan struct{})}
	c.asleep.Store(awake)
	c.ahead.Store(int64(leastAhead))
	var err error
	if c.alarm, err = newAlarm(c.wake); err != nil {
		return nil, err
	}
	go c.run()
	return c, nil
}

// Release ends every wait, and every later one at once. It may be called more than once and from any goroutine.
func (c *Clock) Release() {
	c.stopped.Store(true)
	// On arm64 the channel's unlocked look at its length could be moved before the store; an atomic load keeps it behind.
	_ = c.asleep.Load()
	c.wake()
}

// Stop releases every wait and returns when the clock's goroutines have ended.
func (c *Clock) Stop() {
	c.Release()
	<-c.done
}

// Spent is what a clock has spent so far.
type Spent struct {
	Polled time.Duration // polling and waking waiters: a sum of short intervals of wall time
	Alarms int64         // times that it was blocked until an alarm went off, each of which costs a wake-up of a processor
}

// Spent returns what c has spent so far. It may be called from any goroutine.
func (c *Clock) Spent() Spent { return Spent{time.Duration(c.polled.Load()), c.alarms.Load()} }

// Since is what was spent between before and s.
func (s Spent) Since(before Spent) Spent {
	return Spent{s.Polled - before.Polled, s.Alarms - before.Alarms}
}

func (c *Clock) now() int64 { return int64(time.Since(c.base)) }

func (c *Clock) wake() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// run is the clock's goroutine.
func (c *Clock) run() {
	defer close(c.done)
	defer c.alarm.close()
	busy := int64(-linger) // when a waiter was last woken
	for last := c.now(); ; {
		c.accept()
		now := c.now()
		c.spent(now - last)
		woken := c.wakeDue(now)
		if c.stopped.Load() {
			c.endAll()
			return
		}
		if last = now; woken {
			last = c.now()
			c.spent(last - now)
			busy = last
		} else if at := c.heap.alarmAt(c.ahead.Load()); at > now && now-busy > int64(linger) {
			c.sleep(at)
			last = c.now()
			continue
		}
		runtime.Gosched()
	}
}

// endAll ends all waits, once stopped is set. A wait that begins before it accepts is ended here; a later one sees stopped and
// ends by itself.
func (c *Clock) endAll() {
	c.accept()
	c.wakeDue(never)
}

// spent counts an interval between two looks at the time, unless other goroutines ran in it.
func (c *Clock) spent(ns int64) {
	if ns < int64(alone) {
		c.polled.Store(c.polled.Load() + ns) // one writer
	}
}

// sleep blocks until the alarm goes off or a wait with an earlier deadline begins.
func (c *Clock) sleep(at int64) {
	// Either this goroutine sees the new wait below, or the waiter sees asleep and kicks: all operations are
	// sequentially consistent.
	c.asleep.Store(at)
	if c.pending.Load() == nil && !c.stopped.Load() {
		if at != never {
			c.alarm.set(time.Duration(at - c.now()))
			c.alarms.Store(c.alarms.Load() + 1) // one writer
		}
		<-c.kick
		if late := c.now() - at; late >= 0 { // it was the alarm
			c.learn(late)
		}
	}
	c.asleep.Store(awake)
}

// learn adapts ahead to an alarm that came late by some nanoseconds.
func (c *Clock) learn(late int64) {
	ahead := c.ahead.Load()
	if late > ahead {
		ahead = min(ahead+lateSteps*int64(aheadStep), int64(mostAhead))
	} else {
		ahead = max(ahead-int64(aheadStep), int64(leastAhead))
	}
	c.ahead.Store(ahead) // one writer
}

// accept moves new waits into the heap.
func (c *Clock) accept() {
	if c.pending.Load() == nil {
		return
	}
	for w := c.pending.Swap(nil); w != nil; {
		next := w.next
		heap.Push(&c.heap, w)
		w = next
	}
}

// wakeDue ends the waits that are due, and reports whether there were any.
func (c *Clock) wakeDue(now int64) bool {
	n := len(c.heap)
	for len(c.heap) > 0 && c.heap[0].due <= now {
		heap.Pop(&c.heap).(*Waiter).woken <- struct{}{}
	}
	return len(c.heap) < n
}

// waits is a heap of waits, the earliest first.
type waits []*Waiter

// alarmAt is when the clock has to be awake for the first wait.
func (h waits) alarmAt(ahead int64) int64 {
	switch {
	case len(h) == 0:
		return never
	case h[0].precise:
		return h[0].due - ahead
	default:
		return h[0].due
	}
}

func (h waits) Len() int           { return len(h) }
func (h waits) Less(i, j int) bool { return h[i].due < h[j].due }
func (h waits) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *waits) Push(w any)        { *h = append(*h, w.(*Waiter)) }

func (h *waits) Pop() any {
	last := len(*h) - 1
	w := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return w
}
