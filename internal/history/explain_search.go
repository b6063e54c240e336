package history

import "slices"

// explainSearch names the violation in a history in which a search found no linearization, as far as that shows
// without versions.
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
	for _, look := range []func([]Op, int) *Finding{
		sameNumber, missedMessage, missedField, tooFew, twiceCreated, neverCreated, afterRemoval, twiceRemoved, notFound,
	} {
		for i := range ops {
			if f := look(ops, i); f != nil {
				return f
			}
		}
	}
	return lastResult(ops)
}

// lastResult is for a shortest failing prefix: without its last result the other operations have an order.
func lastResult(ops []Op) *Finding {
	last := -1
	for i := range ops {
		if ops[i].Return != Never && (last < 0 || ops[i].Return > ops[last].Return) {
			last = i
		}
	}
	if last < 0 {
		return newFinding(WrongAnswer, nil, "no order of these operations explains all of their results")
	}
	return newFinding(WrongAnswer, []int{last},
		"%s; without this result the other operations have a valid order, with it there is none", describe(&ops[last]))
}

// between reports whether an operation that which selects may have taken effect between x and y, in either order.
func between(ops []Op, x, y *Op, which func(*Op) bool) bool {
	from, to := min(x.Call, y.Call), max(x.Return, y.Return)
	return slices.ContainsFunc(ops, func(op Op) bool {
		return which(&op) && op.Return >= from && op.Call <= to
	})
}

func mayRemove(op *Op) bool {
	return op.Kind.Removes() && (op.Outcome == OK || op.Outcome == Indeterminate)
}

func mayCreate(op *Op) bool { return op.Kind.Creates() && (op.Created || op.Outcome == Indeterminate) }

// sameNumber looks for another message with the number that operation i returned, in the same incarnation.
func sameNumber(ops []Op, i int) *Finding {
	numbered := func(op *Op) bool { return op.Kind == Append && op.Outcome == OK && op.Parts&PartSeq != 0 }
	x := &ops[i]
	if !numbered(x) {
		return nil
	}
	for j := range ops[:i] {
		y := &ops[j]
		if !numbered(y) || y.Seq != x.Seq {
			continue
		}
		if x.Parts&y.Parts&PartIncarnation != 0 {
			if x.Incarnation != y.Incarnation {
				continue
			}
		} else if apart(ops, x, y) {
			continue
		}
		return newFinding(LostUpdate, []int{j, i}, "%s and %s both wrote message %d of the session: "+
			"one of the two messages is lost, although both calls returned success", y, x, x.Seq)
	}
	return nil
}

// apart reports whether a removal may have taken effect between two numbered appends: that is, before one of them and after the other.
// An append is after a removal that had returned before its call. It is also after the only removal during it, if a greater number
// had been returned before: numbers begin again with the next session.
func apart(ops []Op, x, y *Op) bool {
	from, to := min(x.Call, y.Call), max(x.Return, y.Return)
	for k := range ops {
		removal := &ops[k]
		if !mayRemove(removal) || removal.Return < from || removal.Call > to {
			continue
		}
		others := slices.Delete(slices.Clone(ops), k, k+1)
		after := func(a *Op) bool {
			return removal.Precedes(a) || slices.ContainsFunc(ops, func(w Op) bool {
				return w.Kind == Append && w.Outcome == OK && w.Parts&PartSeq != 0 && w.Seq >= a.Seq && w.Precedes(a) && !between(others, &w, a, mayRemove)
			})
		}
		if !after(x) || !after(y) {
			return true
		}
	}
	return false
}

// missedMessage looks for a message that operation i should have read: its append had returned before, or another read had shown it
// before; nothing can have removed it, and newer messages have not taken its place.
func missedMessage(ops []Op, i int) *Finding {
	op := &ops[i]
	if op.Parts&PartMessages == 0 {
		return nil
	}
	shows := func(r *Op, t Tag) bool { return r.Parts&PartMessages != 0 && slices.Contains(r.Messages, t) }
	for j := range ops {
		w := &ops[j]
		if w.Kind != Append || shows(op, w.Tag) || len(op.Messages) == keeps && !showsOlder(ops, op, w) {
			continue
		}
		var f *Finding
		if w.Outcome == OK && w.Precedes(op) && !between(ops, w, op, mayRemove) {
			f = newFinding(LostUpdate, []int{j, i}, "%s without message %s, whose append had returned success", op.action(), w.Tag)
		} else if k := slices.IndexFunc(ops, func(r Op) bool {
			return shows(&r, w.Tag) && r.Precedes(op) && !between(ops, &r, op, mayRemove)
		}); k >= 0 {
			f = newFinding(LostUpdate, []int{j, k, i}, "%s without message %s, which %s had shown before", op.action(), w.Tag, &ops[k])
		} else {
			continue
		}
		if slices.ContainsFunc(ops, func(o Op) bool { return op.Precedes(&o) && shows(&o, w.Tag) }) {
			f.Anomaly = StaleRead
		}
		return f
	}
	return nil
}

