package scaling

import (
	"math"

	moremath "github.com/aclements/go-moremath/stats"
)

// sample is the logarithms of trials, by point and block.
type sample [][]float64

func newSample(points []Point) sample {
	s := make(sample, len(points))
	for i, p := range points {
		s[i] = make([]float64, len(p.Trials))
		for j, y := range p.Trials {
			s[i][j] = math.Log(y)
		}
	}
	return s
}

// means returns the mean of each point.
func (s sample) means() []float64 {
	means := make([]float64, len(s))
	for i, logs := range s {
		means[i], _ = moments(logs)
	}
	return means
}

// spread is how far a sum may be from its expectation: its standard error, and the degrees of freedom of that.
type spread struct{ err, freedom float64 }

// covers reports whether the interval around a sum, with this confidence, contains what is at this distance from the sum.
func (s spread) covers(distance, confidence float64) bool {
	if s.err == 0 {
		return distance == 0
	}
	return moremath.TDist{V: s.freedom}.CDF(math.Abs(distance)/s.err) <= (1+confidence)/2
}

// spread returns that of the sum of the points' means, each multiplied by its weight. The sums of the blocks are as many
// independent values of it, however the trials of one block depend on each other. Where the points differ in their number of
// trials, all trials count as independent (B. L. Welch, "The generalization of Student's problem", Biometrika 34, 1947).
func (s sample) spread(weights []float64) spread {
	if sums := s.blocks(weights); sums != nil {
		_, variance := moments(sums)
		n := float64(len(sums))
		return spread{math.Sqrt(variance / n), n - 1}
	}
	var total, parts float64
	for i, logs := range s {
		_, variance := moments(logs)
		v := weights[i] * weights[i] * variance / float64(len(logs))
		total += v
		parts += v * v / float64(len(logs)-1)
	}
	return spread{math.Sqrt(total), total * total / max(parts, math.SmallestNonzeroFloat64)}
}

// blocks returns the weighted sum of each block, or nil when the points differ in their number of trials.
func (s sample) blocks(weights []float64) []float64 {
	sums := make([]float64, len(s[0]))
	for i, logs := range s {
		if len(logs) != len(sums) {
			return nil
		}
		for j, l := range logs {
			sums[j] += weights[i] * l
		}
	}
	return sums
}

// moments returns the mean and the variance of at least two values.
func moments(xs []float64) (mean, variance float64) {
	n := float64(len(xs))
	for _, x := range xs {
		mean += x / n
	}
	for _, x := range xs {
		variance += (x - mean) * (x - mean) / (n - 1)
	}
	return mean, variance
}
