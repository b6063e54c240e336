// Package runner drives users through scenarios against stores, measures, audits, and puts what it found into a
// result document.
package runner

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/internal/scratch"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/scenarios/trace"
	"github.com/sessbench/sessbench/strategies"
)

// Subject is a strategy at one setting.
type Subject struct {
	Label      string // its name in results
	Strategy   *strategies.Strategy
	Params     strategies.Values
	Target     scenarios.Target // driven in place of a store of the strategy's; it stays the caller's to close
	TargetName string           // its own name
	Remark     string           // shown with its row
	Unlocked   bool             // its updates need no lock, so that no session limits the others
	OwnWork    bool             // the target does its own work under its locks, so that none is asked for
	Baseline   bool
}

// remote reports whether operations may fail because of a connection.
func (s *Subject) remote() bool { return s.Strategy.Remote || s.Target != nil }

// scenario returns what users do with the subject.
func (s *Subject) scenario(of *scenarios.Scenario) *scenarios.Scenario {
	if !s.OwnWork {
		return of
	}
	without := *of
	without.Hold = 0
	return &without
}

// Config is what to run. Its JSON is what another process needs to know of it.
type Config struct {
	Subjects    []Subject            `json:"-"` // in the order of the results
	Scenarios   []scenarios.Scenario // with the run's settings; one alone when Traffic is set
	Runs        int                  // trials of each subject under each scenario
	Warmup      time.Duration        // before each window; none where visits are counted or traffic is replayed
	Window      time.Duration        // 0: DefaultWindow, or none where visits are counted
	Seed        uint64
	Explain     bool             // where the time of operations goes, in a pass of its own after the trials
	Profile     string           // directory of the profiles of each row; empty: none
	Record      int              // the whole histories of one session in so many are recorded and checked; 0: of none
	Traffic     *trace.Tape      `json:"-"` // replayed instead of a tape
	Patience    time.Duration    // how long after the last possible end a store counts as hanging; 0: DefaultPatience
	Protocol    scenarios.Target `json:"-"` // an adapter that does nothing, to measure what the protocol costs; nil: there is no program among the subjects
	Participant Participant      `json:"-"` // the other participants in a run of several processes; nil: there are none
	TimeSlices  *TimeSlices      `json:"-"` // with other processes, of a Sample alone; may be nil
	Progress    func(Step)       `json:"-"` // called between windows, on the goroutine of Run; may be nil
	Live        func(Snapshot)   `json:"-"` // called in the windows of trials, and at the end of each, on the goroutine of Run; may be nil
	Find        *Find            `json:"-"` // the highest rates are searched for, in place of Runs trials; may be nil
	Sweep       *Sweep           // the scenarios are the points of a sweep; may be nil
	Executor    Executor         `json:"-"` // performs the tasks in another process; nil: they are performed in this one

	LiveTimes bool                   // snapshots have the response times so far
	SoFar     func(*result.Document) `json:"-"` // called after each trial, on the goroutine of Run: see so_far.go; may be nil
}

// The defaults of a run.
const (
	DefaultRuns   = 6 // the least for a 95 % interval of the median
	DefaultWindow = 400 * time.Millisecond
	DefaultWarmup = 100 * time.Millisecond
	DefaultSeed   = 1

	DefaultPatience = 30 * time.Second

	windowVisits  = 1500             // of a trial of an open loop for which no window is given
	maxOpenWindow = 10 * time.Second // of one
	maxDrain      = 10 * time.Second // of the wait for operations after the window, which is otherwise as long as the window
)

// Step is the progress of a run.
type Step struct {
	Scenario     string
	Done, Trials int    // finished, and in all
	Block        int    // blocks finished in this scenario
	Blocks       int    // in all in this scenario
	Label        string // what runs next; empty when a block has just ended

	Preparing Preparing     // what runs next, when that takes long; else zero
	Found     string        // of a search: what a probe that has just ended has found; then Done and Trials are seconds
	Left      time.Duration // of a sweep: the time that what is left will take, an estimate; 0: not known
}

