package runner

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"
)

// window is what the process spent in the measured window.
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
	if tr.timeSlices != nil {
		tr.sliceGate = newSliceGate(len(tr.users))
	}
	for i, u := range tr.users {
		ready.Add(1)
		running.Go(func() {
			if tr.sliceGate != nil {
				defer tr.sliceGate.leave()
			}
			defer u.recovered()
			ready.Done()
			<-barrier
			if tr.traffic != nil {
				replayErrs[i] = u.replay(tr.speed)
			} else {
				u.runTape(visits)
			}
		})
	}
	ready.Wait()
	timed := tr.timed()
	tr.from, tr.until = 0, forever
	if timed {
		tr.from, tr.until = int64(tr.warmup), int64(tr.warmup+tr.window)
	}
	if tr.pause = tr.until; tr.sliceGate != nil {
		tr.pause = 0
	}
	before := tr.usage(true)
	if err := tr.begin(); err != nil {
		tr.stopped.Store(true)
		tr.base = time.Now()
		tr.pause = 0 // no user starts an operation
		close(barrier)
		running.Wait()
		return window{}, err
	}
	tr.base = time.Now()
	close(barrier)

	idle, slicesDone := make(chan struct{}), make(chan error, 1)
	go func() { running.Wait(); close(idle) }()
	if tr.sliceGate != nil {
		go func() { slicesDone <- tr.runSlices() }()
	}
	stopCleaning := tr.startSweeper()
	defer context.AfterFunc(tr.ctx, tr.releaseWaits)()

	sampled := make(chan int, 1)
	go func() { sampled <- tr.sampleGoroutines(idle) }()
	err := tr.await(idle, timed)
	if err == nil {
		err = guarded(tr.ctx, tr.watch(), "sweep", stopCleaning)
	}
	w := window{}
	if err == nil {
		w.goroutines = <-sampled
	}
	if err == nil && tr.sliceGate != nil {
		err = tr.lastSlice(slicesDone)
	}
	if err != nil {
		return w, err
	}
	if timed {
		tr.closed.read(tr) // if all users finished before the end
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

// sampleGoroutines returns the largest number of goroutines seen until all users have finished or the run is aborted.
func (tr *trial) sampleGoroutines(idle <-chan struct{}) (most int) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !tr.stopped.Load() {
		most = max(most, runtime.NumGoroutine())
		select {
		case <-tick.C:
		case <-idle:
			return most
		case <-tr.ctx.Done():
			return most
		}
	}
	return most
}

// await waits for the users. In a timed window they note no progress, so that the watch begins when it closes.
func (tr *trial) await(idle <-chan struct{}, timed bool) error {
	if timed && tr.sliceGate == nil {
		end := time.NewTimer(time.Until(tr.base.Add(time.Duration(tr.until))))
		defer end.Stop()
		select {
		case <-idle:
			return nil
		case <-end.C:
		case <-tr.ctx.Done():
		}
	}
	err := tr.watch().await(tr.ctx, idle)
	switch {
	case err == nil:
		return nil
	case tr.ctx.Err() == nil:
		tr.releaseWaits()
		return err
	}
	// After an abort waits return at once and holds are no-ops, so that users who are not stuck finish soon.
	select {
	case <-idle:
		return nil
	case <-time.After(grace):
		return errors.Join(err, errLeft)
	}
}

// releaseWaits ends every hold and pause, now and later.
func (tr *trial) releaseWaits() {
	tr.stopped.Store(true)
	if tr.clock != nil {
		tr.clock.Release()
	}
}

// watch watches the whole trial's progress.
func (tr *trial) watch() watch {
	return watch{
		patience: tr.patience,
		progress: func() int64 {
			n := tr.made.Load() + tr.slicesOver.Load()
			for _, u := range tr.allUsers() {
				if u != nil { // the sweeper is nil before the users are made
					n += u.progress.Load()
				}
			}
			return n
		},
		away: func() bool { return tr.sliceGate != nil && tr.sliceGate.away.Load() },
	}
}

func (tr *trial) lastFinish() time.Duration {
	last := int64(0)
	for _, u := range tr.users {
		last = max(last, u.finished)
	}
	return time.Duration(last)
}

// sleep waits for d or until the run is aborted.
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
