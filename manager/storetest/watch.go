package storetest

import (
	"fmt"
	"iter"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// grace is how long a case waits for what must not happen. A machine so slow that a violation needs longer hides it.
const grace = 2 * time.Millisecond

// watch runs the body of one case on another goroutine than the test's, so that a body that hangs can be abandoned: its goroutines
// are lost then, and their later reports are dropped, because testing.T panics when used after its test.
//
// The first failure ends the case: everything that waits through the watch continues, and every loop of rounds stops.
type watch struct {
	why     string        // the sentence of the case
	budget  time.Duration // of one loop of rounds
	beat    atomic.Int64  // incremented at every progress
	workers sync.WaitGroup
	failed  chan struct{} // closed by the first failure

	mu      sync.Mutex // protects what follows
	t       testing.TB // nil once the case was abandoned
	stepNow string     // the meaning of a hang from here on
}

// run calls body, waits for its workers, then calls finish. It gives up when there was no progress for patience.
func (w *watch) run(patience time.Duration, body, finish func()) {
	over := make(chan struct{})
	go func() {
		defer close(over)
		w.guarded(body)
		w.workers.Wait()
		w.guarded(finish)
	}()
	tick := time.NewTicker(patience)
	defer tick.Stop()
	for last := int64(-1); ; {
		select {
		case <-over:
			return
		case <-tick.C:
			now := w.beat.Load()
			if now == last {
				w.giveUp()
			}
			last = now
		}
	}
}

// guarded runs f on a new goroutine, which f may end, as fatalf does, and waits for it.
func (w *watch) guarded(f func()) { <-w.spawn(f) }

// giveUp must be called on the test's goroutine.
func (w *watch) giveUp() {
	stacks := make([]byte, 1<<16)
	stacks = stacks[:runtime.Stack(stacks, true)]
	w.mu.Lock()
	t, step := w.t, w.stepNow
	w.t = nil
	w.fail()
	w.mu.Unlock()
	t.Fatalf("%s\n(hangs; the case: %s)\n\n%s", step, w.why, stacks)
}

// checkLeaks fails the test if there are goroutines that were not there before, after some patience. It ignores failed cases, whose violation may be the
// reason for leaked goroutines.
func checkLeaks(t testing.TB, before goleak.Option, patience time.Duration) {
	if t.Failed() {
		return
	}
	err := goleak.Find(before)
	for end := time.Now().Add(patience); err != nil && time.Now().Before(end); {
		err = goleak.Find(before)
	}
	if err != nil {
		t.Errorf("goroutine leak: the store is closed and goroutines of it still run\n%v", err)
	}
}

// step sets the meaning of a hang from here on.
func (w *watch) step(format string, args ...any) {
	w.beat.Add(1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stepNow = fmt.Sprintf(format, args...)
}

// errorf fails the case. It returns, so closures may call it. Only the first failure is reported: later ones are mostly
// its consequences.
func (w *watch) errorf(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.hasFailed() || w.t == nil {
		return
	}
	w.fail()
	w.t.Errorf("%s\n(the case: %s)", fmt.Sprintf(format, args...), w.why)
}

// fail releases everything that waits through the watch. mu is held.
func (w *watch) fail() {
	if !w.hasFailed() {
		close(w.failed)
	}
}

// fatalf calls errorf and ends the calling goroutine. Not for closures.
func (w *watch) fatalf(format string, args ...any) {
	w.errorf(format, args...)
	runtime.Goexit()
}

func (w *watch) hasFailed() bool {
	select {
	case <-w.failed:
		return true
	default:
		return false
	}
}

// spawn runs f on a goroutine that the case waits for. done is closed when f ends, in whatever way.
func (w *watch) spawn(f func()) (done <-chan struct{}) {
	over := make(chan struct{})
	w.workers.Add(1)
	go func() {
		defer w.workers.Done()
		defer close(over)
		defer func() {
			if v := recover(); v != nil {
				w.errorf("unexpected panic: %v\n%s", v, debug.Stack())
			}
		}()
		f()
	}()
	return over
}

// storm runs f on n goroutines that start together and waits for them.
func (w *watch) storm(n int, f func(worker int)) {
	start := make(chan struct{})
	dones := make([]<-chan struct{}, n)
	for i := range n {
		dones[i] = w.spawn(func() { w.pause(start); f(i) })
	}
	close(start)
	w.await(dones...)
}

// pause waits for ch or for the case to fail. For closures.
func (w *watch) pause(ch <-chan struct{}) {
	select {
	case <-ch:
	case <-w.failed:
	}
}

// await waits for all of chs; when the case fails, it ends the calling goroutine. Not for closures.
func (w *watch) await(chs ...<-chan struct{}) {
	for _, ch := range chs {
		w.pause(ch)
		if w.hasFailed() {
			runtime.Goexit()
		}
	}
	w.beat.Add(1)
}

// linger waits at most grace for ch.
func (w *watch) linger(ch <-chan struct{}) {
	select {
	case <-ch:
	case <-w.failed:
	case <-time.After(grace):
	}
}

// rounds yields 0 to n-1, at least 0, and stops early when the case has failed or the budget is used up.
func (w *watch) rounds(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		stop := time.Now().Add(w.budget)
		for i := range n {
			if i > 0 && (w.hasFailed() || time.Now().After(stop)) {
				return
			}
			w.beat.Add(1)
			if !yield(i) {
				return
			}
		}
	}
}

// gate is a channel that is closed by the first call of open: closures may run more than once.
type gate struct {
	once sync.Once
	ch   chan struct{}
}

func newGate() *gate { return &gate{ch: make(chan struct{})} }

func (g *gate) open() { g.once.Do(func() { close(g.ch) }) }

func (g *gate) isOpen() bool {
	select {
	case <-g.ch:
		return true
	default:
		return false
	}
}
