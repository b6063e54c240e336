//go:build !linux

package wait

import "time"

// alarm calls back at a time. On these systems the network poller waits with a resolution of nanoseconds.
type alarm struct{ timer *time.Timer }

// newAlarm returns an alarm that calls ring, from a goroutine of its own.
func newAlarm(ring func()) (*alarm, error) {
	t := time.AfterFunc(time.Hour, ring)
	t.Stop()
	return &alarm{t}, nil
}

// set has the alarm go off after d, and at no other time. It may be late, and go off once more for the time before.
func (a *alarm) set(d time.Duration) { a.timer.Reset(max(1, d)) }

func (a *alarm) close() { a.timer.Stop() }
