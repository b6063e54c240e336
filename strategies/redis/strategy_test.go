package redis_test

import (
	"strings"
	"testing"

	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/manager/storetest"
	"github.com/sessbench/sessbench/strategies"
	"github.com/sessbench/sessbench/strategies/redis"
)

// kind is a kind of store.
type kind struct {
	atomic     redis.Atomic
	pipelining bool
}

var kinds = []kind{{redis.Watch, false}, {redis.Lua, false}, {redis.Lock, false}, {redis.Lua, true}, {redis.Lock, true}}

func (k kind) String() string { return name(string(k.atomic), k.pipelining) }

func name(way string, pipelining bool) string {
	if pipelining {
		return way + ", pipelining"
	}
	return way
}

func onOff(pipelining bool) string {
	if pipelining {
		return redis.PipeliningOn
	}
	return "off"
}

// strategyOf is the strategy with the parameters of one kind.
func strategyOf(t *testing.T, o redis.Options, k kind) (strategies.Strategy, strategies.Values) {
	t.Helper()
	s := redis.Strategy(o)
	p, err := s.Resolve(map[string]string{"atomic": string(k.atomic), "pipelining": onOff(k.pipelining)})
	if err != nil {
		t.Fatal(err)
	}
	return s, p
}

// opener returns the function that opens a store for the kit.
func opener(strategy strategies.Strategy, p strategies.Values) func(testing.TB) manager.SessionStore[manager.Session] {
	return func(tb testing.TB) manager.SessionStore[manager.Session] {
		s, err := strategy.Open(p)
		if err != nil {
			tb.Fatal(err)
		}
		return s
	}
}

// checkStore checks a store of one kind against its declared guarantees.
func checkStore(t *testing.T, o redis.Options, k kind) {
	o.Users = 64 // the kit's largest number of concurrent operations
	s, p := strategyOf(t, o, k)
	storetest.Run(t, opener(s, p), k.atomic.Guarantees(), storetest.Probe[manager.Session]{
		New:       func() manager.Session { return manager.Session{} },
		Increment: func(s *manager.Session) { s.Touch(0) },
		Count:     func(s *manager.Session) int64 { return int64(s.Version) },
	})
	storetest.RunChat(t, opener(s, p))
}

// TestStrategy checks the contract of stores on an embedded server, one at a time, because the kit looks for leaked goroutines.
func TestStrategy(t *testing.T) {
	checked := []kind{{redis.Lock, false}, {redis.Lua, true}}
	if long {
		checked = kinds
	}
	for _, k := range checked {
		t.Run(k.String(), func(t *testing.T) {
			checkStore(t, redis.Options{}, k)
		})
	}
}

// TestVerify verifies every way to keep sessions on an embedded server.
func TestVerify(t *testing.T) {
	t.Parallel()
	verifyAll(t, redis.Options{}, 3)
}

// verifyStore returns a store of one kind as a subject of verify.
func verifyStore(t *testing.T, o redis.Options, k kind) verify.Subject {
	t.Helper()
	s, p := strategyOf(t, o, k)
	return verify.Subject{
		Label: "redis", Params: p, Guarantees: k.atomic.Guarantees(),
		Open: func(*verify.SyncPoints) (manager.SessionStore[manager.Session], error) { return s.Open(p) },
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
