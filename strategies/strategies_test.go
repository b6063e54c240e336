package strategies

import (
	"testing"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/manager/storetest"
)

// TestEveryStrategy checks each strategy in the catalogue against what it declares.
func TestEveryStrategy(t *testing.T) {
	probe := storetest.Probe[manager.Session]{
		New:       func() manager.Session { return manager.Session{} },
		Increment: func(s *manager.Session) { s.Touch(0) },
		Count:     func(s *manager.Session) int64 { return int64(s.Version) },
	}
	for _, strategy := range All() {
		for _, given := range settings(strategy) {
			t.Run(label(strategy, given), func(t *testing.T) {
				p, err := strategy.Resolve(given)
				if err != nil {
					t.Fatal(err)
				}
				storetest.Run(t, opener(strategy, p), strategy.Guarantees, probe)
				storetest.RunChat(t, opener(strategy, p))
			})
		}
	}
}

// opener returns the function that opens a store for the kit.
func opener(strategy *Strategy, p Values) func(testing.TB) manager.SessionStore[manager.Session] {
	return func(tb testing.TB) manager.SessionStore[manager.Session] {
		s, err := strategy.Open(p)
		if err != nil {
			tb.Fatal(err)
		}
		return s
	}
}
