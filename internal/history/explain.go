package history

import (
	"fmt"
	"slices"
)

// This file names the violation that the witness found: the anomaly, the operations that contradict each
// other, and a sentence. It runs after the witness has refuted the history and never changes that decision.

func newFinding(a Anomaly, ops []int, format string, args ...any) *Finding {
	return &Finding{Anomaly: a, Ops: ops, Why: fmt.Sprintf(format, args...)}
}

func (w *witness) noCreator(b *block) *Finding {
	first := int(b.ops[0].op)
	op := &w.ops[first]
	i := slices.IndexFunc(w.ops, func(c Op) bool {
		return c.Kind.Creates() && c.Tag == op.Incarnation && op.Incarnation != 0
	})
	if i < 0 {
		return newFinding(AdoptedID, []int{first}, "%s in a session that no operation created", op.action())
	}
	creator := &w.ops[i]
	if creator.Created {
		return newFinding(DoubleCreation, []int{i, first},
			"%s created incarnation %s but returned %s in its place: %s in %s",
			creator, op.Incarnation, creator.Incarnation, op.action(), op.Incarnation)
	}
	return newFinding(DoubleCreation, []int{i, first},
		"%s returned that the session already existed, yet %s in the incarnation that it would have created (%s)",
		creator, op.action(), op.Incarnation)
}

func (w *witness) sameVersion(i, j int32) *Finding {
	x, y := &w.ops[i], &w.ops[j]
	ops := []int{int(i), int(j)}
	switch {
	case y.Created:
		return newFinding(DoubleCreation, ops, "%s and %s both returned that they created this session", x, y)
	case x.Created: // version 0 is the creation's
		return newFinding(LostUpdate, ops[1:], "%s, and the session is still at version 0", y.action())
	case x.Outcome != OK || y.Outcome != OK:
		return newFinding(LostUpdate, ops, "%s and %s both wrote version %d: one of the two changes is lost",
			x, y, y.Version)
	}
	what := "changes"
	if x.Kind == Append && y.Kind == Append {
		what = "messages"
	}
	return newFinding(LostUpdate, ops,
		"%s and %s both wrote version %d: one of the two %s is lost, although both calls returned success",
		x, y, y.Version, what)
}

func (w *witness) afterTheEnd(b *block, k int) *Finding {
	end := slices.IndexFunc(b.ops, func(p placed) bool { return w.ops[p.op].Kind.Removes() })
	i, j := int(b.ops[end].op), int(b.ops[k].op)
	x, y := &w.ops[i], &w.ops[j]
	ops := []int{i, j}
	switch {
	case y.Kind.Removes():
		return newFinding(DoubleDeletion, ops, "%s and %s both returned the last state of one incarnation", x, y)
	case y.Kind.Writes() && x.Precedes(y):
		return newFinding(Resurrection, ops, "%s in a session that %s had already deleted", y.action(), x)
	case y.Kind.Writes():
		return newFinding(LostUpdate, ops,
			"%s (version %d), but %s returned version %d as the session's last state: the change is lost",
			y.action(), y.Version, x, x.Version)
	}
	return newFinding(DeletedRead, ops, "%s at version %d, but the session was deleted at version %d",
		y.action(), y.Version, x.Version)
}

// missingVersion explains why no operation wrote a version that b.ops[k] is the first to need.
func (w *witness) missingVersion(b *block, version uint64, k int) *Finding {
	i := int(b.ops[k].op)
	op := &w.ops[i]
	writers := writersOf(w.ops)
	for _, p := range b.ops[k:] {
		if f := foreignIn(w.ops, writers, int(p.op)); f != nil {
			return f
		}
		if f := repeated(w.ops, writers, int(p.op)); f != nil {
			return f
		}
	}
	for _, p := range b.ops[k:] {
		nested := &w.ops[p.op]
		if nested.Kind == Nested && nested.Version == op.Version+1 && op.Kind != Nested {
			return newFinding(IntermediateRead, []int{int(p.op), i}, "%s at version %d, in the middle of %s",
				op.action(), op.Version, nested)
		}
	}
	f := newFinding(WrongAnswer, []int{i}, "%s at version %d, but no change returned version %d",
		op.action(), op.Version, version)
	if i := w.unapplied(op, version); i >= 0 {
		f.Anomaly, f.Ops = AbortedRead, append(f.Ops, i)
		f.Why += fmt.Sprintf("; %s was reported as not applied", &w.ops[i])
	}
	return f
}

