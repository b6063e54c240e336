// Package scenarios holds what users do to a session store, one scenario a file.
package scenarios

import (
	"fmt"
	"slices"
	"strings"
)

// Op is a kind of operation that a user does on a session.
type Op uint8

// The operations. Create mints an id; GetOrCreate uses one that may have lived before.
const (
	Create Op = iota
	GetOrCreate
	Append   // one more message, its work done under the lock
	History  // read the newest messages
	Validate // read only that the session is there; touches it when a touch is due
	Touch    // record a use
	Update   // change fields, the work done under the lock
	Read     // read the fields
	Delete
	Sweep // remove every session that is past its time
	NumOps
)

var opNames = [NumOps]string{"create", "get_or_create", "append", "history", "validate", "touch", "update", "read", "delete", "sweep"}

// String is the operation's name on the command line and in results.
func (o Op) String() string { return opNames[o] }

// ParseOp finds an operation by its name.
func ParseOp(name string) (Op, error) {
	if i := slices.Index(opNames[:], name); i >= 0 {
		return Op(i), nil
	}
	return 0, fmt.Errorf("unknown operation %q: want one of %s", name, strings.Join(opNames[:], ", "))
}

// Mutates reports whether the operation takes an existing session for itself to change it: the w of the limit.
func (o Op) Mutates() bool { return o == Append || o == Touch || o == Update }

// MaxSize is the largest entry that an operation writes, in bytes: a message's content, or the value of a field. With it a
// history of 15 messages fits a line of the adapter protocol (16 MiB) even where each byte is escaped as \u00XX, which
// takes six.
const MaxSize = 128 << 10

// sizeMask has the bits that a step has for a size.
const sizeMask = 1<<24 - 1

// Step is one operation on a tape, packed so that 2¹⁶ of them fit a second-level cache and hold no pointers:
// the session's slot, the size of what is written, whether a visit starts here, and the operation.
type Step uint64

// NewStep packs a step. size is in bytes and cut at MaxSize; start marks the first operation of a visit.
func NewStep(op Op, slot uint32, size int, start bool) Step {
	s := Step(slot)<<32 | Step(min(max(size, 0), MaxSize))<<8 | Step(op)
	if start {
		s |= 1 << 7
	}
	return s
}

// Op is the operation.
func (s Step) Op() Op { return Op(s & 0x7f) }

// Start reports whether a visit starts here.
func (s Step) Start() bool { return s&(1<<7) != 0 }

// Size is the size of what is written, in bytes.
func (s Step) Size() int { return int(s>>8) & sizeMask }

// Slot is the number of the session, from 0.
func (s Step) Slot() uint32 { return uint32(s >> 32) }
