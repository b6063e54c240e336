package runner

import (
	"testing"
	"time"

	"github.com/sessbench/sessbench/scenarios"
)

// sameSlot is visits that all arrive at once, at one session.
type sameSlot struct{}

func (sameSlot) next(v *arrival) {
	v.due, v.ops = 0, append(v.ops[:0], scenarios.NewTapeOp(scenarios.Append, 7, 1, true))
}

func sameSession(most int) *arrivals {
	a := &arrivals{until: 1, most: most, users: most, visits: sameSlot{}, quit: func() {}, order: sessionOrder{first: map[uint32]*arrival{}}}
	a.advance()
	return a
}

// claim claims a visit and starts it.
func claimed(t *testing.T, a *arrivals) (v *arrival, begins bool) {
	t.Helper()
	v, ok := a.claim(0)
	if !ok {
		t.Fatal("no arrival")
	}
	if begins, ok = a.start(v); !ok {
		t.Fatal("closed")
	}
	return v, begins
}

// Of the visits of one session one begins at a time, each by the user that ended the one before it.
func TestVisitsOfASessionAreInOrder(t *testing.T) {
	a := sameSession(3)
	first, begins := claimed(t, a)
	if !begins {
		t.Fatal("the first visit is held")
	}
	var held []*arrival
	for range 3 {
		v, begins := claimed(t, a)
		if begins {
			t.Fatal("a visit begins during an earlier one of its session")
		}
		held = append(held, v)
	}
	if started, ended, n := a.count(); started != 1 || ended != 0 || n != 3 || a.order.serialised != 3 {
		t.Errorf("started %d, ended %d, held %d, serialised %d", started, ended, n, a.order.serialised)
	}
	for _, want := range held {
		if first = a.end(first, false); first != want {
			t.Fatalf("goes on with %p, want %p", first, want)
		}
	}
	// A user that has claimed a visit starts it by itself.
	late, _ := a.claim(0)
	if next := a.end(first, false); next != nil {
		t.Errorf("goes on with %p, which another user has", next)
	}
	if begins, _ := a.start(late); !begins {
		t.Error("the last visit is held, although all earlier ones have ended")
	}
}

// What is held when a user panics, or when the time is over, is not started, and counts as not served.
func TestHeldVisitsAreUnserved(t *testing.T) {
	for _, panicked := range []bool{true, false} {
		a := sameSession(2)
		first, _ := claimed(t, a)
		claimed(t, a)
		claimed(t, a)
		if !panicked {
			a.closeIf(true)
		}
		if next := a.end(first, panicked); next != nil {
			t.Errorf("panicked: %v: goes on with %+v", panicked, next)
		}
		a.next.due = forever // no more arrivals
		n := 0
		a.unserved(func(*arrival) { n++ })
		if n != 2 {
			t.Errorf("panicked: %v: %d visits not served, want 2", panicked, n)
		}
	}
}

// However many visits of a session have arrived, a bounded number of them is held in memory.
func TestHeldVisitsAreBounded(t *testing.T) {
	a := sameSession(2)
	first, _ := claimed(t, a)
	for range maxHeld {
		claimed(t, a)
	}
	returned := make(chan bool, 1)
	go func() { _, ok := a.claim(0); returned <- ok }()
	for {
		a.mu.Lock()
		parked := len(a.parked)
		a.mu.Unlock()
		if parked == 1 {
			break
		}
		select {
		case <-returned:
			t.Fatal("a further visit is claimed")
		case <-time.After(time.Millisecond):
		}
	}
	a.end(first, false)
	if !<-returned {
		t.Error("no arrival, although there is room again")
	}
}
