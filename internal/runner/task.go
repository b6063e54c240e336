package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/strategies"
)

// Task is one measurement of a run. A run is a series of tasks; [Run] decides which comes next, and puts what they
// found together. In [Run] nothing but a task uses a store.
type Task struct {
	Kind     TaskKind `json:"kind"`
	Scenario int      `json:"scenario"` // index in Config.Scenarios
	Subject  int      `json:"subject"`  // index in Config.Subjects; -1 for the probes of the harness
}

// TaskKind is what a task measures.
type TaskKind string

// The kinds of tasks. See passes.go for all but the trial.
const (
	NoopTask      TaskKind = "noop"      // the cost of the harness
	ProtocolTask  TaskKind = "protocol"  // the cost of the adapter protocol
	FootprintTask TaskKind = "footprint" // bytes per session
	AloneTask     TaskKind = "alone"     // CPU time of one user's operations
	WaitsTask     TaskKind = "waits"     // waits for the lock where there is no hold to time them by
	AlarmTask     TaskKind = "alarm"     // CPU time of waking an idle processor, in place of that of an operation
	WaitingTask   TaskKind = "waiting"   // a trial of a store that does nothing, with holds and pauses
	TrialTask     TaskKind = "trial"
)

const noSubject = -1

// Outcome is the result of a task: figures, or a violation by the store. It survives encoding as JSON.
type Outcome struct {
	Trial     result.Trial `json:"trial"`
	Violation *Violation   `json:"violation,omitempty"`
	Behind    bool         `json:"behind,omitempty"` // goroutines are left inside the store

	Undecided string `json:"undecided,omitempty"` // why the task was aborted without a verdict
}

// Executor performs a task in another process, with a [Worker] of the same Config. onPreparing is called while sessions take
// long to prepare, on the caller's goroutine, and may be nil. An error ends the run. When ctx ends so does the task,
// with ctx's error.
type Executor func(ctx context.Context, t Task, onPreparing func(Preparing)) (Outcome, error)

// perform performs a task, in this process or another one. A violation is a *Violation.
func (r *run) perform(ctx context.Context, base setup, kind TaskKind, subject int) (result.Trial, error) {
	if r.Executor == nil {
		return r.performHere(ctx, base, kind, subject)
	}
	out, err := r.Executor(ctx, Task{kind, r.current, subject}, base.onPreparing)
	if err == nil && out.Violation != nil {
		err = out.Violation
	}
	if err == nil && out.Undecided != "" {
		err = givenUp(out.Undecided)
	}
	return out.Trial, err
}

// givenUp is the reason of an [errUndecided] in another process.
type givenUp string

func (e givenUp) Error() string      { return string(e) }
func (givenUp) Is(target error) bool { return target == errUndecided }

// performHere performs a task in this process.
func (r *run) performHere(ctx context.Context, base setup, kind TaskKind, subject int) (result.Trial, error) {
	var of Subject
	if subject != noSubject {
		of = r.Subjects[subject]
	}
	users := base.scenario.Users
	warmup, window := base.calibration()
	switch kind {
	case NoopTask:
		probe, _ := strategies.Lookup("noop")
		of = Subject{Label: "noop", Strategy: probe}
		base = base.idle(users, warmup, window)
	case ProtocolTask:
		of = Subject{Label: "an adapter that does nothing", Strategy: &strategies.Strategy{Harness: true}, Target: r.Protocol}
		base = base.idle(users, warmup, window)
	case FootprintTask:
		bytes, err := measureFootprint(ctx, of, base)
		return result.Trial{BytesPerSession: bytes}, err
	case AloneTask:
		base = base.idle(1, base.passWarmup(), passWindow)
	case WaitsTask:
		base = base.idle(users, base.passWarmup(), passWindow)
		base.work = func() {}
	case AlarmTask:
		return alarmCost()
	case WaitingTask:
		s := *base.scenario
		s.Iterations, base.scenario = 0, &s
		base.warmup, base.window, base.work, base.record, base.timeSlices = warmup, window, nil, 0, nil
		probe, _ := strategies.Lookup("noop")
		of = Subject{Label: "noop", Strategy: probe}
	case TrialTask:
		if of.Strategy.Harness {
			base = base.idle(users, warmup, cmp.Or(base.window, window))
		}
	default:
		return result.Trial{}, fmt.Errorf("unknown task %q", kind)
	}
	return runTrial(ctx, of, base)
}

// Worker performs the tasks of a run whose Config.Executor calls it. It is for one goroutine.
type Worker struct {
	run      run
	scenario int   // that base is of
	base     setup // the zero value before the first task
}

// NewWorker returns a worker for a run of cfg. Runs, Progress, Participant and TimeSlices are ignored.
func NewWorker(cfg Config) *Worker {
	cfg.Progress, cfg.Participant, cfg.TimeSlices, cfg.Executor = nil, nil, nil, nil
	return &Worker{run: run{Config: cfg}}
}

// Do performs a task. The error is that it could not be performed.
func (w *Worker) Do(ctx context.Context, t Task, onPreparing func(Preparing)) (Outcome, error) {
	if t.Scenario < 0 || t.Scenario >= len(w.run.Scenarios) || t.Subject < noSubject || t.Subject >= len(w.run.Subjects) {
		return Outcome{}, fmt.Errorf("task %+v: no such scenario or subject", t)
	}
	if w.base.scenario == nil || w.scenario != t.Scenario {
		w.scenario, w.base = t.Scenario, w.run.setup(&w.run.Scenarios[t.Scenario])
	}
	base := w.base
	base.onPreparing = onPreparing
	trial, err := w.run.performHere(ctx, base, t.Kind, t.Subject)
	out := Outcome{Trial: trial, Behind: stuck(err)}
	if errors.As(err, &out.Violation) {
		err = nil
	}
	if errors.Is(err, errUndecided) && ctx.Err() == nil {
		out.Undecided, err = err.Error(), nil
	}
	return out, err
}
