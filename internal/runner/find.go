package runner

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/search"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
)

// Find is what a search for the highest rate of each subject finds.
type Find struct {
	Goal   judge.Goal
	Budget time.Duration // for all subjects under all scenarios
}

// DefaultBudget is the budget of a search for which none is given.
const DefaultBudget = 10 * time.Minute

const (
	findPrecision  = 1.03 // upper ÷ lower bound
	findMax        = 10_000_000
	capacityUsers  = 64                     // of the trial in a closed loop that a search begins with
	capacityWindow = 500 * time.Millisecond // of it
	minFindWindow  = time.Second
	maxFindWindow  = 10 * time.Second
	findDrain      = time.Second // what takes longer than the window and this is beyond any goal of interest
	leastVisits    = 500         // in a window, for the trend of the backlog
	leastRate      = 100         // visits in the longest window, at the lowest rate
	sampleMargin   = 1.5         // times the visits that a percentile needs
	visitsInNoise  = 5           // Over n visits, rates that differ by 1/√n differ by a standard deviation of Poisson arrivals; by 2.2 of them here.
)

// finder is a search for the highest rate of one entrant.
type finder struct {
	*entrant
	search *search.Search
	trials [][]result.Trial // by probe
	probes []result.Probe
	spent  time.Duration
}

// find searches for the highest rate of each entrant, and leaves the trials at it in the entrants. What was found before an error is kept.
func (r *run) find(ctx context.Context, base setup, entrants []*entrant) error {
	name, start := base.scenario.Name, time.Now()
	budget := (r.Find.Budget - r.spent) / time.Duration(len(r.Scenarios)-r.current)
	r.trials = int(math.Ceil(r.Find.Budget.Seconds()))
	elapsed := func() time.Duration { return time.Since(start) }
	report := func(s Step) {
		s.Scenario, r.done = name, int((r.spent + elapsed()).Seconds())
		r.report(s)
	}
	defer func() { r.spent += elapsed() }()
	finders, searches := make([]*finder, len(entrants)), make([]*search.Search, len(entrants))
	for i, e := range entrants {
		finders[i] = &finder{entrant: e}
		defer finders[i].conclude(base, r.Find.Goal)
	}
	for i, f := range finders {
		report(Step{Label: f.Label})
		t, err := r.capacity(ctx, base, f.entrant)
		if err != nil {
			return err
		}
		f.search = search.New(r.Find.options(base, t.OpsPerSec))
		if searches[i] = f.search; f.failed {
			f.search.End = search.Violated
			f.trials = append(f.trials, []result.Trial{t})
		}
	}
	order := 0
	rounds := search.Rounds{
		Searches: searches, Random: rand.New(rand.NewPCG(r.Seed, 0xf19d)), Budget: budget, Elapsed: elapsed,
		Takes: func(p search.Probe) time.Duration { return base.warmup + r.Find.window(base, p) },
		Trial: func(i, round int, p search.Probe) (search.Verdict, error) {
			f, began := finders[i], time.Now()
			report(Step{Label: fmt.Sprintf("%s at %s/s", f.Label, result.FormatRate(p.Rate))})
			at := base.at(p.Rate, r.Find.window(base, p))
			at.block = round
			t, err := r.trial(ctx, at, f.entrant)
			if err != nil {
				return "", err
			}
			t.Order, t.Block, t.BytesPerSession = order, round, f.footprint
			order++
			v, why := r.Find.judge(&f.result, &t, at)
			f.add(p, t, v, why, time.Since(began))
			if f.failed {
				f.search.End = search.Violated
			}
			f.search.Reached = max(f.search.Reached, t.OpsPerSec)
			if r.SoFar != nil {
				r.soFar(foundSoFar(finders, base, r.Find.Goal))
			}
			return v, nil
		},
		Recorded: func(i int) {
			if found := finders[i].found(); found != "" {
				report(Step{Found: found})
			}
		},
	}
	return rounds.Run()
}

// capacity measures what e reaches in a closed loop. A store that failed has a trial without figures.
func (r *run) capacity(ctx context.Context, base setup, e *entrant) (result.Trial, error) {
	if e.convicted != nil {
		return r.trial(ctx, base, e)
	}
	return r.attempt(ctx, base, CapacityTask, e)
}

