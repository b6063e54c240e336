package runner

import (
	"context"
	"sync/atomic"
	"time"
)

// TimeSlices is how the trial of a [Sample] shares the machine with those of other processes: each process has it for some
// milliseconds at a time, so that whatever slows the machine for longer slows all of them. Between two time slices the
// trial's clock stands still. It is for scenarios in which users neither work under the lock nor think: where they wait for
// each other, the end of a time slice would drain the queue.
type TimeSlices struct {
	Length time.Duration             // of one, on the trial's clock
	Over   func(finished bool) error // called when all users rest, before the first time slice, too; finished: after the last one
	Next   func() error              // returns when the next time slice begins; after the last one: when the trial may be audited
}

// slicer starts and ends the time slices of a trial for all of its users.
type slicer struct {
	*TimeSlices
	busy    atomic.Int64  // users that neither rest nor have finished
	resting atomic.Int64  // users that rest
	over    atomic.Int64  // time slices that are over
	quiet   chan struct{} // gets a value when no user is busy
	away    atomic.Bool   // another process has the machine
	gate    chan struct{} // closed at the next time slice; replaced only while no user is busy
}

func newSlicer(of *TimeSlices, users int) *slicer {
	s := &slicer{TimeSlices: of, quiet: make(chan struct{}, 1), gate: make(chan struct{})}
	s.busy.Store(int64(users))
	return s
}

// rest waits for the next time slice, and reports whether there is one. After an abort there is none.
func (tr *trial) rest() bool {
	s := tr.slices
	if s == nil || tr.end.stopped.Load() { // after an error no time slice begins
		return false
	}
	gate := s.gate
	s.resting.Add(1)
	s.leave()
	select {
	case <-gate:
		return true
	case <-tr.ctx.Done():
		return false
	}
}

// leave records that a user is no longer busy.
func (s *slicer) leave() {
	if s.busy.Add(-1) == 0 {
		s.quiet <- struct{}{}
	}
}

// runSlices runs the users' time slices until all have finished. If it fails, it stops the users.
func (tr *trial) runSlices() error {
	s, phases := tr.slices, &tr.phases
	for {
		select {
		case <-s.quiet:
		case <-tr.ctx.Done():
			return nil // which the users see, too
		}
		n := s.resting.Swap(0)
		if n == 0 || tr.end.stopped.Load() || tr.ctx.Err() != nil { // after an abort some users may still be busy
			return nil
		}
		stood := time.Now()
		s.over.Add(1)
		s.away.Store(true)
		err := s.yield(false)
		s.away.Store(false)
		if err != nil {
			tr.end.stopped.Store(true)
		}
		phases.base = phases.base.Add(time.Since(stood))
		phases.pause = min(phases.now()+int64(s.Length), phases.until)
		gate := s.gate
		s.gate = make(chan struct{})
		s.busy.Store(n)
		close(gate)
		if err != nil {
			return err
		}
	}
}

// lastSlice yields the machine after the users have finished, and waits until the trial may be audited.
func (tr *trial) lastSlice(slicesDone <-chan error) error {
	select {
	case err := <-slicesDone:
		if err != nil {
			return err
		}
		return tr.slices.yield(true)
	case <-tr.ctx.Done(): // the other process may never respond
		return context.Cause(tr.ctx)
	}
}

// yield yields the machine to the other processes and waits for the next time slice.
func (t *TimeSlices) yield(finished bool) error {
	if err := t.Over(finished); err != nil {
		return err
	}
	return t.Next()
}
