package verify

import (
	"github.com/sessbench/sessbench/internal/history"
	"math/rand/v2"
	"slices"
	"time"
)

// plan is one operation, drawn before the round begins.
type plan struct {
	act
	slot   uint32
	ending Ending
	cancel cancellation
	delay  time.Duration // until it is cancelled, with cancelledLater
	idle   time.Duration // of a sweep: sessions not changed for this long are removed
	during pressure      // in the closure, between seeing the session and changing it
	hold   time.Duration // in place of during: work that a target performs while it holds the session
	spin   bool          // that work uses the processor
	after  pressure      // after the operation
}

// cancellation is when the ctx of an operation ends.
type cancellation uint8

const (
	neverCancelled  cancellation = iota
	cancelledBefore              // before the call
	cancelledLater               // after the call, from another goroutine
)

// weights is the relative frequency of each kind of operation.
type weights map[history.Kind]int

// profiles are the mixes of operations: with short and long-lived sessions, few and many reads.
var profiles = []weights{
	{history.GetOrCreate: 14, history.Append: 26, history.Update: 12, history.ReadMessages: 18,
		history.ReadFields: 12, history.Delete: 8, history.Sweep: 3, history.Nested: 5, history.Create: 1},
	{history.GetOrCreate: 30, history.Append: 14, history.Update: 8, history.ReadMessages: 10,
		history.ReadFields: 6, history.Delete: 24, history.Sweep: 6, history.Nested: 2},
	{history.GetOrCreate: 3, history.Append: 34, history.Update: 14, history.ReadMessages: 28,
		history.ReadFields: 14, history.Nested: 6},
	{history.GetOrCreate: 6, history.Append: 10, history.Update: 8, history.ReadMessages: 40,
		history.ReadFields: 30, history.Delete: 3, history.Nested: 2, history.Create: 1},
	{history.GetOrCreate: 20, history.Append: 20, history.Update: 5, history.ReadMessages: 10,
		history.ReadFields: 5, history.Delete: 10, history.Create: 100},
}

// script is everything that is drawn for a round, from its seed alone.
type script struct {
	procs   int
	slots   int
	gauge   bool // count the updates inside a session: a shared write, which hides races from the race detector
	gc      bool // collect garbage during the round
	users   [][]plan
	stretch int  // number of operations of each user before which all users wait for each other
	direct  bool // there are no pauses, so that it is left to the machine how many operations overlap

	closeAfter int  // operations of the first user, which then closes the store while the others use it; 0: it is closed at rest
	sweepRest  bool // the sessions that the users leave are removed by a sweep
}

// draw draws a round for a target or, if that is nil, for a store.
func draw(seed uint64, cfg *Config, target *remote) script {
	rng := rand.New(rand.NewPCG(seed, 0x5e551011))
	s := recipeOf(seed, cfg, target).draw(rng, cfg)
	s.gauge = cfg.Subject.Guarantees.ExclusiveUpdates && rng.IntN(2) == 0
	if s.procs = []int{1, 2, 4, 8}[seed%4]; s.direct {
		s.procs = max(2, s.procs)
	}
	return s
}

// mixed is a round in which operations of all kinds follow each other at random, with pauses in and between them.
type mixed struct{ target *remote }

