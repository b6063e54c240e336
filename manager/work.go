package manager

import (
	"runtime"
	"time"
)

// Work is what an update does while it holds the session.
type Work func()

// SleepFor returns work that sleeps for d, like a call to a model or a database. The processor is free meanwhile.
func SleepFor(d time.Duration) Work { return func() { time.Sleep(d) } }

// Spinner creates work on the processor. It counts steps whose duration was measured beforehand, so that the work reads no clock
// and does not shrink when the goroutine is preempted.
type Spinner struct{ perMicrosecond float64 }

// CalibrateSpinner measures the steps per microsecond of a processor of this machine: the fastest of several tries, some
// milliseconds in all.
func CalibrateSpinner() Spinner {
	const n, tries = 100_000, 15
	best := time.Duration(1 << 62)
	for range tries {
		start := time.Now()
		runtime.KeepAlive(spin(n))
		best = min(best, time.Since(start))
	}
	return Spinner{float64(n) / (float64(best.Nanoseconds()) / 1e3)}
}

// For returns work that takes d of processor time.
func (s Spinner) For(d time.Duration) Work {
	n := s.steps(d)
	return func() { runtime.KeepAlive(spin(n)) }
}

// steps returns the number of steps of spin that take d.
func (s Spinner) steps(d time.Duration) int {
	return int(s.perMicrosecond * float64(d.Nanoseconds()) / 1e3)
}

// spin runs n dependent steps of a xorshift generator. As long as the result is used the compiler cannot remove them.
//
//go:noinline
func spin(n int) uint64 {
	x := uint64(88172645463325252)
	for range n {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	return x
}
