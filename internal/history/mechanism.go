package history

import (
	"fmt"
	"strings"
)

// Mechanism explains how two conflicting changes were made at once, as far as the history shows it; empty if it
// does not.
func (v *Violation) Mechanism() string {
	x, y := v.together()
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
	if end, create := v.orphaned(); create != nil {
		then := fmt.Sprintf("changed the session that %s created under the same id", UserName(create.User))
		if create == x {
			then = "created the session again"
		}
		parts = append(parts, fmt.Sprintf("%s was called before %s returned, and then %s. A likely cause: the lock is discarded "+
			"when the session is deleted. A user who already waits gets the old lock, a later user gets the new one, and neither "+
			"excludes the other. Keep the lock in the session, mark it dead on deletion, and let a waiter that finds the mark look "+
			"the session up again", x, end, then))
	}
	return strings.Join(parts, ". ")
}

// together returns two operations of different users that must have used the session at the same time, the earlier call first: the
// rivals, or what [Violation.suspectPair] found. nil: there are none.
func (v *Violation) together() (x, y *Op) {
	if x, y = v.rivals(); x != nil || v.Anomaly == LostUpdate || v.Anomaly == StaleRead { // whose suspects are reads
		return x, y
	}
	var ops []*Op
	for _, i := range v.Suspects {
		if op := v.Op(i); op != nil {
			ops = append(ops, op)
		}
	}
	return pair(ops)
}

// rivals returns the two conflicting operations that change or remove the session, the earlier call first; nil
// unless there are exactly two, of different users.
func (v *Violation) rivals() (x, y *Op) {
	return pair(v.conflicting(func(op *Op) bool { return (op.Kind.Writes() || op.Kind.Removes()) && op.TookPlace() }))
}

// pair returns two operations of different users, the earlier call first; nil if ops are others.
func pair(ops []*Op) (x, y *Op) {
	if len(ops) != 2 || ops[0].User == ops[1].User {
		return nil, nil
	}
	if ops[0].Call > ops[1].Call {
		return ops[1], ops[0]
	}
	return ops[0], ops[1]
}

// orphaned returns the deletion that the earlier of two operations in the session at the same time outlived, and the creation of the
// incarnation that it then met: it may have waited for a lock that was discarded meanwhile. nil: there is none, or the history shows another
// cause. A sweep may have acted on an older state.
func (v *Violation) orphaned() (end, create *Op) {
	x, y := v.together()
	if x == nil || x.Kind == Sweep || y.Kind == Sweep {
		return nil, nil
	}
	if removal, _ := v.storedAgain(v.History.Ops); removal != nil {
		return nil, nil
	}
	return revived(v.History.Ops, x)
}

// storedAgain returns a removal of the incarnation that two operations used at the same time, and the first operation in ops that was called
// after it had returned and met the incarnation all the same: an update stored a deleted session again. nil: there is none, or their
// work was measured, as it is under a lock.
func (v *Violation) storedAgain(ops []Op) (removal, met *Op) {
	x, y := v.together()
	if x == nil || x.Hold+y.Hold > 0 || x.MetIncarnation() == 0 {
		return nil, nil
	}
	for i := range ops {
		d := &ops[i]
		if !d.Kind.Removes() || d.Outcome != OK || d.MetIncarnation() != x.MetIncarnation() {
			continue
		}
		for k := range ops {
			op := &ops[k]
			if op.TookPlace() && op.MetIncarnation() == d.MetIncarnation() && d.Precedes(op) && (met == nil || op.Call < met.Call) {
				removal, met = d, op
			}
		}
	}
	return removal, met
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

// OutlivedDeletion returns the deletion during which one of two conflicting operations was under way, and after which it met the
// session's next incarnation; nil for none.
func (v *Violation) OutlivedDeletion() *Op {
	end, _ := v.orphaned()
	return end
}

func micros(ns int64) string { return fmt.Sprintf("%.0f", float64(ns)/1e3) }
