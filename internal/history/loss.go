package history

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Loss returns a finding about a confirmed write that is lost: no operation that began after the end of all writes shows it, the last of
// them began more than the bound after the write, and the message was not pushed out, the value not overwritten, and the session not
// deleted. That two writes overlapped does not excuse it: last-writer-wins is a level that allows losses. nil: nothing is lost.
func Loss(h *History, bound time.Duration) *Finding {
	o := newObserver(h, bound)
	finals := o.finals()
	for j := range o.ops {
		x := &o.ops[j]
		if x.Outcome != OK || x.Kind.Removes() {
			continue
		}
		last := -1
		for _, i := range finals {
			r := &o.ops[i]
			if !x.Precedes(r) || !o.unbroken(x, r) || !o.tells(r, x) {
				continue
			}
			if !o.lacks(r, x) {
				last = -1
				break
			}
			if last < 0 || o.ops[last].Call < r.Call {
				last = i
			}
		}
		if last >= 0 && o.ops[last].Call-x.Return > o.bound {
			return o.lost(j, last)
		}
	}
	return nil
}

// LossViolation returns a loss in h as a violation with its history shortened; all are the histories of the same round. nil: see
// [Refutation.Violation].
func LossViolation(ctx context.Context, h *History, loss *Finding, all []History, bound time.Duration) *Violation {
	return loss.violation(ctx, h, all, func(h *History) *Finding {
		if f := Loss(h, bound); f != nil && f.Anomaly == loss.Anomaly {
			return f
		}
		return nil
	})
}

// finals returns the operations that may show a write and that were called after the return of all appends, updates and creations.
func (o *observer) finals() (list []int) {
	end := int64(minTime)
	for i := range o.ops {
		if op := &o.ops[i]; op.MayChange() && !op.Kind.Removes() && op.Return != Never {
			end = max(end, op.Return)
		}
	}
	for i := range o.ops {
		if op := &o.ops[i]; op.Call > end && (op.Kind.Reads() && op.Outcome == OK || op.Outcome == NotFound) {
			list = append(list, i)
		}
	}
	return list
}

// tells reports whether r would show the effect of x.
func (o *observer) tells(r, x *Op) bool {
	switch {
	case r.Outcome == NotFound:
		return true
	case x.Kind == Append:
		return r.Parts&PartMessages != 0
	case x.Kind == Update:
		return r.Parts&PartFields != 0
	}
	return true // it has found the session
}

// lost returns the finding that operation i, one of the last, lacks the effect of operation j.
func (o *observer) lost(j, i int) *Finding {
	x, r := &o.ops[j], &o.ops[i]
	if r.Outcome == NotFound {
		return newFinding(LostSession, []int{j, i}, "the session is lost: %s was confirmed, and %v later %s found no session, although no request deleted it%s",
			o.described(j), rounded(r.Call-x.Return), o.described(i), o.elsewhere(x, i))
	}
	if k := o.rival(x, r); k >= 0 {
		w := &o.ops[k]
		what, nouns := "message "+x.Tag.String(), "appends"
		if x.Kind != w.Kind || x.Kind != Append {
			nouns = "writes"
		}
		if x.Kind == Update {
			what = "value " + x.Tag.String()
		}
		return newFinding(LostUpdate, []int{j, k, i}, "two %s overlapped, %s, and what is read afterwards shows only one of them: %s and %s; %s, and %s is lost",
			nouns, answered(x, w), o.described(j), o.described(k), withNote(r, r.action()), what)
	}
	f := o.explain(j, i, LevelEventual)
	f.Anomaly = LostUpdate
	f.Why += ", and no later read shows it"
	return f
}

// rival returns a write that overlaps x and that r shows, or if there is none, one that r cannot show; -1: neither.
func (o *observer) rival(x, r *Op) int {
	found := -1
	for k := range o.ops {
		w := &o.ops[k]
		if w == x || !w.Kind.Writes() || w.Outcome != OK || w.Precedes(x) || x.Precedes(w) {
			continue
		}
		if slices.Contains(r.saw(), w.Tag) {
			return k
		}
		if w.Kind != x.Kind {
			found = k
		}
	}
	return found
}

