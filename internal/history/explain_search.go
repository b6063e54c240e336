package history

import (
	"fmt"
	"slices"
)

// explainSearch names what is wrong with a history in which a search found no linearization, as far as that shows without
// versions.
func explainSearch(ops []Op) *Finding {
	writers := writersOf(ops)
	for i := range ops {
		if f := foreignIn(ops, writers, i); f != nil {
			return f
		}
		if f := contradictsItself(ops, writers, i); f != nil {
			return f
		}
	}
	for _, look := range []func([]Op, int) *Finding{sameNumber, missedMessage, twiceBegun, neverBegun, afterRemoval, twiceRemoved, notThere} {
		for i := range ops {
			if f := look(ops, i); f != nil {
				return f
			}
		}
	}
	return lastStraw(ops)
}

// lastStraw is for a shortest prefix that fails: without its last answer there was an order for the others.
func lastStraw(ops []Op) *Finding {
	f := &Finding{Anomaly: WrongAnswer, Why: "no order of these operations explains all their answers"}
	last := -1
	for i := range ops {
		if ops[i].Return != Never && (last < 0 || ops[i].Return > ops[last].Return) {
			last = i
		}
	}
	if last >= 0 {
		f.Ops = []int{last}
		f.Why = fmt.Sprintf("%s; without that answer there is an order of these operations that explains all others, with it there is none",
			describe(&ops[last]))
	}
	return f
}

// amid reports whether there is an operation that which chooses and that may have taken effect between x and y, in either order.
func amid(ops []Op, x, y *Op, which func(*Op) bool) bool {
	from, to := min(x.Call, y.Call), max(x.Return, y.Return)
	return slices.ContainsFunc(ops, func(op Op) bool {
		return which(&op) && op.Return >= from && op.Call <= to
	})
}

func mayRemove(op *Op) bool {
	return op.Kind.Removes() && (op.Outcome == OK || op.Outcome == Indeterminate)
}

func mayBegin(op *Op) bool { return op.Kind.Creates() && (op.Created || op.Outcome == Indeterminate) }

// sameNumber looks for another message with the number that i's was given, in the same life.
func sameNumber(ops []Op, i int) *Finding {
	x := &ops[i]
	if x.Kind != Append || x.Outcome != OK || x.Parts&PartSeq == 0 {
		return nil
	}
	for j := range ops[:i] {
		y := &ops[j]
		if y.Kind != Append || y.Outcome != OK || y.Parts&PartSeq == 0 || y.Seq != x.Seq {
			continue
		}
		if x.Parts&y.Parts&PartIncarnation != 0 && x.Incarnation != y.Incarnation || x.Parts&y.Parts&PartIncarnation == 0 && amid(ops, x, y, mayRemove) {
			continue
		}
		return &Finding{Anomaly: LostUpdate, Ops: []int{j, i}, Why: fmt.Sprintf(
			"%s and %s were both saved as message %d of the session: one of the two is lost",
			y, x, x.Seq)}
	}
	return nil
}

// missedMessage looks for a message that i should have read: it was confirmed before, and nothing can have removed it.
func missedMessage(ops []Op, i int) *Finding {
	op := &ops[i]
	if op.Parts&PartMessages == 0 || len(op.Messages) == keeps {
		return nil
	}
	for j := range ops {
		w := &ops[j]
		if w.Kind != Append || w.Outcome != OK || !w.Precedes(op) || slices.Contains(op.Messages, w.Tag) || amid(ops, w, op, mayRemove) {
			continue
		}
		f := &Finding{Anomaly: LostUpdate, Ops: []int{j, i}, Why: fmt.Sprintf(
			"%s, without message %s, which had been confirmed to %s", deed(op), w.Tag, UserName(w.User))}
		if slices.ContainsFunc(ops, func(o Op) bool { return op.Precedes(&o) && slices.Contains(o.Messages, w.Tag) }) {
			f.Anomaly = StaleRead
		}
		return f
	}
	return nil
}

// twiceBegun looks for another creation beside i's with no removal that can have been between.
func twiceBegun(ops []Op, i int) *Finding {
	x := &ops[i]
	for j := range ops[:i] {
		if y := &ops[j]; x.Created && y.Created && !amid(ops, x, y, mayRemove) {
			return &Finding{Anomaly: DoubleCreation, Ops: []int{j, i}, Why: fmt.Sprintf(
				"%s and %s were both told that they created the session, and nobody had deleted it between", y, x)}
		}
	}
	return nil
}

// neverBegun looks whether i met a session that nobody can have created.
func neverBegun(ops []Op, i int) *Finding {
	x := &ops[i]
	if x.Created || !x.TookPlace() || slices.ContainsFunc(ops, func(op Op) bool { return mayBegin(&op) && !x.Precedes(&op) }) {
		return nil
	}
	return &Finding{Anomaly: AdoptedID, Ops: []int{i}, Why: fmt.Sprintf("%s, when nobody had created a session", deed(x))}
}

// afterRemoval looks whether i met a session that had been removed, and that nobody can have made again.
func afterRemoval(ops []Op, i int) *Finding {
	x := &ops[i]
	if x.Created || !x.TookPlace() {
		return nil
	}
	for j := range ops {
		r := &ops[j]
		if !r.Kind.Removes() || r.Outcome != OK || !r.Precedes(x) || amid(ops, r, x, mayBegin) {
			continue
		}
		f := &Finding{Anomaly: DeletedRead, Ops: []int{j, i}, Why: fmt.Sprintf(
			"%s, which had been deleted: that was confirmed to %s before, and nobody made it again", deed(x), UserName(r.User))}
		switch {
		case x.Kind.Removes():
			f.Anomaly = DoubleDeletion
		case x.Kind.Writes():
			f.Anomaly = Resurrection
		}
		return f
	}
	return nil
}

// twiceRemoved looks for another removal at the same time as i's, with no creation that can have been between.
func twiceRemoved(ops []Op, i int) *Finding {
	x := &ops[i]
	if !x.Kind.Removes() || x.Outcome != OK {
		return nil
	}
	for j := range ops[:i] {
		if y := &ops[j]; y.Kind.Removes() && y.Outcome == OK && !amid(ops, x, y, mayBegin) {
			return &Finding{Anomaly: DoubleDeletion, Ops: []int{j, i}, Why: fmt.Sprintf(
				"%s and %s were both told that they deleted the session, and nobody had made it again between", y, x)}
		}
	}
	return nil
}

// notThere looks whether i was told that there is no session although somebody had created it, and nobody can have removed it.
func notThere(ops []Op, i int) *Finding {
	x := &ops[i]
	if x.Outcome != NotFound {
		return nil
	}
	for j := range ops {
		if c := &ops[j]; c.TookPlace() && !c.Kind.Removes() && c.Precedes(x) && !amid(ops, c, x, mayRemove) {
			return &Finding{Anomaly: LostSession, Ops: []int{j, i}, Why: fmt.Sprintf(
				"%s was told that there is no such session, while it was there: %s, and nobody had deleted it since", x, deed(c))}
		}
	}
	return nil
}
