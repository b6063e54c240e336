package runner

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/reports/result"
)

// maxViolations is how many violations of a kind a trial's audit lists; the rest is counted.
const maxViolations = 5

// auditor collects the violations of a trial.
type auditor struct {
	contents  *contents
	users     int // number of users, the preloaders' common number included
	kinds     map[string]int
	byVersion bool         // changes are numbered by the session's version, and not by its message count
	shared    []manager.ID // by slot, where ids are reused
	lax       bool         // messages need no numbers: the store is a target
	sweeps    bool         // sweeps remove sessions without returning their final states
	swept     int          // sessions that sweeps reported as removed
	unended   int          // incarnations without a final state
	found     result.Audit
}

func (a *auditor) violate(kind string, id manager.ID, format string, args ...any) {
	a.found.OK = false
	if a.kinds == nil {
		a.kinds = map[string]int{}
	}
	if a.kinds[kind]++; a.kinds[kind] > maxViolations {
		a.found.Omitted++
		return
	}
	v := result.Violation{Kind: kind, Detail: fmt.Sprintf(format, args...)}
	if id != (manager.ID{}) {
		v.Session = id.String()
	}
	a.found.Violations = append(a.found.Violations, v)
}

// userTally is one user's tally of one incarnation.
type userTally struct {
	user int
	tally
}

// check compares the users' ledgers with the final states. Each incarnation must have one creation and one final state. Its
// writes must have the numbers 1 to n, where n is the count in the final state. Each text in the final state must be by a user
// whose ledger has writes to that incarnation.
func (a *auditor) check(userLedgers []userLedger) {
	var (
		userTallies    []userTally
		writes         uint64
		creations      []creation
		ends           []finalState
		gone           []notFound
		indeterminates = newIndeterminates(userLedgers, a.byVersion)
	)
	for _, l := range userLedgers {
		for t := range l.Ledger.tallies {
			userTallies = append(userTallies, userTally{l.User, t})
			writes += t.Count
		}
		creations = append(creations, l.Ledger.Created...)
		ends = append(ends, l.Ledger.Final...)
		gone = append(gone, l.Ledger.notFound...)
	}
	slices.SortFunc(userTallies, func(x, y userTally) int {
		return cmp.Or(cmp.Compare(x.Incarnation, y.Incarnation), cmp.Compare(x.user, y.user))
	})
	slices.SortFunc(creations, func(x, y creation) int { return cmp.Compare(x.Incarnation, y.Incarnation) })
	slices.SortFunc(ends, func(x, y finalState) int { return cmp.Compare(x.Incarnation, y.Incarnation) })
	slices.SortFunc(gone, func(x, y notFound) int {
		return cmp.Or(cmp.Compare(x.incarnation, y.incarnation), cmp.Compare(x.at, y.at))
	})
	sums := newSums(ends, writes+indeterminates.writes)

	// Every list is sorted by incarnation: consume them together, one incarnation at a time.
	for len(creations)+len(ends)+len(userTallies)+len(gone) > 0 {
		incarnation := lowest(creations, ends, userTallies, gone)
		created := takeWhile(&creations, func(b creation) bool { return b.Incarnation == incarnation })
		final := takeWhile(&ends, func(e finalState) bool { return e.Incarnation == incarnation })
		wrote := takeWhile(&userTallies, func(c userTally) bool { return c.Incarnation == incarnation })
		missed := takeWhile(&gone, func(g notFound) bool { return g.incarnation == incarnation })
		a.checkIncarnation(incarnation, created, final, wrote, missed, sums, indeterminates)
	}
	if a.sweeps && a.unended > a.swept && !indeterminates.any {
		a.violate("lost session", manager.ID{}, "%d sessions are not there any more, of which sweeps removed %d", a.unended, a.swept)
	}
	for _, l := range userLedgers {
		if l.Ledger.Backwards > 0 {
			a.violate("number went back", manager.ID{}, "user %d was given %d numbers that did not rise", l.User, l.Ledger.Backwards)
		}
	}
}

func lowest(creations []creation, ends []finalState, userTallies []userTally, gone []notFound) uint64 {
	incarnation := ^uint64(0)
	if len(creations) > 0 {
		incarnation = min(incarnation, creations[0].Incarnation)
	}
	if len(ends) > 0 {
		incarnation = min(incarnation, ends[0].Incarnation)
	}
	if len(userTallies) > 0 {
		incarnation = min(incarnation, userTallies[0].Incarnation)
	}
	if len(gone) > 0 {
		incarnation = min(incarnation, gone[0].incarnation)
	}
	return incarnation
}

// takeWhile cuts off the leading elements of *list for which in is true.
func takeWhile[E any](list *[]E, in func(E) bool) []E {
	n := 0
	for n < len(*list) && in((*list)[n]) {
		n++
	}
	head := (*list)[:n]
	*list = (*list)[n:]
	return head
}

