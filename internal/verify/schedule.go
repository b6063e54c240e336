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
	Close  bool         // in place of Do: the user closes the store
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

// scheduledUser is a user of a schedule.
type scheduledUser struct {
	client *client
	*position
	watchdog *watchdog
	cancel   context.CancelFunc
	done     chan struct{} // closed when its operation has ended; nil before the first one
}

// busy reports whether the user's operation is in progress.
func (u *scheduledUser) busy() bool {
	if u.done == nil {
		return false
	}
	select {
	case <-u.done:
		return false
	default:
		return true
	}
}

// play performs the lines and then releases all users.
func (s Schedule) play(users []*scheduledUser, t *SyncPoints) error {
	defer t.releaseAll()
	for i, l := range s {
		u := users[l.User]
		if err := u.perform(l, t); err != nil {
			return fmt.Errorf("line %d of the schedule: %w", i+1, err)
		}
		u.await(l)
	}
	return nil
}

// perform starts a line.
func (u *scheduledUser) perform(l Line, t *SyncPoints) error {
	for len(u.reached) > 0 {
		<-u.reached
	}
	switch {
	case (l.Do != 0 || l.Close) && u.busy():
		return fmt.Errorf("user %s has not ended its operation", history.UserName(int32(l.User)))
	case l.Do != 0, l.Close:
		t.holdAt(u.position, l.Hold)
		u.begin(l)
	case l.Cancel:
		u.cancel()
	case !u.busy():
		return fmt.Errorf("user %s has no operation to continue", history.UserName(int32(l.User)))
	default:
		u.resume(l, t)
	}
	return nil
}

// resume releases a user that is held, or will be shortly. A user that waits for another one is held at the next point all
// the same.
func (u *scheduledUser) resume(l Line, t *SyncPoints) {
	for end := time.Now().Add(standstill); !t.isHeld(u.position) && u.busy() && time.Now().Before(end); {
		time.Sleep(20 * time.Microsecond)
	}
	held := t.isHeld(u.position)
	t.holdAt(u.position, l.Hold)
	if held {
		u.release <- struct{}{}
	}
}

func (u *scheduledUser) begin(l Line) {
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), positionKey{}, u.position))
	if l.Cancel {
		cancel()
	}
	p := &plan{act: usual(l.Do), slot: uint32(l.Slot), ending: l.Ending}
	if l.Cancel {
		p.cancel = cancelledBefore
	}
	done := make(chan struct{})
	u.done, u.cancel = done, cancel
	go func() {
		defer close(done)
		u.watchdog.adopt()
		if l.Close {
			u.client.closeStore()
			return
		}
		u.client.do(ctx, p)
	}()
}

// await waits for the end of the line.
func (u *scheduledUser) await(l Line) {
	still := time.NewTicker(standstill)
	defer still.Stop()
	for {
		select {
		case <-u.done:
			return
		case point := <-u.reached:
			if point == l.Hold || point == l.Past {
				return
			}
		case <-still.C:
			if u.watchdog.allWait() {
				return
			}
		}
	}
}
