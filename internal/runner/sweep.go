package runner

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/sessbench/sessbench/internal/ideal"
	"github.com/sessbench/sessbench/reports/result"
)

// Sweep makes each of [Config.Scenarios] a point of a sweep, of which there is the same number of points. The trials of all subjects at all
// points are interleaved: each block has one of each, in an order drawn anew. Trials get shorter so that Config.Runs blocks fit into the
// budget, and there are fewer blocks where they do not.
type Sweep struct {
	result.Sweep                  // the setting, the points and the budget
	Subjects     [][]int          `json:"-"` // by point: indices in Config.Subjects; nil: all of them at each point
	Processors   []int            `json:"-"` // by point: GOMAXPROCS in its trials; nil: as it is
	Resumed      *result.Document `json:"-"` // an interrupted sweep with the same settings, which goes on; nil: none
}

// DefaultSweepBudget is the budget of a sweep for which none is given: as long as a person waits.
const DefaultSweepBudget = 3 * time.Minute

const (
	minSweepWindow = 50 * time.Millisecond
	sweepOverhead  = 60 * time.Millisecond // of a trial besides its warm-up and its window, before one is measured
	sweepReserve   = 2 * time.Second       // for what is computed after the trials
)

// sweepPoint is a point of a sweep: a scenario with its entrants.
type sweepPoint struct {
	base     setup
	own      costs
	entrants []*entrant
}

// sweep measures all points. What was measured before an error is kept.
func (r *run) sweep(ctx context.Context) error {
	start := time.Now()
	s := r.Sweep.Sweep
	spent := time.Duration(0)
	if old := r.Sweep.Resumed; old != nil {
		spent, s.WindowsNs = time.Duration(old.Sweep.ElapsedNs), slices.Clone(old.Sweep.WindowsNs)
	}
	s.Blocks, r.doc.Sweep = r.Runs, &s
	elapsed := func() time.Duration { return spent + time.Since(start) }
	points := r.sweepPoints()
	r.resume(points)
	err := r.sweepCosts(ctx, points)
	if err == nil {
		err = r.sweepBlocks(ctx, points, elapsed)
	}
	for i := range points {
		p := &points[i]
		r.conclude(p.base, p.own, p.entrants)
		if err == nil {
			s.Points[i].Ideal, s.Points[i].OneLock = r.sweepIdeal(p)
		}
		r.addResults(p.entrants)
	}
	s.ElapsedNs = int64(elapsed())
	return err
}

// addResults adds the results of those entrants that have trials.
func (r *run) addResults(entrants []*entrant) {
	for _, e := range entrants {
		if len(e.result.Trials) > 0 {
			r.doc.Results = append(r.doc.Results, e.result)
		}
	}
}

// sweepPoints returns the points with their entrants, of which none has a trial.
func (r *run) sweepPoints() []sweepPoint {
	points := make([]sweepPoint, len(r.Scenarios))
	r.trials = 0
	for i := range points {
		p := &points[i]
		p.base = r.setup(&r.Scenarios[i])
		if r.Sweep.Processors != nil {
			p.base.processors = r.Sweep.Processors[i]
		}
		for k := range r.Subjects {
			if of := r.Sweep.Subjects; of == nil || slices.Contains(of[i], k) {
				p.entrants = append(p.entrants, r.entrant(k, p.base))
			}
		}
		r.trials += len(p.entrants) * r.Runs
	}
	return points
}

// Outline returns the document of a sweep without its trials: what has to be equal to go on with another one.
func Outline(cfg Config) *result.Document {
	cfg.Progress = nil
	r := newRun(cfg)
	s := cfg.Sweep.Sweep
	s.Blocks, r.doc.Sweep = cfg.Runs, &s
	for _, p := range r.sweepPoints() {
		for _, e := range p.entrants {
			r.doc.Results = append(r.doc.Results, e.result)
		}
	}
	return r.doc
}

// resume gives the entrants the trials of the sweep that goes on.
func (r *run) resume(points []sweepPoint) {
	if r.Sweep.Resumed == nil {
		return
	}
	for _, p := range points {
		for _, e := range p.entrants {
			for _, old := range r.Sweep.Resumed.Results {
				if old.Scenario == e.result.Scenario && old.Strategy == e.Label {
					e.takeOver(&old)
					r.done += len(e.result.Trials)
				}
			}
		}
	}
}

// takeOver adds the trials of an earlier result.
func (e *entrant) takeOver(old *result.Result) {
	e.result.WaitNs = old.WaitNs
	for _, t := range old.Trials {
		t.Usage.CPUNsPerOp += t.Usage.WaitCPUNsPerOp // which is divided again
		t.Usage.WaitCPUNsPerOp = 0
		e.result.Trials = append(e.result.Trials, t)
		e.failed = e.failed || t.Failed() || t.Audit.Undecided != ""
	}
}

// measured reports whether e has a trial of a block.
func (e *entrant) measured(block int) bool {
	return slices.ContainsFunc(e.result.Trials, func(t result.Trial) bool { return t.Block == block })
}

// sweepCosts makes the passes over each point.
func (r *run) sweepCosts(ctx context.Context, points []sweepPoint) (err error) {
	for i := range points {
		p := &points[i]
		r.current = i
		if p.own, err = r.costs(ctx, p.base); err != nil {
			return err
		}
		if err := r.passes(ctx, p.base, p.entrants); err != nil {
			return err
		}
	}
	return nil
}

// sweepTrial is a trial of a block: an entrant at a point.
type sweepTrial struct {
	point int
	*entrant
}

