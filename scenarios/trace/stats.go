package trace

import (
	"fmt"
	"io"
	"math"
	"slices"
	"time"
)

// Stats describes a log.
type Stats struct {
	Counts
	VisitsPerSession Spread

	// Zipf is the popularity exponent s: the session of rank r gets visits in proportion to r⁻ˢ. See [FitZipf].
	// 0 with fewer than two sessions.
	Zipf float64

	// Burstiness is the coefficient of variation of the times between one visit and the next over the whole log:
	// standard deviation over mean, 1 for Poisson arrivals, more for bursts. NaN if there are too few visits.
	Burstiness float64

	// BurstinessInMinute is the same within single minutes, so that day and night have no influence: see minutes. It is
	// NaN with fewer than 30 minutes that hold two visits or more.
	BurstinessInMinute float64
}

// Spread is the distribution of a count: values that the given share of the items do not exceed.
type Spread struct{ P50, P90, P99, Max int64 }

// Measure reads r to its end and describes it. Memory grows with the distinct sessions only, by about 100 bytes each.
// It does not close r.
func Measure(r *Reader) (Stats, error) {
	known, gaps, minutes := newSessions(), moments{}, minutes{}
	var last time.Duration
	for {
		v, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return Stats{}, err
		}
		at, _, err := known.add(v)
		if err != nil {
			return Stats{}, fmt.Errorf("%s: %w", r.Name(), err)
		}
		if v.Timed {
			if known.counts.Visits > 1 {
				gaps.add((at - last).Seconds())
			}
			minutes.add(at)
		}
		last = at
	}
	visits := known.visits()
	return Stats{
		Counts:             known.finish(r),
		VisitsPerSession:   spread(visits),
		Zipf:               FitZipf(visits),
		Burstiness:         gaps.variation(),
		BurstinessInMinute: minutes.burstiness(),
	}, nil
}

// visits returns the number of visits of each session, most first.
func (s *sessions) visits() []int64 {
	visits := make([]int64, len(s.states))
	for i := range s.states {
		visits[i] = int64(s.states[i].visits)
	}
	slices.SortFunc(visits, func(a, b int64) int { return int(b - a) })
	return visits
}

// spread takes nearest-rank percentiles of counts in falling order.
func spread(falling []int64) Spread {
	if len(falling) == 0 {
		return Spread{}
	}
	at := func(share float64) int64 {
		return falling[len(falling)-max(int(math.Ceil(share*float64(len(falling)))), 1)]
	}
	return Spread{P50: at(0.50), P90: at(0.90), P99: at(0.99), Max: falling[0]}
}
