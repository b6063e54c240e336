package verify

import (
	"math/rand/v2"
	"runtime"
	"time"
)

// pressure is what widens the gaps between the steps of a store: a pause, of nanoseconds, or a yield.
type pressure int32

const (
	noPause pressure = 0
	yield   pressure = -1
)

// apply pauses. What is short keeps the processor busy, since a sleep of a microsecond takes a hundred.
func (p pressure) apply() {
	switch {
	case p == noPause:
	case p == yield:
		runtime.Gosched()
	case p < spinBelow:
		for end := time.Now().Add(time.Duration(p)); time.Now().Before(end); {
			continue
		}
	default:
		time.Sleep(time.Duration(p))
	}
}

const spinBelow = pressure(20 * time.Microsecond)

// drawInside draws what happens while the session is held.
func drawInside(rng *rand.Rand) pressure {
	switch n := rng.IntN(100); {
	case n < 55:
		return noPause
	case n < 75:
		return yield
	case n < 92:
		return pressure(1000 + rng.IntN(int(spinBelow)-1000))
	default:
		return pressure(1000 * (20 + rng.IntN(81)))
	}
}

// drawAfter draws what happens between two operations of a user.
func drawAfter(rng *rand.Rand) pressure {
	switch n := rng.IntN(100); {
	case n < 65:
		return noPause
	case n < 85:
		return yield
	case n < 95:
		return pressure(1000 + rng.IntN(int(spinBelow)-1000))
	default:
		return pressure(1000 * (20 + rng.IntN(81)))
	}
}
