package runner

import (
	"cmp"
	"math"
	"runtime"
	"slices"

	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
)

// limit is the throughput, in operations per second, that no correct store with one lock per session can exceed:
//
//	X* = min( U/(z + w·h + s), c/κ, 1/(p·h) )
//
// The first is the closed loop's own bound (each of U users is thinking, working or being served), the second the
// processors', the third that of the busiest session, whose changes come one after the other. These are the
// asymptotic bounds of operational analysis (Denning and Buzen, 1978). All times in seconds.
//
// z, w·h and p·h are measured as time inside the window per completed operation, so that the third, and the first
// without s, hold for every trial by the utilization law: no more than U users wait, and a session is held by one of them. Means
// of whole holds would not do: where the processors are overloaded, a hold that began in the window may end long after it.
// Where a store runs an update's closure again after a conflict only the last run counts: those of one session follow
// each other, as they would under a lock.
type limit struct {
	users      float64 // U
	think      float64 // z: think time per operation, measured
	held       float64 // w·h: time under a lock per operation, measured
	busiest    float64 // p·h: the part of the busiest session
	cost       float64 // s: processor time of an operation alone on the fastest store, harness included
	processor  float64 // κ: processor time of an operation among all users, its waits and work on the processor included
	processors float64 // c
}

func (l limit) opsPerSec() float64 {
	x := min(per(l.users, l.think+l.held+l.cost), per(l.processors, l.processor), per(1, l.busiest))
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

// costs is what was measured of the harness, all in nanoseconds of processor time.
type costs struct {
	noop, protocol float64 // an operation on a store, on an adapter, that does nothing
	waiting        waitCost
}

// waitCost is the processor time of waiting in nanoseconds. Polling is measured in each trial, the rest once.
type waitCost struct {
	perOp    float64 // of an operation's waits, all included, on a store that does nothing
	perWait  float64 // of a wait: its goroutine is blocked and comes back
	perAlarm float64 // of an alarm: an idle processor wakes up
}

// split parts the processor time of t's operations into that of waiting and that of the store.
func (c waitCost) split(t *result.Trial) {
	if t.Waiting == nil || t.Ops == 0 {
		return
	}
	w := t.Waiting
	all := float64(w.PolledNs) + c.perAlarm*float64(w.Wakeups) + c.perWait*float64(w.Count)
	t.Usage.WaitCPUNsPerOp = min(t.Usage.CPUNsPerOp, all/float64(t.Ops))
	t.Usage.CPUNsPerOp -= t.Usage.WaitCPUNsPerOp
}

// conclude fills in what follows from all trials of a scenario: the limits and the marks of the rows.
func (r *run) conclude(base setup, own costs, entrants []*entrant) {
	alone, among := leastAlone(entrants), math.Inf(1) // the least costs, of one user and among all users, among the stores that passed their audits
	for _, e := range entrants {
		for i := range e.result.Trials {
			own.waiting.split(&e.result.Trials[i])
		}
		if !e.passed() {
			continue
		}
		if cpu := e.processorTime(); cpu > 0 {
			among = min(among, cpu)
		}
	}
	if base.open() && base.traffic == nil && r.Participant == nil {
		perfect := r.ideal
		if r.Find != nil {
			perfect = r.idealRates
		}
		if math.IsInf(alone, 1) {
			alone = 0
		}
		perfect(base, alone, entrants)
	}
	for _, e := range entrants {
		if len(e.result.Trials) == 0 || e.Strategy.Harness {
			continue
		}
		// Of several machines it is not known; in an open loop it is the load; and that of closed loops is for a number of users that does
		// not change.
		if r.Participant == nil && !base.open() && !base.ramped() {
			r.limit(e, base, alone, alone+own.waiting.perOp, among)
		}
		r.mark(e, base, own)
	}
}

// leastAlone is the least processor time of an operation of one user, among the stores that passed their audits; infinite if it is not known.
func leastAlone(entrants []*entrant) float64 {
	least := math.Inf(1)
	for _, e := range entrants {
		if e.passed() && e.alone > 0 {
			least = min(least, e.alone)
		}
	}
	return least
}

// passed reports whether e is a store all of whose trials passed their audits.
func (e *entrant) passed() bool {
	return !e.Strategy.Harness && len(e.result.Trials) > 0 &&
		!slices.ContainsFunc(e.result.Trials, func(t result.Trial) bool { return !t.Audit.OK })
}

// processorTime is the median of the processor time of an operation in the trials, its waits included.
func (e *entrant) processorTime() float64 {
	var all []float64
	for _, t := range e.result.Trials {
		all = append(all, t.Usage.CPUNsPerOp+t.Usage.WaitCPUNsPerOp)
	}
	return median(all)
}

// limit fills in the limits of e's trials. κ is the least that was seen: what an operation costs alone, with its waits;
// what it costs the fastest store among all users, where one pays for the wake-ups of many; or the trial's own.
func (r *run) limit(e *entrant, base setup, alone, waiting, among float64) {
	if e.OwnWork { // under locks of its own, of which nothing is known
		return
	}
	s := base.scenario
	var limits []float64
	for i := range e.result.Trials {
		t := &e.result.Trials[i]
		if t.Ops == 0 {
			continue
		}
		spins, spun := s.Spin && e.Target == nil, 0.0
		if spins {
			spun = t.Locks.UpdateFraction * float64(t.Locks.HoldNs)
		}
		processor := min(waiting+spun, among)
		if cpu := t.Usage.CPUNsPerOp + t.Usage.WaitCPUNsPerOp; cpu > 0 {
			processor, spun = min(processor, cpu), min(spun, cpu)
		}
		held := t.Locks.HeldNsPerOp
		if spins { // not by the clock: among more users than processors that is mostly the time suspended
			held = spun
		}
		l := limit{
			users: float64(s.Users), think: float64(t.ThinkNs) / 1e9, held: held / 1e9,
			busiest: busiestHeld(t, s, base.tape) / 1e9, processors: r.processors(base),
		}
		if !math.IsInf(processor, 1) {
			l.cost, l.processor = min(alone, processor)/1e9, processor/1e9
		}
		if e.Unlocked {
			l.busiest = 0
		}
		t.LimitOpsPerSec = l.opsPerSec()
		limits = append(limits, t.LimitOpsPerSec)
	}
	e.result.LimitOpsPerSec = median(limits)
}

// busiestHeld is the time under the busiest session's lock per operation in nanoseconds. Above the tape's
// share it is due to chance, on a slow store that did few operations; below it, users that queue for the session see less of
// the tape. Sessions of one user alone are bound by that user, which is the first term of the limit.
func busiestHeld(t *result.Trial, s *scenarios.Scenario, tape *scenarios.Tape) float64 {
	if s.OwnSessions {
		return 0
	}
	hold, onTape := float64(t.Locks.HoldNs), math.Inf(1)
	if tape != nil && tape.Updates > 0 {
		onTape = tape.Busiest * t.Locks.UpdateFraction / tape.Updates
	}
	if t.Locks.BusiestHeld > 0 {
		return min(t.Locks.BusiestHeld, onTape*hold)
	}
	return min(t.Locks.BusiestFraction, onTape) * hold
}

// mark marks figures of e that show something else than the store.
func (r *run) mark(e *entrant, base setup, own costs) {
	s, harness := base.scenario, own.noop
	switch {
	case e.program() && e.metered():
		harness = own.protocol
	case e.program(): // what it cost is not known
		harness = 0
	}
	var trials []float64
	waits := false
	for _, t := range e.result.Trials {
		trials = append(trials, t.Usage.CPUNsPerOp)
		waits = waits || t.Waiting != nil
	}
	cpu := median(trials)
	if waits && e.alone > 0 { // what part of cpu is the store's is estimated, and alone is not
		cpu = e.alone
	}
	// A store that leaves processors idle is bound by its waits, not by the harness.
	e.result.Summary.HarnessBound = harness > 0 && cpu > 0 && cpu <= 2*harness && (!waits || e.saturates(r.processors(base)))
	e.result.Summary.SchedulerBound = s.Hold == 0 && !s.Sleeps() && !s.Load.Open() && s.Users > cmp.Or(base.processors, runtime.GOMAXPROCS(0))
}

// saturates reports whether e's trials used most of the processors.
func (e *entrant) saturates(processors float64) bool {
	var used []float64
	for _, t := range e.result.Trials {
		used = append(used, t.OpsPerSec*(t.Usage.CPUNsPerOp+t.Usage.WaitCPUNsPerOp)/1e9)
	}
	return median(used) > 0.8*processors
}

// median is the middle of xs, which it sorts; the lower of two.
func median(xs []float64) float64 {
	if len(xs) == 0 {
		return 0
	}
	slices.Sort(xs)
	return xs[(len(xs)-1)/2]
}