// Survival counts confirmed writes before a restart of a service.
type Survival struct {
	Writes    int `json:"writes"`    // confirmed before the restart, as far as later writes have not replaced them
	Survived  int `json:"survived"`  // of Writes: shown after it
	Sessions  int `json:"sessions"`  // with such writes
	Forgotten int `json:"forgotten"` // of Sessions: not found after the restart
	Torn      int `json:"torn"`      // of Sessions: found, and without some of the writes
}

// Add adds the counts of another history.
func (s *Survival) Add(other Survival) {
	s.Writes += other.Writes
	s.Survived += other.Survived
	s.Sessions += other.Sessions
	s.Forgotten += other.Forgotten
	s.Torn += other.Torn
}

// Survivors counts the confirmed appends and updates of h that survived a restart which began and ended at these times.
// Operations that were called after its end show what survived. In a session that is still there, writes that overlapped are not counted:
// one of them may have overwritten the other before the restart. Deletions make a history useless for that: it counts nothing.
func Survivors(h *History, began, ended int64) (s Survival) {
	o := newObserver(h, 0)
	if slices.ContainsFunc(o.ops, func(op Op) bool { return mayRemove(&op) && op.Call < ended }) {
		return s
	}
	var after []*Op // what the first operations show that read messages, and fields, or find no session
	for i := range o.ops {
		if op := &o.ops[i]; op.Call > ended && (op.Kind.Reads() && op.Outcome == OK || op.Outcome == NotFound) {
			after = append(after, op)
		}
	}
	slices.SortFunc(after, func(a, b *Op) int { return int(min(max(a.Call-b.Call, -1), 1)) })
	for j := range o.ops {
		x := &o.ops[j]
		if x.Outcome != OK || !x.Kind.Writes() || x.Return >= began || o.superseded(x, began) {
			continue
		}
		at := slices.IndexFunc(after, func(r *Op) bool { return o.tells(r, x) })
		if at < 0 {
			continue
		}
		switch r := after[at]; {
		case r.Outcome == OK && o.overlapped(x, began): // another write may have overwritten it, before the restart
		case o.lacks(r, x):
			s.Writes++
		case slices.Contains(r.saw(), x.Tag):
			s.Writes++
			s.Survived++
		}
	}
	switch {
	case s.Writes == 0:
		return s
	case after[0].Outcome == NotFound:
		s.Forgotten = 1
	case s.Survived < s.Writes:
		s.Torn = 1
	}
	s.Sessions = 1
	return s
}

// overlapped reports whether another write was in progress at the same time as x, and called before a moment.
func (o *observer) overlapped(x *Op, before int64) bool {
	return slices.ContainsFunc(o.ops, func(w Op) bool {
		return w.Tag != x.Tag && w.Kind.Writes() && w.MayChange() && !w.Precedes(x) && !x.Precedes(&w) && w.Call < before
	})
}

// superseded reports whether writes before a moment may have replaced x: as many newer messages as a session keeps, or a newer value.
func (o *observer) superseded(x *Op, before int64) bool {
	newer := 0
	for i := range o.ops {
		if w := &o.ops[i]; w != x && w.Kind == x.Kind && w.MayChange() && !w.Precedes(x) && w.Call < before {
			newer++
		}
	}
	return newer >= keeps || x.Kind == Update && newer > 0
}

// Sentence says in a sentence how much survived.
func (s Survival) Sentence() string {
	text := fmt.Sprintf("of %d acknowledged writes %d survived the restart", s.Writes, s.Survived)
	switch {
	case s.Writes == 0:
		return "no acknowledged write was there to survive the restart"
	case s.Survived == 0:
		return text + ": the sessions are kept in memory"
	case s.Torn > 0:
		return text + fmt.Sprintf(": %d of %d sessions were there, but not all of their writes", s.Torn, s.Sessions)
	case s.Forgotten > 0:
		return text + fmt.Sprintf(": %d of %d sessions were lost", s.Forgotten, s.Sessions)
	}
	return text
}
