package runner

import (
	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
)

// measure draws the users' records together.
func (tr *trial) measure(w window) (result.Trial, error) {
	t := result.Trial{ElapsedNs: int64(w.elapsed), GoroutinesMax: w.goroutines, GCPauseNs: int64(w.spent.gcPause)}
	all := result.NewHistogram()
	each := map[scenarios.Op]*hdr.Histogram{}
	failed, missed := map[scenarios.Op]int64{}, map[scenarios.Op]int64{}
	for _, u := range tr.allUsers() {
		for kind, of := range u.stats.ops {
			if of.latency == nil {
				continue
			}
			op := scenarios.Op(kind)
			if each[op] == nil {
				each[op] = result.NewHistogram()
			}
			of.latency.addTo(each[op])
			failed[op] += of.failed
			missed[op] += of.missed
			if op != scenarios.Sweep {
				of.latency.addTo(all)
			}
		}
		t.Ops += u.stats.completed()
		t.Visits += u.stats.visits
		for kind, n := range u.stats.errors {
			if t.Errors == nil {
				t.Errors = map[string]int64{}
			}
			t.Errors[kind] += n
		}
	}
	t.Operations = make(map[string]result.Operation, len(each))
	for op, h := range each {
		count := h.TotalCount() + missed[op]
		if count == 0 {
			continue // no user performed it
		}
		of := result.Operation{Count: count, Errors: failed[op], LatencyNs: result.LatencyOf(h)}
		if tr.setup.part.shared() { // it will be merged with others'
			var err error
			if of.Histogram, err = result.EncodeHistogram(h); err != nil {
				return t, err
			}
		}
		t.Operations[operationName(op)] = of
	}
	t.LatencyNs = result.LatencyOf(all)
	t.Fairness = tr.fairness()
	t.UpdateFraction = tr.updates()
	t.BusiestFraction = t.UpdateFraction * tr.busiest()
	tr.waited(&t, w)
	if t.Ops > 0 {
		ops := float64(t.Ops)
		t.OpsPerSec = ops / w.elapsed.Seconds()
		t.AllocsPerOp = float64(w.spent.objects) / ops
		t.BytesPerOp = float64(w.spent.bytes) / ops
		t.CPUNsPerOp = float64(w.spent.cpu+w.spent.target.CPU) / ops
		t.TargetCPUNs = float64(w.spent.target.CPU) / ops
	}
	t.TargetMemory = w.spent.target.Memory
	wait := int64(w.spent.mutexWait)
	t.MutexWaitNs = &wait
	var err error
	t.Histogram, err = result.EncodeHistogram(all)
	return t, err
}

// updates is the share of the completed operations that changed a session. One that found none did no work.
func (tr *trial) updates() float64 {
	var all, changing int64
	for _, u := range tr.users {
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
func (tr *trial) busiest() float64 {
	if tr.unaudited {
		return 0
	}
	var all, most uint64
	bySlot := make([]uint64, tr.setup.scenario.Slots())
	for _, u := range tr.users {
		for t := range u.ledger.Tallies {
			all += t.Count
			bySlot[t.Slot] += t.Count
			most = max(most, bySlot[t.Slot])
		}
	}
	return float64(most) / float64(max(1, all))
}

// operationName distinguishes operations during a sweep from the others.
func operationName(op scenarios.Op) string {
	if op >= scenarios.NumOps {
		return (op - scenarios.NumOps).String() + "_during_sweep"
	}
	return op.String()
}

// waited sets the figures of holds, waits for locks, and pauses.
func (tr *trial) waited(t *result.Trial, w window) {
	var held, waited, holds, pauses, thought, inWindow, inHot int64
	all, thoughts := result.NewHistogram(), result.NewHistogram()
	for _, u := range tr.users {
		held += u.stats.holds.heldFor
		waited += u.stats.holds.waitedFor
		holds += u.stats.holds.n
		thought += u.stats.pauses.ns
		pauses += u.stats.pauses.ended
		inWindow += u.stats.holds.inWindow
		inHot += u.stats.holds.inHot
		u.stats.holds.times.addTo(all)
		u.stats.pauses.times.addTo(thoughts)
	}
	if holds > 0 {
		t.HoldNs, t.WaitNs = held/holds, waited/holds
	}
	if t.Ops > 0 {
		t.ThinkNs = thought / t.Ops
		t.HeldNsPerOp = float64(inWindow) / float64(t.Ops)
		if tr.setup.hold > 0 {
			t.BusiestHeld = float64(inHot) / float64(t.Ops)
		}
	}
	if tr.clock != nil {
		t.Waiting = &result.Waiting{Count: pauses, Wakeups: w.spent.waits.Alarms, PolledNs: int64(w.spent.waits.Polled)}
		if tr.setup.hold > 0 {
			t.Waiting.Count += holds
		}
		for _, u := range tr.users {
			t.Waiting.PolledNs += int64(u.waiter.Spun() - u.spun)
		}
	}
	t.HoldTimes, t.ThinkTimes = timesOf(all), timesOf(thoughts)
}

func timesOf(h *hdr.Histogram) *result.Latency {
	if h.TotalCount() == 0 {
		return nil
	}
	l := result.LatencyOf(h)
	return &l
}

// fairness compares what the users completed: Jain, Chiu and Hawe (1984), and the slowest over the fastest.
func (tr *trial) fairness() result.Fairness {
	if len(tr.users) == 0 {
		return result.Fairness{}
	}
	var sum, squares float64
	least, most := tr.users[0].stats.completed(), int64(0)
	for _, u := range tr.users {
		n := u.stats.completed()
		sum += float64(n)
		squares += float64(n) * float64(n)
		least, most = min(least, n), max(most, n)
	}
	if most == 0 {
		return result.Fairness{}
	}
	return result.Fairness{
		Jain:       sum * sum / (float64(len(tr.users)) * squares),
		MinOverMax: float64(least) / float64(most),
		MinOps:     least,
		MaxOps:     most,
	}
}
