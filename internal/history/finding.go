package history

// Anomaly is what went wrong, in the words of the field: Adya's phenomena and Jepsen's names for them
// (https://jepsen.io/consistency/phenomena), where they have one.
type Anomaly string

// The anomalies that a history can show.
const (
	LostUpdate       Anomaly = "lost update"                 // a confirmed change is not in what came after it
	StaleRead        Anomaly = "stale read"                  // a newer state was confirmed before the read began
	FutureRead       Anomaly = "future read"                 // it saw a change that nobody had asked for yet
	AbortedRead      Anomaly = "aborted read"                // a change that was refused or rolled back is seen (G1a)
	IntermediateRead Anomaly = "intermediate read"           // the inside of somebody's update is seen (G1b)
	FracturedRead    Anomaly = "fractured read"              // one half of a change is seen without the other
	GarbageRead      Anomaly = "garbage read"                // it saw what nobody wrote
	ForeignRead      Anomaly = "mixed-up sessions"           // it saw what was written to another session
	DuplicateWrite   Anomaly = "duplicate write"             // one change was applied twice
	WriteReordering  Anomaly = "reordered writes"            // a change stands before one that was confirmed before it began
	DoubleCreation   Anomaly = "double creation"             // two callers began a life of the session at the same time
	DoubleDeletion   Anomaly = "double deletion"             // two callers were handed the last state of one life
	DeletedRead      Anomaly = "read of a deleted session"   // after its deletion was confirmed
	Resurrection     Anomaly = "update of a deleted session" // a change to a life whose deletion was confirmed
	LostSession      Anomaly = "lost session"                // it was there, and somebody was told that it was not
	AdoptedID        Anomaly = "adopted id"                  // a session that nobody created: the caller chose the id
	LeftoverData     Anomaly = "data of a deleted session"   // it is in the session's next life
	UnboundedHistory Anomaly = "unbounded history"           // more messages than a session keeps
	WrongAnswer      Anomaly = "wrong answer"                // none of the above: no order of the operations explains it

	// UndeclaredRollback: what a failed update changed is undone, in a store that does not declare rollback.
	UndeclaredRollback Anomaly = "undeclared rollback"
)

// Finding is why a history could not be certified.
type Finding struct {
	Anomaly   Anomaly
	Why       string // in a sentence
	Ops       []int  // the operations at fault, by their index in the history: the two that contradict each other, mostly
	Undecided bool   // the history may be linearizable all the same
}

// Anomalies that show elsewhere than in a history.
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
	LateClosure      Anomaly = "late closure"         // it ran when its operation had returned
	RefusedAfterRun  Anomaly = "refused after it ran" // an update's closure ran, and its caller was told that it was not applied
	WeakID           Anomaly = "weak id"
	BrokenGuarantee  Anomaly = "declared, not kept"
)
