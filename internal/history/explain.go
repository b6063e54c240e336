package history

import (
	"fmt"
	"slices"
)

// This file puts names to what the witness ran into. Whether a history is wrong is decided before; here it is only
// said in words.

func (w *witness) noCreator(b *block) *Finding {
	first := b.ops[0].op
	op := &w.ops[first]
	if creator := w.wouldBegin(op.Incarnation); creator >= 0 && w.ops[creator].Created {
		return &Finding{Anomaly: DoubleCreation, Ops: []int{creator, int(first)}, Why: fmt.Sprintf(
			"%s began life %s of the session and was shown another one (%s) in its place: %s",
			&w.ops[creator], op.Incarnation, w.ops[creator].Incarnation, deed(op))}
	} else if creator >= 0 {
		return &Finding{Anomaly: DoubleCreation, Ops: []int{creator, int(first)}, Why: fmt.Sprintf(
			"%s was told that the session was there already, yet the one that it made (%s) is in use: %s",
			&w.ops[creator], op.Incarnation, deed(op))}
	}
	return &Finding{Anomaly: AdoptedID, Ops: []int{int(first)}, Why: fmt.Sprintf(
		"%s, in a session that nobody had created", deed(op))}
}

// wouldBegin finds the operation that would have begun a life, -1 for none.
func (w *witness) wouldBegin(life Tag) int {
	return slices.IndexFunc(w.ops, func(op Op) bool {
		return op.Kind.Creates() && op.Tag == life && life != 0
	})
}

func (w *witness) sameVersion(b *block, i, j int32) *Finding {
	x, y := &w.ops[i], &w.ops[j]
	if y.Created {
		return &Finding{Anomaly: DoubleCreation, Ops: []int{int(i), int(j)}, Why: fmt.Sprintf(
			"%s and %s were both told that they created this session", x, y)}
	}
	if x.Created { // version 0 is nobody's to make again
		return &Finding{Anomaly: LostUpdate, Ops: []int{int(j)}, Why: fmt.Sprintf(
			"%s, and the session still stands at version 0", deed(y))}
	}
	return &Finding{Anomaly: LostUpdate, Ops: []int{int(i), int(j)}, Why: fmt.Sprintf(
		"%s and %s both made version %d of the session: one of the two changes is lost",
		x, y, y.Version)}
}

func (w *witness) afterTheEnd(b *block, k int) *Finding {
	end := slices.IndexFunc(b.ops, func(p placed) bool { return w.ops[p.op].Kind.Removes() })
	i, j := b.ops[end].op, b.ops[k].op
	x, y := &w.ops[i], &w.ops[j]
	f := &Finding{Ops: []int{int(i), int(j)}}
	switch {
	case y.Kind.Removes():
		f.Anomaly = DoubleDeletion
		f.Why = fmt.Sprintf("%s and %s were both handed the last state of the same session", x, y)
	case y.Kind.Writes() && x.Precedes(y):
		f.Anomaly = Resurrection
		f.Why = fmt.Sprintf("%s, in a session that %s had deleted before", deed(y), x)
	case y.Kind.Writes():
		f.Anomaly = LostUpdate
		f.Why = fmt.Sprintf("%s (version %d), but what %s was handed as the last state of the session is version %d: the change is lost",
			deed(y), y.Version, x, x.Version)
	default:
		f.Anomaly = DeletedRead
		f.Why = fmt.Sprintf("%s at version %d, but the session had ended at version %d", deed(y), y.Version, x.Version)
	}
	return f
}

// missingVersion names the reason why nobody made a version of a life that was seen: b.ops[k] is the first that needs it.
func (w *witness) missingVersion(b *block, version uint64, k int) *Finding {
	p := b.ops[k].op
	op := &w.ops[p]
	if f := w.unaccounted(b, k); f != nil {
		return f
	}
	for _, q := range b.ops[k:] {
		if nested := &w.ops[q.op]; nested.Kind == Nested && nested.Version == op.Version+1 && op.Kind != Nested {
			return &Finding{Anomaly: IntermediateRead, Ops: []int{int(q.op), int(p)}, Why: fmt.Sprintf(
				"%s at version %d: the middle of an update by %s", deed(op), op.Version, nested)}
		}
	}
	f := &Finding{Anomaly: WrongAnswer, Ops: []int{int(p)}, Why: fmt.Sprintf(
		"%s at version %d, but nobody was told that a change made version %d", deed(op), op.Version, version)}
	if i := w.suspect(op, version); i >= 0 {
		f.Anomaly, f.Ops = AbortedRead, append(f.Ops, i)
		f.Why += fmt.Sprintf("; %s was told that it had not been applied", &w.ops[i])
	}
	return f
}

