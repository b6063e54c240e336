package verify

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

// tally is what deciding histories came to.
type tally struct {
	sessions, operations, contested, overlapped int
	certified, searched, crossChecked, unknown  int
	raced                                       int // sessions
	convictions                                 int // by search, each of which takes long

	dispute string // what the two checkers do not agree on
}

// searchConvictions bounds how many violations a run may find by search, which takes seconds for each.
const searchConvictions = 5

// decide decides each history. It returns a violation, with its history shortened, for each kind that is refuted and not known.
func decide(ctx context.Context, histories []SessionHistory, seed uint64, sum *tally, known func(Anomaly) bool) (violations []*Violation) {
	seen := func(a Anomaly) bool {
		return known(a) || slices.ContainsFunc(violations, func(v *Violation) bool { return v.Anomaly == a })
	}
	add := func(v *Violation) {
		if !seen(v.Anomaly) { // it may have another name since it was shortened
			violations = append(violations, v)
		}
	}
	var open, again []*SessionHistory
	rng := rand.New(rand.NewPCG(seed, 0xc8055))
	for i := range histories {
		h := &histories[i]
		sum.sessions++
		sum.operations += len(h.Ops)
		contested, met := overlapped(h)
		sum.contested += contested
		sum.overlapped += met
		if met > 0 {
			sum.raced++
		}
		certified, found := examine(h)
		switch {
		case certified:
			sum.certified++
			if rng.IntN(crossCheck) == 0 {
				again = append(again, h)
			}
		case found.Open:
			open = append(open, h)
		case seen(found.Anomaly):
		default:
			v := convict(ctx, h, found, histories)
			if v == nil {
				sum.dispute = fmt.Sprintf("the witness refutes a history of session %v (%s), and porcupine finds a linearization of it", h.ID, found.Why)
				return violations
			}
			add(v)
		}
	}
	for i, answer := range searchAll(ctx, open, 0) {
		switch answer {
		case porcupine.Ok:
			sum.searched++
		case porcupine.Illegal:
			if sum.convictions < searchConvictions {
				sum.convictions++
				add(convictBySearch(ctx, open[i]))
			}
		default:
			sum.unknown++
		}
	}
	for i, answer := range searchAll(ctx, again, 0) {
		switch answer {
		case porcupine.Ok:
			sum.crossChecked++
		case porcupine.Illegal:
			sum.dispute = fmt.Sprintf("the witness certified a history of session %v, and porcupine finds no linearization of it", again[i].ID)
		}
	}
	return violations
}

// convict makes a violation of a history that the witness refuted; none when porcupine does not agree.
func convict(ctx context.Context, h *SessionHistory, found *Finding, all []SessionHistory) *Violation {
	ctx, cancel := context.WithTimeout(ctx, shortening)
	defer cancel()
	short, _ := shorten(ctx, h, func(h *SessionHistory) bool {
		_, again := examine(h)
		return again != nil && !again.Open && again.Anomaly == found.Anomaly // else what shows it best might go
	})
	if _, again := examine(short); again != nil {
		found = again
	}
	v := &Violation{
		Anomaly: found.Anomaly, Check: ByWitness, Why: found.Why, Session: h.ID,
		History: short, Fault: found.Ops, Full: h,
	}
	switch Search(ctx, short, 0) {
	case porcupine.Ok:
		return nil
	case porcupine.Illegal:
		v.Confirmed = true
	}
	v.nameForeign(all)
	v.suspect(h)
	v.Likely = causes(v)
	return v
}

// convictBySearch makes a violation of a history in which porcupine found no linearization.
func convictBySearch(ctx context.Context, h *SessionHistory) *Violation {
	ctx, cancel := context.WithTimeout(ctx, shortening)
	defer cancel()
	short, _ := shorten(ctx, h, func(h *SessionHistory) bool { return Search(ctx, h, time.Second) == porcupine.Illegal })
	found := explainSearch(short.Ops)
	v := &Violation{
		Anomaly: found.Anomaly, Check: ByPorcupine, Confirmed: true, Why: found.Why, Session: h.ID,
		History: short, Fault: found.Ops, Full: h,
	}
	if v.Likely = causes(v); found.Anomaly == WrongAnswer {
		v.Likely = append(v.Likely, hypotheses(ctx, short)...)
	}
	return v
}

// writersOfAll finds the history that each message or field was written to, and that each life is of.
func writersOfAll(histories []SessionHistory) map[Tag]*SessionHistory {
	all := map[Tag]*SessionHistory{}
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
func (v *Violation) nameForeign(all []SessionHistory) {
	if v.Anomaly != GarbageRead && v.Anomaly != AdoptedID || len(v.Fault) == 0 {
		return
	}
	writers := writersOfAll(all)
	op := &v.History.Ops[v.Fault[0]]
	if other := writers[op.Life]; op.Life != 0 && other != nil && other.ID != v.Session {
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
func overlapped(h *SessionHistory) (contested, met int) {
	var byCall []*Op
	for i := range h.Ops {
		if h.Ops[i].Outcome != Refused {
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

// CheckHistory decides a history that was recorded before.
func CheckHistory(ctx context.Context, h *SessionHistory) *Report {
	start := time.Now()
	r := &Report{SchemaVersion: SchemaVersion, Subject: "history", Verdict: Linearizable}
	var sum tally
	for _, v := range decide(ctx, []SessionHistory{*h}, 0, &sum, r.has) {
		r.Add(v)
	}
	r.add(&sum)
	switch {
	case r.Violation != nil:
	case sum.dispute != "":
		r.Verdict, r.Why = Inconclusive, dispute(sum.dispute)
	case sum.unknown > 0:
		r.Verdict, r.Why = Inconclusive, "the search for a linearization ran out of time"
	}
	r.ElapsedNs = int64(time.Since(start))
	return r
}

// dispute says what follows when the checkers do not agree.
func dispute(what string) string {
	return what + ": one of the two checkers is wrong, so neither is believed"
}

func (r *Report) add(sum *tally) {
	r.Sessions, r.Operations, r.Raced = sum.sessions, sum.operations, sum.raced
	r.Certified, r.Searched, r.CrossChecked, r.Unknown = sum.certified, sum.searched, sum.crossChecked, sum.unknown
	if sum.contested > 0 {
		r.Overlapped = float64(sum.overlapped) / float64(sum.contested)
	}
}
