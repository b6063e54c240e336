package history

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// levelHistories are histories whose times are in seconds; want is the weakest level that is refuted with a bound of 2 s, "" for none.
var levelHistories = []struct {
	name string
	ops  string
	want Level
	says string
	loss string // part of the sentence about a loss; empty: nothing is lost
}{
	{"one after the other", `
		A 0-1 creates A1
		A 2-3 appends A2
		B 4-5 appends B1
		C 6-7 reads [A2 B1]`, "", "", ""},
	{"two appends overlap, and one undoes the other", `
		A 0-1 creates A1
		A 2-5 appends A2
		B 3-6 appends B1
		C 20-21 reads [B1]`, "", "", "two appends overlapped, both were confirmed, and what is read afterwards shows only one of them"},
	{"the same, soon after", `
		A 0-1 creates A1
		A 2-5 appends A2
		B 3-6 appends B1
		C 7-8 reads [B1]`, "", "", ""},
	{"an append undoes one that was confirmed before it began", `
		A 0-1 creates A1
		A 2-3 appends A2
		B 4-5 appends B1
		C 6-7 reads [B1]`, LevelLastWriterWins, "C read the history without message A2: A's append of A2 was confirmed before", "no later read shows it"},
	{"an append that took long undoes several", `
		A 0-1 creates A1
		B 2-9 appends B1
		A 3-4 appends A2
		A 5-6 appends A3
		A 10-11 reads [B1]`, "", "", "two appends overlapped"},
	{"the message that undid is hidden by fifteen newer ones", `
		A 0-1 creates A1
		A 2-4 appends A2
		B 3-5 appends B1
		C 6-7 appends C1
		C 6-7 appends C2
		C 6-7 appends C3
		C 6-7 appends C4
		C 6-7 appends C5
		C 6-7 appends C6
		C 6-7 appends C7
		C 6-7 appends C8
		C 6-7 appends C9
		C 6-7 appends C10
		C 6-7 appends C11
		C 6-7 appends C12
		C 6-7 appends C13
		C 6-7 appends C14
		C 6-7 appends C15
		D 90-91 reads [C1 C2 C3 C4 C5 C6 C7 C8 C9 C10 C11 C12 C13 C14 C15]`, "", "", ""},
	{"a stale replica: a user does not see its own message", `
		A 0-1 creates A1
		B 2-3 appends B1
		A 4-5 appends A2
		A 6-7 reads [B1]
		A 8-9 reads [B1 A2]`, LevelReadYourWrites, "by the same user", ""},
	{"a stale replica: another user does not see a message yet", `
		A 0-1 creates A1
		A 2-3 appends A2
		B 4-5 reads []
		B 6-7 reads [A2]`, LevelLastWriterWins, "B read the history without message A2", ""},
	{"a message that was shown vanishes", `
		A 0-1 creates A1
		A 2-? appends A2 unknown
		B 4-5 reads [A2]
		B 6-7 reads []`, LevelLastWriterWins, "was seen before", ""},
	{"a message of an append without a response never appears", `
		A 0-1 creates A1
		A 2-? appends A2 unknown
		B 4-5 reads []
		B 30-31 reads []`, "", "", ""},
	{"an append without a response takes effect late, and undoes another", `
		A 0-1 creates A1
		B 2-? appends B1 unknown
		A 4-5 appends A2
		A 6-7 reads [B1]`, "", "", ""},
	{"a message is not shown for too long", `
		A 0-1 creates A1
		A 2-3 appends A2
		B 6-7 reads []
		B 9-10 reads [A2]`, LevelEventual, "was confirmed 3s earlier", ""},
	{"a message never appears", `
		A 0-1 creates A1
		A 2-3 appends A2
		B 10-11 reads []`, LevelEventual, "without message A2", "no later read shows it"},
	{"messages in the wrong order", `
		A 0-1 creates A1
		A 2-3 appends A2
		B 4-5 appends B1
		C 6-7 reads [B1 A2]`, LevelLastWriterWins, "shows B1 before A2", ""},
	{"overlapping messages in the order that no one expects", `
		A 0-1 creates A1
		A 2-5 appends A2
		B 4-7 appends B1
		C 8-9 reads [B1 A2]`, "", "", ""},
	{"a message that no one wrote", `
		A 0-1 creates A1
		B 2-3 reads [C9]`, LevelNone, "no operation wrote C9", ""},
	{"a message twice", `
		A 0-1 creates A1
		A 2-3 appends A2
		B 4-5 reads [A2 A2]`, LevelNone, "twice", ""},
	{"a message that was reported as not applied", `
		A 0-1 creates A1
		A 2-3 appends A2 refused
		B 4-5 reads [A2]`, LevelNone, "not applied", ""},
	{"fields: the newer value", `
		A 0-1 creates A1
		A 2-3 updates A2
		B 4-5 updates B1
		C 9-10 views <B1 B1>`, "", "", ""},
	{"fields: an older value", `
		A 0-1 creates A1
		A 2-3 updates A2
		B 4-5 updates B1
		B 6-7 views <A2 A2>`, LevelReadYourWrites, "an older value than B1", ""},
	{"fields: of two overlapping updates the one that returned first", `
		A 0-1 creates A1
		A 2-5 updates A2
		B 3-6 updates B1
		B 20-21 views <A2 A2>`, "", "", ""},
	{"fields: an append undoes an update", `
		A 0-1 creates A1
		A 2-5 updates A2
		B 3-6 appends B1
		C 20-21 views <– –>`, "", "", "two writes overlapped"},
	{"fields: half of an update", `
		A 0-1 creates A1
		A 2-5 updates A2
		B 3-6 updates B1
		C 20-21 views <A2 B1>`, LevelLastWriterWins, "no request wrote together", ""},
	{"a session that exists is not found", `
		A 0-1 creates A1
		B 2-3 reads not_found
		B 4-5 reads []`, LevelLastWriterWins, "found no session", ""},
	{"its creator does not find it", `
		A 0-1 creates A1
		A 2-3 reads not_found
		A 4-5 reads []`, LevelReadYourWrites, "is its state kept per process?", ""},
	{"a session is lost", `
		A 0-1 creates A1
		B 4-5 reads not_found`, LevelEventual, "found no session", "the session is lost"},
	{"a session that may have been deleted is not found", `
		A 0-1 creates A1
		B 2-? deletes unknown
		A 9-10 reads not_found`, "", "", ""},
	{"messages are gone with the session", `
		A 0-1 creates A1
		A 2-3 appends A2
		B 4-5 deletes
		B 6-7 creates B1
		A 8-9 reads []`, "", "", ""},
	{"a session is used after its deletion", `
		A 0-1 creates A1
		B 2-3 deletes
		A 4-5 appends A2`, LevelLastWriterWins, "in a session that was deleted", ""},
	{"an overlapping append undoes a deletion", `
		A 0-1 creates A1
		B 2-4 deletes
		A 3-5 appends A2
		A 9-10 reads [A2]`, "", "", ""},
	{"a session is created again after its deletion", `
		A 0-1 creates A1
		B 2-3 deletes
		B 3-5 creates B1
		A 4-5 appends A2
		A 9-10 reads [A2]`, "", "", ""},
	{"each of two incarnations has its messages", `
		A 0-1 creates A1
		A 2-5 appends A2 @A1
		B 3-4 deletes @A1
		B 5-6 creates B1
		A 9-10 reads @B1 []`, "", "", ""},
	{"a message of the second incarnation is missing in it", `
		A 0-1 creates A1
		B 3-4 deletes @A1
		B 5-6 creates B1
		A 7-8 appends A2 @B1
		A 9-10 reads @B1 []`, LevelReadYourWrites, "without message A2", ""},
}

