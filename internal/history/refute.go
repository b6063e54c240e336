package history

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// This file refutes the levels below linearizability by patterns of two or three operations. Each pattern is impossible at its level,
// so a history that has it is refuted; a history without any of them may still be impossible.
//
// The pattern of [LevelLastWriterWins]: an operation r lacks a write x that had been stored before r began. The session that r read was
// stored last, so after x. Go back from it through the writes that it contains, each of which read what the one before
// it had stored. The first of these that was stored after x did not contain x, so it read the session before x was stored: it
// overlaps x. If it is an append, r shows its message, unless 15 newer ones are in the way. Without such a write
// there is no explanation.

// Refutation shows that a history does not have a level, and therefore none that includes it.
type Refutation struct {
	Finding
	Level Level // the weakest one that is refuted; LevelNone: the history shows what no level allows
}

// Refutations returns the first refutation of each level by a pattern, the weakest level first. bound is that of LevelEventual.
func Refutations(h *History, bound time.Duration) (list []Refutation) {
	o := newObserver(h, bound)
	levels := Levels()
	slices.Reverse(levels)
	found := map[Level]*Finding{}
	note := func(l Level, f *Finding) {
		if f != nil && found[l] == nil {
			found[l] = f
		}
	}
	for i := range o.ops {
		note(LevelNone, o.impossible(i))
		note(LevelLastWriterWins, o.disordered(i))
		for j := range o.ops {
			if l := o.refuted(j, i); l != "" && found[l] == nil {
				note(l, o.explain(j, i, l))
			}
		}
	}
	for _, l := range levels {
		if f := found[l]; f != nil {
			list = append(list, Refutation{*f, l})
		}
	}
	return list
}

// Refute returns why a history does not have a level, as far as a pattern shows it; nil: it is not refuted. That a history is
// not linearizable mostly shows only in [Check].
func Refute(h *History, level Level, bound time.Duration) *Refutation {
	for _, r := range Refutations(h, bound) {
		if level.Includes(r.Level) {
			return &r
		}
	}
	return nil
}

// observer compares what the operations of a history show with what was confirmed before.
type observer struct {
	ops     []Op
	writers map[Tag]int
	shown   map[Tag]int64 // when the first operation that shows a message or a value had returned
	bound   int64
}

func newObserver(h *History, bound time.Duration) *observer {
	o := &observer{ops: h.Ops, writers: writersOf(h.Ops), shown: map[Tag]int64{}, bound: int64(bound)}
	for i := range o.ops {
		op := &o.ops[i]
		if op.Outcome != OK {
			continue
		}
		for _, t := range op.saw() {
			if at, known := o.shown[t]; t != 0 && (!known || op.Return < at) {
				o.shown[t] = op.Return
			}
		}
	}
	return o
}

// stored returns a time by which the write x had been stored: its return, or that of an operation that showed it. Never: it may not
// have been stored at all.
func (o *observer) stored(x *Op) int64 {
	at := int64(Never)
	if x.Outcome == OK {
		at = x.Return
	}
	if seen, ok := o.shown[x.Tag]; ok && x.Tag != 0 {
		at = min(at, seen)
	}
	return at
}

// impossible looks for what operation i shows and no level allows.
func (o *observer) impossible(i int) *Finding {
	if o.ops[i].Outcome != OK {
		return nil
	}
	return cmp.Or(foreignIn(o.ops, o.writers, i), repeated(o.ops, o.writers, i))
}

// disordered looks for messages that operation i shows in an order that contradicts the order of their appends, and for one half of
// an update without the other.
func (o *observer) disordered(i int) *Finding {
	r := &o.ops[i]
	if r.Outcome != OK {
		return nil
	}
	if r.Parts&PartFields != 0 && r.Fields[0] != r.Fields[1] {
		return newFinding(FracturedRead, []int{i}, "%s with two values that no request wrote together: %s and %s",
			withNote(r, r.action()), r.Fields[0], r.Fields[1])
	}
	for k, later := range r.messages() {
		w, known := o.writers[later]
		if !known {
			continue
		}
		for _, earlier := range r.Messages[:k] {
			v, known := o.writers[earlier]
			if x, y := &o.ops[w], &o.ops[v]; known && v != w && o.stored(x) < y.Call {
				return newFinding(WriteReordering, []int{w, v, i}, "%s and shows %s before %s, although %s was sent only after %s had been confirmed",
					withNote(r, r.action()), earlier, later, o.described(v), o.described(w))
			}
		}
	}
	return nil
}

