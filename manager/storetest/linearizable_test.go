package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sessbench/sessbench/internal/flawed"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/strategies"
)

func openPlain(testing.TB) talks { return newReference[manager.Session](plain) }

func TestLinearizable(t *testing.T) {
	defer goleak.VerifyNone(t)
	for name, g := range map[string]manager.Guarantees{"plain": plain, "reentrant": reentrants, "fair": fairs} {
		t.Run(name, func(t *testing.T) {
			Linearizable(t, func(testing.TB) talks { return newReference[manager.Session](g) }, Options{Guarantees: g, Rounds: 20})
		})
	}
	t.Run("optimistic", func(t *testing.T) {
		Linearizable(t, func(testing.TB) talks { return strategies.NewCOW((*manager.Session).CopyTo) }, Options{Guarantees: optimisticGuarantees, Rounds: 20})
	})
}

// TestLinearizableFails runs stores that are wrong until the budget is over or the test has failed.
func TestLinearizableFails(t *testing.T) {
	for name, says := range map[string]string{"stale-cache": "┌", "lost-update": "┌", "panic-keeps-lock": "✗ hang"} {
		t.Run(name, func(t *testing.T) {
			defer goleak.VerifyNone(t)
			f, known := flawed.Lookup(name)
			if !known {
				t.Fatal("no such store")
			}
			open := func(tb testing.TB) talks {
				s, err := f.Subject().Open(nil)
				if err != nil {
					tb.Fatal(err)
				}
				return s
			}
			failed, log := record(t, func(tb testing.TB) {
				linearizable(tb, open, Options{Guarantees: f.Subject().Guarantees, Rounds: -1, Budget: time.Minute}.settled(true, 0))
			})
			if !failed {
				t.Fatalf("the store passed\n%s", log)
			}
			for _, part := range []string{says, "✗ ", "with Seed: ", "go test -run '^" + t.Name() + "$'"} {
				if !strings.Contains(log, part) {
					t.Errorf("no %q in\n%s", part, log)
				}
			}
		})
	}
}

// TestLinearizableSkips runs one user alone, who proves nothing.
func TestLinearizableSkips(t *testing.T) {
	skipped := t.Run("alone", func(t *testing.T) {
		defer func() {
			if !t.Skipped() {
				t.Error("operations of one user were taken for a proof")
			}
		}()
		Linearizable(t, openPlain, Options{Guarantees: plain, Users: 1, Rounds: 1})
	})
	if !skipped {
		t.Error("it failed")
	}
}

func TestLinearizableFailsIfTheStoreCannotBeOpened(t *testing.T) {
	defer goleak.VerifyNone(t)
	failed, log := record(t, func(tb testing.TB) {
		linearizable(tb, func(tb testing.TB) talks { tb.Fatalf("%v", errors.New("no server")); return nil }, Options{}.settled(true, 0))
	})
	if !failed || !strings.Contains(log, "no server") {
		t.Errorf("failed: %v\n%s", failed, log)
	}
}

func TestLinearizableRefusesParallelTests(t *testing.T) {
	t.Run("parallel", func(t *testing.T) {
		t.Parallel()
		defer func() {
			if v := fmt.Sprint(recover()); !strings.Contains(v, "remove t.Parallel") {
				t.Errorf("panicked with %q, want what to do", v)
			}
		}()
		Linearizable(t, openPlain, Options{Rounds: 1})
	})
}

func TestOptions(t *testing.T) {
	usual := Options{Seed: 1, Rounds: 240, Budget: 20 * time.Second, Users: 8}
	with := func(change func(*Options)) Options {
		o := usual
		change(&o)
		return o
	}
	own := Options{Guarantees: plain, Seed: 7, Rounds: -1, Budget: time.Hour, Users: 3}
	for _, test := range []struct {
		why   string
		given Options
		short bool
		left  time.Duration
		want  Options
	}{
		{"defaults", Options{}, false, 0, usual},
		{"-short means fewer rounds", Options{}, true, 0, with(func(o *Options) { o.Rounds = 15 })},
		{"a far deadline changes nothing", Options{}, false, 10 * time.Minute, usual},
		{"half of the time is left for what follows", Options{}, false, 10 * time.Second, with(func(o *Options) { o.Budget = 5 * time.Second })},
		{"after the deadline one round is left", Options{}, false, -time.Second, with(func(o *Options) { o.Budget = 1 })},
		{"what is given stays, with -short too", own, true, 0, own},
	} {
		if got := test.given.settled(test.short, test.left); got != test.want {
			t.Errorf("%s: %+v, want %+v", test.why, got, test.want)
		}
	}
}

func TestStuckSaysWhereAndHowToRepeatIt(t *testing.T) {
	text := stuck(t.Name(), &verify.Report{Seed: 7, Rounds: 3, Why: "no operation was completed", Stacks: "Waiting:\n\n" +
		"goroutine 5 [sync.Mutex.Lock]:\nshop.(*Store).Update(0x1)\n\t/shop/store.go:9 +0x1\n\ngoroutine 6 [sync.Mutex.Lock]:\nshop.(*Store).Update(0x2)\n\t/shop/store.go:9 +0x1"})
	for _, part := range []string{"no operation was completed", "2 goroutines in sync.Mutex.Lock:", "shop.(*Store).Update  store.go:9", "with Seed: 9, Rounds: 1",
		"go test -run '^" + t.Name() + "$'"} {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in\n%s", part, text)
		}
	}
}
