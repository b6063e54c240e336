package history

import (
	"fmt"
	"slices"
	"strings"
)

// Mechanism says how two changes that are at fault came to be made at once, as far as the history shows it; empty where it
// does not.
func (v *Violation) Mechanism() string {
	x, y := v.rivals()
	if x == nil {
		return ""
	}
	var parts []string
	a, b := UserName(x.User), UserName(y.User)
	if v.togetherInside(x, y) {
		parts = append(parts, fmt.Sprintf(
			"%s and %s were inside the critical section of one session at the same time: %s worked there for %s µs and %s for %s µs, "+
				"and there was no time to do one after the other", a, b, a, micros(x.Hold), b, micros(y.Hold)))
	}
	if end, begin := revived(v.History.Ops, x); begin != nil {
		parts = append(parts, fmt.Sprintf(
			"%s had asked before %s was told that the session is deleted, and was let into the one that %s made under the same id. "+
				"A likely cause is that a session's lock goes when the session is deleted: a user who waited for the old lock holds that one, "+
				"a user who comes later takes the new one, and neither keeps the other out. Keep the lock with the session, mark it dead on "+
				"deletion, and let a waiter that finds the mark look the session up again",
			a, UserName(end.User), UserName(begin.User)))
	}
	return strings.Join(parts, ". ")
}

// rivals are the two at fault that change or remove the session, where they are exactly two of different users, the earlier
// call first; nil: they are not.
func (v *Violation) rivals() (x, y *Op) {
	var writes []*Op
	for _, i := range v.Conflict {
		if op := v.Op(i); op != nil && (op.Kind.Writes() || op.Kind.Removes()) && op.TookPlace() {
			writes = append(writes, op)
		}
	}
	if len(writes) != 2 || writes[0].User == writes[1].User {
		return nil, nil
	}
	if writes[0].Call > writes[1].Call {
		return writes[1], writes[0]
	}
	return writes[0], writes[1]
}

// togetherInside reports whether the work of two operations on a session must have overlapped: there was no time to do one
// after the other, between the first moment at which the one can have begun and the last at which the other must have.
func (v *Violation) togetherInside(x, y *Op) bool {
	after := func(a, b *Op) bool { return v.earliest(a)+a.Hold <= b.Return-b.Hold }
	return x.Hold > 0 && y.Hold > 0 && x.Return != Never && y.Return != Never && !after(x, y) && !after(y, x)
}

// earliest is when op's work in the session can have begun: not before it was asked for, nor before the life that it met was.
func (v *Violation) earliest(op *Op) int64 {
	for i := range v.History.Ops {
		if c := &v.History.Ops[i]; c.Created && op.Parts&PartIncarnation != 0 && c.MetIncarnation() == op.Incarnation {
			return max(op.Call, c.Call)
		}
	}
	return op.Call
}

// revived finds the creation of the life that op met and the last deletion before it, where that was not confirmed yet when op
// was asked for; nil for none.
func revived(ops []Op, op *Op) (end, begin *Op) {
	for i := range ops {
		c := &ops[i]
		if !c.Created || op.Precedes(c) || op.Parts&PartIncarnation != 0 && op.Incarnation != c.MetIncarnation() {
			continue
		}
		for j := range ops {
			d := &ops[j]
			same := d.Parts&PartIncarnation != 0 && d.Incarnation == c.MetIncarnation()
			if mayRemove(d) && d != op && !same && !d.Precedes(op) && d.Call < c.Return && (end == nil || end.Call < d.Call) {
				end, begin = d, c
			}
		}
	}
	return end, begin
}

// OutlivedDeletion returns the deletion that an operation at fault outlived, nil for none.
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
