package history

import (
	"fmt"
	"slices"
)

// examine is resolve, and recognizes a store that rolls back failed updates without declaring it: its versions look as
// if updates were lost.
func examine(h *History) (certified bool, found *Finding) {
	certified, found = resolve(h)
	if found != nil && !found.Undecided && undoesFailures(h) {
		found = undone(h.Ops, found)
	}
	return certified, found
}

// undoesFailures reports whether h has failed updates and is linearizable if all of them were rolled back.
func undoesFailures(h *History) bool {
	failed := func(op Op) bool { return op.Kind.Writes() && op.Outcome == Failed }
	if !slices.ContainsFunc(h.Ops, failed) {
		return false
	}
	supposed := &History{ID: h.ID, Claimed: h.Claimed, Ops: slices.Clone(h.Ops)}
	for i := range supposed.Ops {
		if op := &supposed.Ops[i]; failed(*op) {
			messages, versions := op.writes()
			op.Outcome = RolledBack // which returns the state before it
			op.Seq -= messages
			op.Version -= versions
		}
	}
	certified, _ := resolve(supposed)
	return certified
}

// undone renames a finding in a history that undoesFailures.
func undone(ops []Op, found *Finding) *Finding {
	f := &Finding{Anomaly: UndeclaredRollback, Ops: found.Ops}
	at := -1
	if i := slices.IndexFunc(found.Ops, func(i int) bool { return ops[i].Outcome == Failed }); i >= 0 {
		at = found.Ops[i]
	} else {
		at = slices.IndexFunc(ops, func(op Op) bool { return op.Kind.Writes() && op.Outcome == Failed })
		f.Ops = append(slices.Clone(f.Ops), at)
	}
	f.Why = fmt.Sprintf("%s failed after it had changed the session (version %d), and the change is not there: every result "+
		"fits if failed updates are rolled back, which the store does not declare", &ops[at], ops[at].Version)
	return f
}
