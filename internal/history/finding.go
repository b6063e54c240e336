package history

// Anomaly is the kind of a violation, by its name in the literature if it has one: Adya's phenomena and Jepsen's names
// for them (https://jepsen.io/consistency/phenomena).
type Anomaly string

// The anomalies that a history can show.
const (
	LostUpdate       Anomaly = "lost update"                 // a confirmed change is missing afterwards
	StaleRead        Anomaly = "stale read"                  // a newer state was confirmed before the read began
	FutureRead       Anomaly = "future read"                 // it saw a change that was not requested yet
	AbortedRead      Anomaly = "aborted read"                // a change that was not applied or rolled back was seen (G1a)
	IntermediateRead Anomaly = "intermediate read"           // a state inside another user's update was seen (G1b)
	FracturedRead    Anomaly = "fractured read"              // one half of a change was seen without the other
	GarbageRead      Anomaly = "garbage read"                // it saw data that no user wrote
	ForeignRead      Anomaly = "mixed-up sessions"           // it saw data of another session
	DuplicateWrite   Anomaly = "duplicate write"             // one change was applied twice
	WriteReordering  Anomaly = "reordered writes"            // a change precedes one that was confirmed before it began
	DoubleCreation   Anomaly = "double creation"             // two callers created the session at the same time
	DoubleDeletion   Anomaly = "double deletion"             // two callers removed the same incarnation
	DeletedRead      Anomaly = "read of a deleted session"   // after its deletion was confirmed
	Resurrection     Anomaly = "update of a deleted session" // a change to an incarnation whose deletion was confirmed
	LostSession      Anomaly = "lost session"                // an existing session was not found
	AdoptedID        Anomaly = "adopted id"                  // a session that no operation created: the caller chose the id
	LeftoverData     Anomaly = "data of a deleted session"   // it is in the session's next incarnation
	UnboundedHistory Anomaly = "unbounded history"           // more messages than a session keeps
	WrongAnswer      Anomaly = "wrong answer"                // none of the above: no order of the operations explains it

	// UndeclaredRollback: a failed update was rolled back by a store that does not declare rollback.
	UndeclaredRollback Anomaly = "undeclared rollback"
)

// Finding explains why a history could not be certified.
type Finding struct {
	Anomaly   Anomaly
	Why       string // in a sentence
	Ops       []int  // indices of the operations that contradict each other, mostly two
	Undecided bool   // the history may be linearizable
}

// Anomalies that do not show in a history.
const (
	Hang             Anomaly = "hang"
	Crash            Anomaly = "crash"
	MutualExclusion  Anomaly = "mutual exclusion broken"
	UnexpectedError  Anomaly = "unexpected error"
	RepeatedClosure  Anomaly = "closure run twice"
	LostPanic        Anomaly = "lost panic" // a panic in a closure did not reach the caller
	LeakedSessions   Anomaly = "leaked sessions"
	LeakedLocks      Anomaly = "leaked locks"
	LeakedGoroutines Anomaly = "leaked goroutines"
	Starvation       Anomaly = "starvation"
	LateClosure      Anomaly = "late closure"         // it ran after its operation had returned
	RefusedAfterRun  Anomaly = "refused after it ran" // an update's closure ran, and the operation was reported as not applied
	WeakID           Anomaly = "weak id"
	WrongCount       Anomaly = "wrong count"     // the store counts fewer sessions than there are
	WrongSweep       Anomaly = "wrong sweep"     // it left or removed the wrong sessions, or handed over a state that was not the last
	EarlyClose       Anomaly = "early close"     // Close returned while a closure was running
	UsedAfterClose   Anomaly = "use after close" // an operation took effect, or was acknowledged, after Close had returned
	BrokenGuarantee  Anomaly = "declared, not kept"
	CountAfterClose  Anomaly = "count after close" // Len of a closed store
	LostAtRestart    Anomaly = "lost at restart"   // confirmed writes
)
