package runner

import (
	"errors"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// userStats is what one user measures.
type userStats struct {
	ops    [2 * scenarios.NumOps]opStats // by operation; from NumOps on those that a sweep overlapped
	holds  holdStats
	pauses pauseStats
	visits int64
	errors map[string]int64 // by kind
}

// opStats is what one user measures of one kind of operation.
type opStats struct {
	latency    *recorder // nil: there was none yet
	done       int64     // completed inside the window
	failed     int64
	unanswered int64 // of failed, those that got no answer, and so have no latency
	refused    int64 // of failed, those that were not made: without an answer, or after too many conflicts
}

// record counts a latency.
func (o *opStats) record(ns int64) {
	if o.latency == nil {
		o.latency = newRecorder()
	}
	o.latency.record(ns)
}

// holdStats is what one user measures of its work under locks.
type holdStats struct {
	n         int64 // holds that ended in the window
	heldFor   int64 // their sum
	waitedFor int64 // from the operation's start to theirs
	last      int64 // the part inside the window of the current operation's last hold
	inWindow  int64 // the sum of each operation's last: where a store tries again, the earlier holds changed nothing
	inHot     int64 // of that, in the busiest session
	times     *recorder
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
		if reported && h.times != nil {
			h.times.record(int64(held))
		}
	}
}

// pauseStats is what one user measures of its pauses.
type pauseStats struct {
	begun int64
	ended int64 // in the window
	ns    int64 // the part inside the window, in all
	times *recorder
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
	kind := "other"
	for _, k := range errorKinds {
		if errors.Is(err, k.err) {
			kind = k.name
			break
		}
	}
	s.errors[kind]++
}
