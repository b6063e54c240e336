// Package child starts and supervises child processes.
//
// A child leads a process group of its own: a Ctrl-C at the terminal does not reach it, and whatever it starts is ended
// with it. It ends with its parent, too: on Linux it dies with it, whatever ends the parent; elsewhere it sees the end of
// its stdin.
package child

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"
)

// Options says what happens to what a child writes. The zero value keeps the ends of stderr and discards stdout.
type Options struct {
	// Output reads what the child writes to its stdout, or its answers, on a goroutine of its own. What it leaves
	// unread is discarded.
	Output func(io.Reader)

	// Answers, if not empty, is an environment variable that tells the child where to write its answers; see [Answers].
	// They have a descriptor of their own where the system allows it, and the child's stdout goes where its stderr goes:
	// what else it prints is no answer.
	Answers string

	// Stderr receives what the child writes to its stderr, as it comes, on one goroutine; nil: it is discarded.
	Stderr io.Writer

	// Tail is the number of bytes that are kept of the beginning and, again, of the end of stderr; 0: 256 KiB.
	Tail int
}

// drainLimit is how long reading the rest of a dead child's output may take. It is at hand at once, unless a process that
// left the child's group holds the pipes.
const drainLimit = time.Second

// Process is a running child, or one that has ended. Its methods may be called from several goroutines.
type Process struct {
	Input *os.File // the child's stdin

	cmd    *exec.Cmd
	output *os.File
	stderr *os.File
	tail   *ends
	exited chan struct{}
}

// Start starts cmd, whose Path, Args, Env, Dir and ExtraFiles are the caller's to set. The caller ends the process with Stop
// or Kill, or waits for Exited and closes Input.
func Start(cmd *exec.Cmd, o Options) (*Process, error) {
	p := &Process{cmd: cmd, tail: &ends{size: cmp.Or(o.Tail, 256<<10)}, exited: make(chan struct{})}
	theirs, err := p.pipes(o)
	if err == nil {
		cmd.SysProcAttr = Apart()
		err = p.start(o)
	}
	closeAll(theirs...)
	if err != nil {
		closeAll(p.Input, p.output, p.stderr)
		return nil, err
	}
	return p, nil
}

// pipes makes the pipes to the child and returns its ends. They are files, so that [exec.Cmd.Wait] does not wait for
// processes that hold copies of them.
func (p *Process) pipes(o Options) (theirs []*os.File, err error) {
	stdin, ours, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p.Input, p.cmd.Stdin, theirs = ours, stdin, append(theirs, stdin)
	ours, output, err := os.Pipe()
	if err != nil {
		return theirs, err
	}
	p.output, theirs = ours, append(theirs, output)
	ours, stderr, err := os.Pipe()
	if err != nil {
		return theirs, err
	}
	p.stderr, p.cmd.Stdout, p.cmd.Stderr, theirs = ours, output, stderr, append(theirs, stderr)
	if o.Answers != "" {
		answerOn(p.cmd, output, o.Answers)
	}
	return theirs, nil
}

// start starts the process on a thread that lasts as long as the process does: on Linux it dies with that thread.
func (p *Process) start(o Options) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.follow(o)
		}
	}()
	return <-started
}

// follow reads what the process writes until it has ended, and ends what is left of its group.
func (p *Process) follow(o Options) {
	defer close(p.exited)
	var reading sync.WaitGroup
	reading.Go(func() {
		var to io.Writer = p.tail
		if o.Stderr != nil {
			to = io.MultiWriter(p.tail, o.Stderr)
		}
		_, _ = io.Copy(to, p.stderr)         // fails when it is closed because another process holds the other end,
		_, _ = io.Copy(io.Discard, p.stderr) // and when o.Stderr fails, which is not to block the child
	})
	reading.Go(func() {
		if o.Output != nil {
			o.Output(p.output)
		}
		_, _ = io.Copy(io.Discard, p.output)
	})
	_ = p.cmd.Wait() // how it ended is in its state
	_ = EndGroup(p.cmd.Process)
	late := time.AfterFunc(drainLimit, func() { closeAll(p.output, p.stderr) })
	reading.Wait()
	late.Stop()
	closeAll(p.output, p.stderr)
}

// Exited is closed when the process and its group have ended and everything they wrote was read.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// State is how the process ended; nil until Exited is closed.
func (p *Process) State() *os.ProcessState {
	select {
	case <-p.exited:
		return p.cmd.ProcessState
	default:
		return nil
	}
}

// Stderr is the beginning and the end of what the process wrote there so far.
func (p *Process) Stderr() string { return p.tail.String() }

// Signal sends a signal to the process alone.
func (p *Process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// Stop ends the process's stdin, which tells it to end, and waits until it is gone. The error is that it had to be killed
// because it was still there after the grace period.
func (p *Process) Stop(grace time.Duration) error {
	p.Input.Close()
	late := time.NewTimer(grace)
	defer late.Stop()
	select {
	case <-p.exited:
		return nil
	case <-late.C:
		p.Kill()
		return fmt.Errorf("did not end within %v of the end of its stdin, and was killed", grace)
	}
}

// Kill kills the process and its group, and waits until they are gone. It may be called again.
func (p *Process) Kill() {
	p.Input.Close()
	select {
	case <-p.exited: // its number may be another process's by now
	default:
		_ = EndGroup(p.cmd.Process) // fails when it has just ended
		<-p.exited
	}
}

func closeAll(files ...*os.File) {
	for _, f := range files {
		if f != nil {
			f.Close()
		}
	}
}
