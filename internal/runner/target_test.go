package runner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies"
)

// program is a target in this process: one mutex over sessions that are right unless a test bends them.
type program struct {
	mu           sync.Mutex // protects what follows
	sessions     map[manager.ID]*held
	incarnations uint64
	requests     int
	conns        int

	// What a test bends: n is the number of the request.
	before       func(n int, q *scenarios.Request) error                               // instead of carrying it out, when it gives an error
	apply        func(n int, q *scenarios.Request, s *held) bool                       // in place of a change, when it reports true
	after        func(n int, q *scenarios.Request, a *scenarios.Effect, s *held) error // after the operation, before the response
	reportEffect scenarios.Reported                                                    // what it tells
	census       func(manager.Census) manager.Census
}

// held is a session of a program.
type held struct {
	incarnation, seq, version uint64
	messages                  []manager.Message
	fields                    map[string]string
	used                      time.Time
}

const everything = scenarios.ReportsIncarnation | scenarios.ReportsSeq | scenarios.ReportsVersion | scenarios.ReportsHeld

func newProgram() *program {
	return &program{sessions: map[manager.ID]*held{}, reportEffect: everything}
}

func (p *program) Supports(scenarios.Op) bool { return true }

func (p *program) Connect(context.Context) (scenarios.Conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns++
	return &wire{p}, nil
}

func (p *program) Reset(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.sessions)
	return nil
}

func (p *program) Census(context.Context) (manager.Census, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := manager.Census{Sessions: len(p.sessions), Locks: len(p.sessions)}
	if p.census != nil {
		c = p.census(c)
	}
	return c, nil
}

func (p *program) Close() error { return nil }

type wire struct{ *program }

func (w *wire) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns--
	return nil
}

func (w *wire) Do(_ context.Context, q *scenarios.Request, a *scenarios.Effect) error {
	runtime.Gosched() // otherwise a user may finish before another one begins
	w.mu.Lock()
	defer w.mu.Unlock()
	a.Clear()
	n := w.requests
	w.requests++
	if w.before != nil {
		if err := w.before(n, q); err != nil {
			return err
		}
	}
	s, err := w.carryOut(n, q, a)
	if err != nil {
		return err
	}
	if s != nil {
		a.Reported, a.Incarnation, a.Seq, a.Version, a.Held = w.reportEffect, s.incarnation, s.seq, s.version, q.Hold
	}
	if w.after != nil {
		return w.after(n, q, a, s)
	}
	return nil
}

func (w *wire) carryOut(n int, q *scenarios.Request, a *scenarios.Effect) (*held, error) {
	s := w.sessions[q.ID]
	switch q.Op {
	case scenarios.Create:
		a.ID = uuid.New()
		return w.begin(a.ID, a), nil
	case scenarios.GetOrCreate:
		if s == nil {
			return w.begin(q.ID, a), nil
		}
		return s, nil
	case scenarios.Sweep:
		before := len(w.sessions)
		maps.DeleteFunc(w.sessions, func(_ manager.ID, s *held) bool { return time.Since(s.used) >= q.Idle })
		a.Removed = before - len(w.sessions)
		return nil, nil
	}
	if s == nil {
		return nil, manager.ErrNotFound
	}
	s.used = time.Now()
	switch q.Op {
	case scenarios.Delete:
		delete(w.sessions, q.ID)
	case scenarios.History:
		a.Messages = append(a.Messages[:0], s.messages...)
	case scenarios.Read:
		a.Fields = maps.Clone(s.fields)
	case scenarios.Append, scenarios.Update, scenarios.Touch:
		if w.apply == nil || !w.apply(n, q, s) {
			s.change(q)
		}
	}
	return s, nil
}

func (w *wire) begin(id manager.ID, a *scenarios.Effect) *held {
	w.incarnations++
	s := &held{incarnation: w.incarnations, fields: map[string]string{}, used: time.Now()}
	w.sessions[id] = s
	a.Created = true
	return s
}

// change appends a message or sets fields.
func (s *held) change(q *scenarios.Request) {
	s.version++
	if q.Op != scenarios.Append {
		maps.Copy(s.fields, q.Fields)
		return
	}
	s.seq++
	s.messages = append(slices.Clone(s.messages), manager.Message{Seq: s.seq, Role: q.Role, Content: q.Content})
	s.messages = s.messages[max(0, len(s.messages)-manager.HistoryLimit):]
}

