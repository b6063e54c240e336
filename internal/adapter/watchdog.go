package adapter

import (
	"slices"
	"sync"
	"time"
)

// watchdog ends connections when the target hangs. In a queue, as at one lock for all, a request rightly waits for the work of
// everybody before it, so a long wait alone is no hang: nobody must have been answered for that long. One who starves while
// others are answered is waited for longer. Users tell it no time, only whether they wait: a deadline an operation would
// cost more than the rest of what they do here.
type watchdog struct {
	timeout time.Duration
	stop    chan struct{}
	stopped chan struct{}

	mu       sync.Mutex // protects what follows
	conns    map[*conn]sight
	answered bool      // somebody was, who went before the next look
	progress time.Time // when it last saw that somebody had been answered
	closed   bool
}

// sight is what the watchdog saw of a connection.
type sight struct {
	turn  uint64
	since time.Time     // when it saw this turn first
	queue time.Duration // the most work that it then saw asked for at once, by all who waited
}

// starving is how many times the time-out one request may wait, beyond all work in the queue, while others are answered:
// locks need not be fair, but whoever was not woken waits for ever.
const starving = 10

func newWatchdog(timeout time.Duration) *watchdog {
	w := &watchdog{timeout: timeout, stop: make(chan struct{}), stopped: make(chan struct{}), conns: map[*conn]sight{}}
	go w.run(min(max(timeout/10, time.Millisecond), time.Second))
	return w
}

func (w *watchdog) run(every time.Duration) {
	defer close(w.stopped)
	looks := time.NewTicker(every)
	defer looks.Stop()
	for {
		select {
		case now := <-looks.C:
			w.look(now)
		case <-w.stop:
			return
		}
	}
}

func (w *watchdog) look(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	longest, queue := w.survey(now)
	for c, s := range w.conns {
		if !waits(s.turn) {
			continue
		}
		s.queue = max(s.queue, queue)
		w.conns[c] = s
		waited := now.Sub(s.since)
		switch {
		case min(waited, now.Sub(w.progress)) >= w.timeout+longest:
			c.end(errHang)
		case waited >= starving*w.timeout+s.queue:
			c.end(errStarved)
		}
	}
}

// survey sees who waits, and whether anybody was answered. It returns the longest work that was asked for, which may keep all
// others waiting, and all of it together.
func (w *watchdog) survey(now time.Time) (longest, queue time.Duration) {
	for c, s := range w.conns {
		turn := c.turn.Load()
		if turn != s.turn {
			w.answered = w.answered || answers(turn) > answers(s.turn)
			w.conns[c] = sight{turn: turn, since: now}
		}
		if waits(turn) {
			hold := time.Duration(c.hold.Load())
			longest, queue = max(longest, hold), queue+hold
		}
	}
	if w.answered {
		w.answered, w.progress = false, now
	}
	return longest, queue
}

// add begins to watch a connection.
func (w *watchdog) add(c *conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		c.end(errClosed)
		return
	}
	w.conns[c] = sight{}
}

// remove ends that. It is idempotent.
func (w *watchdog) remove(c *conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s, ok := w.conns[c]; ok {
		w.answered = w.answered || answers(c.turn.Load()) > answers(s.turn)
		delete(w.conns, c)
	}
}

// inFlight names the requests that were sent before a moment, in nanoseconds since the program began, and wait for an answer.
func (w *watchdog) inFlight(before time.Duration) (asked []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.conns {
		if waits(c.turn.Load()) && time.Duration(c.sent.Load()) <= before {
			asked = append(asked, *c.asked.Load())
		}
	}
	slices.Sort(asked)
	return asked
}

// close ends the connections that are still there, and the watch.
func (w *watchdog) close() {
	close(w.stop)
	<-w.stopped
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for c := range w.conns {
		c.end(errClosed)
	}
	clear(w.conns)
}
