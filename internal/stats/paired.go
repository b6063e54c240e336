package stats

import (
	"maps"
	"math"
	"slices"
)

// Ratio is after over before, from the ratios pair by pair.
type Ratio struct {
	Ratio  float64 // their median, taken of the logarithms
	Lo, Hi float64 // its interval, as in Interval; both 0 with fewer than MinSamples pairs
	P      float64 // the probability of signs at least this lopsided if after and before did not differ
}

// Bounded reports whether the ratio has an interval.
func (r Ratio) Bounded() bool { return r.Hi > 0 }

// SameAsOne reports whether the interval includes 1, or does not exist.
func (r Ratio) SameAsOne() bool { return !r.Bounded() || r.Lo <= 1 && 1 <= r.Hi }

// PairedRatio compares two series of which after[i] and before[i] were measured next to each other, so that what slows
// both cancels out. It panics when the lengths differ. A pair in which either value is not above zero has
// no ratio and is left out; without any pair the Ratio is 0 and P is 1.
//
// P is the exact two-sided sign test (Dixon and Mood, 1946). Pairs without a difference have no
// direction and are excluded from the test.
func PairedRatio(after, before []float64) Ratio {
	if len(after) != len(before) {
		panic("stats: PairedRatio of series of different lengths")
	}
	var logs []float64
	var ups, downs int
	for i := range after {
		if after[i] <= 0 || before[i] <= 0 {
			continue
		}
		// The difference of the logarithms, and not the logarithm of the quotient: its sign is exact when swapped.
		l := math.Log(after[i]) - math.Log(before[i])
		logs = append(logs, l)
		switch {
		case l > 0:
			ups++
		case l < 0:
			downs++
		}
	}
	r := Ratio{P: signTest(ups, downs)}
	if len(logs) == 0 {
		return r
	}
	m, bounded := median(logs)
	r.Ratio = math.Exp(m.Median)
	if bounded {
		r.Lo, r.Hi = math.Exp(m.Lo), math.Exp(m.Hi)
	}
	return r
}

// signTest is the probability that of ups+downs fair coins at least max(ups, downs) show the
// same side.
func signTest(ups, downs int) float64 {
	n, most := ups+downs, max(ups, downs)
	lgN, _ := math.Lgamma(float64(n + 1))
	var tail float64
	for k := most; k <= n; k++ {
		lgK, _ := math.Lgamma(float64(k + 1))
		lgRest, _ := math.Lgamma(float64(n - k + 1))
		tail += math.Exp(lgN - lgK - lgRest - float64(n)*math.Ln2)
	}
	return min(1, 2*tail) // both tails; they overlap where the halves are even
}

// Blocks holds one measurement per block, by the block's number.
type Blocks map[int]float64

// Pair returns the measurements of the blocks that both have, in the order of the blocks.
func Pair(a, b Blocks) (as, bs []float64) {
	for _, block := range slices.Sorted(maps.Keys(a)) {
		if y, ok := b[block]; ok {
			as, bs = append(as, a[block]), append(bs, y)
		}
	}
	return as, bs
}

// Indistinguishable returns the series of throughputs that cannot be distinguished from the
// first, the fastest by its median: their indices in rates, always including 0. All others have
// a paired ratio to the first whose interval excludes 1. With fewer than [MinSamples] common
// blocks nothing can be distinguished.
//
// Each comparison holds at [Confidence] by itself; with many series a false difference becomes
// more likely.
func Indistinguishable(rates []Blocks) []int {
	var tied []int
	for i := range rates {
		if i == 0 || PairedRatio(Pair(rates[i], rates[0])).SameAsOne() {
			tied = append(tied, i)
		}
	}
	return tied
}
