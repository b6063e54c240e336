package verify_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/internal/timeline"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// remote is a target in this process: right, but for what is set.
type remote struct {
	tells     scenarios.Reported // parts of its answers
	lacks     []scenarios.Op
	sure      bool
	uncounted bool // it takes no census

	orphans    bool // a deletion drops the session's lock while others wait for it, as the origin's did
	unlocked   bool // updates take no lock
	repeats    int  // every repeats-th number of a message is returned twice
	adopts     bool // a change makes the session that it does not find
	remembers  bool // a deletion is confirmed and not made
	keepsLocks bool
	firstIs    uint64 // the version of a new session
	oneLife    bool   // every life has the same number
	sameID     bool   // every id minted is the same
	weakID     bool
	internal   bool          // one change in forty fails inside
	vague      bool          // its effect is indeterminate
	crashesAt  int           // requests, then it is gone
	hangsAt    int           // requests, then nothing is answered
	timeout    time.Duration // until a request without a response fails; 0: never

	mu       sync.Mutex // protects what follows
	sessions map[manager.ID]*remoteSession
	locks    map[manager.ID]*sync.Mutex
	lives    uint64
	requests int
	opened   int // connections
	closed   int
	resets   int
	gone     chan struct{} // closed by Abandon and Close
}

type remoteSession struct {
	life, seq, version uint64
	messages           []manager.Message
	fields             map[string]string
}

const tellsAll = scenarios.ReportsIncarnation | scenarios.ReportsSeq | scenarios.ReportsVersion | scenarios.ReportsHeld

func newRemote(change func(*remote)) *remote {
	r := &remote{
		tells: tellsAll, sessions: map[manager.ID]*remoteSession{}, locks: map[manager.ID]*sync.Mutex{}, gone: make(chan struct{}),
	}
	change(r)
	return r
}

var _ scenarios.Target = (*remote)(nil)

func (r *remote) Supports(op scenarios.Op) bool {
	return op != scenarios.Sweep && op != scenarios.Validate && op != scenarios.Touch && !slices.Contains(r.lacks, op)
}

func (r *remote) Connect(context.Context) (scenarios.Conn, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.opened++
	return &remoteUser{r}, nil
}

func (r *remote) Reset(context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.resets++
	clear(r.sessions)
	clear(r.locks)
	return nil
}

func (r *remote) Census(context.Context) (manager.Census, error) {
	if r.uncounted {
		return manager.Census{}, scenarios.ErrUnsupported
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return manager.Census{Sessions: len(r.sessions), Locks: len(r.locks)}, nil
}

func (r *remote) Close() error { r.Abandon(); return nil }

func (r *remote) Abandon() {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.gone:
	default:
		close(r.gone)
	}
}

// lock is the lock of a session that is there.
func (r *remote) lock(id manager.ID) *sync.Mutex {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sessions[id] == nil && !r.adopts {
		return nil
	}
	if r.locks[id] == nil {
		r.locks[id] = new(sync.Mutex)
	}
	return r.locks[id]
}

// enter takes the session's lock, and leaves it alone when it is not the session's any more.
func (r *remote) enter(id manager.ID) (leave func(), there bool) {
	for {
		l := r.lock(id)
		if l == nil {
			return nil, false
		}
		l.Lock()
		r.mu.Lock()
		stale := r.locks[id] != l
		r.mu.Unlock()
		if !stale || r.orphans {
			return l.Unlock, true
		}
		l.Unlock()
	}
}

type remoteUser struct{ *remote }

func (u *remoteUser) Close() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.closed++
	return nil
}

// outage is the error of a program that has ended.
type outage struct{ late bool }

func (o outage) Error() string {
	if o.late {
		return "hang: no answer\nits stderr:\n  still thinking"
	}
	return "crashed: exit status 3\nits stderr:\n  Traceback (most recent call last):"
}
func (o outage) Unwrap() error { return scenarios.ErrUnavailable }

var errVague = fmt.Errorf("%w: internal: KeyError", manager.ErrIndeterminate)

