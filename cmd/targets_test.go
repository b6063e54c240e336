package cmd

import (
	"slices"
	"strings"
	"testing"

	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/scenarios"
)

// without is a target that lacks operations.
type without struct {
	scenarios.Target
	missing []scenarios.Op
}

func (t without) Supports(op scenarios.Op) bool { return !slices.Contains(t.missing, op) }

// A scenario whose driver lacks an operation is rejected, too.
func TestFitStore(t *testing.T) {
	s, err := scenarios.Lookup("planner")
	if err != nil {
		t.Fatal(err)
	}
	o := targetOptions{command: &command{}}
	subjects, list := []runner.Subject{{Label: "global"}}, []scenarios.Scenario{*s}
	if err := o.fit(subjects, list); err != nil {
		t.Error(err)
	}
	list[0].Mix = scenarios.Mix{{Op: scenarios.Append, Weight: 1}}
	if err := o.fit(subjects, list); codeOf(err) != exitUsage || err.Error() != "--scenario planner: its users have no operation append" {
		t.Errorf("boards without messages: error %v", err)
	}
}

// TestFit: a target without an operation that a scenario needs is rejected.
func TestFit(t *testing.T) {
	for _, tc := range []struct {
		scenario string
		missing  []scenarios.Op
		want     string // empty: it fits
	}{
		{"hundred-users", []scenarios.Op{scenarios.Create}, "no operation create, which hundred-users needs: want another --scenario"},
		{"auth", []scenarios.Op{scenarios.Read}, "no operation get, which auth needs"},
		{"churn", []scenarios.Op{scenarios.History}, "no operation history, which churn needs"},
		{"expiry", []scenarios.Op{scenarios.Sweep}, "no operation sweep, which expiry needs"},
		{"churn", []scenarios.Op{scenarios.Create, scenarios.Update, scenarios.Read, scenarios.Sweep}, ""},
	} {
		s, err := scenarios.Lookup(tc.scenario)
		if err != nil {
			t.Fatal(err)
		}
		o := targetOptions{command: &command{}}
		subjects := []runner.Subject{{Label: "global"}, {Label: "mine", Target: without{missing: tc.missing}}}
		switch err := o.fit(subjects, []scenarios.Scenario{*s}); {
		case tc.want == "" && err != nil:
			t.Errorf("%s without %v: %v", tc.scenario, tc.missing, err)
		case tc.want != "" && (codeOf(err) != exitUsage || !strings.HasPrefix(err.Error(), "--target mine: "+tc.want)):
			t.Errorf("%s without %v: error %v: want %s", tc.scenario, tc.missing, err, tc.want)
		}
	}
}
