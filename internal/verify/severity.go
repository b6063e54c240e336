package verify

import "slices"

// severity lists the anomalies, the most serious first: what costs everybody the service, what shows or destroys data, what
// answers wrongly, what may become one of these, and what is only not as declared.
var severity = []Anomaly{
	Crash, Hang,
	ForeignRead, GarbageRead,
	LostUpdate, DuplicateWrite, Resurrection, LostSession, DoubleCreation, DoubleDeletion, LeftoverData, AdoptedID,
	AbortedRead, IntermediateRead, FracturedRead, DeletedRead, StaleRead, FutureRead, WriteReordering, UnboundedHistory, WrongAnswer,
	MutualExclusion, RefusedAfterRun, LateClosure, RepeatedClosure, LostPanic, UnexpectedError, WeakID,
	LeakedSessions, LeakedLocks, LeakedRoutines,
	UndeclaredRollback, Starvation, BrokenPromise,
}

// Anomalies returns every anomaly that a run can report, the most serious first.
func Anomalies() []Anomaly { return slices.Clone(severity) }

// bySeverity compares two violations, the more serious first.
func bySeverity(a, b *Violation) int {
	return slices.Index(severity, a.Anomaly) - slices.Index(severity, b.Anomaly)
}

// All returns the violations of a report, the most serious first.
func (r *Report) All() []*Violation {
	if r.Violation == nil {
		return nil
	}
	return append([]*Violation{r.Violation}, r.Others...)
}

// Add adds a violation, unless the report has one with the same anomaly already, and reports whether it did.
func (r *Report) Add(v *Violation) bool {
	all := r.All()
	if slices.ContainsFunc(all, func(o *Violation) bool { return o.Anomaly == v.Anomaly }) {
		return false
	}
	all = append(all, v)
	slices.SortStableFunc(all, bySeverity)
	r.Verdict, r.Violation, r.Others = Violated, all[0], all[1:]
	return true
}

// has reports whether a violation with this anomaly was added.
func (r *Report) has(a Anomaly) bool {
	return slices.ContainsFunc(r.All(), func(v *Violation) bool { return v.Anomaly == a })
}
