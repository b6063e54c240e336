package verify_test

import (
	"context"
	"testing"
	"time"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios/verify"
	"github.com/sessbench/sessbench/strategies"
)

// subject is a strategy with its default parameters.
func subject(s *strategies.Strategy) verify.Subject {
	values, _ := s.Resolve(nil)
	return verify.Subject{
		Label: s.Name, Params: values, Guarantees: s.Guarantees,
		Open: func(*verify.Turnstile) (manager.SessionStore[manager.Session], error) { return s.Open(values) },
	}
}

func TestEveryStrategyIsLinearizable(t *testing.T) {
	for _, s := range strategies.All() {
		t.Run(s.Name, func(t *testing.T) {
			r, err := verify.Run(context.Background(), verify.Config{Subject: subject(s), Seed: 1, Rounds: rounds(), Budget: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			if r.Verdict != verify.Linearizable {
				t.Errorf("%s: %s %+v", r.Verdict, r.Why, r.Violation)
			}
			t.Logf("%d rounds, %d sessions, %d operations, %.0f %% overlapped, %d certified, %d searched, %d cross-checked, %v",
				r.Rounds, r.Sessions, r.Operations, 100*r.Overlapped, r.Certified, r.Searched, r.CrossChecked, r.Elapsed().Round(time.Millisecond))
			for _, g := range r.Guarantees {
				t.Logf("%-14s %s/%s %s", g.Name, g.Declared, g.Observed, g.Detail)
			}
		})
	}
}

func rounds() int { return 300 }
