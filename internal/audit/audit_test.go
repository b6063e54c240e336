package audit

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/reports/result"
)

// story is a run of the audit's own: users write to sessions, and everything is as it should be until a test meddles.
type story struct {
	contents *Contents
	ledgers  []*Ledger
	sessions []manager.Session
	ids      []manager.ID
	writes   []uint32 // by user
}

// newStory has users write to sessions in the order given: writes[i] has the user and the session.
func newStory(users, sessions int, writes [][2]int) *story {
	s := &story{contents: NewContents(users, 64), writes: make([]uint32, users)}
	for user := range users {
		l := NewLedger(user, 1) // so that it has to grow
		s.ledgers = append(s.ledgers, &l)
	}
	for i := range sessions {
		id := uuid.New()
		s.ids = append(s.ids, id)
		s.sessions = append(s.sessions, manager.Session{Incarnation: uint64(i + 1)})
		s.ledgers[i%users].Created = append(s.ledgers[i%users].Created, Creation{id, uint64(i + 1)})
	}
	for _, w := range writes {
		s.write(w[0], w[1])
	}
	return s
}

func (s *story) write(user, session int) {
	word := uint32(user)*wordsPerUser + s.writes[user]%wordsPerUser
	s.writes[user]++
	n := s.sessions[session].Append(role(word), s.contents.piece(word, 20))
	s.ledgers[user].Wrote(uint32(session), uint64(session+1), n, word)
}

func (s *story) rules() *Rules { return &Rules{Contents: s.contents, Users: len(s.ledgers)} }

// end hands the sessions over to user 0 and audits.
func (s *story) end() result.Audit {
	r := s.rules()
	for i := range s.sessions {
		s.ledgers[0].Final = append(s.ledgers[0].Final, r.Ended(s.ids[i], &s.sessions[i], nil))
	}
	return check(r, s.ledgers...)
}

// check audits ledgers.
func check(r *Rules, ledgers ...*Ledger) result.Audit {
	f := Findings{Audit: result.Audit{OK: true}}
	r.Check(ledgers, &f)
	return f.Audit
}

func TestAuditPassesCorrectStores(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		users, sessions := rapid.IntRange(1, 6).Draw(t, "users"), rapid.IntRange(1, 20).Draw(t, "sessions")
		var writes [][2]int
		for range rapid.IntRange(0, 300).Draw(t, "writes") {
			writes = append(writes, [2]int{rapid.IntRange(0, users-1).Draw(t, "user"), rapid.IntRange(0, sessions-1).Draw(t, "session")})
		}
		if a := newStory(users, sessions, writes).end(); !a.OK {
			t.Fatalf("accused without reason: %v", a.Violations)
		}
	})
}

// A single thing wrong must be found, and called by its name.
func TestAuditFindsViolations(t *testing.T) {
	var writes [][2]int
	for i := range 60 {
		writes = append(writes, [2]int{i % 3, i % 2})
	}
	for _, row := range []struct {
		why    string
		meddle func(s *story)
		kind   string
	}{
		{"a confirmed write that left no trace", func(s *story) {
			before := *s.sessions[0].Clone()
			s.write(0, 0)
			s.sessions[0] = before
		}, "lost update"},
		{"a write applied twice", func(s *story) {
			s.write(0, 0)
			s.sessions[0].Append(role(0), s.contents.piece(0, 20))
		}, "phantom update"},
		{"one number for two writes, another for none", func(s *story) {
			s.write(0, 0)
			n := s.sessions[0].Append(role(wordsPerUser), s.contents.piece(wordsPerUser, 20))
			s.ledgers[1].Wrote(0, 1, n-1, wordsPerUser)
		}, "duplicate number"},
		{"a number lower than the one before", func(s *story) {
			s.ledgers[0].Wrote(0, 1, 2, 0)
		}, "number went back"},
		{"two calls that report the creation", func(s *story) {
			s.ledgers[1].Created = append(s.ledgers[1].Created, Creation{s.ids[0], 1})
		}, "double creation"},
		{"a session that was not created", func(s *story) {
			s.ids = append(s.ids, uuid.New())
			s.sessions = append(s.sessions, manager.Session{Incarnation: 99})
		}, "session from nowhere"},
		{"an id that was not drawn at random", func(s *story) {
			s.ledgers[0].Created[0].ID[6] = 0x10
			s.ids[0] = s.ledgers[0].Created[0].ID
		}, "foreign id"},
		{"a session that is gone without having been removed", func(s *story) {
			s.ids, s.sessions = s.ids[1:], s.sessions[1:]
		}, "lost session"},
		{"a session that was not found before it was removed", func(s *story) {
			e := s.rules().Ended(s.ids[0], &s.sessions[0], nil)
			e.Since = 1000
			s.ledgers[1].Final = append(s.ledgers[1].Final, e)
			s.ledgers[1].NotFound(1, 999)
			s.ids, s.sessions = s.ids[1:], s.sessions[1:]
		}, "lost session"},
		{"a last state handed over twice", func(s *story) {
			s.ids, s.sessions = append(s.ids, s.ids[0]), append(s.sessions, s.sessions[0])
		}, "removed twice"},
		{"a session under another's id", func(s *story) {
			s.ids[0], s.ids[1] = s.ids[1], s.ids[0]
		}, "mixed-up sessions"},
		{"a text that another user wrote", func(s *story) {
			s.rewrite(0, s.contents.piece(2*wordsPerUser+1, 20), role(1))
		}, "foreign content"},
		{"an older text of the same user in the place of the newest", func(s *story) {
			newest := s.sessions[0].History(nil)[manager.HistoryLimit-1]
			word, _ := s.contents.Word(newest.Content)
			s.rewrite(0, s.contents.piece(word^2, 20), newest.Role)
		}, "foreign content"},
		{"a text that no user wrote", func(s *story) {
			s.rewrite(0, "something else entirely", "user")
		}, "corrupted session"},
		{"a text cut short in the middle and patched", func(s *story) {
			s.rewrite(0, s.contents.piece(0, 20)[:12]+"xxxxxxxx", "user")
		}, "corrupted session"},
		{"the right text in the wrong role", func(s *story) {
			newest := s.sessions[0].History(nil)[manager.HistoryLimit-1]
			s.rewrite(0, newest.Content, "system")
		}, "corrupted session"},
	} {
		t.Run(row.why, func(t *testing.T) {
			s := newStory(3, 2, writes)
			row.meddle(s)
			a := s.end()
			if a.OK || !slices.ContainsFunc(a.Violations, func(v result.Violation) bool { return v.Kind == row.kind }) {
				t.Errorf("want %q, found %v", row.kind, a.Violations)
			}
		})
	}
}

