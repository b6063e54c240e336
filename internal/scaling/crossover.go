package scaling

import "math"

// Crossover is a value of the setting from which on another series is faster.
type Crossover struct {
	At     Estimate
	Faster int // the faster series from At on: 0 is a, 1 is b
}

// significant is the confidence with which one series is faster at a measured value. A false crossover needs two false
// differences, in opposite directions: with eleven values at most three in a thousand pairs of equal series have one.
const significant = 0.99

// Crossovers returns where the faster of two series changes, in ascending order. Only values at which both were measured
// count, and there is a crossover only between two at which the differences are significant and
// have opposite signs. Trials of one block are compared with each other.
//
// Between measured values throughputs are interpolated on logarithmic axes. The interval of a crossover has all values at which the
// interpolated series do not differ significantly (as in E. C. Fieller, "Some problems in interval estimation", JRSS B 16, 1954).
func Crossovers(a, b []Point) []Crossover {
	d := newDifferences(a, b)
	if d == nil {
		return nil
	}
	var found []Crossover
	last, sign := 0, 0 // the last point with a significant difference, and its sign
	for i := range d.logs {
		s := d.sign(d.logs[i], significant)
		if s == 0 {
			continue
		}
		if s == -sign {
			found = append(found, d.crossover(last, i, s))
		}
		last, sign = i, s
	}
	return found
}

// differences are those of b's logarithms from a's, where both were measured.
type differences struct {
	logs   []float64 // of the measured values, ascending
	sample sample    // the points of a, then those of b
	means  []float64
}

func newDifferences(a, b []Point) *differences {
	if check(a, 1) != nil || check(b, 1) != nil {
		return nil
	}
	var as, bs []Point
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i].X < b[j].X:
			i++
		case a[i].X > b[j].X:
			j++
		default:
			as, bs = append(as, a[i]), append(bs, b[j])
			i, j = i+1, j+1
		}
	}
	if len(as) == 0 {
		return nil
	}
	d := &differences{sample: newSample(append(as, bs...))}
	d.means = d.sample.means()
	for _, p := range as {
		d.logs = append(d.logs, math.Log(p.X))
	}
	return d
}

// at returns the weights of the means whose sum is the difference at a value, given by its logarithm.
func (d *differences) at(log float64) []float64 {
	n := len(d.logs)
	weights := make([]float64, 2*n)
	k := 0
	for k < n-2 && d.logs[k+1] <= log {
		k++
	}
	share := 0.0
	if n > 1 {
		share = (log - d.logs[k]) / (d.logs[k+1] - d.logs[k])
		weights[k+1], weights[n+k+1] = -share, share
	}
	weights[k], weights[n+k] = share-1, 1-share
	return weights
}

// sign returns 1 where b is faster, -1 where a is, and 0 where that is not certain.
func (d *differences) sign(log, confidence float64) int {
	weights := d.at(log)
	difference := dot(weights, d.means)
	switch {
	case d.sample.spread(weights).covers(difference, confidence):
		return 0
	case difference > 0:
		return 1
	default:
		return -1
	}
}

// crossover returns that between two points, from the second of which on the difference has this sign.
func (d *differences) crossover(from, to, sign int) Crossover {
	const steps = 1000
	position := func(k int) float64 {
		return d.logs[from] + (d.logs[to]-d.logs[from])*float64(k)/steps
	}
	low, high := 0, steps
	for low < steps && d.sign(position(low+1), confidence) == -sign {
		low++
	}
	for high > low && d.sign(position(high-1), confidence) == sign {
		high--
	}
	var zeros []int // an odd number: the first difference and the last have opposite signs
	before := -sign
	for k := low; k <= high; k++ {
		if now := dot(d.at(position(k)), d.means)*float64(sign) > 0; now != (before == sign) {
			zeros = append(zeros, k)
			before = -before
		}
	}
	at := high
	if len(zeros) > 0 {
		at = zeros[len(zeros)/2]
	}
	c := Crossover{At: exp(Estimate{position(at), position(low), position(high)})}
	if sign > 0 {
		c.Faster = 1
	}
	return c
}
