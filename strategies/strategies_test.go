package strategies

import (
	"testing"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/manager/storetest"
)

// TestEveryStrategy checks each strategy in the catalogue against what it declares.
func TestEveryStrategy(t *testing.T) {
	probe := storetest.Probe[Probe]{
		New:       func() Probe { return Probe{} },
		Increment: func(p *Probe) { p.N++ },
		Count:     func(p *Probe) int64 { return p.N },
	}
	for _, strategy := range All() {
		for _, given := range settings(strategy) {
			t.Run(label(strategy, given), func(t *testing.T) {
				p, err := strategy.Resolve(given)
				if err != nil {
					t.Fatal(err)
				}
				storetest.Run(t, opener(strategy.OpenProbe, p), strategy.Guarantees, probe)
				storetest.RunChat(t, opener(strategy.Open, p))
			})
		}
	}
}

// opener is open with its parameters, as the kit calls it.
func opener[T any](
	open func(Values) (manager.SessionStore[T], error), p Values,
) func(testing.TB) manager.SessionStore[T] {
	return func(tb testing.TB) manager.SessionStore[T] {
		s, err := open(p)
		if err != nil {
			tb.Fatal(err)
		}
		return s
	}
}
