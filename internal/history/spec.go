package history

import "github.com/sessbench/sessbench/manager"

// keeps is how many messages a session keeps.
const keeps = manager.HistoryLimit

// state is what is under one id, as an operation alone would find it: the sequential specification. It is
// comparable, so that two ways to the same state can be told to be the same.
type state struct {
	there        bool
	life         Tag
	version, seq uint64
	fields       Tag
	ring         [keeps]Tag // message number n lies in (n-1) % keeps
}

// mismatch is the part of an answer that the state contradicts.
type mismatch uint8

const (
	fits mismatch = iota
	wasThere
	wasAbsent
	otherLife
	otherVersion
	otherSeq
	otherMessages
	otherFields
)

// step applies op, or says which part of its answer it could not have had in this state.
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
		s.applyUnknown(op)
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
			*s = state{there: true, life: op.Tag}
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

// applyUnknown applies an operation that may have been applied. One that was not can be taken to come after all others.
func (s *state) applyUnknown(op *Op) {
	switch {
	case op.Kind.Creates():
		if !s.there {
			*s = state{there: true, life: op.Tag}
		}
	case !s.there:
	case op.Kind.Removes():
		*s = state{}
	default:
		s.apply(op)
	}
}

// differs compares what op was told with the state.
func (s *state) differs(op *Op) mismatch {
	told := op.Parts
	switch {
	case told&PartIncarnation != 0 && op.Incarnation != s.life:
		return otherLife
	case told&PartVersion != 0 && op.Version != s.version:
		return otherVersion
	case told&PartSeq != 0 && op.Seq != s.seq:
		return otherSeq
	case told&PartMessages != 0 && !s.shows(op.Messages):
		return otherMessages
	case told&PartFields != 0 && op.Fields != [2]Tag{s.fields, s.fields}:
		return otherFields
	}
	return fits
}

// kept is the number of messages there are to read.
func (s *state) kept() int { return int(min(s.seq, keeps)) }

// shows reports whether messages are the newest, oldest first.
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

// messages is what there is to read, oldest first.
func (s *state) messages() []Tag {
	n := s.kept()
	list := make([]Tag, n)
	for i := range list {
		list[i] = s.ring[(int(s.seq)-n+i)%keeps]
	}
	return list
}
