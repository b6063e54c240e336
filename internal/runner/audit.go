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

// auditor collects what must not have happened.
type auditor struct {
	contents  *contents
	users     int // writers, the one who prepared the sessions included
	kinds     map[string]int
	byVersion bool         // changes are numbered by the session's version, and not by its message count
	shared    []manager.ID // by slot, where ids live more than once
	lax       bool         // messages need no numbers: it is a target that keeps them
	sweeps    bool         // sessions are removed whose last states nobody is handed
	swept     int          // as many as sweeps say that they removed
	unended   int          // lives whose last state nobody was handed
	found     result.Audit
}

func (a *auditor) violate(kind string, id manager.ID, format string, args ...any) {
	a.found.OK = false
	if a.kinds == nil {
		a.kinds = map[string]int{}
	}
	if a.kinds[kind]++; a.kinds[kind] > maxViolations {
		a.found.More++
		return
	}
	v := result.Violation{Kind: kind, Detail: fmt.Sprintf(format, args...)}
	if id != (manager.ID{}) {
		v.Session = id.String()
	}
	a.found.Violations = append(a.found.Violations, v)
}

// claim is what one user says about one life.
type claim struct {
	user int
	tally
}

// check puts the users' accounts together: each life was begun once and ended once, the numbers of all writes to it are
// 1…n with n what its last state says, and what the last state kept was written by whom it says.
func (a *auditor) check(accounts []account) {
	var (
		claims []claim
		writes uint64
		births []birth
		ends   []ending
		gone   []absence
		doubts = newDoubts(accounts, a.byVersion)
	)
	for _, l := range accounts {
		for t := range l.tallies {
			claims = append(claims, claim{l.user, t})
			writes += t.count
		}
		births = append(births, l.began...)
		ends = append(ends, l.ended...)
		gone = append(gone, l.gone...)
	}
	slices.SortFunc(claims, func(x, y claim) int {
		return cmp.Or(cmp.Compare(x.life, y.life), cmp.Compare(x.user, y.user))
	})
	slices.SortFunc(births, func(x, y birth) int { return cmp.Compare(x.life, y.life) })
	slices.SortFunc(ends, func(x, y ending) int { return cmp.Compare(x.life, y.life) })
	slices.SortFunc(gone, func(x, y absence) int { return cmp.Or(cmp.Compare(x.life, y.life), cmp.Compare(x.at, y.at)) })
	sums := newSums(ends, writes+doubts.writes)

	// Every list is in order of lives: take them off together, life by life.
	for len(births)+len(ends)+len(claims)+len(gone) > 0 {
		life := lowest(births, ends, claims, gone)
		born := take(&births, func(b birth) bool { return b.life == life })
		ended := take(&ends, func(e ending) bool { return e.life == life })
		wrote := take(&claims, func(c claim) bool { return c.life == life })
		missed := take(&gone, func(g absence) bool { return g.life == life })
		a.checkLife(life, born, ended, wrote, missed, sums, doubts)
	}
	if a.sweeps && a.unended > a.swept && !doubts.any {
		a.violate("lost session", manager.ID{}, "%d sessions are not there any more, of which sweeps removed %d", a.unended, a.swept)
	}
	for _, l := range accounts {
		if l.backwards > 0 {
			a.violate("number went back", manager.ID{}, "user %d was given %d numbers that did not rise", l.user, l.backwards)
		}
	}
}

func lowest(births []birth, ends []ending, claims []claim, gone []absence) uint64 {
	life := ^uint64(0)
	if len(births) > 0 {
		life = min(life, births[0].life)
	}
	if len(ends) > 0 {
		life = min(life, ends[0].life)
	}
	if len(claims) > 0 {
		life = min(life, claims[0].life)
	}
	if len(gone) > 0 {
		life = min(life, gone[0].life)
	}
	return life
}

// take cuts off the leading elements of *list for which in says so.
func take[E any](list *[]E, in func(E) bool) []E {
	n := 0
	for n < len(*list) && in((*list)[n]) {
		n++
	}
	head := (*list)[:n]
	*list = (*list)[n:]
	return head
}

