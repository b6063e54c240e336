package verify

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/sessbench/sessbench/internal/goroutine"
)

// watchdog tells a store that hangs from a slow one; see [goroutine.Watch].
type watchdog struct {
	patience time.Duration
	beats    []*beat
	before   map[string]bool // goroutines from before the round
	closed   bool            // nothing outside the process moves the store, so a standstill needs no patience

	mu    sync.Mutex      // protects users
	users map[string]bool // goroutines of the round; goroutines that they start are the store's
}

// standstill is how long a schedule watches a user without progress before it looks whether all goroutines wait.
const standstill = 8 * time.Millisecond

func newWatchdog(patience time.Duration, closed bool, beats []*beat) *watchdog {
	w := &watchdog{patience: patience, closed: closed, beats: beats, before: map[string]bool{}, users: map[string]bool{}}
	w.adopt()
	for _, g := range goroutine.All() {
		w.before[g.ID] = true
	}
	return w
}

// await waits for done. It returns nil, [goroutine.ErrHang] or [goroutine.ErrUndecided]. The patience is multiplied by factor.
func (w *watchdog) await(done <-chan struct{}, factor time.Duration) error {
	watch := goroutine.Watch{
		Patience:  factor * w.patience,
		Undecided: goroutine.UndecidedAfter * w.patience,
		Progress:  w.progress,
		Harness:   w.harness,
	}
	if w.closed {
		watch.Patience = 2 * standstill
	}
	return watch.Await(context.Background(), done)
}

// closeFactor multiplies the patience with a store that is closed or cleaned up.
const closeFactor = 5

func (w *watchdog) progress() (n int64) {
	for _, b := range w.beats {
		n += b.n.Load()
	}
	return n
}

// allWait reports whether every goroutine waits for another one.
func (w *watchdog) allWait() bool { return goroutine.AllWait(w.harness) }

// harness reports whether g was there before the round and waits for the system. Others from before the round may belong to
// the store: a pool that outlives it.
func (w *watchdog) harness(g goroutine.Goroutine) bool { return w.before[g.ID] && !g.Works() }

// stacks returns the traces of the round's goroutines: first those inside a closure, then the others.
func (w *watchdog) stacks() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	self := thisGoroutine()
	closures := []string{goroutine.Name((*call).change), goroutine.Name((*call).read), goroutine.Name((*call).inspect)}
	headings := [2]string{"Inside a session:\n\n", "Waiting:\n\n"}
	var parts [2]strings.Builder
	for _, g := range goroutine.All() {
		if w.before[g.ID] || g.ID == self || !w.users[g.ID] && !w.users[g.Creator] {
			continue
		}
		part := &parts[1]
		for _, closure := range closures {
			if g.Calls(closure) {
				part = &parts[0]
			}
		}
		part.WriteString(g.Text + "\n\n")
	}
	all := ""
	for i := range parts {
		if parts[i].Len() > 0 {
			all += headings[i] + parts[i].String()
		}
	}
	return strings.TrimSpace(all)
}

// adopt makes the calling goroutine one of the round.
func (w *watchdog) adopt() {
	id := thisGoroutine()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.users[id] = true
}

// leaked returns the number of goroutines that the round's goroutines started in the store, directly or not, and that have
// not ended.
func (w *watchdog) leaked() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	known := map[string]bool{}
	for id := range w.users {
		known[id] = true
	}
	list := goroutine.All()
	for found := true; found; {
		found = false
		for _, g := range list {
			if !known[g.ID] && !w.before[g.ID] && known[g.Creator] {
				known[g.ID], found = true, true
				n++
			}
		}
	}
	return n
}

func thisGoroutine() string {
	var buf [64]byte
	return goroutine.Parse(string(buf[:runtime.Stack(buf[:], false)])).ID
}
