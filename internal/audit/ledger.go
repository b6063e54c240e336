package audit

import (
	"math/bits"
	"unsafe"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
)

// Rules is what a trial's audit goes by. They do not change during a trial, and are safe for concurrent use.
type Rules struct {
	Contents  *Contents
	Users     int          // number of users, the preloaders' common number included
	Fields    []string     // that a write sets, all to one text
	ByVersion bool         // changes are numbered by the session's version, and not by its message count
	Target    bool         // the store is a target: messages need no numbers, and sweeps return no final states
	Sweeps    bool         // sweeps remove sessions
	IDs       []manager.ID // by slot, where ids are reused
}

// Counted returns the properties of the operations that the audit counts: writes of messages, or all changes with ByVersion.
func (r *Rules) Counted() scenarios.Properties {
	if r.ByVersion {
		return scenarios.Mutates
	}
	return scenarios.AddsMessage
}

// Count returns the trial's count of changes after an operation, if the driver reported it.
func (r *Rules) Count(e *scenarios.Effect) (n uint64, reported bool) {
	if r.ByVersion {
		return e.Version, e.Reported&scenarios.ReportsVersion != 0
	}
	return e.Seq, e.Reported&scenarios.ReportsSeq != 0
}

// Ledger holds one user's sums over its own operations: its writes to each incarnation, the incarnations that it created,
// and the final states that it received. Only its user writes it, and the window shares nothing. The audit combines the
// ledgers of all users afterwards. Ledgers are sent to the participant that audits as they are, with
// encoding/gob. Misses are not sent, because their times mean nothing on another machine's clock.
type Ledger struct {
	User           int
	First          uint32  // slot of Direct[0]
	Direct         []Tally // by slot: the newest incarnation written to
	Table          []Tally // of other slots: open addressing by slot. A power of two, never full.
	used           int     // of Table
	Past           []Tally // of earlier incarnations in the same slots
	Created        []Creation
	Final          []Final
	notFound       []notFound
	Indeterminates []Indeterminate
	Swept          int                // sessions that this user's sweeps reported as removed
	Backwards      int                // numbers that did not rise
	Ambiguous      bool               // a target did not report incarnations where they distinguish sessions under one id
	Violations     []result.Violation // seen by the user itself, the first few
}

// Tally sums up one user's writes to one incarnation. The numbers of all users' writes together must be 1…n. The count
// and two sums verify that: any lost, repeated or invented number changes one of them.
type Tally struct {
	Slot        uint32
	Word        uint32 // what the last write wrote
	Incarnation uint64 // the incarnation; 0: no tally
	Count       uint64
	Last        uint64 // number of the last write
	Sum         uint64 // Σ numbers
	Mixed       uint64 // Σ Mix(numbers)

	Uses       uint64 // changes of the version that are no writes
	Unnumbered uint64 // writes of count for which the target reported no number
}

// Creation is an incarnation that this user created.
type Creation struct {
	ID          manager.ID
	Incarnation uint64
}

// notFound is a "not found" for an incarnation in this user's own slot.
type notFound struct {
	incarnation uint64
	at          int64 // on the trial's clock
}

// Indeterminate is an operation that may or may not have taken effect: its response was lost.
type Indeterminate struct {
	Op   scenarios.Op
	ID   manager.ID // zero for a sweep, and for a creation whose id was not received
	Word uint32     // what a write would have written
}

// TallySize is the size of a tally in bytes.
const TallySize = int(unsafe.Sizeof(Tally{}))

// NewLedger returns a user's ledger, sized for writes to slots different slots.
func NewLedger(user, slots int) Ledger {
	return Ledger{User: user, Table: make([]Tally, 1<<bits.Len(uint(max(slots, 8)*3/2)))}
}

// NewDirectLedger returns the ledger of a user that writes to so many slots from first on, or to most of them: each has a place,
// which takes no search, and neighbours have neighbouring ones.
func NewDirectLedger(user int, first uint32, slots int) Ledger {
	l := NewLedger(user, 0)
	l.First, l.Direct = first, make([]Tally, slots)
	return l
}

// Mix is a finalizer with full avalanche (splitmix64: Steele, Lea and Flood, 2014).
func Mix(n uint64) uint64 {
	n += 0x9e3779b97f4a7c15
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}

// Wrote records that this user's write to an incarnation got number n. Hot path.
func (l *Ledger) Wrote(slot uint32, incarnation, n uint64, word uint32) {
	t := l.Find(slot) // and not of: a call costs as much as the rest
	if t.Incarnation != incarnation {
		t = l.begin(t, slot, incarnation)
	}
	if n <= t.Last {
		l.Backwards++
	}
	t.Word = word
	t.Count++
	t.Last = n
	t.Sum += n
	t.Mixed += Mix(n)
}

// WroteUnnumbered records that this user's write to an incarnation took effect, without a number.
func (l *Ledger) WroteUnnumbered(slot uint32, incarnation uint64, word uint32) {
	t := l.of(slot, incarnation)
	t.Word = word
	t.Count++
	t.Unnumbered++
}

// Used records n recorded uses of an incarnation.
func (l *Ledger) Used(slot uint32, incarnation, n uint64) { l.of(slot, incarnation).Uses += n }

// NotFound records that an operation found no session at a time, where this user alone had one.
func (l *Ledger) NotFound(incarnation uint64, at int64) {
	l.notFound = append(l.notFound, notFound{incarnation, at})
}

// of returns the tally of an incarnation in slot.
func (l *Ledger) of(slot uint32, incarnation uint64) *Tally {
	t := l.Find(slot)
	if t.Incarnation != incarnation {
		t = l.begin(t, slot, incarnation)
	}
	return t
}

// Find returns the tally of the newest incarnation in slot, or the free place for it.
func (l *Ledger) Find(slot uint32) *Tally {
	if i := slot - l.First; int(i) < len(l.Direct) {
		return &l.Direct[i]
	}
	return l.search(slot)
}

func (l *Ledger) search(slot uint32) *Tally {
	mask := uint32(len(l.Table) - 1)
	for i := slot * 0x9e3779b1 >> 7; ; i++ {
		if t := &l.Table[i&mask]; t.Slot == slot || t.Incarnation == 0 {
			return t
		}
	}
}

// begin makes t, found for slot, the empty tally of a new incarnation.
func (l *Ledger) begin(t *Tally, slot uint32, incarnation uint64) *Tally {
	switch {
	case t.Incarnation != 0:
		l.Past = append(l.Past, *t)
	case int(slot-l.First) < len(l.Direct):
	default:
		if l.used++; l.used*4 > len(l.Table)*3 {
			l.grow()
			t = l.search(slot)
		}
	}
	*t = Tally{Slot: slot, Incarnation: incarnation}
	return t
}

func (l *Ledger) grow() {
	old := l.Table
	l.Table = make([]Tally, 2*len(old))
	for _, t := range old {
		if t.Incarnation != 0 {
			*l.search(t.Slot) = t
		}
	}
}

// Tallies yields each tally of the ledger.
func (l *Ledger) Tallies(yield func(Tally) bool) {
	for _, list := range [][]Tally{l.Past, l.Direct, l.Table} {
		for i := range list {
			if t := &list[i]; t.Incarnation != 0 && !yield(*t) {
				return
			}
		}
	}
}