// suspect finds the one change that was to leave no trace and may be what op saw, -1 where there is not exactly one. One whose
// closure made that very version is the one.
func (w *witness) suspect(op *Op, version uint64) int {
	found := -1
	for i := range w.ops {
		x := &w.ops[i]
		if !x.Kind.Writes() || x.Outcome != NotApplied && x.Outcome != RolledBack || op.Precedes(x) {
			continue
		}
		if x.Outcome == NotApplied && x.Parts&PartVersion != 0 && x.Incarnation == op.MetIncarnation() && x.Version == version {
			return i
		}
		if found >= 0 {
			return -1
		}
		found = i
	}
	return found
}

// unaccounted looks for a tag in b, from its k-th operation on, that should not have been seen, or not so often.
func (w *witness) unaccounted(b *block, k int) *Finding {
	writers := writersOf(w.ops)
	for _, p := range b.ops[k:] {
		if f := foreignIn(w.ops, writers, int(p.op)); f != nil {
			return f
		}
		if f := repeated(w.ops, writers, int(p.op)); f != nil {
			return f
		}
	}
	return nil
}

// writersOf finds the operation that wrote each tag.
func writersOf(ops []Op) map[Tag]int {
	m := make(map[Tag]int)
	for i := range ops {
		switch op := &ops[i]; {
		case op.Kind == Nested:
			m[op.Tag], m[op.Tag+1] = i, i
		case op.Kind.Writes():
			m[op.Tag] = i
		}
	}
	return m
}

// foreignIn looks for something that operation i cannot have seen.
func foreignIn(ops []Op, writers map[Tag]int, i int) *Finding {
	for _, t := range ops[i].saw() {
		if f := foreign(ops, writers, i, t); f != nil {
			return f
		}
	}
	return nil
}

// repeated looks for a message that operation i saw twice.
func repeated(ops []Op, writers map[Tag]int, i int) *Finding {
	seen := map[Tag]bool{}
	for _, t := range ops[i].Messages {
		if j, known := writers[t]; known && seen[t] {
			return &Finding{Anomaly: DuplicateWrite, Ops: []int{j, i}, Why: fmt.Sprintf(
				"message %s is there twice, as %s saw: %s was applied more than once", t, UserName(ops[i].User), &ops[j])}
		}
		seen[t] = true
	}
	return nil
}

// foreign looks whether operation i may have seen t at all.
func foreign(ops []Op, writers map[Tag]int, i int, t Tag) *Finding {
	if t == 0 {
		return nil
	}
	op := &ops[i]
	j, known := writers[t]
	if !known {
		return &Finding{Anomaly: GarbageRead, Ops: []int{i}, Why: fmt.Sprintf("%s: nobody wrote %s to this session", deed(op), t)}
	}
	writer := &ops[j]
	switch {
	case writer.Outcome == NotApplied || writer.Outcome == NotFound:
		return &Finding{Anomaly: AbortedRead, Ops: []int{j, i}, Why: fmt.Sprintf(
			"%s, and saw %s, which %s was told had not been applied", deed(op), t, writer)}
	case writer.Outcome == RolledBack:
		return &Finding{Anomaly: AbortedRead, Ops: []int{j, i}, Why: fmt.Sprintf(
			"%s, and saw %s, a change that failed and was to leave no trace", deed(op), t)}
	case op.Parts&writer.Parts&PartIncarnation != 0 && op.Incarnation != writer.Incarnation:
		return &Finding{Anomaly: LeftoverData, Ops: []int{j, i}, Why: fmt.Sprintf(
			"%s, in life %s, and saw %s, which was written to life %s", deed(op), op.Incarnation, t, writer.Incarnation)}
	case op.Return < writer.Call:
		return &Finding{Anomaly: FutureRead, Ops: []int{i, j}, Why: fmt.Sprintf(
			"%s, and saw %s before %s had asked for it", deed(op), t, writer)}
	}
	return nil
}