// unapplied returns the only change that was reported as not applied or rolled back and that op may have seen
// all the same, -1 if there is not exactly one. One whose closure wrote that very version is preferred.
func (w *witness) unapplied(op *Op, version uint64) int {
	found := -1
	for i := range w.ops {
		x := &w.ops[i]
		if !x.Kind.Writes() || x.Outcome != NotApplied && x.Outcome != RolledBack || op.Precedes(x) {
			continue
		}
		if x.Outcome == NotApplied && x.Parts&PartVersion != 0 &&
			x.Incarnation == op.MetIncarnation() && x.Version == version {
			return i
		}
		if found >= 0 {
			return -1
		}
		found = i
	}
	return found
}

// writersOf maps each tag to the operation that wrote it.
func writersOf(ops []Op) map[Tag]int {
	m := make(map[Tag]int)
	for i := range ops {
		for _, t := range ops[i].written() {
			m[t] = i
		}
	}
	return m
}

// foreignIn looks for a tag that operation i cannot have seen.
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
	for _, t := range ops[i].messages() {
		if j, known := writers[t]; known && seen[t] {
			return newFinding(DuplicateWrite, []int{j, i}, "%s with message %s twice: %s was applied more than once",
				ops[i].action(), t, &ops[j])
		}
		seen[t] = true
	}
	return nil
}

// foreign explains why operation i cannot have seen t, nil if it can.
func foreign(ops []Op, writers map[Tag]int, i int, t Tag) *Finding {
	if t == 0 {
		return nil
	}
	op := &ops[i]
	j, known := writers[t]
	if !known {
		return newFinding(GarbageRead, []int{i}, "%s: no operation wrote %s to this session", op.action(), t)
	}
	writer := &ops[j]
	switch {
	case writer.Outcome == NotApplied || writer.Outcome == NotFound:
		return newFinding(AbortedRead, []int{j, i}, "%s and saw %s, although %s was reported as not applied",
			op.action(), t, writer)
	case writer.Outcome == RolledBack:
		return newFinding(AbortedRead, []int{j, i}, "%s and saw %s, a change that failed and was rolled back",
			op.action(), t)
	case op.Parts&writer.Parts&PartIncarnation != 0 && op.Incarnation != writer.Incarnation:
		return newFinding(LeftoverData, []int{j, i},
			"%s in incarnation %s and saw %s, which was written to incarnation %s",
			op.action(), op.Incarnation, t, writer.Incarnation)
	case op.Return < writer.Call:
		return newFinding(FutureRead, []int{i, j}, "%s and saw %s before %s was called", op.action(), t, writer)
	}
	return nil
}

// explainOrder explains why operation i, which returned before operation late was called, cannot come after it,
// as their results require.
func explainOrder(ops []Op, late, i int32) *Finding {
	x, y := &ops[late], &ops[i]
	at := []int{int(i), int(late)}
	sameIncarnation := x.MetIncarnation() == y.MetIncarnation()
	deleted := DeletedRead
	if x.Kind.Writes() {
		deleted = Resurrection
	}
	switch {
	case x.Outcome == NotFound || y.Outcome == NotFound:
		return explainAbsence(ops, late, i)
	case !sameIncarnation && (x.Created || y.Created):
		at = append(at, creators(ops, x.MetIncarnation(), y.MetIncarnation())...)
		return newFinding(DoubleCreation, at, "two incarnations of the session, %s and %s, existed at once: "+
			"neither was deleted before the other was created", x.MetIncarnation(), y.MetIncarnation())
	case !sameIncarnation:
		return newFinding(deleted, at, "%s in incarnation %s, which had already ended: %s was in the next one, %s",
			x.action(), x.MetIncarnation(), y, y.MetIncarnation())
	case y.Kind.Removes():
		return newFinding(deleted, at, "%s in a session that %s had already deleted", x.action(), y)
	case x.Kind.Writes() && y.Kind.Writes():
		return newFinding(WriteReordering, at, "%s as version %d, after %s had already returned version %d",
			x.action(), x.Version, y, y.Version)
	case x.Created || x.Kind.Writes():
		return newFinding(FutureRead, at, "%s at version %d, before %s, which wrote version %d, was called",
			y.action(), y.Version, x, x.Version)
	}
	return newFinding(StaleRead, at, "%s at version %d, although %s had already returned version %d before that read began",
		x.action(), x.Version, y, y.Version)
}