// Run measures. The document holds every trial that was finished. When the run ended before all were, Interrupted is set
// and the reason comes beside it: ctx's error, a *LostError when other participants were lost, or any other error, which
// Failure describes. There is no document with an error of the last kind before the first trial has finished, or where
// participants share the run.
func Run(ctx context.Context, cfg Config) (*result.Document, error) {
	r := newRun(cfg)
	scratch.Sweep(boardsPrefix) // what processes that were killed have left behind
	scratch.Sweep(tracePrefix)
	if err := r.all(ctx); err != nil {
		lost := (*LostError)(nil)
		switch {
		case ctx.Err() != nil:
			err = context.Cause(ctx)
		case errors.As(err, &lost):
		case r.Participant != nil || len(r.doc.Results) == 0:
			return nil, err
		default:
			r.doc.Failure = err.Error()
		}
		r.doc.Interrupted = true
		return r.doc, err
	}
	return r.doc, nil
}

// all measures the scenarios: one after the other, or as the points of a sweep.
func (r *run) all(ctx context.Context) error {
	if r.Sweep != nil {
		return r.sweep(ctx)
	}
	for i := range r.Scenarios {
		r.current = i
		if err := r.scenario(ctx, &r.Scenarios[i]); err != nil {
			return err
		}
	}
	return nil
}

type run struct {
	Config
	doc     *result.Document
	current int // index of the scenario that is measured
	done    int
	trials  int
	spent   time.Duration // of Find's budget
	at      Step          // the last one reported
}

func newRun(cfg Config) *run {
	return &run{Config: cfg, trials: len(cfg.Scenarios) * len(cfg.Subjects) * cfg.Runs, doc: &result.Document{
		SchemaVersion: result.SchemaVersion,
		ID:            uuid.NewString(),
		Created:       time.Now().UTC().Truncate(time.Second),
		Machine:       ThisMachine(),
	}}
}

// entrant is a subject in one scenario.
type entrant struct {
	Subject
	index     int // in Config.Subjects
	result    result.Result
	footprint float64
	alone     float64    // processor time of an operation of one user without waits, in nanoseconds; 0: not measured
	convicted *Violation // what a pass found that rules out any trial
	failed    bool       // it hung or would not work: no further trials
}

func (r *run) scenario(ctx context.Context, s *scenarios.Scenario) error {
	base := r.setup(s)
	own, err := r.costs(ctx, base)
	if err != nil {
		return err
	}
	entrants := make([]*entrant, len(r.Subjects))
	for i := range r.Subjects {
		entrants[i] = r.entrant(i, base)
	}
	if r.Participant == nil || r.Participant.Index() == 0 {
		err = r.passes(ctx, base, entrants)
	}
	switch {
	case err != nil:
	case r.Find != nil:
		err = r.find(ctx, base, entrants)
	default:
		err = r.blocks(ctx, base, entrants)
	}
	if err == nil && r.Explain {
		err = r.explain(ctx, base, entrants)
	}
	if err == nil && r.Profile != "" {
		err = r.profiles(ctx, base, entrants)
	}
	r.conclude(base, own, entrants)
	r.addResults(entrants)
	return err
}

// costs measures what the harness costs in a scenario. The first costs are those of the document.
func (r *run) costs(ctx context.Context, base setup) (own costs, err error) {
	noop, err := r.noop(ctx, base)
	if err != nil {
		return own, err
	}
	own.noop = noop.Usage.CPUNsPerOp
	if r.doc.Harness == (result.Harness{}) {
		r.doc.Harness = *result.CostOf(&noop)
	}
	protocol, err := r.protocol(ctx, base)
	if err != nil {
		return own, err
	}
	own.protocol = protocol.Usage.CPUNsPerOp
	if r.doc.Protocol == nil && r.Protocol != nil {
		r.doc.Protocol = result.CostOf(&protocol)
	}
	own.waiting, err = r.waiting(ctx, base, noop)
	return own, err
}

// program reports whether it is a program of its own that is driven.
func (s *Subject) program() bool { _, ok := s.Target.(scenarios.UsageReporter); return ok }

// metered reports whether any trial has the usage of the target's processes.
func (e *entrant) metered() bool {
	return slices.ContainsFunc(e.result.Trials, func(t result.Trial) bool { return t.Usage.TargetCPUNs > 0 })
}

