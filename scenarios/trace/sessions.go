package trace

import (
	"crypto/sha256"
	"fmt"
	"math"
	"time"

	"github.com/sessbench/sessbench/scenarios"
)

// Counts describes the content of a log, and how much of it was used.
type Counts struct {
	Lines      int64 // read, header and blank ones included
	Malformed  int64 // skipped
	Visits     int64 // rows used
	Sessions   int64 // distinct keys
	Operations [scenarios.NumOps]int64

	Updates int64 // operations that change an existing session
	MaxSize int   // largest entry written, in bytes
	Clipped int64 // entries that were larger than scenarios.MaxSize and were cut to it

	Timed      bool
	Span       time.Duration // from the first row to the latest; 0 without times
	Inversions int64         // rows that are earlier than the row before them
}

// ByName is the number of operations of each kind that occurs.
func (c *Counts) ByName() map[string]int64 {
	named := map[string]int64{}
	for op, n := range c.Operations {
		if n > 0 {
			named[scenarios.Op(op).String()] = n
		}
	}
	return named
}

// Total is the number of operations of any kind.
func (c *Counts) Total() (n int64) {
	for _, of := range c.Operations {
		n += of
	}
	return n
}

// Used is the share of the rows that were used, from 0 to 1. 1 where there were none.
func (c *Counts) Used() float64 {
	if c.Malformed == 0 {
		return 1
	}
	return float64(c.Visits) / float64(c.Visits+c.Malformed)
}

// sessions assigns a slot to every key of a log, in the order of first visits, tracks which sessions exist, and counts.
// It keeps 128 bits of the SHA-256 of a key instead of the key: with 10⁹ sessions the probability that any
// two of them collide is below 10⁻²⁰. Memory grows with the distinct sessions only, by about 100 bytes each.
type sessions struct {
	slots  map[[16]byte]uint32
	states []session // by slot
	counts Counts
	last   time.Duration // At of the row before
	steps  []scenarios.TapeOp
}

type session struct {
	visits uint64
	alive  bool
}

func newSessions() *sessions { return &sessions{slots: map[[16]byte]uint32{}} }

// slot finds the key's slot.
func (s *sessions) slot(key []byte) (uint32, error) {
	sum := sha256.Sum256(key)
	short := [16]byte(sum[:16])
	slot, ok := s.slots[short]
	if ok {
		return slot, nil
	}
	if uint64(len(s.states)) > math.MaxUint32 {
		return 0, fmt.Errorf("more than %d sessions", uint64(math.MaxUint32)+1)
	}
	slot = uint32(len(s.states))
	s.slots[short] = slot
	s.states = append(s.states, session{})
	s.counts.Sessions++
	return slot, nil
}

// add converts a visit into operations: those of its row, after a GetOrCreate if the session does not exist. The result is
// valid until the next call. at is never less than that of an earlier visit: a row with
// an earlier time than its predecessor gets the predecessor's.
func (s *sessions) add(v Visit) (at time.Duration, steps []scenarios.TapeOp, err error) {
	slot, err := s.slot(v.Key)
	if err != nil {
		return 0, nil, err
	}
	s.states[slot].visits++
	s.counts.Visits++
	s.steps = s.steps[:0]
	for i, a := range v.Ops {
		if !s.states[slot].alive && !a.Op.Does(scenarios.Ensures) {
			s.step(slot, Action{Op: scenarios.GetOrCreate}, i == 0)
		}
		s.step(slot, a, len(s.steps) == 0)
	}
	return s.tick(v), s.steps, nil
}

// step appends one operation and counts it.
func (s *sessions) step(slot uint32, a Action, start bool) {
	state, c := &s.states[slot], &s.counts
	if a.Size > scenarios.MaxSize {
		a.Size = scenarios.MaxSize
		c.Clipped++
	}
	s.steps = append(s.steps, scenarios.NewTapeOp(a.Op, slot, a.Size, start))
	state.alive = !a.Op.Does(scenarios.Removes)
	c.Operations[a.Op]++
	c.MaxSize = max(c.MaxSize, a.Size)
	if a.Op.Does(scenarios.Mutates) {
		c.Updates++
	}
}

// tick advances the log's clock, which never goes back.
func (s *sessions) tick(v Visit) time.Duration {
	if v.At < s.last {
		s.counts.Inversions++
	}
	s.last = v.At
	s.counts.Timed = v.Timed
	s.counts.Span = max(s.counts.Span, v.At)
	return s.counts.Span
}

// finish returns the counts, including those of the Reader.
func (s *sessions) finish(r *Reader) Counts {
	s.counts.Lines, s.counts.Malformed = r.Lines(), r.Malformed()
	return s.counts
}
