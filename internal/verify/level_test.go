package verify_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// service is a remote that behaves as an HTTP service does: it notes requests and statuses, and is wrong in one way.
type service struct {
	*remote
	stale    time.Duration // reads return what was read at most this long ago
	workers  int           // only the one that created a session knows it
	fails    int           // of so many answers one is lost
	keeps    int           // a restart keeps the newest so many messages of each session; negative: all
	reuses   bool
	noted    atomic.Int64 // operations with notes
	restarts atomic.Int32
	down     atomic.Bool
	homes    sync.Map // id → the worker that created it

	cacheMu sync.Mutex // protects cache
	cache   map[manager.ID]cached
}

func (s *service) ReusesIDs() bool { return s.reuses }

// Restart loses what the service does not keep, and whatever is in progress.
func (s *service) Restart(context.Context) error {
	s.restarts.Add(1)
	s.down.Store(true)
	time.Sleep(5 * time.Millisecond)
	s.mu.Lock()
	for id, session := range s.sessions {
		switch {
		case s.keeps == 0:
			delete(s.sessions, id)
		case s.keeps > 0:
			session.messages = session.messages[max(0, len(session.messages)-s.keeps):]
		}
	}
	s.mu.Unlock()
	s.down.Store(false)
	return nil
}

func (s *service) Connect(ctx context.Context) (scenarios.Conn, error) {
	c, err := s.remote.Connect(ctx)
	return &serviceUser{Conn: c, service: s}, err
}

type cached struct {
	at       time.Time
	messages []manager.Message
}

type serviceUser struct {
	scenarios.Conn
	*service
	n int
}

func (u *serviceUser) Close() error { return u.Conn.Close() }

func (u *serviceUser) Do(ctx context.Context, q *scenarios.Request, e *scenarios.Effect) error {
	if u.down.Load() {
		e.Clear()
		return manager.ErrNotApplied
	}
	u.n++
	before := u.restarts.Load()
	err := u.perform(ctx, q, e)
	if before != u.restarts.Load() || err == nil && u.fails > 0 && u.n%u.fails == 0 {
		err = fmt.Errorf("%w: no answer", manager.ErrIndeterminate)
	}
	if q.Describe {
		u.noted.Add(1)
		e.Note = fmt.Sprintf("%s /sessions/%s → %d", q.Op, q.ID.String()[:4], 200)
	}
	return err
}

func (u *serviceUser) perform(ctx context.Context, q *scenarios.Request, e *scenarios.Effect) error {
	if u.workers > 1 && q.Op != scenarios.Create {
		worker := 1 + u.n%u.workers
		home, known := u.homes.LoadOrStore(q.ID, worker)
		if known && q.Op != scenarios.GetOrCreate && home != worker {
			e.Clear()
			e.Worker = worker
			return manager.ErrNotFound
		}
		defer func() { e.Worker = home.(int) }()
	}
	if q.Op != scenarios.History || u.stale == 0 {
		return u.Conn.Do(ctx, q, e)
	}
	u.cacheMu.Lock()
	defer u.cacheMu.Unlock()
	if c := u.cache[q.ID]; time.Since(c.at) < u.stale {
		e.Clear()
		e.Messages = append(e.Messages, c.messages...)
		return nil
	}
	err := u.Conn.Do(ctx, q, e)
	if err == nil {
		u.cache[q.ID] = cached{time.Now(), slices.Clone(e.Messages)}
	}
	return err
}

// chat is what most services have.
func chat(r *remote) {
	r.tells, r.uncounted, r.lacks = 0, true, []scenarios.Op{scenarios.Update, scenarios.Read, scenarios.Create}
}

// onService verifies a service with levels.
func onService(t *testing.T, change func(*service), cfg verify.Config) *verify.Report {
	t.Helper()
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	s := &service{remote: newRemote(chat), cache: map[manager.ID]cached{}}
	change(s)
	cfg.Subject = verify.Subject{Label: "service", Levels: true, OpenTarget: func() (scenarios.Target, error) { return s, nil }}
	report, err := verify.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s, level %s, %d rounds, %d operations, %.0f %% overlapped, %d searched, %d unknown, %d undetermined, %v: %s", report.Verdict, report.Level,
		report.Rounds, report.Operations, 100*report.Overlapped, report.Searched, report.Unknown, report.Undetermined,
		time.Duration(report.ElapsedNs).Round(time.Millisecond), report.Why)
	for _, v := range report.All() {
		t.Logf("%s: %s", v.Anomaly, v.Why)
	}
	if r := report.Refuted; r != nil {
		t.Logf("not %s: %s: %s", r.Level, r.By.Anomaly, r.By.Why)
	}
	return report
}