// rewrite replaces the newest message of a session.
func (s *story) rewrite(session int, content, role string) {
	old := s.sessions[session]
	kept := old.History(nil)
	rebuilt := manager.Session{Incarnation: old.Incarnation}
	for range old.Seq - uint64(len(kept)) {
		rebuilt.Append("", "")
	}
	for _, m := range kept[:len(kept)-1] {
		rebuilt.Append(m.Role, m.Content)
	}
	rebuilt.Append(role, content)
	s.sessions[session] = rebuilt
}

func TestAuditFindsViolationsOfFields(t *testing.T) {
	fields := []string{"goal", "owner"}
	c := NewContents(1, 64)
	one := func(s manager.Session, word uint32) result.Audit {
		l := NewLedger(0, 1)
		id := uuid.New()
		l.Created = append(l.Created, Creation{id, 1})
		l.Wrote(0, 1, 1, word)
		r := &Rules{Contents: c, Users: 1, ByVersion: true, Fields: fields}
		l.Final = append(l.Final, r.Ended(id, &s, nil))
		return check(r, &l)
	}
	plan := func(goal, owner string) manager.Session {
		s := manager.Session{Incarnation: 1}
		s.SetFields(map[string]string{"goal": goal, "owner": owner})
		return s
	}
	if a := one(plan(c.piece(3, 20), c.piece(3, 20)), 3); !a.OK {
		t.Errorf("accused without reason: %v", a.Violations)
	}
	for why, a := range map[string]result.Audit{
		"fields of different changes":         one(plan(c.piece(3, 20), c.piece(4, 20)), 3),
		"fields of a change without a writer": one(plan(c.piece(5, 20), c.piece(5, 20)), 3),
		"fields that no user wrote":           one(plan("a plan", "a plan"), 3),
		"one of the fields is not there":      one(manager.Session{Incarnation: 1, Version: 1, Fields: map[string]string{"goal": c.piece(3, 20)}}, 3),
		"no fields after a counted change":    one(manager.Session{Incarnation: 1, Version: 1}, 3),
	} {
		if a.OK {
			t.Errorf("%s: passed", why)
		}
	}
}

func TestViolationsAreCountedBeyondThoseListed(t *testing.T) {
	f := Findings{Audit: result.Audit{OK: true}}
	for i := range maxViolations + 7 {
		f.Violate("lost update", uuid.New(), "number %d", i)
	}
	if len(f.Violations) != maxViolations || f.Omitted != 7 || f.OK {
		t.Errorf("%d listed, %d more, OK %v", len(f.Violations), f.Omitted, f.OK)
	}
}

