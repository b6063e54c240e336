package stats

import (
	"math"

	"golang.org/x/perf/benchmath"
)

// Alpha is the probability at or below which a difference between two series counts as one.
const Alpha = 0.05

// Describe summarizes a series exactly as benchstat does: its median, and the distribution-free interval at [Confidence]
// with infinite bounds below [MinSamples] samples. Where [Median] takes the union of two equally good
// intervals (8 samples are the least), this is benchmath's choice, so that the columns of both tools are the same.
// xs must not be empty.
func Describe(xs []float64) benchmath.Summary { return summary(xs, 1) }

// Compare tests whether two series, neither of them empty, come from one distribution: the two-sided Mann-Whitney U test
// at [Alpha] (Mann and Whitney, 1947), exact unless the series are long. The series are not paired: when a machine
// slows down between them, that is a difference. When all values are equal P is 1 and there is a warning.
//
// P is benchmath's but for one thing: benchmath doubles one tail, which gives more than 1 for some short series of different
// lengths with ties, and here never does. For such series it also depends, a little, on which of them is before.
func Compare(before, after []float64) benchmath.Comparison {
	c := benchmath.AssumeNothing.Compare(sample(before), sample(after))
	c.P = min(c.P, 1)
	return c
}

// CanDiffer reports whether [Compare] could find any difference between series of these lengths.
func CanDiffer(n1, n2 int) bool { return n1 > 0 && n2 > 0 && LeastP(n1, n2) <= Alpha }

// LeastP is the least P that [Compare] gives for series of these lengths, that of all of one above all of the other: 2 over
// the number of ways to choose n1 of n1+n2.
func LeastP(n1, n2 int) float64 {
	ways := 1.0
	for k := 1; k <= n1; k++ {
		ways *= float64(n2+k) / float64(k)
	}
	return 2 / ways
}

// GeoMean returns the geometric mean of xs. ok is false when there is none: without values, or when one is not above 0.
func GeoMean(xs []float64) (mean float64, ok bool) {
	var logs float64
	for _, x := range xs {
		if !(x > 0) {
			return 0, false
		}
		logs += math.Log(x)
	}
	if len(xs) == 0 {
		return 0, false
	}
	return math.Exp(logs / float64(len(xs))), true
}

func sample(xs []float64) *benchmath.Sample {
	thresholds := benchmath.Thresholds{CompareAlpha: Alpha}
	return benchmath.NewSample(append([]float64(nil), xs...), &thresholds) // a copy, since NewSample sorts what it is given
}
