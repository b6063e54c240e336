package history

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// shortening is the time limit for shortening the history of one violation.
const shortening = 5 * time.Second

// crossCheck: one in so many of the histories that the witness certified is checked by porcupine, too.
const crossCheck = 100

// maxSearchViolations is the number of violations that a Checker finds by search: each takes seconds.
const maxSearchViolations = 5

// A Checker checks batches of histories and counts what it decided. It is not safe for concurrent use.
type Checker struct {
	stats Stats

	contested, overlapped int // operations, see overlapped
	searchViolations      int

	disagreement string
}

// Stats counts what a Checker decided.
type Stats struct {
	Sessions     int     `json:"sessions"` // ids whose histories were checked
	Operations   int     `json:"operations"`
	Overlapped   float64 `json:"overlapped"` // share of the operations on contested sessions that overlapped another user's there, of paced ones
	Raced        int     `json:"raced"`      // sessions on which operations of different users overlapped
	Certified    int     `json:"certified"`  // sessions certified by the witness
	Searched     int     `json:"searched"`   // sessions that porcupine decided because the witness could not
	CrossChecked int     `json:"cross_checked"`
	Unknown      int     `json:"unknown"` // sessions on which porcupine ran out of time or memory
}

// Stats returns the counts of all batches so far.
func (c *Checker) Stats() Stats {
	s := c.stats
	if c.contested > 0 {
		s.Overlapped = float64(c.overlapped) / float64(c.contested)
	}
	return s
}

// Disagreement returns a sentence about a history on which the witness and porcupine disagree: one of them has a bug, so
// neither is believed. Empty: there is none.
func (c *Checker) Disagreement() string {
	if c.disagreement == "" {
		return ""
	}
	return c.disagreement + ": one of the two checkers is wrong, so neither is believed"
}

// Check checks a batch of histories. It returns a violation, with its history shortened, for each anomaly that a history
// shows and that is not known. seed draws the histories that porcupine checks again after the witness.
func (c *Checker) Check(ctx context.Context, histories []History, seed uint64, known func(Anomaly) bool) (violations []*Violation) {
	seen := func(a Anomaly) bool {
		return known(a) || slices.ContainsFunc(violations, func(v *Violation) bool { return v.Anomaly == a })
	}
	add := func(v *Violation) {
		if !seen(v.Anomaly) { // shortening may have changed the anomaly
			violations = append(violations, v)
		}
	}
	var undecided, again []*History
	rng := rand.New(rand.NewPCG(seed, 0xc8055))
	for i := range histories {
		h := &histories[i]
		certified, found := examine(h)
		switch {
		case certified:
			c.stats.Certified++
			if rng.IntN(crossCheck) == 0 {
				again = append(again, h)
			}
		case found.Undecided:
			undecided = append(undecided, h)
		case seen(found.Anomaly):
		default:
			v := refutedByWitness(ctx, h, found, histories)
			if v == nil {
				c.disagreement = fmt.Sprintf("the witness refutes a history of session %v (%s), and porcupine finds a linearization of it", h.ID, found.Why)
				return violations
			}
			add(v)
		}
	}
	for i, result := range searchAll(ctx, undecided, searchTime) {
		switch result {
		case porcupine.Ok:
			c.stats.Searched++
		case porcupine.Illegal:
			if c.searchViolations < maxSearchViolations {
				c.searchViolations++
				add(refutedBySearch(ctx, undecided[i]))
			}
		default:
			c.stats.Unknown++
		}
	}
	for i, result := range searchAll(ctx, again, searchTime) {
		switch result {
		case porcupine.Ok:
			c.stats.CrossChecked++
		case porcupine.Illegal:
			c.disagreement = fmt.Sprintf("the witness certified a history of session %v, and porcupine finds no linearization of it", again[i].ID)
		}
	}
	return violations
}

// Count counts a history without checking it. paced: pauses made operations overlap, so that their share says something about the
// store.
func (c *Checker) Count(h *History, paced bool) {
	c.stats.Sessions++
	c.stats.Operations += len(h.Ops)
	contested, overlapping := overlapped(h)
	if overlapping > 0 {
		c.stats.Raced++
	}
	if paced {
		c.contested += contested
		c.overlapped += overlapping
	}
}

// refutedByWitness shortens a history that the witness refuted; nil if porcupine finds a linearization of it.
func refutedByWitness(ctx context.Context, h *History, found *Finding, all []History) *Violation {
	limited, cancel := context.WithTimeout(ctx, shortening)
	defer cancel()
	short, _ := shorten(limited, h, func(h *History) bool {
		_, again := examine(h)
		return again != nil && !again.Undecided && again.Anomaly == found.Anomaly // keeps the operations that show it
	})
	if _, again := examine(short); again != nil {
		found = again
	}
	v := newViolation(ctx, found, ByWitness, short, h)
	switch search(limited, short, searchTime, searchMemory) {
	case porcupine.Ok:
		return nil
	case porcupine.Illegal:
		v.Confirmed = true
	}
	v.nameForeign(all)
	v.suspect(h)
	v.Causes = append(v.Causes, causes(v)...)
	return v
}

