package verify

import (
	"context"
	"sync"
)

// SyncPoints holds users at named points of a store, so that a schedule can order them. A nil SyncPoints holds no user. A store with
// a schedule calls Reach at its points; every closure of an operation reaches [Inside].
type SyncPoints struct {
	mu   sync.Mutex    // protects open, and hold and held of positions
	open chan struct{} // closed by releaseAll; nil until it is needed
}

// Inside is the point in every closure after it has read the session and before it changes it.
const Inside = "inside"

// position is where a user is in a store.
type position struct {
	hold    string        // the next point to hold the user at
	held    bool          // the user is held
	reached chan string   // receives the points that the user reaches; may be full
	release chan struct{} // a receive ends the hold
}

type positionKey struct{}

func newPosition() *position {
	return &position{reached: make(chan string, 64), release: make(chan struct{})}
}

// Reach is called when the operation with this ctx reaches a point. It returns when the operation may continue. Only the schedule
// ends a hold, not the end of ctx.
func (t *SyncPoints) Reach(ctx context.Context, point string) {
	if t == nil {
		return
	}
	v, _ := ctx.Value(positionKey{}).(*position)
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
	case v.reached <- point:
	default:
	}
	if held {
		select {
		case <-v.release:
		case <-t.opening():
		}
	}
}

// isHeld reports whether v is held.
func (t *SyncPoints) isHeld(v *position) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return v.held
}

// holdAt holds v when it next reaches point; empty: nowhere.
func (t *SyncPoints) holdAt(v *position, point string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	v.hold, v.held = point, false
}

func (t *SyncPoints) opening() chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open == nil {
		t.open = make(chan struct{})
	}
	return t.open
}

// releaseAll releases all users for good. It is called once.
func (t *SyncPoints) releaseAll() { close(t.opening()) }
