package trace

import (
	"math"
	"time"
)

// moments keeps mean and variance of a stream of numbers (Welford, Technometrics 4 (1962), 419–420).
type moments struct {
	n, mean, squares float64
}

func (m *moments) add(x float64) {
	m.n++
	d := x - m.mean
	m.mean += d / m.n
	m.squares += d * (x - m.mean)
}

// variation is the standard deviation over the mean, NaN without two numbers or with a mean of 0.
func (m *moments) variation() float64 {
	if m.n < 2 || m.mean == 0 {
		return math.NaN()
	}
	return math.Sqrt(m.squares/m.n) / m.mean
}

// minutes measures how bursty arrivals are within minutes, in constant memory. The n arrivals of a minute cut it into n+1
// spacings; the squared coefficient of variation of those is (n+1)·Σ(spacing/minute)² − 1. Under Poisson arrivals
// its mean is n/(n+2), so the sum over all minutes is set against the sum of that: the root of the ratio is 1 for
// Poisson arrivals however few there are in a minute, below for evenly spaced ones and above for bursts.
//
// Source: Greenwood, "The statistical study of infectious diseases", Journal of the Royal Statistical Society 109
// (1946), 85–110.
type minutes struct {
	minute   time.Duration // number of the current one
	last     time.Duration // latest arrival, from the start of the current minute
	arrivals float64
	squares  float64 // sum of the squared spacings so far, in minutes²

	observed, expected float64
	used               int // minutes with two arrivals or more
}

// add adds the next arrival; at must not decrease.
func (m *minutes) add(at time.Duration) {
	if n := at / time.Minute; n != m.minute {
		m.end()
		m.minute = n
	}
	m.space(at % time.Minute)
	m.arrivals++
}

func (m *minutes) space(to time.Duration) {
	d := (to - m.last).Minutes()
	m.squares += d * d
	m.last = to
}

// end ends the current minute. Minutes with fewer than two arrivals are ignored.
func (m *minutes) end() {
	m.space(time.Minute)
	if n := m.arrivals; n >= 2 {
		// Weighted by the number of spacings, so that a busy minute counts for more than a quiet one.
		m.observed += (n + 1) * ((n+1)*m.squares - 1)
		m.expected += (n + 1) * n / (n + 2)
		m.used++
	}
	m.last, m.arrivals, m.squares = 0, 0, 0
}

// burstiness ignores the last minute, in which the log may stop.
func (m *minutes) burstiness() float64 {
	const least = 30
	if m.used < least {
		return math.NaN()
	}
	return math.Sqrt(m.observed / m.expected)
}