func (u *remoteUser) Do(ctx context.Context, q *scenarios.Request, a *scenarios.Effect) error {
	a.Clear()
	u.mu.Lock()
	u.requests++
	n := u.requests
	u.mu.Unlock()
	switch {
	case u.crashesAt > 0 && n >= u.crashesAt:
		return outage{}
	case u.hangsAt > 0 && n >= u.hangsAt && u.timeout > 0:
		time.Sleep(u.timeout)
		return outage{late: true}
	case u.hangsAt > 0 && n >= u.hangsAt:
		<-u.gone
		return manager.ErrClosed
	case u.internal && q.Op.Does(scenarios.Mutates) && n%40 == 0:
		return errors.New("internal: KeyError")
	case u.vague && q.Op.Does(scenarios.Mutates) && n%40 == 0:
		return errVague
	}
	switch q.Op {
	case scenarios.Create:
		return u.create(a)
	case scenarios.GetOrCreate:
		if err := u.getOrCreate(q, a); err != nil || !u.vague || n%10 != 0 {
			return err
		}
		return errVague
	}
	leave, there := u.enter(q.ID)
	if !there {
		return manager.ErrNotFound
	}
	if !u.unlocked {
		defer leave()
	} else {
		leave()
	}
	err := u.inside(q, a)
	if u.vague && q.Op.Does(scenarios.Mutates) && n%40 == 20 {
		return errVague
	}
	return err
}

func (u *remoteUser) create(a *scenarios.Effect) error {
	a.ID = uuid.New()
	if u.sameID {
		a.ID = uuid.UUID{6: 0x40, 8: 0x80, 15: 1}
	}
	if u.weakID {
		a.ID[6] = 0x10
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.begin(a.ID, a)
	return nil
}

// begin makes a session, with mu held.
func (u *remoteUser) begin(id manager.ID, a *scenarios.Effect) *remoteSession {
	u.lives++
	s := &remoteSession{life: u.lives, version: u.firstIs}
	if u.oneLife {
		s.life = 1
	}
	u.sessions[id] = s
	a.Created = true
	u.state(s, a)
	return s
}

func (u *remoteUser) state(s *remoteSession, a *scenarios.Effect) {
	a.Reported, a.Incarnation, a.Seq, a.Version = u.tells&^scenarios.ReportsHeld, s.life, s.seq, s.version
}

func (u *remoteUser) getOrCreate(q *scenarios.Request, a *scenarios.Effect) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if s := u.sessions[q.ID]; s != nil {
		u.state(s, a)
	} else {
		u.begin(q.ID, a)
	}
	return nil
}

