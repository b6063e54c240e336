package runner

import (
	"fmt"
	"sync"
	"time"

	"github.com/sessbench/sessbench/internal/audit"
	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/reports/result"
)

// firstUsers is how many users of an open loop are made before the trial; further ones are made when all are busy.
const firstUsers = 32

// openArrivals begins the arrivals of an open loop. More users run with running.
func (tr *trial) openArrivals(running *sync.WaitGroup) {
	s := &tr.setup
	lo, hi := s.part.users(s.scenario.Concurrency(tr.remote))
	a := &arrivals{
		until: tr.phases.until, most: hi - lo, users: len(tr.users.active), quit: func() { tr.meter.clock.Release() }, visits: s.visits(),
	}
	if s.traffic != nil {
		a.until, a.order.first = int64(s.span())+1, map[uint32]*arrival{}
	}
	tr.phases.limit = a.until + int64(s.drain)
	if s.traffic != nil { // what ends in the drain counts
		tr.phases.until = tr.phases.limit
	}
	a.advance()
	a.make = func(number int) {
		running.Go(func() {
			u := tr.newActive(lo+number, audit.NewLedger(lo+number, 0))
			defer u.recovered()
			u.waiter = tr.meter.clock.NewWaiter()
			if err := tr.connectUser(u); err != nil {
				u.failed(err)
				return
			}
			tr.addUser(u)
			u.serve()
		})
	}
	tr.arrivals = a
}

// failed ends a trial in which a user cannot be connected.
func (u *user) failed(err error) {
	err = fmt.Errorf("connecting user %d: %w (--max-users bounds the connections)", u.number()+1, err)
	u.trial.end.unavailable.CompareAndSwap(nil, &err)
	u.trial.end.stopped.Store(true)
	u.trial.arrivals.closeIf(true)
}

// endArrivals closes the arrivals when the window is over, or the drain; the returned function forgets both.
func (tr *trial) endArrivals() (forget func()) {
	at := func(t int64, anyway bool) *time.Timer {
		return time.AfterFunc(time.Duration(t-tr.phases.now()), func() { tr.arrivals.closeIf(anyway) })
	}
	window, drain := at(tr.arrivals.until, false), at(tr.phases.limit, true)
	return func() { window.Stop(); drain.Stop() }
}

// serve executes visits of an open loop until there are no more arrivals.
func (u *user) serve() {
	tr := u.trial
	u.arrival = tr.meter.clock.NewExactWaiter()
	t := tr.phases.now()
	for {
		v, ok := tr.arrivals.claim(t)
		if !ok {
			break
		}
		if t = tr.phases.now(); t < v.due {
			u.arrival.Wait(time.Duration(min(v.due-t, forever/2))) // whose end the clock can represent
			t = tr.phases.now()
		}
		begins, ok := tr.arrivals.start(v)
		if !ok {
			if v.due < tr.arrivals.until {
				u.nextInterval(tr.phases.limit)
				tr.countUnserved(&u.stats, v)
			}
			break
		}
		for begins && v != nil && !tr.end.stopped.Load() {
			v, t = u.visit(v, t)
		}
		if tr.end.stopped.Load() {
			tr.arrivals.closeIf(true)
			break
		}
	}
	u.finish(t)
}

// visit executes the operations of a visit, from the time t on, and returns the time after it, and the visit that was held until then.
func (u *user) visit(v *arrival, t int64) (held *arrival, end int64) {
	tr := u.trial
	panicked := true
	defer func() { held = tr.arrivals.end(v, panicked) }()
	phases, s := &tr.phases, &tr.setup
	counted := phases.began(v.due)
	if counted {
		u.stats.visits++
		u.stats.times.record(startDelays, v.due, t, phases.limit)
	}
	due, thought := v.due, int64(0)
	for i, op := range v.ops {
		if i > 0 {
			due = t + int64(s.pause)
			thought += int64(s.pause)
			t = u.think(t)
		}
		t = u.enterWindow(t)
		if s.scenario.OwnSessions {
			t = u.doOwn(due, t, op)
		} else {
			t, _ = u.timed(due, t, op)
		}
	}
	if counted {
		u.stats.times.record(visitTimes, v.due+thought, t, phases.limit)
	}
	u.finish(t)
	panicked = false
	return nil, t
}

// think pauses between two operations of a visit, from t on, and returns the time after it.
func (u *user) think(t int64) int64 {
	if u.trial.setup.pause == 0 {
		return t
	}
	u.waiter.Wait(u.trial.setup.pause)
	end := u.trial.phases.now()
	u.stats.paused(&u.trial.phases, t, end, true)
	return end
}

// countUnserved counts a visit that no user started, in s, unless it arrived before the window.
func (tr *trial) countUnserved(s *userStats, v *arrival) {
	if !tr.phases.began(v.due) {
		return
	}
	limit := tr.phases.limit
	s.visits++
	s.unserved++
	s.times.record(startDelays, v.due, forever, limit)
	s.times.record(visitTimes, v.due, forever, limit)
	op := v.ops[0].Op()
	s.times.record(responseOf(op), v.due, forever, limit) // it was not called: there is no service time
	s.ops[op].censored++
}

// openLoop computes the figures that only an open loop has, once t has the others.
func (tr *trial) openLoop(t *result.Trial, b *backlog) (*result.OpenLoop, error) {
	o, err := tr.openTimes()
	if err != nil {
		return nil, err
	}
	s, a := &tr.setup, tr.arrivals
	o.Users, o.Limit, o.Serialised = a.peak, a.most, a.order.serialised
	if log, ok := a.visits.(*loggedVisits); !ok {
		o.Offered = float64(t.Visits*int64(s.tape.Visit)) / s.window.Seconds()
	} else if span := s.span(); span > 0 {
		o.Offered, o.ArrivalNs = float64(log.ops)/span.Seconds(), int64(span)
	}
	if o.Offered > 0 {
		o.Achieved = t.OpsPerSec / o.Offered
	}
	if s.traffic != nil { // all its operations count: what is achieved shows how much longer than the log they took
		o.Achieved = min(1, o.Achieved)
	}
	o.Growth, o.Queue = b.growth()
	o.Saturated = judge.Saturates(o.Growth, t.Visits, o.Achieved)
	return o, nil
}

// openTimes sums up the distributions of an open loop.
func (tr *trial) openTimes() (*result.OpenLoop, error) {
	o := &result.OpenLoop{}
	for _, u := range tr.measured() {
		o.Unserved += u.unserved
	}
	var all []timeOf
	for kind := range opKinds {
		all = append(all, serviceOf(kind))
	}
	for _, of := range []struct {
		sum     *sum
		latency *result.Latency
		text    *string
	}{
		{tr.times.sum(startDelays), &o.StartNs, &o.Start},
		{tr.times.sum(all...), &o.ServiceNs, &o.Service},
		{tr.times.sum(visitTimes), &o.VisitNs, &o.Visit},
	} {
		*of.latency = of.sum.latency()
		var err error
		if *of.text, err = of.sum.encoded(); err != nil {
			return nil, err
		}
	}
	return o, nil
}
