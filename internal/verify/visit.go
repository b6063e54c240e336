package verify

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/scenarios"
)

// A scenario's users do here what they do in a run, but to very few sessions, so that they meet.

// visited are the kinds of operations that stand for those of a scenario.
var visited = map[scenarios.Op]history.Kind{
	scenarios.GetOrCreate: history.GetOrCreate,
	scenarios.Append:      history.Append,
	scenarios.History:     history.ReadMessages,
	scenarios.Validate:    history.ReadFields,
	scenarios.Touch:       history.Update,
	scenarios.Update:      history.Update,
	scenarios.Read:        history.ReadFields,
	scenarios.Delete:      history.Delete,
}

// Fits reports why a scenario's operations cannot be verified; nil: they can.
func Fits(s *scenarios.Scenario) error {
	switch {
	case s.Sweeps():
		return fmt.Errorf("%s is about sessions that expire: nobody is told which of them a sweep removes", s.Name)
	case s.Creates():
		return fmt.Errorf("the users of %s keep to sessions that they make for themselves: nobody meets there", s.Name)
	}
	return nil
}

// unknownTo names the operations of a scenario that a target does not know.
func unknownTo(s *scenarios.Scenario, has func(history.Kind) bool) (names []string) {
	for _, op := range s.Ops() {
		if k := visited[op]; !has(k) {
			names = append(names, requests[k].String())
		}
	}
	return names
}

// performs reports whether users may do such an operation: any without scenarios, else what one of these does, its users' reads
// beside, and making sessions. What is never performed is not checked either.
func (c *Config) performs(k history.Kind) bool {
	if len(c.Scenarios) == 0 || k == history.GetOrCreate {
		return true
	}
	return slices.ContainsFunc(c.Scenarios, func(s scenarios.Scenario) bool { return performedIn(&s, k) })
}

// performedIn reports whether the users of s do such an operation, or need such a read to see what others do.
func performedIn(s *scenarios.Scenario, k history.Kind) bool {
	return slices.ContainsFunc(s.Ops(), func(op scenarios.Op) bool {
		v := visited[op]
		return v == k || k == history.ReadMessages && v == history.Append || k == history.ReadFields && v == history.Update
	})
}

// drawVisits returns what draws users who act out a scenario's visits. Whoever comes to a session for the first time makes it,
// unless the scenario sees to that. One operation in seven is a read beside, so that somebody sees what the others do.
func drawVisits(rng *rand.Rand, s *scenarios.Scenario, has func(history.Kind) bool) func(slots int) user {
	const beside = 7
	reads := slices.DeleteFunc([]history.Kind{history.ReadMessages, history.ReadFields}, func(k history.Kind) bool { return !has(k) || !performedIn(s, k) })
	return func(slots int) user {
		var visit []history.Kind // what is left of it
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

// visitOf draws what a visit does.
func visitOf(rng *rand.Rand, s *scenarios.Scenario) (visit []history.Kind) {
	for _, op := range s.Visit {
		visit = append(visit, visited[op])
	}
	total := 0
	for _, w := range s.Mix {
		total += w.Weight
	}
	for _, w := range s.Mix {
		if rng.IntN(total) < w.Weight { // of what is left
			return []history.Kind{visited[w.Op]}
		}
		total -= w.Weight
	}
	return visit
}
