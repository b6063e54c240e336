package runner

import (
	"math"
	"math/bits"

	"github.com/sessbench/sessbench/manager"
)

// ledger holds one user's sums over its own operations: its writes to each incarnation, the incarnations that it created,
// and the final states that it received. Only its user writes it, and the window shares nothing. The audit combines the
// ledgers of all users afterwards.
type ledger struct {
	Table          []tally // open addressing by slot: the newest incarnation written to. A power of two, never full.
	used           int
	Past           []tally // of earlier incarnations in the same slots
	Created        []creation
	Final          []finalState
	notFound       []notFound
	Indeterminates []indeterminate

	Backwards int // numbers that did not rise
}

// tally sums up one user's writes to one incarnation. The numbers of all users' writes together must be 1…n. Three sums
// and a count verify that: any lost, repeated or invented number changes one of them.
type tally struct {
	Slot        uint32
	Word        uint32 // what the last write wrote
	Incarnation uint64 // the incarnation; 0: no tally
	Count       uint64
	Last        uint64 // number of the last write
	Sum         uint64 // Σ numbers
	Mixed       uint64 // Σ mix(numbers)

	Touches    uint64 // changes of the version that are no writes
	Unnumbered uint64 // writes of count for which the target reported no number
}

// creation is an incarnation that this user created.
type creation struct {
	ID          manager.ID
	Incarnation uint64
}

// finalState is the last state of an incarnation, as Delete or a sweep returned it.
type finalState struct {
	ID          manager.ID
	Incarnation uint64
	N           uint64 // number of changes, in the scenario's count; may be unknownCount
	Others      uint64 // changes of the version beyond those; may be unknownCount
	since       int64  // on the trial's clock, when the call that removed it began
	Kept        int8   // how many of words are in use
	Broken      string // what is wrong with what was kept; empty: nothing
	Words       [manager.HistoryLimit]uint32
}

// unknownCount stands for a number that a target does not report.
const unknownCount = math.MaxUint64

// notFound is a "not found" for an incarnation in this user's own slot.
type notFound struct {
	incarnation uint64
	at          int64 // on the trial's clock
}

// newLedger returns a ledger sized for writes to slots different slots.
func newLedger(slots int) ledger {
	return ledger{Table: make([]tally, 1<<bits.Len(uint(max(slots, 8)*3/2)))}
}

// mix is a finalizer with full avalanche (splitmix64: Steele, Lea and Flood, 2014).
func mix(n uint64) uint64 {
	n += 0x9e3779b97f4a7c15
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}

// wrote records that this user's write to an incarnation got number n. Hot path.
func (l *ledger) wrote(slot uint32, incarnation, n uint64, word uint32) {
	t := l.find(slot)
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
	t.Mixed += mix(n)
}

// wroteUnnumbered records that this user's write to an incarnation took effect, without a number.
func (l *ledger) wroteUnnumbered(slot uint32, incarnation uint64, word uint32) {
	t := l.find(slot)
	if t.Incarnation != incarnation {
		t = l.begin(t, slot, incarnation)
	}
	t.Word = word
	t.Count++
	t.Unnumbered++
}

// touched records n touches of an incarnation.
func (l *ledger) touched(slot uint32, incarnation, n uint64) {
	t := l.find(slot)
	if t.Incarnation != incarnation {
		t = l.begin(t, slot, incarnation)
	}
	t.Touches += n
}

// find returns the tally of slot, or the free place for it.
func (l *ledger) find(slot uint32) *tally {
	mask := uint32(len(l.Table) - 1)
	for i := slot * 0x9e3779b1 >> 7; ; i++ {
		if t := &l.Table[i&mask]; t.Slot == slot || t.Incarnation == 0 {
			return t
		}
	}
}

// begin makes t, found for slot, the empty tally of a new incarnation.
func (l *ledger) begin(t *tally, slot uint32, incarnation uint64) *tally {
	if t.Incarnation != 0 {
		l.Past = append(l.Past, *t)
	} else if l.used++; l.used*4 > len(l.Table)*3 {
		l.grow()
		t = l.find(slot)
	}
	*t = tally{Slot: slot, Incarnation: incarnation}
	return t
}

func (l *ledger) grow() {
	old := l.Table
	l.Table = make([]tally, 2*len(old))
	for _, t := range old {
		if t.Incarnation != 0 {
			*l.find(t.Slot) = t
		}
	}
}

// tallies yields each tally of the ledger.
func (l *ledger) tallies(yield func(tally) bool) {
	for _, t := range l.Past {
		if !yield(t) {
			return
		}
	}
	for _, t := range l.Table {
		if t.Incarnation != 0 && !yield(t) {
			return
		}
	}
}
