package verify

import (
	"context"
	"fmt"
	"github.com/sessbench/sessbench/internal/history"
	"time"
)

// Line is one line of a schedule: a user begins an operation, continues the one that it is held in, or cancels it. The next line
// follows when that operation has ended, is held at Hold, has passed Past, or waits for another user.
type Line struct {
	User   int
	Do     history.Kind // 0: continue
	Slot   int          // of the session
	Ending Ending       // how the closure of a write ends
	Cancel bool         // with Do: the ctx has ended before the call; without: the ctx of the operation in progress ends now
	Hold   string       // a point
	Past   string       // a point
}

// Ending is how the closure of an operation ends.
type Ending uint8

// The endings.
const (
	Returns Ending = iota
	Fails          // with an error, after the change
	Panics         // after the change
)

// Schedule makes users enter a store in one order. After its last line all users continue freely.
type Schedule []Line

// size returns the numbers of users and of sessions of a schedule.
func (s Schedule) size() (users, slots int) {
	for _, l := range s {
		users, slots = max(users, l.User+1), max(slots, l.Slot+1)
	}
	return users, slots
}

// actor is a user of a schedule.
type actor struct {
	*client
	*visitor
	dog    *watchdog
	cancel context.CancelFunc
	done   chan struct{} // closed when its operation has ended; nil before the first one
}

// busy reports whether the user's operation is in progress.
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

// cast returns the actors of a schedule.
func (s Schedule) cast(clients []*client, w *watchdog) []*actor {
	actors := make([]*actor, len(clients))
	for i, c := range clients {
		actors[i] = &actor{client: c, visitor: newVisitor(), dog: w, cancel: func() {}}
	}
	return actors
}

// play performs the lines and then releases all users.
func (s Schedule) play(actors []*actor, t *SyncPoints) error {
	defer t.releaseAll()
	for i, l := range s {
		a := actors[l.User]
		if err := a.perform(l, t); err != nil {
			return fmt.Errorf("line %d of the schedule: %w", i+1, err)
		}
		a.await(l)
	}
	return nil
}

// perform starts a line.
func (a *actor) perform(l Line, t *SyncPoints) error {
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
		return fmt.Errorf("user %s has no operation to continue", history.UserName(int32(l.User)))
	default:
		a.resume(l, t)
	}
	return nil
}

// resume releases a user that is held, or will be shortly. A user that waits for another one is held at the next point all
// the same.
func (a *actor) resume(l Line, t *SyncPoints) {
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

// await waits for the end of the line.
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