// options returns the bounds of the search for a store that reaches so many operations per second in a closed loop. That is close to what
// it sustains; other goals are met up to some lower rate.
func (f *Find) options(base setup, capacity float64) search.Options {
	visits := max(leastRate, f.samples(base)) / maxFindWindow.Seconds()
	o := search.Options{
		Start: capacity, Step: 1.06, Precision: findPrecision, Min: visits * float64(base.tape.Visit), Max: findMax,
	}
	if !f.Goal.Sustained() {
		o.Start, o.Step = 0.8*capacity, 1.2
	}
	return o
}

// samples returns how many visits a trial needs so that ten operations, and ten start delays, lie beyond the goal's percentile.
func (f *Find) samples(base setup) float64 {
	p := f.Goal.Percentile()
	if p == nil {
		return 0
	}
	perVisit := 1.
	if name := f.Goal.Operation(); name != "" {
		n := 0
		for _, op := range base.tape.Ops {
			if op.Op().String() == name {
				n++
			}
		}
		perVisit = min(1, max(0.001, float64(n*base.tape.Visit)/float64(len(base.tape.Ops))))
	}
	return sampleMargin * float64(p.Samples()) / perVisit
}

// window returns the window of the trials of a probe: long enough for the goal's percentile, for the trend of the backlog, and to
// distinguish the rate from those around it among arrivals at random.
func (f *Find) window(base setup, p search.Probe) time.Duration {
	visits := max(leastVisits, f.samples(base), visitsInNoise/math.Pow(math.Log(p.Width), 2))
	seconds := visits * float64(base.tape.Visit) / p.Rate
	return min(max(minFindWindow, time.Duration(seconds*float64(time.Second))), maxFindWindow)
}

// WindowAt returns a window in which a trial of a scenario with a rate has what a verdict about a goal needs: ten operations, and ten
// start delays, beyond its percentile. It is at least [WindowOf] the scenario, and at most an hour.
func WindowAt(cfg Config, s scenarios.Scenario, goal judge.Goal) time.Duration {
	base := (&run{Config: cfg}).setup(&s)
	seconds := (&Find{Goal: goal}).samples(base) * float64(base.tape.Visit) / s.Load.Rate
	const step = 100 * time.Millisecond
	return max(WindowOf(&s), time.Duration(math.Ceil(min(seconds, time.Hour.Seconds())/step.Seconds()))*step)
}

// judge judges a trial at a rate, and explains a verdict that is not Passes.
func (f *Find) judge(r *result.Result, t *result.Trial, at setup) (search.Verdict, string) {
	o := t.OpenLoop
	switch {
	case t.Failed():
		return search.Fails, "the audit failed"
	case o == nil || t.Audit.Undecided != "":
		return search.Undecided, cmp.Or(t.Audit.Undecided, "no operation")
	case o.Saturated, at.grew(t):
		return search.Fails, fmt.Sprintf("the queue grew by %s of %s visits", result.FormatCount(int64(o.Growth)), result.FormatCount(t.Visits))
	}
	switch v, why := f.Goal.Judge(r, t); v {
	case judge.Passed:
		return search.Passes, ""
	case judge.Failing:
		return search.Fails, why
	default:
		return search.Undecided, why
	}
}

// grew reports whether the backlog of a trial at a rate grew by at least 1 % of the visits, neither of which the number of arrivals
// explains: by more than all of them beyond those that the rate lets expect. The test is sharper than [judge.Saturates], which does not know the
// rate. As there, what was made up for is no growth.
func (base *setup) grew(t *result.Trial) bool {
	expected := base.scenario.Load.Rate / float64(base.tape.Visit) * base.window.Seconds()
	growth := min(t.OpenLoop.Growth, t.OpenLoop.Growth-(float64(t.Visits)-expected))
	most := max(10, expected/100)
	return growth > most && (1-t.OpenLoop.Achieved)*float64(t.Visits) > most/2
}