func TestLevelsOfServices(t *testing.T) {
	unlocked := func(s *service) { s.unlocked = true }
	chats, _ := scenarios.Lookup("hundred-users")
	noDeletes := []scenarios.Scenario{*chats}
	for _, test := range []struct {
		why     string
		change  func(*service)
		cfg     verify.Config
		verdict history.Verdict
		level   history.Level
		refuted history.Level
		anomaly history.Anomaly
		says    string // about the violation or the refutation
	}{
		{"it is right", func(*service) {}, verify.Config{Rounds: 3}, history.Linearizable, history.LevelLinearizable, "", "", ""},
		{"it is right and says so", func(*service) {}, verify.Config{Rounds: 3, Consistency: history.LevelLinearizable}, history.Linearizable,
			history.LevelLinearizable, "", "", ""},
		{"an append is a get and a set", unlocked, verify.Config{Rounds: 12, Scenarios: noDeletes}, history.Violated,
			history.LevelLastWriterWins, history.LevelLinearizable, history.LostUpdate,
			"two appends overlapped, both were answered 200, and what is read afterwards shows only one of them"},
		{"the same, declared", unlocked, verify.Config{Rounds: 12, Scenarios: noDeletes, Consistency: history.LevelLastWriterWins}, history.Passed,
			history.LevelLastWriterWins, history.LevelLinearizable, "", "two appends overlapped"},
		{"the same, declared to be linearizable", unlocked, verify.Config{Rounds: 12, Scenarios: noDeletes, Consistency: history.LevelLinearizable},
			history.Violated, history.LevelLastWriterWins, history.LevelLinearizable, history.LostUpdate, "append"},
		{"reads are cached", func(s *service) { s.stale = 60 * time.Millisecond }, verify.Config{Rounds: 6, Scenarios: noDeletes}, history.Passed,
			history.LevelEventual, history.LevelReadYourWrites, "", "by the same user, was confirmed before"},
		{"the same, declared", func(s *service) { s.stale = 60 * time.Millisecond },
			verify.Config{Rounds: 4, Scenarios: noDeletes, Consistency: history.LevelEventual, Bound: 500 * time.Millisecond}, history.Passed,
			history.LevelEventual, history.LevelReadYourWrites, "", ""},
		{"reads are cached for longer than declared", func(s *service) { s.stale = 300 * time.Millisecond },
			verify.Config{Rounds: 4, Scenarios: noDeletes, Consistency: history.LevelEventual, Bound: 100 * time.Millisecond}, history.Violated,
			history.LevelNone, history.LevelEventual, history.StaleRead, "was confirmed"},
		{"it promises that users read their writes", func(s *service) { s.stale = 60 * time.Millisecond },
			verify.Config{Rounds: 6, Scenarios: noDeletes, Consistency: history.LevelReadYourWrites}, history.Violated,
			history.LevelEventual, history.LevelReadYourWrites, history.StaleRead, "by the same user"},
		{"each process has its sessions", func(s *service) { s.workers = 2 }, verify.Config{Rounds: 2, Bound: 200 * time.Millisecond}, history.Violated,
			history.LevelNone, history.LevelEventual, history.LostSession, "is its state kept per process?"},
		{"one answer in fifty is lost", func(s *service) { s.fails = 50 }, verify.Config{Rounds: 3}, history.Linearizable, history.LevelLinearizable, "", "", ""},
		{"one answer in ten is lost", func(s *service) { s.fails = 10 }, verify.Config{Rounds: 3}, history.Inconclusive, "", "", "",
			"have no known outcome"},
	} {
		t.Run(strings.ReplaceAll(test.why, " ", "-"), func(t *testing.T) {
			report := onService(t, test.change, test.cfg)
			if report.Verdict != test.verdict || report.Level != test.level {
				t.Errorf("%s, level %s: want %s, %s", report.Verdict, report.Level, test.verdict, test.level)
			}
			text := report.Why
			switch r := report.Refuted; {
			case (r != nil) != (test.refuted != "") || r != nil && r.Level != test.refuted:
				t.Errorf("refuted %+v, want %s", r, test.refuted)
			case r != nil:
				text = r.By.Why
			}
			if v := report.Violation; v != nil {
				text = v.Why
				if v.Anomaly != test.anomaly {
					t.Errorf("convicted of %s, want %s", v.Anomaly, test.anomaly)
				}
			}
			if !strings.Contains(text, test.says) {
				t.Errorf("%q: want it to say %q", text, test.says)
			}
		})
	}
}