func driven(p *program) Subject {
	return Subject{Label: "program", Strategy: &strategies.Strategy{Name: "program"}, Target: p, TargetName: "its own name"}
}

func TestTargetsPassTheAuditOfEveryScenario(t *testing.T) {
	for _, reportEffect := range []scenarios.Reported{everything, everything &^ scenarios.ReportsSeq &^ scenarios.ReportsVersion, scenarios.ReportsIncarnation, 0} {
		for _, s := range scenarios.All() {
			t.Run(fmt.Sprintf("%s/%d", s.Name, reportEffect), func(t *testing.T) {
				p := newProgram()
				p.reportEffect = reportEffect
				if reportEffect&scenarios.ReportsSeq == 0 {
					p.after = func(_ int, _ *scenarios.Request, a *scenarios.Effect, _ *held) error {
						for i := range a.Messages {
							a.Messages[i].Seq = 0
						}
						return nil
					}
				}
				trial := try(t, small(t, s.Name), driven(p), 15*time.Millisecond)
				if !trial.Audit.OK || trial.Ops == 0 {
					t.Errorf("%d operations, audit: %+v", trial.Ops, trial.Audit)
				}
				if partial := s.Driver == scenarios.StoreDriver && reportEffect&scenarios.ReportsIncarnation == 0; (trial.Audit.Partial != "") != partial {
					t.Errorf("partial: %q", trial.Audit.Partial)
				}
				if p.conns != 0 {
					t.Errorf("%d connections are left", p.conns)
				}
				if s.Hold > 0 && trial.Locks.UpdateFraction > 0 && s.Name != "auth" && s.Name != "daily" && trial.Locks.HoldNs == 0 {
					t.Error("no hold time")
				}
			})
		}
	}
}

// A target that knows what a scenario needs is asked for nothing else.
func TestRequestsOfScenariosToTargets(t *testing.T) {
	for _, s := range scenarios.All() {
		t.Run(s.Name, func(t *testing.T) {
			p, asked := newProgram(), map[scenarios.Op]bool{}
			p.before = func(_ int, q *scenarios.Request) error {
				asked[q.Op] = true
				return nil
			}
			if trial := try(t, small(t, s.Name), driven(p), 15*time.Millisecond); !trial.Audit.OK {
				t.Errorf("audit: %+v", trial.Audit)
			}
			for op := range asked {
				if !slices.Contains(s.RequiredOps(), op) {
					t.Errorf("asked for %v: want only %v", op, s.RequiredOps())
				}
			}
		})
	}
}

