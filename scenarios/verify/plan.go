package verify

import (
	"math/rand/v2"
	"time"
)

// plan is one operation as it was drawn before the round began.
type plan struct {
	kind   Kind
	slot   uint32
	ending Ending
	cancel cancellation
	delay  time.Duration // until it is cancelled, where that is later
	idle   time.Duration // of a sweep: what was not changed for so long goes
	inside pressure      // in the closure, between seeing the session and changing it
	after  pressure      // when it is over
}

// cancellation says when an operation's ctx ends.
type cancellation uint8

const (
	neverCancelled  cancellation = iota
	cancelledBefore              // it is over before the call
	cancelledLater               // some time after the call, from another goroutine
)

// weights is how often each kind of operation is drawn, of the sum of all.
type weights map[Kind]int

// profiles are the mixes that rounds are drawn from. Between them sessions live short and long, see few reads and many.
var profiles = []weights{
	{GetOrCreate: 14, Append: 26, Update: 12, History: 18, View: 12, Delete: 8, Sweep: 3, Nested: 5, Create: 1},
	{GetOrCreate: 30, Append: 14, Update: 8, History: 10, View: 6, Delete: 24, Sweep: 6, Nested: 2},
	{GetOrCreate: 3, Append: 34, Update: 14, History: 28, View: 14, Nested: 6},
	{GetOrCreate: 6, Append: 10, Update: 8, History: 40, View: 30, Delete: 3, Nested: 2, Create: 1},
	{GetOrCreate: 20, Append: 20, Update: 5, History: 10, View: 5, Delete: 10, Create: 100},
}

// script is what a round does: everything that is drawn, from its seed alone.
type script struct {
	procs int
	slots int
	gauge bool // count who is inside: a shared write, which would hide races from the race detector
	gc    bool // collect garbage all the while
	users [][]plan
}

// draw draws a round.
func draw(seed uint64, cfg *Config) script {
	rng := rand.New(rand.NewPCG(seed, 0x5e551011))
	s := script{
		procs: []int{1, 2, 4, 8}[seed%4],
		slots: 1 + rng.IntN(4),
		gauge: cfg.Subject.Guarantees.Alone && rng.IntN(2) == 0,
		gc:    rng.IntN(4) == 0,
	}
	closures := cfg.Subject.OpenTarget == nil
	users := min(cfg.Users, max(2, cfg.Users-rng.IntN(cfg.Users)))
	each := 40 + rng.IntN(120)
	each = max(1, min(each, cfg.Ops*s.slots/(2*users))) // uneven popularity is at most twice the mean, on the average
	mix := cumulate(profiles[rng.IntN(len(profiles))], &cfg.Subject)
	for range users {
		plans := make([]plan, each)
		for i := range plans {
			plans[i] = s.drawOne(rng, mix, closures)
		}
		// Nothing is there at first.
		plans[0] = plan{kind: GetOrCreate, slot: plans[0].slot}
		s.users = append(s.users, plans)
	}
	return s
}

func (s *script) drawOne(rng *rand.Rand, mix []Kind, closures bool) plan {
	p := plan{
		kind:   mix[rng.IntN(len(mix))],
		slot:   uint32(min(rng.IntN(s.slots), rng.IntN(s.slots))),
		inside: drawInside(rng),
		after:  drawAfter(rng),
	}
	switch n := rng.IntN(100); {
	case p.kind == Sweep:
		p.idle = time.Duration(rng.IntN(2000)) * time.Microsecond
	case n < 3 && p.kind != Nested:
		p.ending = Fails
	case n < 6 && p.kind != Nested:
		p.ending = Panics
	case n < 8:
		p.cancel = cancelledBefore
	case n < 14 && p.kind != Nested: // or the inner call is cancelled, and the outer one is not
		p.cancel, p.delay = cancelledLater, time.Duration(rng.IntN(150))*time.Microsecond
	}
	switch {
	case !closures:
		p.ending = Returns
	case p.kind.Writes(), p.kind == History, p.kind == View:
	case p.kind == GetOrCreate && p.ending == Panics:
	default:
		p.ending = Returns
	}
	return p
}

// cumulate lays out the kinds of a mix, each as often as its weight, for one draw.
func cumulate(w weights, s *Subject) (mix []Kind) {
	for k := GetOrCreate; k <= Look; k++ {
		if !s.has(k) {
			continue
		}
		for range w[k] {
			mix = append(mix, k)
		}
	}
	return mix
}

// has reports whether users can do such an operation. Nested calls are for stores that allow them; targets have neither those
// nor anything that takes a function.
func (s *Subject) has(k Kind) bool {
	switch k {
	case Nested:
		return s.Guarantees.Reentrant && s.OpenTarget == nil
	case Sweep, Create:
		return s.OpenTarget == nil
	}
	return true
}
