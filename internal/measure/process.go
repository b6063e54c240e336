package measure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/sessbench/sessbench/internal/child"
	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/scenarios/trace"
)

// process is a running child, as its parent sees it.
type process struct {
	*child.Process
	replies <-chan reply // closed when there are no more
	stderr  *crashFilter
	served  []int // the subjects whose tasks it has begun, each once, the latest last
	at      int   // the scenario of the latest
}

// start starts a child. On Windows, where another build has replaced this one's file, it is that build.
func start(stderr io.Writer, tape *trace.Tape) (*process, error) {
	cmd, err := child.Self()
	if err != nil {
		return nil, err
	}
	if tape != nil {
		if file, name := tape.File(); name == "" {
			cmd.ExtraFiles = []*os.File{file}
		}
	}
	replies := make(chan reply, 1)
	p := &process{replies: replies, stderr: &crashFilter{to: stderr}}
	p.Process, err = child.Start(cmd, child.Options{
		Answers: ChildVariable,
		Stderr:  p.stderr,
		Tail:    4 << 10,
		Output:  func(r io.Reader) { child.Messages(r, replies, unreadable) },
	})
	return p, err
}

func unreadable(err error) reply {
	return reply{Failed: fmt.Sprintf("unreadable reply of the measuring process: %v", err)}
}

// send sends a request. If the process is gone, its replies have ended.
func (p *process) send(q request) { _ = json.NewEncoder(p.Input).Encode(q) }

// request makes a request that no store is involved in.
func (p *process) request(ctx context.Context, q request) (reply, error) {
	p.send(q)
	select {
	case r, more := <-p.replies:
		switch {
		case !more:
			return r, fmt.Errorf("the measuring process exited before its first task: %s", p.crashed().why)
		case r.Failed != "":
			return r, r.err()
		}
		return r, nil
	case <-ctx.Done():
		return reply{}, context.Cause(ctx)
	}
}

// perform performs a task. A crash of the process is returned in place of an outcome.
func (p *process) perform(
	ctx context.Context, t runner.Task, on runner.Callbacks,
) (runner.Outcome, *crash, error) {
	p.send(request{Task: &t})
	for {
		select {
		case r, more := <-p.replies:
			switch {
			case !more:
				return runner.Outcome{}, p.crashed(), nil
			case r.Begun:
				p.at = t.Scenario
				p.served = slices.DeleteFunc(p.served, func(i int) bool { return i == t.Subject })
				p.served = append(p.served, t.Subject)
			case r.Preparing != nil && on.Preparing != nil:
				on.Preparing(*r.Preparing)
			case r.Snapshot != nil && on.Snapshot != nil:
				on.Snapshot(*r.Snapshot)
			case r.Outcome != nil:
				p.stderr.release()
				return *r.Outcome, nil, nil
			case r.Failed != "":
				return runner.Outcome{}, nil, r.err()
			}
		case <-ctx.Done():
			p.Input.Close() // stops the task
			return runner.Outcome{}, nil, context.Cause(ctx)
		}
	}
}

// crashed returns the crash of a process whose replies have ended. Its subject is the last whose task was begun: between
// two tasks, too, the process was last used for that subject.
func (p *process) crashed() *crash {
	p.Kill()
	c := &crash{scenario: p.at, subject: -1}
	if n := len(p.served) - 1; n >= 0 {
		c.subject = p.served[n]
		c.others = slices.DeleteFunc(slices.Clone(p.served[:n]), func(i int) bool { return i < 0 })
	}
	p.stderr.end()
	c.explain(p.State(), p.stderr.report(), p.Stderr())
	if c.stack == "" {
		p.stderr.release()
	}
	return c
}

// closeLimit is how long a process may take to stop its task and to close what it has opened; closeTarget more for each
// program that it has started.
const (
	closeLimit  = 15 * time.Second
	closeTarget = 3 * time.Second
)

// close ends the process. It returns a crash that happened meanwhile, or the error of closing what the process had opened.
func (p *process) close(programs int) (*crash, error) {
	var closed *string
	read := make(chan struct{})
	go func() {
		defer close(read)
		for r := range p.replies {
			if r.Closed != nil {
				closed = r.Closed
			}
		}
	}()
	err := p.Stop(closeLimit + time.Duration(programs)*closeTarget)
	<-read
	p.stderr.end()
	switch {
	case err != nil:
		return nil, fmt.Errorf("the measuring process %w", err)
	case closed == nil && len(p.served) > 0:
		return p.crashed(), nil
	case closed == nil:
		return nil, nil
	}
	p.stderr.release()
	switch {
	case *closed != "":
		return nil, errors.New(*closed)
	case !p.State().Success(): // as the race detector ends a process in which it has found a race
		return nil, fmt.Errorf("the measuring process ended with %s", p.State())
	}
	return nil, nil
}

// err returns the error of a failed request.
func (r *reply) err() error {
	if r.Unfit {
		return unfit(r.Failed)
	}
	return errors.New(r.Failed)
}

// unfit is the text of an error that wrapped [scenarios.ErrUnsupported] in the child.
type unfit string

func (e unfit) Error() string { return string(e) }

// Unwrap returns [scenarios.ErrUnsupported].
func (unfit) Unwrap() error { return scenarios.ErrUnsupported }