// inSeconds returns a written history with times in seconds.
func inSeconds(t testing.TB, text string) *History {
	h := written(t, text)
	for i := range h.Ops {
		op := &h.Ops[i]
		op.Call *= int64(time.Second)
		if op.Return != Never {
			op.Return *= int64(time.Second)
		}
		if op.Kind == ReadMessages && op.Outcome == OK {
			op.Parts |= PartMessages
		}
		if op.Created && !strings.Contains(text, "@") {
			op.Parts, op.Incarnation = 0, 0
		}
	}
	return h
}

func TestLevelsOfWrittenHistories(t *testing.T) {
	for _, test := range levelHistories {
		t.Run(strings.ReplaceAll(test.name, " ", "-"), func(t *testing.T) {
			h := inSeconds(t, test.ops)
			var weakest Refutation
			if list := Refutations(h, DefaultBound); len(list) > 0 {
				weakest = list[0]
			}
			if weakest.Level != test.want || !strings.Contains(weakest.Why, test.says) {
				t.Errorf("level %q refuted: %q\nwant %q: %q", weakest.Level, weakest.Why, test.want, test.says)
			}
			for _, l := range Levels() {
				if got, want := Refute(h, l, DefaultBound) != nil, test.want != "" && l.Includes(test.want); got != want {
					t.Errorf("%s refuted: %v, want %v", l, got, want)
				}
			}
			loss := Loss(h, DefaultBound)
			if (loss != nil) != (test.loss != "") || loss != nil && !strings.Contains(loss.Why, test.loss) {
				t.Errorf("loss %+v, want %q", loss, test.loss)
			}
			if (test.want != "" || test.loss != "") && Check(t.Context(), h).Verdict != Violated {
				t.Error("the history is linearizable")
			}
			if test.want != "" {
				v := weakest.Violation(t.Context(), h, nil, DefaultBound)
				if v == nil || !v.Confirmed || len(v.Conflict) == 0 || v.Anomaly == "" {
					t.Errorf("violation %+v", v)
				}
			}
			if loss != nil {
				if v := LossViolation(t.Context(), h, loss, nil, DefaultBound); v == nil || !v.Confirmed {
					t.Errorf("violation %+v", v)
				}
			}
		})
	}
}

