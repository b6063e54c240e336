package verify

import (
	"math/rand/v2"
	"runtime"
	"time"
)

// pressure widens the gaps between the steps of a store: a pause in nanoseconds, or a yield.
type pressure int32

const (
	noPause pressure = 0
	yield   pressure = -1
)

// apply pauses. Short pauses spin, since a sleep of a microsecond takes a hundred.
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

// drawDuring draws the pressure while the session is held.
func drawDuring(rng *rand.Rand) pressure { return drawPressure(rng, 55, 75, 92) }

// drawAfter draws the pressure between two operations of a user.
func drawAfter(rng *rand.Rand) pressure { return drawPressure(rng, 65, 85, 95) }

// drawPressure draws nothing, a yield, a spin or a sleep, by the cumulative percentages of the first three.
func drawPressure(rng *rand.Rand, none, yields, spins int) pressure {
	switch n := rng.IntN(100); {
	case n < none:
		return noPause
	case n < yields:
		return yield
	case n < spins:
		return pressure(1000 + rng.IntN(int(spinBelow)-1000))
	default:
		return pressure(1000 * (20 + rng.IntN(81)))
	}
}
