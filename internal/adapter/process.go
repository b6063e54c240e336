package adapter

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"

	"github.com/sessbench/sessbench/internal/child"
	"github.com/sessbench/sessbench/internal/openfiles"
)

// Process is a program that was started and has announced where it listens. Its methods may be called from any number of
// goroutines.
//
// It leads a process group of its own, which is ended with it, and is told to end by the end of its stdin. On Linux it dies
// with this process, whatever ends that.
type Process struct {
	Announced Announced

	cmd    *exec.Cmd
	stdin  *os.File
	stdout *os.File
	stderr *os.File
	said   *said
	first  chan firstLine // its first line on stdout, once
	died   chan struct{}  // closed when it has ended
	diedAt time.Time      // to be read when died is closed
	exited chan struct{}  // closed at most drainLimit later, when all of its group has ended and all it said was heard
	ending sync.Once
}

type firstLine struct {
	text string
	err  error
}

const (
	// startLimit is how long a program may take to announce itself: a virtual machine that first compiles it, on a busy machine.
	startLimit = time.Minute

	// endLimit is how long it may take to end after its stdin has.
	endLimit = 2 * time.Second

	// drainLimit is how long what it said last may take to arrive when it is dead. It is at hand at once, unless
	// somebody who left its group holds the pipe.
	drainLimit = time.Second
)

// Launch starts a program and waits for its announcement. Launch does not speak to it; [Start] does. Errors say what was
// expected, what came in its stead, how the program ended and what it said on stderr.
func Launch(ctx context.Context, command []string, o Options) (*Process, error) {
	p := &Process{
		cmd: exec.Command(command[0], command[1:]...), said: &said{size: o.stderr()},
		first: make(chan firstLine, 1), died: make(chan struct{}), exited: make(chan struct{}),
	}
	if err := p.start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", joinCommand(command), err)
	}
	if err := p.await(ctx, o.startLimit()); err != nil {
		p.kill()
		return nil, fmt.Errorf("start %s: %w%s", joinCommand(command), err, complaint(p.Stderr()))
	}
	return p, nil
}

// start starts the process, on a thread that is there as long as the process: on Linux it dies with it.
func (p *Process) start() error {
	pipes, err := p.pipes()
	if err != nil {
		return err
	}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		for _, f := range pipes {
			f.Close()
		}
		started <- err
		if err == nil {
			p.follow()
		}
	}()
	if err := <-started; err != nil {
		p.closePipes()
		return err
	}
	return nil
}

// pipes makes the pipes to the process and returns its ends of them. They are files, so that nobody but us waits for
// whoever else may hold them.
func (p *Process) pipes() (theirs []*os.File, err error) {
	defer func() {
		if err != nil {
			p.closePipes()
			for _, f := range theirs {
				f.Close()
			}
		}
	}()
	stdin, ours, err := os.Pipe()
	if err != nil {
		return theirs, err
	}
	p.stdin, p.cmd.Stdin, theirs = ours, stdin, append(theirs, stdin)
	ours, stdout, err := os.Pipe()
	if err != nil {
		return theirs, err
	}
	p.stdout, p.cmd.Stdout, theirs = ours, stdout, append(theirs, stdout)
	ours, stderr, err := os.Pipe()
	if err != nil {
		return theirs, err
	}
	p.stderr, p.cmd.Stderr, theirs = ours, stderr, append(theirs, stderr)
	p.cmd.SysProcAttr = child.Apart()
	return theirs, nil
}

func (p *Process) closePipes() {
	for _, f := range []*os.File{p.stdin, p.stdout, p.stderr} {
		if f != nil {
			f.Close()
		}
	}
}

// follow hears what the process says until it has ended, and ends what is left of its group.
func (p *Process) follow() {
	defer close(p.exited)
	var hearing sync.WaitGroup
	hearing.Go(func() { _, _ = io.Copy(p.said, p.stderr) }) // errs when it is closed because somebody else holds its other end
	hearing.Go(p.hear)
	_ = p.cmd.Wait() // how it ended is in its state
	p.diedAt = time.Now()
	close(p.died)
	_ = child.EndGroup(p.cmd.Process)
	late := time.AfterFunc(drainLimit, p.closePipes)
	hearing.Wait()
	late.Stop()
	p.closePipes()
}

// hear takes the first line from stdout, and lets the others go by.
func (p *Process) hear() {
	const longest = 64 << 10
	lines := bufio.NewReaderSize(p.stdout, longest)
	line, err := lines.ReadSlice('\n')
	p.first <- firstLine{string(line), err}
	_, _ = io.Copy(io.Discard, lines)
}

// await waits for the announcement.
func (p *Process) await(ctx context.Context, limit time.Duration) error {
	late := time.NewTimer(limit)
	defer late.Stop()
	select {
	case line := <-p.first:
		if errors.Is(line.err, io.EOF) && line.text == "" {
			return p.silent()
		}
		a, err := readAnnounced(line.text)
		p.Announced = a
		return err
	case <-late.C:
		return fmt.Errorf("it did not announce itself within %v: want %s as its first line on stdout", limit, announcement)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// silent says what became of a process that closed its stdout without a word.
func (p *Process) silent() error {
	select {
	case <-p.died:
		return fmt.Errorf("it ended before it announced itself: %s: want %s as its first line on stdout", p.Status(), announcement)
	case <-time.After(drainLimit):
		return fmt.Errorf("it closed its stdout before it announced itself: want %s as its first line there", announcement)
	}
}

// Dial opens a connection to where the process listens. TCP's has no delay.
func (p *Process) Dial(ctx context.Context) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, p.Announced.Network, p.Announced.Address)
}

// ownFiles is how many files a program needs open besides its connections: its streams, a listener, what its language opens.
const ownFiles = 16

// CheckOpenFiles returns an [openfiles.Error] when the process may not have so many connections open at once, where the system
// says that. Where the error is Raisable, the connections may still be possible: a process can raise its limit, and a wrapper's
// limit is not that of the server it starts.
func (p *Process) CheckOpenFiles(connections int) error {
	return openfiles.CheckProcess(p.cmd.Process.Pid, joinCommand(p.cmd.Args), connections+ownFiles)
}

// Exited is closed when the process has ended, and its group, and what they said was heard.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Status is how the process ended, as in "exit status 1" or "signal: killed"; empty while it runs.
func (p *Process) Status() string {
	select {
	case <-p.died:
		return p.cmd.ProcessState.String()
	default:
		return ""
	}
}

// Stderr is what the process said there so far: the beginning and the end.
func (p *Process) Stderr() string { return p.said.String() }

// EndInput ends the process's stdin, which is how it is told to end.
func (p *Process) EndInput() { p.stdin.Close() }

// Close tells the process to end, ends it and its group if it does not within two seconds, and returns when it is gone. It
// is idempotent. The error is that it had to be killed.
func (p *Process) Close() (err error) {
	p.ending.Do(func() {
		p.EndInput()
		late := time.NewTimer(endLimit)
		defer late.Stop()
		select {
		case <-p.exited:
		case <-late.C:
			p.kill()
			err = fmt.Errorf("%s: did not end within %v of the end of its stdin, and was killed%s",
				joinCommand(p.cmd.Args), endLimit, complaint(p.Stderr()))
		}
	})
	<-p.exited
	return err
}

func (p *Process) kill() {
	_ = child.EndGroup(p.cmd.Process) // errs when it has ended already
	<-p.exited
}
