package strategies

import (
	"math"
	"runtime"
	"testing"
	"unsafe"

	"github.com/google/uuid"
)

func TestShardsAreCountedInPowersOfTwo(t *testing.T) {
	for asked, want := range map[int]int{-1: defaultShards(), 0: defaultShards(), 1: 1, 2: 2, 3: 4, 64: 64, 65: 128, 1000: 1024} {
		if got := len(NewSharded[Probe](asked).shards); got != want {
			t.Errorf("NewSharded(%d) has %d shards: want %d", asked, got, want)
		}
	}
}

func TestDefaultShards(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for processors, want := range map[int]int{1: 128, 2: 256, 3: 512, 4: 512, 12: 2048, 64: 8192} {
		if runtime.GOMAXPROCS(processors); defaultShards() != want {
			t.Errorf("%d processors: %d shards: want %d", processors, defaultShards(), want)
		}
	}
}

func TestShardsShareNoPairOfCacheLines(t *testing.T) {
	if got := unsafe.Sizeof(shard[Probe]{}); got != shardSize || got%128 != 0 {
		t.Errorf("a shard is %d bytes: want %d, a multiple of 128", got, shardSize)
	}
}

// Ids that differ in a few bits only, as those of a recorded log may, must spread as random ones do. Each of n shards holds 64,000/n with a
// standard deviation of the root of that; the bounds are 7.9 of those away.
func TestIDsSpreadOverShards(t *testing.T) {
	const ids = 64_000
	for _, counter := range []struct {
		why string
		at  int // the byte a counter is put into, and the next one
	}{
		{"random ids", -1},
		{"ids counted in their first bytes", 0},
		{"ids counted in their last bytes", 14},
	} {
		sharded, actor := NewSharded[Probe](64), NewActor[Probe](ActorOptions{Shards: 100})
		defer actor.Close()
		for _, store := range []Sharder{sharded, actor} {
			hits := make([]int, store.Shards())
			fixed := uuid.New()
			for i := range ids {
				id := uuid.New()
				if counter.at >= 0 {
					id = fixed
					id[counter.at], id[counter.at+1] = byte(i), byte(i>>8)
				}
				hits[store.Shard(id)]++
			}
			mean := ids / float64(len(hits))
			for h, n := range hits {
				if math.Abs(float64(n)-mean) > 7.9*math.Sqrt(mean) {
					t.Errorf("%T: %s: shard %d of %d holds %d of %d", store, counter.why, h, len(hits), n, ids)
				}
			}
		}
	}
}

func TestShardOfAnIDDiffersFromStoreToStore(t *testing.T) {
	a, b := NewSharded[Probe](1024), NewSharded[Probe](1024)
	same := 0
	for range 1000 {
		id := uuid.New()
		if a.slot(id) == b.slot(id) {
			same++
		}
	}
	if same > 20 { // one is expected
		t.Errorf("%d of 1000 ids fall into the same shard of 1024 in both stores", same)
	}
}