// explainOrder names why i cannot come after late, which was called after i had returned, although the answers say so.
func explainOrder(ops []Op, before []int32, late, i int32) *Finding {
	x, y := &ops[late], &ops[i] // y returned before x was called, but x's answer puts it before y
	f := &Finding{Ops: []int{int(i), int(late)}}
	switch sameLife := x.MetIncarnation() == y.MetIncarnation(); {
	case x.Outcome == NotFound || y.Outcome == NotFound:
		return explainAbsence(ops, late, i)
	case !sameLife && x.Created, !sameLife && y.Created:
		f.Anomaly = DoubleCreation
		f.Why = fmt.Sprintf("two lives of the session, %s and %s, were there at once: neither was deleted before the other began", x.MetIncarnation(), y.MetIncarnation())
		f.Ops = append(f.Ops, creators(ops, x.MetIncarnation(), y.MetIncarnation())...)
	case !sameLife && x.Kind.Writes():
		f.Anomaly = Resurrection
		f.Why = fmt.Sprintf("%s, in a life of the session (%s) that had ended before: %s had met the next one (%s)", deed(x), x.MetIncarnation(), y, y.MetIncarnation())
	case !sameLife:
		f.Anomaly = DeletedRead
		f.Why = fmt.Sprintf("%s, in a life of the session (%s) that had ended before: %s had met the next one (%s)", deed(x), x.MetIncarnation(), y, y.MetIncarnation())
	case y.Kind.Removes() && x.Kind.Writes():
		f.Anomaly = Resurrection
		f.Why = fmt.Sprintf("%s, in a session whose deletion had been confirmed to %s before", deed(x), UserName(y.User))
	case y.Kind.Removes():
		f.Anomaly = DeletedRead
		f.Why = fmt.Sprintf("%s, in a session whose deletion had been confirmed to %s before", deed(x), UserName(y.User))
	case x.Kind.Writes() && y.Kind.Writes():
		f.Anomaly = WriteReordering
		f.Why = fmt.Sprintf("%s as version %d, after %s had been told that %s made version %d", deed(x), x.Version, UserName(y.User), y.Tag, y.Version)
	case x.Created || x.Kind.Writes():
		f.Anomaly = FutureRead
		f.Why = fmt.Sprintf("%s at version %d, before %s had asked for the change that made version %d", deed(y), y.Version, x, x.Version)
	default:
		f.Anomaly = StaleRead
		f.Why = fmt.Sprintf("%s at version %d, but %s had been told of version %d before that read began", deed(x), x.Version, UserName(y.User), y.Version)
	}
	return f
}

func creators(ops []Op, lives ...Tag) (found []int) {
	for i := range ops {
		if ops[i].Created && slices.Contains(lives, ops[i].MetIncarnation()) {
			found = append(found, i)
		}
	}
	return found
}

// explainAbsence names why somebody who found nothing cannot have: a life fills all the time of its call.
func explainAbsence(ops []Op, late, i int32) *Finding {
	absent, other := i, late
	if ops[absent].Outcome != NotFound {
		absent, other = late, i
	}
	a := &ops[absent]
	// The one who met the session before, and the one who met it after.
	before, after := -1, -1
	for k := range ops {
		op := &ops[k]
		if !op.TookPlace() {
			continue
		}
		if op.Precedes(a) && (before < 0 || ops[before].Return < op.Return) {
			before = k
		}
		if a.Precedes(op) && (after < 0 || op.Call < ops[after].Call) && (before < 0 || ops[before].Incarnation == op.Incarnation) {
			after = k
		}
	}
	f := &Finding{Anomaly: LostSession, Ops: []int{int(absent)}}
	if before >= 0 {
		f.Ops = append(f.Ops, before)
	}
	if after >= 0 && after != before {
		f.Ops = append(f.Ops, after)
	}
	if before < 0 && after < 0 {
		f.Ops = append(f.Ops, int(other))
	}
	f.Why = fmt.Sprintf("%s was told that there is no such session, while it was there", a)
	return f
}

