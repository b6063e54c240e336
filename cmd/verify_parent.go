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

	"github.com/sessbench/sessbench/internal/child"
	"github.com/sessbench/sessbench/internal/verify"
)

// hearing is whom a child's parent tells how things go, on the goroutine that called examine.
type hearing struct {
	step func(verify.Step)          // for each finished round
	slow func(atMost time.Duration) // once, when a child that was told to come to an end takes its time
}

// examine has a child carry a task out and returns its report. A child that dies, or that does not come to an end, has
// convicted its store; one that says that it could not answer has not, and is an error. When ctx ends the child is told, and
// the report is what it had found by then; there is none, and ctx's error, when it could not tell.
func (a *app) examine(ctx context.Context, t task, tell hearing) (*verify.Report, error) {
	runtime.LockOSThread() // on Linux a child dies with the thread that started it
	defer runtime.UnlockOSThread()
	start := time.Now()
	c, err := startChild(t)
	if err != nil {
		return nil, err
	}
	c.listen(ctx, tell)
	report, err := c.outcome(ctx)
	if report != nil && report.ElapsedNs == 0 { // the child did not live to tell
		report.ElapsedNs = int64(time.Since(start))
	}
	return report, err
}

// outcome is what comes of a child that is gone.
func (c *verifyingProcess) outcome(ctx context.Context) (*verify.Report, error) {
	report, err := c.verdict(ctx)
	if report != nil {
		for _, v := range c.found { // which a report of the parent's own does not hold
			report.Add(v)
		}
	}
	return report, err
}

// verdict is outcome without the violations that a child reported before it crashed.
func (c *verifyingProcess) verdict(ctx context.Context) (*verify.Report, error) {
	report, said := c.last.Report, c.said.String()
	switch {
	case c.last.Unfit:
		return nil, usagef("%s: want another target or --scenario", c.last.Error)
	case c.last.Error != "":
		return nil, errors.New(c.last.Error)
	case c.hung:
		return c.task.hang(said, c.rounds), nil
	case report == nil && gaveUp(c.died):
		return nil, fmt.Errorf("its process could not answer: %s", child.Complaint(said))
	case report == nil && ctx.Err() != nil:
		return nil, ctx.Err()
	case report == nil:
		return c.task.crashed(c.died, said, c.rounds), nil
	}
	if report.Violation != nil {
		report.Violation.Full = c.last.Full
	} else if race := raceIn(said, raceDetector); race != "" {
		report.Verdict = verify.Violated
		report.Violation = c.task.crash(racing, race, 0).Violation
	}
	return report, nil
}

// gaveUp reports whether a child ended because it could not answer, which is not its store's doing.
func gaveUp(died error) bool {
	var exit *exec.ExitError
	return errors.As(died, &exit) && exit.ExitCode() == child.ExitNoAnswer
}

// child is a running child, and what it answered.
type verifyingProcess struct {
	*exec.Cmd
	task     task
	in       io.WriteCloser
	messages <-chan message // closed when it has nothing more to say
	answers  *os.File       // where they come from
	stderr   *os.File
	heard    <-chan struct{} // closed when it has nothing more to say on stderr
	said     *ends           // on stderr; for whoever knows that heard is closed
	exited   <-chan struct{} // closed when its process has ended
	died     error           // how, for whoever knows that exited is closed

	state  childState
	timeUp <-chan time.Time // when the state has lasted too long

	found  []*verify.Violation
	last   message // the report or the error, empty until it is there
	rounds int     // finished
	hung   bool    // it was stopped, because it did not come to an end
}

// childState is how far a child has come, as its parent sees it.
type childState string

const (
	running   childState = "running"     // it verifies
	toldToEnd childState = "told to end" // ctx has ended: it is to tell what it found
	answered  childState = "answered"    // it has nothing to do but to be gone
	asked     childState = "asked"       // for its stacks, which end it: it did not come to an end
	killed    childState = "killed"      // it did not go
	gone      childState = "gone"        // its process has ended; the pipes may hold what it said last
)

// gracePeriod is how long a child may take for whatever it is to do at once: to print its stacks, to be gone.
const gracePeriod = 5 * time.Second

// drainPeriod is how long the rest may take that is in a dead child's pipes. It is at hand at once, unless a process
// that the child started left its group and holds them.
const drainPeriod = time.Second

// slowAfter is when somebody who waits for a child to end is told that it may take a while.
const slowAfter = 500 * time.Millisecond