func (a *auditor) checkIncarnation(
	incarnation uint64, created []creation, final []finalState, wrote []userTally, missed []notFound, sums sums, indeterminates *indeterminates,
) {
	var id manager.ID
	switch {
	case len(final) > 0:
		id = final[0].ID
	case len(created) > 0:
		id = created[0].ID
	case len(wrote) > 0 && int(wrote[0].Slot) < len(a.shared):
		id = a.shared[wrote[0].Slot]
	}
	indeterminate := indeterminates.of(id)
	switch {
	case len(created) == 0 && indeterminates.mayBeCreated(id):
	case len(created) == 0:
		a.violate("session from nowhere", id, "incarnation %x exists, but no call reported that it created it", incarnation)
	case len(created) > 1:
		a.violate("double creation", id, "%d calls reported that they created incarnation %x", len(created), incarnation)
	case created[0].ID.Version() != 4:
		a.violate("foreign id", id, "not a random (version 4) UUID")
	}
	switch {
	case len(final) == 0 && (a.sweeps || indeterminates.mayBeRemoved(id)):
		a.unended++
		end := finalState{ID: id, Incarnation: incarnation, N: unknownCount, Others: unknownCount}
		a.checkNumbers(&end, wrote, sums, indeterminate)
		return
	case len(final) == 0:
		a.violate("lost session", id, "incarnation %x was created, but neither deleted nor swept, and it is not there at the end", incarnation)
		return
	case len(final) > 1:
		a.violate("removed twice", id, "%[2]d removals returned a final state of incarnation %[1]x", incarnation, len(final))
	case len(created) > 0 && created[0].ID != final[0].ID:
		a.violate("mixed-up sessions", id, "incarnation %x was created as %v", incarnation, created[0].ID)
	case len(missed) > 0 && missed[0].at < final[0].since && !indeterminates.mayBeRemoved(id):
		a.violate("lost session", id, "a user got \"not found\" before any removal had begun")
	}
	a.checkNumbers(&final[0], wrote, sums, indeterminate)
	a.checkKept(&final[0], wrote, indeterminate)
}

// checkNumbers compares the sums over all users with those of 1…n. Indeterminate writes may be among the n.
func (a *auditor) checkNumbers(end *finalState, wrote []userTally, sums sums, indeterminate *possible) {
	var count, sum, mixed, touches, unnumbered uint64
	for _, w := range wrote {
		touches += w.Touches
		count += w.Count
		sum += w.Sum
		mixed += w.Mixed
		unnumbered += w.Unnumbered
	}
	n := end.N
	if n == unknownCount && indeterminate.writes > 0 {
		return
	}
	if n == unknownCount {
		n = count
	}
	switch {
	case count > n:
		a.violate("lost update", end.ID, "%d changes were confirmed to %d users, the session counts %d: %d lost", count, len(wrote), n, count-n)
	case count+indeterminate.writes < n:
		a.violate("phantom update", end.ID, "the session counts %d changes, %d users made %d: %d too many", n, len(wrote), count+indeterminate.writes, n-count-indeterminate.writes)
	case unnumbered > 0: // there are no numbers to compare
	case count < n && !fits(n, count, sum, mixed, sums), count == n && (sum != n*(n+1)/2 || mixed != sums.of(n)):
		a.violate("duplicate number", end.ID, "%d changes were made, but the numbers given out for them are not 1 to %d", count, n)
	}
	switch {
	case end.Others == unknownCount:
	case touches > end.Others:
		a.violate("lost update", end.ID, "%d touches were confirmed, the session counts %d", touches, end.Others)
	case touches+indeterminate.touches < end.Others:
		a.violate("phantom update", end.ID, "the session counts %d touches, users made %d", end.Others, touches)
	}
}

// fits reports whether count different numbers from 1 to n can have these sums: n-count were given to writes whose answers
// were lost. With one number missing this is exact.
func fits(n, count, sum, mixed uint64, sums sums) bool {
	k, missing := n-count, n*(n+1)/2-sum
	if missing < k*(k+1)/2 || missing > k*n-k*(k-1)/2 {
		return false
	}
	return k > 1 || sums.of(n)-mixed == mix(missing)
}

// checkKept checks the entries of the last state, oldest first: the user that wrote each, and the number of the write.
func (a *auditor) checkKept(end *finalState, wrote []userTally, indeterminate *possible) {
	switch {
	case end.Broken != "":
		a.violate("corrupted session", end.ID, "%s", end.Broken)
		return
	case end.Kept == unknownKept:
		return
	case end.N == unknownCount:
		a.checkUnnumbered(end, wrote, indeterminate)
		return
	}
	first := end.N - uint64(end.Kept) + 1
	for i, word := range end.Words[:end.Kept] {
		n := first + uint64(i)
		w, found := slices.BinarySearchFunc(wrote, writer(word), func(c userTally, user int) int { return cmp.Compare(c.user, user) })
		switch {
		case indeterminate.wrote(word), found && wrote[w].Unnumbered > 0:
		case !found || wrote[w].Last < n || wrote[w].Last == n && wrote[w].Word != word:
			a.violate("foreign content", end.ID, "entry %d holds what user %d did not write there", n, writer(word))
		}
	}
	for _, w := range wrote {
		if w.Last >= first && w.Last <= end.N && end.Kept > 0 && writer(end.Words[w.Last-first]) != w.user {
			a.violate("foreign content", end.ID, "entry %d is user %d's, but user %d was given that number", w.Last, writer(end.Words[w.Last-first]), w.user)
		}
	}
}

