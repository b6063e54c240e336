package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies"
)

// Worker performs the tasks of a run whose Config.Executor calls it. It is for one goroutine.
type Worker struct {
	run   run
	bases map[int]setup // by scenario: the last one, or in a sweep all
}

// NewWorker returns a worker for a run of cfg. Runs, Progress, Live, Participant and TimeSlices are ignored.
func NewWorker(cfg Config) *Worker {
	cfg.Progress, cfg.Live, cfg.Participant, cfg.TimeSlices, cfg.Executor = nil, nil, nil, nil, nil
	return &Worker{run: run{Config: cfg}, bases: map[int]setup{}}
}

// Do performs a task. The error is that it could not be performed.
func (w *Worker) Do(ctx context.Context, t Task, on Callbacks) (Outcome, error) {
	if t.Scenario < 0 || t.Scenario >= len(w.run.Scenarios) || t.Subject < noSubject || t.Subject >= len(w.run.Subjects) {
		return Outcome{}, fmt.Errorf("task {Kind:%s Scenario:%d Subject:%d}: no such scenario or subject", t.Kind, t.Scenario, t.Subject)
	}
	base := w.base(t.Scenario)
	base.on, base.block, base.processors, base.every = on, t.Block, t.Processors, t.Every
	switch {
	case t.Rate > 0:
		base = base.at(t.Rate, t.Window)
	case t.Window > 0:
		base = base.within(t.Window)
	}
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

// base returns the setup of a scenario. The points of a sweep alternate, so that all of their setups are kept.
func (w *Worker) base(scenario int) setup {
	base, known := w.bases[scenario]
	if !known {
		if w.run.Sweep == nil {
			clear(w.bases)
		}
		base = w.run.setup(&w.run.Scenarios[scenario])
		w.bases[scenario] = base
	}
	return base
}

// performHere performs a task in this process.
func (r *run) performHere(ctx context.Context, base setup, kind TaskKind, subject int) (result.Trial, error) {
	if base.processors > 0 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(base.processors))
	}
	var of Subject
	if subject != noSubject {
		of = r.Subjects[subject]
	}
	users := ProbeUsers(base.scenario)
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
		s.Iterations, s.Ramp, base.scenario = 0, scenarios.Ramp{}, &s
		if s.Load.Open() {
			s.Load, s.Users = scenarios.Load{}, users
		}
		base.warmup, base.window, base.work, base.record, base.timeSlices, base.series = warmup, window, nil, 0, nil, false
		probe, _ := strategies.Lookup("noop")
		of = Subject{Label: "noop", Strategy: probe}
	case ExplainTask:
		if r.Profile != "" {
			base.traceFile = r.profilePath(base.scenario.Name, of.Label, "trace.out")
		}
		return explainTrial(ctx, of, base)
	case ProfileTask:
		return r.profileTrial(ctx, of, base)
	case CapacityTask:
		base = base.closed()
	case TrialTask:
		if of.Strategy.Harness {
			load, ramp, most := base.scenario.Load, base.scenario.Ramp, base.scenario.Users
			if base.traffic != nil && load.Open() { // its length is the log's
				warmup, window = 0, 0
			}
			base = base.idle(users, warmup, cmp.Or(base.window, window))
			base.series, base.scenario.Ramp = true, ramp
			if load.Open() {
				base.scenario.Load, base.scenario.Users = load, most
			}
		}
	default:
		return result.Trial{}, fmt.Errorf("unknown task %q", kind)
	}
	return runTrial(ctx, of, base)
}
