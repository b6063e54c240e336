package redis_test

import (
	"slices"
	"testing"
	"time"

	"github.com/sessbench/sessbench/internal/redistest"
	"github.com/sessbench/sessbench/strategies/redis"
)

// TestRealCluster runs all the ways to keep sessions on clusters, whose client sends a command again when there is no
// answer, and whose slots move while they are used. Each group of tests has a cluster of its own, and runs beside the others.
// The short form divides the ways among the three groups with faults.
func TestRealCluster(t *testing.T) {
	t.Parallel()
	group := func(name string, run func(t *testing.T, f *faultInjector, c *redistest.Cluster, proxies []*Proxy, o redis.Options)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &faultInjector{}
			c, proxies := clusterBehindProxies(t, f.judge)
			run(t, f, c, proxies, redis.Options{URL: c.URL(), Cluster: true})
		})
	}
	type (
		injector = *faultInjector
		cluster  = *redistest.Cluster
		proxies  = []*Proxy
	)
	group("verify", func(t *testing.T, _ injector, _ cluster, _ proxies, o redis.Options) { verifyPart(t, o, 2, 1) })
	group("slots move", func(t *testing.T, _ injector, c cluster, _ proxies, o redis.Options) {
		o.Users, o.ReadTimeout = faultUsers, patience // no command is abandoned that may take effect after the end
		for _, way := range part(ways(), 0, 3) {
			t.Run(way.name, func(t *testing.T) {
				server := connect(t, o)
				b := way.open(t, server.Client(), server.Prefix())
				l := newLoad(b, faultSessions, patience)
				report(t, l.settle(t, l.whileSlotsMove(t, c), b))
			})
		}
	})
	group("answers are lost", func(t *testing.T, f injector, _ cluster, p proxies, o redis.Options) {
		for _, way := range part(ways(), 1, 3) {
			t.Run(way.name, func(t *testing.T) { report(t, f.run(t, way, o, p, inPlace(60))) })
		}
	})
	group("both", func(t *testing.T, f injector, c cluster, p proxies, o redis.Options) {
		for _, way := range part(ways(), 2, 3) {
			t.Run(way.name, func(t *testing.T) {
				report(t, f.run(t, way, o, p, func(l *load) []operation { return l.whileSlotsMove(t, c) }))
			})
		}
	})
}

// whileSlotsMove has users work while the slots of their sessions move from node to node, twice around.
func (l *load) whileSlotsMove(t *testing.T, c *redistest.Cluster) []operation {
	t.Helper()
	return l.during(faultUsers, func() {
		await(t, &l.ok, 50, "before the migration")
		where := l.slots(t, c)
		for step := range 2 * len(c.Nodes) {
			from, to := step%len(c.Nodes), (step+1)%len(c.Nodes)
			pause := func() { time.Sleep(time.Millisecond) } // so that users meet the slot half moved; no result depends on it
			if err := c.MigrateSlots(from, to, pause, where[from]...); err != nil {
				t.Fatal(err)
			}
			where[to], where[from] = append(where[to], where[from]...), nil
			await(t, &l.ok, 20, "after a migration")
		}
	})
}

// slots returns the slots of the sessions, by the node that has them.
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