func (a *auditor) checkLife(
	life uint64, born []birth, ended []ending, wrote []claim, missed []absence, sums sums, doubts *doubts,
) {
	var id manager.ID
	switch {
	case len(ended) > 0:
		id = ended[0].id
	case len(born) > 0:
		id = born[0].id
	case len(wrote) > 0 && int(wrote[0].slot) < len(a.shared):
		id = a.shared[wrote[0].slot]
	}
	doubt := doubts.of(id)
	switch {
	case len(born) == 0 && doubts.mayHaveBegun(id):
	case len(born) == 0:
		a.violate("session from nowhere", id, "incarnation %x was there, but nobody was told that it was created", life)
	case len(born) > 1:
		a.violate("double creation", id, "%d callers were told that they created incarnation %x", len(born), life)
	case born[0].id.Version() != 4:
		a.violate("foreign id", id, "not a random (version 4) UUID")
	}
	switch {
	case len(ended) == 0 && (a.sweeps || doubts.mayHaveEnded(id)):
		a.unended++
		end := ending{id: id, life: life, n: uncounted, others: uncounted}
		a.checkNumbers(&end, wrote, sums, doubt)
		return
	case len(ended) == 0:
		a.violate("lost session", id, "incarnation %x was created and never handed over: neither deleted, nor swept, nor left at the end", life)
		return
	case len(ended) > 1:
		a.violate("removed twice", id, "the last state of incarnation %x was handed over %d times", life, len(ended))
	case len(born) > 0 && born[0].id != ended[0].id:
		a.violate("mixed-up sessions", id, "incarnation %x was created as %v", life, born[0].id)
	case len(missed) > 0 && missed[0].at < ended[0].since && !doubts.mayHaveEnded(id):
		a.violate("lost session", id, "a user was told that it is not found before anybody had begun to remove it")
	}
	a.checkNumbers(&ended[0], wrote, sums, doubt)
	a.checkKept(&ended[0], wrote, doubt)
}

