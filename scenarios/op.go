// Package scenarios holds the workloads, one scenario per file, and what they consist of: operations, mixes, key distributions
// and tapes. Only the command line is stable; this package may change between minor releases.
package scenarios

import (
	"fmt"
	"slices"
	"strings"
)

// Op is a kind of operation on a session.
type Op uint8

// The operations. Create generates an id; GetOrCreate may reuse the id of a deleted session.
const (
	Create Op = iota
	GetOrCreate
	Append   // adds a message, with work under the lock
	History  // reads the newest messages
	Validate // checks that the session exists; touches it when a touch is due
	Touch    // records a use
	Update   // changes fields, with work under the lock
	Read     // reads the fields
	Delete
	Sweep // removes every expired session
	NumOps
)

var opNames = [NumOps]string{"create", "get_or_create", "append", "history", "validate", "touch", "update", "read", "delete", "sweep"}

// String returns the operation's name on the command line and in results.
func (o Op) String() string { return opNames[o] }

// ParseOp returns the operation with this name.
func ParseOp(name string) (Op, error) {
	if i := slices.Index(opNames[:], name); i >= 0 {
		return Op(i), nil
	}
	return 0, fmt.Errorf("unknown operation %q: want one of %s", name, strings.Join(opNames[:], ", "))
}

// Mutates reports whether the operation changes an existing session and so holds it exclusively: w in the limit.
func (o Op) Mutates() bool { return o == Append || o == Touch || o == Update }

// MaxSize is the largest message content or field value that an operation writes, in bytes. A history of 15 such messages fits a
// line of the adapter protocol (16 MiB) even if each byte is escaped as \u00XX, six bytes.
const MaxSize = 128 << 10

// sizeMask covers the bits of a TapeOp that hold the size.
const sizeMask = 1<<24 - 1

// TapeOp is one operation on a tape, packed without pointers so that 2¹⁶ of them fit a second-level cache: the session's slot,
// the size of what is written, whether it is the first of a visit, and the kind of operation.
type TapeOp uint64

// NewTapeOp packs an operation. size is in bytes, at most MaxSize; start marks the first operation of a visit.
func NewTapeOp(op Op, slot uint32, size int, start bool) TapeOp {
	o := TapeOp(slot)<<32 | TapeOp(min(max(size, 0), MaxSize))<<8 | TapeOp(op)
	if start {
		o |= 1 << 7
	}
	return o
}

// Op returns the kind of operation.
func (o TapeOp) Op() Op { return Op(o & 0x7f) }

// Start reports whether the operation is the first of a visit.
func (o TapeOp) Start() bool { return o&(1<<7) != 0 }

// Size returns the size of what is written, in bytes.
func (o TapeOp) Size() int { return int(o>>8) & sizeMask }

// Slot returns the index of the session, from 0.
func (o TapeOp) Slot() uint32 { return uint32(o >> 32) }
