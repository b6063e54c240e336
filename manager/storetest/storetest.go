// Package storetest checks a session store against the contract of [manager.SessionStore] and against what
// the store declares in its [manager.Guarantees]. It is an ordinary package, so that any store can be held to it:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(testing.TB) manager.SessionStore[int64] { return mystore.New[int64]() },
//			manager.Guarantees{Blocks: manager.BlocksItself, Alone: true},
//			storetest.Probe[int64]{
//				New:       func() int64 { return 0 },
//				Increment: func(n *int64) { *n++ },
//				Count:     func(n *int64) int64 { return *n },
//			})
//	}
//
// A verdict does not depend on how fast the machine is: where a case has to see that something does not happen,
// a slow machine can hide a fault but never invent one, and on a slow store a case makes fewer rounds. A store that
// hangs fails the case with every goroutine's stack; the cases after it still run.
package storetest

import (
	"testing"
	"time"

	"github.com/sessbench/sessbench/manager"
	"go.uber.org/goleak"
)

// Probe is how the kit uses a session type that it does not know. Its functions are called from many goroutines,
// for one session never from two at once.
//
// The count lies in the value itself and not behind a pointer: that of a copy stays when the original is incremented.
type Probe[T any] struct {
	New       func() T       // a session whose count is 0
	Increment func(*T)       // adds one to the count
	Count     func(*T) int64 // the number of increments so far
}

// Run holds the stores that open makes to the contract and to g, one subtest a case.
//
// open makes an empty store for one case. The kit closes it; what open itself started for the store ends in tb.Cleanup.
// t must not run in parallel with tests that start goroutines: they would be counted as leaks.
func Run[T any](t *testing.T, open func(tb testing.TB) manager.SessionStore[T], g manager.Guarantees, p Probe[T]) {
	t.Helper()
	for _, c := range Cases[T]() {
		t.Run(c.Name, func(t *testing.T) { c.Run(t, open, g, p) })
	}
}

// Case is one check of the kit.
type Case[T any] struct {
	Name string // the subtest's name
	Why  string // what is checked and what it protects from, in a sentence

	needs func(manager.Guarantees) bool // whether the store declares what is checked; nil: the contract asks it of all
	body  func(*env[T])
}

// Run runs the case on a fresh store from open. Where g does not declare what the case checks, the test is skipped.
func (c Case[T]) Run(t *testing.T, open func(tb testing.TB) manager.SessionStore[T], g manager.Guarantees, p Probe[T]) {
	t.Helper()
	c.run(t, open, g, p, patience)
}

// patience is how long a case may go without any progress before it counts as hanging.
const patience = 10 * time.Second

func (c Case[T]) run(
	t *testing.T, open func(testing.TB) manager.SessionStore[T], g manager.Guarantees, p Probe[T], patience time.Duration,
) {
	t.Helper()
	if c.needs != nil && !c.needs(g) {
		t.Skip("the store's guarantees do not declare this: " + c.Why)
	}
	w := newWatch(t, c.Why)
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { checkLeaks(t, before) }) // registered first, so it runs after open's own clean-up
	e := &env[T]{watch: w, store: open(t), g: g, p: p, ids: newMint()}
	w.run(patience, func() { c.body(e) }, func() {
		w.step("Close hangs: no operation is running any more")
		if err := e.store.Close(); err != nil {
			w.errorf("Close failed: %v", err)
		}
	})
}

