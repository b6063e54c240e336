// Package runner drives users through scenarios against stores, measures, audits, and puts what it found into a
// result document.
package runner

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/scenarios/trace"
	"github.com/sessbench/sessbench/strategies"
)

// Subject is a strategy at one setting.
type Subject struct {
	Label    string // its name in results
	Strategy *strategies.Strategy
	Params   strategies.Values
	Baseline bool
}

// Config is what to run.
type Config struct {
	Subjects  []Subject            // in the order of the results
	Scenarios []scenarios.Scenario // with the run's settings; one alone when Traffic is set
	Runs      int                  // trials of each subject under each scenario
	Warmup    time.Duration        // before each window; none where visits are counted or traffic is replayed
	Window    time.Duration        // 0: DefaultWindow, or none where visits are counted
	Seed      uint64
	Traffic   *trace.Tape   // replayed instead of a tape
	Speed     float64       // of the traffic's clock; 0: as fast as possible
	Patience  time.Duration // how long after the last possible end a store counts as hanging; 0: DefaultPatience
	Progress  func(Step)    // called between windows, on the goroutine of Run; may be nil
}

// The defaults of a run.
const (
	DefaultRuns   = 6 // the least that a median's 95 % interval can be told from
	DefaultWindow = 400 * time.Millisecond
	DefaultWarmup = 100 * time.Millisecond
	DefaultSeed   = 1

	DefaultPatience = 30 * time.Second
)

// Step says how far a run has come.
type Step struct {
	Scenario     string
	Done, Trials int    // finished, and in all
	Block        int    // blocks finished in this scenario
	Blocks       int    // in all in this scenario
	Label        string // what runs next; empty when a block has just ended
}

// The windows of the passes that are made once for each subject, before the trials.
const (
	noopWarmup  = 50 * time.Millisecond
	noopWindow  = 200 * time.Millisecond
	passWindow  = 40 * time.Millisecond
	passTries   = 2
	passWarmup  = 10 * time.Millisecond
	footprintAt = 1000 // sessions at least, a hundred times as many at most, for bytes per session
)

// Run measures. The document holds every trial that was finished; when ctx ended before all were, Interrupted is set
// and ctx's error comes beside it. Any other error comes without a document.
func Run(ctx context.Context, cfg Config) (*result.Document, error) {
	r := &run{Config: cfg, doc: &result.Document{
		SchemaVersion: result.SchemaVersion,
		ID:            uuid.NewString(),
		Created:       time.Now().UTC().Truncate(time.Second),
		Machine:       thisMachine(),
	}}
	r.trials = len(cfg.Scenarios) * len(cfg.Subjects) * cfg.Runs
	for i := range cfg.Scenarios {
		if err := r.scenario(ctx, &cfg.Scenarios[i]); err != nil {
			if ctx.Err() == nil {
				return nil, err
			}
			r.doc.Interrupted = true
			return r.doc, context.Cause(ctx)
		}
	}
	return r.doc, nil
}

type run struct {
	Config
	doc    *result.Document
	done   int
	trials int
}

// entrant is a subject in one scenario.
type entrant struct {
	Subject
	result    result.Result
	footprint float64
	faulty    bool // it hung or would not work: no further trials
}

func (r *run) scenario(ctx context.Context, s *scenarios.Scenario) error {
	base := r.setup(s)
	noop, err := r.noop(ctx, base)
	if err != nil {
		return err
	}
	if r.doc.Harness == (result.Harness{}) {
		r.doc.Harness = result.Harness{NsPerOp: noop.CPUNsPerOp, OpsPerSec: noop.OpsPerSec, AllocsPerOp: noop.AllocsPerOp}
	}
	entrants := make([]*entrant, len(r.Subjects))
	for i, subject := range r.Subjects {
		entrants[i] = r.entrant(subject, base)
	}
	cost, err := r.passes(ctx, base, entrants)
	if err == nil {
		err = r.blocks(ctx, base, entrants)
	}
	for _, e := range entrants {
		if len(e.result.Trials) > 0 {
			e.conclude(base, r.doc.Machine, noop.CPUNsPerOp, cost)
			r.doc.Results = append(r.doc.Results, e.result)
		}
	}
	return err
}

// setup draws the tape and everything else that all trials of a scenario have in common.
func (r *run) setup(s *scenarios.Scenario) setup {
	base := setup{scenario: s, seed: r.Seed, warmup: r.Warmup, window: r.Window, measured: true, patience: cmp.Or(r.Patience, DefaultPatience)}
	largest := 0
	if r.Traffic != nil {
		base.traffic, base.speed, base.warmup, base.window = r.Traffic, r.Speed, 0, 0
		largest = r.Traffic.Counts().MaxSize
	} else {
		base.tape = scenarios.Draw(s, r.Seed)
		largest = base.tape.MaxSize()
		switch {
		case s.Iterations > 0:
			base.warmup = 0
		case base.window == 0:
			base.window = DefaultWindow
		}
		if s.Cold {
			base.warmup = 0
		}
	}
	base.contents = newContents(s.Users+1, largest)
	base.work = workOf(s)
	if s.Spin && base.work != nil {
		base.spin = timeAlone(base.work)
	}
	return base
}

