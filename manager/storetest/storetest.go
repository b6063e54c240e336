// Package storetest tests a session store in the tests of its own package, with go test. [Run] tests it against the contract of
// [manager.SessionStore], rule by rule, and against the [manager.Guarantees] that it declares:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(testing.TB) manager.SessionStore[int64] { return mystore.New[int64]() },
//			manager.Guarantees{Blocks: manager.BlocksSession, ExclusiveUpdates: true},
//			storetest.Probe[int64]{
//				New:       func() int64 { return 0 },
//				Increment: func(n *int64) { *n++ },
//				Count:     func(n *int64) int64 { return *n },
//			})
//	}
//
// [Linearizable] looks for what no rule names, in the histories of random operations. [RunChat] tests a [manager.Chatbot] on the store.
//
// A failure does not depend on the speed of the machine: where a case checks that something does not happen, a slow machine can
// hide a violation but never cause one, and a slow store gets fewer rounds. A store that hangs fails the case with the stacks of
// all goroutines; the cases after it still run.
package storetest

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/sessbench/sessbench/manager"
	"go.uber.org/goleak"
)

// Probe is how the kit uses sessions of any type. Its functions are called concurrently, but never for the same session.
//
// The count must be in the value itself and not behind a pointer: the count of a copy stays when the original is incremented.
type Probe[T any] struct {
	New       func() T       // a session whose count is 0
	Increment func(*T)       // adds one to the count
	Count     func(*T) int64 // the number of increments so far
}

// Run tests the stores that open returns against the contract and g, with one subtest per case.
//
// open returns an empty store for one case. The kit closes it; open stops anything else it started in tb.Cleanup. t must not run
// in parallel with tests that start goroutines, which would be reported as leaks.
func Run[T any](t *testing.T, open func(tb testing.TB) manager.SessionStore[T], g manager.Guarantees, p Probe[T]) {
	t.Helper()
	for _, c := range cases[T]() {
		t.Run(c.name, func(t *testing.T) { c.run(t, open, g, p, defaultLimits) })
	}
}

// testCase is one check of the kit.
type testCase[T any] struct {
	name string // of the subtest
	why  string // what is checked, in a sentence

	needs func(manager.Guarantees) bool // whether the store declares what is checked; nil: the contract requires it
	body  func(*env[T])
}

// limits bound the time that a case takes.
type limits struct {
	patience time.Duration // a case without progress for this long counts as hanging
	budget   time.Duration // of one loop of rounds, so that a slow store, such as one behind a network, gets fewer rounds
}

var defaultLimits = limits{patience: 10 * time.Second, budget: 200 * time.Millisecond}

// run runs the case on a new store from open, or skips the test if g does not declare what the case checks.
func (c testCase[T]) run(
	t testing.TB, open func(testing.TB) manager.SessionStore[T], g manager.Guarantees, p Probe[T], l limits,
) {
	t.Helper()
	if c.needs != nil && !c.needs(g) {
		t.Skip("the store does not declare this: " + c.why)
	}
	w := &watch{why: c.why, budget: l.budget, failed: make(chan struct{}), t: t}
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { checkLeaks(t, before, l.patience/2) }) // registered first, so it runs after open's own clean-up
	e := &env[T]{watch: w, store: open(t), g: g, p: p, ids: &mint{rng: rand.New(rand.NewPCG(15, 100))}}
	w.run(l.patience, func() { c.body(e) }, func() {
		w.step("Close hangs: no operation is running any more")
		if err := e.store.Close(); err != nil {
			w.errorf("Close failed: %v", err)
		}
	})
}