// TestRefutationsTellRequests: the sentences have the requests and their statuses.
func TestRefutationsTellRequests(t *testing.T) {
	h := inSeconds(t, `
		A 0-1 creates A1
		A 2-5 appends A2
		B 3-6 appends B1
		C 20-21 reads [B1]`)
	h.Ops[1].Note, h.Ops[2].Note, h.Ops[3].Note = "POST /s/1/messages → 200", "POST /s/1/messages → 200", "GET /s/1/messages → 200"
	want := "two appends overlapped, both were answered 200, and what is read afterwards shows only one of them: " +
		"A's append of A2 (POST /s/1/messages → 200) and B's append of B1 (POST /s/1/messages → 200); " +
		"C read the history (GET /s/1/messages → 200), and message A2 is lost"
	if got := Loss(h, DefaultBound); got == nil || got.Why != want || !slices.Equal(got.Ops, []int{1, 2, 3}) {
		t.Errorf("got  %+v\nwant %s", got, want)
	}
	lost := inSeconds(t, `
		A 0-1 creates A1
		B 5-6 reads not_found`)
	lost.Ops[0].Worker, lost.Ops[1].Worker = 1, 2
	want = "known to worker 1, which answered then, and unknown to worker 2: is its state kept per process?"
	if got := Loss(lost, DefaultBound); got == nil || !strings.HasSuffix(got.Why, want) {
		t.Errorf("got  %+v\nwant %s", got, want)
	}
}

func TestSurvivors(t *testing.T) {
	const history = `
		A 0-1 creates A1
		A 2-3 appends A2
		B 4-5 appends B1
		A 6-7 updates A3
		B 8-? appends B2 unknown
		C 20-21 `
	for _, test := range []struct {
		after string
		want  Survival
		says  string
	}{
		{"reads [A2 B1]\nC 22-23 views <A3 A3>", Survival{3, 3, 1, 0, 0}, "of 3 acknowledged writes 3 survived the restart"},
		{"reads [A2 B1 B2]", Survival{2, 2, 1, 0, 0}, "of 2 acknowledged writes 2 survived the restart"},
		{"reads [A2]\nC 22-23 views <– –>", Survival{3, 1, 1, 0, 1}, "of 3 acknowledged writes 1 survived the restart: 1 of 1 sessions were there, but not all of their writes"},
		{"reads not_found", Survival{3, 0, 1, 1, 0}, "of 3 acknowledged writes 0 survived the restart: the sessions are kept in memory"},
		{"reads []", Survival{2, 0, 1, 0, 1}, "of 2 acknowledged writes 0 survived the restart: the sessions are kept in memory"},
		{"deletes unknown", Survival{}, "no acknowledged write was there to survive the restart"},
	} {
		got := Survivors(inSeconds(t, history+test.after), 9e9, 15e9)
		if got != test.want || got.Sentence() != test.says {
			t.Errorf("%s: %+v %q\nwant %+v %q", test.after, got, got.Sentence(), test.want, test.says)
		}
	}
	if got := Survivors(inSeconds(t, strings.Replace(history, "B 8-? appends B2 unknown", "B 8-9 deletes", 1)+"reads not_found"), 10e9, 15e9); got != (Survival{}) {
		t.Errorf("a deleted session: %+v", got)
	}
}

