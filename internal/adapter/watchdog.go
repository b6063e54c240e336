package adapter

import (
	"slices"
	"sync"
	"time"
)

// watchdog ends connections when the target hangs. With one lock for all sessions, a request legally waits for the work
// of all requests before it. A hang is therefore a time without an answer to any request; a single request that starves
// while others are answered gets [starvationFactor] times as long. Connections publish only whether they await an
// answer, not since when: a deadline for each operation would cost more than everything else here.
type watchdog struct {
	timeout time.Duration
	stop    chan struct{}
	stopped chan struct{}

	mu       sync.Mutex // protects what follows
	conns    map[*conn]observation
	answered bool      // a connection was answered since the last check
	progress time.Time // last check that found an answer
	closed   bool
}

// observation is the state of a connection at the last check.
type observation struct {
	lines uint64        // conn.lines
	since time.Time     // first check with this value of lines
	queue time.Duration // largest sum of the work that all waiting requests asked for, at any check since then
}

// starvationFactor is how many time-outs, beyond all work in the queue, one request may wait while others are answered:
// locks need not be fair, but a waiter that was never woken waits for ever.
const starvationFactor = 10

func newWatchdog(timeout time.Duration) *watchdog {
	w := &watchdog{
		timeout: timeout, stop: make(chan struct{}), stopped: make(chan struct{}), conns: map[*conn]observation{},
	}
	go w.run(min(max(timeout/10, time.Millisecond), time.Second))
	return w
}

func (w *watchdog) run(every time.Duration) {
	defer close(w.stopped)
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	for {
		select {
		case now := <-ticks.C:
			w.check(now)
		case <-w.stop:
			return
		}
	}
}

// check ends the connections that have waited too long.
func (w *watchdog) check(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	longest, queue := w.observe(now)
	for c, o := range w.conns {
		if !awaiting(o.lines) {
			continue
		}
		o.queue = max(o.queue, queue)
		w.conns[c] = o
		waited := now.Sub(o.since)
		switch {
		case min(waited, now.Sub(w.progress)) >= w.timeout+longest:
			c.end(errHang)
		case waited >= starvationFactor*w.timeout+o.queue:
			c.end(errStarved)
		}
	}
}

// observe updates the observations. It returns the longest work that a waiting request asked for, which may delay all
// others, and the sum of it.
func (w *watchdog) observe(now time.Time) (longest, queue time.Duration) {
	for c, o := range w.conns {
		lines := c.lines.Load()
		if lines != o.lines {
			w.answered = w.answered || answers(lines) > answers(o.lines)
			w.conns[c] = observation{lines: lines, since: now}
		}
		if awaiting(lines) {
			hold := time.Duration(c.hold.Load())
			longest, queue = max(longest, hold), queue+hold
		}
	}
	if w.answered {
		w.answered, w.progress = false, now
	}
	return longest, queue
}

// add starts to watch a connection. After close it closes the connection.
func (w *watchdog) add(c *conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		c.end(errClosed)
		return
	}
	w.conns[c] = observation{}
}

// remove stops watching a connection. It is idempotent.
func (w *watchdog) remove(c *conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if o, ok := w.conns[c]; ok {
		w.answered = w.answered || answers(c.lines.Load()) > answers(o.lines)
		delete(w.conns, c)
	}
}

// inFlight returns the operations that await an answer and were sent before a moment (since [Program.began]), sorted.
func (w *watchdog) inFlight(before time.Duration) (requests []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.conns {
		if awaiting(c.lines.Load()) && time.Duration(c.sent.Load()) <= before {
			requests = append(requests, *c.request.Load())
		}
	}
	slices.Sort(requests)
	return requests
}

// close stops the watchdog and closes all connections.
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
