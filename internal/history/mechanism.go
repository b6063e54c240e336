package history

import (
	"fmt"
	"slices"
	"strings"
)

// Mechanism explains how two conflicting changes were made at once, as far as the history shows it; empty if it
// does not.
func (v *Violation) Mechanism() string {
	x, y := v.rivals()
	if x == nil {
		return ""
	}
	var parts []string
	a, b := UserName(x.User), UserName(y.User)
	if v.togetherInside(x, y) {
		parts = append(parts, fmt.Sprintf("%s and %s were inside the critical section of one session at the same time: "+
			"%s worked there for %s µs and %s for %s µs, and there was no time to do one after the other",
			a, b, a, micros(x.Hold), b, micros(y.Hold)))
	}
	if end, create := revived(v.History.Ops, x); create != nil {
		parts = append(parts, fmt.Sprintf("%s was called before %s returned, and then changed the session that %s created "+
			"under the same id. A likely cause: the lock is discarded when the session is deleted. A user who already waits "+
			"gets the old lock, a later user gets the new one, and neither excludes the other. Keep the lock in the session, "+
			"mark it dead on deletion, and let a waiter that finds the mark look the session up again",
			x, end, UserName(create.User)))
	}
	return strings.Join(parts, ". ")
}

// rivals returns the two conflicting operations that change or remove the session, the earlier call first; nil
// unless there are exactly two, of different users.
func (v *Violation) rivals() (x, y *Op) {
	writes := v.conflicting(func(op *Op) bool { return (op.Kind.Writes() || op.Kind.Removes()) && op.TookPlace() })
	if len(writes) != 2 || writes[0].User == writes[1].User {
		return nil, nil
	}
	if writes[0].Call > writes[1].Call {
		return writes[1], writes[0]
	}
	return writes[0], writes[1]
}

// togetherInside reports whether the work of two operations in a session must have overlapped: there was no time
// for one after the other, between the earliest begin of the one and the latest begin of the other.
func (v *Violation) togetherInside(x, y *Op) bool {
	after := func(a, b *Op) bool { return v.earliest(a)+a.Hold <= b.Return-b.Hold }
	return x.Hold > 0 && y.Hold > 0 && x.Return != Never && y.Return != Never && !after(x, y) && !after(y, x)
}

// earliest returns the earliest begin of op's work in the session: not before its call, nor before the call that
// created its incarnation.
func (v *Violation) earliest(op *Op) int64 {
	for i := range v.History.Ops {
		c := &v.History.Ops[i]
		if c.Created && op.Parts&PartIncarnation != 0 && c.MetIncarnation() == op.Incarnation {
			return max(op.Call, c.Call)
		}
	}
	return op.Call
}

// revived returns the creation of the incarnation that op met, and the last deletion before it, if that had not
// returned when op was called; nil for none.
func revived(ops []Op, op *Op) (end, create *Op) {
	for i := range ops {
		c := &ops[i]
		if !c.Created || op.Precedes(c) || op.Parts&PartIncarnation != 0 && op.Incarnation != c.MetIncarnation() {
			continue
		}
		for j := range ops {
			d := &ops[j]
			same := d.Parts&PartIncarnation != 0 && d.Incarnation == c.MetIncarnation()
			if mayRemove(d) && d != op && !same && !d.Precedes(op) && d.Call < c.Return &&
				(end == nil || end.Call < d.Call) {
				end, create = d, c
			}
		}
	}
	return end, create
}

// OutlivedDeletion returns the deletion during which a conflicting operation was under way, and after which it
// changed the session's next incarnation; nil for none.
func (v *Violation) OutlivedDeletion() *Op {
	for _, i := range slices.Sorted(slices.Values(v.Conflict)) {
		if op := v.Op(i); op != nil && (op.Kind.Writes() || op.Kind.Removes()) {
			if end, _ := revived(v.History.Ops, op); end != nil {
				return end
			}
		}
	}
	return nil
}

func micros(ns int64) string { return fmt.Sprintf("%.0f", float64(ns)/1e3) }