func TestWrongTargetsAreStruck(t *testing.T) {
	tenth := func(n int) bool { return n%10 == 9 }
	for _, row := range []struct {
		why, scenario, kind string
		reportEffect        scenarios.Reported
		how                 func(p *program)
	}{
		{"one change in ten is lost", "chatbot", "lost update", everything, func(p *program) {
			p.apply = func(n int, q *scenarios.Request, s *held) bool {
				if !tenth(n) {
					return false
				}
				before := *s
				s.change(q)
				p.after = func(int, *scenarios.Request, *scenarios.Effect, *held) error { p.after = nil; *s = before; return nil }
				return true
			}
		}},
		{"one change in ten is lost, and nothing is numbered", "create-storm", "lost update", 0, func(p *program) {
			p.apply = func(n int, _ *scenarios.Request, _ *held) bool { return n%3 == 0 }
		}},
		{"one message in ten is written twice", "hot-session", "phantom update", everything, func(p *program) {
			p.apply = func(n int, q *scenarios.Request, s *held) bool {
				if tenth(n) {
					s.change(q)
				}
				return false
			}
		}},
		{"one message in ten is written twice, and nothing is numbered", "create-storm", "phantom update", 0, func(p *program) {
			p.apply = func(n int, q *scenarios.Request, s *held) bool {
				if n%3 == 0 {
					s.change(q)
				}
				return false
			}
		}},
		{"a number is given out twice", "chatbot", "duplicate number", everything, func(p *program) {
			p.after = func(n int, q *scenarios.Request, a *scenarios.Effect, _ *held) error {
				if q.Op == scenarios.Append && n%1000 == 999 && a.Seq > 1 {
					a.Seq--
				}
				return nil
			}
		}},
		{"ids are not random", "create-storm", "weak id", everything, func(p *program) {
			p.after = func(_ int, q *scenarios.Request, a *scenarios.Effect, s *held) error {
				if q.Op == scenarios.Create {
					delete(p.sessions, a.ID)
					a.ID = uuid.NewSHA1(uuid.NameSpaceURL, a.ID[:])
					p.sessions[a.ID] = s
				}
				return nil
			}
		}},
		{"another user's message", "hot-session", "corrupted session", everything, func(p *program) {
			p.apply = func(n int, q *scenarios.Request, s *held) bool {
				if n%7 == 3 {
					s.change(&scenarios.Request{Op: scenarios.Append, Role: "user", Content: "out of nowhere"})
					return true
				}
				return false
			}
		}},
		{"a board's change is made by half", "planner", "torn read", everything, func(p *program) {
			p.apply = func(_ int, q *scenarios.Request, s *held) bool {
				owner := s.fields["owner"]
				s.change(q)
				s.fields["owner"] = owner
				return true
			}
		}},
		{"every call reports a creation", "churn", "double creation", everything, func(p *program) {
			p.before = func(n int, q *scenarios.Request) error { // some sessions outlive a visit, even if no two users meet
				if q.Op == scenarios.Delete && tenth(n) {
					return manager.NotApplied(errors.New("refused"))
				}
				return nil
			}
			p.after = func(_ int, q *scenarios.Request, a *scenarios.Effect, _ *held) error {
				a.Created = a.Created || q.Op == scenarios.GetOrCreate
				return nil
			}
		}},
		{"a session that is deleted keeps its number of changes to itself", "churn", "lost update", everything, func(p *program) {
			p.after = func(_ int, q *scenarios.Request, a *scenarios.Effect, s *held) error {
				if q.Op == scenarios.Delete && a.Seq > 0 {
					a.Seq--
				}
				return nil
			}
		}},
		{"a session is forgotten", "chatbot", "lost session", everything, func(p *program) {
			p.after = func(n int, q *scenarios.Request, _ *scenarios.Effect, _ *held) error {
				if q.Op == scenarios.History && n%10 == 3 {
					delete(p.sessions, q.ID)
				}
				return nil
			}
		}},
		{"a session is forgotten between its last read and its removal", "chatbot", "lost session", everything, func(p *program) {
			p.before = func(n int, q *scenarios.Request) error {
				if q.Op == scenarios.Delete && n%10 < 2 {
					delete(p.sessions, q.ID)
				}
				return nil
			}
		}},
		{"a session is forgotten where sessions are swept, too", "expiry", "lost session", everything, func(p *program) {
			p.after = func(n int, q *scenarios.Request, _ *scenarios.Effect, _ *held) error {
				if q.Op == scenarios.Append && n%10 == 3 {
					delete(p.sessions, q.ID)
				}
				return nil
			}
		}},
		{"a sweep takes what is in use", "expiry", "lost session", everything, func(p *program) {
			p.before = func(_ int, q *scenarios.Request) error {
				if q.Op == scenarios.Sweep {
					q.Idle = 0
				}
				return nil
			}
		}},
		{"ids are not random", "create-storm", "foreign id", everything, func(p *program) {
			p.after = func(n int, q *scenarios.Request, a *scenarios.Effect, s *held) error {
				if q.Op == scenarios.Create {
					delete(p.sessions, a.ID)
					a.ID = uuid.NewSHA1(uuid.Nil, fmt.Append(nil, n))
					p.sessions[a.ID] = s
				}
				return nil
			}
		}},
		{"locks are kept", "brainstorming", "locks left", everything, func(p *program) {
			p.census = func(c manager.Census) manager.Census { c.Locks++; return c }
		}},
		{"an update fails", "chatbot", "unexpected error", everything, func(p *program) {
			p.before = func(n int, q *scenarios.Request) error {
				if n == 1100 {
					return errors.New("out of sorts")
				}
				return nil
			}
		}},
		{"a delete is said to have failed, and has not", "brainstorming", "phantom update", everything, func(p *program) {
			p.before = func(n int, q *scenarios.Request) error {
				if s := p.sessions[q.ID]; q.Op == scenarios.Update && tenth(n) {
					s.change(q)
					return manager.NotApplied(errors.New("refused"))
				}
				return nil
			}
		}},
	} {
		t.Run(row.why, func(t *testing.T) {
			p := newProgram()
			p.reportEffect = row.reportEffect
			row.how(p)
			s := small(t, row.scenario)
			if row.scenario == "churn" {
				s.Sessions = 2 // users share each incarnation
			}
			if row.scenario == "expiry" {
				s.TTL, s.Think = 50*time.Millisecond, 2*time.Millisecond // at least two sweeps see sessions in use
			}
			if s.Iterations == 0 {
				s.Iterations = 400 // a count, not a time: enough operations on any machine
			}
			trial := try(t, s, driven(p), 0)
			if trial.Audit.OK || !slices.ContainsFunc(trial.Audit.Violations, func(v result.Violation) bool { return v.Kind == row.kind }) {
				t.Errorf("want %q, got %+v", row.kind, trial.Audit)
			}
		})
	}
}

