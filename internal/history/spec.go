package history

import "github.com/sessbench/sessbench/manager"

// keeps is the number of messages that a session keeps.
const keeps = manager.HistoryLimit

// state is the session under one id: the sequential specification. It is comparable, so that a search recognizes a
// state that it has met.
type state struct {
	there        bool
	incarnation  Tag
	version, seq uint64
	fields       Tag
	ring         [keeps]Tag // message number n lies in (n-1) % keeps
}

// mismatch is the part of a result that contradicts the state.
type mismatch uint8

const (
	fits mismatch = iota
	wasThere
	wasAbsent
	otherIncarnation
	otherVersion
	otherSeq
	otherMessages
	otherFields
)

// step applies op, and returns the part of its result that contradicts the state.
func (s *state) step(op *Op) mismatch {
	switch op.Outcome {
	case NotApplied:
		return fits
	case NotFound:
		if s.there {
			return wasThere
		}
		return fits
	case Indeterminate:
		s.applyIndeterminate(op)
		return fits
	}
	switch op.Kind {
	case GetOrCreate, Create:
		if op.Created == s.there {
			if s.there {
				return wasThere
			}
			return wasAbsent
		}
		if op.Created {
			*s = state{there: true, incarnation: op.Tag}
		}
		return s.differs(op)
	}
	if !s.there {
		return wasAbsent
	}
	if op.Outcome != RolledBack {
		s.apply(op)
	}
	if m := s.differs(op); m != fits {
		return m
	}
	if op.Kind.Removes() {
		*s = state{}
	}
	return fits
}

// apply changes a session that is there.
func (s *state) apply(op *Op) {
	switch op.Kind {
	case Append:
		s.add(op.Tag)
	case Nested:
		s.add(op.Tag)
		s.add(op.Tag + 1)
	case Update:
		s.fields = op.Tag
		s.version++
	}
}

func (s *state) add(t Tag) {
	s.ring[s.seq%keeps] = t
	s.seq++
	s.version++
}

// applyIndeterminate applies an operation that may have taken effect. One that did not can be placed after all others.
func (s *state) applyIndeterminate(op *Op) {
	switch {
	case op.Kind.Creates():
		if !s.there {
			*s = state{there: true, incarnation: op.Tag}
		}
	case !s.there:
	case op.Kind.Removes():
		*s = state{}
	default:
		s.apply(op)
	}
}

// differs compares the result of op with the state.
func (s *state) differs(op *Op) mismatch {
	parts := op.Parts
	switch {
	case parts&PartIncarnation != 0 && op.Incarnation != s.incarnation:
		return otherIncarnation
	case parts&PartVersion != 0 && op.Version != s.version:
		return otherVersion
	case parts&PartSeq != 0 && op.Seq != s.seq:
		return otherSeq
	case parts&PartMessages != 0 && !s.shows(op.Messages):
		return otherMessages
	case parts&PartFields != 0 && op.Fields != [2]Tag{s.fields, s.fields}:
		return otherFields
	}
	return fits
}

// kept returns the number of messages in the session.
func (s *state) kept() int { return int(min(s.seq, keeps)) }

// shows reports whether messages are the session's, oldest first.
func (s *state) shows(messages []Tag) bool {
	n := s.kept()
	if len(messages) != n {
		return false
	}
	at := int(s.seq) - n
	for i, t := range messages {
		if s.ring[(at+i)%keeps] != t {
			return false
		}
	}
	return true
}

// messages returns the session's messages, oldest first.
func (s *state) messages() []Tag {
	n := s.kept()
	list := make([]Tag, n)
	for i := range list {
		list[i] = s.ring[(int(s.seq)-n+i)%keeps]
	}
	return list
}
