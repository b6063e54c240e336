package adapter

import (
	"net"
	"testing"
	"time"
)

func TestWatchdog(t *testing.T) {
	type step struct {
		sends, receives bool          // the user sends a request, receives its answer, before the check
		hold            time.Duration // of the request
		others          int           // 1: the other user gets an answer and sends a request; -1: it sends a request
		leaves          bool          // the other user closes its connection
		at              time.Duration // time of the check
		ends            error
	}
	// waiting sends a request at 1 s and waits; the other user is answered every 5 s.
	waiting := func(hold, until time.Duration, last ...step) []step {
		steps := []step{{sends: true, hold: hold, at: time.Second}}
		for at := 5 * time.Second; at <= until; at += 5 * time.Second {
			steps = append(steps, step{others: 1, at: at})
		}
		return append(steps, last...)
	}
	for _, test := range []struct {
		why    string
		others time.Duration // work of each request of the other user; 0: it sends none
		steps  []step
	}{
		{"no request", 0, []step{{at: 0}, {at: time.Hour}}},
		{"a late answer", 0, []step{{at: 0}, {sends: true, at: 1 * time.Second}, {at: 10 * time.Second}, {at: 11 * time.Second, ends: errHang}}},
		{"time counts from the first check", 0, []step{{sends: true, at: time.Hour}, {at: time.Hour + 9*time.Second}}},
		{"an answer", 0, []step{{sends: true, at: time.Second}, {receives: true, at: time.Hour}}},
		{"time counts per request", 0, []step{
			{sends: true, at: 0}, {receives: true, sends: true, at: 9 * time.Second}, {at: 18 * time.Second}, {at: 19 * time.Second, ends: errHang},
		}},
		{"work under the lock does not count", 0, []step{
			{sends: true, hold: 5 * time.Second, at: 0}, {at: 14 * time.Second}, {at: 15 * time.Second, ends: errHang},
		}},
		{"nor does the work of another request", 5 * time.Second, []step{
			{sends: true, at: 0}, {at: 14 * time.Second}, {at: 15 * time.Second, ends: errHang},
		}},
		{"waiting in a queue while others are answered", time.Second, waiting(0, 60*time.Second)},
		{"answers to the other user stop", time.Second, waiting(0, 60*time.Second,
			step{at: 70 * time.Second}, step{at: 71 * time.Second, ends: errHang},
		)},
		{"neither user is answered", 0, []step{
			{sends: true, at: 0}, {others: -1, at: 9 * time.Second}, {at: 10 * time.Second, ends: errHang},
		}},
		{"the answered user closes its connection", time.Second, []step{
			{sends: true, at: 0}, {others: 1, leaves: true, at: 9 * time.Second}, {at: 18 * time.Second}, {at: 19 * time.Second, ends: errHang},
		}},
		{"starvation while others are answered", time.Second, waiting(0, 100*time.Second,
			step{others: 1, at: 101 * time.Second}, step{others: 1, at: 102 * time.Second, ends: errStarved},
		)},
		{"all work in the longest queue may come first", 7 * time.Second, waiting(3*time.Second, 105*time.Second,
			step{others: 1, leaves: true, at: 110 * time.Second}, step{at: 111 * time.Second, ends: errStarved},
		)},
	} {
		w := &watchdog{timeout: 10 * time.Second, conns: map[*conn]observation{}}
		c, other := watched(t, w), watched(t, w)
		if test.others > 0 {
			other.hold.Store(int64(test.others))
			other.lines.Add(1)
		}
		for i, s := range test.steps {
			if s.receives {
				c.lines.Add(1)
			}
			if s.sends {
				c.hold.Store(int64(s.hold))
				c.lines.Add(1)
			}
			switch {
			case s.others > 0:
				other.lines.Add(2)
			case s.others < 0:
				other.lines.Add(1)
			}
			if s.leaves {
				w.remove(other)
			}
			w.check(time.Unix(0, 0).Add(s.at))
			var ended error
			if why := c.ended.Load(); why != nil {
				ended = *why
			}
			if ended != s.ends {
				t.Errorf("%s: step %d: ended by %v, want %v", test.why, i+1, ended, s.ends)
			}
		}
	}
}

// watched returns a watched connection.
func watched(t *testing.T, w *watchdog) *conn {
	t.Helper()
	ours, theirs := net.Pipe()
	t.Cleanup(func() {
		ours.Close()
		theirs.Close()
	})
	c := &conn{nc: ours}
	w.add(c)
	return c
}

func TestWatchdogCloses(t *testing.T) {
	w := newWatchdog(time.Hour)
	var conns []*conn
	for range 2 {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		conns = append(conns, &conn{nc: ours})
	}
	w.add(conns[0])
	w.close()
	w.add(conns[1]) // too late
	for i, c := range conns {
		if why := c.ended.Load(); why == nil || *why != errClosed {
			t.Errorf("connection %d: ended by %v, want %v", i, why, errClosed)
		}
		if _, err := c.nc.Write([]byte("x")); err == nil {
			t.Errorf("connection %d is open", i)
		}
	}
}