// A sweep may come between a read and the target's record of that use.
func TestSweepsDuringARead(t *testing.T) {
	s := small(t, "expiry")
	s.TTL, s.Think, s.Sessions, s.Iterations = 20*time.Millisecond, 15*time.Millisecond, s.Users, 40 // reads come shortly before a sweep
	swept, used := 0, time.Time{}
	p := newProgram()
	slow := func(n int, q *scenarios.Request) bool { return q.Op == scenarios.History && n%10 == 3 }
	p.before = func(n int, q *scenarios.Request) error {
		if of := p.sessions[q.ID]; of != nil && slow(n, q) {
			used = of.used
		}
		return nil
	}
	p.after = func(n int, q *scenarios.Request, _ *scenarios.Effect, of *held) error {
		if !slow(n, q) {
			return nil
		}
		of.used = used
		for began := time.Now(); p.sessions[q.ID] != nil && time.Since(began) < time.Second; {
			p.mu.Unlock()
			time.Sleep(time.Millisecond)
			p.mu.Lock()
		}
		if of.used = time.Now(); p.sessions[q.ID] == nil {
			swept++
		}
		return nil
	}
	if trial := try(t, s, driven(p), 0); !trial.Audit.OK || swept == 0 {
		t.Errorf("%d sessions were swept during a read, audit: %+v", swept, trial.Audit)
	}
}

// A target that is gone in the middle of a run fails its row, and is not asked again.
func TestGoneTarget(t *testing.T) {
	p := newProgram()
	p.before = func(n int, q *scenarios.Request) error {
		if n > 2000 {
			return fmt.Errorf("%w: it crashed: exit status 1", scenarios.ErrUnavailable)
		}
		return nil
	}
	s := small(t, "chatbot")
	doc, err := Run(t.Context(), Config{
		Subjects: []Subject{driven(p), subject(t, "global")}, Scenarios: []scenarios.Scenario{s}, Runs: 3,
		Window: 20 * time.Millisecond, Seed: DefaultSeed,
	})
	if err != nil {
		t.Fatal(err)
	}
	row := doc.Results[0]
	if row.Target != "its own name" || len(row.Trials) != 1 || row.Trials[0].Audit.OK {
		t.Fatalf("%+v", row)
	}
	if v := row.Trials[0].Audit.Violations; len(v) == 0 || v[0].Kind != "target gone" {
		t.Errorf("%+v", v)
	}
	if len(doc.Results[1].Trials) != 3 {
		t.Errorf("the other row has %d trials", len(doc.Results[1].Trials))
	}
}

// What a remote store does not answer is counted, has no latency, and is not held against it, whether it took effect or not.
func TestLostAnswersAreNoViolation(t *testing.T) {
	for _, s := range scenarios.All() {
		t.Run(s.Name, func(t *testing.T) {
			p := newProgram()
			p.before = func(n int, q *scenarios.Request) error {
				if n > 100 && n < 300 && n%7 == 3 && q.Op != scenarios.Sweep {
					return manager.NotApplied(errors.New("connection refused"))
				}
				if n > 100 && n < 300 && n%7 == 5 {
					return fmt.Errorf("sent into the void: %w", manager.ErrIndeterminate)
				}
				return nil
			}
			p.after = func(n int, q *scenarios.Request, a *scenarios.Effect, _ *held) error {
				if n > 100 && n < 300 && n%7 == 1 {
					a.ID, a.Created = manager.ID{}, false
					return fmt.Errorf("its answer was lost: %w", manager.ErrIndeterminate)
				}
				return nil
			}
			small := small(t, s.Name)
			small.Prefill, small.Sessions = min(small.Prefill, 2), max(small.Users, min(small.Sessions, 16))
			if small.Iterations <= 1 {
				small.Iterations = 50
			}
			trial := try(t, small, driven(p), 0)
			if !trial.Audit.OK {
				t.Errorf("audit: %+v", trial.Audit)
			}
			var count, errs int64
			for _, o := range trial.Operations {
				count, errs = count+o.Count, errs+o.Errors
			}
			lost := trial.Errors["indeterminate"] + trial.Errors["not_applied"]
			if lost == 0 || errs < lost || trial.Operations["sweep"].Count == 0 && count != trial.LatencyNs.Count+lost {
				t.Errorf("%d operations, %d with a latency, %d errors, %v", count, trial.LatencyNs.Count, errs, trial.Errors)
			}
		})
	}
}

