// Package audit checks what a store did in a trial: ledgers and final states in, violations out. It uses no store, no clock and no
// goroutine.
package audit

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/reports/result"
)

// maxViolations is how many violations of a kind are listed; the rest is counted.
const maxViolations = 5

// Findings collects the violations of a trial. The zero value has found nothing and passed nothing: set OK.
type Findings struct {
	result.Audit
	kinds map[string]int
}

// Violate adds a violation.
func (f *Findings) Violate(kind string, id manager.ID, format string, args ...any) {
	f.OK = false
	if f.kinds == nil {
		f.kinds = map[string]int{}
	}
	if f.kinds[kind]++; f.kinds[kind] > maxViolations {
		f.Omitted++
		return
	}
	v := result.Violation{Kind: kind, Detail: fmt.Sprintf(format, args...)}
	if id != (manager.ID{}) {
		v.Session = id.String()
	}
	f.Violations = append(f.Violations, v)
}

// auditor is one comparison of ledgers with final states.
type auditor struct {
	*Rules
	*Findings
	sums           sums
	indeterminates *indeterminates
	unended        int // incarnations without a final state
}

// evidence is what the ledgers hold about one incarnation.
type evidence struct {
	incarnation uint64
	created     []Creation
	final       []Final
	wrote       []userTally // by user
	notFound    []notFound  // by time
}

// userTally is one user's tally of one incarnation.
type userTally struct {
	user int
	Tally
}

// Check compares the users' ledgers with the final states. Each incarnation must have one creation and one final state. Its
// writes must have the numbers 1 to n, where n is the count in the final state. Each text in the final state must be by a user
// whose ledger has writes to that incarnation.
func (r *Rules) Check(ledgers []*Ledger, f *Findings) {
	var (
		all    evidence
		writes uint64
		swept  int
	)
	for _, l := range ledgers {
		for t := range l.Tallies {
			all.wrote = append(all.wrote, userTally{l.User, t})
			writes += t.Count
		}
		all.created = append(all.created, l.Created...)
		all.final = append(all.final, l.Final...)
		all.notFound = append(all.notFound, l.notFound...)
		swept += l.Swept
	}
	slices.SortFunc(all.wrote, func(x, y userTally) int { return cmp.Or(byKey(x, y), cmp.Compare(x.user, y.user)) })
	slices.SortFunc(all.created, byKey)
	slices.SortFunc(all.final, byKey)
	slices.SortFunc(all.notFound, func(x, y notFound) int { return cmp.Or(byKey(x, y), cmp.Compare(x.at, y.at)) })
	a := auditor{Rules: r, Findings: f, indeterminates: newIndeterminates(ledgers, r.Counted())}
	a.sums = newSums(all.final, writes+a.indeterminates.writes)

	// Every list is sorted by incarnation: consume them together, one incarnation at a time.
	for len(all.created)+len(all.final)+len(all.wrote)+len(all.notFound) > 0 {
		of := min(first(all.created), first(all.final), first(all.wrote), first(all.notFound))
		a.check(&evidence{of, take(&all.created, of), take(&all.final, of), take(&all.wrote, of), take(&all.notFound, of)})
	}
	if r.Target && r.Sweeps && a.unended > swept && !a.indeterminates.any {
		f.Violate("lost session", manager.ID{}, "%d sessions are not there any more, of which sweeps removed %d", a.unended, swept)
	}
	for _, l := range ledgers {
		if l.Backwards > 0 {
			f.Violate("number went back", manager.ID{}, "user %d was given %d numbers that did not rise", l.User, l.Backwards)
		}
	}
}

// keyed is an entry of a list that is sorted by incarnation.
type keyed interface{ key() uint64 }

func (t Tally) key() uint64    { return t.Incarnation }
func (c Creation) key() uint64 { return c.Incarnation }
func (e Final) key() uint64    { return e.Incarnation }
func (m notFound) key() uint64 { return m.incarnation }

func byKey[E keyed](x, y E) int { return cmp.Compare(x.key(), y.key()) }

