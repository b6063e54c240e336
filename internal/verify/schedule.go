package verify

import (
	"context"
	"fmt"
	"github.com/sessbench/sessbench/internal/history"
	"time"
)

// Line is one line of a schedule: a user begins an operation, or goes on with the one that it is held in, or has it
// cancelled. The next line comes when that operation has ended, is held at Hold, has passed Past, or stands still.
type Line struct {
	User   int
	Do     history.Kind // 0: go on
	Slot   int          // of the session
	Ending Ending       // how the closure of a write ends
	Cancel bool         // with Do: the operation's ctx is over before it begins; without: the ctx of the one under way ends now
	Hold   string       // a point
	Past   string       // a point
}

// Ending is how an operation's closure ends.
type Ending uint8

// The endings.
const (
	Returns Ending = iota
	Fails          // with an error, after the change was made
	Panics         // after the change was made
)

// Schedule is a script that brings users into a store in one order only. When its last line is done everybody is let go.
type Schedule []Line

// users is how many users a schedule has.
func (s Schedule) users() (n int) {
	for _, l := range s {
		n = max(n, l.User+1)
	}
	return n
}

// slots is how many sessions it has.
func (s Schedule) slots() (n int) {
	for _, l := range s {
		n = max(n, l.Slot+1)
	}
	return n
}

// actor is a user of a schedule.
type actor struct {
	*client
	*visitor
	dog    *watchdog
	cancel context.CancelFunc
	done   chan struct{} // closed when its operation has ended; nil before the first one
}

// busy reports whether the user's operation is under way.
func (a *actor) busy() bool {
	if a.done == nil {
		return false
	}
	select {
	case <-a.done:
		return false
	default:
		return true
	}
}

// cast gives each user its part.
func (s Schedule) cast(clients []*client, w *watchdog) []*actor {
	actors := make([]*actor, len(clients))
	for i, c := range clients {
		actors[i] = &actor{client: c, visitor: newVisitor(), dog: w, cancel: func() {}}
	}
	return actors
}

// play goes through the lines, and lets everybody go.
func (s Schedule) play(actors []*actor, t *Turnstile) error {
	defer t.openUp()
	for i, l := range s {
		a := actors[l.User]
		if err := a.perform(l, t); err != nil {
			return fmt.Errorf("line %d of the schedule: %w", i+1, err)
		}
		a.await(l)
	}
	return nil
}

// perform begins what a line asks for.
func (a *actor) perform(l Line, t *Turnstile) error {
	for len(a.passed) > 0 {
		<-a.passed
	}
	switch {
	case l.Do != 0 && a.busy():
		return fmt.Errorf("user %s has not ended its operation", history.UserName(int32(l.User)))
	case l.Do != 0:
		t.holdAt(a.visitor, l.Hold)
		a.begin(l)
	case l.Cancel:
		a.cancel()
	case !a.busy():
		return fmt.Errorf("user %s has nothing to go on with", history.UserName(int32(l.User)))
	default:
		a.goOn(l, t)
	}
	return nil
}

// goOn lets a user go that is held, or is on its way to where it will be. Who waits for something else meanwhile is held
// at the next point all the same.
func (a *actor) goOn(l Line, t *Turnstile) {
	for end := time.Now().Add(standstill); !t.isHeld(a.visitor) && a.busy() && time.Now().Before(end); {
		time.Sleep(20 * time.Microsecond)
	}
	if !t.isHeld(a.visitor) {
		t.holdAt(a.visitor, l.Hold)
		return
	}
	t.holdAt(a.visitor, l.Hold)
	a.let <- struct{}{}
}

func (a *actor) begin(l Line) {
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), visitorKey{}, a.visitor))
	if l.Cancel {
		cancel()
	}
	p := &plan{kind: l.Do, slot: uint32(l.Slot), ending: l.Ending}
	if l.Cancel {
		p.cancel = cancelledBefore
	}
	done := make(chan struct{})
	a.done, a.cancel = done, cancel
	go func() {
		defer close(done)
		a.dog.adopt()
		a.do(ctx, p)
	}()
}

// await returns when the line is over.
func (a *actor) await(l Line) {
	still := time.NewTicker(standstill)
	defer still.Stop()
	for {
		select {
		case <-a.done:
			return
		case point := <-a.passed:
			if point == l.Hold || point == l.Past {
				return
			}
		case <-still.C:
			if a.dog.allWait() {
				return
			}
		}
	}
}
