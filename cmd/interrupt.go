package cmd

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// The first signal ends every command, also one that is blocked: opening a named pipe, waiting for the lock of a file, reading
// a large document. Some of these cannot be cancelled, so a command runs on a separate goroutine, which is abandoned. After
// [app.commit], when there is something to write or to clean up, the command is not abandoned.

// endingSignals returns the signals that end a run early. SIGHUP is excluded where the process was started with it ignored, as
// by nohup.
func endingSignals() []os.Signal {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}

// interruption is the state of a command that can be interrupted.
type interruption struct {
	signal <-chan struct{} // closed by the first signal
	stuck  atomic.Bool     // writing an output was abandoned

	mu        sync.Mutex // protects what follows
	committed bool
	abandoned bool
}

var errInterrupted = &exitError{exitInterrupted, errors.New("interrupted: nothing is written")}

// interruptible runs a command until it returns, or until ctx ends before the command has committed.
func (a *app) interruptible(ctx context.Context, run func() error) error {
	if ctx.Err() != nil {
		return errInterrupted
	}
	a.signal = ctx.Done()
	done := make(chan error, 1)
	go func() { done <- run() }()
	select {
	case err := <-done:
		return err
	case <-a.signal:
	}
	if a.abandon() {
		return errInterrupted
	}
	return <-done
}

func (a *app) abandon() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.abandoned = !a.committed
	return a.abandoned
}

// commit prevents the command from being abandoned. From here on it must watch its context, or use [unblocked], where it blocks.
// It fails if the command has been abandoned.
func (a *app) commit() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.abandoned {
		return errInterrupted
	}
	a.committed = true
	return nil
}

// unblocked returns the result of open, or ctx's cause if ctx ends first. Then open is abandoned.
func unblocked[T any](ctx context.Context, open func() (T, error)) (T, error) {
	type opened struct {
		it  T
		err error
	}
	done := make(chan opened, 1)
	go func() {
		it, err := open()
		done <- opened{it, err}
	}()
	select {
	case o := <-done:
		return o.it, o.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

// stuckAfter is how long the reader of an output may read nothing after a signal. A slow reader reads something.
const stuckAfter = 3 * time.Second

// unstuck renders an output and writes it with open, which may block forever on a pipe. After a signal it abandons writing when
// the reader has read nothing for stuckAfter. Rendering has no time limit.
func (a *app) unstuck(render func(io.Writer) error, open func(write func(io.Writer) error) error) error {
	var text bytes.Buffer
	if err := render(&text); err != nil {
		return err
	}
	var taken atomic.Int64
	done := make(chan error, 1)
	go func() {
		done <- open(func(w io.Writer) error {
			for piece := range slices.Chunk(text.Bytes(), 4<<10) { // small, to notice the progress of a slow reader
				if _, err := w.Write(piece); err != nil {
					return err
				}
				taken.Add(1)
			}
			return nil
		})
	}()
	select {
	case err := <-done:
		return err
	case <-a.signal:
	}
	for before := taken.Load(); ; {
		select {
		case err := <-done:
			return err
		case <-time.After(stuckAfter):
		}
		now := taken.Load()
		if now == before {
			a.stuck.Store(true)
			return errors.New("interrupted: the reader does not read")
		}
		before = now
	}
}
