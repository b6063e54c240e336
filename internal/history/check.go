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

// shortening bounds the time that goes into making a violation's history short.
const shortening = 5 * time.Second

// crossCheck is the share of the histories certified by the witness that porcupine looks at, too: one in so many.
const crossCheck = 100

// maxSearchRefutations bounds how many violations a Checker finds by search, which takes seconds for each.
const maxSearchRefutations = 5

// A Checker checks batches of histories and counts what it decided. It is not safe for concurrent use.
type Checker struct {
	stats Stats

	contested, overlapped int // operations, see overlapped
	refutedBySearch       int // histories

	disagreement string
}

// Stats counts what a Checker decided.
type Stats struct {
	Sessions     int     `json:"sessions"` // ids whose histories were checked
	Operations   int     `json:"operations"`
	Overlapped   float64 `json:"overlapped"` // share of the operations on contested sessions that overlapped another user's there
	Raced        int     `json:"raced"`      // sessions on which operations of different users overlapped
	Certified    int     `json:"certified"`  // sessions certified by the witness
	Searched     int     `json:"searched"`   // sessions that porcupine decided because the witness could not
	CrossChecked int     `json:"cross_checked"`
	Unknown      int     `json:"unknown"` // sessions on which porcupine ran out of time
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
		c.stats.Sessions++
		c.stats.Operations += len(h.Ops)
		contested, overlapping := overlapped(h)
		c.contested += contested
		c.overlapped += overlapping
		if overlapping > 0 {
			c.stats.Raced++
		}
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
			v := convict(ctx, h, found, histories)
			if v == nil {
				c.disagreement = fmt.Sprintf("the witness refutes a history of session %v (%s), and porcupine finds a linearization of it", h.ID, found.Why)
				return violations
			}
			add(v)
		}
	}
	for i, result := range searchAll(ctx, undecided, 0) {
		switch result {
		case porcupine.Ok:
			c.stats.Searched++
		case porcupine.Illegal:
			if c.refutedBySearch < maxSearchRefutations {
				c.refutedBySearch++
				add(convictBySearch(ctx, undecided[i]))
			}
		default:
			c.stats.Unknown++
		}
	}
	for i, result := range searchAll(ctx, again, 0) {
		switch result {
		case porcupine.Ok:
			c.stats.CrossChecked++
		case porcupine.Illegal:
			c.disagreement = fmt.Sprintf("the witness certified a history of session %v, and porcupine finds no linearization of it", again[i].ID)
		}
	}
	return violations
}

// convict makes a violation of a history that the witness refuted; none when porcupine does not agree.
func convict(ctx context.Context, h *History, found *Finding, all []History) *Violation {
	ctx, cancel := context.WithTimeout(ctx, shortening)
	defer cancel()
	short, _ := shorten(ctx, h, func(h *History) bool {
		_, again := examine(h)
		return again != nil && !again.Undecided && again.Anomaly == found.Anomaly // else what shows it best might go
	})
	if _, again := examine(short); again != nil {
		found = again
	}
	v := &Violation{
		Anomaly: found.Anomaly, Detector: ByWitness, Why: found.Why, Session: h.ID,
		History: short, Conflict: found.Ops, Full: h,
	}
	switch Search(ctx, short, 0) {
	case porcupine.Ok:
		return nil
	case porcupine.Illegal:
		v.Confirmed = true
	}
	v.nameForeign(all)
	v.suspect(h)
	v.Causes = causes(v)
	return v
}

// convictBySearch makes a violation of a history in which porcupine found no linearization.
func convictBySearch(ctx context.Context, h *History) *Violation {
	ctx, cancel := context.WithTimeout(ctx, shortening)
	defer cancel()
	short, _ := shorten(ctx, h, func(h *History) bool { return Search(ctx, h, time.Second) == porcupine.Illegal })
	found := explainSearch(short.Ops)
	v := &Violation{
		Anomaly: found.Anomaly, Detector: ByPorcupine, Confirmed: true, Why: found.Why, Session: h.ID,
		History: short, Conflict: found.Ops, Full: h,
	}
	if v.Causes = causes(v); found.Anomaly == WrongAnswer {
		v.Causes = append(v.Causes, hypotheses(ctx, short)...)
	}
	return v
}

// writersOfAll finds the history that each message or field was written to, and that each life is of.
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

// nameForeign gives what nobody wrote to a session its right name where somebody wrote it to another one.
func (v *Violation) nameForeign(all []History) {
	if v.Anomaly != GarbageRead && v.Anomaly != AdoptedID || len(v.Conflict) == 0 {
		return
	}
	writers := writersOfAll(all)
	op := &v.History.Ops[v.Conflict[0]]
	if other := writers[op.Incarnation]; op.Incarnation != 0 && other != nil && other.ID != v.Session {
		v.Anomaly = ForeignRead
		v.Why = fmt.Sprintf("%s, and was in another session, %v", deed(op), other.ID)
		return
	}
	for _, t := range op.saw() {
		if other := writers[t]; t != 0 && other != nil && other.ID != v.Session {
			v.Anomaly = ForeignRead
			v.Why = fmt.Sprintf("%s: %s was written to another session, %v", deed(op), t, other.ID)
			return
		}
	}
}

// overlapped is the number of operations on a session that more than one user came to, 0 on any other, and how many of them
// were under way while another user's was. What was refused does not count: a store that refuses everything is no proof.
func overlapped(h *History) (contested, met int) {
	var byCall []*Op
	for i := range h.Ops {
		if h.Ops[i].Outcome != NotApplied {
			byCall = append(byCall, &h.Ops[i])
		}
	}
	slices.SortFunc(byCall, func(a, b *Op) int { return cmp.Compare(a.Call, b.Call) })
	company := make([]bool, len(byCall))
	for i, a := range byCall {
		for j := i + 1; j < len(byCall) && byCall[j].Call <= a.Return; j++ {
			if byCall[j].User != a.User {
				company[i], company[j] = true, true
			}
		}
	}
	for _, had := range company {
		if had {
			met++
		}
	}
	if slices.ContainsFunc(byCall, func(op *Op) bool { return op.User != byCall[0].User }) {
		contested = len(byCall)
	}
	return contested, met
}

// Verdict is the result of a check.
type Verdict string

// The verdicts.
const (
	Linearizable Verdict = "linearizable"
	Violated     Verdict = "violated"
	Inconclusive Verdict = "inconclusive"
)

// Result is the result of checking one history.
type Result struct {
	Verdict   Verdict
	Why       string     // of an inconclusive verdict, in a sentence
	Violation *Violation // of a violated history
	Stats     Stats
}

// CheckOne checks one history.
func Check(ctx context.Context, h *History) Result {
	var c Checker
	violations := c.Check(ctx, []History{*h}, 0, func(Anomaly) bool { return false })
	r := Result{Verdict: Linearizable, Stats: c.Stats()}
	switch {
	case len(violations) > 0:
		r.Verdict, r.Violation = Violated, violations[0]
	case c.Disagreement() != "":
		r.Verdict, r.Why = Inconclusive, c.Disagreement()
	case r.Stats.Unknown > 0:
		r.Verdict, r.Why = Inconclusive, "the search for a linearization ran out of time"
	}
	return r
}
