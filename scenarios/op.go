// Package scenarios holds the workloads, one scenario per file, and what they consist of: operations, mixes, key distributions
// and tapes. Only the command line is stable; this package may change between minor releases.
package scenarios

import (
	"fmt"
	"math"
	"strings"
)

// Op is a kind of operation on a session.
type Op uint8

// The operations. Each has a row in the table ops and a case in each driver that performs it.
const (
	Create Op = iota
	GetOrCreate
	Append
	History
	Validate
	Touch
	Update
	Read
	Delete
	Sweep
	NumOps
)

// Properties is what an operation does to a session, as far as users, the audit, histories and the limit need to know it. They read
// it here and name no operation, so that a new one needs nothing but its row and its cases in the drivers. What an operation
// sends and returns is in [Request] and [Effect]. An interface with a type for each operation was rejected: users would call it in
// the hot path, and each of its readers would need a method on all of the types.
type Properties uint16

// The properties. Work under the lock belongs to AddsMessage and SetsFields.
const (
	Mints         Properties = 1 << iota // creates a session under a new id
	Ensures                              // creates the session if there is none; the id may be that of a deleted one
	AddsMessage                          // writes a text as a message
	SetsFields                           // writes a text to all fields
	RecordsUse                           // changes the version alone
	ReadsMessages                        // returns the newest
	ReadsFields                          // returns all
	Finds                                // returns only whether the session exists
	Removes                              // removes the session
	RemovesIdle                          // removes every expired session; has no id

	Writes  = AddsMessage | SetsFields // with a text
	Mutates = Writes | RecordsUse      // changes an existing session and so holds it exclusively: w in the limit
)

// ops has a row for each operation: its name on the command line and in results, and what it does. Any operation may record a
// use when that is due, which its [Effect] reports.
var ops = [NumOps]struct {
	name string
	does Properties
}{
	Create:      {"create", Mints},
	GetOrCreate: {"get_or_create", Ensures},
	Append:      {"append", AddsMessage},
	History:     {"history", ReadsMessages},
	Validate:    {"validate", Finds},
	Touch:       {"touch", RecordsUse},
	Update:      {"update", SetsFields},
	Read:        {"read", ReadsFields},
	Delete:      {"delete", Removes},
	Sweep:       {"sweep", RemovesIdle},
}

// FirstEvent is the name, in results and thresholds, of the part of operations that ends with the first server-sent event of the answer.
const FirstEvent = "first_event"

// String returns the operation's name on the command line and in results.
func (o Op) String() string { return ops[o].name }

// Properties returns what the operation does.
func (o Op) Properties() Properties { return ops[o].does }

// Does reports whether the operation has any of the properties.
func (o Op) Does(any Properties) bool { return o.Properties().Have(any) }

// Have reports whether any of the properties is among p.
func (p Properties) Have(any Properties) bool { return p&any != 0 }

// ParseOp returns the operation with this name.
func ParseOp(name string) (Op, error) {
	for op, row := range ops {
		if row.name == name {
			return Op(op), nil
		}
	}
	var names []string
	for op := range NumOps {
		names = append(names, op.String())
	}
	return 0, fmt.Errorf("unknown operation %q: want one of %s", name, strings.Join(names, ", "))
}

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

// at returns the same operation on another slot.
func (o TapeOp) at(slot uint32) TapeOp { return TapeOp(slot)<<32 | o&math.MaxUint32 }
