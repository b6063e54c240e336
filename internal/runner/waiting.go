package runner

import (
	"context"
	"time"

	"github.com/sessbench/sessbench/internal/wait"
	"github.com/sessbench/sessbench/reports/result"
)

// waitCost is the processor time of waiting in nanoseconds. Polling is measured in each trial, the rest once.
type waitCost struct {
	perOp    float64 // of an operation's waits, all included, on a store that does nothing
	perWait  float64 // of a wait: its goroutine is blocked and comes back
	perAlarm float64 // of an alarm: an idle processor wakes up
}

// waiting measures the cost of the scenario's holds and pauses on a store that does nothing. Its users wait at the same
// time as those of a store that is as fast as possible, so that the cost of their timers and wake-ups is what no store can
// avoid.
func (r *run) waiting(ctx context.Context, base setup, noop result.Trial) (cost waitCost, err error) {
	s := base.scenario
	if !s.Sleeps() || base.traffic != nil {
		return waitCost{}, nil
	}
	r.report(Step{Scenario: s.Name, Label: "the cost of waiting"})
	alarm, err := r.perform(ctx, base, AlarmTask, noSubject)
	if err != nil {
		return waitCost{}, err
	}
	cost.perAlarm = alarm.Usage.CPUNsPerOp
	for range passTries {
		t, err := r.perform(ctx, base, WaitingTask, noSubject)
		if err != nil {
			return waitCost{}, err
		}
		if t.Ops == 0 || t.Waiting == nil {
			continue // a wait is longer than the window, and what it costs does not count
		}
		if perOp := max(0, t.Usage.CPUNsPerOp-noop.Usage.CPUNsPerOp); cost.perOp == 0 || perOp < cost.perOp {
			rest := perOp*float64(t.Ops) - float64(t.Waiting.PolledNs) - cost.perAlarm*float64(t.Waiting.Wakeups)
			cost.perOp, cost.perWait = perOp, max(0, rest)/float64(max(1, t.Waiting.Count))
		}
	}
	return cost, nil
}

// alarmCost measures the processor time of a wake-up, in a process that does nothing else.
func alarmCost() (result.Trial, error) {
	const waits, length = 20, time.Millisecond
	clock, err := wait.Start()
	if err != nil {
		return result.Trial{}, err
	}
	defer clock.Stop()
	w := clock.NewWaiter()
	w.Wait(length)
	before, spun, cpu := clock.Spent(), w.Spun(), cpuTime()
	for range waits {
		w.Wait(length)
	}
	spent := clock.Spent().Since(before)
	rest := cpuTime() - cpu - spent.Polled - (w.Spun() - spun)
	return result.Trial{Usage: result.Usage{CPUNsPerOp: max(0, float64(rest)) / float64(max(1, spent.Alarms))}}, nil
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
