package driver

import (
	"testing"

	"github.com/sessbench/sessbench/scenarios"
)

// Users of each scenario can perform what it, or its --mix, has them do.
func TestDriversSupportTheirScenarios(t *testing.T) {
	recorded := scenarios.Recorded()
	for _, s := range append(scenarios.All(), &recorded) {
		for _, op := range append(s.Ops(), s.Legal...) {
			if !Supports(s.Driver, op) {
				t.Errorf("%s: its driver has no case for %s", s.Name, op)
			}
		}
	}
}

// An operation that no driver performs is a row without a case.
func TestEveryOperationHasADriver(t *testing.T) {
	for op := range scenarios.NumOps {
		if !Supports(scenarios.ChatDriver, op) && !Supports(scenarios.BoardDriver, op) && !Supports(scenarios.StoreDriver, op) {
			t.Errorf("%s has a row in package scenarios, and no driver has a case for it", op)
		}
	}
}

func TestSupports(t *testing.T) {
	for _, row := range []struct {
		why  string
		kind scenarios.DriverKind
		op   scenarios.Op
		want bool
	}{
		{"a chatbot has messages", scenarios.ChatDriver, scenarios.Append, true},
		{"and no fields", scenarios.ChatDriver, scenarios.Update, false},
		{"its ids are minted", scenarios.ChatDriver, scenarios.GetOrCreate, false},
		{"a board has fields", scenarios.BoardDriver, scenarios.Update, true},
		{"and no messages", scenarios.BoardDriver, scenarios.Append, false},
		{"ids of a store are given", scenarios.StoreDriver, scenarios.GetOrCreate, true},
		{"and not minted", scenarios.StoreDriver, scenarios.Create, false},
		{"an operation without a row has no case either", scenarios.StoreDriver, scenarios.NumOps, false},
	} {
		if got := Supports(row.kind, row.op); got != row.want {
			t.Errorf("%s: Supports(%d, %d) is %v", row.why, row.kind, row.op, got)
		}
	}
}
