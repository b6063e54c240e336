package history

import (
	"slices"
	"strings"
)

// Consequence says in everyday words what a violation means for those who use the sessions. Empty: there are no better
// words than the violation's own.
func (v *Violation) Consequence() string {
	writers := v.users(func(op *Op) bool { return op.Kind.Writes() })
	readers := v.users(func(op *Op) bool { return op.Kind.Reads() || op.Kind == GetOrCreate && !op.Created })
	switch v.Anomaly {
	case LostUpdate:
		if !v.confirmed() {
			break
		}
		if writers.many() {
			return "What one of " + writers.and() + " wrote is gone, although each of them was told that it was saved."
		}
		return "What " + writers.or("somebody") + " wrote is gone, although " + writers.or("that user") + " was told that it was saved."
	case StaleRead:
		return readers.or("Somebody") + " was shown old data, after the new data had been confirmed, and will act on it: " +
			"a user who reloads the page and sees the last message vanish."
	case FutureRead:
		return readers.or("Somebody") + " was shown something before anybody had asked for it. No order of events explains that."
	case AbortedRead:
		return "A change that was reported as not made is there. Whoever was told so will make it a second time, and it will be there twice."
	case IntermediateRead:
		return readers.or("Somebody") + " looked into the middle of somebody else's change: what was shown was never a valid state of the session."
	case FracturedRead:
		return readers.or("Somebody") + " was shown half of one change and half of another: a mixture that nobody ever wrote."
	case GarbageRead:
		return "The session holds what nobody wrote: memory was overwritten while somebody read it, or made up."
	case ForeignRead:
		return "One user's data is shown in another user's session. That is a breach of privacy."
	case DuplicateWrite:
		return "One request took effect twice: the user sees the same message two times, or pays two times."
	case WriteReordering:
		return "The session's history is in an order in which it did not happen: an answer may stand before its question."
	case DoubleCreation:
		return "There were two sessions under one id at once. Those who use one of them do not see what is written to the other, and one of the two will be gone."
	case DoubleDeletion:
		return "Two callers each believe that they ended the session. What is done once at its end, such as billing or cleaning up, is done twice."
	case DeletedRead:
		return "After a user was told that the session is deleted, its data was still handed out: a logout that does not log out."
	case Resurrection:
		return "What " + writers.or("somebody") + " wrote was confirmed and went into a session that no longer exists: " +
			"it is gone, or the deleted session is back."
	case LostSession:
		return "A user is told that the session does not exist while it does: a user who is logged out in the middle of a conversation."
	case AdoptedID:
		return "A session came into being that the server never made. An attacker can choose a session's id before the victim uses it (session fixation)."
	case LeftoverData:
		return "What was deleted is shown again in the session that took its place, to whoever has it now."
	case UnboundedHistory:
		return "The session keeps more than it may, and will go on growing until memory runs out."
	}
	return consequenceElsewhere(v.Anomaly)
}

// consequenceElsewhere is for what shows elsewhere than in a history.
func consequenceElsewhere(a Anomaly) string {
	switch a {
	case Hang:
		return "Users wait for an answer that never comes. Only a restart helps."
	case Crash:
		return "The whole server goes down, for every user at once."
	case MutualExclusion:
		return "Two users change the same session at the same time. Sooner or later one change overwrites the other, or the data is torn."
	case UnexpectedError:
		return "The store answered in a way that the contract does not allow, and that its callers are not prepared for."
	case RefusedAfterRun:
		return "A caller that is told so will try again. If the change was kept, it is made twice."
	case UndeclaredRollback:
		return "A caller that relies on what a failed update had changed does not find it. If undoing it is intended, declare Rollback."
	case RepeatedClosure:
		return "One request is carried out twice: whatever it does beside the session is done two times."
	case LostPanic:
		return "A fault in the program went unnoticed, and its caller believes that all went well."
	case LeakedSessions, LeakedLocks, LeakedGoroutines:
		return "Memory grows with every session that ever was, until the server runs out of it."
	case Starvation:
		return "One user waits and waits while all the others are served."
	case BrokenGuarantee:
		return "Whoever chose this store for what it declares does not get it."
	}
	return ""
}

// confirmed reports whether every change at fault was confirmed to its user.
func (v *Violation) confirmed() bool {
	for _, i := range v.Conflict {
		if op := v.Op(i); op != nil && op.Kind.Writes() && op.Outcome != OK {
			return false
		}
	}
	return true
}

// names are users by the names that they have in the timeline.
type names []string

func (n names) many() bool { return len(n) > 1 }

// and is "A, B and C".
func (n names) and() string {
	if !n.many() {
		return n.or("somebody")
	}
	return strings.Join(n[:len(n)-1], ", ") + " and " + n[len(n)-1]
}

// or is the only name, or else other.
func (n names) or(other string) string {
	if len(n) == 1 {
		return n[0]
	}
	return other
}

// users are those who did the operations at fault that which chooses, in the order of their numbers.
func (v *Violation) users(which func(*Op) bool) (n names) {
	var numbers []int32
	for _, i := range v.Conflict {
		if op := v.Op(i); op != nil && which(op) && !slices.Contains(numbers, op.User) {
			numbers = append(numbers, op.User)
		}
	}
	slices.Sort(numbers)
	for _, u := range numbers {
		n = append(n, UserName(u))
	}
	return n
}

// op is operation i of the violation's history; nil: there is none.
func (v *Violation) Op(i int) *Op {
	if v.History == nil || i < 0 || i >= len(v.History.Ops) {
		return nil
	}
	return &v.History.Ops[i]
}