// refuted returns the weakest level that is refuted because operation i lacks the effect of operation j, "" for none.
func (o *observer) refuted(j, i int) Level {
	x, r := &o.ops[j], &o.ops[i]
	if i == j || !o.lacks(r, x) || !o.unbroken(x, r) {
		return ""
	}
	confirmed := x.Outcome == OK && x.Precedes(r)
	switch {
	case confirmed && r.Call-x.Return > o.bound && !o.replaced(x, r, func(*Op) bool { return true }):
		return LevelEventual
	case confirmed && x.MayChange() && x.User == r.User && !o.replaced(x, r, func(w *Op) bool { return w.User != x.User || !x.Precedes(w) }):
		return LevelReadYourWrites
	case o.began(r) > o.stored(x) && !o.replaced(x, r, func(w *Op) bool { return w.Call <= o.stored(x) }):
		return LevelLastWriterWins
	}
	return ""
}

// began returns a time at which r had not read the session yet: its call, or that of the latest append that it shows.
func (o *observer) began(r *Op) int64 {
	at := r.Call
	for _, t := range r.messages() {
		if w, known := o.writers[t]; known {
			at = max(at, o.ops[w].Call)
		}
	}
	return at
}

// lacks reports whether r shows a session without the effect of x; see [Level]. The order of x and r in time does not matter here.
func (o *observer) lacks(r, x *Op) bool {
	switch {
	case r.Outcome == NotFound:
		return x.Outcome == OK && !x.Kind.Removes()
	case r.Outcome != OK:
		return false
	case x.Kind.Removes():
		return x.Outcome == OK && !r.Created && r.Kind != Create
	case x.Kind == Append && r.Parts&PartMessages != 0 && !r.Kind.Removes():
		return x.MayChange() && !slices.Contains(r.Messages, x.Tag) && !o.trimmed(x, r)
	case x.Kind == Update && r.Kind == ReadFields && r.Parts&PartFields != 0:
		if !x.MayChange() || r.Fields[0] != r.Fields[1] || r.Fields[0] == x.Tag {
			return false
		}
		u, known := o.writers[r.Fields[0]]
		return r.Fields[0] == 0 || known && o.ops[u].Precedes(x)
	}
	return false
}

// trimmed reports whether newer messages may have pushed out that of x before r read the session: all that r shows may be newer.
func (o *observer) trimmed(x, r *Op) bool {
	return len(r.Messages) >= keeps && !slices.ContainsFunc(r.Messages, func(t Tag) bool {
		w, known := o.writers[t]
		return known && o.ops[w].Precedes(x)
	})
}

// unbroken reports whether x and r certainly met one session: no removal, nor another creation, can have come between.
func (o *observer) unbroken(x, r *Op) bool {
	both := x.known() && r.known()
	if both && x.MetIncarnation() != r.MetIncarnation() {
		return false
	}
	for i := range o.ops {
		op := &o.ops[i]
		if op == x || op == r || op.Precedes(x) || r.Precedes(op) {
			continue
		}
		switch {
		case mayRemove(op) && !x.Kind.Removes():
			if !both || !op.known() || op.MetIncarnation() == x.MetIncarnation() {
				return false
			}
		case mayCreate(op) && !both && r.Outcome != NotFound:
			return false
		}
	}
	return true
}

// messages returns the messages that the operation returned.
func (a *Op) messages() []Tag {
	if a.Parts&PartMessages == 0 {
		return nil
	}
	return a.Messages
}

// known reports whether the operation returned the incarnation that it met or created.
func (a *Op) known() bool { return a.Outcome == OK && a.Parts&PartIncarnation != 0 }

