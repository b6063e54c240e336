package runner

import (
	"time"

	"github.com/sessbench/sessbench/internal/ideal"
	"github.com/sessbench/sessbench/reports/result"
)

// idealOps is how many operations are replayed against perfect stores at most: some seconds.
const idealOps = 3_000_000

// ideal fills in what perfect stores reach with the arrivals of an open loop, the measured hold of each row, and the processor time of an
// operation alone on the fastest store. Sessions of one user alone are never waited for, so that there is nothing to compute.
func (r *run) ideal(base setup, alone float64, entrants []*entrant) {
	s := base.scenario
	if s.OwnSessions {
		return
	}
	window := base.window
	if ops := s.Load.Peak() * window.Seconds(); ops > idealOps {
		window = time.Duration(float64(window) * idealOps / ops)
	}
	found := map[int64]*result.Ideal{} // by hold
	for _, e := range entrants {
		if !e.passed() || e.Target != nil {
			continue
		}
		var holds []float64
		for _, t := range e.result.Trials {
			holds = append(holds, float64(t.Locks.HoldNs))
		}
		hold := int64(median(holds))
		if found[hold] == nil {
			m := ideal.Model{
				Tape: base.tape, Processors: int(max(1, processors(r.doc.Machine))), Cost: int64(alone), Spin: s.Spin, Think: int64(s.Think),
				Users: s.Load.MaxUsers, From: int64(base.warmup), Until: int64(base.warmup + window), Drain: int64(base.drain),
			}
			if hold > 0 {
				m.Hold = ideal.Constant(time.Duration(hold))
			}
			found[hold] = &result.Ideal{OneLock: base.perfect(m, ideal.OneLock), PerSession: base.perfect(m, ideal.PerSession)}
		}
		e.result.Ideal = found[hold]
	}
}

// perfect replays the arrivals of the first block against a perfect store.
func (base *setup) perfect(m ideal.Model, locks ideal.Locks) result.Perfect {
	m.Locks, m.Arrivals = locks, base.arrivals()
	out := ideal.Run(m)
	p := result.Perfect{OpsPerSec: out.OpsPerSec(&m), LatencyNs: result.LatencyOf(out.Response), VisitNs: result.LatencyOf(out.Visits)}
	if visits := out.Arrived * int64(m.Tape.Visit); visits > 0 {
		p.Achieved = float64(out.Done) / float64(visits)
	}
	return p
}