// The sums must notice every change of a single number, whatever the numbers are.
func TestSumsDetectSwaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint64Range(2, 200).Draw(t, "n")
		wrong := rapid.Uint64Range(1, n).Draw(t, "wrong")
		instead := rapid.Uint64Range(1, 2*n).Filter(func(x uint64) bool { return x != wrong }).Draw(t, "instead")
		l := NewLedger(0, 1)
		id := uuid.New()
		l.Created = append(l.Created, Creation{id, 1})
		for i := uint64(1); i <= n; i++ {
			if i == wrong {
				l.Wrote(0, 1, instead, 0)
			} else {
				l.Wrote(0, 1, i, 0)
			}
		}
		l.Backwards = 0
		l.Final = append(l.Final, Final{ID: id, Incarnation: 1, N: n})
		if check(&Rules{Contents: NewContents(1, 0), Users: 1}, &l).OK {
			t.Fatalf("%d instead of %d among 1 to %d passed", instead, wrong, n)
		}
	})
}

// A ledger keeps the tallies of all slots apart, of those that have places of their own and of others.
func TestLedgerFindsEverySlot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first, direct := rapid.Uint32Range(0, 40).Draw(t, "first"), rapid.IntRange(0, 40).Draw(t, "direct")
		slot := rapid.OneOf(rapid.Uint32Range(0, 100), rapid.Uint32())
		slots := rapid.SliceOfDistinct(slot, func(s uint32) uint32 { return s }).Draw(t, "slots")
		l := NewDirectLedger(0, first, direct)
		for round := uint64(1); round <= 3; round++ {
			for _, s := range slots {
				l.Wrote(s, uint64(s)+1, round, 0)
			}
		}
		for _, s := range slots {
			l.Wrote(s, uint64(s)+1<<40, 1, 0) // a second incarnation
		}
		seen := map[uint64]Tally{}
		for tally := range l.Tallies {
			seen[tally.Incarnation] = tally
		}
		if len(seen) != 2*len(slots) || l.Backwards != 0 {
			t.Fatalf("%d incarnations, want %d; %d numbers did not rise", len(seen), 2*len(slots), l.Backwards)
		}
		for _, s := range slots {
			for incarnation, count := range map[uint64]uint64{uint64(s) + 1: 3, uint64(s) + 1<<40: 1} {
				if got := seen[incarnation]; got.Count != count || got.Slot != s {
					t.Fatalf("incarnation %x of slot %d: %d writes in slot %d, want %d", incarnation, s, got.Count, got.Slot, count)
				}
			}
		}
		for i := range l.Direct {
			if got := &l.Direct[i]; got.Incarnation != 0 && got != l.Find(first+uint32(i)) {
				t.Fatalf("slot %d is not in its place", got.Slot)
			}
		}
	})
}

func TestSumsFit(t *testing.T) {
	sums := sums{}
	given := func(numbers ...uint64) (count, sum, mixed uint64) {
		for _, n := range numbers {
			count, sum, mixed = count+1, sum+n, mixed+Mix(n)
		}
		return count, sum, mixed
	}
	for _, row := range []struct {
		why     string
		n       uint64
		numbers []uint64
		want    bool
	}{
		{"one is missing", 4, []uint64{1, 2, 4}, true},
		{"one is missing, and one is there twice in its place", 4, []uint64{2, 2, 4}, false},
		{"two are missing", 4, []uint64{1, 4}, true},
		{"two are missing, and the others cannot be what is left", 4, []uint64{4, 4}, false},
		{"too low for those that are left", 5, []uint64{1, 1, 1}, false},
	} {
		count, sum, mixed := given(row.numbers...)
		if got := sums.fit(row.n, count, sum, mixed); got != row.want {
			t.Errorf("%s: %v, want %v", row.why, got, row.want)
		}
	}
}

// TestCheckSweeps: only a session that no operation can have held when the sweep came to it is a violation.
func TestCheckSweeps(t *testing.T) {
	const s, ms = time.Second, time.Millisecond
	sweeps := []Swept{{0, 1 * ms}, {int64(s), s + ms}, {int64(2 * s), 2*s + ms}}
	for _, test := range []struct {
		why          string
		touched      int64
		removed      time.Duration
		due, longest time.Duration
		left         bool
	}{
		{"it was used within the time", int64(s) + 1, 9 * s, s, ms, false},
		{"it was idle for long enough", int64(s), 9 * s, s, ms, true},
		{"an operation may have held it", int64(s), 2*s + 2*ms, s, ms, false},
		{"of two sweeps the first has left it", 0, 2*s + 2*ms, s, ms, true},
		{"it was created after all sweeps", int64(5 * s), 9 * s, s, ms, false},
	} {
		f := Findings{Audit: result.Audit{OK: true}}
		f.CheckSweeps(sweeps, []Left{{uuid.New(), test.touched, test.removed}}, test.due, test.longest)
		if f.OK == test.left || test.left && f.Violations[0].Kind != "session not swept" {
			t.Errorf("%s: %+v", test.why, f.Violations)
		}
	}
}