// replaced reports whether a write that which selects may have replaced x before r read the session: it ended after the call of x,
// began before the return of r, and r shows it or cannot show it.
func (o *observer) replaced(x, r *Op, which func(*Op) bool) bool {
	if r.Outcome == NotFound {
		return false // only a removal does that
	}
	for i := range o.ops {
		w := &o.ops[i]
		if w == x || w == r || !w.MayChange() || w.Kind.Removes() || w.Precedes(x) || r.Precedes(w) || !which(w) {
			continue
		}
		if w.known() && x.known() && w.MetIncarnation() != x.MetIncarnation() {
			continue
		}
		visible := w.Kind != Append || r.Parts&PartMessages == 0 || len(r.Messages) >= keeps || slices.Contains(r.Messages, w.Tag)
		if visible {
			return true
		}
	}
	return false
}

// described returns operation i as a part of a sentence, with its note.
func (o *observer) described(i int) string { return withNote(&o.ops[i], o.ops[i].String()) }

// withNote adds the note of an operation to a text about it: "A's append of A7 (POST /sessions/7/messages → 200)".
func withNote(op *Op, text string) string {
	if op.Note == "" {
		return text
	}
	return text + " (" + abbreviated(op.Note) + ")"
}

// longPart is the length of a part of a path or query above which it is abbreviated: ids, mostly.
const longPart = 16

// abbreviated shortens the long parts of a request, of which the beginning tells them apart.
func abbreviated(note string) string {
	var b strings.Builder
	for part := range partsOf(note) {
		if runes := []rune(part); len(runes) > longPart {
			part = string(runes[:8]) + "…"
		}
		b.WriteString(part)
	}
	return b.String()
}

// partsOf returns the parts of a request, and the separators between them.
func partsOf(note string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for note != "" {
			n := strings.IndexAny(note, "/?&=. ")
			switch {
			case n == 0:
				n = 1
			case n < 0:
				n = len(note)
			}
			if !yield(note[:n]) {
				return
			}
			note = note[n:]
		}
	}
}

// answered returns how two writes were confirmed.
func answered(a, b *Op) string {
	switch s, t := a.Status(), b.Status(); {
	case s == "" || t == "":
		return "both were confirmed"
	case s == t:
		return "both were answered " + s
	default:
		return fmt.Sprintf("they were answered %s and %s", s, t)
	}
}

// noteArrow stands in notes between what was sent and what came back.
const noteArrow = " → "

// Sent returns the part of the note that was sent, with long ids abbreviated: "POST /sessions/0b9c1f52…/messages".
func (a *Op) Sent() string {
	if i := strings.LastIndex(a.Note, noteArrow); i >= 0 {
		return abbreviated(a.Note[:i])
	}
	return abbreviated(a.Note)
}

// Status returns the part of the note that came back: "200".
func (a *Op) Status() string {
	if i := strings.LastIndex(a.Note, noteArrow); i >= 0 {
		return a.Note[i+len(noteArrow):]
	}
	return ""
}

// explain returns the finding that operation i lacks the effect of operation j, as level l forbids.
func (o *observer) explain(j, i int, l Level) *Finding {
	x, r := &o.ops[j], &o.ops[i]
	when := fmt.Sprintf("%s was confirmed before", o.described(j))
	switch {
	case l == LevelEventual:
		when = fmt.Sprintf("%s was confirmed %v earlier", o.described(j), rounded(r.Call-x.Return))
	case l == LevelReadYourWrites:
		when = fmt.Sprintf("%s, by the same user, was confirmed before", o.described(j))
	case x.Outcome != OK || !x.Precedes(r):
		when = fmt.Sprintf("%s was seen before", o.described(j))
	}
	f := newFinding(StaleRead, []int{j, i}, "")
	saw := withNote(r, r.action())
	switch {
	case r.Outcome == NotFound:
		f.Anomaly = LostSession
		f.Why = fmt.Sprintf("%s found no session, although there was one: %s, and no request deleted it%s", o.described(i), when, o.elsewhere(x, i))
	case x.Kind.Removes():
		f.Anomaly = DeletedRead
		if r.Kind.Writes() {
			f.Anomaly = Resurrection
		}
		f.Why = fmt.Sprintf("%s in a session that was deleted: %s", saw, when)
	case r.Parts&PartMessages != 0 && x.Kind == Append:
		f.Why = fmt.Sprintf("%s without message %s: %s%s", saw, x.Tag, when, o.createdTwice())
		if l == LevelLastWriterWins && !o.shownAfter(x, r) {
			f.Anomaly = LostUpdate
		}
	default:
		f.Why = fmt.Sprintf("%s and got %s, an older value than %s: %s", saw, valueOf(r.Fields[0]), x.Tag, when)
		if l == LevelLastWriterWins && !o.shownAfter(x, r) {
			f.Anomaly = LostUpdate
		}
	}
	return f
}