func TestRestarts(t *testing.T) {
	for _, test := range []struct {
		why     string
		keeps   int
		cfg     verify.Config
		verdict history.Verdict
		says    string
	}{
		{"everything survives", -1, verify.Config{}, history.Linearizable, ""},
		{"nothing survives", 0, verify.Config{}, history.Violated, " 0 survived the restart: the sessions are kept in memory"},
		{"nothing survives, as declared", 0, verify.Config{Volatile: true}, history.Linearizable, ""},
		{"some messages survive", 2, verify.Config{}, history.Violated, "sessions were there, but not all of their writes"},
		{"some messages survive, and it is declared that sessions may not", 2, verify.Config{Volatile: true}, history.Violated, "no part of one"},
	} {
		t.Run(strings.ReplaceAll(test.why, " ", "-"), func(t *testing.T) {
			test.cfg.Rounds, test.cfg.Disturb = 4, verify.Restart
			test.cfg.Users = 4 // the requests of all of them are interrupted: with more a search may need more memory than it gets
			test.cfg.Bound = 200 * time.Millisecond
			var s *service
			report := onService(t, func(of *service) { s = of; of.keeps = test.keeps }, test.cfg)
			if report.Verdict != test.verdict {
				t.Errorf("%s %s: want %s", report.Verdict, report.Why, test.verdict)
			}
			if int(s.restarts.Load()) != 4 || report.Restarts != 4 || report.Survival == nil || report.Survival.Writes == 0 {
				t.Errorf("%d restarts, %d reported: %+v", s.restarts.Load(), report.Restarts, report.Survival)
			}
			if v := report.Violation; v != nil && !slices.ContainsFunc(report.All(), func(v *history.Violation) bool {
				return v.Anomaly == history.LostAtRestart && strings.Contains(v.Why, test.says)
			}) {
				t.Errorf("%+v: want it to say %q", v, test.says)
			}
			if all := report.Survival; test.keeps < 0 && all.Survived != all.Writes || test.keeps == 0 && all.Survived != 0 {
				t.Errorf("%+v", all)
			}
		})
	}
}

// TestDisturbingTargetsThatCannotBeRestarted: it is an error, not a verdict.
func TestDisturbingTargetsThatCannotBeRestarted(t *testing.T) {
	r := newRemote(chat)
	_, err := verify.Run(t.Context(), verify.Config{Disturb: verify.Restart, Subject: verify.Subject{
		OpenTarget: func() (scenarios.Target, error) { return r, nil },
	}})
	if err == nil || !strings.Contains(err.Error(), "cannot be restarted") {
		t.Errorf("error %v", err)
	}
}

// TestServicesThatNeverReuseIDs: the report says what cannot show.
func TestServicesThatNeverReuseIDs(t *testing.T) {
	for _, reuses := range []bool{true, false} {
		var s *service
		report := onService(t, func(of *service) { s = of; of.reuses = reuses }, verify.Config{Rounds: 1})
		if (len(report.Notes) == 0) != reuses || !reuses && !strings.Contains(report.Notes[0], "none is used again after a deletion") {
			t.Errorf("notes %q", report.Notes)
		}
		if s.noted.Load() < int64(report.Operations) {
			t.Errorf("%d notes on %d operations", s.noted.Load(), report.Operations)
		}
	}
}