// first returns the incarnation at the head of a list.
func first[E keyed](list []E) uint64 {
	if len(list) == 0 {
		return math.MaxUint64
	}
	return list[0].key()
}

// take cuts off what is about an incarnation at the head of a list.
func take[E keyed](list *[]E, incarnation uint64) []E {
	n := 0
	for n < len(*list) && (*list)[n].key() == incarnation {
		n++
	}
	head := (*list)[:n]
	*list = (*list)[n:]
	return head
}

// check checks one incarnation.
func (a *auditor) check(of *evidence) {
	incarnation, created, final, wrote := of.incarnation, of.created, of.final, of.wrote
	var id manager.ID
	switch {
	case len(final) > 0:
		id = final[0].ID
	case len(created) > 0:
		id = created[0].ID
	case len(wrote) > 0 && int(wrote[0].Slot) < len(a.IDs):
		id = a.IDs[wrote[0].Slot]
	}
	indeterminate := a.indeterminates.of(id)
	switch {
	case len(created) == 0 && a.indeterminates.takeCreation(id):
	case len(created) == 0:
		a.Violate("session from nowhere", id, "incarnation %x exists, but no call reported that it created it", incarnation)
	case len(created) > 1:
		a.Violate("double creation", id, "%d calls reported that they created incarnation %x", len(created), incarnation)
	case created[0].ID.Version() != 4:
		a.Violate("foreign id", id, "not a random (version 4) UUID")
	}
	switch {
	case len(final) == 0 && (a.Target && a.Sweeps || a.indeterminates.mayBeRemoved(id)):
		a.unended++
		end := Final{ID: id, Incarnation: incarnation, N: Unknown, Others: Unknown}
		a.checkNumbers(&end, wrote, indeterminate)
		return
	case len(final) == 0:
		a.Violate("lost session", id, "incarnation %x was created, but neither deleted nor swept, and it is not there at the end", incarnation)
		return
	case len(final) > 1:
		a.Violate("removed twice", id, "%[2]d removals returned a final state of incarnation %[1]x", incarnation, len(final))
	case len(created) > 0 && created[0].ID != final[0].ID:
		a.Violate("mixed-up sessions", id, "incarnation %x was created as %v", incarnation, created[0].ID)
	case len(of.notFound) > 0 && of.notFound[0].at < final[0].Since && !a.indeterminates.mayBeRemoved(id):
		a.Violate("lost session", id, "a user got \"not found\" before any removal had begun")
	}
	a.checkNumbers(&final[0], wrote, indeterminate)
	a.checkKept(&final[0], wrote, indeterminate)
}

// checkNumbers compares the sums over all users with those of 1…n. Indeterminate writes may be among the n.
func (a *auditor) checkNumbers(end *Final, wrote []userTally, indeterminate *possible) {
	var count, sum, mixed, uses, unnumbered uint64
	for _, w := range wrote {
		uses += w.Uses
		count += w.Count
		sum += w.Sum
		mixed += w.Mixed
		unnumbered += w.Unnumbered
	}
	n := end.N
	if n == Unknown && indeterminate.writes > 0 {
		return
	}
	if n == Unknown {
		n = count
	}
	switch {
	case count > n:
		a.Violate("lost update", end.ID, "%d changes were confirmed to %d users, the session counts %d: %d lost", count, len(wrote), n, count-n)
	case count+indeterminate.writes < n:
		a.Violate("phantom update", end.ID, "the session counts %d changes, %d users made %d: %d too many", n, len(wrote), count+indeterminate.writes, n-count-indeterminate.writes)
	case unnumbered > 0: // there are no numbers to compare
	case count < n && !a.sums.fit(n, count, sum, mixed), count == n && (sum != n*(n+1)/2 || mixed != a.sums.of(n)):
		a.Violate("duplicate number", end.ID, "%d changes were made, but the numbers given out for them are not 1 to %d", count, n)
	}
	switch {
	case end.Others == Unknown:
	case uses > end.Others:
		a.Violate("lost update", end.ID, "%d recorded uses were confirmed, the session counts %d", uses, end.Others)
	case uses+indeterminate.uses < end.Others:
		a.Violate("phantom update", end.ID, "the session counts %d recorded uses, users made %d", end.Others, uses)
	}
}