func valueOf(t Tag) string {
	if t == 0 {
		return "none"
	}
	return t.String()
}

func rounded(ns int64) time.Duration {
	d := time.Duration(ns)
	if d > 10*time.Millisecond {
		return d.Round(time.Millisecond)
	}
	return d.Round(time.Microsecond)
}

// shownAfter reports whether an operation that was called after the return of r shows x.
func (o *observer) shownAfter(x, r *Op) bool {
	return slices.ContainsFunc(o.ops, func(op Op) bool {
		return op.Outcome == OK && r.Precedes(&op) && slices.Contains(op.saw(), x.Tag)
	})
}

// createdTwice explains a missing write by the processes of the service, if the session was created again and was not deleted before.
func (o *observer) createdTwice() string {
	for j := range o.ops {
		for i := range o.ops {
			if x, y := &o.ops[j], &o.ops[i]; x.Created && y.Created && x.Precedes(y) && !between(o.ops, x, y, mayRemove) {
				return fmt.Sprintf("; %s created the session, and so did %s, although no request had deleted it: if the service has several "+
					"processes, is its state kept per process?", o.described(j), o.described(i))
			}
		}
	}
	return ""
}

// elsewhere explains an operation i that found no session by the processes of the service, if that fits.
func (o *observer) elsewhere(x *Op, i int) string {
	r := &o.ops[i]
	switch {
	case x.Worker != 0 && r.Worker != 0 && x.Worker != r.Worker:
		return fmt.Sprintf("; the session is known to worker %d, which answered then, and unknown to worker %d: is its state kept per process?", x.Worker, r.Worker)
	case x.Worker != 0 && r.Worker != 0:
		return ""
	}
	for k := range o.ops {
		if op := &o.ops[k]; op.Outcome == OK && !op.Created && !op.Kind.Creates() && r.Precedes(op) && o.unbroken(x, op) {
			return fmt.Sprintf("; %s found it again: if the service has several processes, is its state kept per process?", o.described(k))
		}
	}
	return ""
}

// Violation returns the refutation as a violation of h with its history shortened. all are the histories of the same round. nil: a
// search for a linearization contradicts it, which would be an error of this package, and no history is accused by it.
func (f Refutation) Violation(ctx context.Context, h *History, all []History, bound time.Duration) *Violation {
	return f.violation(ctx, h, all, func(h *History) *Finding {
		for _, r := range Refutations(h, bound) {
			if r.Level == f.Level && r.Anomaly == f.Anomaly {
				return &r.Finding
			}
		}
		return nil
	})
}

// violation returns a finding in h as a violation; find finds it again in a shortened history.
func (f *Finding) violation(ctx context.Context, h *History, all []History, find func(*History) *Finding) *Violation {
	limited, cancel := context.WithTimeout(ctx, shortening)
	defer cancel()
	short, _ := shorten(limited, h, func(h *History) bool { return find(h) != nil })
	found := cmp.Or(find(short), f)
	v := newViolation(ctx, found, ByLevel, short, h)
	switch search(limited, short, time.Second, searchMemory) {
	case porcupine.Ok:
		return nil
	case porcupine.Illegal:
		v.Confirmed = true
	}
	v.nameForeign(all)
	return v
}
