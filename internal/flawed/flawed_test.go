package flawed

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/manager/storetest"
	"github.com/sessbench/sessbench/scenarios"
)

func TestFlawsAreComplete(t *testing.T) {
	for _, f := range All() {
		if f.How == "" || f.Copies == "" || len(f.Schedule) == 0 || len(f.Kills) == 0 || (f.Open == nil) == (f.OpenTarget == nil) {
			t.Errorf("%s: incomplete: %+v", f.Name, f)
		}
		if found, ok := Lookup(f.Name); !ok || found != f {
			t.Errorf("%s: not found by its name", f.Name)
		}
	}
}

// controls are the stores that the flaws are based on, without a flaw.
func controls() map[string]verify.Subject {
	open := func(g manager.Guarantees, open func() (manager.SessionStore[session], error)) verify.Subject {
		return verify.Subject{Guarantees: g, Open: func(*verify.SyncPoints) (manager.SessionStore[session], error) { return open() }}
	}
	queueing := manager.Guarantees{Blocks: manager.BlocksSession, ExclusiveUpdates: true, Fair: true}
	return map[string]verify.Subject{
		"correct": open(perSession, func() (manager.SessionStore[session], error) { return newCorrect(nil), nil }),
		"keyed":   open(perSession, func() (manager.SessionStore[session], error) { return newKeyed(nil), nil }),
		"queue": open(queueing, func() (manager.SessionStore[session], error) {
			return newCorrect(nil).queueing(firstCome, false), nil
		}),
		"in Redis":         open(optimistic, func() (manager.SessionStore[session], error) { return newInRedis(nil) }),
		"lists of fifteen": {OpenTarget: func() (scenarios.Target, error) { return newLists(manager.HistoryLimit), nil }},
	}
}

// messages is a probe that counts messages.
var messages = storetest.Probe[session]{
	New:       func() session { return session{} },
	Increment: func(s *session) { s.Append("user", "") },
	Count:     func(s *session) int64 { return int64(s.Seq) },
}

// TestControls verifies the stores without their flaw: the violations must come from the flaw.
func TestControls(t *testing.T) {
	for name, subject := range controls() {
		t.Run(name, func(t *testing.T) {
			defer goleak.VerifyNone(t)
			rounds := 25
			if name == "in Redis" { // of package strategies/redis, whose tests say more about it
				rounds = 5
			}
			r, err := verify.Run(t.Context(), verify.Config{Subject: subject, Rounds: rounds})
			if err != nil {
				t.Fatal(err)
			}
			serial := subject.OpenTarget != nil // one short lock: operations hardly ever overlap
			if r.Violation != nil || r.Verdict != history.Linearizable && !serial {
				t.Errorf("%s: %s %+v", r.Verdict, r.Why, r.Violation)
			}
			if subject.Open != nil && name != "in Redis" {
				open := func(testing.TB) manager.SessionStore[session] {
					s, err := subject.Open(nil)
					if err != nil {
						t.Fatal(err)
					}
					return s
				}
				storetest.Run(t, open, subject.Guarantees, messages)
				storetest.RunChat(t, open)
			}
		})
	}
}
