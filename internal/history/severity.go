package history

import "slices"

// severity lists the anomalies, the most serious first: what costs everybody the service, what shows or destroys data, what
// answers wrongly, what may become one of these, and what is only not as declared.
var severity = []Anomaly{
	Crash, Hang,
	ForeignRead, GarbageRead,
	LostUpdate, DuplicateWrite, Resurrection, LostSession, DoubleCreation, DoubleDeletion, LeftoverData, AdoptedID,
	AbortedRead, IntermediateRead, FracturedRead, DeletedRead, StaleRead, FutureRead, WriteReordering, UnboundedHistory, WrongAnswer,
	MutualExclusion, RefusedAfterRun, LateClosure, RepeatedClosure, LostPanic, UnexpectedError, WeakID,
	LeakedSessions, LeakedLocks, LeakedGoroutines,
	UndeclaredRollback, Starvation, BrokenGuarantee,
}

// Anomalies returns every anomaly that a run can report, the most serious first.
func Anomalies() []Anomaly { return slices.Clone(severity) }

// bySeverity compares two violations, the more serious first.
func BySeverity(a, b *Violation) int {
	return slices.Index(severity, a.Anomaly) - slices.Index(severity, b.Anomaly)
}