// explainAnswer names why the k-th operation of order cannot have had its answer in state s.
func explainAnswer(ops []Op, order []int32, k int, s *state, m mismatch) *Finding {
	i := int(order[k])
	op := &ops[i]
	f := &Finding{Ops: []int{i}}
	switch m {
	case wasThere:
		if op.Outcome == NotFound {
			return explainAbsence(ops, order[max(0, k-1)], order[k])
		}
		f.Ops = append(f.Ops, creators(ops, s.life)...)
		if first := &ops[f.Ops[len(f.Ops)-1]]; first.Precedes(op) {
			f.Anomaly = LostSession
			f.Why = fmt.Sprintf("%s began life %s of the session, but nobody had removed the life before it, %s", op, op.Tag, s.life)
		} else {
			f.Anomaly = DoubleCreation
			f.Why = fmt.Sprintf("%s and %s were both told that they created the session", first, op)
		}
		return f
	case wasAbsent:
		f.Anomaly, f.Why = AdoptedID, fmt.Sprintf("%s, when there was no session", deed(op))
		if past := slices.IndexFunc(order[:k], func(j int32) bool { return ops[j].Kind.Removes() && ops[j].Outcome == OK }); past >= 0 {
			f.Anomaly = DeletedRead
			if op.Kind.Writes() {
				f.Anomaly = Resurrection
			}
			f.Ops = append(f.Ops, int(order[past]))
		}
		return f
	}
	writers := writersOf(ops)
	if found := foreignIn(ops, writers, i); found != nil {
		return found
	}
	if found := contradictsItself(ops, writers, i); found != nil {
		return found
	}
	if op.Parts&PartMessages != 0 && op.Kind.Reads() && (m == otherMessages || m == otherSeq) {
		if found := newestMissing(ops, writers, i, s.messages()); found != nil {
			return found
		}
	}
	if op.Parts&PartMessages != 0 && m == otherMessages {
		return explainMessages(ops, writers, i, s)
	}
	applied := *s
	if op.Outcome != RolledBack {
		applied.apply(op)
	}
	switch m {
	case otherLife:
		f.Anomaly = WrongAnswer
		f.Why = fmt.Sprintf("%s, and met life %s of the session where life %s was due", deed(op), op.Incarnation, s.life)
	case otherFields:
		f.Anomaly = StaleRead
		f.Why = fmt.Sprintf("%s: %s where %s was due", deed(op), op.Fields[0], s.fields)
		if op.Parts&PartVersion != 0 {
			f.Anomaly = FracturedRead
			f.Why = fmt.Sprintf("%s: the version that it was told goes with %s, and the fields that it was shown are %s",
				deed(op), s.fields, op.Fields[0])
		}
		for _, t := range []Tag{s.fields, op.Fields[0]} {
			if j, known := writers[t]; known {
				f.Ops = append(f.Ops, j)
			}
		}
	case otherSeq:
		f.Anomaly = WrongAnswer
		f.Why = fmt.Sprintf("%s as message %d, where %d was due", deed(op), op.Seq, applied.seq)
		if !op.Kind.Writes() {
			f.Anomaly = FracturedRead
			f.Why = fmt.Sprintf("%s: the version that it was told goes with %d messages, and it was shown %d",
				deed(op), applied.seq, op.Seq)
			if j := slices.IndexFunc(ops, func(o Op) bool { return o.Kind.Writes() && o.Incarnation == op.Incarnation && o.Seq == op.Seq }); j >= 0 {
				f.Ops = append(f.Ops, j)
			}
		} else if op.Seq < applied.seq {
			f.Anomaly = LostUpdate
		}
	case otherVersion:
		f.Anomaly = WrongAnswer
		f.Why = fmt.Sprintf("%s: version %d with %d messages where version %d with %d was due", deed(op), op.Version, op.Seq, applied.version, applied.seq)
		if op.Kind.Writes() && op.Version < applied.version {
			f.Anomaly = LostUpdate
		}
	}
	return f
}

// contradictsItself looks for an answer that no session could give, whatever happened to it before.
func contradictsItself(ops []Op, writers map[Tag]int, i int) *Finding {
	op := &ops[i]
	f := &Finding{Ops: []int{i}}
	if op.Parts&PartFields != 0 && op.Fields[0] != op.Fields[1] {
		f.Anomaly = FracturedRead
		f.Why = fmt.Sprintf("%s: two fields that are always written together hold %s and %s", deed(op), op.Fields[0], op.Fields[1])
		for _, t := range op.Fields {
			if j, known := writers[t]; known {
				f.Ops = append(f.Ops, j)
			}
		}
		return f
	}
	if f := repeated(ops, writers, i); f != nil {
		return f
	}
	if len(op.Messages) > keeps {
		f.Anomaly = UnboundedHistory
		f.Why = fmt.Sprintf("%s: %d messages, but a session keeps the newest %d", deed(op), len(op.Messages), keeps)
		return f
	}
	return nil
}

