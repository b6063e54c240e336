package runner

import (
	"math/rand/v2"
	"time"

	"github.com/sessbench/sessbench/internal/ideal"
	"github.com/sessbench/sessbench/reports/result"
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
		m := ideal.Model{
			Tape: base.tape, Processors: int(max(1, processors(r.doc.Machine))), Cost: int64(alone), Spin: s.Spin, Think: int64(s.Think),
			Users: s.Load.MaxUsers, From: int64(base.warmup), Until: int64(base.warmup + window), Drain: int64(base.drain),
		}
		e.result.Ideal = &result.Ideal{
			OneLock: base.perfect(m, ideal.OneLock, e.result.Trials), PerSession: base.perfect(m, ideal.PerSession, e.result.Trials),
		}
	}
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
