package runner

import (
	"errors"
	"slices"

	"github.com/sessbench/sessbench/internal/audit"
	"github.com/sessbench/sessbench/internal/wait"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
)

// finish returns the trial's figures: what the users have recorded and the process has spent in the window, and what the audit
// finds.
func (tr *trial) finish(w window) (result.Trial, error) {
	t, err := tr.measure(w)
	if err != nil {
		tr.publishFailure(err)
		return t, err
	}
	err = tr.audit()
	t.Audit = tr.found.Audit
	return t, err
}

// measure computes the figures of the window.
func (tr *trial) measure(w window) (t result.Trial, err error) {
	tr.endTimes()
	if t.LatencyNs, t.Histogram, t.Operations, err = tr.latencies(); err != nil {
		return t, err
	}
	if tr.series != nil {
		t.Series = tr.series.result()
		if tr.setup.ramped() {
			tr.users.addTurns(tr.series, t.Series.Points)
		}
	}
	for _, u := range tr.measured() {
		t.Ops += u.completed()
		t.Visits += u.visits
		for kind, n := range u.errors {
			if t.Errors == nil {
				t.Errors = map[string]int64{}
			}
			t.Errors[kind] += n
		}
	}
	if t.Ops > 0 {
		t.OpsPerSec = float64(t.Ops) / w.elapsed.Seconds()
	}
	t.ElapsedNs = int64(w.elapsed)
	t.Usage = w.spent.of(t.Ops)
	if t.Locks, err = tr.locks(t.Ops); err != nil {
		return t, err
	}
	t.ThinkNs, t.ThinkTimes = tr.thinking(t.Ops)
	t.Waiting = tr.waiting(w.spent.waits)
	if !tr.subject.Strategy.WaitsOnChannels && tr.subject.Target == nil {
		mutexWait := int64(w.spent.mutexWait)
		t.MutexWaitNs = &mutexWait
	}
	t.Totals = w.spent.totals()
	t.Totals["goroutines_max"] = float64(w.goroutines)
	if tr.arrivals != nil { // users come and go, so that they cannot be compared
		t.OpenLoop, err = tr.openLoop(&t, w.backlog)
		return t, err
	}
	if !tr.setup.ramped() { // else some are active longer than others
		t.Fairness = tr.users.fairness()
	}
	return t, nil
}

// measured returns what the users have measured.
func (tr *trial) measured() (all []*userStats) {
	for _, u := range tr.users.all() {
		all = append(all, &u.stats)
	}
	if tr.arrivals != nil {
		all = append(all, &tr.unserved)
	}
	return all
}

// perOp returns the mean per operation of a sum over n operations, 0 where there were none.
func perOp[N int64 | uint64](sum N, n int64) float64 {
	if n == 0 {
		return 0
	}
	return float64(sum) / float64(n)
}

// of returns the usage of n operations.
func (u usage) of(n int64) result.Usage {
	return result.Usage{
		AllocsPerOp:  perOp(u.objects, n),
		BytesPerOp:   perOp(u.bytes, n),
		CPUNsPerOp:   perOp(int64(u.cpu+u.target.CPU), n),
		TargetCPUNs:  perOp(int64(u.target.CPU), n),
		TargetMemory: u.target.Memory,
	}
}

// latencies returns the times of operations: of all but sweeps, with the histogram, and of each kind.
func (tr *trial) latencies() (l result.Latency, histogram string, operations map[string]result.Operation, err error) {
	var responses []timeOf
	users := tr.measured()
	operations = map[string]result.Operation{}
	for op := range opKinds {
		if op != scenarios.Sweep {
			responses = append(responses, responseOf(op))
		}
		of, err := tr.operation(op, users)
		if err != nil {
			return l, "", nil, err
		}
		if of.Count > 0 { // otherwise no user performed it
			operations[operationName(op)] = of
		}
	}
	if first := tr.times.sum(firstEvents); first.histogram.TotalCount() > 0 {
		of := result.Operation{Count: first.histogram.TotalCount(), LatencyNs: first.latency()}
		if of.Histogram, err = first.encoded(); err != nil {
			return l, "", nil, err
		}
		operations[scenarios.FirstEvent] = of
	}
	all := tr.times.sum(responses...)
	histogram, err = all.encoded()
	return all.latency(), histogram, operations, err
}

// operation returns the figures of a kind of operation of users.
func (tr *trial) operation(op scenarios.Op, users []*userStats) (of result.Operation, err error) {
	latency, service := tr.times.sum(responseOf(op)), tr.times.sum(serviceOf(op))
	of.Count = latency.histogram.TotalCount()
	for _, u := range users {
		of.Count += u.ops[op].unanswered
		of.Errors += u.ops[op].failed
	}
	if of.Count == 0 {
		return of, nil // encoding an empty histogram takes milliseconds
	}
	of.LatencyNs, of.ServiceNs = latency.latency(), service.some()
	if of.ServiceNs != nil {
		if of.Service, err = service.encoded(); err != nil {
			return of, err
		}
	}
	of.Histogram, err = latency.encoded()
	return of, err
}

// operationName distinguishes operations during a sweep from the others.
func operationName(op scenarios.Op) string {
	if op >= scenarios.NumOps {
		return (op - scenarios.NumOps).String() + "_during_sweep"
	}
	return op.String()
}

