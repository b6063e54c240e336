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
	table          []tally // open addressing by slot: the newest incarnation written to. A power of two, never full.
	used           int
	past           []tally // of earlier incarnations in the same slots
	created        []creation
	final          []finalState
	notFound       []notFound
	indeterminates []indeterminate

	backwards int // numbers that did not rise
}

// tally sums up one user's writes to one incarnation. The numbers of all users' writes together must be 1…n. Three sums
// and a count verify that: any lost, repeated or invented number changes one of them.
type tally struct {
	slot        uint32
	word        uint32 // what the last write wrote
	incarnation uint64 // the incarnation; 0: no tally
	count       uint64
	last        uint64 // number of the last write
	sum         uint64 // Σ numbers
	mixed       uint64 // Σ mix(numbers)

	touches    uint64 // changes of the version that are no writes
	unnumbered uint64 // writes of count for which the target reported no number
}

// creation is an incarnation that this user created.
type creation struct {
	id          manager.ID
	incarnation uint64
}

// finalState is the last state of an incarnation, as Delete or a sweep returned it.
type finalState struct {
	id          manager.ID
	incarnation uint64
	n           uint64 // number of changes, in the scenario's count; may be unknownCount
	others      uint64 // changes of the version beyond those; may be unknownCount
	since       int64  // on the trial's clock, when the call that removed it began
	kept        int8   // how many of words are in use
	broken      string // what is wrong with what was kept; empty: nothing
	words       [manager.HistoryLimit]uint32
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
	return ledger{table: make([]tally, 1<<bits.Len(uint(max(slots, 8)*3/2)))}
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
	if t.incarnation != incarnation {
		t = l.turn(t, slot, incarnation)
	}
	if n <= t.last {
		l.backwards++
	}
	t.word = word
	t.count++
	t.last = n
	t.sum += n
	t.mixed += mix(n)
}

// wroteUnnumbered records that this user's write to an incarnation took effect, without a number.
func (l *ledger) wroteUnnumbered(slot uint32, incarnation uint64, word uint32) {
	t := l.find(slot)
	if t.incarnation != incarnation {
		t = l.turn(t, slot, incarnation)
	}
	t.word = word
	t.count++
	t.unnumbered++
}

// touched records n touches of an incarnation.
func (l *ledger) touched(slot uint32, incarnation, n uint64) {
	t := l.find(slot)
	if t.incarnation != incarnation {
		t = l.turn(t, slot, incarnation)
	}
	t.touches += n
}

// find returns the tally of slot, or the free place for it.
func (l *ledger) find(slot uint32) *tally {
	mask := uint32(len(l.table) - 1)
	for i := slot * 0x9e3779b1 >> 7; ; i++ {
		if t := &l.table[i&mask]; t.slot == slot || t.incarnation == 0 {
			return t
		}
	}
}

// turn makes t, found for slot, the empty tally of a new incarnation.
func (l *ledger) turn(t *tally, slot uint32, incarnation uint64) *tally {
	if t.incarnation != 0 {
		l.past = append(l.past, *t)
	} else if l.used++; l.used*4 > len(l.table)*3 {
		l.grow()
		t = l.find(slot)
	}
	*t = tally{slot: slot, incarnation: incarnation}
	return t
}

func (l *ledger) grow() {
	old := l.table
	l.table = make([]tally, 2*len(old))
	for _, t := range old {
		if t.incarnation != 0 {
			*l.find(t.slot) = t
		}
	}
}

// tallies yields each tally of the ledger.
func (l *ledger) tallies(yield func(tally) bool) {
	for _, t := range l.past {
		if !yield(t) {
			return
		}
	}
	for _, t := range l.table {
		if t.incarnation != 0 && !yield(t) {
			return
		}
	}
}
