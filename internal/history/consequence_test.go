package history

import (
	"strings"
	"testing"
)

// TestConsequence: every anomaly has a consequence.
func TestConsequence(t *testing.T) {
	for _, a := range []Anomaly{
		LostUpdate, StaleRead, FutureRead, AbortedRead, IntermediateRead, FracturedRead, GarbageRead, ForeignRead,
		DuplicateWrite, WriteReordering, DoubleCreation, DoubleDeletion, DeletedRead, Resurrection, LostSession, AdoptedID,
		UnboundedHistory, Hang, Crash, MutualExclusion, UnexpectedError, RepeatedClosure, LostPanic, LeakedSessions,
		LeakedLocks, LeakedGoroutines, Starvation, BrokenGuarantee, CountAfterClose,
	} {
		if (&Violation{Anomaly: a}).Consequence() == "" {
			t.Errorf("no consequence of %q", a)
		}
	}
	if got := lostUpdate().Consequence(); !strings.HasPrefix(got, "A change by A or B is lost") {
		t.Errorf("got %q, want the names of the users", got)
	}
}
