package scenarios

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
)

// tapeLength is the number of operations on a tape, about: whole visits. Users go round it, each starting
// elsewhere.
const tapeLength = 1 << 16

// Tape is what the users of a scenario do, drawn before any clock starts: the same for every strategy.
type Tape struct {
	Steps []Step
	Visit int    // operations a visit; Steps holds whole visits
	Hash  string // SHA-256 of the steps, hexadecimal

	// What the limit is made of, as fractions of all operations.
	Updates float64 // w: the operations that change a session
	Busiest float64 // p: the changes of the most changed session, over all users
	Hot     uint32  // the slot of that session
}

// Draw draws the tape of s. The same scenario and seed give the same tape on every machine.
func Draw(s *Scenario, seed uint64) *Tape {
	rng := rand.New(rand.NewPCG(seed, 0x5e55be9c4))
	t := &Tape{Visit: max(1, len(s.Visit))}
	visits := tapeLength / t.Visit
	t.Steps = make([]Step, 0, visits*t.Visit)
	slots := s.SlotsPerUser()
	slot := s.Keys.sampler(slots, rng)
	for range visits {
		at := slot()
		if len(s.Mix) > 0 {
			t.Steps = append(t.Steps, NewStep(s.Mix.draw(rng), at, s.Sizes.draw(rng), true))
			continue
		}
		for i, op := range s.Visit {
			t.Steps = append(t.Steps, NewStep(op, at, s.Sizes.draw(rng), i == 0))
		}
	}
	t.measure(s, slots)
	return t
}

// Start is where user number u of n begins on the tape: at the start of a visit.
func (t *Tape) Start(u, n int) int {
	visits := len(t.Steps) / t.Visit
	return int(uint64(u)*uint64(visits)/uint64(n)) * t.Visit
}

// MaxSize is the largest entry on the tape in bytes.
func (t *Tape) MaxSize() int {
	largest := 0
	for _, s := range t.Steps {
		largest = max(largest, s.Size())
	}
	return largest
}

func (t *Tape) measure(s *Scenario, slots int) {
	hash := sha256.New()
	var word [8]byte
	updates, changes := 0, make([]int, slots)
	busiest := 0
	for _, step := range t.Steps {
		binary.LittleEndian.PutUint64(word[:], uint64(step))
		hash.Write(word[:])
		if step.Op().Mutates() {
			updates++
			slot := step.Slot()
			if changes[slot]++; changes[slot] > busiest {
				busiest, t.Hot = changes[slot], slot
			}
		}
	}
	t.Hash = hex.EncodeToString(hash.Sum(nil))
	t.Updates = float64(updates) / float64(len(t.Steps))
	t.Busiest = float64(busiest) / float64(len(t.Steps))
	switch {
	case s.Creates():
		t.Busiest = 0 // a slot sees ever new sessions, so no single one is in the way
	case s.Own:
		t.Busiest /= float64(s.Users)
	}
}
