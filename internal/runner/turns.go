package runner

import (
	"context"
	"sync/atomic"
	"time"
)

// Turns is how the trial of a [Sample] shares the machine with those of other processes: each has it to itself for some
// milliseconds at a time, so that whatever slows the machine for longer slows all of them. Between two turns the trial's clock
// stands still. It is for scenarios in which users neither work under the lock nor think: where they wait for each other,
// an end of a turn would be an end of the queue.
type Turns struct {
	Length time.Duration             // of one, on the trial's clock
	Over   func(finished bool) error // is told that everybody rests, before the first turn, too; finished: after the last one
	Next   func() error              // returns when the next turn begins; after the last one: when the trial may be audited
}

// turns is how the users of a trial take them together.
type turns struct {
	busy    atomic.Int64  // users that neither rest nor have finished
	resting atomic.Int64  // users that rest
	quiet   chan struct{} // gets a value when nobody is busy any more
	away    atomic.Bool   // another process has the machine
	gate    chan struct{} // opens with the next turn; replaced only while nobody is busy
}

func newTurns(users int) *turns {
	t := &turns{quiet: make(chan struct{}, 1), gate: make(chan struct{})}
	t.busy.Store(int64(users))
	return t
}

// rest waits for the next turn, and reports whether there is one. When the run is given up there is none.
func (tr *trial) rest() bool {
	t := tr.turns
	if t == nil {
		return false
	}
	gate := t.gate
	t.resting.Add(1)
	t.leave()
	select {
	case <-gate:
		return true
	case <-tr.ctx.Done():
		return false
	}
}

// leave notes that a user is not busy any more.
func (t *turns) leave() {
	if t.busy.Add(-1) == 0 {
		t.quiet <- struct{}{}
	}
}

// conduct gives the users their turns until all have finished. When it cannot, they are told to stop.
func (tr *trial) conduct() error {
	t := tr.turns
	for {
		select {
		case <-t.quiet:
		case <-tr.ctx.Done():
			return nil // which the users see, too
		}
		n := t.resting.Swap(0)
		if n == 0 || tr.stopped.Load() || tr.ctx.Err() != nil { // of a run that is given up some may still be busy
			return nil
		}
		stood := time.Now()
		tr.turned.Add(1)
		t.away.Store(true)
		err := tr.take.turn(false)
		t.away.Store(false)
		if err != nil {
			tr.stopped.Store(true)
		}
		tr.base = tr.base.Add(time.Since(stood))
		tr.pause = min(int64(time.Since(tr.base)+tr.take.Length), tr.until)
		gate := t.gate
		t.gate = make(chan struct{})
		t.busy.Store(n)
		close(gate)
		if err != nil {
			return err
		}
	}
}

// lastTurn gives the machine away after the users have finished, and waits until the trial may be audited.
func (tr *trial) lastTurn(conducted <-chan error) error {
	select {
	case err := <-conducted:
		if err != nil {
			return err
		}
		return tr.take.turn(true)
	case <-tr.ctx.Done(): // a word that is waited for may never come
		return context.Cause(tr.ctx)
	}
}

// turn gives the machine away and waits until it is back.
func (t *Turns) turn(finished bool) error {
	if err := t.Over(finished); err != nil {
		return err
	}
	return t.Next()
}
