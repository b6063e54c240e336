package runner

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/sessbench/sessbench/internal/adapter"
	"github.com/sessbench/sessbench/internal/redistest"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies/redis"
)

// inRedis is the strategy redis at one setting, in the server at a URL.
func inRedis(t testing.TB, url string, users int, given map[string]string) Subject {
	t.Helper()
	s := redis.Strategy(redis.Options{
		URL: url, Users: users, DialTimeout: time.Second, ReadTimeout: time.Second, WriteTimeout: time.Second,
	})
	params, err := s.Resolve(given)
	if err != nil {
		t.Fatal(err)
	}
	return Subject{Label: "redis", Strategy: &s, Params: params}
}

// inLists is the strategy redis with message lists, which are a target.
func inLists(t testing.TB, url string, users int) Subject {
	t.Helper()
	s := inRedis(t, url, users, map[string]string{"layout": "list"})
	lists, err := redis.OpenLists(t.Context(), redis.Options{
		URL: url, Users: users, DialTimeout: time.Second, ReadTimeout: time.Second, WriteTimeout: time.Second,
	}, redis.ListsOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.Target = adapter.OfLists(lists)
	t.Cleanup(func() {
		if err := s.Target.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// commands returns the number of commands that a server has executed.
func commands(s *redistest.Server) int {
	n, _ := strconv.Atoi(s.Client().InfoMap(context.Background(), "stats").Item("Stats", "total_commands_processed"))
	return n
}

// TestServerCrashInTheWindow kills a server in a window and restarts it: no confirmed write is lost, unanswered operations are
// counted by kind, and no user waits longer than the time-out.
func TestServerCrashInTheWindow(t *testing.T) {
	t.Parallel()
	for _, driver := range []string{"watch", "lua", "lock", "list"} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
			s := small(t, "chatbot")
			s.Users, s.Sessions, s.Prefill, s.Hold = 20, 20, 2, time.Millisecond
			var subject Subject
			if driver == "list" {
				subject = inLists(t, server.URL(), s.Users)
			} else {
				subject = inRedis(t, server.URL(), s.Users, map[string]string{"atomic": driver, "lock-expiry": "1s"})
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			var crashing sync.WaitGroup
			doc, err := Run(ctx, Config{
				Subjects:  []Subject{subject},
				Scenarios: []scenarios.Scenario{s}, Runs: 1, Window: 2 * time.Second, Seed: DefaultSeed,
				Progress: func(at Step) {
					if at.Blocks == 0 || at.Label == "" {
						return
					}
					crashing.Go(func() {
						const preparing = 1000 // commands at most, those of scripts included: 20 creations and 40 appends
						for begin := commands(server); commands(server) < begin+preparing && ctx.Err() == nil; {
							time.Sleep(10 * time.Millisecond)
						}
						server.Kill()
						time.Sleep(200 * time.Millisecond)
						server.Restart()
					})
				},
			})
			crashing.Wait()
			if err != nil {
				t.Fatal(err)
			}
			trial := doc.Results[0].Trials[0]
			if !trial.Audit.OK {
				t.Errorf("audit: %+v", trial.Audit)
			}
			if trial.Errors["not_applied"]+trial.Errors["indeterminate"] == 0 {
				t.Errorf("%d operations, no errors: %v", trial.Ops, trial.Errors)
			}
			for kind := range trial.Errors {
				if kind != "not_applied" && kind != "indeterminate" && kind != "conflict" {
					t.Errorf("%d errors of kind %s", trial.Errors[kind], kind)
				}
			}
			t.Logf("%d operations, errors %v, longest %v", trial.Ops, trial.Errors, time.Duration(trial.LatencyNs.Max))
		})
	}
}

// Every scenario that needs no janitor passes its audit on a real server, in every way to be atomic.
func TestRealRedisPassesTheAudit(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for _, atomic := range []string{"watch", "lua", "lock"} {
		for _, name := range []string{"chatbot", "churn", "brainstorming", "hot-session", "expiry"} {
			t.Run(atomic+"/"+name, func(t *testing.T) {
				trial := try(t, small(t, name), inRedis(t, server.URL(), 8, map[string]string{"atomic": atomic}), 50*time.Millisecond)
				if !trial.Audit.OK {
					t.Errorf("audit: %+v", trial.Audit)
				}
			})
		}
	}
	t.Run("lists", func(t *testing.T) {
		lists := inLists(t, server.URL(), 8)
		for _, name := range []string{"chatbot", "churn", "create-storm", "hot-session"} {
			if trial := try(t, small(t, name), lists, 50*time.Millisecond); !trial.Audit.OK {
				t.Errorf("%s: %+v", name, trial.Audit)
			}
		}
	})
	if n, err := server.Client().DBSize(t.Context()).Result(); err != nil || n != 0 {
		t.Errorf("%d keys are left, %v", n, err)
	}
}

// A run passes on three servers that share the slots among them.
func TestClusterPassesTheAudit(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, 3)
	for _, name := range []string{"chatbot", "churn"} {
		trial := try(t, small(t, name), inRedis(t, cluster.URL(), 8, nil), 100*time.Millisecond)
		if !trial.Audit.OK {
			t.Errorf("%s: %+v, errors %v", name, trial.Audit, trial.Errors)
		}
	}
}
