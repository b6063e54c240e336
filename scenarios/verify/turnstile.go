package verify

import (
	"context"
	"sync"
)

// Turnstile holds users at named points of a store, so that a schedule can let one of them pass another. A nil Turnstile
// holds nobody. A store made for schedules calls Pass at its points; every closure of an operation passes [Inside].
type Turnstile struct {
	mu     sync.Mutex // protects what follows
	users  map[int]*visitor
	opened bool // the schedule is over: nobody is held any more
}

// Inside is the point that every closure passes once it has seen the session, and before it changes it.
const Inside = "inside"

// visitor is a user on its way through a store.
type visitor struct {
	hold   string        // where it is to be held
	passed chan string   // gets the points that it comes to; closed by nobody
	let    chan struct{} // lets it go on from where it is held
}

type visitorKey struct{}

// Pass says that the operation whose ctx this is has come to a point, and returns when it may go on. A ctx that ends does
// not end the hold: the schedule does.
func (t *Turnstile) Pass(ctx context.Context, point string) {
	if t == nil {
		return
	}
	v, _ := ctx.Value(visitorKey{}).(*visitor)
	if v == nil {
		return
	}
	t.mu.Lock()
	held := !t.opened && v.hold == point
	if held {
		v.hold = ""
	}
	t.mu.Unlock()
	select {
	case v.passed <- point:
	default: // nobody looks
	}
	if held {
		<-v.let
	}
}

// Line is one line of a schedule: a user begins an operation, or goes on with the one that it is held in, or has it
// cancelled. The next line comes when that operation has ended, is held at Hold, or has passed Past.
type Line struct {
	User   int
	Do     Kind   // 0: go on
	Slot   int    // of the session
	Ending Ending // how the closure of a write ends
	Cancel bool   // with Do: the operation's ctx is cancelled before it begins; without: now, and nothing else happens
	Hold   string // a point
	Past   string // a point
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
