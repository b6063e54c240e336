//go:build !race

package history

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// TestFenceIsAFullBarrier is the store buffering litmus test: two users each write a word of their own, pass their fence, and
// read the other's. If both read the old value, a store was delayed beyond a later load. The accesses race on purpose, so the
// test is left out under the race detector.
func TestFenceIsAFullBarrier(t *testing.T) {
	if runtime.GOMAXPROCS(0) < 2 {
		t.Skip("needs two processors")
	}
	type pass func(*Fence)
	for name, fence := range map[string]pass{
		"Called":    func(f *Fence) { f.Called(1) },
		"Returning": (*Fence).Returning,
	} {
		const rounds = 20_000
		var (
			words [2]struct { // what each user writes
				value uint64
				_     [120]byte
			}
			saw   [2][rounds]uint64
			ready [2]atomic.Int64 // rounds that each user has begun
			users sync.WaitGroup
		)
		for u := range 2 {
			users.Go(func() {
				var f Fence
				mine, theirs := &words[u].value, &words[1-u].value
				for i := range rounds {
					ready[u].Store(int64(i) + 1)
					for n := 0; ready[1-u].Load() <= int64(i); n++ {
						if n > 10_000 {
							runtime.Gosched()
						}
					}
					*mine = uint64(i) + 1
					fence(&f)
					saw[u][i] = *theirs
				}
			})
		}
		users.Wait()
		for i := range rounds {
			if now := uint64(i) + 1; saw[0][i] < now && saw[1][i] < now {
				t.Fatalf("%s: in round %d neither user saw the other's write", name, i)
			}
		}
	}
}
