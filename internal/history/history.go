package history

import (
	"fmt"
	"math"
	"slices"

	"github.com/sessbench/sessbench/manager"
)

// Kind is what an operation asks of a session.
type Kind uint8

// The kinds of operations. Sweep stands for the removal of one session by a sweep, Look for a sweep's look at a session
// that it let live.
const (
	GetOrCreate  Kind = iota + 1
	Create            // a manager minted the id
	Append            // adds a message, the operation's tag
	Nested            // adds a message and, from inside that update, a second one: tag and tag+1
	Update            // sets both fields to the operation's tag
	ReadMessages      // reads the messages
	ReadFields        // reads the fields
	Delete
	Sweep
	SweepRead
)

var kindNames = [...]string{
	GetOrCreate: "get_or_create", Create: "create", Append: "append", Nested: "nested", Update: "update",
	ReadMessages: "history", ReadFields: "view", Delete: "delete", Sweep: "sweep", SweepRead: "look",
}

func (k Kind) String() string { return kindNames[k] }

// Begins reports whether the operation may begin a session's life.
func (k Kind) Creates() bool { return k == GetOrCreate || k == Create }

// Writes reports whether the operation changes a session that is there.
func (k Kind) Writes() bool { return k == Append || k == Nested || k == Update }

// Removes reports whether the operation ends a session's life.
func (k Kind) Removes() bool { return k == Delete || k == Sweep }

// Reads reports whether the operation changes nothing.
func (k Kind) Reads() bool { return k == ReadMessages || k == ReadFields || k == SweepRead }

// Outcome is how an operation ended.
type Outcome uint8

// The outcomes.
const (
	OK            Outcome = iota + 1
	NotFound              // no such session, or no longer
	NotApplied            // given up before it took effect: cancelled, closed, too many conflicts
	Failed                // the closure failed or panicked, and what it had changed stays
	RolledBack            // the closure failed or panicked, and nothing of it stays
	Indeterminate         // it may or may not have been applied; it has no Return
)

var outcomeNames = [...]string{
	OK: "ok", NotFound: "not_found", NotApplied: "refused", Failed: "failed", RolledBack: "rolled_back", Indeterminate: "unknown",
}

func (o Outcome) String() string { return outcomeNames[o] }

// Never is the Return of an operation that nobody saw the end of.
const Never = math.MaxInt64

// Tag names one write of a run, or the life that a creation begins: the user in the high 24 bits, the user's count of
// tags below. The zero Tag names nothing.
type Tag uint64

const tagBits = 40

// NobodysTag stands for what was read and no user can have written.
const InvalidTag = Tag(1<<64 - 1<<tagBits + 1)

// UnknownTag returns a tag for incarnation number n of a store whose creation is not in the history.
func UnknownTag(n uint64) Tag { return InvalidTag + 1 + Tag(n%(1<<tagBits-2)) }

// NewTag is user's n-th tag, both from 0.
func NewTag(user int, n uint64) Tag { return Tag(uint64(user)<<tagBits | (n + 1)) }

// User is whose tag it is.
func (t Tag) User() int32 { return int32(t >> tagBits) }

// String is the tag as people read it: "C7" is user 2's seventh, "–" none.
func (t Tag) String() string {
	if t == 0 {
		return "–"
	}
	dot := ""
	if t.User() >= 26 {
		dot = "."
	}
	return fmt.Sprintf("%s%s%d", UserName(t.User()), dot, uint64(t)&(1<<tagBits-1))
}

// UserName returns the name of a user: A to Z, then U26 and on.
func UserName(user int32) string {
	if user < 26 {
		return string('A' + user)
	}
	return fmt.Sprintf("U%d", user)
}

// Told says which parts of an operation's answer the store gave.
type Parts uint8

// The parts of an answer.
const (
	PartIncarnation Parts = 1 << iota
	PartVersion
	PartSeq
	PartMessages
	PartFields
)

// Op is one operation of one user: what was asked, when, and what came of it.
type Op struct {
	Call, Return int64 // nanoseconds on the recording's clock; the ends of a closed interval. Return may be Never
	User         int32
	Kind         Kind
	Outcome      Outcome
	Parts        Parts
	Created      bool   // of GetOrCreate and Create: it was told that it began the life
	Tag          Tag    // what it writes; of GetOrCreate and Create the life that it would begin
	Incarnation  Tag    // the life that it met
	Version      uint64 // of the session: after a change, as it was for a read or a removal
	Seq          uint64 // messages ever added: after a change, as it was for a read or a removal
	Messages     []Tag  // as read, oldest first
	Fields       [2]Tag // as read
	Hold         int64  // nanoseconds of work in the session, between reading and writing it, that a write measured; 0: nobody did
}

// Precedes reports whether a returned before b was called.
func (a *Op) Precedes(b *Op) bool { return a.Return < b.Call }

// life is the life that the operation met, or began without being told.
func (a *Op) MetIncarnation() Tag {
	if a.Created && a.Parts&PartIncarnation == 0 {
		return a.Tag
	}
	return a.Incarnation
}

// saw is all that an operation was shown of what others wrote.
func (a *Op) saw() []Tag { return append(slices.Clone(a.Messages), a.Fields[:]...) }

// writes is how many messages and how many versions the operation adds when it is applied.
func (a *Op) writes() (messages, versions uint64) {
	switch a.Kind {
	case Append:
		return 1, 1
	case Nested:
		return 2, 2
	case Update:
		return 0, 1
	}
	return 0, 0
}

// SessionHistory is everything that users did to the sessions under one id, in no particular order. No session is there
// before it begins.
type History struct {
	ID  manager.ID
	Ops []Op

	// Claimed says that versions and lives are what the store says they are. Otherwise they are part of the stored session
	// itself, written by the closures that change it, and a wrong one is a wrong session.
	Claimed bool
}
