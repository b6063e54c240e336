package runner

import (
	"context"
	"time"

	"github.com/sessbench/sessbench/reports/result"
)

// Task is one measurement of a run. A run is a series of tasks; [Run] decides which comes next, and puts what they
// found together. In [Run] nothing but a task uses a store.
type Task struct {
	Kind     TaskKind `json:"kind"`
	Scenario int      `json:"scenario"` // index in Config.Scenarios
	Subject  int      `json:"subject"`  // index in Config.Subjects; -1 for the probes of the harness
	Block    int      `json:"block,omitempty"`

	Rate   float64       `json:"rate,omitempty"`   // replaces the scenario's, in operations per second; 0: it does not
	Window time.Duration `json:"window,omitempty"` // replaces the run's; 0: it does not

	Processors int `json:"processors,omitempty"` // GOMAXPROCS meanwhile; 0: as it is
	Every      int `json:"every,omitempty"`      // of a pass that explains: one in so many operations is observed
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
	ExplainTask   TaskKind = "explain"   // where the time of operations goes
	ProfileTask   TaskKind = "profile"   // profiles of processor time, locks, blocking and memory
	AlarmTask     TaskKind = "alarm"     // CPU time of waking an idle processor, in place of that of an operation
	WaitingTask   TaskKind = "waiting"   // a trial of a store that does nothing, with holds and pauses
	TrialTask     TaskKind = "trial"
	CapacityTask  TaskKind = "capacity" // a trial in a closed loop, where a search for the highest rate begins
)

const noSubject = -1

// Outcome is the result of a task: figures, or a violation by the store. It survives encoding as JSON.
type Outcome struct {
	Trial     result.Trial `json:"trial"`
	Violation *Violation   `json:"violation,omitempty"`
	Behind    bool         `json:"behind,omitempty"` // goroutines are left inside the store

	Undecided string `json:"undecided,omitempty"` // why the task was aborted without a verdict
}

// Executor performs a task in another process, with a [Worker] of the same Config. An error ends the run. When ctx ends
// so does the task, with ctx's error.
type Executor func(ctx context.Context, t Task, on Callbacks) (Outcome, error)

// perform performs a task, in this process or another one. A violation is a *Violation.
func (r *run) perform(ctx context.Context, base setup, kind TaskKind, subject int) (result.Trial, error) {
	if base.on.Snapshot = nil; r.Live != nil && kind == TrialTask {
		base.on.Snapshot = func(s Snapshot) { r.live(s, base, subject) }
	}
	if r.Executor == nil {
		return r.performHere(ctx, base, kind, subject)
	}
	out, err := r.Executor(ctx, base.task(kind, r.current, subject), base.on)
	if err == nil && out.Violation != nil {
		err = out.Violation
	}
	if err == nil && out.Undecided != "" {
		err = undecided(out.Undecided)
	}
	return out.Trial, err
}

// live reports a snapshot of the trial of a subject.
func (r *run) live(s Snapshot, base setup, subject int) {
	s.Scenario, s.Label, s.Block = base.scenario.Name, r.Subjects[subject].Label, base.block
	r.Live(s)
}
