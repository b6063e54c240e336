package redis_test

import (
	"testing"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/manager/storetest"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/scenarios/target"
	"github.com/sessbench/sessbench/scenarios/verify"
	"github.com/sessbench/sessbench/strategies"
	"github.com/sessbench/sessbench/strategies/redis"
	"github.com/sessbench/sessbench/strategies/redis/redistest"
)

var atomics = []redis.Atomic{redis.Watch, redis.Lua, redis.Lock}

// TestRealStores holds stores on Debian's server to the contract.
func TestRealStores(t *testing.T) {
	server := redistest.Start(t)
	probe := storetest.Probe[strategies.Probe]{
		New:       func() strategies.Probe { return strategies.Probe{} },
		Increment: func(p *strategies.Probe) { p.N++ },
		Count:     func(p *strategies.Probe) int64 { return p.N },
	}
	for _, a := range atomics {
		t.Run(string(a), func(t *testing.T) {
			s, p := strategyOf(t, redis.Options{URL: server.URL(), Users: 64}, a) // as many as the kit sends at once
			storetest.Run(t, opener(s.OpenProbe, p), s.Guarantees, probe)
			storetest.RunChat(t, opener(s.Open, p))
		})
	}
	if n := server.Client().DBSize(background).Val(); n != 0 {
		t.Errorf("%d keys are left on the server", n)
	}
}

// TestRealVerify verifies all the ways to keep sessions on Debian's server.
func TestRealVerify(t *testing.T) {
	server := redistest.Start(t)
	verifyAll(t, redis.Options{URL: server.URL()}, 4)
	if n := server.Client().DBSize(background).Val(); n != 0 {
		t.Errorf("%d keys are left on the server", n)
	}
}

func verifyAll(t *testing.T, o redis.Options, rounds int) {
	o.Users = verify.DefaultUsers
	for _, a := range atomics {
		t.Run(string(a), func(t *testing.T) {
			s, p := strategyOf(t, o, a)
			wantLinearizable(t, rounds, verify.Subject{
				Label: "redis", Params: p, Guarantees: s.Guarantees,
				Open: func(*verify.Turnstile) (manager.SessionStore[manager.Session], error) { return s.Open(p) },
			})
		})
	}
	t.Run("list", func(t *testing.T) {
		wantLinearizable(t, rounds, verify.Subject{
			Label: "redis", Params: map[string]string{"layout": redis.LayoutList},
			OpenTarget: func(*verify.Turnstile) (scenarios.Target, error) {
				l, err := redis.OpenLists(background, o)
				if err != nil {
					return nil, err
				}
				return target.OfLists(l), nil
			},
		})
	})
}

// strategyOf is the strategy with one way of being atomic, what it guarantees then, and its parameters.
func strategyOf(t *testing.T, o redis.Options, a redis.Atomic) (strategies.Strategy, strategies.Values) {
	t.Helper()
	s := redis.Strategy(o)
	if a == redis.Lock {
		s.Guarantees.Cancellable = manager.CancelNever // readers do not wait, and writers do not stop between two tries
	}
	p, err := s.Resolve(map[string]string{"atomic": string(a)})
	if err != nil {
		t.Fatal(err)
	}
	return s, p
}

// opener is open with its parameters, as the kit calls it.
func opener[T any](open func(strategies.Values) (manager.SessionStore[T], error), p strategies.Values) func(testing.TB) manager.SessionStore[T] {
	return func(tb testing.TB) manager.SessionStore[T] {
		s, err := open(p)
		if err != nil {
			tb.Fatal(err)
		}
		return s
	}
}

// wantLinearizable fails the test unless verify finds nothing.
func wantLinearizable(t *testing.T, rounds int, s verify.Subject) {
	t.Helper()
	if report := examine(t, rounds, s); report.Verdict != verify.Linearizable {
		t.Errorf("%s: %s %+v", report.Verdict, report.Why, report.Violation)
	}
}

// examine verifies a subject in so many rounds, each with a seed of its own.
func examine(t *testing.T, rounds int, s verify.Subject) *verify.Report {
	t.Helper()
	report, err := verify.Run(background, verify.Config{
		Subject: s, Seed: verify.DefaultSeed, Rounds: rounds, Ops: 150, Budget: patience, Patience: patience,
	})
	if err != nil {
		t.Fatal(err)
	}
	return report
}
