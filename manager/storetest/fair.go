package storetest

import (
	"sync/atomic"
	"time"
)

// fair has several callers update one session repeatedly until each has made a few updates. A caller is starving only if it makes
// none for longer than any scheduler delays it, while the others make very many.
func fair[T any](e *env[T]) {
	const (
		workers  = 8
		enough   = 3    // updates that show that a caller is not starving
		unserved = 1000 // updates by the others
		within   = 2 * time.Second
	)
	id := e.create(1)[0]
	var updates [workers]atomic.Int64
	count := func() (least, sum int64) {
		least = updates[0].Load()
		for i := range updates {
			n := updates[i].Load()
			least, sum = min(least, n), sum+n
		}
		return least, sum
	}
	start := time.Now()
	e.storm(workers, func(worker int) {
		for !e.hasFailed() {
			err := e.update(id, func(s *T) {
				time.Sleep(20 * time.Microsecond) // long enough for the others to wait
				e.p.Increment(s)
			})
			e.want(err, nil, "Update")
			updates[worker].Add(1)
			least, sum := count()
			if least >= enough {
				return
			}
			if least == 0 && sum >= unserved && time.Since(start) > within {
				e.fatalf("starvation: of %d callers that update one session all the time, one made no update, the others %d",
					workers, sum)
			}
		}
	})
}
