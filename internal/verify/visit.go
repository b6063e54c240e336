package verify

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/scenarios"
)

// With scenarios, users perform the operations of a run on very few sessions, so that they overlap.

// kindOf returns the kind of an operation; 0 for one that is not verified.
func kindOf(op scenarios.Op) history.Kind {
	switch {
	case op.Does(scenarios.Mints):
		return history.Create
	case op.Does(scenarios.Ensures):
		return history.GetOrCreate
	case op.Does(scenarios.AddsMessage):
		return history.Append
	case op.Does(scenarios.Mutates):
		return history.Update
	case op.Does(scenarios.ReadsMessages):
		return history.ReadMessages
	case op.Does(scenarios.Removes):
		return history.Delete
	case op.Does(scenarios.RemovesIdle):
		return 0
	}
	return history.ReadFields
}

// operationOf returns the operation that users perform for a kind: of several the last, which writes or reads most. ok is false
// where there is none.
func operationOf(k history.Kind) (found scenarios.Op, ok bool) {
	for op := range scenarios.NumOps {
		if kindOf(op) == k {
			found, ok = op, true
		}
	}
	return found, ok
}

// Fits returns why the operations of a scenario cannot be verified; nil: they can.
func Fits(s *scenarios.Scenario) error {
	switch {
	case s.Sweeps():
		return fmt.Errorf("%s expires sessions: users do not see which ones a sweep removes", s.Name)
	case s.Creates():
		return fmt.Errorf("the users of %s only use sessions that they create: no operations overlap", s.Name)
	}
	return nil
}

// unknownTo names the operations of a scenario that a target lacks.
func unknownTo(s *scenarios.Scenario, has func(history.Kind) bool) (names []string) {
	for _, op := range s.Ops() {
		if k := kindOf(op); !has(k) {
			needed, _ := operationOf(k)
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
		v := kindOf(op)
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
		var visit []history.Kind // its remaining operations
		slot, known := uint32(0), map[uint32]bool{}
		return func() (history.Kind, uint32) {
			if len(reads) > 0 && rng.IntN(beside) == 0 {
				return reads[rng.IntN(len(reads))], slot
			}
			if len(visit) == 0 {
				slot = drawSlot(rng, slots)
				visit = visitOf(rng, s)
				if !known[slot] && !s.StartsEmpty {
					visit = slices.Insert(visit, 0, history.GetOrCreate)
				}
				known[slot] = true
			}
			k := visit[0]
			visit = visit[1:]
			return k, slot
		}
	}
}

// visitOf draws the operations of a visit.
func visitOf(rng *rand.Rand, s *scenarios.Scenario) (visit []history.Kind) {
	for _, op := range s.Visit {
		visit = append(visit, kindOf(op))
	}
	total := 0
	for _, w := range s.Mix {
		total += w.Weight
	}
	for _, w := range s.Mix {
		if rng.IntN(total) < w.Weight { // of the remaining weight
			return []history.Kind{kindOf(w.Op)}
		}
		total -= w.Weight
	}
	return visit
}
