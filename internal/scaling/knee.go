package scaling

import "math"

const (
	kneePoints = 5   // the least number of points of a knee: two lines, and one more
	kneeBend   = 0.5 // the least difference of the exponents
	kneeSteps  = 400 // positions that are tried
)

// Knee returns the value from which on the throughput no longer grows as before, or nil when none is observed. It is where two
// straight lines meet that fit the points best on logarithmic axes, and it is one when the exponent (the slope there) falls by
// at least a half, and by more than chance: from growth in proportion to the users (1) to none (0), for instance, or from no
// influence of a hold (0) to a throughput that is inverse to it (−1).
//
// On logarithmic axes the bounds of operational analysis, of light and of heavy load, are such lines, and the
// point at which they meet is its saturation point N* (P. J. Denning and J. P. Buzen, "The Operational Analysis of Queueing
// Network Models", Computing Surveys 10, 1978); fitted lines with an unknown join are D. J. Hudson's ("Fitting Segmented Curves Whose
// Join Points Have to Be Estimated", JASA 61, 1966). Kneedle (V. Satopää et al., 2011) finds a knee in every curve that bends, and
// another one when the range of the measured values is another: it is not used.
func Knee(points []Point) *Estimate {
	if check(points, kneePoints) != nil {
		return nil
	}
	k := newKnee(points)
	best, least := 0, math.Inf(1)
	for step := range kneeSteps + 1 {
		if _, rest, ok := project(k.lines(k.position(step)), k.means); ok && dot(rest, rest) < least {
			best, least = step, dot(rest, rest)
		}
	}
	n := len(points)
	freedom := float64(n - 4) // two lines, and where they meet
	misfit := spread{math.Sqrt(least / freedom), freedom}
	if !k.bends(k.position(best), misfit) {
		return nil
	}
	low, high := best, best
	for low >= 0 && k.accepts(k.position(low), misfit) {
		low--
	}
	for high <= kneeSteps && k.accepts(k.position(high), misfit) {
		high++
	}
	e := Estimate{k.position(best), k.position(min(low+1, best)), k.position(max(high-1, best))}
	// The knee may be closer to an end than the second point: then the line at that end has only one.
	if low < 0 {
		e.Low = k.logs[0]
	}
	if high > kneeSteps {
		e.High = k.logs[n-1]
	}
	e = exp(e)
	return &e
}

// knee is a series on logarithmic axes.
type knee struct {
	sample      sample
	logs, means []float64
	ones        []float64
}

func newKnee(points []Point) *knee {
	k := &knee{sample: newSample(points), ones: ones(len(points))}
	k.means = k.sample.means()
	for _, p := range points {
		k.logs = append(k.logs, math.Log(p.X))
	}
	return k
}

// position returns the logarithm of a possible knee: one between the second point and the last but one.
func (k *knee) position(step int) float64 {
	first, last := k.logs[1], k.logs[len(k.logs)-2]
	return first + (last-first)*float64(step)/kneeSteps
}

// lines returns the columns of two lines that meet at a position: the second has another slope beyond it.
func (k *knee) lines(position float64) [][]float64 {
	beyond := make([]float64, len(k.logs))
	for i, l := range k.logs {
		beyond[i] = max(0, l-position)
	}
	return [][]float64{k.ones, k.logs, beyond}
}

// bends reports whether the slope at a position falls enough, and significantly.
func (k *knee) bends(position float64, misfit spread) bool {
	lines := k.lines(position)
	_, direction, ok := project(lines[:2], lines[2])
	if !ok {
		return false
	}
	scale(direction, 1/dot(direction, direction))
	change := dot(direction, k.means)
	misfit.err *= norm(direction)
	return change <= -kneeBend && !k.sample.spread(direction).covers(change, confidence) && !misfit.covers(change, confidence)
}

// accepts reports whether the knee may be at a position, as the intervals of a law accept a parameter: whether what the
// lines leave has no significant part in the direction in which it changes when the position does.
func (k *knee) accepts(position float64, misfit spread) bool {
	lines := k.lines(position)
	_, rest, ok := project(lines, k.means)
	if !ok {
		return false
	}
	moved := make([]float64, len(k.logs))
	for i, l := range k.logs {
		if l > position {
			moved[i] = 1
		}
	}
	_, direction, ok := project(lines, moved)
	if !ok {
		return false
	}
	scale(direction, 1/norm(direction))
	part := dot(direction, rest)
	return k.sample.spread(direction).covers(part, confidence) || misfit.covers(part, confidence)
}