// timeAlone is how long work takes with a processor to itself: the median of several tries. Among more users than
// processors a clock would mostly measure how long the work was suspended.
func timeAlone(work manager.Work) time.Duration {
	const tries = 9
	took := make([]float64, tries)
	for i := range took {
		start := time.Now()
		work()
		took[i] = float64(time.Since(start))
	}
	return time.Duration(median(took))
}

// workOf is the scenario's work under the lock, nil for none.
func workOf(s *scenarios.Scenario) manager.Work {
	switch {
	case s.Hold <= 0:
		return nil
	case s.Spin:
		return manager.CalibrateSpinner().For(s.Hold)
	default:
		return manager.SleepFor(s.Hold)
	}
}

func (r *run) entrant(subject Subject, base setup) *entrant {
	e := &entrant{Subject: subject}
	s := base.scenario
	e.result = result.Result{
		Strategy: subject.Label,
		Scenario: s.Name,
		Params:   subject.Params,
		Baseline: subject.Baseline,
		Users:    s.Users,
		HoldNs:   int64(s.Hold),
		HoldKind: "sleep",
		ThinkNs:  int64(s.Think),
		WindowNs: int64(base.window),
	}
	if s.Spin {
		e.result.HoldKind = "spin"
	}
	if base.traffic != nil {
		e.result.TapeHash, e.result.Sessions = base.traffic.Hash(), int(base.traffic.Counts().Sessions)
	} else {
		e.result.TapeHash, e.result.Sessions, e.result.Iterations = base.tape.Hash, s.Slots(), s.Iterations
	}
	return e
}

// idle is base without work and pauses: what is left is the store's cost and the harness's. One user alone keeps to as many
// sessions as each has in base, and so to the same tape.
func (base setup) idle(users int, warmup, window time.Duration) setup {
	s := *base.scenario
	s.Hold, s.Think, s.Iterations = 0, 0, 0
	if s.Own {
		s.Sessions = s.SlotsPerUser() * users
	}
	s.Users = users
	idle := base
	idle.scenario, idle.warmup, idle.window, idle.work, idle.measured, idle.speed = &s, warmup, window, nil, false, 0
	return idle
}

// passWarmup is the warm-up of a pass over a store. A log is replayed once, and a short one would be over by then.
func (base setup) passWarmup() time.Duration {
	if base.traffic != nil {
		return 0
	}
	return passWarmup
}

// noop measures what the harness costs by itself.
func (r *run) noop(ctx context.Context, base setup) (result.Trial, error) {
	probe, _ := strategies.Lookup("noop")
	r.report(Step{Scenario: base.scenario.Name, Label: "the harness's own cost"})
	return runTrial(ctx, Subject{Label: "noop", Strategy: probe}, base.idle(base.scenario.Users, noopWarmup, noopWindow))
}

// passes measures once for each subject what would disturb the trials: bytes per session, the wait for the lock where
// there is no work to time it by, and the processor time of an operation alone. It returns the least of those, in
// nanoseconds, over the subjects that passed their audit.
func (r *run) passes(ctx context.Context, base setup, entrants []*entrant) (cost float64, err error) {
	for _, e := range entrants {
		if e.Strategy.Harness {
			continue
		}
		r.report(Step{Scenario: base.scenario.Name, Label: e.Label})
		err := guarded(ctx, base.patience, "filling the store", func() error {
			return e.fill(ctx, base.scenario)
		})
		for range passTries {
			if err == nil {
				err = r.alone(ctx, base, e, &cost)
			}
		}
		if err == nil && base.work == nil {
			err = r.waits(ctx, base, e)
		}
		if f := (*fault)(nil); err != nil && !errors.As(err, &f) { // of a fault the trials will say
			return 0, err
		}
	}
	return cost, nil
}

// alone lowers cost to the processor time of an operation of a single user on e, if it is less.
func (r *run) alone(ctx context.Context, base setup, e *entrant, cost *float64) error {
	t, err := runTrial(ctx, e.Subject, base.idle(1, base.passWarmup(), passWindow))
	if t.Audit.OK && t.CPUNsPerOp > 0 && (*cost == 0 || t.CPUNsPerOp < *cost) {
		*cost = t.CPUNsPerOp
	}
	return err
}

// waits measures how long updates wait for their lock when nothing is done under it. It takes two more readings of the
// clock an update, so it is no part of the trials.
func (r *run) waits(ctx context.Context, base setup, e *entrant) error {
	timed := base.idle(base.scenario.Users, base.passWarmup(), passWindow)
	timed.work, timed.measured = func() {}, true
	t, err := runTrial(ctx, e.Subject, timed)
	e.result.WaitNs = t.WaitNs
	return err
}