// Of writes that overlapped, one may have overwritten the other before the restart, so that they are not counted. Where the whole session
// is gone, both are lost.
func TestSurvivorsOfOverlappingWrites(t *testing.T) {
	const history = `
		A 0-1 creates A1
		A 2-5 appends A2
		B 3-6 appends B1
		A 7-8 appends A3
		C 20-21 `
	for after, want := range map[string]Survival{
		"reads [A2 B1 A3]": {1, 1, 1, 0, 0},
		"reads [B1 A3]":    {1, 1, 1, 0, 0},
		"reads [B1]":       {1, 0, 1, 0, 1},
		"reads not_found":  {3, 0, 1, 1, 0},
	} {
		if got := Survivors(inSeconds(t, history+after), 9e9, 15e9); got != want {
			t.Errorf("%s: %+v, want %+v", after, got, want)
		}
	}
}

func TestParseLevel(t *testing.T) {
	for _, text := range []string{"linearizable", "last-writer-wins", "read-your-writes", "eventual(2s)", "eventual(150ms)"} {
		if l, bound, err := ParseLevel(text); err != nil || l.With(bound) != text {
			t.Errorf("%s: %s, %v, %v", text, l, bound, err)
		}
	}
	for _, text := range []string{"", "none", "eventual", "eventual()", "eventual(0s)", "eventual(-1s)", "eventual(2)", "strong"} {
		if _, _, err := ParseLevel(text); err == nil || !strings.Contains(err.Error(), "want linearizable, last-writer-wins") {
			t.Errorf("%s: error %v", text, err)
		}
	}
}

// simulated is a service with a level, in virtual time. Its operations take effect in accesses at different moments.
type simulated struct {
	t        *rapid.T
	store    func(s *simulated, op *simulatedOp) // makes the next access of an operation; it sets done at the last one
	now      int64
	states   []simulatedState // every state of the session and since when, the newest last
	tags     [4]uint64
	wrote    [4]int64 // when each user's last write was stored
	numbered bool     // operations return incarnations
	history  History
}

type simulatedState struct {
	since       int64
	there       bool
	incarnation Tag
	messages    []Tag
	fields      Tag
}

type simulatedOp struct {
	Op
	read *simulatedState // what the first access has read
	done bool
}

const replicaLag = 8 // ticks

func (s *simulated) current() simulatedState { return s.states[len(s.states)-1] }

// at returns the state at a time.
func (s *simulated) at(time int64) simulatedState {
	i := len(s.states) - 1
	for i > 0 && s.states[i].since > time {
		i--
	}
	return s.states[i]
}

// result sets what an operation returns of a state, and returns the state after it.
func (s *simulated) result(op *simulatedOp, state simulatedState) (after simulatedState, changed bool) {
	after = state
	switch {
	case op.Kind == GetOrCreate && !state.there:
		op.Created = true
		after, changed = simulatedState{there: true, incarnation: op.Tag}, true
	case !state.there:
		op.Outcome = NotFound
		return state, false
	case op.Kind == Append:
		after.messages = append(slices.Clone(state.messages), op.Tag)
		after.messages, changed = after.messages[max(0, len(after.messages)-keeps):], true
	case op.Kind == Update:
		after.fields, changed = op.Tag, true
	case op.Kind == Delete:
		after, changed = simulatedState{}, true
	case op.Kind == ReadMessages:
		op.Parts, op.Messages = PartMessages, state.messages
	case op.Kind == ReadFields:
		op.Parts, op.Fields = PartFields, [2]Tag{state.fields, state.fields}
	}
	if s.numbered {
		op.Parts |= PartIncarnation
		op.Incarnation = state.incarnation
		if op.Created {
			op.Incarnation = op.Tag
		}
	}
	return after, changed
}

func (s *simulated) put(op *simulatedOp, state simulatedState) {
	state.since = s.now
	s.states = append(s.states, state)
	s.wrote[op.User] = s.now
}

// oneAccess makes one access.
func oneAccess(s *simulated, op *simulatedOp) {
	if after, changed := s.result(op, s.current()); changed {
		s.put(op, after)
	}
	op.done = true
}

// readThenStore reads and stores at two moments.
func readThenStore(s *simulated, op *simulatedOp) {
	if op.read == nil {
		state := s.current()
		op.read = &state
		_, changed := s.result(op, state)
		op.done = !changed
		return
	}
	after, _ := s.result(op, *op.read)
	s.put(op, after)
	op.done = true
}

