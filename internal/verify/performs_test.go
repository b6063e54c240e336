package verify_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// TestScenariosOmitWhatTheyNeverPerform verifies a store and a target without a working Delete by scenarios with and without
// deletions.
func TestScenariosOmitWhatTheyNeverPerform(t *testing.T) {
	noDelete := alteredSubject(func(a *altered) {
		a.remove = func(context.Context, manager.ID) (manager.Session, error) {
			return manager.Session{}, errors.New("not implemented")
		}
	})
	for _, test := range []struct {
		scenario string
		deletes  bool
	}{{"hundred-users", false}, {"auth", false}, {"churn", true}} {
		s, err := scenarios.Lookup(test.scenario)
		if err != nil {
			t.Fatal(err)
		}
		cfg := verify.Config{Subject: noDelete, Seed: 1, Rounds: 5, Scenarios: []scenarios.Scenario{*s}}
		r, err := verify.Run(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if convicted := r.Violation != nil; convicted != test.deletes {
			t.Errorf("%s: violation %+v, want one: %v", test.scenario, r.Violation, test.deletes)
		}
		looked := slices.ContainsFunc(r.Guarantees, func(g verify.Guarantee) bool { return g.Name == "leak-free" })
		if looked != test.deletes {
			t.Errorf("%s: leak-free looked at: %v, want %v", test.scenario, looked, test.deletes)
		}
		if slices.ContainsFunc(r.Guarantees, func(g verify.Guarantee) bool { return g.Name == "reentrant" }) {
			t.Errorf("%s: reentrant was looked at, and no scenario nests updates", test.scenario)
		}

		remote := newRemote(func(r *remote) { r.lacks = []scenarios.Op{scenarios.Delete} })
		cfg.Subject = verify.Subject{OpenTarget: func() (scenarios.Target, error) { return remote, nil }}
		r, err = verify.Run(t.Context(), cfg)
		if refused := err != nil; refused != test.deletes {
			t.Errorf("%s: a target without delete: error %v, want one: %v", test.scenario, err, test.deletes)
		}
		if err == nil && (r.Violation != nil || r.Certified == 0) {
			t.Errorf("%s: a target without delete: violation %+v, %d sessions certified by its counters", test.scenario, r.Violation, r.Certified)
		}
	}
}
