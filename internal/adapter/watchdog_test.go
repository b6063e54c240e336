package adapter

import (
	"net"
	"testing"
	"time"
)

func TestWatchdog(t *testing.T) {
	type step struct {
		asks, hears bool          // what the user does before the watchdog looks
		hold        time.Duration // of what it asks
		others      int           // 1: the other was answered before that, and asks again; -1: it asks
		leaves      bool          // and closes its connection
		at          time.Duration // when the watchdog looks
		ends        error
	}
	// waiting asks at the first second and waits; the other is answered every five.
	waiting := func(hold, until time.Duration, last ...step) []step {
		steps := []step{{asks: true, hold: hold, at: time.Second}}
		for at := 5 * time.Second; at <= until; at += 5 * time.Second {
			steps = append(steps, step{others: 1, at: at})
		}
		return append(steps, last...)
	}
	for _, test := range []struct {
		why    string
		others time.Duration // work that the other asks for all the time; 0: it does not ask
		steps  []step
	}{
		{"who does not ask can wait for ever", 0, []step{{at: 0}, {at: time.Hour}}},
		{"an answer is late", 0, []step{{at: 0}, {asks: true, at: 1 * time.Second}, {at: 10 * time.Second}, {at: 11 * time.Second, ends: errHang}}},
		{"time counts from when the watchdog first sees it", 0, []step{{asks: true, at: time.Hour}, {at: time.Hour + 9*time.Second}}},
		{"an answer came", 0, []step{{asks: true, at: time.Second}, {hears: true, at: time.Hour}}},
		{"each request has its time", 0, []step{
			{asks: true, at: 0}, {hears: true, asks: true, at: 9 * time.Second}, {at: 18 * time.Second}, {at: 19 * time.Second, ends: errHang},
		}},
		{"work under the lock does not count", 0, []step{
			{asks: true, hold: 5 * time.Second, at: 0}, {at: 14 * time.Second}, {at: 15 * time.Second, ends: errHang},
		}},
		{"nor does the work of somebody before it", 5 * time.Second, []step{
			{asks: true, at: 0}, {at: 14 * time.Second}, {at: 15 * time.Second, ends: errHang},
		}},
		{"it waits in a queue while others are answered", time.Second, waiting(0, 60*time.Second)},
		{"nobody is answered any more", time.Second, waiting(0, 60*time.Second,
			step{at: 70 * time.Second}, step{at: 71 * time.Second, ends: errHang},
		)},
		{"others ask, and are not answered", 0, []step{
			{asks: true, at: 0}, {others: -1, at: 9 * time.Second}, {at: 10 * time.Second, ends: errHang},
		}},
		{"whoever was answered leaves at once", time.Second, []step{
			{asks: true, at: 0}, {others: 1, leaves: true, at: 9 * time.Second}, {at: 18 * time.Second}, {at: 19 * time.Second, ends: errHang},
		}},
		{"it starves while others are answered", time.Second, waiting(0, 100*time.Second,
			step{others: 1, at: 101 * time.Second}, step{others: 1, at: 102 * time.Second, ends: errStarved},
		)},
		{"all work in the queue may come first, also when the queue gets shorter", 7 * time.Second, waiting(3*time.Second, 105*time.Second,
			step{others: 1, leaves: true, at: 110 * time.Second}, step{at: 111 * time.Second, ends: errStarved},
		)},
	} {
		w := &watchdog{timeout: 10 * time.Second, conns: map[*conn]sight{}}
		c, other := watched(t, w), watched(t, w)
		if test.others > 0 {
			other.hold.Store(int64(test.others))
			other.turn.Add(1)
		}
		for i, s := range test.steps {
			if s.hears {
				c.turn.Add(1)
			}
			if s.asks {
				c.hold.Store(int64(s.hold))
				c.turn.Add(1)
			}
			switch {
			case s.others > 0: // is answered, and asks again
				other.turn.Add(2)
			case s.others < 0: // asks
				other.turn.Add(1)
			}
			if s.leaves {
				w.remove(other)
			}
			w.look(time.Unix(0, 0).Add(s.at))
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

// watched is a connection to nobody, under watch.
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
