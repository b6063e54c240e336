package runner

import (
	"cmp"
	"runtime"
	"slices"
	"time"

	"github.com/sessbench/sessbench/internal/audit"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/scenarios/trace"
)

// setup is the configuration of a trial.
type setup struct {
	scenario   *scenarios.Scenario // with the run's settings
	tape       *scenarios.Tape     // what users do, in order of use; nil with traffic
	traffic    *trace.Tape         // recorded traffic instead of a tape
	contents   *audit.Contents
	seed       uint64
	warmup     time.Duration
	window     time.Duration // 0: until every user's visits are done
	work       manager.Work  // what an update does under the lock on the processor; nil: nothing
	hold       time.Duration // how long it waits there instead
	pause      time.Duration // of users between their visits; in an open loop between the operations of a visit
	drain      time.Duration // open loop: how long after the window its operations are awaited
	block      int           // of the trial; the arrivals of an open loop differ between blocks
	rate       float64       // that a search tries; 0: the scenario's
	ownWindow  bool          // window is not the run's
	processors int           // GOMAXPROCS in the trial; 0: as it is
	patience   time.Duration // beyond the longest that the users of a right store can take
	spin       time.Duration // how long work on the processor takes alone; 0 for any other work
	record     int           // the histories of one session in so many are recorded; 0: of none
	room       int           // bytes for them
	timeSlices *TimeSlices   // with other processes; nil: this one has the machine to itself
	series     bool          // the trial is recorded over time, too
	liveTimes  bool          // snapshots have the response times
	every      int           // one in so many operations of each user is observed, to explain where the time goes; 0: none
	labelled   bool          // users label their goroutines, for profiles
	traceFile  string        // where the execution trace of an observed trial is kept; empty: nowhere
	part       part          // this process's part of the trial

	on Callbacks
}

// timed reports whether the trial has a window, and does not end with the users' visits.
func (s *setup) timed() bool { return s.window > 0 }

// open reports whether the loop is open: visits arrive by the clock, and have intended starts, from which response times count.
func (s *setup) open() bool { return s.scenario.Load.Open() }

// ramped reports whether the number of active users changes.
func (s *setup) ramped() bool { return s.scenario.Ramp.Some() }

// slotOf returns the i-th slot in an order that is independent of the order of use. Sessions are made in this order, so that they lie
// in a store's memory as those of a service do, and not as the tape needs them.
func (s *setup) slotOf(i int) int {
	if s.tape == nil {
		return i
	}
	per := s.scenario.SlotsPerUser()
	return i/per*per + s.tape.SlotOf(i%per)
}

// span is the time in which the visits of a log arrive.
func (s *setup) span() time.Duration { return time.Duration(s.dueOf(int64(s.traffic.Counts().Span))) }

// waits reports whether users pause, or hold sessions without using the processor.
func (s *setup) waits() bool {
	return s.open() || s.hold > 0 || s.pause > 0
}

// setup draws the tape and everything else that all trials of a scenario have in common.
func (r *run) setup(s *scenarios.Scenario) setup {
	base := setup{
		scenario: s, pause: s.Think, seed: r.Seed, warmup: r.Warmup, window: r.Window,
		patience: cmp.Or(r.Patience, DefaultPatience), record: r.Record, room: recordRoom,
		series: true, liveTimes: r.LiveTimes, part: part{Participant: alone{}},
	}
	if r.Progress != nil {
		base.on.Preparing = func(p Preparing) {
			s := r.at
			s.Preparing = p
			r.report(s)
		}
	}
	largest := 0
	if r.Traffic != nil {
		base.traffic, base.warmup, base.window = r.Traffic, 0, 0
		if base.open() {
			base.drain = drainOf(base.span())
		}
		largest = r.Traffic.Counts().MaxSize
	} else {
		base.tape = scenarios.Draw(s, r.Seed).InOrder(s.SlotsPerUser())
		largest = base.tape.MaxSize()
		switch {
		case s.Iterations > 0:
			base.warmup = 0
		case base.window == 0:
			base.window = WindowOf(s)
		}
		base.drain = drainOf(base.window)
		if s.NoWarmUp {
			base.warmup = 0
		}
	}
	if r.Executor != nil { // the worker makes what only the users need
		return base
	}
	base.contents = audit.NewContents(s.Users+1, largest)
	switch {
	case s.Hold <= 0:
	case s.Spin:
		base.work = manager.CalibrateSpinner().For(s.Hold)
		base.spin = timeAlone(base.work)
	default:
		base.hold = s.Hold
	}
	return base
}

// drainOf is how long after a window its operations are awaited.
func drainOf(window time.Duration) time.Duration { return min(max(window, DefaultWindow), maxDrain) }

// WindowOf returns the window of a trial for which none is given: that of the stages, if there are some; in an open loop, long enough for
// the arrival of 1,500 visits, so that a p99 has ten samples beyond it.
func WindowOf(s *scenarios.Scenario) time.Duration {
	switch {
	case s.Ramp.Some():
		return s.Ramp.Span()
	case len(s.Load.Stages) > 0:
		return s.Load.Span()
	case s.Load.Open():
		visits := s.Load.Rate / float64(max(1, len(s.Visit)))
		return min(max(DefaultWindow, time.Duration(windowVisits/visits*float64(time.Second))), maxOpenWindow)
	}
	return DefaultWindow
}

// timeAlone is how long work takes with a processor to itself: the least of several tries. Among more users than
// processors a clock would mostly measure how long the work was suspended.
func timeAlone(work manager.Work) time.Duration {
	const tries = 9
	took := make([]float64, tries)
	for i := range took {
		start := time.Now()
		work()
		took[i] = float64(time.Since(start))
	}
	return time.Duration(slices.Min(took))
}

// idle is base without work and pauses: what is left is the store's cost and the harness's. One user alone keeps to as many
// sessions as each has in base, and so to the same tape.
func (base setup) idle(users int, warmup, window time.Duration) setup {
	s := base.scenario.Idle()
	if s.OwnSessions {
		s.Sessions = s.SlotsPerUser() * users
	}
	s.Users = users
	idle := base
	idle.scenario, idle.warmup, idle.window, idle.work, idle.hold, idle.pause = s, warmup, window, nil, 0, 0
	idle.record, idle.timeSlices, idle.series = 0, nil, false
	return idle
}

// ProbeUsers is how many users a probe of the harness has, which replays a log as fast as possible: those of the scenario, or, where as many
// are made as are needed, two for each processor.
func ProbeUsers(s *scenarios.Scenario) int {
	if s.Load.Open() {
		return min(s.Users, 2*runtime.GOMAXPROCS(0))
	}
	return s.Users
}

// calibration returns the windows of a pass over a store or an adapter that does nothing. The pass is no longer than a trial,
// whose figures are no more precise than its own window allows.
func (base setup) calibration() (warmup, window time.Duration) {
	window = noopWindow
	if base.window > 0 {
		window = min(noopWindow, max(base.window, passWindow))
	}
	return window / 4, window
}

// passWarmup is the warm-up of a pass over a store. A log is replayed once, and a short one would be over by then.
func (base setup) passWarmup() time.Duration {
	if base.traffic != nil {
		return 0
	}
	return passWarmup
}
