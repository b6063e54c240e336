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
// beside it. The kinds that are left out here are those of TestStrategy; the long form has all.
func TestRealStores(t *testing.T) {
	checked := []kind{{redis.Watch, false}, {redis.Lua, false}}
	if long {
		checked = kinds
	}
	for _, k := range checked {
		t.Run(k.String(), func(t *testing.T) {
			server := redistest.Start(t)
			checkStore(t, redis.Options{URL: server.URL()}, k)
			wantNothingLeft(t, server)
		})
	}
}

// TestRealVerify verifies every way to keep sessions on Debian's server; the short form leaves half of them to TestRealCluster.
func TestRealVerify(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	t.Run("all", func(t *testing.T) { verifyPart(t, redis.Options{URL: server.URL()}, 4, 0) })
	wantNothingLeft(t, server)
}

func wantNothingLeft(t *testing.T, server *redistest.Server) {
	t.Helper()
	if n := server.Client().DBSize(background).Val(); n != 0 {
		t.Errorf("%d keys are left on the server", n)
	}
}

// verifyAll verifies every way to keep sessions, in parallel.
func verifyAll(t *testing.T, o redis.Options, rounds int) { verifyEach(t, rounds, subjects(t, o)) }

// verifyPart verifies every second way from the first on, and all of them in the long form.
func verifyPart(t *testing.T, o redis.Options, rounds, first int) {
	verifyEach(t, rounds, part(subjects(t, o), first, 2))
}

func verifyEach(t *testing.T, rounds int, subjects []verify.Subject) {
	for _, s := range subjects {
		t.Run(s.Label, func(t *testing.T) {
			t.Parallel()
			wantLinearizable(t, rounds, s)
		})
	}
}

// subjects returns every way to keep sessions as a subject of verify.
func subjects(t *testing.T, o redis.Options) (all []verify.Subject) {
	t.Helper()
	o.Users = verify.DefaultUsers
	for _, k := range kinds {
		s := verifyStore(t, o, k)
		s.Label = k.String()
		all = append(all, s)
	}
	for _, pipelining := range []bool{false, true} {
		all = append(all, verify.Subject{
			Label: name("list", pipelining), Params: map[string]string{"layout": redis.LayoutList, "pipelining": onOff(pipelining)},
			OpenTarget: func() (scenarios.Target, error) {
				l, err := redis.OpenLists(background, o, redis.ListsOptions{Pipelining: pipelining})
				if err != nil {
					return nil, err
				}
				return adapter.OfLists(l), nil
			},
		})
	}
	return all
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
