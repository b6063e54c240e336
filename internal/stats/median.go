// Package stats summarizes repeated measurements: medians with intervals, tests, paired comparisons and change points. It
// assumes nothing about the distribution of measurements. Its functions neither change nor keep their arguments.
package stats

import "golang.org/x/perf/benchmath"

// Confidence is the minimum probability with which an interval contains the true median. With
// few samples it is higher: six give 97 %.
const Confidence = 0.95

// MinSamples is the number of samples from which a distribution-free interval at [Confidence] exists.
const MinSamples = 6

// Interval is a median and the bounds of its confidence interval, in the unit of the samples.
type Interval struct{ Median, Lo, Hi float64 }

// Median returns the median of xs with a distribution-free confidence interval: its bounds are two of the samples.
// With fewer than [MinSamples] samples Lo and Hi are 0; without samples all three are.
func Median(xs []float64) Interval {
	i, _ := median(xs)
	return i
}

// median is Median, and reports whether there is an interval: for logarithms, bounds of 0 are
// ordinary values.
func median(xs []float64) (i Interval, bounded bool) {
	if len(xs) == 0 {
		return Interval{}, false
	}
	up := summary(xs, 1)
	if len(xs) < MinSamples {
		return Interval{Median: up.Center}, false
	}
	// For some sizes (8 is the least) two intervals are equally good, and benchmath takes the lower. The union
	// with the interval of the negated values favours neither side, so that swapping a pair inverts it.
	down := summary(xs, -1)
	return Interval{Median: up.Center, Lo: min(up.Lo, -down.Hi), Hi: max(up.Hi, -down.Lo)}, true
}

// summary describes the values multiplied by sign, which is 1 or -1.
func summary(xs []float64, sign float64) benchmath.Summary {
	values := make([]float64, len(xs)) // a copy, since NewSample sorts what it is given
	for i, x := range xs {
		values[i] = sign * x
	}
	return benchmath.AssumeNothing.Summary(benchmath.NewSample(values, &benchmath.Thresholds{CompareAlpha: Alpha}), Confidence)
}