// refutedBySearch shortens a history in which porcupine found no linearization.
func refutedBySearch(ctx context.Context, h *History) *Violation {
	limited, cancel := context.WithTimeout(ctx, shortening)
	defer cancel()
	short, _ := shorten(limited, h, func(h *History) bool {
		return search(limited, h, time.Second, searchMemory) == porcupine.Illegal
	})
	v := newViolation(ctx, explainSearch(short.Ops), ByPorcupine, short, h)
	v.Confirmed = true
	if v.Causes = append(v.Causes, causes(v)...); v.Anomaly == WrongAnswer {
		v.Causes = append(v.Causes, hypotheses(limited, short)...)
	}
	return v
}

func newViolation(ctx context.Context, found *Finding, by Detector, short, full *History) *Violation {
	return &Violation{
		Anomaly: found.Anomaly, Detector: by, Why: found.Why, Session: full.ID,
		History: short, Conflict: found.Ops, Causes: statePerWorker(ctx, full), Full: full,
	}
}

// writersOfAll maps each message, field and incarnation to the history that it was written to.
func writersOfAll(histories []History) map[Tag]*History {
	all := map[Tag]*History{}
	for i := range histories {
		for t := range writersOf(histories[i].Ops) {
			all[t] = &histories[i]
		}
		for _, op := range histories[i].Ops {
			if op.Kind == GetOrCreate && op.Created {
				all[op.Tag] = &histories[i]
			}
		}
	}
	return all
}

// nameForeign renames data that no operation wrote to this session if an operation wrote it to another one.
func (v *Violation) nameForeign(all []History) {
	if v.Anomaly != GarbageRead && v.Anomaly != AdoptedID || len(v.Conflict) == 0 {
		return
	}
	writers := writersOfAll(all)
	elsewhere := func(t Tag) *History {
		if other := writers[t]; t != 0 && other != nil && other.ID != v.Session {
			return other
		}
		return nil
	}
	op := &v.History.Ops[v.Conflict[0]]
	if other := elsewhere(op.Incarnation); other != nil {
		v.Anomaly = ForeignRead
		v.Why = fmt.Sprintf("%s in another session, %v", op.action(), other.ID)
		return
	}
	for _, t := range op.saw() {
		if other := elsewhere(t); other != nil {
			v.Anomaly = ForeignRead
			v.Why = fmt.Sprintf("%s: %s was written to another session, %v", op.action(), t, other.ID)
			return
		}
	}
}

// overlapped returns the number of operations on a contested session, that is, one that several users used, and how
// many of them overlapped another user's. Operations that were not applied do not count: a store that rejects
// everything proves nothing.
func overlapped(h *History) (contested, overlapping int) {
	var byCall []*Op
	for i := range h.Ops {
		if h.Ops[i].Outcome != NotApplied {
			byCall = append(byCall, &h.Ops[i])
		}
	}
	slices.SortFunc(byCall, func(a, b *Op) int { return cmp.Compare(a.Call, b.Call) })
	overlaps := make([]bool, len(byCall))
	for i, a := range byCall {
		for j := i + 1; j < len(byCall) && byCall[j].Call <= a.Return; j++ {
			if byCall[j].User != a.User {
				overlaps[i], overlaps[j] = true, true
			}
		}
	}
	for _, o := range overlaps {
		if o {
			overlapping++
		}
	}
	if slices.ContainsFunc(byCall, func(op *Op) bool { return op.User != byCall[0].User }) {
		contested = len(byCall)
	}
	return contested, overlapping
}

// Verdict is the result of a check.
type Verdict string

// The verdicts.
const (
	Linearizable Verdict = "linearizable"
	Violated     Verdict = "violated"
	Inconclusive Verdict = "inconclusive"
	Passed       Verdict = "passed" // not violated, at a level below linearizability
)

// Result is the result of checking one history.
type Result struct {
	Verdict   Verdict
	Why       string     // of an inconclusive verdict, in a sentence
	Violation *Violation // of a violated history
	Stats     Stats
}

// Check checks one history.
func Check(ctx context.Context, h *History) Result {
	var c Checker
	c.Count(h, true)
	violations := c.Check(ctx, []History{*h}, 0, func(Anomaly) bool { return false })
	r := Result{Verdict: Linearizable, Stats: c.Stats()}
	switch {
	case len(violations) > 0:
		r.Verdict, r.Violation = Violated, violations[0]
	case c.Disagreement() != "":
		r.Verdict, r.Why = Inconclusive, c.Disagreement()
	case r.Stats.Unknown > 0:
		r.Verdict, r.Why = Inconclusive, "the search for a linearization ran out of time or memory"
	}
	return r
}
