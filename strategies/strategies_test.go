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
				open := func(tb testing.TB) manager.SessionStore[Probe] {
					s, err := strategy.OpenProbe(p)
					if err != nil {
						tb.Fatal(err)
					}
					return s
				}
				storetest.Run(t, open, strategy.Guarantees, probe)
			})
		}
	}
}
