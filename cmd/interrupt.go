package cmd

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/sessbench/sessbench/internal/outfile"
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

	settled bool // the command has ended and its error is written: a signal ends only what follows

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

// unstuck is [outfile.Unstuck] for the first signal.
func (a *app) unstuck(render func(io.Writer) error, open func(write func(io.Writer) error) error) error {
	err := outfile.Unstuck(a.signal, render, open)
	if errors.Is(err, outfile.ErrStuck) {
		a.stuck.Store(true)
	}
	return err
}
