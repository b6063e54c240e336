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
	contents *contents
	users    int // writers, the one who prepared the sessions included
	kinds    map[string]int
	found    result.Audit
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

// check puts the users' ledgers together: each life was begun once and ended once, the numbers of all writes to it are
// 1…n with n what its last state says, and what the last state kept was written by whom it says.
func (a *auditor) check(ledgers []*ledger) {
	var (
		claims []claim
		writes uint64
		births []birth
		ends   []ending
		gone   []absence
	)
	for u, l := range ledgers {
		for t := range l.tallies {
			claims = append(claims, claim{u, t})
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
	sums := newSums(ends, writes)

	// Every list is in order of lives: take them off together, life by life.
	for len(births)+len(ends)+len(claims)+len(gone) > 0 {
		life := lowest(births, ends, claims, gone)
		born := take(&births, func(b birth) bool { return b.life == life })
		ended := take(&ends, func(e ending) bool { return e.life == life })
		wrote := take(&claims, func(c claim) bool { return c.life == life })
		missed := take(&gone, func(g absence) bool { return g.life == life })
		a.checkLife(life, born, ended, wrote, missed, sums)
	}
	for u, l := range ledgers {
		if l.backwards > 0 {
			a.violate("number went back", manager.ID{}, "user %d was given %d numbers that did not rise", u, l.backwards)
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

func (a *auditor) checkLife(life uint64, born []birth, ended []ending, wrote []claim, missed []absence, sums sums) {
	var id manager.ID
	switch {
	case len(ended) > 0:
		id = ended[0].id
	case len(born) > 0:
		id = born[0].id
	}
	switch {
	case len(born) == 0:
		a.violate("session from nowhere", id, "incarnation %x was there, but nobody was told that it was created", life)
	case len(born) > 1:
		a.violate("double creation", id, "%d callers were told that they created incarnation %x", len(born), life)
	case born[0].id.Version() != 4:
		a.violate("foreign id", id, "not a random (version 4) UUID")
	}
	switch {
	case len(ended) == 0:
		a.violate("lost session", id, "incarnation %x was created and never handed over: neither deleted, nor swept, nor left at the end", life)
		return
	case len(ended) > 1:
		a.violate("removed twice", id, "the last state of incarnation %x was handed over %d times", life, len(ended))
	case len(born) > 0 && born[0].id != ended[0].id:
		a.violate("mixed-up sessions", id, "incarnation %x was created as %v", life, born[0].id)
	case len(missed) > 0 && missed[0].at < ended[0].since:
		a.violate("lost session", id, "a user was told that it is not found before anybody had begun to remove it")
	}
	a.checkNumbers(&ended[0], wrote, sums)
	a.checkKept(&ended[0], wrote)
}

// checkNumbers compares the sums over all users with those of 1…n.
func (a *auditor) checkNumbers(end *ending, wrote []claim, sums sums) {
	var count, sum, mixed, touches uint64
	for _, w := range wrote {
		touches += w.touches
		count += w.count
		sum += w.sum
		mixed += w.mixed
	}
	switch {
	case count > end.n:
		a.violate("lost update", end.id, "%d changes were confirmed to %d users, the session knows of %d: %d lost", count, len(wrote), end.n, count-end.n)
	case count < end.n:
		a.violate("phantom update", end.id, "the session counts %d changes, %d users made %d: %d too many", end.n, len(wrote), count, end.n-count)
	case sum != end.n*(end.n+1)/2 || mixed != sums[end.n]:
		a.violate("duplicate number", end.id, "%d changes were made, but the numbers given out for them are not 1 to %d", count, end.n)
	}
	switch {
	case touches > end.others:
		a.violate("lost update", end.id, "%d touches were confirmed, the session knows of %d", touches, end.others)
	case touches < end.others:
		a.violate("phantom update", end.id, "the session counts %d touches, users made %d", end.others, touches)
	}
}

// checkKept looks at what the last state kept, newest last: who wrote each piece, and whether it was the very one.
func (a *auditor) checkKept(end *ending, wrote []claim) {
	if end.broken != "" {
		a.violate("corrupted session", end.id, "%s", end.broken)
		return
	}
	first := end.n - uint64(end.kept) + 1
	for i, word := range end.words[:end.kept] {
		n := first + uint64(i)
		w, found := slices.BinarySearchFunc(wrote, writer(word), func(c claim, user int) int { return cmp.Compare(c.user, user) })
		if !found || wrote[w].last < n || wrote[w].last == n && wrote[w].word != word {
			a.violate("foreign content", end.id, "entry %d holds what user %d did not write there", n, writer(word))
		}
	}
	for _, w := range wrote {
		if w.last >= first && w.last <= end.n && end.kept > 0 && writer(end.words[w.last-first]) != w.user {
			a.violate("foreign content", end.id, "entry %d is user %d's, but user %d was given that number", w.last, writer(end.words[w.last-first]), w.user)
		}
	}
}

// end describes a session's last state for the audit, and looks through what it kept while it is at hand.
func (a *auditor) end(id manager.ID, s *manager.Session, byVersion bool, fields []string, scratch []manager.Message) ending {
	e := ending{id: id, life: s.Incarnation, n: s.Seq, others: s.Version - s.Seq}
	if byVersion {
		e.n, e.others = s.Version, 0
		a.endFields(&e, s, fields)
		return e
	}
	kept := s.History(scratch[:0])
	if want := int(min(s.Seq, manager.HistoryLimit)); len(kept) != want {
		e.broken = fmt.Sprintf("%d messages kept of %d, want %d", len(kept), s.Seq, want)
		return e
	}
	for i, m := range kept {
		word, ok := a.contents.word(m.Content)
		switch due := s.Seq - uint64(len(kept)-i-1); {
		case m.Seq != due:
			e.broken = fmt.Sprintf("message %d where %d was due", m.Seq, due)
			return e
		case !ok || writer(word) >= a.users || m.Role != role(word):
			e.broken = fmt.Sprintf("message %d is nobody's: role %q, %d bytes", m.Seq, m.Role, len(m.Content))
			return e
		}
		e.words[i] = word
	}
	e.kept = int8(len(kept))
	return e
}

// endFields notes what the last change wrote. Every change writes the same text to all fields, so they must agree.
func (a *auditor) endFields(e *ending, s *manager.Session, fields []string) {
	if e.n == 0 || len(fields) == 0 {
		return
	}
	text := s.Fields[fields[0]]
	word, ok := a.contents.word(text)
	if !ok || writer(word) >= a.users {
		e.broken = fmt.Sprintf("field %q is nobody's: %d bytes", fields[0], len(text))
		return
	}
	if other := torn(s.Fields, fields); other != "" {
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
