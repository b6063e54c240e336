package runner

import "math"

// limit is the throughput, in operations a second, that no correct store with one lock a session can exceed:
//
//	X* = min( U/(z + w·h + s), c/(s + w·h if it spins), 1/(p·h) )
//
// The first is the closed loop's own bound (each of U users is thinking, working or being served), the second the
// processors', the third that of the busiest session, whose changes come one after the other. These are the
// asymptotic bounds of operational analysis (Denning and Buzen, 1978). All times in seconds.
type limit struct {
	users      float64 // U
	think      float64 // z: mean think time an operation, measured
	hold       float64 // h: mean work of an update, measured
	updates    float64 // w: updates ÷ operations
	busiest    float64 // p: updates of the busiest session ÷ operations
	cost       float64 // s: processor time of an operation alone on the fastest store, harness included
	processors float64 // c
	spins      bool
}

func (l limit) opsPerSec() float64 {
	onProcessor := l.cost
	if l.spins {
		onProcessor += l.updates * l.hold
	}
	x := min(per(l.users, l.think+l.updates*l.hold+l.cost), per(l.processors, onProcessor), per(1, l.busiest*l.hold))
	if math.IsInf(x, 1) {
		return 0 // nothing was measured that could limit
	}
	return x
}

func per(n, seconds float64) float64 {
	if seconds <= 0 {
		return math.Inf(1)
	}
	return n / seconds
}
