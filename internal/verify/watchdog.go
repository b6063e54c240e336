package verify

import (
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sessbench/sessbench/internal/goroutine"
)

// watchdog tells a store that hangs from one that is slow.
type watchdog struct {
	patience time.Duration // with a store in which everybody waits
	beats    []*beat
	before   map[string]bool // goroutines that were there before the round
	quick    bool            // believe what the goroutines look like: nothing outside the process can move them

	mu     sync.Mutex      // protects family
	family map[string]bool // goroutines of the round: whatever they begin is the store's
}

// standstill is how long somebody has to be seen doing nothing to be taken to wait.
const standstill = 8 * time.Millisecond

func newWatchdog(patience time.Duration, quick bool, beats []*beat) *watchdog {
	w := &watchdog{patience: patience, quick: quick, beats: beats, before: map[string]bool{}, family: map[string]bool{}}
	w.adopt()
	for _, g := range goroutine.All() {
		w.before[g.ID] = true
	}
	return w
}

// await waits for done. It returns false when no user has got anything done for as long as the watchdog is patient, times
// so many. Where somebody is still at work it is more patient: that may be a slow machine. Time in which the whole process
// stood still does not count. A timer that will wake somebody up cannot be seen.
func (w *watchdog) await(done <-chan struct{}, times time.Duration) bool {
	tick := time.NewTicker(standstill)
	defer tick.Stop()
	last, idle := w.sum(), time.Duration(0)
	for {
		select {
		case <-done:
			return true
		case <-tick.C:
		}
		if n := w.sum(); n != last {
			last, idle = n, 0
			continue
		}
		idle += standstill
		stuck := idle > times*w.patience || w.quick && idle > 2*standstill
		if stuck && (w.standsStill() || idle > atWork*w.patience) {
			select {
			case <-done:
				return true
			default:
				return false
			}
		}
	}
}

// atWork is how many times as patient the watchdog is with a store that is doing something.
const atWork = 5

func (w *watchdog) sum() (n int64) {
	for _, b := range w.beats {
		n += b.n.Load()
	}
	return n
}

// standsStill reports whether every goroutine that came with the round waits for another one, and did so a moment ago.
func (w *watchdog) standsStill() bool {
	if !w.allWait() {
		return false
	}
	time.Sleep(standstill / 3)
	return w.allWait()
}

// allWait reports whether nobody is at work. What was there before the round may be a store's, too: a pool that outlives it.
func (w *watchdog) allWait() bool {
	self := thisGoroutine()
	return !slices.ContainsFunc(goroutine.All(), func(g goroutine.Goroutine) bool {
		return g.ID != self && (works(g) || !w.before[g.ID] && !g.Waits())
	})
}

// stacks is where everybody is who came with the round: first those who are inside a closure, then the others.
func (w *watchdog) stacks() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	self := thisGoroutine()
	var inside, waiting strings.Builder
	for _, g := range goroutine.All() {
		switch {
		case w.before[g.ID] || g.ID == self || !w.family[g.ID] && !w.family[g.Creator]:
		case g.Calls("verify.(*call).change") || g.Calls("verify.(*call).read") || g.Calls("verify.(*call).look"):
			inside.WriteString(g.Text + "\n\n")
		default:
			waiting.WriteString(g.Text + "\n\n")
		}
	}
	var all strings.Builder
	if inside.Len() > 0 {
		all.WriteString("Inside a session:\n\n" + inside.String())
	}
	if waiting.Len() > 0 {
		all.WriteString("Waiting:\n\n" + waiting.String())
	}
	return strings.TrimSpace(all.String())
}

// adopt says that the calling goroutine belongs to the round.
func (w *watchdog) adopt() {
	id := thisGoroutine()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.family[id] = true
}

// leftBehind is the number of goroutines that are still there of those that the round's goroutines began in the store, and
// that these began.
func (w *watchdog) leftBehind() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	known := map[string]bool{}
	for id := range w.family {
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

// works reports whether g is doing something, or will on its own.
func works(g goroutine.Goroutine) bool {
	return slices.ContainsFunc([]string{"running", "runnable", "sleep"}, func(state string) bool {
		return strings.HasPrefix(g.State, state)
	})
}
