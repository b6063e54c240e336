package redis

import (
	"context"
	"strings"
	"testing"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/manager/storetest"
	"github.com/sessbench/sessbench/scenarios/verify"
	"github.com/sessbench/sessbench/strategies"
)

// values are the strategy's parameters with the given ones.
func values(t testing.TB, given map[string]string) strategies.Values {
	t.Helper()
	s := Strategy(Options{})
	p, err := s.Resolve(given)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestStrategy checks each way of being atomic against what the strategy declares, on an embedded server.
func TestStrategy(t *testing.T) {
	probe := storetest.Probe[strategies.Probe]{
		New:       func() strategies.Probe { return strategies.Probe{} },
		Increment: func(p *strategies.Probe) { p.N++ },
		Count:     func(p *strategies.Probe) int64 { return p.N },
	}
	s := Strategy(Options{Users: 64})
	for _, a := range atomics {
		t.Run(string(a), func(t *testing.T) {
			p := values(t, map[string]string{"atomic": string(a)})
			storetest.Run(t, opener(s.OpenProbe, p), a.Guarantees(), probe)
		})
	}
	t.Run("chat", func(t *testing.T) { storetest.RunChat(t, opener(s.Open, values(t, nil))) })
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

func TestVerify(t *testing.T) {
	s := Strategy(Options{Users: verify.DefaultUsers})
	for _, a := range atomics {
		t.Run(string(a), func(t *testing.T) {
			p := values(t, map[string]string{"atomic": string(a)})
			report, err := verify.Run(context.Background(), verify.Config{
				Subject: verify.Subject{
					Label: "redis", Params: p, Guarantees: a.Guarantees(),
					Open: func(*verify.Turnstile) (manager.SessionStore[manager.Session], error) { return s.Open(p) },
				},
				Seed: verify.DefaultSeed, Rounds: 3, Ops: 200,
			})
			if err != nil {
				t.Fatal(err)
			}
			if report.Violation != nil {
				t.Fatalf("%+v", report.Violation)
			}
			t.Logf("%+v", report)
		})
	}
}

func TestListsAreNotOpenedAsAStore(t *testing.T) {
	s := Strategy(Options{})
	_, err := s.Open(values(t, map[string]string{"layout": LayoutList}))
	if err == nil || !strings.Contains(err.Error(), "layout=list") {
		t.Errorf("error %v: want one that names layout=list", err)
	}
}
