package redis_test

import (
	"strings"
	"testing"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/manager/storetest"
	"github.com/sessbench/sessbench/scenarios/verify"
	"github.com/sessbench/sessbench/strategies"
	"github.com/sessbench/sessbench/strategies/redis"
)

var atomics = []redis.Atomic{redis.Watch, redis.Lua, redis.Lock}

// strategyOf is the strategy with one way of being atomic, and its parameters.
func strategyOf(t *testing.T, o redis.Options, a redis.Atomic) (strategies.Strategy, strategies.Values) {
	t.Helper()
	s := redis.Strategy(o)
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

// checkStore holds a store that is atomic in one way to what the strategy declares of it.
func checkStore(t *testing.T, o redis.Options, a redis.Atomic) {
	o.Users = 64 // as many as the kit sends at once
	s, p := strategyOf(t, o, a)
	storetest.Run(t, opener(s.OpenProbe, p), a.Guarantees(), storetest.Probe[strategies.Probe]{
		New:       func() strategies.Probe { return strategies.Probe{} },
		Increment: func(p *strategies.Probe) { p.N++ },
		Count:     func(p *strategies.Probe) int64 { return p.N },
	})
	storetest.RunChat(t, opener(s.Open, p))
}

// TestStrategy holds stores on an embedded server to the contract: one at a time, for the kit looks for goroutines that are left.
func TestStrategy(t *testing.T) {
	for _, a := range atomics {
		t.Run(string(a), func(t *testing.T) {
			checkStore(t, redis.Options{}, a)
		})
	}
}

// TestVerify verifies all the ways to keep sessions on an embedded server.
func TestVerify(t *testing.T) {
	t.Parallel()
	verifyAll(t, redis.Options{}, 3)
}

// verifyStore is a store that is atomic in one way, as verify takes it.
func verifyStore(t *testing.T, o redis.Options, a redis.Atomic) verify.Subject {
	t.Helper()
	s, p := strategyOf(t, o, a)
	return verify.Subject{
		Label: "redis", Params: p, Guarantees: a.Guarantees(),
		Open: func(*verify.Turnstile) (manager.SessionStore[manager.Session], error) { return s.Open(p) },
	}
}

func TestListsAreNotOpenedAsAStore(t *testing.T) {
	s := redis.Strategy(redis.Options{})
	p, err := s.Resolve(map[string]string{"layout": redis.LayoutList})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(p); err == nil || !strings.Contains(err.Error(), "layout=list") {
		t.Errorf("error %v: want one that names layout=list", err)
	}
}