// And yet what was confirmed has to be there, and what was refused must not.
func TestLostAnswersHideNoViolation(t *testing.T) {
	for _, row := range []struct {
		why, kind string
		how       func(p *program)
	}{
		{"a confirmed message is lost", "lost update", func(p *program) {
			p.after = func(n int, q *scenarios.Request, a *scenarios.Effect, s *held) error {
				if n%50 == 7 && q.Op == scenarios.Append {
					s.seq--
					s.version--
					s.messages = s.messages[:len(s.messages)-1]
				}
				if n == 1600 {
					return manager.ErrIndeterminate
				}
				return nil
			}
		}},
		{"more is there than all lost answers explain", "phantom update", func(p *program) {
			p.after = func(n int, q *scenarios.Request, a *scenarios.Effect, s *held) error {
				if q.Op == scenarios.Append && n > 100 && n < 300 && n%7 == 1 {
					s.change(q)
					s.change(q)
					return manager.ErrIndeterminate
				}
				return nil
			}
		}},
	} {
		t.Run(row.why, func(t *testing.T) {
			p := newProgram()
			row.how(p)
			s := small(t, "hot-session")
			s.Iterations = 400
			trial := try(t, s, driven(p), 0)
			if trial.Audit.OK || !slices.ContainsFunc(trial.Audit.Violations, func(v result.Violation) bool { return v.Kind == row.kind }) {
				t.Errorf("want %q, got %+v", row.kind, trial.Audit)
			}
		})
	}
}

// What is answered again before and after the window does not fail a right target.
func TestLostAnswersOutsideTheWindow(t *testing.T) {
	p := newProgram()
	p.after = func(n int, q *scenarios.Request, a *scenarios.Effect, _ *held) error {
		if q.Op == scenarios.Delete && n%7 == 3 || n < 100 && n%7 == 3 {
			a.ID, a.Created = manager.ID{}, false
			return fmt.Errorf("its answer was lost: %w", manager.ErrIndeterminate)
		}
		return nil
	}
	if trial := try(t, small(t, "chatbot"), driven(p), 15*time.Millisecond); !trial.Audit.OK || trial.Ops == 0 {
		t.Errorf("%d operations, audit: %+v", trial.Ops, trial.Audit)
	}
}

// Who tries again as often as it may was answered, and late: it has a latency, but did nothing.
func TestConflictsAreNotCompleted(t *testing.T) {
	p := newProgram()
	p.before = func(n int, q *scenarios.Request) error {
		if q.Op == scenarios.Append && n > 1200 {
			return manager.ErrConflict
		}
		return nil
	}
	s := small(t, "hot-session")
	s.Iterations = 400
	trial := try(t, s, driven(p), 0)
	appends := trial.Operations["append"]
	if !trial.Audit.OK || trial.Errors["conflict"] == 0 || appends.LatencyNs.Count != appends.Count || trial.Ops >= trial.LatencyNs.Count {
		t.Errorf("%d operations of %d, %d appends of which %d have a latency, %v, %+v",
			trial.Ops, trial.LatencyNs.Count, appends.Count, appends.LatencyNs.Count, trial.Errors, trial.Audit)
	}
}

// Where nothing is locked no session is in the way of the others, and so it is no limit.
func TestNoLimitByTheBusiestSessionWithoutLocks(t *testing.T) {
	s := small(t, "hot-session")
	s.Hold = time.Millisecond
	limitOf := func(unlocked bool) float64 {
		subject := driven(newProgram())
		subject.Unlocked = unlocked
		doc, err := Run(t.Context(), Config{
			Subjects: []Subject{subject}, Scenarios: []scenarios.Scenario{s}, Runs: 1, Window: 20 * time.Millisecond, Seed: DefaultSeed,
		})
		if err != nil {
			t.Fatal(err)
		}
		return doc.Results[0].LimitOpsPerSec
	}
	if locked, unlocked := limitOf(false), limitOf(true); locked > 3000 || unlocked < 2*locked {
		t.Errorf("limit %.0f with locks, %.0f without", locked, unlocked)
	}
}