// add adds a trial of a probe.
func (f *finder) add(p search.Probe, t result.Trial, v search.Verdict, why string, took time.Duration) {
	if n := len(f.search.Probes); len(f.trials) < n {
		f.trials, f.probes = append(f.trials, nil), append(f.probes, result.Probe{Rate: p.Rate})
	}
	last := len(f.probes) - 1
	of := result.ProbeTrial{
		Verdict: string(v), Why: why, Order: t.Order, Block: t.Block, WindowNs: t.ElapsedNs, ElapsedNs: int64(took), P99: t.LatencyNs.P99,
	}
	if o := t.OpenLoop; o != nil {
		of.StartP99, of.Achieved, of.Growth = o.StartNs.P99, o.Achieved, o.Growth
	}
	f.trials[last], f.probes[last].Trials = append(f.trials[last], t), append(f.probes[last].Trials, of)
	f.spent += took
}

// found describes the probe that has just ended, or is "" if it goes on.
func (f *finder) found() string {
	p := &f.search.Probes[len(f.search.Probes)-1]
	if p.Verdict == "" {
		return ""
	}
	text := fmt.Sprintf("%s at %s/s: %s (%s)", f.Label, result.FormatRate(p.Rate), p.Verdict, result.FormatCounted(len(p.Trials), "trial"))
	for _, t := range slices.Backward(f.probes[len(f.probes)-1].Trials) {
		if p.Verdict != search.Passes && t.Why != "" {
			return text + ": " + t.Why
		}
	}
	return text
}

// conclude fills in the entrant's result. Its trials are those of the last probe of the lower bound, or else of the lowest rate; those that
// a store failed are always among them.
func (f *finder) conclude(base setup, goal judge.Goal) {
	s := f.search
	if s == nil {
		return // interrupted before
	}
	if s.End == "" {
		s.End = search.Interrupted
	}
	f.result.Search = &result.Search{
		Goal: goal.Text, Precision: findPrecision, End: string(s.End), ElapsedNs: int64(f.spent), Probes: f.probes,
	}
	f.result.Search.Lower, f.result.Search.Upper = s.Bounds()
	shown, lowest := -1, 0
	for i := range f.probes {
		f.probes[i].Verdict = string(s.Probes[i].Verdict)
		if s.Probes[i].Rate == f.result.Search.Lower {
			shown = i
		}
		if s.Probes[i].Rate < s.Probes[lowest].Rate {
			lowest = i
		}
	}
	if shown < 0 {
		shown = lowest
	}
	for i, trials := range f.trials {
		for _, t := range trials {
			if i == shown || t.Failed() || t.Audit.Undecided != "" {
				f.result.Trials = append(f.result.Trials, t)
			}
		}
	}
	if shown < len(s.Probes) {
		load := base.scenario.Load
		load.Rate = s.Probes[shown].Rate
		f.result.Load = load.String()
	}
	f.result.WindowNs = 0
	if n := len(f.result.Trials); n > 0 {
		f.result.WindowNs = f.result.Trials[n-1].ElapsedNs
	}
}

// task returns a task with what base has beyond the run's configuration.
func (base *setup) task(kind TaskKind, scenario, subject int) Task {
	t := Task{Kind: kind, Scenario: scenario, Subject: subject, Block: base.block, Every: base.every}
	t.Rate, t.Processors = base.rate, base.processors
	if base.ownWindow {
		t.Window = base.window
	}
	return t
}

// at is base at another rate.
func (base setup) at(rate float64, window time.Duration) setup {
	s := *base.scenario
	s.Load.Rate = rate
	base.scenario, base.rate, base.window, base.ownWindow, base.drain = &s, rate, window, true, min(base.drain, findDrain)
	return base
}

// closed is base in a closed loop, in which as many users as suffice work without pauses.
func (base setup) closed() setup {
	s := *base.scenario
	users := min(s.Users, capacityUsers)
	if s.OwnSessions {
		s.Sessions = s.SlotsPerUser() * users
	}
	s.Load, s.Users = scenarios.Load{}, users
	base.scenario, base.window, base.pause, base.record = &s, capacityWindow, 0, 0
	return base
}
