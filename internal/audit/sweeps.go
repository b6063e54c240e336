package audit

import (
	"sort"
	"time"

	"github.com/sessbench/sessbench/manager"
)

// Swept is a completed sweep.
type Swept struct {
	Began int64         // in Unix nanoseconds
	Ended time.Duration // since the trial began
}

// Left is a session that a sweep left and a later one removed.
type Left struct {
	ID      manager.ID
	Touched int64         // its last use, in Unix nanoseconds
	Removed time.Duration // since the trial began
}

// CheckSweeps adds a violation for each session that a sweep left although no operation had used it for due before the sweep began. An
// operation that began before the end of that sweep, and takes at most longest, may have been about to use it. The sweeps are in the order
// of time.
func (f *Findings) CheckSweeps(sweeps []Swept, left []Left, due, longest time.Duration) {
	for _, l := range left {
		idle := func(i int) time.Duration { return time.Duration(sweeps[i].Began - l.Touched) }
		first := sort.Search(len(sweeps), func(i int) bool { return idle(i) >= due })
		if first < len(sweeps) && l.Removed-sweeps[first].Ended > longest {
			f.Violate("session not swept", l.ID, "it was left by a sweep that began %v after its last use", idle(first))
		}
	}
}
