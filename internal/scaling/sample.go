package scaling

import (
	"math"
	"slices"

	moremath "github.com/aclements/go-moremath/stats"
)

// sample is the logarithms of trials, by point and block, without their outliers.
type sample [][]float64

func newSample(points []Point) sample {
	s := make(sample, len(points))
	for i, p := range points {
		s[i] = make([]float64, len(p.Trials))
		for j, y := range p.Trials {
			s[i][j] = math.Log(y)
		}
	}
	s.clip()
	return s
}

// outlier is the largest distance of a trial from what its point and its block let expect, in robust standard deviations. Of normal
// noise about one in a hundred trials is further away.
const outlier = 3

// clip moves outliers to the largest distance that is none: a trial during which the machine had something else to do would
// otherwise outweigh all others. It expects of a trial the median of its point, plus the median by which the trials of its block
// differ from those of their points. The standard deviation is the larger one of the point's trials and of all.
func (s sample) clip() {
	rests := make([][]float64, len(s)) // of each point
	for i, logs := range s {
		rests[i] = sum(logs, -median(logs), ones(len(logs)))
	}
	blocks := make([]float64, len(s[0]))
	if s.blocks(make([]float64, len(s))) != nil {
		for j := range blocks {
			var block []float64
			for _, rest := range rests {
				block = append(block, rest[j])
			}
			blocks[j] = median(block)
		}
		for _, rest := range rests {
			add(rest, -1, blocks)
		}
	}
	all := deviation(slices.Concat(rests...))
	for i, rest := range rests {
		limit := outlier * max(all, deviation(rest))
		for j, r := range rest {
			s[i][j] += min(max(r, -limit), limit) - r
		}
	}
}

// deviation returns the standard deviation of normal values with a mean of 0 whose absolute values have this median.
func deviation(rests []float64) float64 {
	absolute := make([]float64, len(rests))
	for i, r := range rests {
		absolute[i] = math.Abs(r)
	}
	return 1.4826 * median(absolute)
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

func median(xs []float64) float64 {
	sorted := slices.Sorted(slices.Values(xs))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
