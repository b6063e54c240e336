package runner

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessbench/sessbench/internal/audit"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies"
)

// table is where the participants of a test meet.
type table struct {
	mu      sync.Mutex // protects what follows
	changed *sync.Cond
	of      int
	given   map[string]map[int][]byte
	at      map[int]int // the start that each has come to
	lost    map[int]bool
}

func newTable(of int) *table {
	t := &table{of: of, given: map[string]map[int][]byte{}, at: map[int]int{}, lost: map[int]bool{}}
	t.changed = sync.NewCond(&t.mu)
	return t
}

func (t *table) lose(index int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lost[index] = true
	t.changed.Broadcast()
}

// seat is one participant's place at a table.
type testParticipant struct {
	*table
	index int
}

func (s testParticipant) Index() int { return s.index }
func (s testParticipant) Of() int    { return s.of }

func (s testParticipant) Barrier(_ context.Context, start int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at[s.index] = start + 1
	s.changed.Broadcast()
	for i := range s.of {
		for s.at[i] <= start && !s.lost[i] {
			s.changed.Wait()
		}
	}
	return nil
}

func (s testParticipant) Publish(_ context.Context, name string, what []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.given[name] == nil {
		s.given[name] = map[int][]byte{}
	}
	if s.given[name][s.index] != nil {
		return fmt.Errorf("%s is given twice by %d", name, s.index)
	}
	s.given[name][s.index] = what
	s.changed.Broadcast()
	return nil
}

func (s testParticipant) Await(_ context.Context, name string, from ...int) (map[int][]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := map[int][]byte{}
	for _, i := range from {
		for s.given[name][i] == nil && !s.lost[i] {
			s.changed.Wait()
		}
		if what := s.given[name][i]; what != nil {
			found[i] = what
		}
	}
	return found, nil
}

func (s testParticipant) Lost() (names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.of {
		if s.lost[i] {
			names = append(names, fmt.Sprint("participant ", i+1))
		}
	}
	return names
}

// common is one participant's way to a store that all of them share.
type common struct {
	manager.SessionStore[manager.Session]
	closed atomic.Bool
}

func (c *common) Sweep(ctx context.Context, expired func(manager.ID, *manager.Session) bool, removed func(manager.ID, manager.Session)) (int, error) {
	if c.closed.Load() {
		return 0, manager.ErrClosed
	}
	return c.SessionStore.Sweep(ctx, expired, removed)
}

func (c *common) Close() error { c.closed.Store(true); return nil }

// runParticipants has participants run the same scenario, each with its own subject.
func runParticipants(t *testing.T, of int, s scenarios.Scenario, subject func(index int) Subject, runs int) ([]*result.Document, []error, *table) {
	t.Helper()
	at := newTable(of)
	window := 15 * time.Millisecond
	if s.Iterations > 0 {
		window = 0
	}
	docs, errs := make([]*result.Document, of), make([]error, of)
	var running sync.WaitGroup
	for i := range of {
		running.Go(func() {
			docs[i], errs[i] = Run(t.Context(), Config{
				Subjects: []Subject{subject(i)}, Scenarios: []scenarios.Scenario{s}, Runs: runs,
				Window: window, Seed: DefaultSeed, Participant: testParticipant{at, i},
			})
		})
	}
	running.Wait()
	return docs, errs, at
}

func shared(of manager.SessionStore[manager.Session]) func(int) Subject {
	return func(int) Subject {
		return Subject{Label: "common", Strategy: &strategies.Strategy{
			Name: "common", Remote: true,
			Open: func(strategies.Values) (manager.SessionStore[manager.Session], error) {
				return &common{SessionStore: of}, nil
			},
		}}
	}
}

func TestParticipantsShareTheUsersAndTheAudit(t *testing.T) {
	t.Parallel()
	for _, scenario := range []string{"chatbot", "brainstorming", "churn", "create-storm"} {
		for _, of := range map[string][]int{"chatbot": {2, 3}, "churn": {3}, "brainstorming": {2}, "create-storm": {2}}[scenario] {
			for name, subject := range map[string]func(int) Subject{
				"store":  shared(strategies.NewSharded[manager.Session](4)),
				"target": func(p *program) func(int) Subject { return func(int) Subject { return driven(p) } }(newProgram()),
			} {
				t.Run(fmt.Sprintf("%s/%d/%s", scenario, of, name), func(t *testing.T) {
					t.Parallel()
					small := small(t, scenario)
					docs, errs, _ := runParticipants(t, of, small, subject, 1)
					var visits int64
					for i, doc := range docs {
						if errs[i] != nil {
							t.Fatal(errs[i])
						}
						for _, trial := range doc.Results[0].Trials {
							if !trial.Audit.OK || trial.Audit.Skipped != (i > 0) {
								t.Errorf("participant %d: %+v", i, trial.Audit)
							}
							visits += trial.Visits
						}
					}
					if n := int64(small.Iterations * small.Users); n > 0 && visits != n {
						t.Errorf("%d visits in all, want %d", visits, n)
					}
				})
			}
		}
	}
}

// A write that is lost where two machines meet shows in no single participant's account.
func TestFirstParticipantAuditsAll(t *testing.T) {
	p := newProgram()
	p.apply = func(n int, q *scenarios.Request, s *held) bool {
		if n%10 != 9 {
			return false
		}
		before := *s
		s.change(q)
		p.after = func(int, *scenarios.Request, *scenarios.Effect, *held) error { p.after = nil; *s = before; return nil }
		return true
	}
	docs, errs, _ := runParticipants(t, 3, small(t, "chatbot"), func(int) Subject { return driven(p) }, 1)
	if errs[0] != nil {
		t.Fatal(errs[0])
	}
	audit := docs[0].Results[0].Trials[0].Audit
	if audit.OK || !slices.ContainsFunc(audit.Violations, func(v result.Violation) bool { return v.Kind == "lost update" }) {
		t.Errorf("%+v", audit)
	}
}

