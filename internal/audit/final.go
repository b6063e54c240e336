package audit

import (
	"fmt"
	"math"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// Final is the final state of an incarnation, as Delete or a sweep returned it.
type Final struct {
	ID          manager.ID
	Incarnation uint64
	N           uint64 // number of changes, in the scenario's count; may be Unknown
	Others      uint64 // changes of the version beyond those; may be Unknown
	Since       int64  // on the trial's clock, when the call that removed it began; means nothing to other participants
	Kept        int8   // how many of words are in use; may be UnknownKept
	Broken      string // what is wrong with what was kept; empty: nothing
	Words       [manager.HistoryLimit]uint32
}

// Unknown stands for a number, and UnknownKept for entries, that a target does not report.
const (
	Unknown     = math.MaxUint64
	UnknownKept = -1
)

// Ended returns the final state of a session that a store returned, with what it kept checked.
func (r *Rules) Ended(id manager.ID, s *manager.Session, scratch []manager.Message) Final {
	e := Final{ID: id, Incarnation: s.Incarnation, N: s.Seq, Others: s.Version - s.Seq}
	if r.ByVersion {
		e.N, e.Others = s.Version, 0
		r.keepFields(&e, s.Fields)
	} else {
		r.keepMessages(&e, s.History(scratch[:0]))
	}
	return e
}

// Reported returns the final state of a session that a target reported with the effect of its Delete.
func (r *Rules) Reported(id manager.ID, e *scenarios.Effect) Final {
	f := Final{ID: id, Incarnation: e.Incarnation, N: Unknown, Others: Unknown, Kept: UnknownKept}
	if n, reported := r.Count(e); reported {
		f.N = n
	}
	return f
}

// Keep notes what a target kept, from the effect of a last read.
func (r *Rules) Keep(f *Final, e *scenarios.Effect) {
	f.Kept = 0
	if r.ByVersion {
		r.keepFields(f, e.Fields)
	} else {
		r.keepMessages(f, e.Messages)
	}
}

// keepMessages notes the messages that were kept.
func (r *Rules) keepMessages(e *Final, kept []manager.Message) {
	if want := int(min(e.N, manager.HistoryLimit)); len(kept) != want && e.N != Unknown {
		e.Broken = fmt.Sprintf("%d messages kept of %d, want %d", len(kept), e.N, want)
		return
	}
	if len(kept) > manager.HistoryLimit {
		e.Broken = fmt.Sprintf("%d messages kept, want at most %d", len(kept), manager.HistoryLimit)
		return
	}
	for i := range kept {
		m := &kept[i]
		word, ok := r.Contents.Message(m)
		switch due := e.N - uint64(len(kept)-i-1); {
		case m.Seq != due && e.N != Unknown && (m.Seq != 0 || !r.Target):
			e.Broken = fmt.Sprintf("message %d where %d was due", m.Seq, due)
			return
		case !ok || writer(word) >= r.Users:
			e.Broken = fmt.Sprintf("message %d was written by no user: role %q, %d bytes", m.Seq, m.Role, len(m.Content))
			return
		}
		e.Words[i] = word
	}
	e.Kept = int8(len(kept))
}

// keepFields notes what the last change wrote. Every change writes the same text to all fields, so they must agree.
func (r *Rules) keepFields(e *Final, have map[string]string) {
	if e.N == 0 || len(r.Fields) == 0 || e.N == Unknown && len(have) == 0 {
		return
	}
	text := have[r.Fields[0]]
	word, ok := r.Contents.Word(text)
	if !ok || writer(word) >= r.Users {
		e.Broken = fmt.Sprintf("field %q was written by no user: %d bytes", r.Fields[0], len(text))
		return
	}
	if other := r.Torn(have); other != "" {
		e.Broken = fmt.Sprintf("fields %q and %q were written together and differ", r.Fields[0], other)
		return
	}
	e.Words[0], e.Kept = word, 1
}

// Torn returns the name of a field that differs from the first; empty when all agree.
func (r *Rules) Torn(have map[string]string) string {
	for _, f := range r.Fields[min(1, len(r.Fields)):] {
		if have[f] != have[r.Fields[0]] {
			return f
		}
	}
	return ""
}
