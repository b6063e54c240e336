package runner

import (
	"math"
	"runtime"
	"slices"

	"github.com/sessbench/sessbench/reports/result"
)

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

// conclude fills in what follows from all of a subject's trials: the limit and what binds it.
func (e *entrant) conclude(base setup, m result.Machine, noopNs, costNs float64, joined bool) {
	if e.Strategy.Harness {
		return
	}
	s := base.scenario
	var limits, cpu []float64
	for i := range e.result.Trials {
		t := &e.result.Trials[i]
		if base.speed == 0 && !joined { // on the log's clock the log is the limit, and what limits several machines nobody knows
			l := base.limit(t, costNs, processors(m))
			if e.Unlocked {
				l.busiest = 0
			}
			t.LimitOpsPerSec = l.opsPerSec()
		}
		limits = append(limits, t.LimitOpsPerSec)
		cpu = append(cpu, t.CPUNsPerOp)
	}
	e.result.LimitOpsPerSec = median(limits)
	perOp := median(cpu) // 0 where no operation was completed
	e.result.Summary.HarnessBound = noopNs > 0 && perOp > 0 && perOp <= 2*noopNs
	e.result.Summary.SchedulerBound = s.Hold == 0 && s.Think == 0 && base.speed == 0 && s.Users > runtime.GOMAXPROCS(0)
}

// limit is the limit of one trial. w is as it came out, not as the tape has it: a short window may end with every user on
// its way to an update. p likewise, where it came out below the tape's: users who queue for the busiest session see less of
// the tape. Above it is the chance of a slow store that did few operations.
func (base setup) limit(t *result.Trial, costNs, processors float64) limit {
	l := limit{
		users: float64(base.scenario.Users), think: float64(t.ThinkNs) / 1e9, hold: float64(t.HoldNs) / 1e9,
		updates: t.Updates, busiest: t.Busiest,
		cost: costNs / 1e9, processors: processors, spins: base.scenario.Spin,
	}
	if base.tape != nil && base.tape.Updates > 0 {
		l.busiest = min(l.busiest, base.tape.Busiest*t.Updates/base.tape.Updates)
	}
	return l
}

// median is the middle of xs, which it sorts; the lower of two.
func median(xs []float64) float64 {
	if len(xs) == 0 {
		return 0
	}
	slices.Sort(xs)
	return xs[(len(xs)-1)/2]
}