// showsOlder reports whether op shows a message whose append had returned before that of w was called: then it must show w's, too.
func showsOlder(ops []Op, op, w *Op) bool {
	return slices.ContainsFunc(ops, func(older Op) bool {
		return older.Kind == Append && older.Precedes(w) && slices.Contains(op.Messages, older.Tag)
	})
}

// missedField looks for an update that operation i should have read: it had returned before, nothing can have removed the session since
// then, and the value that was read is older.
func missedField(ops []Op, i int) *Finding {
	op := &ops[i]
	if op.Parts&PartFields == 0 {
		return nil
	}
	value := op.Fields[0]
	older := func(w *Op) bool {
		return value == 0 || slices.ContainsFunc(ops, func(v Op) bool { return slices.Contains(v.written(), value) && v.Precedes(w) })
	}
	for j := range ops {
		w := &ops[j]
		if w.Kind != Update || w.Outcome != OK || w.Tag == value || !w.Precedes(op) || !older(w) || between(ops, w, op, mayRemove) {
			continue
		}
		f := newFinding(LostUpdate, []int{j, i}, "%s with the value %s, although %s had returned success and was called after that value was written",
			op.action(), value, w)
		if value == 0 {
			f.Why = op.action() + " without a value, although " + w.String() + " had returned success"
		}
		if slices.ContainsFunc(ops, func(o Op) bool {
			return op.Precedes(&o) && o.Parts&PartFields != 0 && slices.Contains(o.Fields[:], w.Tag)
		}) {
			f.Anomaly = StaleRead
		}
		return f
	}
	return nil
}

// tooFew looks whether the number of messages that operation i returned is smaller than that of the messages before it: those whose append
// had returned success before, while nothing can have removed the session.
func tooFew(ops []Op, i int) *Finding {
	x := &ops[i]
	if x.Parts&PartSeq == 0 || x.Outcome != OK || x.Kind != Append {
		return nil
	}
	var before []int
	for j := range ops {
		if w := &ops[j]; w.Kind == Append && w.Outcome == OK && w.Precedes(x) && !between(ops, w, x, mayRemove) {
			before = append(before, j)
		}
	}
	if x.Seq > uint64(len(before)) {
		return nil
	}
	return newFinding(LostUpdate, append(before, i), "%s as number %d of the session, although %d appends had returned success before and "+
		"nothing had deleted it: messages are lost", x.action(), x.Seq, len(before))
}

// twiceCreated looks for a second creation with no removal that can have been in between.
func twiceCreated(ops []Op, i int) *Finding {
	x := &ops[i]
	for j := range ops[:i] {
		if y := &ops[j]; x.Created && y.Created && !between(ops, x, y, mayRemove) {
			return newFinding(DoubleCreation, []int{j, i}, "%s and %s both returned that they created the session, "+
				"and no operation deleted it in between", y, x)
		}
	}
	return nil
}

// neverCreated looks whether operation i met a session that no operation can have created.
func neverCreated(ops []Op, i int) *Finding {
	x := &ops[i]
	created := func(op Op) bool { return mayCreate(&op) && !x.Precedes(&op) }
	if x.Created || !x.TookPlace() || slices.ContainsFunc(ops, created) {
		return nil
	}
	return newFinding(AdoptedID, []int{i}, "%s in a session that no operation created", x.action())
}

// afterRemoval looks whether operation i met a session that had been removed and cannot have been created again.
func afterRemoval(ops []Op, i int) *Finding {
	x := &ops[i]
	if x.Created || !x.TookPlace() {
		return nil
	}
	for j := range ops {
		r := &ops[j]
		if !r.Kind.Removes() || r.Outcome != OK || !r.Precedes(x) || between(ops, r, x, mayCreate) {
			continue
		}
		f := newFinding(DeletedRead, []int{j, i}, "%s, which %s had already deleted and no operation created again",
			x.action(), r)
		switch {
		case x.Kind.Removes():
			f.Anomaly = DoubleDeletion
		case x.Kind.Writes():
			f.Anomaly = Resurrection
			f.Why = x.action() + " in a session that " + r.String() + " had already deleted and no operation created again"
		}
		return f
	}
	return nil
}

// twiceRemoved looks for a second removal with no creation that can have been in between.
func twiceRemoved(ops []Op, i int) *Finding {
	x := &ops[i]
	if !x.Kind.Removes() || x.Outcome != OK {
		return nil
	}
	for j := range ops[:i] {
		if y := &ops[j]; y.Kind.Removes() && y.Outcome == OK && !between(ops, x, y, mayCreate) {
			return newFinding(DoubleDeletion, []int{j, i}, "%s and %s both returned that they deleted the session, "+
				"and no operation created it again in between", y, x)
		}
	}
	return nil
}

// notFound looks whether operation i found no session although one existed and cannot have been removed.
func notFound(ops []Op, i int) *Finding {
	x := &ops[i]
	if x.Outcome != NotFound {
		return nil
	}
	for j := range ops {
		c := &ops[j]
		if c.TookPlace() && !c.Kind.Removes() && c.Precedes(x) && !between(ops, c, x, mayRemove) {
			return newFinding(LostSession, []int{j, i}, "%s found no session, while it existed: "+
				"%s, and no operation deleted it afterwards", x, c.action())
		}
	}
	return nil
}
