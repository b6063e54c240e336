// Package child starts and supervises child processes.
//
// A child leads a process group: Ctrl-C at the terminal does not reach it, and the processes that it starts are killed
// with it. It ends with its parent: on Linux the kernel kills it, however the parent ends; elsewhere the child is expected
// to end at the end of its stdin.
package child

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"
)

// Options are the destinations of a child's output. The zero value keeps both ends of stderr and discards stdout.
type Options struct {
	// Output reads the child's stdout, or its answers, on a separate goroutine. What it leaves unread is discarded.
	Output func(io.Reader)

	// Answers, if not empty, is an environment variable that names the descriptor that the child writes answers to; see
	// the function [Answers]. The child's stdout then goes where its stderr goes, so that nothing else that it prints can
	// be mistaken for an answer. Where the system has no extra descriptors, answers go to stdout.
	Answers string

	// Stderr receives the child's stderr as it is written, on one goroutine; nil: nothing does.
	Stderr io.Writer

	// Tail is the number of bytes kept of the beginning of stderr, and again of its end; 0: 256 KiB.
	Tail int
}

// DrainLimit is how long reading the rest of a dead child's output may take. All of it is there at once, unless a process
// that has left the child's group holds the pipes.
const DrainLimit = time.Second

// Process is a child that runs or has ended. Its methods may be called from several goroutines.
type Process struct {
	Input *os.File // the child's stdin

	cmd    *exec.Cmd
	output *os.File
	stderr *os.File
	tail   *tail

	ended   chan struct{} // closed when the process has ended; what follows is set then
	err     error
	endedAt time.Time

	exited chan struct{} // closed when its group has ended and its output was read
}

// Start starts cmd, whose Path, Args, Env, Dir and ExtraFiles the caller sets. The caller ends the process with Stop or
// Kill, or waits for Exited and closes Input.
func Start(cmd *exec.Cmd, o Options) (*Process, error) {
	p := &Process{
		cmd: cmd, tail: &tail{size: cmp.Or(o.Tail, 256<<10)}, ended: make(chan struct{}), exited: make(chan struct{}),
	}
	theirs, err := p.pipes(o)
	if err == nil {
		cmd.SysProcAttr = groupLeader()
		err = p.start(o)
	}
	closeAll(theirs...)
	if err != nil {
		closeAll(p.Input, p.output, p.stderr)
		return nil, err
	}
	return p, nil
}

// pipes makes the pipes to the child and returns the child's ends. They are files, so that [exec.Cmd.Wait] does not wait
// for processes that hold copies of them.
func (p *Process) pipes(o Options) (theirs []*os.File, err error) {
	pipe := func() (r, w *os.File) {
		if err == nil {
			r, w, err = os.Pipe()
		}
		return r, w
	}
	stdin, input := pipe()
	output, stdout := pipe()
	errors, stderr := pipe()
	p.Input, p.output, p.stderr = input, output, errors
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = stdin, stdout, stderr
	if err == nil && o.Answers != "" {
		answerOn(p.cmd, stdout, o.Answers)
	}
	return []*os.File{stdin, stdout, stderr}, err
}

// start starts the process on a thread that lasts as long as the process: on Linux the process dies with that thread.
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

// follow reads the process's output until it has ended, and kills the rest of its group.
func (p *Process) follow(o Options) {
	defer close(p.exited)
	var reading sync.WaitGroup
	reading.Go(func() {
		var to io.Writer = p.tail
		if o.Stderr != nil {
			to = io.MultiWriter(p.tail, o.Stderr)
		}
		_, _ = io.Copy(to, p.stderr)         // fails when it is closed because another process holds the other end,
		_, _ = io.Copy(io.Discard, p.stderr) // and when o.Stderr fails, which must not block the child
	})
	reading.Go(func() {
		if o.Output != nil {
			o.Output(p.output)
		}
		_, _ = io.Copy(io.Discard, p.output)
	})
	p.err = p.cmd.Wait()
	p.endedAt = time.Now()
	close(p.ended)
	_ = killGroup(p.cmd.Process)
	late := time.AfterFunc(DrainLimit, func() { closeAll(p.output, p.stderr) })
	reading.Wait()
	late.Stop()
	closeAll(p.output, p.stderr)
}

// Ended is closed when the process itself has ended. Its output may not have been read yet.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Exited is closed when the process and its group have ended and all they wrote was read.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// State is how the process ended; nil until Ended is closed.
func (p *Process) State() *os.ProcessState {
	select {
	case <-p.ended:
		return p.cmd.ProcessState
	default:
		return nil
	}
}

// Err is how the process ended, as [exec.Cmd.Wait] returns it: nil for exit status 0. It waits for Ended.
func (p *Process) Err() error {
	<-p.ended
	return p.err
}

// EndedAt is when the process ended. It waits for Ended.
func (p *Process) EndedAt() time.Time {
	<-p.ended
	return p.endedAt
}

// Pid is the number of the process, which is also that of its group.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Stderr is the beginning and the end of what the process has written to stderr so far.
func (p *Process) Stderr() string { return p.tail.String() }

// Signal sends a signal to the process alone.
func (p *Process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// Stop closes the process's stdin, at which it is expected to end, and waits until it has exited. It returns an error where
// the process had to be killed after the grace period.
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

// Kill kills the process and its group, and waits until they have exited. It may be called again. A process that waits for
// stdin is killed before stdin ends, so that its State says that it was killed.
func (p *Process) Kill() {
	select {
	case <-p.exited: // its number may be another process's by now
	default:
		_ = killGroup(p.cmd.Process) // fails when it has just ended
	}
	p.Input.Close()
	<-p.exited
}

// Run runs a command that reads no stdin to its end, and returns its stdout. When ctx ends first, the command's group is
// killed and the error is ctx's cause. Where the command fails, the error holds its stderr.
func Run(ctx context.Context, cmd *exec.Cmd) (string, error) {
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	var out bytes.Buffer
	p, err := Start(cmd, Options{Output: func(r io.Reader) { _, _ = out.ReadFrom(r) }})
	if err != nil {
		return "", err
	}
	p.Input.Close()
	select {
	case <-p.exited:
	case <-ctx.Done():
		p.Kill()
		return "", context.Cause(ctx)
	}
	if err := p.Err(); err != nil {
		if text := strings.TrimSpace(p.Stderr()); text != "" {
			err = fmt.Errorf("%w: %s", err, text)
		}
		return "", err
	}
	return out.String(), nil
}

func closeAll(files ...*os.File) {
	for _, f := range files {
		if f != nil {
			f.Close()
		}
	}
}
