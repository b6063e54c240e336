package storetest

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sessbench/sessbench/internal/flawed"
	"github.com/sessbench/sessbench/manager"
)

type probe struct{ n int64 }

var counting = Probe[probe]{
	New:       func() probe { return probe{} },
	Increment: func(p *probe) { p.n++ },
	Count:     func(p *probe) int64 { return p.n },
}

func TestRightStoresPass(t *testing.T) {
	t.Run("plain", func(t *testing.T) {
		Run(t, func(testing.TB) store { return newReference[probe](plain) }, plain, counting)
	})
	for name, g := range map[string]manager.Guarantees{
		"rollback": rollbacks, "reentrant": reentrants, "cancellable": cancellables, "fair": fairs,
	} {
		t.Run(name, func(t *testing.T) {
			for _, c := range cases[probe]() {
				t.Run(c.name, func(t *testing.T) {
					c.run(t, func(testing.TB) store { return newReference[probe](g) }, g, counting, quick)
				})
			}
		})
	}
	t.Run("optimistic", func(t *testing.T) {
		Run(t, func(testing.TB) store { return newOptimistic[probe]() }, optimisticGuarantees, counting)
	})
}

func TestRightChatPasses(t *testing.T) {
	RunChat(t, func(testing.TB) talks { return newReference[manager.Session](plain) })
}

func TestCasesHaveNamesAndReasons(t *testing.T) {
	seen := map[string]bool{}
	check := func(name, why string) {
		if name == "" || seen[name] || !strings.HasSuffix(why, ".") {
			t.Errorf("case %q (%q): want a unique name and a sentence", name, why)
		}
		seen[name] = true
	}
	for _, c := range cases[probe]() {
		check(c.name, c.why)
	}
	for _, c := range chatCases(nil) {
		check(c.name, c.why)
	}
	found := map[string]bool{}
	for _, b := range brokenStores {
		found[b.in] = true
	}
	for name := range seen {
		if !found[name] {
			t.Errorf("no broken store shows that case %s can fail", name)
		}
	}
}

// quick are limits for stores that are slow or tested for the second time: fewer rounds.
var quick = limits{patience: defaultLimits.patience, budget: 20 * time.Millisecond}

// TestUnusualStoresPass is the evidence that these stores, in which verify and the audit must find no violation, are correct.
func TestUnusualStoresPass(t *testing.T) {
	if testing.Short() {
		t.Skip("the slow ones take seconds")
	}
	for _, s := range flawed.Unusual() {
		t.Run(s.Name, func(t *testing.T) {
			for _, c := range cases[manager.Session]() {
				t.Run(c.name, func(t *testing.T) {
					c.run(t, func(testing.TB) talks {
						store, err := s.Open(nil)
						if err != nil {
							t.Fatal(err)
						}
						return store
					}, s.Guarantees, sessionProbe, quick)
				})
			}
		})
	}
}

// recorder records the failures of a case instead of failing the test.
type recorder struct {
	testing.TB
	cleanups []func()

	mu     sync.Mutex // protects what follows
	failed bool
	log    strings.Builder
}

func (r *recorder) Helper()          {}
func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = true
	fmt.Fprintf(&r.log, format+"\n", args...)
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// record runs a case and returns whether it failed, with what it reported.
func record(t *testing.T, run func(testing.TB)) (failed bool, log string) {
	r := &recorder{TB: t}
	for _, f := range []func(){func() { run(r) }, func() {
		for _, f := range slices.Backward(r.cleanups) {
			f()
		}
	}} {
		over := make(chan struct{})
		go func() { // which Fatalf ends
			defer close(over)
			f()
		}()
		<-over
	}
	return r.failed, r.log.String()
}

func TestBrokenStoresFail(t *testing.T) {
	for _, b := range brokenStores {
		t.Run(b.name, func(t *testing.T) {
			if b.races && raceEnabled {
				t.Skip("the race detector would fail this test")
			}
			l := limits{patience: defaultLimits.patience, budget: time.Second} // long enough on a loaded machine
			if b.hangs {
				l.patience = 500 * time.Millisecond // it will be used up
			}
			failed, log := record(t, func(t testing.TB) { b.inCase(t, b.in, l) })
			for try := 1; !failed && try < 30; try++ { // a race does not occur in each run, less so on a busy machine
				failed, log = record(t, func(t testing.TB) { b.inCase(t, b.in, l) })
			}
			if !failed {
				t.Fatalf("a store that %s passed case %s", b.name, b.in)
			}
			if !strings.HasPrefix(log, b.says) {
				t.Errorf("message without %q\n%s", b.says, log)
			}
		})
	}
}

func TestRightStoreIsRecordedAsRight(t *testing.T) {
	for _, c := range cases[probe]() {
		if c.needs != nil && !c.needs(plain) {
			continue
		}
		failed, log := record(t, func(t testing.TB) {
			c.run(t, func(testing.TB) store { return newReference[probe](plain) }, plain, counting, defaultLimits)
		})
		if failed {
			t.Errorf("case %s: %s", c.name, log)
		}
	}
}
