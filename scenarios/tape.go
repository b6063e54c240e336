package scenarios

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"slices"
)

// tapeLength is the approximate number of operations on a tape, which holds whole visits. Users repeat the tape, each from its
// own starting point.
const tapeLength = 1 << 16

// Tape is the operations of a scenario, drawn before the trial: identical for every strategy.
type Tape struct {
	Ops   []TapeOp
	Visit int    // operations per visit; Ops holds whole visits
	Hash  string // SHA-256 of Ops and of the load, hexadecimal

	// Inputs of the theoretical throughput limit, as fractions of all operations.
	Updates float64 // w: operations that change a session
	Busiest float64 // p: changes of the session changed most, over all users
	Hot     uint32  // slot of that session

	// Of a tape in order of use; see InOrder.
	Touched int      // slots that occur: those below
	drawn   []uint32 // by the number that a slot was drawn with: its number
}

// Draw draws the tape of s. The same scenario and seed give the same tape on every machine.
func Draw(s *Scenario, seed uint64) *Tape {
	rng := rand.New(rand.NewPCG(seed, 0x5e55be9c4))
	t := &Tape{Visit: max(1, len(s.Visit))}
	visits := tapeLength / t.Visit
	t.Ops = make([]TapeOp, 0, visits*t.Visit)
	slots := s.SlotsPerUser()
	slot := s.Keys.sampler(slots, rng)
	for range visits {
		at := slot()
		if len(s.Mix) > 0 {
			t.Ops = append(t.Ops, NewTapeOp(s.Mix.draw(rng), at, s.Sizes.draw(rng), true))
			continue
		}
		for i, op := range s.Visit {
			t.Ops = append(t.Ops, NewTapeOp(op, at, s.Sizes.draw(rng), i == 0))
		}
	}
	t.measure(s, slots)
	return t
}

// InOrder returns t, drawn for so many slots, with the slots numbered in the order in which they first occur; those that never occur
// come last. A user that repeats the tape then walks through what it keeps for each slot, and the processor fetches what comes next before it
// is needed. Drawn numbers are in order of popularity, which is no order in time.
//
// It is the same work: the hash remains that of the operations as drawn.
func (t *Tape) InOrder(slots int) *Tape {
	const absent = math.MaxUint32
	in := *t
	in.Touched, in.drawn, in.Ops = 0, slices.Repeat([]uint32{absent}, slots), make([]TapeOp, len(t.Ops))
	number := func(slot *uint32) uint32 {
		if *slot == absent {
			*slot = uint32(in.Touched)
			in.Touched++
		}
		return *slot
	}
	for i, op := range t.Ops {
		in.Ops[i] = op.at(number(&in.drawn[op.Slot()]))
	}
	touched := in.Touched
	for i := range in.drawn {
		number(&in.drawn[i])
	}
	in.Touched, in.Hot = touched, in.drawn[t.Hot]
	return &in
}

// SlotOf returns the slot that was drawn as number i. Slots beyond those that t was drawn for keep their numbers.
func (t *Tape) SlotOf(i int) int {
	if i >= len(t.drawn) {
		return i
	}
	return int(t.drawn[i])
}

// Start is the index in Ops at which user u of n begins, always the start of a visit.
func (t *Tape) Start(u, n int) int {
	visits := len(t.Ops) / t.Visit
	return int(uint64(u)*uint64(visits)/uint64(n)) * t.Visit
}

// MaxSize is the largest entry on the tape in bytes.
func (t *Tape) MaxSize() int {
	largest := 0
	for _, s := range t.Ops {
		largest = max(largest, s.Size())
	}
	return largest
}

func (t *Tape) measure(s *Scenario, slots int) {
	hash := sha256.New()
	var word [8]byte
	updates, changes := 0, make([]int, slots)
	busiest := 0
	for _, op := range t.Ops {
		binary.LittleEndian.PutUint64(word[:], uint64(op))
		hash.Write(word[:])
		if op.Op().Does(Mutates) {
			updates++
			slot := op.Slot()
			if changes[slot]++; changes[slot] > busiest {
				busiest, t.Hot = changes[slot], slot
			}
		}
	}
	if s.Load.Open() {
		hash.Write([]byte(s.Load.String()))
	}
	hash.Write([]byte(s.Ramp.String()))
	t.Hash = hex.EncodeToString(hash.Sum(nil))
	t.Updates = float64(updates) / float64(len(t.Ops))
	t.Busiest = float64(busiest) / float64(len(t.Ops))
	switch {
	case s.Creates():
		t.Busiest = 0 // a slot holds one new session after another, so no single session is the bottleneck
	case s.OwnSessions:
		t.Busiest /= float64(s.Users)
	}
}
