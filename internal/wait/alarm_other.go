//go:build !linux

package wait

import "time"

// alarm calls back at a time. The network pollers of the BSDs and macOS wait with a resolution of nanoseconds; on Windows
// Go's timers have that of the system, half a millisecond or better.
type alarm struct{ timer *time.Timer }

// newAlarm returns an alarm that calls ring, from a goroutine of its own.
func newAlarm(ring func()) (*alarm, error) {
	t := time.AfterFunc(time.Hour, ring)
	t.Stop()
	return &alarm{t}, nil
}

// set replaces the time of the alarm by now + d. An expiry of the previous time may still be delivered.
func (a *alarm) set(d time.Duration) { a.timer.Reset(max(1, d)) }

func (a *alarm) close() { a.timer.Stop() }
