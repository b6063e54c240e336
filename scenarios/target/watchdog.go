package target

import (
	"sync"
	"time"
)

// watchdog ends connections that have not been answered for too long. Users tell it no time, only whether they wait: a
// deadline an operation would cost more than the rest of what they do here.
type watchdog struct {
	timeout time.Duration
	stop    chan struct{}
	stopped chan struct{}

	mu     sync.Mutex // protects what follows
	conns  map[*conn]sight
	closed bool
}

// sight is what the watchdog saw of a connection: which turn it was, and when it saw that first.
type sight struct {
	turn  uint64
	since time.Time
}

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
	for c, s := range w.conns {
		turn := c.turn.Load()
		switch {
		case turn != s.turn:
			w.conns[c] = sight{turn, now}
		case waits(turn) && now.Sub(s.since) >= w.timeout+time.Duration(c.hold.Load()):
			c.end(errHang)
		}
	}
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

func (w *watchdog) remove(c *conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, c)
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
