package runner

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"
)

// window is what was read off the process at both ends of the measured window.
type window struct {
	elapsed    time.Duration
	spent      usage
	goroutines int
}

// drive opens the barrier and waits until every user has finished.
func (tr *trial) drive() (window, error) {
	var (
		ready, running sync.WaitGroup
		barrier        = make(chan struct{})
		replayErrs     = make([]error, len(tr.users))
		visits         = int64(forever)
	)
	if n := tr.scenario.Iterations; n > 0 {
		visits = int64(n)
	}
	if tr.take != nil {
		tr.turns = newTurns(len(tr.users))
	}
	for i, u := range tr.users {
		ready.Add(1)
		running.Go(func() {
			if tr.turns != nil {
				defer tr.turns.leave()
			}
			defer u.recovered()
			ready.Done()
			<-barrier
			if tr.traffic != nil {
				replayErrs[i] = u.replay(tr.speed)
			} else {
				u.walk(visits)
			}
		})
	}
	ready.Wait()
	timed := tr.timed()
	tr.from, tr.until = 0, forever
	if timed {
		tr.from, tr.until = int64(tr.warmup), int64(tr.warmup+tr.window)
	}
	if tr.pause = tr.until; tr.turns != nil {
		tr.pause = 0
	}
	before := tr.usage(true)
	if err := tr.begin(); err != nil {
		tr.stopped.Store(true)
		tr.base = time.Now()
		tr.pause = 0 // nobody does anything
		close(barrier)
		running.Wait()
		return window{}, err
	}
	tr.base = time.Now()
	close(barrier)

	idle, conducted := make(chan struct{}), make(chan error, 1)
	go func() { running.Wait(); close(idle) }()
	if tr.turns != nil {
		go func() { conducted <- tr.conduct() }()
	}
	stopCleaning := tr.startJanitor()
	defer context.AfterFunc(tr.ctx, func() { tr.stopped.Store(true) })()

	w := window{goroutines: tr.watch(idle, timed)}
	err := tr.await(idle, timed)
	if err == nil {
		err = guarded(tr.ctx, tr.ample(1), "sweep", stopCleaning)
	}
	if err == nil && tr.turns != nil {
		err = tr.lastTurn(conducted)
	}
	if err != nil {
		return w, err
	}
	if timed {
		tr.closed.read(tr) // if everybody was done before the end
		if tr.opened.taken.Load() {
			w.spent = tr.closed.usage.since(tr.opened.usage)
		}
		w.elapsed = min(tr.window, tr.lastFinish()-time.Duration(tr.from))
	} else {
		w.spent = tr.usage(true).since(before)
		w.elapsed = tr.lastFinish()
	}
	return w, errors.Join(append(replayErrs, context.Cause(tr.ctx))...)
}

// watch waits until the window closes or all users are back, and returns the largest number of goroutines seen.
func (tr *trial) watch(idle <-chan struct{}, timed bool) (most int) {
	d := tr.longest(timed)
	if timed && tr.turns == nil {
		d = time.Until(tr.base.Add(time.Duration(tr.until)))
	}
	end := time.NewTimer(d)
	defer end.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		most = max(most, runtime.NumGoroutine())
		select {
		case <-tick.C:
		case <-end.C:
			return most
		case <-idle:
			return most
		case <-tr.ctx.Done():
			return most
		}
	}
}

// await waits for the users, but not for ever: the longest queue a right store can have is everybody's work in a row.
func (tr *trial) await(idle <-chan struct{}, timed bool) error {
	limit := time.NewTimer(tr.longest(timed))
	defer limit.Stop()
	for waiting := true; waiting; {
		select {
		case <-idle:
			return nil
		case <-tr.ctx.Done():
			waiting = false
		case <-limit.C:
			if tr.turns == nil || !tr.turns.away.Load() {
				tr.stopped.Store(true)
				return errHang
			}
			limit.Reset(tr.longest(timed)) // it is another process that takes its time
		}
	}
	// Given up: nobody works under a lock any more, so whoever can still move is back in a moment.
	select {
	case <-idle:
		return nil
	case <-time.After(grace + tr.scenario.Hold):
		return errors.Join(context.Cause(tr.ctx), errLeft)
	}
}

// longest is how long the users may take: ample for everybody's work in a row, the longest queue a right store can have,
// and for what the operations cost.
func (tr *trial) longest(timed bool) time.Duration {
	s := tr.scenario
	ops, work := float64(s.Users), float64(s.Users)*float64(s.Hold) // one operation each, after the window
	switch {
	case timed:
		work += float64(tr.warmup + tr.window)
	case tr.traffic != nil:
		c := tr.traffic.Counts()
		ops = float64(c.Total())
		work = float64(c.Updates) * float64(s.Hold)
		if tr.speed > 0 {
			work += float64(c.Span) / tr.speed
		}
	default:
		ops *= float64(s.Iterations) * float64(max(1, len(s.Visit)))
		work = ops*float64(s.Hold) + float64(s.Iterations)*float64(s.Think)
	}
	return tr.patience + time.Duration(min(4*work+ops*float64(tr.slow()), float64(forever/2)))
}

func (tr *trial) lastFinish() time.Duration {
	last := int64(0)
	for _, u := range tr.users {
		last = max(last, u.finished)
	}
	return time.Duration(last)
}

// sleep waits for d or until the run is given up.
func (tr *trial) sleep(d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-tr.ctx.Done():
	}
}

// hold is the work under the lock. Once the run is given up nobody works any more, so that a queue drains at once.
func (tr *trial) hold() {
	if !tr.stopped.Load() {
		tr.work()
	}
}
