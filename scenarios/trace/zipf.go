package trace

import "math"

// FitZipf returns the exponent s with which Zipf's law, p(r) = r⁻ˢ / Σ i⁻ˢ over ranks r = 1…n, makes the counts most
// likely. counts are in falling order: counts[0] is that of rank 1. All ranks take part, each with the weight
// of its count. The result is from 0 to 10; 0 with fewer than two counts.
//
// At the maximum the mean of ln r under the law equals its mean in the data, and falls as s rises, so bisection finds it.
// A least-squares line through log count against log rank, the older practice, gives every session with one visit as
// much weight as the busiest, so that the long flat end determines the slope. A bias remains, which the source describes: ranks
// are derived from the counts, so that with few visits per session random differences look like popularity.
//
// Source: Corral, Serra, Ferrer-i-Cancho, "Distinct flavors of Zipf's law and its maximum likelihood fitting:
// Rank-size and size-distribution representations", Physical Review E 102, 052113 (2020), arXiv:1908.01398.
func FitZipf(counts []int64) float64 {
	if len(counts) < 2 {
		return 0
	}
	logs := make([]float64, len(counts))
	var all, sum float64
	for i, n := range counts {
		logs[i] = math.Log(float64(i + 1))
		all += float64(n)
		sum += float64(n) * logs[i]
	}
	const largest, precision = 10, 1e-5
	low, high := 0.0, float64(largest)
	for high-low > precision {
		s := (low + high) / 2
		if meanLogRank(logs, s) > sum/all {
			low = s
		} else {
			high = s
		}
	}
	return (low + high) / 2
}

// meanLogRank is the mean of ln r under Zipf's law with exponent s.
func meanLogRank(logs []float64, s float64) float64 {
	var weights, sum float64
	for _, l := range logs {
		w := math.Exp(-s * l)
		weights += w
		sum += w * l
	}
	return sum / weights
}
