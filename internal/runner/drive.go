package runner

import (
	"context"
	"errors"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/sessbench/sessbench/reports/result"
)

// window is what the process spent in the measured window.
type window struct {
	elapsed    time.Duration
	spent      usage
	goroutines int
	backlog    *backlog // of an open loop
}

// drive opens the barrier and waits until every user has finished.
func (tr *trial) drive() (window, error) {
	var (
		ready, running sync.WaitGroup
		barrier        = make(chan struct{})
		replayErrs     = make([]error, len(tr.users.active))
		phases         = &tr.phases
		visits         = int64(forever)
	)
	if n := tr.setup.scenario.Iterations; n > 0 {
		visits = int64(n)
	}
	if tr.setup.timeSlices != nil {
		tr.slices = newSlicer(tr)
	}
	for i, u := range tr.users.active {
		ready.Add(1)
		running.Go(func() {
			if tr.slices != nil {
				defer tr.slices.leave()
			}
			defer u.recovered()
			ready.Done()
			<-barrier
			switch {
			case tr.arrivals != nil:
				u.serve()
			case tr.setup.traffic != nil:
				replayErrs[i] = u.replay()
			default:
				u.runTape(visits)
			}
		})
	}
	ready.Wait()
	timed := tr.setup.timed()
	phases.from, phases.until, phases.limit = 0, forever, forever
	if timed {
		s := &tr.setup
		phases.from, phases.until = int64(s.warmup), int64(s.warmup+s.window)
	}
	if tr.setup.open() {
		tr.openArrivals(&running)
	}
	if phases.rest = phases.until; tr.slices != nil {
		phases.rest = 0
	}
	tr.openSeries()
	live := tr.newSnapshots()
	before := tr.meter.usage(true)
	if err := tr.begin(); err != nil {
		tr.end.stopped.Store(true)
		phases.base = time.Now()
		phases.rest = 0 // no user starts an operation
		close(barrier)
		running.Wait()
		return window{}, err
	}
	phases.base = time.Now()
	close(barrier)

	idle, slicesDone := make(chan struct{}), make(chan error, 1)
	go func() { running.Wait(); close(idle) }()
	if tr.slices != nil {
		go func() { slicesDone <- tr.slices.run() }()
	}
	backlogs := make(chan *backlog, 1)
	if tr.arrivals != nil {
		defer tr.endArrivals()()
		go func() { backlogs <- tr.sampleBacklog(idle) }()
	}
	stopCleaning := tr.startSweeper()
	defer context.AfterFunc(tr.ctx, tr.releaseWaits)()

	sampled := make(chan int, 1)
	go func() { sampled <- tr.sampleGoroutines(idle) }()
	err := tr.await(idle, timed, live)
	if err == nil {
		err = tr.guarded("sweep", stopCleaning)
	}
	w := window{}
	if err == nil {
		w.goroutines = <-sampled
		if tr.arrivals != nil {
			w.backlog = <-backlogs
			tr.arrivals.unserved(func(v *arrival) { tr.countUnserved(&tr.unserved, v) })
			if log, ok := tr.arrivals.visits.(*loggedVisits); ok {
				err = log.log.Err()
			}
		}
	}
	if err == nil && tr.slices != nil {
		err = tr.slices.last(slicesDone)
	}
	if err != nil {
		return w, err
	}
	if timed {
		w.spent = tr.meter.window()
		w.elapsed = tr.setup.window
		if tr.arrivals == nil {
			w.elapsed = min(w.elapsed, tr.users.lastFinish()-time.Duration(phases.from))
		}
	} else {
		w.spent = tr.meter.usage(true).since(before)
		w.elapsed = min(tr.users.lastFinish(), time.Duration(phases.until))
	}
	return w, errors.Join(append(replayErrs, context.Cause(tr.ctx))...)
}

// sampleGoroutines returns the largest number of goroutines seen until all users have finished or the run is aborted. It
// adds to the series what the process did meanwhile.
func (tr *trial) sampleGoroutines(idle <-chan struct{}) (most int) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	note := tr.noteProcess()
	defer note()
	for !tr.end.stopped.Load() {
		note()
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

// noteProcess returns a function that adds to the series the pauses of the garbage collector and the sweeps since it was last called.
func (tr *trial) noteProcess() func() {
	if tr.series == nil {
		return func() {}
	}
	var gc debug.GCStats
	debug.ReadGCStats(&gc)
	paused, swept := int64(gc.PauseTotal), int64(0)
	return func() {
		debug.ReadGCStats(&gc)
		nowPaused, nowSwept := int64(gc.PauseTotal), int64(tr.sweep.n.Load()/2)
		tr.series.note(tr.phases.now(), func(p *result.Point) {
			p.GCPauseNs += nowPaused - paused
			p.Sweeps += nowSwept - swept
		})
		paused, swept = nowPaused, nowSwept
	}
}

// await waits for the users. In a timed window they note no progress, so that the watch begins when it closes.
func (tr *trial) await(idle <-chan struct{}, timed bool, live *snapshots) error {
	if timed && tr.slices == nil && tr.awaitWindow(idle, live) {
		return nil
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

// awaitWindow waits for the end of the window, and takes snapshots meanwhile. It reports whether the users have finished before.
func (tr *trial) awaitWindow(idle <-chan struct{}, live *snapshots) bool {
	end := time.NewTimer(time.Until(tr.phases.base.Add(time.Duration(tr.phases.until))))
	defer end.Stop()
	due := live.start()
	defer live.stop()
	for {
		select {
		case <-idle:
			return true
		case <-due:
			live.next()
		case <-end.C:
			return false
		case <-tr.ctx.Done():
			return false
		}
	}
}

// releaseWaits ends every hold and pause, now and later.
func (tr *trial) releaseWaits() {
	tr.end.stopped.Store(true)
	if tr.arrivals != nil {
		tr.arrivals.closeIf(true)
	}
	if tr.meter.clock != nil {
		tr.meter.clock.Release()
	}
}

// watch watches the whole trial's progress.
func (tr *trial) watch() watch {
	return watch{
		patience: tr.setup.patience,
		progress: func() int64 {
			n := tr.made.Load()
			if tr.slices != nil {
				n += tr.slices.over.Load()
			}
			for _, u := range tr.users.all() {
				n += u.progress.Load()
			}
			return n
		},
		away: func() bool { return tr.slices != nil && tr.slices.away.Load() },
	}
}