func (r *run) entrant(index int, base setup) *entrant {
	subject := r.Subjects[index]
	e := &entrant{Subject: subject, index: index}
	s := subject.scenario(base.scenario)
	e.result = result.Result{
		Strategy: subject.Label,
		Scenario: s.Name,
		Params:   subject.Params,
		Target:   subject.TargetName,
		Note:     subject.Remark,
		Baseline: subject.Baseline,
		Workload: result.Workload{
			Users:    s.Concurrency(subject.remote()),
			HoldNs:   int64(s.Hold),
			HoldKind: s.HoldKind(),
			ThinkNs:  int64(s.Think),
			WindowNs: int64(base.window),
			Ramp:     s.Ramp.String(),
		},
	}
	if base.open() {
		e.result.Load = s.Load.String()
	}
	if base.traffic != nil {
		e.result.TapeHash, e.result.Sessions = base.traffic.Hash(), int(base.traffic.Counts().Sessions)
	} else {
		e.result.TapeHash, e.result.Sessions, e.result.Iterations = base.tape.Hash, s.Slots(), s.Iterations
	}
	return e
}

// blocks runs the trials: each block has one of every subject, in an order drawn anew.
func (r *run) blocks(ctx context.Context, base setup, entrants []*entrant) error {
	rng := rand.New(rand.NewPCG(r.Seed, 0xb10c5))
	name := base.scenario.Name
	for block := range r.Runs {
		for _, i := range rng.Perm(len(entrants)) {
			e := entrants[i]
			base.block = block
			r.report(Step{Scenario: name, Block: block, Blocks: r.Runs, Label: e.Label})
			if r.Participant != nil {
				base.part = part{r.Participant, r.done}
			}
			if err := r.next(ctx, base, e, block); err != nil {
				return err
			}
			r.done++
			r.soFar(entrants)
			if r.Participant != nil && len(r.Participant.Lost()) > 0 {
				return errLost(r.Participant)
			}
		}
		r.report(Step{Scenario: name, Block: block + 1, Blocks: r.Runs})
	}
	return nil
}

// next runs the trial of a block, unless the store has failed an earlier one.
func (r *run) next(ctx context.Context, base setup, e *entrant, block int) error {
	if e.failed && base.part.first() {
		return base.part.publishStart(ctx, startMessage{Skipped: true})
	}
	t, err := r.trial(ctx, base, e)
	switch {
	case errors.Is(err, errSkipped):
		return nil
	case err != nil:
		return err
	}
	e.add(t, r.done, block)
	return nil
}

// trial runs a trial. One that a store failed has no figures, and is the store's last.
func (r *run) trial(ctx context.Context, base setup, e *entrant) (result.Trial, error) {
	if e.convicted != nil {
		e.failed = true
		return e.convicted.trial(), nil
	}
	return r.attempt(ctx, base, TrialTask, e)
}

// attempt performs a task on a store, which may fail it: see [run.trial].
func (r *run) attempt(ctx context.Context, base setup, kind TaskKind, e *entrant) (result.Trial, error) {
	t, err := r.perform(ctx, base, kind, e.index)
	if f := (*Violation)(nil); errors.As(err, &f) {
		e.failed = true
		t, err = f.trial(), nil
	}
	if errors.Is(err, errUndecided) && ctx.Err() == nil {
		e.failed = true
		t = result.Trial{Audit: result.Audit{Skipped: true, Undecided: err.Error()}}
		err = nil
	}
	if err == nil && kind == TrialTask && r.Live != nil {
		s := snapshotOf(&t)
		if base.liveTimes {
			s.Times = packedTimes(&t)
		}
		r.live(s, base, e.index)
	}
	return t, err
}

// add adds a trial to e's result, with what is not its own: its place in the run, and what a pass found.
func (e *entrant) add(t result.Trial, order, block int) {
	t.Order, t.Block, t.BytesPerSession = order, block, e.footprint
	e.result.Trials = append(e.result.Trials, t)
}

func (r *run) report(s Step) {
	if r.Progress != nil {
		s.Done, s.Trials = r.done, r.trials
		r.at = s
		r.Progress(s)
	}
}