// sweepBlocks runs the trials. Each block has an equal part of the time that is left.
func (r *run) sweepBlocks(ctx context.Context, points []sweepPoint, elapsed func() time.Duration) error {
	var each []sweepTrial
	var all []*entrant
	for i, p := range points {
		for _, e := range p.entrants {
			each, all = append(each, sweepTrial{i, e}), append(all, e)
		}
	}
	s, rng := r.doc.Sweep, rand.New(rand.NewPCG(r.Seed, 0x53ee9))
	plan := sweepPlan{budget: time.Duration(s.BudgetNs) - sweepReserve, longest: points[0].base.window, overhead: sweepOverhead + r.Warmup, blocks: r.Runs}
	for block := range r.Runs {
		order := rng.Perm(len(each))
		open := slices.DeleteFunc(order, func(i int) bool { return each[i].measured(block) })
		if len(open) == 0 {
			continue
		}
		if plan.trials = len(each); block == len(s.WindowsNs) {
			window, fits := plan.window(block, elapsed())
			if !fits && block > 0 {
				s.Ended = fmt.Sprintf("%d of %d blocks fit into the budget", block, r.Runs)
				return nil
			}
			s.WindowsNs = append(s.WindowsNs, int64(window))
		}
		window := time.Duration(s.WindowsNs[block])
		began := time.Now()
		for n, i := range open {
			of := each[i]
			p := &points[of.point]
			r.current = of.point
			base := p.base
			if base.window > 0 {
				base = base.within(window)
			}
			base.block = block
			left := plan.left(block, len(open)-n, window)
			r.report(Step{Scenario: base.scenario.Name, Block: block, Blocks: r.Runs, Label: of.Label, Left: left})
			if err := r.next(ctx, base, of.entrant, block); err != nil {
				return err
			}
			r.done++
			r.soFar(all)
		}
		plan.overhead = max(0, time.Since(began)/time.Duration(len(open))-window)
		r.report(Step{Scenario: s.Scenario, Block: block + 1, Blocks: r.Runs, Left: plan.left(block, 0, window)})
	}
	return nil
}

// sweepPlan divides the budget of a sweep.
type sweepPlan struct {
	budget   time.Duration
	longest  time.Duration // window; 0: trials have none
	overhead time.Duration // of a trial besides its window, in the last block
	blocks   int
	trials   int // of a block
}

// window returns the window of the trials of a block, when so much of the budget is spent. fits reports whether the block ends within it.
func (p *sweepPlan) window(block int, spent time.Duration) (window time.Duration, fits bool) {
	left := p.budget - spent
	each := left / time.Duration(p.trials) / time.Duration(p.blocks-block)
	least := min(minSweepWindow, p.longest)
	window = min(p.longest, max(least, (each-p.overhead).Truncate(time.Millisecond)))
	return window, time.Duration(p.trials)*(least+p.overhead) <= left
}

// left is how long the rest of the blocks will take, of which the first has so many trials left.
func (p *sweepPlan) left(block, trials int, window time.Duration) time.Duration {
	trials += p.trials * (p.blocks - block - 1)
	return time.Duration(trials) * (window + p.overhead)
}

// within is base with another window.
func (base setup) within(window time.Duration) setup {
	base.window, base.ownWindow, base.drain = window, true, drainOf(window)
	return base
}

// sweepIdealOps is about how many operations of a point are replayed against a perfect store at most, which takes some tenths of a second.
const sweepIdealOps = 500_000

// sweepIdeal returns the throughput of perfect stores with one lock per session, and with one, at a point of a closed loop whose trials are
// timed: with the holds that were measured in it, and the cost of the fastest store. 0: not known.
func (r *run) sweepIdeal(p *sweepPoint) (perSession, oneLock float64) {
	s := p.base.scenario
	alone := math.Inf(1)
	var trials []result.Trial
	for _, e := range p.entrants {
		if !e.passed() {
			continue
		}
		if e.alone > 0 {
			alone = min(alone, e.alone)
		}
		trials = append(trials, e.result.Trials...)
		if i := e.result.Ideal; i != nil && perSession == 0 { // in an open loop
			perSession, oneLock = i.PerSession.OpsPerSec, i.OneLock.OpsPerSec
		}
	}
	if perSession > 0 || p.base.open() || p.base.ramped() || p.base.tape == nil || p.base.window == 0 || len(trials) == 0 || math.IsInf(alone, 1) {
		return perSession, oneLock
	}
	hold := medianOf(trials, func(t *result.Trial) float64 { return float64(t.Locks.HoldNs) })
	m := r.perfectStore(p.base, alone, p.base.window)
	m.Users, m.Arrivals, m.Drain = s.Users, nil, 0
	if s.OwnSessions {
		m.Own = s.SlotsPerUser()
	}
	m.Hold = nil
	if hold > 0 {
		m.Hold = ideal.Constant(time.Duration(hold))
	}
	// The same warm-up and window as in the trials, which may end before the queues for busy sessions have their lengths.
	window := min(medianOf(trials, func(t *result.Trial) float64 { return float64(t.ElapsedNs) }),
		max(20*(hold+float64(s.Think)), sweepIdealOps/float64(s.Users)*(hold*p.base.tape.Updates+alone+float64(s.Think))))
	m.From, m.Until = int64(p.base.warmup), int64(p.base.warmup)+int64(window)
	m.Locks = ideal.PerSession
	perSession = ideal.Run(m).OpsPerSec(&m)
	m.Locks = ideal.OneLock
	return perSession, ideal.Run(m).OpsPerSec(&m)
}

// medianOf is the median of a value over trials.
func medianOf(trials []result.Trial, value func(t *result.Trial) float64) float64 {
	var xs []float64
	for i := range trials {
		xs = append(xs, value(&trials[i]))
	}
	return median(xs)
}
