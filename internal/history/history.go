package history

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// Kind is the kind of an operation.
type Kind uint8

// The kinds of operations. Sweep is the removal of one session by a sweep, SweepRead a sweep's read of a session that it
// did not remove.
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

// kinds are the properties of the kinds of operations. In their texts TAG is the operation's tag, and NEXT the one after it.
var kinds = [...]struct {
	name string // in files
	noun string // as in "A's append of A7"; empty: the name
	verb string // as in "A added message A7", after the user's name
	call string // as in "append A7", without a user; empty: the name

	does   scenarios.Properties // of the operations of this kind
	weaker scenarios.Properties // of operations that do a part of what this kind does, and are recorded as it

	messages, versions uint64 // that it adds to an existing session
	creates, removes   bool
}{
	GetOrCreate:  {name: "get_or_create", verb: " found the session", call: "get or create", does: scenarios.Ensures, creates: true},
	Create:       {name: "create", verb: " created the session", does: scenarios.Mints, creates: true},
	ReadMessages: {name: "history", verb: " read the history", call: "read history", does: scenarios.ReadsMessages},
	Delete:       {name: "delete", verb: " deleted the session", does: scenarios.Removes, removes: true},
	Sweep:        {name: "sweep", verb: "'s sweep removed the session", removes: true},
	SweepRead:    {name: "look", verb: "'s sweep read the session", call: "sweep: read"},
	ReadFields: {
		name: "view", verb: " read the fields", call: "read fields",
		does: scenarios.ReadsFields, weaker: scenarios.Finds,
	},
	Append: {
		name: "append", noun: "append of TAG", verb: " added message TAG", call: "append TAG",
		does: scenarios.AddsMessage, messages: 1, versions: 1,
	},
	Nested: {
		name: "nested", noun: "double append of TAG", messages: 2, versions: 2,
		verb: " added messages TAG and NEXT in one update", call: "append TAG and NEXT in one update",
	},
	Update: {
		name: "update", noun: "update of TAG", verb: " set the fields to TAG", call: "set both fields to TAG",
		does: scenarios.SetsFields, weaker: scenarios.RecordsUse, versions: 1,
	},
}

func (k Kind) String() string { return kinds[k].name }

// KindOf returns the kind of an operation with these properties; 0: no kind, or properties of several.
func KindOf(p scenarios.Properties) (found Kind) {
	for k, row := range kinds {
		if !p.Have(row.does | row.weaker) {
			continue
		}
		if found != 0 {
			return 0
		}
		found = Kind(k)
	}
	return found
}

// Does returns the properties of the operations of this kind: those that do all of it.
func (k Kind) Does() scenarios.Properties { return kinds[k].does }

// parseKind returns the kind with this name, or an error that lists all names.
func parseKind(name string) (Kind, error) {
	var names []string
	for k := GetOrCreate; k <= SweepRead; k++ {
		if k.String() == name {
			return k, nil
		}
		names = append(names, k.String())
	}
	return 0, fmt.Errorf("kind %q: want %s", name, strings.Join(names, ", "))
}

// Creates reports whether the operation may create a session.
func (k Kind) Creates() bool { return kinds[k].creates }

// Writes reports whether the operation changes an existing session.
func (k Kind) Writes() bool { return kinds[k].versions > 0 }

// Removes reports whether the operation removes a session.
func (k Kind) Removes() bool { return kinds[k].removes }

// Reads reports whether the operation changes nothing.
func (k Kind) Reads() bool { return !k.Creates() && !k.Writes() && !k.Removes() }

// Outcome is how an operation ended.
type Outcome uint8

// The outcomes.
const (
	OK            Outcome = iota + 1
	NotFound              // no such session
	NotApplied            // rejected or cancelled before it took effect
	Failed                // the closure failed or panicked, and its changes stay
	RolledBack            // the closure failed or panicked, and its changes were undone
	Indeterminate         // it may or may not have taken effect; it has no Return
)

var outcomeNames = [...]string{
	OK: "ok", NotFound: "not_found", NotApplied: "refused", Failed: "failed", RolledBack: "rolled_back", Indeterminate: "unknown",
}

func (o Outcome) String() string { return outcomeNames[o] }

// Never is the Return of an operation that did not return.
const Never = math.MaxInt64

// Tag identifies one write of a run, or the incarnation that a creation begins: the user in the high 24 bits, the user's
// count of tags below. The zero Tag identifies nothing.
type Tag uint64

const tagBits = 40

// InvalidTag stands for content that no user can have written.
const InvalidTag = Tag(1<<64 - 1<<tagBits + 1)

// UnknownTag returns a tag for incarnation number n of a store whose creation is not in the history.
func UnknownTag(n uint64) Tag { return InvalidTag + 1 + Tag(n%(1<<tagBits-2)) }

// NewTag returns the n-th tag of a user, both from 0.
func NewTag(user int, n uint64) Tag { return Tag(uint64(user)<<tagBits | (n + 1)) }

// User returns the number of the tag's user.
func (t Tag) User() int32 { return int32(t >> tagBits) }

// String returns "C7" for user 2's seventh tag, "U26.7" for user 26's, and "–" for none.
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