func startChild(t task) (*verifyingProcess, error) {
	self, err := child.Executable()
	if err != nil {
		return nil, err
	}
	answers, answersIn, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer answersIn.Close()
	stderr, stderrIn, err := os.Pipe()
	if err != nil {
		answers.Close()
		return nil, err
	}
	defer stderrIn.Close()
	c := &verifyingProcess{Cmd: exec.Command(self), task: t, answers: answers, stderr: stderr, said: &ends{}}
	c.Args = os.Args    // [Main]'s callers may look at them, and the first can decide what the program is
	c.Stderr = stderrIn // a file and not a Writer, for which Wait would wait
	c.Env = append(os.Environ(), fmt.Sprintf("%s=%d", childEnv, answerOn(c, answersIn)))
	c.SysProcAttr = child.Apart()
	if c.in, err = c.StdinPipe(); err == nil {
		err = c.Start()
	}
	if err != nil {
		answers.Close()
		stderr.Close()
		return nil, err
	}
	c.follow()
	_ = json.NewEncoder(c.in).Encode(t) // errs when it is gone already, of which Wait tells more
	return c, nil
}

// follow starts what reads the child's pipes and what waits for its process: each ends on its own, for neither says anything
// about the other.
func (c *verifyingProcess) follow() {
	messages, heard, exited := make(chan message), make(chan struct{}), make(chan struct{})
	c.messages, c.heard, c.exited = messages, heard, exited
	go receive(c.answers, messages)
	go func() {
		defer close(heard)
		_, _ = io.Copy(c.said, c.stderr) // errs when it is closed because somebody else holds its other end
	}()
	go func() {
		defer close(exited)
		c.died = c.Wait()
		_ = child.EndGroup(c.Process) // what is left of it; errs when there is nobody
	}()
}

// receive sends on what a child says until it has nothing more to say.
func receive(from io.Reader, messages chan<- message) {
	defer close(messages)
	for lines := json.NewDecoder(from); ; {
		var m message
		err := lines.Decode(&m)
		if err == nil && m == (message{}) {
			err = errors.New("there is nothing in it")
		}
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

// become enters a state that may last so long.
func (c *verifyingProcess) become(s childState, atMost time.Duration) {
	c.state, c.timeUp = s, time.After(atMost)
}

// listen follows a child from state to state until its process has ended and its pipes are empty.
func (c *verifyingProcess) listen(ctx context.Context, tell hearing) {
	defer c.stderr.Close()
	defer c.answers.Close()
	messages, heard, exited, told, slow := c.messages, c.heard, c.exited, ctx.Done(), (<-chan time.Time)(nil)
	for c.become(running, c.task.limit()); messages != nil || heard != nil || exited != nil; {
		select {
		case m, more := <-messages:
			if !more {
				messages = nil
				continue
			}
			c.take(m, tell)
		case <-told:
			told = nil
			if c.state == running {
				c.in.Close()
				c.become(toldToEnd, c.task.windingUp()+gracePeriod)
				slow = time.After(slowAfter)
			}
		case <-slow:
			if c.state == toldToEnd {
				tell.slow(c.task.windingUp())
			}
		case <-exited:
			exited = nil
			c.become(gone, drainPeriod)
		case <-heard:
			heard = nil
		case <-c.timeUp:
			c.late()
		}
	}
}

// take takes a message in. What a child says that was asked for its stacks comes too late: it is a hang.
func (c *verifyingProcess) take(m message, tell hearing) {
	if m.Found != nil {
		c.found = append(c.found, m.Found)
		return
	}
	if m.Step != nil {
		c.rounds = m.Step.Round
		tell.step(*m.Step)
		return
	}
	c.last = m
	switch c.state {
	case running, toldToEnd:
		c.become(answered, c.task.windingUp())
	}
}

// late goes on to the next state when one has lasted too long.
func (c *verifyingProcess) late() {
	switch c.state {
	case running:
		c.hung = true
		_ = c.Process.Signal(syscall.SIGQUIT) // a Go program that dies of it prints its stacks; errs where there are no signals
		c.become(asked, gracePeriod)
	case toldToEnd, answered, asked:
		_ = c.Process.Kill() // errs when it has ended already
		c.become(killed, gracePeriod)
	case gone: // somebody else holds them
		c.answers.Close()
		c.stderr.Close()
	}
}