// inside does what is done in the critical section: the work lies between reading the session and writing it.
func (u *remoteUser) inside(q *scenarios.Request, a *scenarios.Effect) error {
	u.mu.Lock()
	s := u.sessions[q.ID]
	if s == nil && u.adopts {
		s = u.begin(q.ID, a)
		a.Created = false
	}
	if s == nil {
		u.mu.Unlock()
		return manager.ErrNotFound
	}
	now := *s
	u.mu.Unlock()
	start := time.Now()
	if q.Op.Does(scenarios.Mutates) {
		time.Sleep(q.Hold)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	switch q.Op {
	case scenarios.Append:
		now.version++
		if now.seq++; u.repeats > 0 && now.seq%uint64(u.repeats) == 0 {
			now.seq--
		}
		m := manager.Message{Seq: now.seq, Role: q.Role, Content: q.Content}
		now.messages = append(slices.Clone(now.messages), m)
		now.messages = now.messages[max(0, len(now.messages)-manager.HistoryLimit):]
		*s = now
	case scenarios.Update:
		now.version++
		now.fields = maps.Clone(now.fields)
		if now.fields == nil {
			now.fields = map[string]string{}
		}
		maps.Copy(now.fields, q.Fields)
		*s = now
	case scenarios.History:
		a.Messages = append(a.Messages, now.messages...)
	case scenarios.Read:
		a.Fields = maps.Clone(now.fields)
	case scenarios.Delete:
		if !u.remembers {
			delete(u.sessions, q.ID)
		}
		if !u.keepsLocks {
			delete(u.locks, q.ID)
		}
	}
	u.state(&now, a)
	if q.Op.Does(scenarios.Mutates) {
		a.Reported, a.Held = a.Reported|u.tells&scenarios.ReportsHeld, time.Since(start)
	}
	return nil
}

// onTarget verifies a remote.
func onTarget(t *testing.T, r *remote, cfg verify.Config) *verify.Report {
	t.Helper()
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	cfg.Subject = verify.Subject{Label: "remote", Reliable: r.sure, OpenTarget: func() (scenarios.Target, error) { return r, nil }}
	report, err := verify.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// TestRightTargetsAreLinearizable: whatever they tell of what they need not.
func TestRightTargetsAreLinearizable(t *testing.T) {
	chats := []scenarios.Op{scenarios.Update, scenarios.Read, scenarios.Create}
	for why, change := range map[string]func(*remote){
		"it tells everything":                 func(*remote) {},
		"it tells nothing":                    func(r *remote) { r.tells = 0 },
		"it numbers messages only":            func(r *remote) { r.tells = scenarios.ReportsSeq },
		"it numbers versions only":            func(r *remote) { r.tells = scenarios.ReportsVersion },
		"it numbers lives only":               func(r *remote) { r.tells = scenarios.ReportsIncarnation },
		"it counts versions from seven":       func(r *remote) { r.firstIs = 7 },
		"all lives have one number":           func(r *remote) { r.oneLife = true },
		"it has chats only and tells nothing": func(r *remote) { r.lacks, r.tells = chats, 0 },
		"it has chats only":                   func(r *remote) { r.lacks = chats },
		"it has boards only":                  func(r *remote) { r.lacks = []scenarios.Op{scenarios.Append, scenarios.History} },
		"answers get lost":                    func(r *remote) { r.vague = true },
		"it takes no census":                  func(r *remote) { r.uncounted, r.keepsLocks = true, true },
	} {
		t.Run(strings.ReplaceAll(why, " ", "-"), func(t *testing.T) {
			r := newRemote(change)
			report := onTarget(t, r, verify.Config{Rounds: 4})
			if report.Verdict != history.Linearizable || report.Sessions == 0 || report.Unknown > 0 {
				t.Fatalf("%s: %s %+v", report.Verdict, report.Why, report.Violation)
			}
			if versioned := r.tells&tellsAll == tellsAll && r.firstIs == 0 && !r.oneLife; !r.vague && versioned != (report.Searched == 0) {
				t.Errorf("porcupine decided %d of %d sessions, and the target returns versions: %v", report.Searched, report.Sessions, versioned)
			}
			if r.resets != 4 || r.opened != r.closed {
				t.Errorf("%d resets in 4 rounds, %d of %d connections closed", r.resets, r.closed, r.opened)
			}
			t.Logf("%d sessions, %d operations, %.0f %% overlapped, %d by the witness, %v", report.Sessions, report.Operations,
				100*report.Overlapped, report.Certified, time.Duration(report.ElapsedNs).Round(time.Millisecond))
		})
	}
}

func TestWrongTargetsAreConvicted(t *testing.T) {
	tests := []struct {
		why       string
		change    func(*remote)
		scenario  string
		anomalies []history.Anomaly
		says      string
	}{
		{"the lock goes with the session while others wait for it", func(r *remote) { r.orphans = true }, "churn",
			[]history.Anomaly{history.LostUpdate, history.Resurrection}, ""},
		{"the same, and it tells the numbers of messages only", func(r *remote) { r.orphans, r.tells = true, scenarios.ReportsSeq }, "churn",
			[]history.Anomaly{history.LostUpdate, history.WrongAnswer, history.GarbageRead}, ""},
		{"the same, and it tells nothing", func(r *remote) { r.orphans, r.tells = true, 0 }, "churn",
			[]history.Anomaly{history.LostUpdate, history.WrongAnswer}, ""},
		{"an update is a get and a set", func(r *remote) { r.unlocked = true }, "", []history.Anomaly{history.LostUpdate}, "one of the two "},
		{"the same, and it tells nothing", func(r *remote) { r.unlocked, r.tells = true, 0 }, "",
			[]history.Anomaly{history.LostUpdate, history.WrongAnswer, history.StaleRead}, ""},
		{"two messages have one number", func(r *remote) { r.repeats, r.tells = 5, scenarios.ReportsSeq }, "",
			[]history.Anomaly{history.LostUpdate, history.WrongAnswer}, ""},
		{"a change makes the session that it does not find", func(r *remote) { r.adopts = true }, "", []history.Anomaly{history.AdoptedID}, "no operation created"},
		{"the same, and it tells nothing", func(r *remote) { r.adopts, r.tells = true, 0 }, "",
			[]history.Anomaly{history.AdoptedID, history.WrongAnswer, history.Resurrection}, ""},
		{"a deletion is confirmed and not made", func(r *remote) { r.remembers = true }, "",
			[]history.Anomaly{history.DoubleDeletion, history.DeletedRead, history.Resurrection, history.LostUpdate, history.WrongAnswer}, ""},
		{"a deletion leaves the session's lock", func(r *remote) { r.keepsLocks = true }, "", []history.Anomaly{history.LeakedLocks}, "locks"},
		{"one id is minted again and again", func(r *remote) { r.sameID = true }, "", []history.Anomaly{history.DoubleCreation, history.LostSession}, ""},
		{"ids are not random", func(r *remote) { r.weakID = true }, "", []history.Anomaly{history.WeakID}, "version 4"},
		{"a change fails inside", func(r *remote) { r.internal = true }, "", []history.Anomaly{history.UnexpectedError}, "KeyError"},
		{"it may or may not have been made", func(r *remote) { r.vague, r.sure = true, true }, "", []history.Anomaly{history.UnexpectedError}, "KeyError"},
		{"the program crashes", func(r *remote) { r.crashesAt = 200 }, "", []history.Anomaly{history.Crash}, "exit status 3"},
		{"it crashes at the first requests", func(r *remote) { r.crashesAt = 3 }, "", []history.Anomaly{history.Crash}, "the first requests"},
		{"the program hangs", func(r *remote) { r.hangsAt, r.timeout = 200, 300*time.Millisecond }, "", []history.Anomaly{history.Hang}, "no answer"},
		{"it hangs without a time limit", func(r *remote) { r.hangsAt = 200 }, "", []history.Anomaly{history.Hang}, "no response to "},
	}
	for _, test := range tests {
		t.Run(strings.ReplaceAll(test.why, " ", "-"), func(t *testing.T) {
			r := newRemote(test.change)
			cfg := verify.Config{First: true, Rounds: -1, Budget: time.Minute, Patience: 200 * time.Millisecond}
			if test.scenario != "" {
				s, err := scenarios.Lookup(test.scenario)
				if err != nil {
					t.Fatal(err)
				}
				cfg.Scenarios = []scenarios.Scenario{*s}
			}
			if r.keepsLocks {
				cfg.Rounds = 3
			}
			report := onTarget(t, r, cfg)
			v := report.Violation
			if v == nil {
				t.Fatalf("survived %d rounds: %s %s", report.Rounds, report.Verdict, report.Why)
			}
			if !slices.Contains(test.anomalies, v.Anomaly) {
				t.Errorf("convicted of %q by %s: %s: want one of %q", v.Anomaly, v.Detector, v.Why, test.anomalies)
			}
			if !strings.Contains(v.Why+v.Stacks, test.says) {
				t.Errorf("%q: want it to say %q", v.Why, test.says)
			}
			text := &sheet.Text{Options: sheet.Options{Width: 120}}
			timeline.Draw(text, v)
			t.Logf("after %d rounds, %v:\n%s", report.Rounds, time.Duration(report.ElapsedNs).Round(time.Millisecond), text.String())
		})
	}
}

// TestTargetsThatLackOperations: they are refused, and nothing is left open.
func TestTargetsThatLackOperations(t *testing.T) {
	churn, _ := scenarios.Lookup("churn")
	planner, _ := scenarios.Lookup("planner")
	for _, test := range []struct {
		lacks    []scenarios.Op
		scenario *scenarios.Scenario
		want     string
	}{
		{[]scenarios.Op{scenarios.GetOrCreate}, nil, "lacks operations"},
		{[]scenarios.Op{scenarios.History, scenarios.Update}, nil, "lacks operations"},
		{[]scenarios.Op{scenarios.Delete}, churn, "lacks delete, which churn needs"},
		{[]scenarios.Op{scenarios.Update, scenarios.Read}, planner, "lacks update and read, which planner needs"},
	} {
		r := newRemote(func(r *remote) { r.lacks = test.lacks })
		cfg := verify.Config{Subject: verify.Subject{OpenTarget: func() (scenarios.Target, error) { return r, nil }}}
		if test.scenario != nil {
			cfg.Scenarios = []scenarios.Scenario{*test.scenario}
		}
		_, err := verify.Run(t.Context(), cfg)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("without %v: error %v, want %q", test.lacks, err, test.want)
		}
		select {
		case <-r.gone:
		default:
			t.Errorf("without %v: it was not closed", test.lacks)
		}
	}
}
