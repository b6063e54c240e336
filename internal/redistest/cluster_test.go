package redistest

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

func clusterClient(t *testing.T, c *Cluster) *redis.ClusterClient {
	client := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: c.Addrs()[:1], DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	t.Cleanup(func() { client.Close() })
	return client
}

// TestMigration moves slots while they are written to: each write is in the slot's new place once.
func TestMigration(t *testing.T) {
	c := StartCluster(t, 3)
	client := clusterClient(t, c)
	const sessions, writers = 20, 4
	var moving []int
	for i := range sessions {
		slot := int(client.ClusterKeySlot(background, key(i)).Val())
		if slot < slots/3 && !slices.Contains(moving, slot) {
			moving = append(moving, slot)
		}
	}
	if len(moving) < 3 {
		t.Fatalf("%d keys lie on the first node, want some", len(moving))
	}
	var inside sync.WaitGroup
	stop := make(chan struct{})
	end := sync.OnceFunc(func() {
		close(stop)
		inside.Wait()
	})
	defer end()
	done := make([][sessions]int64, writers)
	for w := range writers {
		inside.Go(func() {
			for i := 0; ; i = (i + 1) % sessions {
				select {
				case <-stop:
					return
				default:
				}
				if err := client.Incr(background, key(i)).Err(); err != nil {
					t.Errorf("INCR during the migration: %v", err)
					return
				}
				done[w][i]++
			}
		})
	}
	for _, way := range [][2]int{{0, 1}, {1, 2}, {2, 0}, {0, 2}} {
		if err := c.MigrateSlots(way[0], way[1], nil, moving...); err != nil {
			t.Fatal(err)
		}
	}
	end()
	for i := range sessions {
		want := int64(0)
		for w := range writers {
			want += done[w][i]
		}
		if got, err := client.Get(background, key(i)).Int64(); got != want || err != nil {
			t.Errorf("%s counts %d, want %d (error %v)", key(i), got, want, err)
		}
	}
	for _, slot := range moving {
		if n := c.Nodes[2].Client().ClusterCountKeysInSlot(background, slot).Val(); n == 0 {
			t.Errorf("slot %d has no keys in its new place", slot)
		}
		if n := c.Nodes[0].Client().ClusterCountKeysInSlot(background, slot).Val(); n != 0 {
			t.Errorf("slot %d has %d keys in its old place", slot, n)
		}
	}
}

func key(i int) string { return fmt.Sprintf("key{%d}", i) }

// TestMigrationsInARow: a slot that moves on at once keeps its keys.
func TestMigrationsInARow(t *testing.T) {
	c := StartCluster(t, 3)
	const keys = 30
	slot := int(c.Nodes[0].Client().ClusterKeySlot(background, key(0)).Val())
	at := slot * 3 / slots
	for i := range keys {
		if err := c.Nodes[at].Client().Set(background, key(0)+fmt.Sprint(i), "", 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for step := range 300 {
		from := at
		at = (from + 1) % len(c.Nodes)
		if err := c.MigrateSlots(from, at, nil, slot); err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
		if n := c.Nodes[at].Client().ClusterCountKeysInSlot(background, slot).Val(); n != keys {
			t.Fatalf("step %d: %d of %d keys are there", step, n, keys)
		}
	}
}
