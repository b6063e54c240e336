package verify

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/scenarios"
)

// With scenarios, users perform the operations of a run on very few sessions, so that they overlap.

// act is an operation that users perform, and its kind in histories.
type act struct {
	op   scenarios.Op
	kind history.Kind
}

// actOf returns what users perform where a scenario has op. That is op itself, or for one that shows less than others of its kind,
// such as a touch, the usual operation of the kind. The kind is 0 for an operation that histories do not have.
func actOf(op scenarios.Op) act {
	k := history.KindOf(op.Properties())
	if !op.Does(k.Does()) {
		op, _ = operationOf(k)
	}
	return act{op, k}
}

// usual returns the usual operation of a kind. Nested is an update with another one inside.
func usual(k history.Kind) act {
	op, ok := operationOf(k)
	if !ok {
		op = scenarios.Update
	}
	return act{op, k}
}

// operationOf returns the usual operation of a kind, the first that does all of it. ok is false where there is none.
func operationOf(k history.Kind) (op scenarios.Op, ok bool) {
	for op := range scenarios.NumOps {
		if op.Does(k.Does()) {
			return op, true
		}
	}
	return 0, false
}

// Fits returns why the operations of a scenario cannot be verified; nil: they can.
func Fits(s *scenarios.Scenario) error {
	switch {
	case s.Sweeps():
		return fmt.Errorf("%s expires sessions: users do not see which ones a sweep removes", s.Name)
	case s.Creates():
		return fmt.Errorf("the users of %s only use sessions that they create: no operations overlap", s.Name)
	}
	for _, op := range s.Ops() {
		if actOf(op).kind == 0 {
			return fmt.Errorf("%s has the operation %s, which histories do not have", s.Name, op)
		}
	}
	return nil
}

// unknownTo names the operations of a scenario that a target lacks.
func unknownTo(s *scenarios.Scenario, target scenarios.Target) (names []string) {
	for _, op := range s.Ops() {
		if needed := actOf(op).op; !target.Supports(needed) {
			names = append(names, needed.String())
		}
	}
	return names
}

// performs reports whether users perform operations of kind k: of any kind without scenarios; otherwise the operations of the
// scenarios, reads of what they write, and GetOrCreate. Operations that are not performed are not checked.
func (c *Config) performs(k history.Kind) bool {
	if len(c.Scenarios) == 0 || k == history.GetOrCreate {
		return true
	}
	return slices.ContainsFunc(c.Scenarios, func(s scenarios.Scenario) bool { return performedIn(&s, k) })
}

// performedIn reports whether s has operations of kind k, or writes that reads of kind k see.
func performedIn(s *scenarios.Scenario, k history.Kind) bool {
	return slices.ContainsFunc(s.Ops(), func(op scenarios.Op) bool {
		v := actOf(op).kind
		return v == k || k == history.ReadMessages && v == history.Append || k == history.ReadFields && v == history.Update
	})
}

// drawVisits returns a function that draws users who perform the visits of a scenario. The first visit of a session creates it,
// unless the scenario does. One operation in seven is an additional read, so that the writes of other users are seen.
func drawVisits(rng *rand.Rand, s *scenarios.Scenario, has func(history.Kind) bool) func(slots int) user {
	const beside = 7
	reads := slices.DeleteFunc([]history.Kind{history.ReadMessages, history.ReadFields}, func(k history.Kind) bool {
		return !has(k) || !performedIn(s, k)
	})
	return func(slots int) user {
		var visit []act // its remaining operations
		slot, known := uint32(0), map[uint32]bool{}
		return func() (act, uint32) {
			if len(reads) > 0 && rng.IntN(beside) == 0 {
				return usual(reads[rng.IntN(len(reads))]), slot
			}
			if len(visit) == 0 {
				slot = drawSlot(rng, slots)
				visit = visitOf(rng, s)
				if !known[slot] && !s.StartsEmpty {
					visit = slices.Insert(visit, 0, usual(history.GetOrCreate))
				}
				known[slot] = true
			}
			next := visit[0]
			visit = visit[1:]
			return next, slot
		}
	}
}

// visitOf draws the operations of a visit.
func visitOf(rng *rand.Rand, s *scenarios.Scenario) (visit []act) {
	for _, op := range s.Visit {
		visit = append(visit, actOf(op))
	}
	total := 0
	for _, w := range s.Mix {
		total += w.Weight
	}
	for _, w := range s.Mix {
		if rng.IntN(total) < w.Weight { // of the remaining weight
			return []act{actOf(w.Op)}
		}
		total -= w.Weight
	}
	return visit
}
