package storetest

import (
	"sync/atomic"
	"time"
)

// fair has some callers update one session again and again until each has had it a few times. Only a caller that is passed
// over for longer than any scheduler needs, while the others have it very often, is starving.
func fair[T any](e *env[T]) {
	const (
		workers  = 8
		enough   = 3    // updates after which a caller is not starving
		unserved = 1000 // updates by the others
		within   = 2 * time.Second
	)
	id := e.create(1)[0]
	var turns [workers]atomic.Int64
	count := func() (least, sum int64) {
		least = turns[0].Load()
		for i := range turns {
			n := turns[i].Load()
			least, sum = min(least, n), sum+n
		}
		return least, sum
	}
	start := time.Now()
	e.storm(workers, func(worker int) {
		for !e.hasFailed() {
			err := e.update(id, func(s *T) {
				time.Sleep(20 * time.Microsecond) // long enough for the others to come to wait
				e.p.Increment(s)
			})
			e.want(err, nil, "Update")
			turns[worker].Add(1)
			least, sum := count()
			if least >= enough {
				return
			}
			if least == 0 && sum >= unserved && time.Since(start) > within {
				e.fatalf("starvation: of %d callers that want one session all the time, one has not had it, the others %d times",
					workers, sum)
			}
		}
	})
}
