package strategies

import (
	"testing"
	"unsafe"

	"github.com/google/uuid"
)

func TestShardsAreCountedInPowersOfTwo(t *testing.T) {
	for asked, want := range map[int]int{-1: 64, 0: 64, 1: 1, 2: 2, 3: 4, 64: 64, 65: 128, 1000: 1024} {
		if got := len(NewSharded[Probe](asked).shards); got != want {
			t.Errorf("NewSharded(%d) has %d shards: want %d", asked, got, want)
		}
	}
}

func TestShardsShareNoPairOfCacheLines(t *testing.T) {
	if got := unsafe.Sizeof(shard[Probe]{}); got != shardSize || got%128 != 0 {
		t.Errorf("a shard is %d bytes: want %d, a multiple of 128", got, shardSize)
	}
}

// Ids that differ in a few bits only, as those of a recorded log may, must spread as random ones do. Of 64,000 ids in
// 64 shards each holds 1000 with a standard deviation of 31; the bounds are eight of those away.
func TestIDsSpreadOverShards(t *testing.T) {
	for _, counter := range []struct {
		why string
		at  int // the byte a counter is put into, and the next one
	}{
		{"random ids", -1},
		{"ids counted in their first bytes", 0},
		{"ids counted in their last bytes", 14},
	} {
		s := NewSharded[Probe](64)
		hits := map[uint64]int{}
		fixed := uuid.New()
		for i := range 64_000 {
			id := uuid.New()
			if counter.at >= 0 {
				id = fixed
				id[counter.at], id[counter.at+1] = byte(i), byte(i>>8)
			}
			hits[s.slot(id)]++
		}
		for h, n := range hits {
			if n < 750 || n > 1250 {
				t.Errorf("%s: shard %d holds %d of 64000", counter.why, h, n)
			}
		}
		if len(hits) != 64 {
			t.Errorf("%s: %d shards of 64 are used", counter.why, len(hits))
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
