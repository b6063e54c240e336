package runner

import (
	"math"

	"github.com/sessbench/sessbench/internal/audit"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/scenarios/trace"
)

// visits is the visits of an open loop, in the order in which they arrive. It is for one goroutine.
type visits interface {
	// next fills in v, of which it may reuse the operations. After the last visit due is forever.
	next(v *arrival)
}

// visits returns the visits of this process's part of the trial, from its start on.
func (s *setup) visits() visits {
	if s.traffic != nil {
		return &loggedVisits{log: s.traffic.Visits(s.part.Index(), s.part.Of()), setup: s}
	}
	return &drawnVisits{arrivals: s.arrivals(), tape: s.tape}
}

// arrivals returns the arrivals of a load that is given by its rate.
func (s *setup) arrivals() *scenarios.Arrivals {
	seed := audit.Mix(s.seed + uint64(s.block))
	return s.scenario.Load.Arrivals(s.tape.Visit, s.warmup, seed, s.part.Index(), s.part.Of())
}

// drawnVisits have the operations of a tape, which repeats, at arrivals that do not.
type drawnVisits struct {
	arrivals *scenarios.Arrivals
	tape     *scenarios.Tape
	at       int // on the tape
}

func (d *drawnVisits) next(v *arrival) {
	end := d.at + d.tape.Visit
	v.due, v.ops = d.arrivals.Next(), d.tape.Ops[d.at:end]
	if d.at = end; d.at == len(d.tape.Ops) {
		d.at = 0
	}
}

// loggedVisits are those of recorded traffic, at the times of the log.
type loggedVisits struct {
	log   *trace.Visits
	setup *setup
	ops   int64 // of the visits so far
}

func (l *loggedVisits) next(v *arrival) {
	at, ops, ok := l.log.Next(v.ops[:0])
	if v.due, v.ops = forever, ops; ok {
		v.due = l.setup.dueOf(at)
		l.ops += int64(len(ops))
	}
}

// dueOf converts nanoseconds of the log's clock to the trial's, of some decades at most.
func (s *setup) dueOf(at int64) int64 {
	return int64(min(float64(at)/s.scenario.Load.Speed, math.MaxInt64/8))
}
