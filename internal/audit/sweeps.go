package audit

import (
	"time"

	"github.com/sessbench/sessbench/manager"
)

// Left is a session that a sweep left and a later one removed.
type Left struct {
	ID   manager.ID
	Idle time.Duration // from its last use to the beginning of the sweep that left it
}

// CheckSweeps adds a violation for each session that a sweep left although no operation had used it for due before the sweep began.
func (f *Findings) CheckSweeps(left []Left, due time.Duration) {
	for _, l := range left {
		if l.Idle >= due {
			f.Violate("session not swept", l.ID, "it was left by a sweep that began %v after its last use", l.Idle)
		}
	}
}
