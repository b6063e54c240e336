package storetest

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/internal/timeline"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
)

// Options are the settings of [Linearizable]. A zero value means the default.
type Options struct {
	Guarantees manager.Guarantees // what the store declares; by default nothing

	Seed   uint64        // random seed of the first round, default 1; each further round has the next number
	Rounds int           // default 240, with -short 15; negative: until the budget is used up
	Budget time.Duration // after which no round begins: default 20 s, and at most half of the time until t.Deadline
	Users  int           // greatest number in a round, default 8
}

// Linearizable tests whether concurrent operations on the stores that open returns are linearizable and keep the guarantees that the store
// declares, as `sessbench verify` does: a few users at a time use few sessions in random rounds, and the history of each session is
// checked. The first violation fails the test with the operations in time, one column per user, and the seed that repeats
// the round. [Run] tests single rules of the contract; Linearizable finds what no rule names.
//
// A run that proves nothing, because few operations overlapped or a check ran out of time, skips the test. A store in which
// nothing is completed for 20 s fails it.
//
// open returns an empty store for one round and is called for each. Linearizable closes it. Stores of any type of sessions are tested
// with [manager.Session]: where operations overlap, what a store does seldom depends on the type.
//
// Linearizable changes GOMAXPROCS while it runs and takes every running goroutine for one that may move the store, so t must not be
// parallel: Linearizable panics then, as t.Setenv does, and so does t.Parallel after it. A store that hangs keeps its goroutines, and one that crashes ends the process of the test;
// `sessbench verify` gives each store a process.
func Linearizable(t *testing.T, open func(tb testing.TB) manager.SessionStore[manager.Session], o Options) {
	t.Helper()
	deadline, limited := t.Deadline()
	left := time.Until(deadline)
	if !limited {
		left = 0
	}
	linearizable(t, open, o.settled(testing.Short(), left))
}

// shortRounds is the number of rounds with -short. verify observes the guarantees after the tenth.
const shortRounds = 15

// settled returns the options with the defaults. left is the time until the deadline of the test; 0: there is none. Half of it is kept
// for a last round that hangs, which takes up to 20 s to be recognized, and for what else the test does.
func (o Options) settled(short bool, left time.Duration) Options {
	rounds := verify.DefaultRounds
	if short {
		rounds = shortRounds
	}
	o.Seed, o.Rounds = cmp.Or(o.Seed, verify.DefaultSeed), cmp.Or(o.Rounds, rounds)
	o.Budget, o.Users = cmp.Or(o.Budget, verify.DefaultBudget), cmp.Or(o.Users, verify.DefaultUsers)
	if left != 0 {
		o.Budget = max(min(o.Budget, left/2), 1)
	}
	return o
}

func linearizable(t testing.TB, open func(testing.TB) manager.SessionStore[manager.Session], o Options) {
	t.Helper()
	refuseParallel(t)
	r, err := verify.Run(t.Context(), verify.Config{
		Subject: verify.Subject{
			Label: t.Name(), Guarantees: o.Guarantees,
			Open: func(*verify.SyncPoints) (manager.SessionStore[manager.Session], error) { return open(t), nil },
		},
		Seed: o.Seed, Rounds: o.Rounds, Budget: o.Budget, Users: o.Users, First: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range r.Guarantees {
		if g.Warning != "" {
			t.Logf("warning: %s", g.Warning)
		}
	}
	switch {
	case r.Violation != nil:
		t.Errorf("%s", convicted(t.Name(), r.Violation))
	case r.Reason == verify.NoProgress:
		t.Errorf("%s", stuck(t.Name(), r))
	case r.Reason == verify.Disagreement:
		t.Errorf("inconclusive: %s", r.Why)
	case r.Verdict == history.Inconclusive:
		t.Skipf("inconclusive: %s", r.Why)
	default:
		t.Logf("linearizable: %d rounds, %d operations, of which %.0f %% overlapped", r.Rounds, r.Operations, 100*r.Overlapped)
	}
}

// refuseParallel panics in a parallel test.
func refuseParallel(t testing.TB) {
	defer func() {
		if v := recover(); v != nil {
			panic("storetest: Linearizable in a parallel test, while it changes GOMAXPROCS and takes all goroutines of the process for the store's: " +
				"remove t.Parallel from this test and from those around it")
		}
	}()
	t.Setenv("GOMAXPROCS", os.Getenv("GOMAXPROCS")) // changes nothing
}

// convicted explains a violation and how to repeat its round.
func convicted(test string, v *history.Violation) string {
	page := new(sheet.Text)
	page.Line(string(v.Anomaly))
	page.Line("")
	timeline.Draw(page, v)
	howToRepeat(page, test, v.Seed)
	return page.String()
}

// stuck explains a run whose last round did not end, and how to repeat that round.
func stuck(test string, r *verify.Report) string {
	page := new(sheet.Text)
	page.Line("inconclusive: " + r.Why)
	page.Line("")
	timeline.DrawStacks(page, r.Stacks)
	howToRepeat(page, test, r.Seed+uint64(max(0, r.Rounds-1)))
	return page.String()
}

func howToRepeat(page *sheet.Text, test string, seed uint64) {
	page.Line("")
	page.Line(fmt.Sprintf("Repeat the round with Seed: %d, Rounds: 1 in storetest.Options. The scheduler orders the operations, so run it repeatedly:", seed))
	page.Line(fmt.Sprintf("go test -run '^%s$' -count 1000 -failfast", regexp.QuoteMeta(test)))
}