func (m mixed) draw(rng *rand.Rand, cfg *Config) script {
	target := m.target
	s := script{
		slots: 1 + rng.IntN(4),
		gc:    rng.IntN(4) == 0,
	}
	users := min(cfg.Users, max(2, cfg.Users-rng.IntN(cfg.Users)))
	each := 40 + rng.IntN(120)
	has := cfg.Subject.has
	if target != nil {
		has = target.has
		each /= 2 // its operations take longer
		if !target.numbersChanges {
			users, each = min(users, searchedUsers), min(each, searchedOps)
		}
	}
	each = max(1, min(each, cfg.Ops*s.slots/(2*users))) // the most popular session gets at most twice the mean, on average
	next := drawMix(rng, profiles[rng.IntN(len(profiles))], has)
	if len(cfg.Scenarios) > 0 {
		next = drawVisits(rng, &cfg.Scenarios[rng.IntN(len(cfg.Scenarios))], has)
	}
	for range users {
		plans := make([]plan, each)
		user := next(s.slots)
		for i := range plans {
			plans[i] = plan{during: drawDuring(rng), after: drawAfter(rng)}
			plans[i].act, plans[i].slot = user()
			if cfg.Disturb == Restart && plans[i].kind.Removes() {
				plans[i].act = usual(history.GetOrCreate) // nothing may be deleted of which the survival counts
			}
			if target != nil {
				plans[i].drawHold(rng)
			} else {
				plans[i].drawEnd(rng)
			}
		}
		// The store is empty at first.
		plans[0] = plan{act: usual(history.GetOrCreate), slot: plans[0].slot}
		s.users = append(s.users, plans)
	}
	s.stretch = each
	if target == nil && rng.IntN(closedInUse) == 0 {
		s.closeAfter = 1 + rng.IntN(each)
	}
	s.sweepRest = target == nil && rng.IntN(2) == 0
	return s
}

// closedInUse is the number of rounds of which one closes its store while it is used: nothing can be read afterwards.
const closedInUse = 8

// everything is an idle time with which a sweep removes sessions of any age.
const everything = -time.Hour

// The bounds of a round on a target that returns so little that only a search can decide its histories: the time of the search
// grows exponentially with the number of concurrent users.
const (
	searchedUsers = 4
	searchedOps   = 30 // each
)

// The bounds of the work that a target performs while it holds a session.
const (
	leastHold = 50 * time.Microsecond
	mostHold  = time.Millisecond
)

// drawHold draws the work of an operation on a target.
func (p *plan) drawHold(rng *rand.Rand) {
	if p.kind.Writes() {
		p.hold = leastHold + time.Duration(rng.Int64N(int64(mostHold-leastHold)))
		p.spin = rng.IntN(8) == 0
	}
}

// drawEnd draws how an operation on a store ends.
func (p *plan) drawEnd(rng *rand.Rand) {
	switch n := rng.IntN(100); {
	case p.kind == history.Sweep:
		if p.idle = everything; n >= 25 {
			p.idle = time.Duration(rng.IntN(2000)) * time.Microsecond
		}
	case n < 3 && p.kind != history.Nested:
		p.ending = Fails
	case n < 6 && p.kind != history.Nested:
		p.ending = Panics
	case n < 8:
		p.cancel = cancelledBefore
	case n < 14 && p.kind != history.Nested: // the inner call might be cancelled without the outer one
		p.cancel, p.delay = cancelledLater, time.Duration(rng.IntN(150))*time.Microsecond
	}
	switch {
	case p.kind.Writes(), p.kind == history.ReadMessages, p.kind == history.ReadFields:
	case p.kind == history.GetOrCreate && p.ending == Panics:
	default:
		p.ending = Returns
	}
}

// user draws the next operation of one user and its session.
type user func() (act, uint32)

// drawMix returns a function that draws users of the given number of sessions. They draw operations by their weights.
func drawMix(rng *rand.Rand, w weights, has func(history.Kind) bool) func(slots int) user {
	var mix []history.Kind
	for k := history.GetOrCreate; k <= history.SweepRead; k++ {
		if has(k) {
			mix = append(mix, slices.Repeat([]history.Kind{k}, w[k])...)
		}
	}
	return func(slots int) user {
		return func() (act, uint32) { return usual(mix[rng.IntN(len(mix))]), drawSlot(rng, slots) }
	}
}

// drawSlot draws one of the sessions; the first is the most popular.
func drawSlot(rng *rand.Rand, slots int) uint32 { return uint32(min(rng.IntN(slots), rng.IntN(slots))) }

// has reports whether users of the store perform operations of kind k: nested ones only on reentrant stores.
func (s *Subject) has(k history.Kind) bool { return k != history.Nested || s.Guarantees.Reentrant }
