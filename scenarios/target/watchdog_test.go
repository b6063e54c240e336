package target

import (
	"net"
	"testing"
	"time"
)

func TestWatchdog(t *testing.T) {
	type step struct {
		asks, hears bool          // what the user does before the watchdog looks
		hold        time.Duration // of what it asks
		at          time.Duration // when the watchdog looks
		ends        bool
	}
	for _, test := range []struct {
		why   string
		steps []step
	}{
		{"who does not ask can wait for ever", []step{{at: 0}, {at: time.Hour}}},
		{"an answer is late", []step{{at: 0}, {asks: true, at: 1 * time.Second}, {at: 10 * time.Second}, {at: 11 * time.Second, ends: true}}},
		{"time counts from when the watchdog first sees it", []step{{asks: true, at: time.Hour}, {at: time.Hour + 9*time.Second}}},
		{"an answer came", []step{{asks: true, at: time.Second}, {hears: true, at: time.Hour}}},
		{"each request has its time", []step{
			{asks: true, at: 0}, {hears: true, asks: true, at: 9 * time.Second}, {at: 18 * time.Second}, {at: 19 * time.Second, ends: true},
		}},
		{"work under the lock does not count", []step{
			{asks: true, hold: 5 * time.Second, at: 0}, {at: 14 * time.Second}, {at: 15 * time.Second, ends: true},
		}},
	} {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		c := &conn{nc: ours}
		w := &watchdog{timeout: 10 * time.Second, conns: map[*conn]sight{}}
		w.add(c)
		for i, s := range test.steps {
			if s.hears {
				c.turn.Add(1)
			}
			if s.asks {
				c.hold.Store(int64(s.hold))
				c.turn.Add(1)
			}
			w.look(time.Unix(0, 0).Add(s.at))
			if ended := c.ended.Load() != nil; ended != s.ends {
				t.Errorf("%s: step %d: ended %v, want %v", test.why, i+1, ended, s.ends)
			}
		}
		ours.Close()
	}
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