// replicated reads from a replica that lags, and writes atomically.
func replicated(s *simulated, op *simulatedOp) {
	if !op.Kind.Reads() {
		oneAccess(s, op)
		return
	}
	s.result(op, s.at(s.now-replicaLag))
	op.done = true
}

// sticky is replicated, but users who have just written read what they have written.
func sticky(s *simulated, op *simulatedOp) {
	if s.now-s.wrote[op.User] <= replicaLag {
		oneAccess(s, op)
		return
	}
	replicated(s, op)
}

// forgetful confirms some appends that it does not store.
func forgetful(s *simulated, op *simulatedOp) {
	if op.Kind == Append && s.current().there && rapid.IntRange(0, 2).Draw(s.t, "forgets") == 0 {
		op.done = true
		return
	}
	oneAccess(s, op)
}

// writesBack is readThenStore, and reads store what they have read, too.
func writesBack(s *simulated, op *simulatedOp) {
	if !op.Kind.Reads() || op.read != nil && !op.read.there {
		readThenStore(s, op)
		return
	}
	if op.read == nil {
		state := s.current()
		op.read = &state
		s.result(op, state)
		op.done = !state.there
		return
	}
	s.put(op, *op.read)
	op.done = true
}

// simulate draws operations of four users. Some get no response: they may take effect at any time, or not at all.
func simulate(t *rapid.T, store func(*simulated, *simulatedOp), kinds []Kind) *History {
	s := &simulated{t: t, store: store, states: []simulatedState{{}}, numbered: rapid.Bool().Draw(t, "numbered"), now: 100}
	s.wrote = [4]int64{-1000, -1000, -1000, -1000}
	running, lost := [4]*simulatedOp{}, []*simulatedOp{}
	record := func(op *simulatedOp) { s.history.Ops = append(s.history.Ops, op.Op) }
	begin := func(u int32, k Kind) *simulatedOp {
		op := &simulatedOp{Op: Op{User: u, Kind: k, Outcome: OK, Call: s.now}}
		if k.Writes() || k.Creates() {
			op.Tag = NewTag(int(u), s.tags[u])
			s.tags[u]++
		}
		return op
	}
	first := begin(0, GetOrCreate)
	s.now++
	oneAccess(s, first)
	s.now++
	first.Return = s.now
	record(first)
	for range rapid.IntRange(10, 120).Draw(t, "ticks") {
		s.now++
		u := rapid.IntRange(0, 4).Draw(t, "user")
		if u == 4 {
			if len(lost) > 0 {
				if op := lost[0]; op.done {
					lost = lost[1:]
				} else {
					s.store(s, op)
				}
			}
			continue
		}
		switch op := running[u]; {
		case op == nil:
			running[u] = begin(int32(u), rapid.SampledFrom(kinds).Draw(t, "kind"))
		case op.done:
			op.Return = s.now
			record(op)
			running[u] = nil
		case op.MayChange() && rapid.IntRange(0, 30).Draw(t, "lost") == 0:
			vague := op.Op
			record(&simulatedOp{Op: Op{Call: vague.Call, Return: Never, User: vague.User, Kind: vague.Kind, Tag: vague.Tag, Outcome: Indeterminate}})
			lost, running[u] = append(lost, op), nil
		default:
			s.store(s, op)
		}
	}
	for s.now += 2; slices.ContainsFunc(running[:], func(op *simulatedOp) bool { return op != nil }); s.now++ {
		for u, op := range running {
			switch {
			case op == nil:
			case op.done:
				op.Return = s.now
				record(op)
				running[u] = nil
			default:
				s.store(s, op)
			}
		}
	}
	for range 3 * replicaLag / 2 {
		s.now++
	}
	for _, k := range []Kind{ReadMessages, ReadFields} { // the end
		op := begin(3, k)
		for s.now++; !op.done; s.now++ {
			s.store(s, op)
		}
		op.Return = s.now
		record(op)
	}
	return &s.history
}

