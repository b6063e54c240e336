package redis_test

import (
	"testing"

	"github.com/sessbench/sessbench/internal/adapter"
	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/redistest"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies/redis"
)

// TestRealStores checks the contract of stores on Debian's server. The kit looks for goroutines that are left, so nothing runs
// beside it.
func TestRealStores(t *testing.T) {
	for _, k := range []kind{{redis.Watch, false}, {redis.Lua, false}, {redis.Lock, false}, {redis.Lua, true}} {
		t.Run(k.String(), func(t *testing.T) {
			server := redistest.Start(t)
			checkStore(t, redis.Options{URL: server.URL()}, k)
			wantNothingLeft(t, server)
		})
	}
}

// TestRealVerify verifies every way to keep sessions on Debian's server.
func TestRealVerify(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	t.Run("all", func(t *testing.T) { verifyAll(t, redis.Options{URL: server.URL()}, 4) })
	wantNothingLeft(t, server)
}

func wantNothingLeft(t *testing.T, server *redistest.Server) {
	t.Helper()
	if n := server.Client().DBSize(background).Val(); n != 0 {
		t.Errorf("%d keys are left on the server", n)
	}
}

// verifyAll verifies every way to keep sessions, in parallel.
func verifyAll(t *testing.T, o redis.Options, rounds int) {
	o.Users = verify.DefaultUsers
	for _, k := range kinds {
		t.Run(k.String(), func(t *testing.T) {
			t.Parallel()
			wantLinearizable(t, rounds, verifyStore(t, o, k))
		})
	}
	for _, pipelining := range []bool{false, true} {
		t.Run(name("list", pipelining), func(t *testing.T) {
			t.Parallel()
			wantLinearizable(t, rounds, verify.Subject{
				Label: "redis", Params: map[string]string{"layout": redis.LayoutList, "pipelining": onOff(pipelining)},
				OpenTarget: func() (scenarios.Target, error) {
					l, err := redis.OpenLists(background, o, redis.ListsOptions{Pipelining: pipelining})
					if err != nil {
						return nil, err
					}
					return adapter.OfLists(l), nil
				},
			})
		})
	}
}

// wantLinearizable fails the test unless verify finds nothing.
func wantLinearizable(t *testing.T, rounds int, s verify.Subject) {
	t.Helper()
	if report := examine(t, rounds, s); report.Verdict != history.Linearizable {
		t.Errorf("%s: %s %+v", report.Verdict, report.Why, report.Violation)
	}
}

// examine verifies a subject in so many rounds, each with its own seed.
func examine(t *testing.T, rounds int, s verify.Subject) *verify.Report {
	t.Helper()
	report, err := verify.Run(background, verify.Config{
		Subject: s, Seed: verify.DefaultSeed, Rounds: rounds, Ops: 150, Budget: patience, Patience: patience,
	})
	if err != nil {
		t.Fatal(err)
	}
	return report
}