// newestMissing looks whether i read the messages that were due but for the newest ones. Whether these are lost or only this
// answer is without them, a read that shows them tells.
func newestMissing(ops []Op, writers map[Tag]int, i int, due []Tag) *Finding {
	op := &ops[i]
	if len(due) == 0 || op.Parts&PartVersion == 0 {
		return nil
	}
	missing := len(due)
	if n := len(op.Messages); n > 0 {
		at := slices.Index(due, op.Messages[n-1])
		if at < 0 || at == len(due)-1 {
			return nil
		}
		missing = len(due) - 1 - at
		older := n - (at + 1) // that newer ones had pushed out
		if older < 0 || older > missing || older > 0 && len(due) < keeps || !slices.Equal(due[:at+1], op.Messages[older:]) {
			return nil
		}
	}
	newest := due[len(due)-1]
	f := &Finding{Anomaly: LostUpdate, Ops: []int{i}, Why: fmt.Sprintf(
		"%s at version %d without its newest message, %s", deed(op), op.Version, newest)}
	if missing > 1 {
		f.Why = fmt.Sprintf("%s at version %d without its newest %d messages, %s to %s", deed(op), op.Version, missing, due[len(due)-missing], newest)
	}
	if j, known := writers[newest]; known {
		f.Ops = append(f.Ops, j)
	}
	if slices.ContainsFunc(ops, func(o Op) bool { return slices.Contains(o.Messages, newest) }) {
		f.Anomaly = StaleRead
	}
	return f
}

// explainMessages names why i cannot have read these messages in state s.
func explainMessages(ops []Op, writers map[Tag]int, i int, s *state) *Finding {
	op := &ops[i]
	due := s.messages()
	f := &Finding{Ops: []int{i}}
	for _, t := range slices.Backward(op.Messages) {
		if j, known := writers[t]; known && !slices.Contains(due, t) && op.Parts&PartVersion != 0 {
			f.Anomaly = FracturedRead
			f.Why = fmt.Sprintf("%s: message %s does not go with the version that it was told", deed(op), t)
			f.Ops = append(f.Ops, j)
			return f
		}
	}
	for _, t := range slices.Backward(due) {
		if slices.Contains(op.Messages, t) {
			continue
		}
		f.Anomaly = LostUpdate
		f.Why = fmt.Sprintf("%s, without message %s, which had been confirmed to %s", deed(op), t, UserName(t.User()))
		f.Ops = append(f.Ops, writers[t])
		return f
	}
	f.Anomaly = WriteReordering
	f.Why = fmt.Sprintf("%s: messages %v where %v were due", deed(op), op.Messages, due)
	return f
}

// String returns an operation by its user and kind: "A's append of A7".
func (op *Op) String() string {
	name := UserName(op.User)
	switch op.Kind {
	case Nested:
		return fmt.Sprintf("%s's double append of %s", name, op.Tag)
	case Append, Update:
		return fmt.Sprintf("%s's %s of %s", name, op.Kind, op.Tag)
	default:
		return fmt.Sprintf("%s's %s", name, op.Kind)
	}
}

// deed is an operation as the beginning of a sentence: "B added message B7".
func deed(op *Op) string {
	name := UserName(op.User)
	switch op.Kind {
	case Append:
		return fmt.Sprintf("%s added message %s", name, op.Tag)
	case Nested:
		return fmt.Sprintf("%s added messages %s and %s in one update", name, op.Tag, op.Tag+1)
	case Update:
		return fmt.Sprintf("%s set the fields to %s", name, op.Tag)
	case ReadMessages:
		return name + " read the history"
	case ReadFields:
		return name + " read the fields"
	case Delete:
		return name + " deleted the session"
	case Sweep:
		return name + "'s sweep removed the session"
	case SweepRead:
		return name + "'s sweep looked at the session"
	case Create:
		return name + " created the session"
	default:
		if op.Created {
			return name + " created the session"
		}
		return name + " found the session"
	}
}
