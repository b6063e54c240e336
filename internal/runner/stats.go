package runner

import (
	"errors"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// userStats is what one user measures.
type userStats struct {
	times  batch
	ops    [opKinds]opStats // by operation; from NumOps on those that a sweep overlapped
	holds  holdStats
	pauses pauseStats
	visits int64
	moved  moved            // to the series, of ops
	errors map[string]int64 // by kind

	unserved int64 // visits that arrived and that no user started
}

// opStats is what one user measures of one kind of operation.
type opStats struct {
	done       int64 // completed inside the window
	failed     int64
	unanswered int64 // of failed, those that got no answer, and so have no latency
	refused    int64 // of failed, those that were not made: without an answer, or after too many conflicts
	censored   int64 // without an end in the drain
}

// responded records an operation of an open loop that was intended at due, called at start, and ended at end. limit is the end of the drain.
func (s *userStats) responded(kind scenarios.Op, due, start, end, limit int64) {
	if end > limit {
		s.ops[kind].censored++
	}
	s.times.record(responseOf(kind), due, end, limit)
	s.times.record(serviceOf(kind), start, end, limit)
}

// holdStats is what one user measures of its work under locks.
type holdStats struct {
	n         int64 // holds that ended in the window
	heldFor   int64 // their sum
	waitedFor int64 // from the operation's start to theirs
	last      int64 // the part inside the window of the current operation's last hold
	inWindow  int64 // the sum of each operation's last: where a store tries again, the earlier holds changed nothing
	inHot     int64 // of that, in the busiest session
	timed     bool  // they wait, so that their times are recorded
}

// ended counts the last hold of an operation that has ended. One that failed need not have excluded others.
func (h *holdStats) ended(hot bool) {
	h.inWindow += h.last
	if hot {
		h.inHot += h.last
	}
	h.last = 0
}

// noteRemoteHold records work under the lock in another process: its duration as reported, otherwise as requested.
func (u *user) noteRemoteHold() {
	held, reported := u.request.Hold, u.effect.Reported&scenarios.ReportsHeld != 0
	if reported {
		held = u.effect.Held
	}
	phases, h := &u.trial.phases, &u.stats.holds
	end := phases.now()
	h.inWindow += phases.overlap(max(u.opStart, end-int64(held)), end)
	if phases.contains(end) {
		h.n++
		h.heldFor += int64(held)
		if reported && h.timed {
			u.stats.times.add(holdTimes, int64(held))
		}
	}
}

// pauseStats is what one user measures of its pauses.
type pauseStats struct {
	begun int64
	ended int64 // in the window
	ns    int64 // the part inside the window, in all
}

// paused records a pause from start to end. Of a part of one the duration is not that of a pause.
func (s *userStats) paused(phases *phases, start, end int64, whole bool) {
	p := &s.pauses
	if phases.contains(end) {
		p.ended++
	}
	p.ns += phases.overlap(start, end)
	if whole && start >= phases.from && end <= phases.until {
		s.times.add(pauseTimes, end-start)
	}
}

// completed is how many operations were completed inside the window.
func (s *userStats) completed() (n int64) {
	for _, of := range s.ops {
		n += of.done
	}
	return n
}

// errorKinds are the names of errors in results.
var errorKinds = [...]struct {
	err  error
	name string
}{
	{scenarios.ErrUnavailable, "gone"},
	{scenarios.ErrUnsupported, "unsupported"},
	{manager.ErrNotFound, "not_found"},
	{manager.ErrExists, "exists"},
	{manager.ErrClosed, "closed"},
	{manager.ErrConflict, "conflict"},
	{manager.ErrIndeterminate, "indeterminate"},
	{manager.ErrNotApplied, "not_applied"},
}

// count counts an error by its kind.
func (s *userStats) count(err error) {
	if s.errors == nil {
		s.errors = map[string]int64{}
	}
	s.errors[kindOfError(err)]++
}

// kindOfError returns the name of an error in results: its own, if it has one, as the answers of services do.
func kindOfError(err error) string {
	var named interface {
		error
		Kind() string
	}
	if errors.As(err, &named) {
		return named.Kind()
	}
	for _, k := range errorKinds {
		if errors.Is(err, k.err) {
			return k.name
		}
	}
	return "other"
}
