package runner

import (
	"context"
	"sync/atomic"
	"time"
)

// TimeSlices is how the trial of a [Sample] shares the machine with those of other processes: each process has it for some
// milliseconds at a time, so that whatever slows the machine for longer slows all of them. Between two time slices the
// trial's clock stands still. It is for scenarios in which users neither work under the lock nor pause: where they wait for
// each other, the end of a time slice would drain the queue.
type TimeSlices struct {
	Length time.Duration             // of one, on the trial's clock
	Over   func(finished bool) error // called when all users rest, before the first time slice, too; finished: after the last one
	Next   func() error              // returns when the next time slice begins; after the last one: when the trial may be audited
}

// slicer starts and ends the time slices of a trial for all of its users.
type slicer struct {
	*TimeSlices
	ctx     context.Context
	phases  *phases
	stopped *atomic.Bool // the run is aborted

	busy    atomic.Int64  // users that neither rest nor have finished
	resting atomic.Int64  // users that rest
	over    atomic.Int64  // time slices that are over
	quiet   chan struct{} // gets a value when no user is busy
	away    atomic.Bool   // another process has the machine
	gate    chan struct{} // closed at the next time slice; replaced only while no user is busy
}

func newSlicer(tr *trial) *slicer {
	s := &slicer{
		TimeSlices: tr.setup.timeSlices, ctx: tr.ctx, phases: &tr.phases, stopped: &tr.end.stopped,
		quiet: make(chan struct{}, 1), gate: make(chan struct{}),
	}
	s.busy.Store(int64(len(tr.users.active)))
	return s
}

// rest waits for the next time slice, and reports whether there is one. After an abort there is none, and on nil there never is.
func (s *slicer) rest() bool {
	if s == nil || s.stopped.Load() { // after an error no time slice begins
		return false
	}
	gate := s.gate
	s.resting.Add(1)
	s.leave()
	select {
	case <-gate:
		return true
	case <-s.ctx.Done():
		return false
	}
}

// leave records that a user is no longer busy.
func (s *slicer) leave() {
	if s.busy.Add(-1) == 0 {
		s.quiet <- struct{}{}
	}
}

// run runs the users' time slices until all have finished. If it fails, it stops the users.
func (s *slicer) run() error {
	for {
		select {
		case <-s.quiet:
		case <-s.ctx.Done():
			return nil // which the users see, too
		}
		n := s.resting.Swap(0)
		if n == 0 || s.stopped.Load() || s.ctx.Err() != nil { // after an abort some users may still be busy
			return nil
		}
		stood := time.Now()
		s.over.Add(1)
		s.away.Store(true)
		err := s.yield(false)
		s.away.Store(false)
		if err != nil {
			s.stopped.Store(true)
		}
		s.phases.base = s.phases.base.Add(time.Since(stood))
		s.phases.rest = min(s.phases.now()+int64(s.Length), s.phases.until)
		gate := s.gate
		s.gate = make(chan struct{})
		s.busy.Store(n)
		close(gate)
		if err != nil {
			return err
		}
	}
}

// last yields the machine after the users have finished, and waits until the trial may be audited.
func (s *slicer) last(slicesDone <-chan error) error {
	select {
	case err := <-slicesDone:
		if err != nil {
			return err
		}
		return s.yield(true)
	case <-s.ctx.Done(): // the other process may never respond
		return context.Cause(s.ctx)
	}
}

// yield yields the machine to the other processes and waits for the next time slice.
func (t *TimeSlices) yield(finished bool) error {
	if err := t.Over(finished); err != nil {
		return err
	}
	return t.Next()
}