func TestFirstParticipantReportsViolationsOfOthers(t *testing.T) {
	store := strategies.NewGlobal[manager.Session]()
	for _, row := range []struct {
		why    string
		broken int
		bend   func(b *bent)
	}{
		{"the first cannot prepare", 0, func(b *bent) {
			b.make = func(context.Context, manager.ID, func() manager.Session, func(*manager.Session)) (bool, error) {
				return false, errors.New("out of sorts")
			}
		}},
		{"another's users panic", 1, func(b *bent) {
			b.update = func(context.Context, manager.ID, func(context.Context, *manager.Session) error) error {
				panic("out of its mind")
			}
		}},
	} {
		t.Run(row.why, func(t *testing.T) {
			docs, errs, _ := runParticipants(t, 2, small(t, "chatbot"), func(i int) Subject {
				s := shared(store)(i)
				if i == row.broken {
					s.Strategy.Open = func(strategies.Values) (manager.SessionStore[manager.Session], error) {
						b := &bent{SessionStore: &common{SessionStore: store}}
						row.bend(b)
						return b, nil
					}
				}
				return s
			}, 2)
			if errs[0] != nil || errs[1] != nil {
				t.Fatal(errs)
			}
			for _, trial := range docs[0].Results[0].Trials {
				if trial.Audit.OK {
					t.Errorf("%+v", trial.Audit)
				}
			}
			if n, err := store.Sweep(t.Context(), func(manager.ID, *manager.Session) bool { return true }, nil); err != nil {
				t.Errorf("%d left, %v", n, err)
			}
		})
	}
}

// Who is lost is not waited for, and the run comes to an end that names it.
func TestLostParticipantIsNamed(t *testing.T) {
	at := newTable(2)
	alone := testParticipant{at, 0}
	time.AfterFunc(50*time.Millisecond, func() { at.lose(1) })
	s := small(t, "chatbot")
	doc, err := Run(t.Context(), Config{
		Subjects: []Subject{shared(strategies.NewGlobal[manager.Session]())(0)}, Scenarios: []scenarios.Scenario{s}, Runs: 3,
		Window: 15 * time.Millisecond, Seed: DefaultSeed, Participant: alone,
	})
	var lost *LostError
	if !errors.As(err, &lost) || !slices.Equal(lost.Who, []string{"participant 2"}) {
		t.Fatalf("error %v", err)
	}
	if doc == nil || !doc.Interrupted || len(doc.Results) != 1 || len(doc.Results[0].Trials) != 1 {
		t.Fatalf("%+v", doc)
	}
	if audit := doc.Results[0].Trials[0].Audit; audit.Partial == "" {
		t.Errorf("%+v", audit)
	}
}

// A ledger that is sent to another participant arrives unchanged, except for times.
func TestLedgersAreSentWhole(t *testing.T) {
	l := audit.NewLedger(18, 1)
	l.Past = []audit.Tally{{Slot: 1, Word: 2, Incarnation: 3, Count: 4, Last: 5, Sum: 6, Mixed: 7, Uses: 8, Unnumbered: 9}}
	l.Created = []audit.Creation{{ID: manager.ID{1}, Incarnation: 10}}
	l.Final = []audit.Final{{ID: manager.ID{2}, Incarnation: 11, N: 12, Others: 13, Kept: 2, Broken: "torn", Words: [manager.HistoryLimit]uint32{14, 15}}}
	l.Indeterminates = []audit.Indeterminate{{Op: scenarios.Delete, ID: manager.ID{3}, Word: 16}}
	l.Backwards, l.Swept, l.Ambiguous = 17, 19, true
	l.Violations = []result.Violation{{Kind: "torn read", Detail: "fields differ"}}
	what, err := pack(ledgersMessage{Ledgers: []*audit.Ledger{&l}})
	if err != nil {
		t.Fatal(err)
	}
	var h ledgersMessage
	if err := unpack(what, &h); err != nil {
		t.Fatal(err)
	}
	if got := *h.Ledgers[0]; !reflect.DeepEqual(got, l) {
		t.Errorf("got %+v, want %+v", got, l)
	}
}

// crashing is one participant's way to a program that is gone for it alone after some requests.
type crashing struct{ *program }

func (c crashing) Connect(ctx context.Context) (scenarios.Conn, error) {
	conn, err := c.program.Connect(ctx)
	return &crashingConn{Conn: conn}, err
}

type crashingConn struct {
	scenarios.Conn
	n int
}

func (c *crashingConn) Do(ctx context.Context, q *scenarios.Request, a *scenarios.Effect) error {
	if c.n++; c.n > 1 {
		return fmt.Errorf("%w: unplugged", scenarios.ErrUnavailable)
	}
	return c.Conn.Do(ctx, q, a)
}

// A participant whose target is unavailable publishes that for the first one, which would otherwise wait for its ledgers.
func TestUnavailableTargetOfOneParticipant(t *testing.T) {
	p, scenario := newProgram(), small(t, "chatbot")
	scenario.Iterations = 3 // by count, so that each connection has more than one request
	docs, errs, _ := runParticipants(t, 2, scenario, func(i int) Subject {
		s := driven(p)
		if i == 1 {
			s.Target = crashing{p}
		}
		return s
	}, 2)
	if errs[0] != nil || errs[1] != nil {
		t.Fatal(errs)
	}
	for i, doc := range docs {
		for _, trial := range doc.Results[0].Trials {
			if trial.Audit.OK && !trial.Audit.Skipped {
				t.Errorf("participant %d: %+v", i+1, trial.Audit)
			}
		}
	}
}
