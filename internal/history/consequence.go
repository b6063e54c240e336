package history

import (
	"slices"
	"strings"
)

// consequences says in everyday words what a violation means for the users of the sessions. READER and WRITER stand
// for the conflicting user, if there is exactly one.
var consequences = map[Anomaly]string{
	StaleRead: "READER read old data after newer data had been confirmed, and will act on it: a user reloads the page " +
		"and the last message has vanished.",
	FutureRead:       "READER read a change before it was requested. No order of events explains that.",
	AbortedRead:      "A change that was reported as not applied is there. The caller will retry, and then it is there twice.",
	IntermediateRead: "READER read the middle of another user's change: that was never a valid state of the session.",
	FracturedRead:    "READER read half of one change and half of another: a mixture that no user ever wrote.",
	GarbageRead:      "The session holds data that no user wrote: memory was overwritten while it was read, or made up.",
	ForeignRead:      "One user's data is shown in another user's session: a breach of privacy.",
	DuplicateWrite:   "One request took effect twice: the user sees the same message twice, or pays twice.",
	WriteReordering:  "The session's history is not in the order in which it happened: an answer may stand before its question.",
	DoubleCreation: "Two sessions existed under one id at once. Users of one do not see what is written to the other, and " +
		"one of the two will be lost.",
	DoubleDeletion: "Two callers both ended the session. What is done once at its end, such as billing or cleaning up, is " +
		"done twice.",
	DeletedRead: "Data of a session was returned after its deletion was confirmed: a logout that does not log out.",
	Resurrection: "The change by WRITER was confirmed and went into a session that no longer exists: it is lost, or the " +
		"deleted session is back.",
	LostSession: "A session that exists was reported as missing: a user is logged out in the middle of a conversation.",
	AdoptedID: "A session exists that the server never created. An attacker can choose a session's id before the victim " +
		"uses it (session fixation).",
	LeftoverData:       "Deleted data is shown again in the session that took its place, to its new owner.",
	UnboundedHistory:   "The session keeps more than it may, and grows until memory runs out.",
	Hang:               "Users wait for a result that never comes. Only a restart helps.",
	Crash:              "The whole server goes down, for every user at once.",
	MutualExclusion:    "Two users change one session at the same time. Sooner or later one change overwrites the other, or the data is torn.",
	UnexpectedError:    "The store returned what the contract does not allow and callers are not prepared for.",
	RefusedAfterRun:    "The caller will retry. If the change was kept, it is made twice.",
	UndeclaredRollback: "A caller that relies on what a failed update had changed does not find it. If undoing it is intended, declare Rollback.",
	RepeatedClosure:    "One request is executed twice: its effects outside of the session happen twice.",
	LostPanic:          "A bug in the program goes unnoticed, and the caller assumes success.",
	LeakedSessions:     "Memory grows with every session that ever existed, until the server runs out of it.",
	LeakedLocks:        "Memory grows with every session that ever existed, until the server runs out of it.",
	LeakedGoroutines:   "Memory grows with every session that ever existed, until the server runs out of it.",
	Starvation:         "One user waits and waits while all the others are served.",
	BrokenGuarantee:    "Users who chose this store for what it declares do not get it.",
}

// Consequence says in everyday words what a violation means for the users of the sessions. Empty: the violation's own
// sentence says it.
func (v *Violation) Consequence() string {
	writers := v.users(func(op *Op) bool { return op.Kind.Writes() })
	if v.Anomaly == LostUpdate {
		switch {
		case !v.confirmed():
			return ""
		case len(writers) > 1:
			last := len(writers) - 1
			return "A change by " + strings.Join(writers[:last], ", ") + " or " + writers[last] +
				" is lost, although each of their calls returned success."
		}
		return "The change by " + only(writers, "one user") + " is lost, although the call returned success."
	}
	readers := v.users(func(op *Op) bool { return op.Kind.Reads() || op.Kind == GetOrCreate && !op.Created })
	return strings.NewReplacer("READER", only(readers, "A user"), "WRITER", only(writers, "a user")).
		Replace(consequences[v.Anomaly])
}

// confirmed reports whether every conflicting change returned success.
func (v *Violation) confirmed() bool {
	return !slices.ContainsFunc(v.Conflict, func(i int) bool {
		op := v.Op(i)
		return op != nil && op.Kind.Writes() && op.Outcome != OK
	})
}

func only(names []string, other string) string {
	if len(names) == 1 {
		return names[0]
	}
	return other
}

// users returns the names of the users of the conflicting operations that which selects, in the order of their numbers.
func (v *Violation) users(which func(*Op) bool) (names []string) {
	var numbers []int32
	for _, i := range v.Conflict {
		if op := v.Op(i); op != nil && which(op) {
			numbers = append(numbers, op.User)
		}
	}
	slices.Sort(numbers)
	for _, u := range slices.Compact(numbers) {
		names = append(names, UserName(u))
	}
	return names
}

// Op returns operation i of the violation's history, nil if there is none.
func (v *Violation) Op(i int) *Op {
	if v.History == nil || i < 0 || i >= len(v.History.Ops) {
		return nil
	}
	return &v.History.Ops[i]
}