// cases returns the checks of [Run] in order.
func cases[T any]() []testCase[T] {
	type g = manager.Guarantees
	return []testCase[T]{
		{"lifecycle", "A session is created once, read, changed, returned when deleted, and can be created again.",
			nil, lifecycle[T]},
		{"absent", "View, Update and Delete of an absent id return ErrNotFound, call no closure and create nothing.",
			nil, absent[T]},
		{"one-creator", "Of 64 concurrent callers of GetOrCreate exactly one creates the session, and all of them get that one.",
			nil, oneCreator[T]},
		{"len", "Len counts exactly the existing sessions after creations, deletions and sweeps.",
			nil, exactLen[T]},

		{"no-lost-update", "Every acknowledged update is in the session, and its caller sees it at once.",
			nil, noLostUpdate[T]},
		{"steady-view", "The state that a closure reads does not change while it runs, is never older than one read before, and a copy of it stays unchanged.",
			nil, steadyView[T]},
		{"exclusive-updates", "With exclusive updates fn runs exactly once, and no other operation uses the session meanwhile.",
			func(g g) bool { return g.ExclusiveUpdates }, exclusiveUpdates[T]},
		{"independent-sessions", "If a busy session blocks only operations on that session, all operations on other sessions complete meanwhile.",
			g.IndependentSessions, independentSessions[T]},
		{"readers-proceed", "If a busy session blocks only writers, View of it completes during an update.",
			func(g g) bool { return g.Blocks == manager.BlocksWriters }, readersProceed[T]},

		{"churn", "Deleting and creating under the same ids never lets two updates run in one session and loses no update of any incarnation.",
			nil, churn[T]},
		{"stays-deleted", "An update that races with Delete takes effect before it or returns ErrNotFound: it never recreates the session.",
			nil, staysDeleted[T]},
		{"delete-last-state", "Delete returns the last state of the session, with every acknowledged update.",
			nil, deleteLastState[T]},
		{"sweep-touch", "Sweep decides and removes atomically: a session touched in between stays, and no touch is lost.",
			nil, sweepTouch[T]},
		{"sweep-once", "Each removed session is returned exactly once, by one of several concurrent Sweeps and Deletes.",
			nil, sweepOnce[T]},
		{"sweep-busy", "Sweep removes the idle sessions also while another one is held, which it waits for or leaves out.",
			nil, sweepBusy[T]},

		{"panic", "A panic in a closure reaches the caller with the same value, and the session can be used afterwards.",
			nil, panics[T]},
		{"goexit", "A closure that ends its goroutine (runtime.Goexit, t.FailNow) releases the session.",
			nil, goexits[T]},
		{"error-as-is", "The error of fn is returned as the same value.",
			nil, errorAsIs[T]},
		{"changes-stay", "Without rollback, what fn changed before an error or a panic stays.",
			func(g g) bool { return !g.Rollback }, changesStay[T]},
		{"rollback", "With rollback, an error or a panic from fn leaves the session as it was.",
			func(g g) bool { return g.Rollback }, rollback[T]},
		{"fair", "With fairness, each of several callers that update one session all the time makes progress.",
			func(g g) bool { return g.Fair }, fair[T]},
		{"reentrant", "fn may use the store for the session it holds; all other callers wait until the outermost fn ends.",
			func(g g) bool { return g.Reentrant }, reentrant[T]},
		{"reentrant-owner", "fn's ctx gives access only to the session that fn holds, and to none after fn has returned.",
			func(g g) bool { return g.Reentrant }, reentrantOwner[T]},

		{"ctx-done", "Every method rejects a ctx that is already done: it calls no closure and changes nothing.",
			nil, ctxDone[T]},
		{"cancel-waiting", "A wait for a busy session ends with ctx while the session is still busy, and applies nothing.",
			cancellable, cancelWaiting[T]},
		{"cancel-granted", "A waiter that is cancelled at the moment it gets the session passes it to the next waiter.",
			cancellable, cancelGranted[T]},
		{"cancel-between", "If ctx is checked between tries, an update whose ctx is done before the next try is not applied.",
			func(g g) bool { return g.Cancellable == manager.CancelBetween }, cancelBetween[T]},

		{"closed", "After Close every method returns ErrClosed and calls no closure; Close may be called again.",
			nil, closed[T]},
		{"close-waits", "Close waits for running closures; waiting operations return ErrClosed or were applied before.",
			nil, closeWaits[T]},
		{"close-storm", "After Close has returned, no operation is applied, even if it started before.",
			nil, closeStorm[T]},
		{"census", "After up to 100,000 sessions were created and removed the store keeps nothing for them: no session, lock or goroutine.",
			nil, census[T]},
		{"goroutines", "Close joins every goroutine that the store started, with or without sessions in it.",
			nil, goroutines[T]},
	}
}

func cancellable(g manager.Guarantees) bool {
	return g.Cancellable == manager.CancelQueued || g.Cancellable == manager.CancelAlways
}
