package history

import (
	"slices"

	"github.com/sessbench/sessbench/manager"
)

// A Recorder records one user's operations. It belongs to one goroutine and shares no memory with other recorders: under
// the race detector a shared clock or counter would order the users' accesses and hide races.
type Recorder struct {
	user     int
	tags     uint64
	ops      []Op
	sessions []uint32 // of each operation, the caller's number
	read     []Tag    // backs the Messages of ops
}

// NewRecorder returns a recorder with room for a number of operations and of messages read. It grows beyond them.
func NewRecorder(user, operations, messages int) *Recorder {
	return &Recorder{
		user:     user,
		ops:      make([]Op, 0, operations),
		sessions: make([]uint32, 0, operations),
		read:     make([]Tag, 0, messages),
	}
}

// NewTag returns a tag that no other operation has.
func (r *Recorder) NewTag() Tag {
	r.tags++
	return NewTag(r.user, r.tags-1)
}

// Add records an operation on the session with the caller's number session. It copies op's Messages.
func (r *Recorder) Add(session uint32, op Op) {
	op.User = int32(r.user)
	if len(op.Messages) > 0 {
		from := len(r.read)
		r.read = append(r.read, op.Messages...)
		op.Messages = r.read[from:len(r.read):len(r.read)]
	}
	r.ops = append(r.ops, op)
	r.sessions = append(r.sessions, session)
}

// Renumber replaces the number of each session. Nothing may be recorded afterwards.
func (r *Recorder) Renumber(to func(uint32) uint32) {
	for i, s := range r.sessions {
		r.sessions[i] = to(s)
	}
}

// Len returns the number of recorded operations.
func (r *Recorder) Len() int { return len(r.ops) }

// Merge merges the users' records into one history per id, without the ids that have no operations. A session's number is
// its index in ids; several numbers may have the same id. It copies the operations.
func Merge(ids []manager.ID, claimed bool, records []*Recorder) []History {
	at := make([]int, len(ids)) // the history of each number
	known := make(map[manager.ID]int, len(ids))
	for s, id := range ids {
		if _, twice := known[id]; !twice {
			known[id] = len(known)
		}
		at[s] = known[id]
	}
	sizes := make([]int, len(known))
	for _, r := range records {
		for _, s := range r.sessions {
			sizes[at[s]]++
		}
	}
	all := make([]History, len(known))
	for s, id := range ids {
		if h := &all[at[s]]; h.Ops == nil {
			*h = History{ID: id, Claimed: claimed, Ops: make([]Op, 0, sizes[at[s]])}
		}
	}
	for _, r := range records {
		for i, s := range r.sessions {
			h := &all[at[s]]
			h.Ops = append(h.Ops, r.ops[i])
		}
	}
	return slices.DeleteFunc(all, func(h History) bool { return len(h.Ops) == 0 })
}
