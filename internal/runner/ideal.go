package runner

import (
	"cmp"
	"math"
	"math/rand/v2"
	"time"

	"github.com/sessbench/sessbench/internal/ideal"
	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/search"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
)

// idealOps is the most operations of a row that are replayed against a perfect store, which takes about a second.
const idealOps = 3_000_000

// ideal fills in what perfect stores reach with the arrivals of an open loop, the measured hold of each row, and the processor time of an
// operation alone on the fastest store. Sessions of one user alone are never waited for, so that there is nothing to compute.
func (r *run) ideal(base setup, alone float64, entrants []*entrant) {
	s := base.scenario
	if s.OwnSessions {
		return
	}
	window := base.window
	if ops := s.Load.Peak() * window.Seconds() * float64(r.Runs); ops > idealOps {
		window = time.Duration(float64(window) * idealOps / ops)
	}
	for _, e := range entrants {
		if !e.passed() || e.Target != nil {
			continue
		}
		m := r.perfectStore(base, alone, window)
		e.result.Ideal = &result.Ideal{
			OneLock: base.perfect(m, ideal.OneLock, e.result.Trials), PerSession: base.perfect(m, ideal.PerSession, e.result.Trials),
		}
	}
}

// perfectStore returns the model of a store without its locks, holds and arrivals, for a window.
func (r *run) perfectStore(base setup, alone float64, window time.Duration) ideal.Model {
	s := base.scenario
	return ideal.Model{
		Tape: base.tape, Processors: int(max(1, r.processors(base))), Cost: int64(alone), Spin: s.Spin, Think: int64(s.Think),
		Users: s.Load.MaxUsers, From: int64(base.warmup), Until: int64(base.warmup + window), Drain: int64(base.drain),
	}
}

// The probes of the search for the highest rate of a perfect store, each of which takes some hundredths of a second.
const (
	idealProbeOps  = 100_000
	idealStep      = 1.5
	idealPrecision = 1.005
)

// idealRates fills in the highest rates at which a perfect store with one lock per session meets the goal of a search, with the holds
// measured in each row. Without holds, the processors are the only limit.
func (r *run) idealRates(base setup, alone float64, entrants []*entrant) {
	for _, e := range entrants {
		of := e.result.Search
		if base.scenario.OwnSessions || base.scenario.Hold <= 0 || of == nil || of.End == string(search.Interrupted) || !e.passed() || e.Target != nil {
			continue
		}
		ops := max(idealProbeOps, r.Find.samples(base)*float64(base.tape.Visit))
		of.Ideal = highestRate(cmp.Or(of.Lower, e.result.Trials[0].OpsPerSec), func(rate float64) bool {
			at := base.at(rate, max(minFindWindow/2, time.Duration(ops/rate*float64(time.Second))))
			m := r.perfectStore(at, alone, at.window)
			m.Locks, m.Arrivals, m.Hold = ideal.PerSession, at.arrivals(), holdsOf(&e.result.Trials[0], base.seed)
			t := perfectTrial(&m, ideal.Run(m))
			v, _ := r.Find.judge(&e.result, &t, at)
			return v == search.Passes
		})
	}
}

// highestRate returns the highest rate that passes, where lower ones do and higher ones do not, or 0 if there is none. The search
// begins at start.
func highestRate(start float64, passes func(rate float64) bool) float64 {
	lower, upper := start, 0.
	for ; lower >= 1 && !passes(lower); lower /= idealStep {
		upper = lower
	}
	if lower < 1 {
		return 0
	}
	for next := lower * idealStep; upper == 0; next *= idealStep {
		switch {
		case next > findMax:
			return 0
		case passes(next):
			lower = next
		default:
			upper = next
		}
	}
	for upper/lower > idealPrecision {
		if middle := math.Sqrt(lower * upper); passes(middle) {
			lower = middle
		} else {
			upper = middle
		}
	}
	return lower
}

// perfectTrial returns the trial of a perfect store, in which no start is delayed.
func perfectTrial(m *ideal.Model, of *ideal.Outcome) result.Trial {
	t := result.Trial{
		Visits: of.Arrived, Ops: of.Done, ElapsedNs: m.Until - m.From, OpsPerSec: of.OpsPerSec(m), LatencyNs: result.LatencyOf(of.Response),
		Operations: map[string]result.Operation{}, Audit: result.Audit{OK: true},
	}
	for op, h := range of.Each {
		if h != nil {
			t.Operations[scenarios.Op(op).String()] = result.Operation{Count: h.TotalCount(), LatencyNs: result.LatencyOf(h)}
		}
	}
	// Without a queue before the window, what is left of its arrivals is what the backlog grew by.
	growth := float64(of.Arrived) - float64(of.Done)/float64(m.Tape.Visit)
	starts := result.NewHistogram()
	_ = starts.RecordValues(1, of.Arrived)
	achieved := float64(of.Done) / float64(max(1, of.Arrived)*int64(m.Tape.Visit))
	t.OpenLoop = &result.OpenLoop{
		Achieved: achieved, Growth: growth, Saturated: judge.Saturates(growth, of.Arrived, achieved),
		StartNs: result.LatencyOf(starts), ServiceNs: t.LatencyNs,
	}
	return t
}

// perfect replays the arrivals of some trials against a perfect store, with holds drawn from those measured in each of them.
func (base *setup) perfect(m ideal.Model, locks ideal.Locks, trials []result.Trial) result.Perfect {
	m.Locks = locks
	response, visits := result.NewHistogram(), result.NewHistogram()
	var done, offered float64
	for i := range trials {
		base := *base
		base.block = trials[i].Block
		m.Arrivals, m.Hold = base.arrivals(), holdsOf(&trials[i], base.seed)
		out := ideal.Run(m)
		response.Merge(out.Response)
		visits.Merge(out.Visits)
		done += float64(out.Done)
		offered += float64(out.Arrived * int64(m.Tape.Visit))
	}
	p := result.Perfect{
		OpsPerSec: done / float64(len(trials)) / (float64(m.Until-m.From) / 1e9),
		LatencyNs: result.LatencyOf(response), VisitNs: result.LatencyOf(visits),
	}
	if offered > 0 {
		p.Achieved = done / offered
	}
	return p
}

// holdSteps is how many quantiles of the measured holds are drawn from.
const holdSteps = 10_000

// holdsOf returns holds like those measured in a trial; nil if there were none.
func holdsOf(t *result.Trial, seed uint64) func() int64 {
	if t.Locks.HoldNs == 0 {
		return nil
	}
	h, err := result.DecodeHistogram(t.Locks.Holds)
	if err != nil || h.TotalCount() == 0 { // work on the processor, whose duration on the clock is mostly the time suspended
		return ideal.Constant(time.Duration(t.Locks.HoldNs))
	}
	percents := make([]float64, holdSteps)
	for i := range percents {
		percents[i] = 100 * (float64(i) + 0.5) / holdSteps
	}
	values, rng := h.ValueAtPercentilesSlice(percents), rand.New(rand.NewPCG(seed, 0x401d))
	return func() int64 { return values[rng.IntN(holdSteps)] }
}
