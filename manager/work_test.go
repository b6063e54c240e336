package manager

import (
	"math"
	"testing"
	"testing/synctest"
	"time"
)

func TestSleepFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		work := SleepFor(100 * time.Millisecond)
		for range 3 {
			start := time.Now()
			work()
			if slept := time.Since(start); slept != 100*time.Millisecond {
				t.Errorf("slept %v: want 100ms", slept)
			}
		}
	})
}

func TestSpinnerSteps(t *testing.T) {
	s := Spinner{perMicrosecond: 333.5}
	tests := []struct {
		why  string
		d    time.Duration
		want int
	}{
		{"no time, no steps", 0, 0},
		{"time does not run backwards", -time.Second, -333_500_000}, // ranging over it makes none
		{"parts of a step are dropped", time.Microsecond, 333},
		{"twice the time, twice the steps", 2 * time.Microsecond, 667},
		{"a millisecond", time.Millisecond, 333_500},
		{"a second", time.Second, 333_500_000},
	}
	for _, test := range tests {
		if got := s.steps(test.d); got != test.want {
			t.Errorf("%s: %v takes %d steps, want %d", test.why, test.d, got, test.want)
		}
	}
}

func TestCalibrateSpinner(t *testing.T) {
	s := CalibrateSpinner()
	if !(s.perMicrosecond > 0) || math.IsInf(s.perMicrosecond, 0) {
		t.Fatalf("%v steps a microsecond: want a positive number", s.perMicrosecond)
	}
	const d = 10 * time.Millisecond
	once, twice := s.steps(d), s.steps(2*d)
	if once < 1 || twice < 2*once || twice > 2*once+1 {
		t.Errorf("%d steps for %v and %d for twice that", once, d, twice)
	}
	s.For(time.Microsecond)()
	s.For(-time.Microsecond)()
}

// The steps depend on each other and on nothing else: n and then m of them end where n+m of them do.
func TestSpinTakesItsSteps(t *testing.T) {
	x := uint64(88172645463325252)
	for n := range 1000 {
		if got := spin(n); got != x {
			t.Fatalf("after %d steps at %d: want %d", n, got, x)
		}
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
}
