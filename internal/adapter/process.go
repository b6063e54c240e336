package adapter

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"time"

	"github.com/sessbench/sessbench/internal/child"
	"github.com/sessbench/sessbench/internal/openfiles"
	"github.com/sessbench/sessbench/internal/shellwords"
)

// Process is a program that was started and has announced where it listens. Its methods may be called from any number of
// goroutines.
//
// It is supervised as [child] describes: it leads a process group, and is expected to end at the end of its stdin.
type Process struct {
	*child.Process
	Announced Announced

	command []string
	first   chan firstLine // its first line on stdout, once
	ending  sync.Once
}

type firstLine struct {
	text string
	err  error
}

const (
	// startLimit is how long a program may take to announce itself: a virtual machine that first compiles it, on a busy machine.
	startLimit = time.Minute

	// stderrKept is the number of bytes that are kept of the beginning of stderr, and of its end.
	stderrKept = 4 << 10

	// endLimit is how long it may take to end after its stdin has.
	endLimit = 2 * time.Second
)

// Launch starts a program and waits for its announcement. Launch does not speak to it; [Start] does. Errors say what was
// expected, what came instead, how the program ended and what it said on stderr.
func Launch(ctx context.Context, command []string, o Options) (*Process, error) {
	p := &Process{command: command, first: make(chan firstLine, 1)}
	var err error
	p.Process, err = child.Start(exec.Command(command[0], command[1:]...), child.Options{Tail: stderrKept, Output: p.readFirstLine})
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", shellwords.Join(command), err)
	}
	if err := p.await(ctx, cmp.Or(o.StartTimeout, startLimit)); err != nil {
		p.Kill()
		return nil, fmt.Errorf("start %s: %w%s", shellwords.Join(command), err, child.Quote(p.Stderr()))
	}
	return p, nil
}

// readFirstLine reads the first line from stdout. The others are discarded.
func (p *Process) readFirstLine(stdout io.Reader) {
	const longest = 64 << 10
	line, err := bufio.NewReaderSize(stdout, longest).ReadSlice('\n')
	p.first <- firstLine{string(line), err}
}

// await waits for the announcement.
func (p *Process) await(ctx context.Context, limit time.Duration) error {
	late := time.NewTimer(limit)
	defer late.Stop()
	select {
	case line := <-p.first:
		if errors.Is(line.err, io.EOF) && line.text == "" {
			return p.endedEarly()
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

// endedEarly returns why a process has closed its stdout without an announcement.
func (p *Process) endedEarly() error {
	select {
	case <-p.Ended():
		return fmt.Errorf("it ended before it announced itself: %s: want %s as its first line on stdout", p.Status(), announcement)
	case <-time.After(child.DrainLimit):
		return fmt.Errorf("it closed its stdout before it announced itself: want %s as its first line there", announcement)
	}
}

// ownFiles is how many files a program needs open besides its connections: its streams, a listener, what its language opens.
const ownFiles = 16

// CheckOpenFiles returns an [openfiles.Error] when the process may not have so many connections open at once, where the system
// says that. Where the error is Raisable, the connections may still be possible: a process can raise its limit, and a wrapper's
// limit is not that of the server it starts.
func (p *Process) CheckOpenFiles(connections int) error {
	return openfiles.CheckProcess(p.Pid(), shellwords.Join(p.command), connections+ownFiles)
}

// Status is how the process ended, as in "exit status 1" or "signal: killed"; empty while it runs.
func (p *Process) Status() string {
	if s := p.State(); s != nil {
		return s.String()
	}
	return ""
}

// Close closes the process's stdin, kills it and its group if it has not ended within two seconds, and waits until it has
// exited. It is idempotent. The error is that the process had to be killed.
func (p *Process) Close() (err error) {
	p.ending.Do(func() {
		if err = p.Stop(endLimit); err != nil {
			err = fmt.Errorf("%s: %w%s", shellwords.Join(p.command), err, child.Quote(p.Stderr()))
		}
	})
	<-p.Exited()
	return err
}
