package stats

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// The stretches and the test of [ChangePoints].
const (
	// LeastStretch is the minimum length of a stretch. Fewer than twice as many values are not divided: of ten values only
	// two of C(10,5) = 252 divisions are as extreme as any, which is close to the 1 % of the test.
	LeastStretch = 5

	// ChangePointHistory is the number of newest values that are examined. The time grows with the square of it: 200 values
	// with many changes take a tenth of a second, others almost none.
	ChangePointHistory = 200

	changeAlpha  = 0.01
	permutations = 499 // and the series itself: the smallest P is 0.002, and five as extreme ones give 0.01
)

// ChangePoints returns the indices at which the distribution of xs, a series in the order of time, changes: those of the
// first values of new stretches, in ascending order. The same series always has the same change points. Only the newest
// [ChangePointHistory] values are examined.
//
// It is the E-divisive algorithm with exponent 1 (D. S. Matteson and N. A. James, "A Nonparametric Approach for Multiple
// Change Point Analysis of Multivariate Data", JASA 109, 2014), which assumes nothing about the distribution of values
// and is used on the histories of benchmarks (Daly et al., "The Use of Change Point Detection to Identify Software
// Performance Regressions in a Continuous Integration System", ICPE 2020; Fleming et al., "Hunter: Using Change Point
// Detection to Hunt for Performance Regressions", ICPE 2023). A stretch is divided where the energy
// distance of its two sides is largest, if a permutation test at 1 % confirms the division: noise is divided with a probability
// of 1 %. Unlike in the paper each stretch is tested separately. Since a stretch has at least five values, a single
// outlier is no change, and a change within the last five values is not found, or is reported some values early.
//
// Values from different machines, and values that depend on the ones before, have more change points than programs
// changed: a change point is a hint where to look. ChangePoints panics on a value that is not finite.
func ChangePoints(xs []float64) []int {
	for i, x := range xs {
		if !finite(x) {
			panic(fmt.Sprintf("stats: change points of a series whose value %d is %v: want finite ones", i, x))
		}
	}
	first := max(0, len(xs)-ChangePointHistory)
	return divided(xs[first:], first, rand.New(rand.NewPCG(1, 2)))
}

// divided returns the change points of one stretch, which begins at index first of the series.
func divided(xs []float64, first int, random *rand.Rand) []int {
	at, found := changePoint(xs, random)
	if !found {
		return nil
	}
	points := append(divided(xs[:at], first, random), first+at)
	return append(points, divided(xs[at:], first+at, random)...)
}

// changePoint returns where a stretch is best divided, and whether it may be: whether at most one in a hundred of its
// permutations can be divided as well.
func changePoint(xs []float64, random *rand.Rand) (at int, found bool) {
	if len(xs) < 2*LeastStretch {
		return 0, false
	}
	at, q := bestDivision(xs)
	// Sums in another order differ in their last digits: what is equal but for those is as far out.
	q -= 1e-9 * math.Abs(q)
	shuffled := append([]float64(nil), xs...)
	asFar := 1 // the series as it is
	for range permutations {
		random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if _, other := bestDivision(shuffled); other >= q {
			if asFar++; float64(asFar)/(permutations+1) > changeAlpha {
				return 0, false
			}
		}
	}
	return at, true
}

// bestDivision returns the index at which the values before differ most from those after, and by how much: of all at and end
// with at least LeastStretch values in xs[:at] and in xs[at:end] the largest
//
//	q = mn/(m+n) · (2·E|X−Y| − E|X−X′| − E|Y−Y′|)
//
// where X are the m values before at, Y the n values from at to end, and E the means over all pairs (section 2 of the paper).
// That the end is free, too, keeps a change from being hidden by one that takes it back. q may be negative.
//
// The time is that of all pairs of at and end, since the sums of one follow from those of the next; the memory that of xs.
func bestDivision(xs []float64) (at int, q float64) {
	n := len(xs)
	before := make([]float64, n+1) // before[k]: Σ|x(i)−x(j)| over i < j < k
	within := make([]float64, n)   // within[k]: Σ|x(i)−x(k)| over split <= i < k
	over := make([]float64, n+1)   // over[k]: 1/k, since dividing is what would take most of the time
	for k := range n {
		var sum float64
		for _, x := range xs[:k] {
			sum += math.Abs(x - xs[k])
		}
		before[k+1] = before[k] + sum
		over[k+1] = 1 / float64(k+1)
	}
	q = math.Inf(-1)
	for split := n - 1; split >= LeastStretch; split-- {
		m, here := float64(split), before[split]
		each := here * over[split-1] // Σ|X−X′| over m-1
		var after float64            // Σ|Y−Y′| over all pairs
		for k := split + 1; k < n; k++ {
			within[k] += math.Abs(xs[split] - xs[k])
			after += within[k]
			size := k + 1 - split
			if size < LeastStretch {
				continue
			}
			between := before[k+1] - here - after // Σ|X−Y|
			if half := over[k+1] * (between - float64(size)*each - m*after*over[size-1]); half > q {
				at, q = split, half
			}
		}
	}
	return at, 2 * q
}