func creators(ops []Op, incarnations ...Tag) (found []int) {
	for i := range ops {
		if ops[i].Created && slices.Contains(incarnations, ops[i].MetIncarnation()) {
			found = append(found, i)
		}
	}
	return found
}

// explainAbsence explains why one of two operations cannot have found no session: an incarnation covers its
// whole interval.
func explainAbsence(ops []Op, late, i int32) *Finding {
	absent, other := i, late
	if ops[absent].Outcome != NotFound {
		absent, other = late, i
	}
	a := &ops[absent]
	before, after := -1, -1 // the last operation that met the session earlier, the first that met it later
	for k := range ops {
		op := &ops[k]
		if !op.TookPlace() {
			continue
		}
		if op.Precedes(a) && (before < 0 || ops[before].Return < op.Return) {
			before = k
		}
		if a.Precedes(op) && (after < 0 || op.Call < ops[after].Call) &&
			(before < 0 || ops[before].Incarnation == op.Incarnation) {
			after = k
		}
	}
	f := newFinding(LostSession, []int{int(absent)}, "%s found no session, while it existed", a)
	if a.Kind == SweepRead {
		f.Anomaly, f.Why = WrongSweep, UserName(a.User)+"'s sweep did not judge the session, which existed, and which no other operation used meanwhile"
	}
	if before >= 0 {
		f.Ops = append(f.Ops, before)
	}
	if after >= 0 && after != before {
		f.Ops = append(f.Ops, after)
	}
	if before < 0 && after < 0 {
		f.Ops = append(f.Ops, int(other))
	}
	return f
}

// explainAnswer explains why the k-th operation of order cannot have returned its result in state s.
func explainAnswer(ops []Op, order []int32, k int, s *state, m mismatch) *Finding {
	i := int(order[k])
	op := &ops[i]
	switch {
	case m == wasThere && op.Outcome == NotFound:
		return explainAbsence(ops, order[max(0, k-1)], order[k])
	case m == wasThere:
		at := append([]int{i}, creators(ops, s.incarnation)...)
		if first := &ops[at[len(at)-1]]; !first.Precedes(op) {
			return newFinding(DoubleCreation, at, "%s and %s both returned that they created the session", first, op)
		}
		return newFinding(LostSession, at, "%s created incarnation %s, but nothing had removed the previous one, %s",
			op, op.Tag, s.incarnation)
	case m == wasAbsent:
		f := newFinding(AdoptedID, []int{i}, "%s when there was no session", op.action())
		past := slices.IndexFunc(order[:k], func(j int32) bool { return ops[j].Kind.Removes() && ops[j].Outcome == OK })
		if past >= 0 {
			f.Anomaly, f.Ops = DeletedRead, append(f.Ops, int(order[past]))
			if op.Kind.Writes() {
				f.Anomaly = Resurrection
			}
		}
		return f
	}
	writers := writersOf(ops)
	if f := foreignIn(ops, writers, i); f != nil {
		return f
	}
	if f := contradictsItself(ops, writers, i); f != nil {
		return f
	}
	if op.Parts&PartMessages != 0 && op.Kind.Reads() && (m == otherMessages || m == otherSeq) {
		if f := newestMissing(ops, writers, i, s.messages()); f != nil {
			return f
		}
	}
	if op.Parts&PartMessages != 0 && m == otherMessages {
		return explainMessages(ops, writers, i, s)
	}
	applied := *s
	if op.Outcome != RolledBack {
		applied.apply(op)
	}
	return explainNumber(ops, writers, i, &applied, m)
}