// Cases are the checks of [Run] in its order.
func Cases[T any]() []Case[T] {
	type g = manager.Guarantees
	return []Case[T]{
		{"lifecycle", "A session is created once, seen as it is, changed, handed over when deleted, and begins anew.",
			nil, lifecycle[T]},
		{"absent", "View, Update and Delete of an id that is not there say ErrNotFound, call nothing and create nothing.",
			nil, absent[T]},
		{"one-creator", "Of 64 callers that find no session exactly one creates it, and all of them get that one.",
			nil, oneCreator[T]},
		{"len", "Len counts exactly the sessions that are there, however they came and went.",
			nil, exactLen[T]},

		{"no-lost-update", "Every acknowledged update is in the session, and whoever made it sees it at once.",
			nil, noLostUpdate[T]},
		{"steady-view", "What a closure is shown does not change under its eyes, never goes back, and a copy of it stays.",
			nil, steadyView[T]},
		{"alone", "Where fn runs alone it runs exactly once, and nobody else is in the session meanwhile.",
			func(g g) bool { return g.ExclusiveUpdates }, alone[T]},
		{"others-go-on", "Where a busy session blocks only itself, every operation on other sessions completes meanwhile.",
			g.IndependentSessions, othersGoOn[T]},
		{"readers-go-on", "Where a busy session keeps nobody from reading, View of it completes while it is being updated.",
			func(g g) bool { return g.Blocks == manager.BlocksWriters }, readersGoOn[T]},

		{"churn", "Deleting and creating under the same ids never lets two into one session and loses no update of any life.",
			nil, churn[T]},
		{"stays-deleted", "An update that races with Delete comes before it or finds nothing: it never brings the session back.",
			nil, staysDeleted[T]},
		{"delete-last-state", "Delete hands over the session as it last was, with every acknowledged update.",
			nil, deleteLastState[T]},
		{"sweep-touch", "Sweep decides and removes as one step: a session touched in between stays, and no touch is lost.",
			nil, sweepTouch[T]},
		{"sweep-once", "Each removed session is handed over once, by one of any number of Sweeps and Deletes.",
			nil, sweepOnce[T]},

		{"panic", "A panic in a closure reaches the caller as it is, and the session can be used at once.",
			nil, panics[T]},
		{"goexit", "A closure that ends its goroutine (runtime.Goexit, t.FailNow) lets go of the session too.",
			nil, goexits[T]},
		{"error-as-is", "The error of fn comes back as the very same value.",
			nil, errorAsIs[T]},
		{"changes-stay", "Without rollback, what fn changed before an error or a panic stays.",
			func(g g) bool { return !g.Rollback }, changesStay[T]},
		{"rollback", "With rollback, an error or a panic from fn leaves the session as it was.",
			func(g g) bool { return g.Rollback }, rollback[T]},
		{"fair", "Where waiting callers are served fairly, each of some that want one session all the time gets it.",
			func(g g) bool { return g.Fair }, fair[T]},
		{"reentrant", "fn may use the store for the session it holds; all others are kept out until the outermost fn ends.",
			func(g g) bool { return g.Reentrant }, reentrant[T]},
		{"reentrant-owner", "fn's ctx opens only the session it was given for, and nothing once fn is over.",
			func(g g) bool { return g.Reentrant }, reentrantOwner[T]},

		{"ctx-done", "A ctx that is already done is refused by every method: nothing is called, nothing changes.",
			nil, ctxDone[T]},
		{"cancel-waiting", "A wait for a busy session ends with ctx while the session is still busy, and applies nothing.",
			cancellable, cancelWaiting[T]},
		{"cancel-granted", "Whoever is cancelled in the moment of getting the session passes it on.",
			cancellable, cancelGranted[T]},
		{"cancel-between", "Where nobody waits, ctx is looked at before the next try: the update in hand is given up, unapplied.",
			func(g g) bool { return g.Cancellable == manager.CancelBetween }, cancelBetween[T]},

		{"closed", "After Close every method says ErrClosed and calls nothing; Close may be called again.",
			nil, closed[T]},
		{"close-waits", "Close waits for running closures; who was still waiting gets ErrClosed or was applied before.",
			nil, closeWaits[T]},
		{"close-storm", "Once Close has returned nothing is applied any more, whatever was on its way.",
			nil, closeStorm[T]},
		{"census", "After 100,000 sessions came and went the store holds nothing for them: no session, no lock, no goroutine.",
			nil, census[T]},
		{"goroutines", "Close joins every goroutine that the store started, sessions in it or not.",
			nil, goroutines[T]},
	}
}

func cancellable(g manager.Guarantees) bool {
	return g.Cancellable == manager.CancelQueued || g.Cancellable == manager.CancelAlways
}