// blocks runs the trials: each block has one of every subject, in an order drawn anew.
func (r *run) blocks(ctx context.Context, base setup, entrants []*entrant) error {
	rng := rand.New(rand.NewPCG(r.Seed, 0xb10c5))
	name := base.scenario.Name
	for block := range r.Runs {
		for _, i := range rng.Perm(len(entrants)) {
			e := entrants[i]
			r.report(Step{Scenario: name, Block: block, Blocks: r.Runs, Label: e.Label})
			if !e.faulty {
				t, err := r.trial(ctx, base, e)
				if err != nil {
					return err
				}
				t.Order, t.Block = r.done, block
				e.result.Trials = append(e.result.Trials, t)
			}
			r.done++
		}
		r.report(Step{Scenario: name, Block: block + 1, Blocks: r.Runs})
	}
	return nil
}

func (r *run) trial(ctx context.Context, base setup, e *entrant) (result.Trial, error) {
	if e.Strategy.Harness {
		base = base.idle(base.scenario.Users, noopWarmup, cmp.Or(base.window, noopWindow))
	}
	t, err := runTrial(ctx, e.Subject, base)
	if f := (*fault)(nil); errors.As(err, &f) {
		e.faulty = true
		t = result.Trial{Audit: result.Audit{Violations: []result.Violation{{Kind: f.kind, Detail: f.Error()}}}}
		err = nil
	}
	t.BytesPerSession = e.footprint
	return t, err
}

func (r *run) report(s Step) {
	if r.Progress != nil {
		s.Done, s.Trials = r.done, r.trials
		r.Progress(s)
	}
}

// conclude fills in what follows from all of a subject's trials: the limit and what binds it.
func (e *entrant) conclude(base setup, m result.Machine, noopNs, costNs float64) {
	if e.Strategy.Harness {
		return
	}
	s := base.scenario
	var limits, cpu []float64
	for i := range e.result.Trials {
		t := &e.result.Trials[i]
		if base.speed == 0 { // on the log's clock the log is the limit
			t.LimitOpsPerSec = base.limit(t, costNs, processors(m)).opsPerSec()
		}
		limits = append(limits, t.LimitOpsPerSec)
		cpu = append(cpu, t.CPUNsPerOp)
	}
	e.result.LimitOpsPerSec = median(limits)
	e.result.Summary.HarnessBound = noopNs > 0 && median(cpu) <= 2*noopNs
	e.result.Summary.SchedulerBound = s.Hold == 0 && s.Think == 0 && base.speed == 0 && s.Users > runtime.GOMAXPROCS(0)
}

// limit is the limit of one trial. w is as it came out, not as the tape has it: a short window may end with every user on
// its way to an update. p likewise, where it came out below the tape's: users who queue for the busiest session see less of
// the tape. Above it is the chance of a slow store that did few operations.
func (base setup) limit(t *result.Trial, costNs, processors float64) limit {
	l := limit{
		users: float64(base.scenario.Users), think: float64(t.ThinkNs) / 1e9, hold: float64(t.HoldNs) / 1e9,
		updates: t.Updates, busiest: t.Busiest,
		cost: costNs / 1e9, processors: processors, spins: base.scenario.Spin,
	}
	if base.tape != nil && base.tape.Updates > 0 {
		l.busiest = min(l.busiest, base.tape.Busiest*t.Updates/base.tape.Updates)
	}
	return l
}

// median is the middle of xs, which it sorts; the lower of two.
func median(xs []float64) float64 {
	if len(xs) == 0 {
		return 0
	}
	slices.Sort(xs)
	return xs[(len(xs)-1)/2]
}

// fill measures the footprint: the store's memory for one of the scenario's sessions in bytes, message texts not counted,
// as the growth of the heap when a fresh store takes many of them.
func (e *entrant) fill(ctx context.Context, s *scenarios.Scenario) error {
	store, err := e.Strategy.Open(e.Params)
	if err != nil {
		return err
	}
	defer store.Close()
	chat := manager.NewChatbot(store).User()
	n := min(max(s.Slots(), footprintAt), 100*footprintAt)
	before := liveHeap()
	for i := range n {
		if i%1024 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		id, err := chat.CreateSession(ctx)
		for range s.Prefill {
			if err == nil {
				_, err = chat.AddMessage(ctx, id, "user", "")
			}
		}
		if err != nil {
			return err
		}
	}
	after := liveHeap()
	runtime.KeepAlive(store)
	e.footprint = max(0, float64(after)-float64(before)) / float64(n)
	return nil
}

// liveHeap is the number of bytes of reachable objects.
func liveHeap() uint64 {
	runtime.GC()
	runtime.GC() // what pools kept through the first goes with the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
