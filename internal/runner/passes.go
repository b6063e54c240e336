package runner

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/sessbench/sessbench/internal/wait"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/reports/result"
)

// The windows of the passes that are made once for each subject, before the trials.
const (
	noopWindow  = 200 * time.Millisecond // at most, and passWindow at least: see calibration
	passWindow  = 40 * time.Millisecond
	passTries   = 2
	passWarmup  = 10 * time.Millisecond
	footprintAt = 1000 // sessions at least, a hundred times as many at most, for bytes per session

	// A store that is too slow for that many is filled for footprintTime, and with footprintMin sessions at least.
	footprintTime = 2 * time.Second
	footprintMin  = 50
)

// noop measures what the harness costs by itself.
func (r *run) noop(ctx context.Context, base setup) (result.Trial, error) {
	r.report(Step{Scenario: base.scenario.Name, Label: "the harness's own cost"})
	return r.perform(ctx, base, NoopTask, noSubject)
}

// protocol measures what a target that does nothing costs: the part of every other one's cost that is not its own.
func (r *run) protocol(ctx context.Context, base setup) (result.Trial, error) {
	if r.Protocol == nil {
		return result.Trial{}, nil
	}
	r.report(Step{Scenario: base.scenario.Name, Label: "the protocol's own cost"})
	return r.perform(ctx, base, ProtocolTask, noSubject)
}

// waiting measures the cost of the scenario's holds and pauses on a store that does nothing. Its users wait at the same
// time as those of a store that is as fast as possible, so that the cost of their timers and wake-ups is what no store can
// avoid.
func (r *run) waiting(ctx context.Context, base setup, noop result.Trial) (cost waitCost, err error) {
	s := base.scenario
	if !s.Sleeps() && !base.open() || base.traffic != nil {
		return waitCost{}, nil
	}
	r.report(Step{Scenario: s.Name, Label: "the cost of waiting"})
	alarm, err := r.perform(ctx, base, AlarmTask, noSubject)
	if err != nil {
		return waitCost{}, err
	}
	cost.perAlarm = alarm.Usage.CPUNsPerOp
	for range passTries {
		if !s.Sleeps() {
			break // users wait for arrivals alone
		}
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

// passes measures once for each subject what would disturb the trials: bytes per session, the wait for the lock where
// there is no work to time it by, and the processor time of an operation alone, which it leaves in the entrants.
func (r *run) passes(ctx context.Context, base setup, entrants []*entrant) error {
	for _, e := range entrants {
		if e.Strategy.Harness {
			continue
		}
		r.report(Step{Scenario: base.scenario.Name, Label: e.Label})
		var err error
		if e.Target == nil && !e.Strategy.Remote { // whose memory is elsewhere
			var t result.Trial
			t, err = r.perform(ctx, base, FootprintTask, e.index)
			e.footprint = t.BytesPerSession
		}
		for range passTries {
			if err == nil {
				err = r.measureAlone(ctx, base, e)
			}
		}
		if err == nil && base.scenario.Hold <= 0 && e.Target == nil {
			err = r.waits(ctx, base, e)
		}
		switch f := (*Violation)(nil); {
		case err == nil, errors.Is(err, errUndecided):
		case !errors.As(err, &f):
			return err
		case f.Final: // other violations will recur in the trials
			e.convicted = f
		}
	}
	return nil
}

// measureAlone lowers e's cost to the processor time of an operation of a single user without holds and pauses, if it
// is less.
func (r *run) measureAlone(ctx context.Context, base setup, e *entrant) error {
	t, err := r.perform(ctx, base, AloneTask, e.index)
	if t.Audit.OK && t.Usage.CPUNsPerOp > 0 && (e.alone == 0 || t.Usage.CPUNsPerOp < e.alone) {
		e.alone = t.Usage.CPUNsPerOp
	}
	return err
}

// waits measures how long updates wait for their lock when nothing is done under it. It takes two more readings of the
// clock an update, so it is no part of the trials.
func (r *run) waits(ctx context.Context, base setup, e *entrant) error {
	t, err := r.perform(ctx, base, WaitsTask, e.index)
	e.result.WaitNs = t.Locks.WaitNs
	return err
}

// measureFootprint measures the store's memory for one of the scenario's sessions in bytes, message texts not counted, as
// the growth of the heap when a fresh store takes many of them.
func measureFootprint(ctx context.Context, subject Subject, base setup) (bytes float64, err error) {
	s := base.scenario
	n := min(max(s.Slots(), footprintAt), 100*footprintAt)
	found := make(chan float64, 1) // not a variable: a store that hangs may return after the wait has ended
	var made atomic.Int64
	w := watch{patience: base.patience, progress: made.Load}
	err = guarded(ctx, w, "filling the store", func() error {
		bytes, err := fill(ctx, subject, n, s.Prefill, &made)
		found <- bytes
		return err
	})
	if err == nil {
		bytes = <-found
	}
	return bytes, err
}

// fill puts n sessions of some messages each into a fresh store, and returns the growth of the heap for each. made counts
// the operations.
func fill(ctx context.Context, subject Subject, n, messages int, made *atomic.Int64) (bytes float64, err error) {
	store, err := subject.Strategy.Open(subject.Params)
	if err != nil {
		return 0, err
	}
	defer store.Close()
	chat := manager.NewChatbot(store).User()
	before, begin := liveHeap(), time.Now()
	for i := range n {
		if i >= footprintMin && i%footprintMin == 0 && time.Since(begin) > footprintTime {
			n = i
			break
		}
		if i%1024 == 0 && ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		id, err := chat.CreateSession(ctx)
		made.Add(1)
		for range messages {
			if err == nil {
				_, err = chat.AddMessage(ctx, id, "user", "")
				made.Add(1)
			}
		}
		if err != nil {
			return 0, err
		}
	}
	after := liveHeap()
	runtime.KeepAlive(store)
	return max(0, float64(after)-float64(before)) / float64(n), nil
}

// liveHeap is the number of bytes of reachable objects.
func liveHeap() uint64 {
	runtime.GC()
	runtime.GC() // what pools kept through the first goes with the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