// checkUnnumbered checks the final state of an incarnation whose writes the target does not number: it holds as many entries as
// there were writes, or as it has room for, each by a user that wrote to that incarnation.
func (a *auditor) checkUnnumbered(end *finalState, wrote []userTally, indeterminate *possible) {
	var count uint64
	for _, w := range wrote {
		count += w.Count
	}
	kept := end.Words[:end.Kept]
	switch n := uint64(len(kept)); {
	case a.byVersion:
	case n < min(count, manager.HistoryLimit):
		a.violate("lost update", end.ID, "%d messages were confirmed to %d users, and %d are kept", count, len(wrote), n)
	case n > count+indeterminate.writes:
		a.violate("phantom update", end.ID, "%d messages are kept, and %d users wrote %d", n, len(wrote), count)
	}
	for _, word := range kept {
		_, found := slices.BinarySearchFunc(wrote, writer(word), func(c userTally, user int) int { return cmp.Compare(c.user, user) })
		if !found && !indeterminate.wrote(word) {
			a.violate("foreign content", end.ID, "it holds what user %d did not write there", writer(word))
		}
	}
}

// end returns a session's final state for the audit, with what it kept checked.
func (a *auditor) end(id manager.ID, s *manager.Session, fields []string, scratch []manager.Message) finalState {
	e := finalState{ID: id, Incarnation: s.Incarnation, N: s.Seq, Others: s.Version - s.Seq}
	if a.byVersion {
		e.N, e.Others = s.Version, 0
		a.endFields(&e, s.Fields, fields)
		return e
	}
	a.endMessages(&e, s.History(scratch[:0]))
	return e
}

// endMessages notes the messages that were kept.
func (a *auditor) endMessages(e *finalState, kept []manager.Message) {
	if want := int(min(e.N, manager.HistoryLimit)); len(kept) != want && e.N != unknownCount {
		e.Broken = fmt.Sprintf("%d messages kept of %d, want %d", len(kept), e.N, want)
		return
	}
	if len(kept) > manager.HistoryLimit {
		e.Broken = fmt.Sprintf("%d messages kept, want at most %d", len(kept), manager.HistoryLimit)
		return
	}
	for i, m := range kept {
		word, ok := a.contents.word(m.Content)
		switch due := e.N - uint64(len(kept)-i-1); {
		case m.Seq != due && e.N != unknownCount && (m.Seq != 0 || !a.lax):
			e.Broken = fmt.Sprintf("message %d where %d was due", m.Seq, due)
			return
		case !ok || writer(word) >= a.users || m.Role != role(word):
			e.Broken = fmt.Sprintf("message %d was written by no user: role %q, %d bytes", m.Seq, m.Role, len(m.Content))
			return
		}
		e.Words[i] = word
	}
	e.Kept = int8(len(kept))
}

// endFields notes what the last change wrote. Every change writes the same text to all fields, so they must agree.
func (a *auditor) endFields(e *finalState, have map[string]string, fields []string) {
	if e.N == 0 || len(fields) == 0 || e.N == unknownCount && len(have) == 0 {
		return
	}
	text := have[fields[0]]
	word, ok := a.contents.word(text)
	if !ok || writer(word) >= a.users {
		e.Broken = fmt.Sprintf("field %q was written by no user: %d bytes", fields[0], len(text))
		return
	}
	if other := torn(have, fields); other != "" {
		e.Broken = fmt.Sprintf("fields %q and %q were written together and differ", fields[0], other)
		return
	}
	e.Words[0], e.Kept = word, 1
}

// torn is the name of a field that differs from the first; empty when all agree.
func torn(have map[string]string, fields []string) string {
	for _, f := range fields[1:] {
		if have[f] != have[fields[0]] {
			return f
		}
	}
	return ""
}

// role returns the role of the entry that starts at a word: questions and answers alternate.
func role(word uint32) string {
	if word%2 == 0 {
		return "user"
	}
	return "assistant"
}

// sums holds Σ mix(1…n) for each n that is the number of changes of an incarnation.
type sums map[uint64]uint64

// of is Σ mix(1…n).
func (s sums) of(n uint64) uint64 {
	if total, known := s[n]; known {
		return total
	}
	var total uint64
	for i := range n {
		total += mix(i + 1)
	}
	return total
}

// newSums sums up to most, the number of writes there were. A last state that claims more is wrong by its count alone.
func newSums(ends []finalState, most uint64) sums {
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
			total += mix(at)
		}
		s[n] = total
	}
	return s
}
