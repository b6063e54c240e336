package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"time"

	"github.com/sessbench/sessbench/internal/child"
	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/scenarios"
)

// Callbacks receive a child's progress, on the goroutine that called [RunChild].
type Callbacks struct {
	Step func(Step)                 // after each round
	Slow func(atMost time.Duration) // once, if the child does not stop soon after the end of ctx
}

// ChildError is the error that a child sent in place of a report.
type ChildError struct {
	Text        string
	Unsupported bool // it is a [scenarios.ErrUnsupported]
}

func (e *ChildError) Error() string { return e.Text }

// Is makes the error a [scenarios.ErrUnsupported] if the child's error was one.
func (e *ChildError) Is(target error) bool {
	return e.Unsupported && target == scenarios.ErrUnsupported
}

// RunChild starts this program again as a child process, has it perform the task and returns its report. There [ServeChild]
// must be called. A store that crashes its process, or keeps it from ending, is reported as violated; a child that could not
// answer is an error. When ctx ends the child is stopped: the report then holds what it had found by then, or the error is
// ctx's if the child sent none.
func RunChild(ctx context.Context, t Task, callbacks Callbacks) (*Report, error) {
	start := time.Now()
	s, err := startChild(t)
	if err != nil {
		return nil, err
	}
	s.follow(ctx, callbacks)
	report, err := s.outcome(ctx)
	if report != nil {
		for _, v := range s.found { // which a report of the supervisor does not hold
			report.Add(v)
		}
		if report.ElapsedNs == 0 {
			report.ElapsedNs = int64(time.Since(start))
		}
	}
	return report, err
}

// supervisor follows a child process.
type supervisor struct {
	process  *child.Process
	task     Task
	messages <-chan message // closed when there are no more

	state  childState
	timeUp <-chan time.Time // when the state has lasted too long

	found  []*history.Violation
	last   message // the report or the error; empty until it is received
	rounds int     // completed
	late   bool    // the child was stopped because it did not end in time
}

// childState is the progress of a child as its supervisor sees it.
type childState int

const (
	running  childState = iota // it performs its task
	stopping                   // ctx has ended: the child is to send its report
	answered                   // it is to exit
	aborted                    // it did not end in time and was sent SIGQUIT, which prints its stacks and ends it
	killed
)

// gracePeriod is how long a child may take to print its stacks and to exit.
const gracePeriod = 5 * time.Second

// slowAfter is how long after the end of ctx Callbacks.Slow is called.
const slowAfter = 500 * time.Millisecond

func startChild(t Task) (*supervisor, error) {
	cmd, err := child.Self()
	if err != nil {
		return nil, err
	}
	messages := make(chan message)
	s := &supervisor{task: t, messages: messages}
	s.process, err = child.Start(cmd, child.Options{
		Answers: ChildVariable,
		Output:  func(r io.Reader) { child.Messages(r, messages, unreadable) },
	})
	if err != nil {
		return nil, err
	}
	_ = json.NewEncoder(s.process.Input).Encode(t) // fails if the process has ended already; its state tells more
	return s, nil
}

func unreadable(err error) message {
	return message{Error: fmt.Sprintf("the verifying process sent an answer that cannot be read: %v", err)}
}

// enter enters a state that may last for the given time.
func (s *supervisor) enter(state childState, atMost time.Duration) {
	s.state, s.timeUp = state, time.After(atMost)
}

// follow receives messages until the process has ended, and stops it if it does not end in time.
func (s *supervisor) follow(ctx context.Context, callbacks Callbacks) {
	messages, exited, ended, slow := s.messages, s.process.Exited(), ctx.Done(), (<-chan time.Time)(nil)
	for s.enter(running, s.task.limit()); messages != nil || exited != nil; {
		select {
		case m, more := <-messages:
			if more {
				s.receive(m, callbacks)
			} else {
				messages = nil
			}
		case <-ended:
			ended = nil
			if s.state == running {
				s.process.Input.Close()
				s.enter(stopping, s.task.stopLimit()+gracePeriod)
				slow = time.After(slowAfter)
			}
		case <-slow:
			if s.state == stopping {
				callbacks.Slow(s.task.stopLimit())
			}
		case <-exited:
			exited = nil
		case <-s.timeUp:
			s.stop()
		}
	}
	s.process.Input.Close()
}

// receive handles one message. A report that comes after the child was aborted is too late.
func (s *supervisor) receive(m message, callbacks Callbacks) {
	switch {
	case m.Found != nil:
		s.found = append(s.found, m.Found)
	case m.Step != nil:
		s.rounds = m.Step.Round
		callbacks.Step(*m.Step)
	default:
		if m == (message{}) {
			m = unreadable(errors.New("empty message"))
		}
		s.last = m
		if s.state == running || s.state == stopping {
			s.enter(answered, s.task.stopLimit())
		}
	}
}

// stop ends a process whose state has lasted too long.
func (s *supervisor) stop() {
	if s.state == running {
		s.late = true
		_ = s.process.Signal(syscall.SIGQUIT) // fails on systems without signals; then the process is killed
		s.enter(aborted, gracePeriod)
		return
	}
	s.timeUp = nil
	s.state = killed
	go s.process.Kill() // returns when everything that the process wrote was received
}

// outcome is the report or the error of a child that has ended.
func (s *supervisor) outcome(ctx context.Context) (*Report, error) {
	report, stderr, state := s.last.Report, s.process.Stderr(), s.process.State()
	switch {
	case s.last.Error != "":
		return nil, &ChildError{s.last.Error, s.last.Unsupported}
	case s.late:
		return s.task.late(stderr, s.rounds), nil
	case report == nil && state.ExitCode() == child.ExitNoAnswer:
		return nil, fmt.Errorf("the verifying process could not answer: %s", child.Complaint(stderr))
	case report == nil && ctx.Err() != nil:
		return nil, ctx.Err()
	case report == nil:
		return s.task.crashed(state, stderr, s.rounds), nil
	}
	if report.Violation != nil {
		report.Violation.Full = s.last.Full
	} else if race := raceIn(stderr, child.RaceDetector); race != "" {
		v := history.NewViolation(history.Crash, racing)
		v.Seed, v.Stacks = s.task.Config.Seed, race
		report.Add(v)
	}
	return report, nil
}

const (
	raceBanner = "WARNING: DATA RACE"
	racing     = "the race detector reported two goroutines that access the same memory, one of them writing"
)

// crashReport returns the line of stderr that says why a Go program ended, and the excerpt from there on.
func crashReport(stderr string, detector bool) (why, stacks string) {
	if at := child.CrashLine(stderr); at >= 0 {
		why, _, _ = strings.Cut(stderr[at:], "\n")
		return strings.TrimSpace(why), child.Excerpt(stderr[at:])
	}
	if race := raceIn(stderr, detector); race != "" {
		return racing, race
	}
	return "", child.Excerpt(stderr)
}

// raceIn returns the first report of the race detector in stderr; "" if there is none or the program runs without it.
func raceIn(stderr string, detector bool) string {
	if at := strings.Index("\n"+stderr, "\n"+raceBanner); detector && at >= 0 {
		return child.Excerpt(stderr[at:])
	}
	return ""
}