// TestLevelsOfSimulatedServices: a service with a level is never accused of less; and one that does not have it is, sooner or later.
func TestLevelsOfSimulatedServices(t *testing.T) {
	const bound = replicaLag + 1
	chat := []Kind{Append, Append, ReadMessages, ReadMessages, GetOrCreate}
	all := []Kind{Append, Append, Update, ReadMessages, ReadFields, ReadMessages, GetOrCreate, Delete}
	for _, test := range []struct {
		name    string
		store   func(*simulated, *simulatedOp)
		kinds   []Kind
		has     Level // never refuted
		refuted Level // by a pattern in some history; "" never
		loses   bool
	}{
		{"linearizable chats", oneAccess, chat, LevelLinearizable, "", false},
		{"linearizable", oneAccess, all, LevelLinearizable, "", false},
		{"last writer wins, chats", readThenStore, chat, LevelLastWriterWins, "", true},
		{"last writer wins", readThenStore, all, LevelLastWriterWins, "", true},
		{"sticky replicas", sticky, chat, LevelReadYourWrites, LevelLastWriterWins, false},
		{"stale replicas", replicated, chat, LevelEventual, LevelReadYourWrites, false},
		{"forgets", forgetful, chat, LevelNone, LevelEventual, true},
		{"reads write back", writesBack, chat, LevelNone, LevelLastWriterWins, true},
	} {
		t.Run(strings.ReplaceAll(test.name, " ", "-"), func(t *testing.T) {
			checks(t, 1500)
			found, losses, broken := map[Level]int{}, 0, 0
			rapid.Check(t, func(t *rapid.T) {
				h := simulate(t, test.store, test.kinds)
				if r := Refute(h, test.has, bound); r != nil {
					t.Fatalf("%s refuted: %s\n%s", r.Level, r.Why, listing(h))
				}
				for _, r := range Refutations(h, bound) {
					found[r.Level]++
				}
				loss := Loss(h, bound)
				if loss != nil {
					losses++
				}
				if loss != nil && !test.loses {
					t.Fatalf("a loss: %s\n%s", loss.Why, listing(h))
				}
				if len(h.Ops) < 10 && (loss != nil || Refute(h, LevelLinearizable, bound) != nil) {
					broken++
					if mustSearch(t, h) {
						t.Fatalf("accused, and porcupine finds a linearization of\n%s", listing(h))
					}
				}
			})
			if test.refuted != "" && found[test.refuted] == 0 || test.loses != (losses > 0) {
				t.Errorf("refuted %v, %d losses: want %q refuted, losses %v", found, losses, test.refuted, test.loses)
			}
			t.Logf("refuted %v, %d losses, %d checked by search", found, losses, broken)
		})
	}
}

// TestRefutedHistoriesAreNotLinearizable: what patterns refute, a search refutes as well, also in histories that no service made.
func TestRefutedHistoriesAreNotLinearizable(t *testing.T) {
	checks(t, 5000) // a fifth of it under -short
	drawn, refuted := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		drawn++
		h := drawHistory(t, 12)
		forget(t, h, 2)
		bound := time.Duration(rapid.IntRange(0, 8).Draw(t, "bound"))
		if Refute(h, LevelLinearizable, bound) == nil && Loss(h, bound) == nil {
			return
		}
		refuted++
		if mustSearch(t, h) {
			t.Fatalf("%+v, %+v, and porcupine finds a linearization of\n%s", Refutations(h, bound), Loss(h, bound), listing(h))
		}
	})
	if !t.Failed() && refuted < drawn/40 { // a tenth is expected
		t.Errorf("%d of %d histories were refuted", refuted, drawn)
	}
}

// What an operation holds and did not return refutes nothing.
func TestUnreturnedMessagesRefuteNothing(t *testing.T) {
	add := NewTag(0, 3)
	h := &History{Ops: []Op{
		{Outcome: OK, Kind: Create, Call: 1, Return: 2, Parts: PartIncarnation, Incarnation: NewTag(0, 1), Tag: NewTag(0, 1)},
		{Outcome: OK, Kind: Append, Call: 3, Return: 4, Tag: add},
		{Outcome: OK, Kind: Delete, Call: 5, Return: 6},
		{Outcome: OK, Kind: Create, Call: 7, Return: 8, Parts: PartIncarnation, Incarnation: NewTag(0, 5), Tag: NewTag(0, 5), Messages: []Tag{add, add}},
	}}
	if list := Refutations(h, time.Second); len(list) > 0 {
		t.Errorf("%+v", list)
	}
	h.Ops[3].Parts |= PartMessages
	if list := Refutations(h, time.Second); len(list) == 0 {
		t.Error("a returned message that is shown twice was not refuted")
	}
}
