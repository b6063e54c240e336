package history

import (
	"strings"
	"testing"
)

// TestConsequence: every anomaly that a run can name has its words.
func TestConsequence(t *testing.T) {
	for _, a := range []Anomaly{
		LostUpdate, StaleRead, FutureRead, AbortedRead, IntermediateRead, FracturedRead, GarbageRead, ForeignRead,
		DuplicateWrite, WriteReordering, DoubleCreation, DoubleDeletion, DeletedRead, Resurrection, LostSession, AdoptedID,
		UnboundedHistory, Hang, Crash, MutualExclusion, UnexpectedError, RepeatedClosure, LostPanic, LeakedSessions,
		LeakedLocks, LeakedGoroutines, Starvation, BrokenGuarantee,
	} {
		if (&Violation{Anomaly: a}).Consequence() == "" {
			t.Errorf("no words for %q", a)
		}
	}
	if got := lostUpdate().Consequence(); !strings.HasPrefix(got, "What one of A and B wrote is gone") {
		t.Errorf("who lost what? %s", got)
	}
}
