package runner

import (
	"math"
	"math/bits"

	"github.com/sessbench/sessbench/manager"
)

// A ledger is one user's own account of what it was told: what it wrote to each life of each session, the lives it
// began, the last states that were handed to it. Only its user writes it, and nothing shared. The audit puts the ledgers of
// all users together afterwards.
type ledger struct {
	table  []tally // open addressing by slot: the newest life this user wrote to. A power of two, never full.
	used   int
	past   []tally // lives that were followed by another one in the same slot
	began  []birth
	ended  []ending
	gone   []absence
	doubts []doubt

	backwards int // numbers that did not rise
}

// tally sums up one user's writes to one life. The numbers of all users' writes together must be 1…n, and three sums
// and a count tell whether they are: any lost, repeated or invented number changes one of them.
type tally struct {
	slot  uint32
	word  uint32 // what the last write wrote
	life  uint64 // the incarnation; 0: no tally
	count uint64
	last  uint64 // number of the last write
	sum   uint64 // Σ numbers
	mixed uint64 // Σ mix(numbers)

	touches uint64 // changes of the version that are no writes
	blind   uint64 // writes of count that the target gave no number
}

// birth is a life that this user was told it began.
type birth struct {
	id   manager.ID
	life uint64
}

// ending is the last state of a life, as Delete or a sweep handed it over.
type ending struct {
	id     manager.ID
	life   uint64
	n      uint64 // number of changes, in the scenario's count; uncounted: not told
	others uint64 // changes of the version beyond those; uncounted: not told
	since  int64  // on the trial's clock, when the call that removed it began
	kept   int8   // how many of words are in use
	broken string // what is wrong with what was kept; empty: nothing
	words  [manager.HistoryLimit]uint32
}

// uncounted stands for a number that a target does not tell.
const uncounted = math.MaxUint64

// absence is a life of this user's own that it was told is not found.
type absence struct {
	life uint64
	at   int64 // on the trial's clock, when it was told so
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

// wrote notes that this user's write to a life got number n. The hot path.
func (l *ledger) wrote(slot uint32, life, n uint64, word uint32) {
	t := l.find(slot)
	if t.life != life {
		t = l.turn(t, slot, life)
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

// wroteBlind notes that this user's write to a life took effect, and was given no number.
func (l *ledger) wroteBlind(slot uint32, life uint64, word uint32) {
	t := l.find(slot)
	if t.life != life {
		t = l.turn(t, slot, life)
	}
	t.word = word
	t.count++
	t.blind++
}

// touched notes n touches of a life.
func (l *ledger) touched(slot uint32, life, n uint64) {
	t := l.find(slot)
	if t.life != life {
		t = l.turn(t, slot, life)
	}
	t.touches += n
}

// find is the tally of slot, or the free place for it.
func (l *ledger) find(slot uint32) *tally {
	mask := uint32(len(l.table) - 1)
	for i := slot * 0x9e3779b1 >> 7; ; i++ {
		if t := &l.table[i&mask]; t.slot == slot || t.life == 0 {
			return t
		}
	}
}

// turn makes t, found for slot, the empty tally of a new life.
func (l *ledger) turn(t *tally, slot uint32, life uint64) *tally {
	if t.life != 0 {
		l.past = append(l.past, *t)
	} else if l.used++; l.used*4 > len(l.table)*3 {
		l.grow()
		t = l.find(slot)
	}
	*t = tally{slot: slot, life: life}
	return t
}

func (l *ledger) grow() {
	old := l.table
	l.table = make([]tally, 2*len(old))
	for _, t := range old {
		if t.life != 0 {
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
		if t.life != 0 && !yield(t) {
			return
		}
	}
}
