package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/metrics"
	"strconv"
	"time"

	"github.com/sessbench/sessbench/internal/child"
	"github.com/sessbench/sessbench/internal/flawed"
	"github.com/sessbench/sessbench/internal/openfiles"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies"
	"github.com/sessbench/sessbench/strategies/redis"
)

// Every subject is verified in a process of its own, so that a store that hangs, eats the memory or brings its process
// down convicts nobody but itself. A child is this program once more, told by the environment and not by an
// argument what it is: a main package that gives [Main] arguments of its own would start children for ever.
//
// The child is asked on stdin, where one [task] stands, and answers with a [message] for each round and a last one with
// the report, on a descriptor of its own where the system has such: whatever the store prints is no answer. The end of its stdin
// tells it to come to an end.

// childEnv is set for a child, to the number of the descriptor that it answers on.
const childEnv = "SESSBENCH_VERIFY_CHILD"

// task is what a child is asked: what to verify, and how hard to press.
type task struct {
	Label     string            `json:"label"`
	Strategy  string            `json:"strategy,omitempty"`
	Params    strategies.Values `json:"params,omitempty"`
	Redis     redis.Options     `json:"redis"`
	Target    string            `json:"target,omitempty"`  // in place of a strategy, as [target.Parse] reads it
	Timeout   time.Duration     `json:"timeout,omitempty"` // until a target hangs
	Scenarios []string          `json:"scenarios,omitempty"`
	Flaw      string            `json:"flaw,omitempty"` // in place of a strategy
	Scheduled bool              `json:"scheduled,omitempty"`
	Seed      uint64            `json:"seed"`
	Rounds    int               `json:"rounds"`
	Budget    time.Duration     `json:"budget"`
	Users     int               `json:"users"`
	Ops       int               `json:"ops"`
	Patience  time.Duration     `json:"patience"`
	Until     verify.Anomaly    `json:"until,omitempty"`
	First     bool              `json:"first,omitempty"` // one violation is enough
	Memory    uint64            `json:"memory"`          // bytes beyond which it is stopped, before the machine stands still

	flaw   *flawed.Flaw  // that Flaw names
	margin time.Duration // beyond the budget, for the last round and for shortening its history
}

// untilBudget is the number of rounds of a task that only the budget ends.
const untilBudget = -1

// windingUp is how long a child that was told to come to an end may take: for a round, and for telling what it found.
func (t *task) windingUp() time.Duration { return 10*time.Second + 2*t.Patience }

// limit is how long a child may take altogether.
func (t *task) limit() time.Duration { return t.Budget + t.margin + 10*t.Patience + t.Timeout }

// message is one line of a child's answer. Exactly one of Step, Found, Report and Error is set.
type message struct {
	Found  *verify.Violation      `json:"found,omitempty"` // in case that the process does not live to report it
	Step   *verify.Step           `json:"step,omitempty"`
	Report *verify.Report         `json:"report,omitempty"`
	Full   *verify.SessionHistory `json:"full,omitempty"`  // of the report's violation, as it was recorded
	Error  string                 `json:"error,omitempty"` // why there is no report
	Unfit  bool                   `json:"unfit,omitempty"` // of Error: the target does not know what it was to be asked
}

// isChild reports whether this process is a child.
func isChild() bool { return os.Getenv(childEnv) != "" }

// answer is a child's main function. Its streams are the process's own, whatever Main's caller uses in their place.
func (a *app) answer(ctx context.Context) error {
	descriptor, err := strconv.Atoi(os.Getenv(childEnv))
	os.Unsetenv(childEnv) // what the store starts is no child
	if err != nil {
		return &exitError{child.ExitNoAnswer, fmt.Errorf("%s: %w", childEnv, err)}
	}
	to := os.Stdout
	if descriptor == 1 {
		os.Stdout = os.Stderr
	} else {
		keepToOurselves(descriptor)
		to = os.NewFile(uintptr(descriptor), "answers")
	}
	if err := a.converse(ctx, os.Stdin, to); err != nil {
		return &exitError{child.ExitNoAnswer, err}
	}
	return nil
}

// converse reads a task, carries it out and writes what comes of it.
func (a *app) converse(ctx context.Context, from io.Reader, to io.Writer) error {
	answers := json.NewEncoder(to)
	var t task
	if err := json.NewDecoder(from).Decode(&t); err != nil {
		return fmt.Errorf("%s is set, but stdin asks nothing: %w", childEnv, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, from)
		close(ended)
	}()
	messages := make(chan message)
	go a.verify(ctx, t, messages)

	var late <-chan time.Time
	rounds, watch := 0, time.NewTicker(memoryWatch)
	defer watch.Stop()
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
			ended, late = nil, time.After(t.windingUp())
		case <-late:
			return errors.New("told to come to an end, and could not")
		case <-watch.C:
			if used := memoryUsed(); used > t.Memory {
				why := fmt.Sprintf("it took %s of memory, and was stopped", result.FormatBytes(float64(used)))
				return answers.Encode(message{Report: t.crash(why, "", rounds)})
			}
		}
	}
}

// verify carries a task out and sends what comes of it, the report or the error last.
func (a *app) verify(ctx context.Context, t task, messages chan<- message) {
	cfg, err := a.config(ctx, t)
	if err != nil {
		messages <- message{Error: openfiles.Explain(err, openfiles.Usual).Error()}
		return
	}
	cfg.Progress = func(s verify.Step) { messages <- message{Step: &s} }
	cfg.Found = func(v *verify.Violation) { messages <- message{Found: v} }
	report, err := verify.Run(ctx, cfg)
	switch {
	case report == nil && err == nil:
		messages <- message{Error: "no report"}
	case report == nil:
		messages <- message{Error: openfiles.Explain(err, openfiles.Usual).Error(), Unfit: errors.Is(err, scenarios.ErrUnsupported)}
	case report.Violation == nil:
		messages <- message{Report: report}
	default:
		messages <- message{Report: report, Full: report.Violation.Full}
	}
}

// config is what a task asks for. A program that it names has been started then.
func (a *app) config(ctx context.Context, t task) (cfg verify.Config, err error) {
	cfg = verify.Config{
		Seed:     t.Seed,
		Rounds:   t.Rounds,
		Budget:   t.Budget,
		Users:    t.Users,
		Ops:      t.Ops,
		Patience: t.Patience,
		Until:    t.Until,
		First:    t.First,
	}
	if t.Target != "" {
		cfg.Patience = t.Timeout
	}
	if cfg.Scenarios, err = t.scenariosOf(); err != nil {
		return cfg, err
	}
	if f, known := flawed.Lookup(t.Flaw); known {
		cfg.Subject = f.Subject()
		if t.Scheduled {
			cfg.Schedule = f.Schedule
		}
		return cfg, nil
	}
	cfg.Subject, err = a.subjectOf(ctx, t)
	return cfg, err
}

const (
	memoryLimit = 3 << 30 // bytes
	memoryWatch = 100 * time.Millisecond
)

// memoryUsed is what Go's runtime holds of the machine's memory, in bytes.
func memoryUsed() uint64 {
	held := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(held)
	return held[0].Value.Uint64() - held[1].Value.Uint64()
}
