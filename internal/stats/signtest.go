package stats

import (
	"fmt"
	"math"
	"math/big"
	"slices"
)

// The bounds of this file are the sign test turned into a one-sided interval for the median (W. R. Thompson, "On
// confidence ranges for the median and other expectation distributions for populations of unknown distribution form",
// Annals of Mathematical Statistics 7, 1936; H. A. David and H. N. Nagaraja, "Order Statistics", 3rd ed., section 7.1).
//
// Of n independent measurements each lies below the median with probability 1/2, however they are distributed. So the
// k-th smallest lies above the median only if fewer than k fell below it: with probability P(B < k), B being
// the number of heads of n fair coins. The largest k for which that is at most alpha gives the tightest bound that fails
// no more often than alpha. Where several measurements are equal to the median it fails less often still.

// LowerRank returns the largest k for which the k-th smallest of n measurements (the first is 1) lies above their true
// median with a probability of at most alpha, and 0 where even the smallest does not do: see [LeastSamples].
// The arithmetic is exact for every n. It panics unless alpha lies between 0 and 1, both excluded.
func LowerRank(n int, alpha float64) int {
	need := bounded(alpha)
	// P(B < k) <= alpha, times 2ⁿ: the number of ways to throw fewer than k heads, and how many of them are allowed.
	allowed := new(big.Int).Lsh(need.Num(), uint(max(n, 0)))
	allowed.Quo(allowed, need.Denom())
	ways, heads := new(big.Int), big.NewInt(1) // heads: the ways to throw k of them
	for k := range n {
		if ways.Add(ways, heads).Cmp(allowed) > 0 {
			return k
		}
		heads.Mul(heads, big.NewInt(int64(n-k)))
		heads.Quo(heads, big.NewInt(int64(k+1))) // without a remainder
	}
	return max(n, 0)
}

// UpperRank mirrors [LowerRank]: the smallest k for which the k-th smallest of n measurements
// lies below their true median with a probability of at most alpha, and 0 if even the largest
// does not.
func UpperRank(n int, alpha float64) int {
	if k := LowerRank(n, alpha); k > 0 {
		return n + 1 - k
	}
	return 0
}

// LowerBound returns a value that the true median of what was measured exceeds or equals with a probability of at least
// 1-alpha: the measurement of rank [LowerRank]. ok is false where there are too few for one. xs holds no NaN.
func LowerBound(xs []float64, alpha float64) (bound float64, ok bool) {
	return ranked(xs, LowerRank(len(xs), alpha))
}

// UpperBound returns a value that the true median of what was measured stays below or equals with a probability of at
// least 1-alpha: the measurement of rank [UpperRank]. ok is false where there are too few for one. xs holds no NaN.
func UpperBound(xs []float64, alpha float64) (bound float64, ok bool) {
	return ranked(xs, UpperRank(len(xs), alpha))
}

// LeastSamples returns the smallest number of measurements that have a one-sided bound at alpha: the smallest n with
// 2⁻ⁿ <= alpha. It panics unless alpha lies between 0 and 1, both excluded.
func LeastSamples(alpha float64) int {
	bounded(alpha)
	_, exponent := math.Frexp(alpha) // 2^(exponent-1) <= alpha < 2^exponent
	return 1 - exponent
}

// ranked returns the k-th smallest of xs, and nothing for rank 0.
func ranked(xs []float64, k int) (float64, bool) {
	if k == 0 {
		return 0, false
	}
	return slices.Sorted(slices.Values(xs))[k-1], true
}

// bounded returns alpha as the exact fraction of the floating-point number.
func bounded(alpha float64) *big.Rat {
	if !(alpha > 0 && alpha < 1) {
		panic(fmt.Sprintf("stats: alpha %v: want more than 0 and less than 1", alpha))
	}
	return new(big.Rat).SetFloat64(alpha)
}
