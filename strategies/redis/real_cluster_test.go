package redis_test

import (
	"slices"
	"testing"
	"time"

	"github.com/sessbench/sessbench/internal/redistest"
	"github.com/sessbench/sessbench/strategies/redis"
)

// TestRealCluster runs all the ways to keep sessions on a cluster, whose client sends a command again when there is no
// answer, and whose slots move while they are used.
func TestRealCluster(t *testing.T) {
	w := &weather{}
	c, proxies := redistest.StartClusterBehind(t, 3, w.judge)
	o := redis.Options{URL: c.URL(), Cluster: true}
	t.Run("verify", func(t *testing.T) { verifyAll(t, o, 2) })
	for _, way := range ways() {
		onTheMove := func(l *load) []deed { return l.onTheMove(t, c) }
		t.Run(way.name+", slots move", func(t *testing.T) {
			o := o
			o.Users, o.ReadTimeout = stormUsers, patience // nothing is given up that may come to pass after the end
			server := connect(t, o)
			b := way.open(t, server.Client(), server.Prefix())
			l := newLoad(b, stormSessions, patience)
			report(t, l.settle(t, onTheMove(l), b))
		})
		t.Run(way.name+", answers are lost", func(t *testing.T) { report(t, w.storm(t, way, o, proxies, inPlace(60))) })
		t.Run(way.name+", both", func(t *testing.T) { report(t, w.storm(t, way, o, proxies, onTheMove)) })
	}
}

// onTheMove has users work while the slots of their sessions go from node to node, twice around.
func (l *load) onTheMove(t *testing.T, c *redistest.Cluster) []deed {
	t.Helper()
	return l.during(stormUsers, func() {
		await(t, &l.ok, 50, "before the migration")
		where := l.slots(t, c)
		for step := range 2 * len(c.Nodes) {
			from, to := step%len(c.Nodes), (step+1)%len(c.Nodes)
			pause := func() { time.Sleep(time.Millisecond) } // so that somebody comes by; it decides nothing
			if err := c.MigrateSlots(from, to, pause, where[from]...); err != nil {
				t.Fatal(err)
			}
			where[to], where[from] = append(where[to], where[from]...), nil
			await(t, &l.ok, 20, "after a migration")
		}
	})
}

// slots are those of the sessions, by the node that has them.
func (l *load) slots(t *testing.T, c *redistest.Cluster) [][]int {
	t.Helper()
	where := make([][]int, len(c.Nodes))
	for _, id := range l.ids {
		slot, err := c.Nodes[0].Client().ClusterKeySlot(background, id.String()).Result()
		if err != nil {
			t.Fatal(err)
		}
		for i, node := range c.Nodes {
			elsewhere := node.Client().Exists(background, "{"+id.String()+"}").Err()
			if elsewhere == nil && !slices.Contains(where[i], int(slot)) {
				where[i] = append(where[i], int(slot))
			}
		}
	}
	return where
}
