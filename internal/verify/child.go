package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/metrics"
	"time"

	"github.com/sessbench/sessbench/internal/child"
	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/openfiles"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
)

// The parent writes one [Task] to the child's stdin. The child answers with a [message] for each round and for each new kind
// of violation, and a last one with the report or an error. The end of its stdin requests the report of what it has found.

// ChildVariable is the environment variable that is set in a child process; see [child.Answers].
const ChildVariable = "SESSBENCH_VERIFY_CHILD"

// message is one answer of a child. Exactly one of Found, Step, Report and Error is set.
type message struct {
	Found       *history.Violation `json:"found,omitempty"` // in case the process crashes before its report
	Step        *Step              `json:"step,omitempty"`
	Report      *Report            `json:"report,omitempty"`
	Full        *history.History   `json:"full,omitempty"`        // of the report's violation, as recorded
	Error       string             `json:"error,omitempty"`       // why there is no report
	Unsupported bool               `json:"unsupported,omitempty"` // of Error: [scenarios.ErrUnsupported]
}

// Opener opens the subject that a task's Source names and sets Config.Subject and, in a scheduled task, Config.Schedule.
type Opener func(ctx context.Context, t *Task) error

// ServeChild performs the task on stdin; it is the main function of a child process. The error is that the task could not be
// read, that answers could not be written, or that the run did not stop when stdin ended. The process then exits with
// [child.ExitNoAnswer].
func ServeChild(ctx context.Context, open Opener) error {
	answers, err := child.Answers(ChildVariable)
	if err != nil {
		return err
	}
	return serve(ctx, os.Stdin, answers, open)
}

func serve(ctx context.Context, from io.Reader, to io.Writer, open Opener) error {
	answers := json.NewEncoder(to)
	var t Task
	if err := json.NewDecoder(from).Decode(&t); err != nil {
		return fmt.Errorf("%s is set, but stdin holds no task: %w", ChildVariable, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = child.Watch(from, func(rest *json.Decoder) error { return rest.Decode(new(any)) })
	}()
	messages := make(chan message)
	go t.perform(ctx, open, messages)

	var late <-chan time.Time
	rounds, memory := 0, time.NewTicker(memoryInterval)
	defer memory.Stop()
	for {
		select {
		case m := <-messages:
			if err := answers.Encode(m); err != nil || m.Step == nil && m.Found == nil {
				return err
			}
			if m.Step != nil {
				rounds = m.Step.Round
			}
		case <-ended:
			cancel()
			ended, late = nil, time.After(t.stopLimit())
		case <-late:
			return fmt.Errorf("the run did not stop within %v of the end of stdin", t.stopLimit())
		case <-memory.C:
			if used := memoryUsed(); used > t.MaxMemory {
				why := fmt.Sprintf("the process used %s of memory and was stopped", result.FormatBytes(float64(used)))
				return answers.Encode(message{Report: t.violated(history.Crash, why, "", rounds)})
			}
		}
	}
}

// perform performs the task and sends messages, the report or the error last.
func (t *Task) perform(ctx context.Context, open Opener, messages chan<- message) {
	if err := open(ctx, t); err != nil {
		messages <- errorMessage(err)
		return
	}
	cfg := t.Config
	if t.Timeout > 0 {
		cfg.Patience = t.Timeout
	}
	cfg.Progress = func(s Step) { messages <- message{Step: &s} }
	cfg.Found = func(v *history.Violation) { messages <- message{Found: v} }
	report, err := Run(ctx, cfg)
	switch {
	case report == nil:
		messages <- errorMessage(err)
	case report.Violation == nil:
		messages <- message{Report: report}
	default:
		messages <- message{Report: report, Full: report.Violation.Full}
	}
}

func errorMessage(err error) message {
	return message{
		Error:       openfiles.Explain(err, openfiles.Usual).Error(),
		Unsupported: errors.Is(err, scenarios.ErrUnsupported),
	}
}

// memoryInterval is the time between two readings of the memory in use.
const memoryInterval = 100 * time.Millisecond

// memoryUsed returns the bytes that Go's runtime holds of the machine's memory.
func memoryUsed() uint64 {
	held := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(held)
	return held[0].Value.Uint64() - held[1].Value.Uint64()
}