// locks returns what the updates among ops operations did under their locks.
func (tr *trial) locks(ops int64) (l result.Locks, err error) {
	var n, held, waited, inWindow, inHot int64
	times := tr.times.sum(holdTimes)
	for _, u := range tr.users.active {
		h := &u.stats.holds
		n += h.n
		held += h.heldFor
		waited += h.waitedFor
		inWindow += h.inWindow
		inHot += h.inHot
	}
	l = result.Locks{UpdateFraction: tr.users.updates(), HoldTimes: times.some(), HeldNsPerOp: perOp(inWindow, ops)}
	if n > 0 {
		l.HoldNs, l.WaitNs = held/n, waited/n
	}
	if tr.setup.spin > 0 && l.HoldNs > 0 {
		l.HoldNs = int64(tr.setup.spin)
	}
	if tr.setup.hold > 0 {
		l.BusiestHeld = perOp(inHot, ops)
	}
	if !tr.unaudited {
		l.BusiestFraction = l.UpdateFraction * tr.users.busiest(tr.setup.scenario.Slots())
	}
	if tr.arrivals != nil && l.HoldTimes != nil {
		l.Holds, err = times.encoded()
	}
	return l, err
}

// thinking returns the users' mean think time per operation, and the distribution of their pauses.
func (tr *trial) thinking(ops int64) (mean int64, pauses *result.Latency) {
	var sum int64
	for _, u := range tr.users.active {
		sum += u.stats.pauses.ns
	}
	return int64(perOp(sum, ops)), tr.times.sum(pauseTimes).some()
}

// waiting returns what holds and pauses have used of the processor, of which spent is the clock's part; nil where there are none.
func (tr *trial) waiting(spent wait.Spent) *result.Waiting {
	if !tr.setup.waits() {
		return nil
	}
	w := &result.Waiting{Wakeups: spent.Alarms, PolledNs: int64(spent.Polled)}
	for _, u := range tr.users.active {
		w.Count += u.stats.pauses.ended
		if tr.arrivals != nil {
			w.Count += u.stats.visits
		}
		if tr.setup.hold > 0 {
			w.Count += u.stats.holds.n
		}
		w.PolledNs += int64(u.spent() - u.spun)
	}
	return w
}

// updates is the share of the completed operations that changed a session. One that found none did no work.
func (us *users) updates() float64 {
	var all, changing int64
	for _, u := range us.active {
		for kind, of := range u.stats.ops {
			all += of.done
			if (scenarios.Op(kind) % scenarios.NumOps).Does(scenarios.Mutates) {
				changing += of.done - of.failed + of.refused
			}
		}
	}
	return float64(max(0, changing)) / float64(max(1, all))
}

// busiest is the share of the users' changes that was made in one slot, the one with most.
func (us *users) busiest(slots int) float64 {
	var all, most uint64
	bySlot := make([]uint64, slots)
	for _, u := range us.active {
		for t := range u.ledger.Tallies {
			all += t.Count
			bySlot[t.Slot] += t.Count
			most = max(most, bySlot[t.Slot])
		}
	}
	return float64(most) / float64(max(1, all))
}

// fairness compares what the users completed: Jain, Chiu and Hawe (1984), and the slowest over the fastest.
func (us *users) fairness() result.Fairness {
	if len(us.active) == 0 {
		return result.Fairness{}
	}
	var sum, squares float64
	least, most := us.active[0].stats.completed(), int64(0)
	for _, u := range us.active {
		n := u.stats.completed()
		sum += float64(n)
		squares += float64(n) * float64(n)
		least, most = min(least, n), max(most, n)
	}
	if most == 0 {
		return result.Fairness{}
	}
	return result.Fairness{
		Jain:       sum * sum / (float64(len(us.active)) * squares),
		MinOverMax: float64(least) / float64(most),
		MinOps:     least,
		MaxOps:     most,
	}
}

// audit removes the remaining sessions, closes the store, and audits. In a distributed run the first participant does that
// for all.
func (tr *trial) audit() error {
	if gone := tr.end.unavailable.Load(); gone != nil {
		tr.publishFailure(*gone)
		return &Violation{Kind: kindOf(*gone), Detail: (*gone).Error()}
	}
	if !tr.setup.part.first() {
		tr.found.Skipped, tr.found.Partial = true, "audited by participant 1"
		return errors.Join(tr.setup.part.publish(tr.ctx, "ledgers", ledgersMessage{Ledgers: tr.users.ledgers()}), tr.close())
	}
	others, lost, err := tr.setup.part.awaitLedgers(tr.ctx)
	if err != nil {
		return err
	}
	tr.users.others = others
	if err := tr.guarded("taking the sessions left at the end", tr.empty); err != nil {
		return err
	}
	if tr.unaudited {
		return nil
	}
	all := tr.users.ledgers()
	switch {
	case lost != nil:
		tr.found.Partial = lost.Error() + ", with the ledgers of their users"
	case slices.ContainsFunc(all, func(l *audit.Ledger) bool { return l.Ambiguous }):
		tr.found.Partial = noIncarnations
	default:
		tr.rules.Check(all, &tr.found)
		tr.checkSweeps()
	}
	for _, l := range all {
		for _, v := range l.Violations {
			tr.found.Violate(v.Kind, manager.ID{}, "user %d: %s", l.User, v.Detail)
		}
	}
	if tr.sessions.numbers != nil {
		return tr.checkHistories()
	}
	return nil
}

// noIncarnations is the reason of an audit without a verdict.
const noIncarnations = "the target reports no incarnations, so that sessions under one id cannot be distinguished"

// empty removes every session, and closes the store.
func (tr *trial) empty() error {
	if !tr.unaudited {
		if err := tr.system.empty(); err != nil {
			return err
		}
	}
	return tr.close()
}