// checkNumbers compares the sums over all users with those of 1…n. Of n the doubtful writes may be a part.
func (a *auditor) checkNumbers(end *ending, wrote []claim, sums sums, doubt *doubtful) {
	var count, sum, mixed, touches, blind uint64
	for _, w := range wrote {
		touches += w.touches
		count += w.count
		sum += w.sum
		mixed += w.mixed
		blind += w.blind
	}
	n := end.n
	if n == uncounted && doubt.writes > 0 {
		return
	}
	if n == uncounted {
		n = count
	}
	switch {
	case count > n:
		a.violate("lost update", end.id, "%d changes were confirmed to %d users, the session knows of %d: %d lost", count, len(wrote), n, count-n)
	case count+doubt.writes < n:
		a.violate("phantom update", end.id, "the session counts %d changes, %d users made %d: %d too many", n, len(wrote), count+doubt.writes, n-count-doubt.writes)
	case blind > 0: // there are no numbers to compare
	case count < n && !fits(n, count, sum, mixed, sums), count == n && (sum != n*(n+1)/2 || mixed != sums.of(n)):
		a.violate("duplicate number", end.id, "%d changes were made, but the numbers given out for them are not 1 to %d", count, n)
	}
	switch {
	case end.others == uncounted:
	case touches > end.others:
		a.violate("lost update", end.id, "%d touches were confirmed, the session knows of %d", touches, end.others)
	case touches+doubt.touches < end.others:
		a.violate("phantom update", end.id, "the session counts %d touches, users made %d", end.others, touches)
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

// checkKept looks at what the last state kept, newest last: who wrote each piece, and whether it was the very one.
func (a *auditor) checkKept(end *ending, wrote []claim, doubt *doubtful) {
	switch {
	case end.broken != "":
		a.violate("corrupted session", end.id, "%s", end.broken)
		return
	case end.kept == untold:
		return
	case end.n == uncounted:
		a.checkUnnumbered(end, wrote, doubt)
		return
	}
	first := end.n - uint64(end.kept) + 1
	for i, word := range end.words[:end.kept] {
		n := first + uint64(i)
		w, found := slices.BinarySearchFunc(wrote, writer(word), func(c claim, user int) int { return cmp.Compare(c.user, user) })
		switch {
		case doubt.wrote(word), found && wrote[w].blind > 0:
		case !found || wrote[w].last < n || wrote[w].last == n && wrote[w].word != word:
			a.violate("foreign content", end.id, "entry %d holds what user %d did not write there", n, writer(word))
		}
	}
	for _, w := range wrote {
		if w.last >= first && w.last <= end.n && end.kept > 0 && writer(end.words[w.last-first]) != w.user {
			a.violate("foreign content", end.id, "entry %d is user %d's, but user %d was given that number", w.last, writer(end.words[w.last-first]), w.user)
		}
	}
}

// checkUnnumbered looks at what was kept of a life whose changes the target does not count: as many as there were or there
// is room for, each by one of its writers.
func (a *auditor) checkUnnumbered(end *ending, wrote []claim, doubt *doubtful) {
	var count uint64
	for _, w := range wrote {
		count += w.count
	}
	kept := end.words[:end.kept]
	switch n := uint64(len(kept)); {
	case a.byVersion:
	case n < min(count, manager.HistoryLimit):
		a.violate("lost update", end.id, "%d messages were confirmed to %d users, and %d are kept", count, len(wrote), n)
	case n > count+doubt.writes:
		a.violate("phantom update", end.id, "%d messages are kept, and %d users wrote %d", n, len(wrote), count)
	}
	for _, word := range kept {
		_, found := slices.BinarySearchFunc(wrote, writer(word), func(c claim, user int) int { return cmp.Compare(c.user, user) })
		if !found && !doubt.wrote(word) {
			a.violate("foreign content", end.id, "it holds what user %d did not write there", writer(word))
		}
	}
}

// end describes a session's last state for the audit, and looks through what it kept while it is at hand.
func (a *auditor) end(id manager.ID, s *manager.Session, fields []string, scratch []manager.Message) ending {
	e := ending{id: id, life: s.Incarnation, n: s.Seq, others: s.Version - s.Seq}
	if a.byVersion {
		e.n, e.others = s.Version, 0
		a.endFields(&e, s.Fields, fields)
		return e
	}
	a.endMessages(&e, s.History(scratch[:0]))
	return e
}

// endMessages notes the messages that were kept.
func (a *auditor) endMessages(e *ending, kept []manager.Message) {
	if want := int(min(e.n, manager.HistoryLimit)); len(kept) != want && e.n != uncounted {
		e.broken = fmt.Sprintf("%d messages kept of %d, want %d", len(kept), e.n, want)
		return
	}
	if len(kept) > manager.HistoryLimit {
		e.broken = fmt.Sprintf("%d messages kept, want at most %d", len(kept), manager.HistoryLimit)
		return
	}
	for i, m := range kept {
		word, ok := a.contents.word(m.Content)
		switch due := e.n - uint64(len(kept)-i-1); {
		case m.Seq != due && e.n != uncounted && (m.Seq != 0 || !a.lax):
			e.broken = fmt.Sprintf("message %d where %d was due", m.Seq, due)
			return
		case !ok || writer(word) >= a.users || m.Role != role(word):
			e.broken = fmt.Sprintf("message %d is nobody's: role %q, %d bytes", m.Seq, m.Role, len(m.Content))
			return
		}
		e.words[i] = word
	}
	e.kept = int8(len(kept))
}

// endFields notes what the last change wrote. Every change writes the same text to all fields, so they must agree.
func (a *auditor) endFields(e *ending, have map[string]string, fields []string) {
	if e.n == 0 || len(fields) == 0 || e.n == uncounted && len(have) == 0 {
		return
	}
	text := have[fields[0]]
	word, ok := a.contents.word(text)
	if !ok || writer(word) >= a.users {
		e.broken = fmt.Sprintf("field %q is nobody's: %d bytes", fields[0], len(text))
		return
	}
	if other := torn(have, fields); other != "" {
		e.broken = fmt.Sprintf("fields %q and %q were written together and differ", fields[0], other)
		return
	}
	e.words[0], e.kept = word, 1
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

// role is who the entry at a word speaks for: a question, then its answer, in turns.
func role(word uint32) string {
	if word%2 == 0 {
		return "user"
	}
	return "assistant"
}

// sums holds Σ mix(1…n) for each n that occurs as the number of changes of a life.
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
func newSums(ends []ending, most uint64) sums {
	s := sums{}
	for _, e := range ends {
		if e.n <= most {
			s[e.n] = 0
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
