package redis_test

import (
	"testing"
	"time"

	"github.com/sessbench/sessbench/internal/redistest"
	"github.com/sessbench/sessbench/strategies/redis"
)

// TestRealCrash kills a server that syncs every write while users work, and starts it again: no user panics or
// hangs, every error is of a known kind, and every acknowledged write is there.
func TestRealCrash(t *testing.T) {
	const users, sessions, timeout, slack = 50, 20, time.Second, 10 * time.Second
	for _, way := range ways() {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
			o := redis.Options{URL: server.URL(), Users: users, ReadTimeout: timeout, DialTimeout: timeout}
			before := connect(t, o)
			l := newLoad(way.open(t, before.Client(), before.Prefix()), sessions, timeout)
			ops := l.during(users, func() {
				await(t, &l.ok, 500, "before the crash")
				server.Kill()
				await(t, &l.failed, users, "while the server is down")
				server.Restart()
				await(t, &l.ok, 500, "after the restart")
			})
			if longest := time.Duration(l.longest.Load()); longest > timeout+slack {
				t.Errorf("an operation took %v, with a time-out of %v", longest, timeout)
			}
			before.Client().Close()
			report(t, l.settle(t, ops, way.open(t, connect(t, o).Client(), before.Prefix())))
		})
	}
}