// checkKept checks the entries of the final state, oldest first: the user that wrote each, and the number of the write.
func (a *auditor) checkKept(end *Final, wrote []userTally, indeterminate *possible) {
	switch {
	case end.Broken != "":
		a.Violate("corrupted session", end.ID, "%s", end.Broken)
		return
	case end.Kept == UnknownKept:
		return
	case end.N == Unknown:
		a.checkUnnumbered(end, wrote, indeterminate)
		return
	}
	first := end.N - uint64(end.Kept) + 1
	for i, word := range end.Words[:end.Kept] {
		n := first + uint64(i)
		w, found := tallyOf(wrote, word)
		switch {
		case indeterminate.wrote(word), found && wrote[w].Unnumbered > 0:
		case !found || wrote[w].Last < n || wrote[w].Last == n && wrote[w].Word != word:
			a.Violate("foreign content", end.ID, "entry %d holds what user %d did not write there", n, writer(word))
		}
	}
	for _, w := range wrote {
		if w.Last >= first && w.Last <= end.N && end.Kept > 0 && writer(end.Words[w.Last-first]) != w.user {
			a.Violate("foreign content", end.ID, "entry %d is user %d's, but user %d was given that number", w.Last, writer(end.Words[w.Last-first]), w.user)
		}
	}
}

// checkUnnumbered checks the final state of an incarnation whose writes the target does not number: it holds as many entries as
// there were writes, or as it has room for, each by a user that wrote to that incarnation.
func (a *auditor) checkUnnumbered(end *Final, wrote []userTally, indeterminate *possible) {
	var count uint64
	for _, w := range wrote {
		count += w.Count
	}
	kept := end.Words[:end.Kept]
	switch n := uint64(len(kept)); {
	case a.ByVersion:
	case n < min(count, manager.HistoryLimit):
		a.Violate("lost update", end.ID, "%d messages were confirmed to %d users, and %d are kept", count, len(wrote), n)
	case n > count+indeterminate.writes:
		a.Violate("phantom update", end.ID, "%d messages are kept, and %d users wrote %d", n, len(wrote), count)
	}
	for _, word := range kept {
		if _, found := tallyOf(wrote, word); !found && !indeterminate.wrote(word) {
			a.Violate("foreign content", end.ID, "it holds what user %d did not write there", writer(word))
		}
	}
}

// tallyOf finds the tally of the user that a word belongs to.
func tallyOf(wrote []userTally, word uint32) (i int, found bool) {
	return slices.BinarySearchFunc(wrote, writer(word), func(c userTally, user int) int { return cmp.Compare(c.user, user) })
}

// sums holds Σ Mix(1…n) for each n that is the number of changes of an incarnation.
type sums map[uint64]uint64

// of is Σ Mix(1…n).
func (s sums) of(n uint64) uint64 {
	if total, known := s[n]; known {
		return total
	}
	var total uint64
	for i := range n {
		total += Mix(i + 1)
	}
	return total
}

// fit reports whether count different numbers from 1 to n can have these sums: n-count were given to writes whose answers
// were lost. With one number missing this is exact.
func (s sums) fit(n, count, sum, mixed uint64) bool {
	k, missing := n-count, n*(n+1)/2-sum
	if missing < k*(k+1)/2 || missing > k*n-k*(k-1)/2 {
		return false
	}
	return k > 1 || s.of(n)-mixed == Mix(missing)
}

// newSums sums up to most, the number of writes there were. A final state that claims more is wrong by its count alone.
func newSums(ends []Final, most uint64) sums {
	s := sums{}
	for _, e := range ends {
		if e.N <= most {
			s[e.N] = 0
		}
	}
	var total, at uint64
	for _, n := range slices.Sorted(maps.Keys(s)) {
		for at < n {
			at++
			total += Mix(at)
		}
		s[n] = total
	}
	return s
}