// UserName returns the name of a user: A to Z, then U26, U27, …
func UserName(user int32) string {
	if user < 26 {
		return string('A' + user)
	}
	return fmt.Sprintf("U%d", user)
}

// Parts is a set of the parts of a result that a store returned.
type Parts uint8

// The parts of a result.
const (
	PartIncarnation Parts = 1 << iota
	PartVersion
	PartSeq
	PartMessages
	PartFields
)

// Op is one operation of one user, its times and its result.
type Op struct {
	Call, Return int64 // nanoseconds on the recording's clock; the ends of a closed interval. Return may be Never
	User         int32
	Kind         Kind
	Outcome      Outcome
	Parts        Parts
	Created      bool   // of GetOrCreate and Create: it returned that it created the session
	Tag          Tag    // what it writes; of GetOrCreate and Create the incarnation that it would begin
	Incarnation  Tag    // as returned
	Version      uint64 // of the session: after a change, as it was for a read or a removal
	Seq          uint64 // messages ever added: after a change, as it was for a read or a removal
	Messages     []Tag  // as read, oldest first
	Fields       [2]Tag // as read
	Hold         int64  // nanoseconds that a write worked in the session, between reading and writing it; 0: not measured
	Note         string // what was sent and came back, such as "POST /sessions/7/messages → 200"; empty: nothing to add
	Worker       int    // of the service's processes, the one that answered, from 1; 0: unknown
}

// Precedes reports whether a returned before b was called.
func (a *Op) Precedes(b *Op) bool { return a.Return < b.Call }

// MetIncarnation returns the incarnation that the operation met or created.
func (a *Op) MetIncarnation() Tag {
	if a.Created && a.Parts&PartIncarnation == 0 {
		return a.Tag
	}
	return a.Incarnation
}

// saw returns the messages and fields that the operation returned.
func (a *Op) saw() (tags []Tag) {
	if a.Parts&PartMessages != 0 {
		tags = slices.Clone(a.Messages)
	}
	if a.Parts&PartFields != 0 {
		tags = append(tags, a.Fields[:]...)
	}
	return tags
}

// TookPlace reports whether the operation certainly met a session.
func (a *Op) TookPlace() bool {
	return a.Outcome == OK || a.Outcome == Failed || a.Outcome == RolledBack
}

// MayChange reports whether the operation changed the session, or may have.
func (a *Op) MayChange() bool {
	switch a.Outcome {
	case NotFound, NotApplied, RolledBack:
		return false
	case Indeterminate:
		return !a.Kind.Reads()
	}
	return a.Created || a.Kind.Writes() || a.Kind.Removes()
}

// placed reports whether the operation returned its incarnation and version.
func (a *Op) placed() bool {
	return a.Parts&(PartIncarnation|PartVersion) == PartIncarnation|PartVersion
}

// writes returns the number of messages and of versions that the operation adds.
func (a *Op) writes() (messages, versions uint64) {
	return kinds[a.Kind].messages, kinds[a.Kind].versions
}

// written returns the tags that the operation writes to a session.
func (a *Op) written() []Tag {
	switch {
	case a.Kind == Nested:
		return []Tag{a.Tag, a.Tag + 1}
	case a.Kind.Writes():
		return []Tag{a.Tag}
	}
	return nil
}

// String returns an operation by its user and kind: "A's append of A7".
func (a *Op) String() string {
	return UserName(a.User) + "'s " + a.fill(cmp.Or(kinds[a.Kind].noun, a.Kind.String()))
}

// Request returns an operation without its user and its result: "append A7".
func (a *Op) Request() string { return a.fill(cmp.Or(kinds[a.Kind].call, a.Kind.String())) }

// action returns an operation as the beginning of a sentence: "B added message B7".
func (a *Op) action() string {
	verb := kinds[a.Kind].verb
	if a.Created {
		verb = kinds[Create].verb
	}
	return UserName(a.User) + a.fill(verb)
}

// fill replaces the names of tags in a text of kinds.
func (a *Op) fill(text string) string {
	return strings.NewReplacer("TAG", a.Tag.String(), "NEXT", (a.Tag + 1).String()).Replace(text)
}

// A History holds all operations of all users on the sessions under one id, in any order. It begins without a session.
type History struct {
	ID  manager.ID
	Ops []Op

	// Claimed means that the store computes versions and incarnations. Otherwise they are part of the stored session,
	// written by the closures that change it, and a wrong one is a wrong session.
	Claimed bool
}

// Overtaken looks for a write during which limit or more other users' writes to the same session began and ended. It returns
// that write and their number, nil for none.
func (h *History) Overtaken(limit int) (op *Op, by int) {
	for k := range h.Ops {
		op := &h.Ops[k]
		if !op.Kind.Writes() || op.Outcome != OK {
			continue
		}
		by := 0
		for j := range h.Ops {
			if other := &h.Ops[j]; other.Kind.Writes() && other.User != op.User && other.Call > op.Call && other.Return < op.Return {
				by++
			}
		}
		if by >= limit {
			return op, by
		}
	}
	return nil, 0
}
