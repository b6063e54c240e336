package verify

import (
	"context"
	"sync"
)

// Turnstile holds users at named points of a store, so that a schedule can let one of them pass another. A nil Turnstile
// holds nobody. A store made for schedules calls Pass at its points; every closure of an operation passes [Inside].
type Turnstile struct {
	mu   sync.Mutex    // protects what visitors are held at, and open
	open chan struct{} // closed when nobody is to be held any more; nil until somebody is held
}

// Inside is the point that every closure passes once it has seen the session, and before it changes it.
const Inside = "inside"

// visitor is a user on its way through a store.
type visitor struct {
	hold   string        // the point it is to be held at
	held   bool          // it is
	passed chan string   // gets the points that it comes to, while somebody looks
	let    chan struct{} // lets it go on from where it is held
}

type visitorKey struct{}

func newVisitor() *visitor {
	return &visitor{passed: make(chan string, 64), let: make(chan struct{})}
}

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
	held := v.hold == point
	if held {
		v.hold, v.held = "", true
	}
	t.mu.Unlock()
	select {
	case v.passed <- point:
	default:
	}
	if held {
		select {
		case <-v.let:
		case <-t.opening():
		}
	}
}

// isHeld reports whether v is held.
func (t *Turnstile) isHeld(v *visitor) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return v.held
}

// holdAt has v held the next time it comes to point; empty: nowhere.
func (t *Turnstile) holdAt(v *visitor, point string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	v.hold, v.held = point, false
}

func (t *Turnstile) opening() chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open == nil {
		t.open = make(chan struct{})
	}
	return t.open
}

// openUp lets everybody go, now and from now on. It is called once.
func (t *Turnstile) openUp() { close(t.opening()) }
