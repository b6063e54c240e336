package manager

import (
	"runtime"
	"time"
)

// Work is what an update does while it holds the session.
type Work func()

// SleepFor is work that waits d, as a call to a model or a database does. The processor is free meanwhile.
func SleepFor(d time.Duration) Work { return func() { time.Sleep(d) } }

// Spinner is work on the processor in units measured beforehand, so that a spin never looks at the clock and never
// shrinks because the goroutine was preempted.
type Spinner struct{ perMicrosecond float64 }

// CalibrateSpinner measures how much a processor of this machine spins in a microsecond: the fastest of several
// tries, some milliseconds in all.
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

// For is work that keeps a processor busy for d when nothing else wants it.
func (s Spinner) For(d time.Duration) Work {
	n := s.steps(d)
	return func() { runtime.KeepAlive(spin(n)) }
}

// steps is the number of spin's steps that take d.
func (s Spinner) steps(d time.Duration) int {
	return int(s.perMicrosecond * float64(d.Nanoseconds()) / 1e3)
}

// spin runs n dependent steps of a xorshift generator. As long as somebody wants the result the compiler can neither drop
// nor shorten them.
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