// explainNumber explains why operation i cannot have returned its incarnation, fields, seq or version; due is the
// state that it should have returned.
func explainNumber(ops []Op, writers map[Tag]int, i int, due *state, m mismatch) *Finding {
	op, at := &ops[i], []int{i}
	lost := func(lower bool) Anomaly {
		if op.Kind.Writes() && lower {
			return LostUpdate
		}
		return WrongAnswer
	}
	switch m {
	case otherIncarnation:
		return newFinding(WrongAnswer, at, "%s in incarnation %s, where %s was expected",
			op.action(), op.Incarnation, due.incarnation)
	case otherFields:
		at = appendWriters(at, writers, due.fields, op.Fields[0])
		if op.Parts&PartVersion == 0 {
			return newFinding(StaleRead, at, "%s: %s, where %s was expected", op.action(), op.Fields[0], due.fields)
		}
		return newFinding(FracturedRead, at, "%s: at version %d the fields are %s, but it returned %s",
			op.action(), op.Version, due.fields, op.Fields[0])
	case otherSeq:
		if op.Kind.Writes() {
			return newFinding(lost(op.Seq < due.seq), at, "%s as message %d, where %d was expected",
				op.action(), op.Seq, due.seq)
		}
		j := slices.IndexFunc(ops, func(o Op) bool {
			return o.Kind.Writes() && o.Incarnation == op.Incarnation && o.Seq == op.Seq
		})
		if j >= 0 {
			at = append(at, j)
		}
		return newFinding(FracturedRead, at, "%s: at version %d there are %d messages, but it returned %d",
			op.action(), op.Version, due.seq, op.Seq)
	}
	return newFinding(lost(op.Version < due.version), at,
		"%s: version %d with %d messages, where version %d with %d was expected",
		op.action(), op.Version, op.Seq, due.version, due.seq)
}

func appendWriters(at []int, writers map[Tag]int, tags ...Tag) []int {
	for _, t := range tags {
		if j, known := writers[t]; known {
			at = append(at, j)
		}
	}
	return at
}

// contradictsItself looks for a result that no session can return, whatever happened before.
func contradictsItself(ops []Op, writers map[Tag]int, i int) *Finding {
	op := &ops[i]
	if op.Parts&PartFields != 0 && op.Fields[0] != op.Fields[1] {
		return newFinding(FracturedRead, appendWriters([]int{i}, writers, op.Fields[:]...),
			"%s: two fields that are always written together hold %s and %s", op.action(), op.Fields[0], op.Fields[1])
	}
	if f := repeated(ops, writers, i); f != nil {
		return f
	}
	if len(op.Messages) > keeps {
		return newFinding(UnboundedHistory, []int{i}, "%s: %d messages, but a session keeps the newest %d",
			op.action(), len(op.Messages), keeps)
	}
	return nil
}

// newestMissing looks whether operation i read the messages that were due without the newest ones. They are lost
// unless another read shows them.
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
		older := n - (at + 1) // read, but pushed out by newer ones in due
		if older < 0 || older > missing || older > 0 && len(due) < keeps ||
			!slices.Equal(due[:at+1], op.Messages[older:]) {
			return nil
		}
	}
	newest := due[len(due)-1]
	f := newFinding(LostUpdate, appendWriters([]int{i}, writers, newest),
		"%s at version %d without its newest message, %s", op.action(), op.Version, newest)
	if missing > 1 {
		f.Why = fmt.Sprintf("%s at version %d without its newest %d messages, %s to %s",
			op.action(), op.Version, missing, due[len(due)-missing], newest)
	}
	if slices.ContainsFunc(ops, func(o Op) bool { return slices.Contains(o.Messages, newest) }) {
		f.Anomaly = StaleRead
	}
	return f
}

// explainMessages explains why operation i cannot have read these messages in state s.
func explainMessages(ops []Op, writers map[Tag]int, i int, s *state) *Finding {
	op := &ops[i]
	due := s.messages()
	for _, t := range slices.Backward(op.Messages) {
		if j, known := writers[t]; known && !slices.Contains(due, t) && op.Parts&PartVersion != 0 {
			return newFinding(FracturedRead, []int{i, j}, "%s: message %s does not belong to version %d",
				op.action(), t, op.Version)
		}
	}
	for _, t := range slices.Backward(due) {
		if !slices.Contains(op.Messages, t) {
			return newFinding(LostUpdate, []int{i, writers[t]}, "%s without message %s, whose append had returned success",
				op.action(), t)
		}
	}
	return newFinding(WriteReordering, []int{i}, "%s: messages %v, where %v was expected", op.action(), op.Messages, due)
}
