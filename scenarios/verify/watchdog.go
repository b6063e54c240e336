package verify

import (
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
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
	for _, g := range goroutines() {
		w.before[g.id] = true
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
	return !slices.ContainsFunc(goroutines(), func(g goroutine) bool {
		return g.id != self && (g.works() || !w.before[g.id] && !g.waits())
	})
}

// stacks is where everybody is who came with the round: first those who are inside a closure, then the others.
func (w *watchdog) stacks() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	self := thisGoroutine()
	var inside, waiting strings.Builder
	for _, g := range goroutines() {
		switch {
		case w.before[g.id] || g.id == self || !w.family[g.id] && !w.family[g.creator]:
		case g.is("verify.(*call).change") || g.is("verify.(*call).read") || g.is("verify.(*call).look"):
			inside.WriteString(g.text + "\n\n")
		default:
			waiting.WriteString(g.text + "\n\n")
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
	list := goroutines()
	for found := true; found; {
		found = false
		for _, g := range list {
			if !known[g.id] && !w.before[g.id] && known[g.creator] {
				known[g.id], found = true, true
				n++
			}
		}
	}
	return n
}

func thisGoroutine() string {
	var buf [64]byte
	return parse(string(buf[:runtime.Stack(buf[:], false)])).id
}

// goroutine is one of the process's goroutines as the runtime prints it.
type goroutine struct {
	id, state, text string
	creator         string // the goroutine that began it
}

// parse reads "goroutine 18 [chan receive, 2 minutes]:", the stack, and "created by F in goroutine 7" with its place.
func parse(text string) goroutine {
	head, _, _ := strings.Cut(text, "\n")
	_, rest, _ := strings.Cut(head, " ")
	id, rest, _ := strings.Cut(rest, " ")
	g := goroutine{id: id, state: strings.Trim(rest, "[]:"), text: text}
	if i := strings.LastIndex(text, "\ncreated by "); i >= 0 {
		by, _, _ := strings.Cut(text[i+1:], "\n")
		_, g.creator, _ = strings.Cut(by, " in goroutine ")
	}
	return g
}

// waits reports whether only another goroutine can make it go on.
func (g *goroutine) waits() bool {
	for _, state := range []string{"chan ", "select", "sync.", "semacquire"} {
		if strings.HasPrefix(g.state, state) {
			return true
		}
	}
	return false
}

// works reports whether it is doing something, or will on its own.
func (g *goroutine) works() bool {
	for _, state := range []string{"running", "runnable", "sleep"} {
		if strings.HasPrefix(g.state, state) {
			return true
		}
	}
	return false
}

func (g *goroutine) is(function string) bool { return strings.Contains(g.text, function) }

// goroutines is a snapshot of all.
func goroutines() (list []goroutine) {
	for size := 1 << 16; ; size *= 2 {
		buf := make([]byte, size)
		if n := runtime.Stack(buf, true); n < size {
			for text := range strings.SplitSeq(strings.TrimSpace(string(buf[:n])), "\n\n") {
				list = append(list, parse(text))
			}
			return list
		}
	}
}
