package history

import (
	"testing"

	"github.com/sessbench/sessbench/scenarios"
)

// Histories and verify derive what an operation is from its properties, so that each row has to have a kind.
func TestEveryOperationHasAKind(t *testing.T) {
	for op := range scenarios.NumOps {
		if k := KindOf(op.Properties()); k == 0 && !op.Does(scenarios.RemovesIdle) {
			t.Errorf("%s has the properties of no kind, or of several", op)
		}
	}
}

func TestKindOf(t *testing.T) {
	for _, row := range []struct {
		why  string
		does scenarios.Properties
		want Kind
	}{
		{"all fields are written", scenarios.SetsFields, Update},
		{"a use changes the version, as an update does", scenarios.RecordsUse, Update},
		{"so do both together", scenarios.SetsFields | scenarios.RecordsUse, Update},
		{"a read of nothing finds the session, as a read does", scenarios.Finds, ReadFields},
		{"without properties nothing is known", 0, 0},
		{"a sweep is recorded by what it removes", scenarios.RemovesIdle, 0},
		{"a read and a write at once are not one operation of a history", scenarios.AddsMessage | scenarios.ReadsMessages, 0},
	} {
		if got := KindOf(row.does); got != row.want {
			t.Errorf("%s: kind %d, want %d", row.why, got, row.want)
		}
	}
}
