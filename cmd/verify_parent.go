package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"github.com/sessbench/sessbench/scenarios/verify"
)

// examine has a child carry a task out and returns its report. step is called for each finished round, on this goroutine.
// A child that dies, or that does not come to an end, has convicted its store. When ctx ends the child is told, and the
// report is what it had found by then; there is none, and ctx's error, when it could not tell.
func (a *app) examine(ctx context.Context, t task, step func(verify.Step)) (*verify.Report, error) {
	runtime.LockOSThread() // on Linux a child dies with the thread that started it
	defer runtime.UnlockOSThread()
	c, err := startChild(t)
	if err != nil {
		return nil, err
	}
	c.listen(ctx, &t, step)
	died := c.Wait()
	c.in.Close()
	report, said := c.last.Report, c.said.String()
	switch {
	case c.last.Error != "":
		return nil, errors.New(c.last.Error)
	case c.hung:
		return t.hang(said, c.rounds), nil
	case report == nil && ctx.Err() != nil:
		return nil, ctx.Err()
	case report == nil:
		return t.crashed(died, said, c.rounds), nil
	}
	if report.Violation != nil {
		report.Violation.Full = c.last.Full
	} else if race := raceIn(said); race != "" {
		report.Verdict = verify.Violated
		report.Violation = t.crash(racing, race, 0).Violation
	}
	return report, nil
}

// child is a running child, and what it answered.
type child struct {
	*exec.Cmd
	in       io.WriteCloser
	messages <-chan message // closed when it has nothing more to say
	said     *ends          // on stderr

	last   message // the report or the error, empty until it is there
	rounds int     // finished
	hung   bool    // it was stopped, because it did not come to an end
}

func startChild(t task) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{Cmd: exec.Command(self), said: &ends{}}
	c.Args = os.Args // [Main]'s callers may look at them, and the first can decide what the program is
	c.Env = append(os.Environ(), childEnv+"=1")
	c.Stderr = c.said
	c.SysProcAttr = apart()
	c.WaitDelay = lastWords // for what it started that outlives it and holds its stderr
	if c.in, err = c.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	messages := make(chan message)
	c.messages = messages
	go receive(out, messages)
	_ = json.NewEncoder(c.in).Encode(t) // errs when it is gone already, of which Wait tells more
	return c, nil
}

// receive sends on what a child says until it has nothing more to say.
func receive(from io.Reader, messages chan<- message) {
	defer close(messages)
	for lines := json.NewDecoder(from); ; {
		var m message
		err := lines.Decode(&m)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, os.ErrClosed):
			return // it is gone, of which Wait tells more
		case err != nil:
			m = message{Error: fmt.Sprintf("its process gave an answer that cannot be read: %v", err)}
		}
		messages <- m
		if err != nil {
			return
		}
	}
}

// lastWords is how long a child may take for whatever it is to do at once: to print its stacks, to be gone.
const lastWords = 5 * time.Second

// listen takes what the child says until it has nothing more to say. It tells the child when ctx ends, and stops it
// when its time is up.
func (c *child) listen(ctx context.Context, t *task, step func(verify.Step)) {
	told, late, end := ctx.Done(), time.After(t.limit()), (<-chan time.Time)(nil)
	killed := false
	for open := true; open; {
		select {
		case m, more := <-c.messages:
			switch open = more; {
			case m.Step != nil:
				c.rounds = m.Step.Round
				step(*m.Step)
			case more:
				c.last, told, late, end = m, nil, nil, time.After(t.grace())
			}
		case <-told:
			c.in.Close()
			told, late, end = nil, nil, time.After(t.grace()+lastWords)
		case <-late:
			c.hung = true
			_ = c.Process.Signal(syscall.SIGQUIT) // a Go program's last words are then its stacks
			told, late, end = nil, nil, time.After(lastWords)
		case <-end:
			_ = c.Process.Kill()                       // errs when it has ended already
			open, end = !killed, time.After(lastWords) // what it started may hold its stdout
			killed = true
		}
	}
}
