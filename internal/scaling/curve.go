package scaling

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// curve is a law with the measurements to which it is fitted. Users per throughput, N/C = (1 + σ(N−1) + κN(N−1))/λ, is a sum of
// three columns, and stays a sum of columns when one of its parameters is given.
type curve struct {
	sample              sample
	largest             float64
	logs                []float64 // of users per throughput
	ones, others, pairs []float64 // the columns: 1, N−1 and N(N−1), with the coefficients 1/λ, σ/λ and κ/λ
	best                []float64 // the coefficients with the least squares among those that are not below 0
	free                []float64 // the coefficients with the least squares
	misfit              spread    // of any normed sum of what these leave
}

var errNoFit = errors.New("no parameters of the law fit")

func newCurve(points []Point) (*curve, error) {
	c := &curve{sample: newSample(points), largest: points[len(points)-1].X}
	c.logs, c.ones = c.sample.means(), ones(len(points))
	for i, p := range points {
		c.logs[i] = math.Log(p.X) - c.logs[i]
		c.others = append(c.others, p.X-1)
		c.pairs = append(c.pairs, p.X*(p.X-1))
	}
	least := math.Inf(1)
	// Where the least squares need a σ or κ below 0, one of them is 0 in the best that do not.
	all := [][]float64{c.ones, c.others, c.pairs}
	for _, used := range [][]int{{0, 1, 2}, {0, 1}, {0, 2}, {0}} {
		var m model
		for _, k := range used {
			m.columns = append(m.columns, all[k])
		}
		p, rest, ok := m.fit(c.logs)
		if !ok {
			continue
		}
		if len(used) == len(all) && len(points) > len(all) {
			freedom := float64(len(points) - len(all))
			c.free, c.misfit = p, spread{norm(rest) / math.Sqrt(freedom), freedom}
		}
		if slices.Min(p) >= 0 && p[0] > 0 && dot(rest, rest) < least {
			least = dot(rest, rest)
			c.best = make([]float64, len(all))
			for i, k := range used {
				c.best[k] = p[i]
			}
		}
	}
	if c.free == nil || c.best == nil {
		return nil, errNoFit
	}
	return c, nil
}

// law returns the law with its intervals.
func (c *curve) law() *Law {
	ones, others, pairs := c.free[0], c.free[1], c.free[2]
	sigma := parameter{others / ones, c.others, func(sigma float64) model {
		return model{columns: [][]float64{sum(c.ones, sigma, c.others), c.pairs}}
	}}
	kappa := parameter{pairs / ones, c.pairs, func(kappa float64) model {
		return model{columns: [][]float64{sum(c.ones, kappa, c.pairs), c.others}}
	}}
	lambda := parameter{-math.Log(ones), c.ones, func(log float64) model {
		return model{fixed: sum(nil, math.Exp(-log), c.ones), columns: [][]float64{c.others, c.pairs}}
	}}
	l := &Law{
		Lambda:  exp(c.estimate(-math.Log(c.best[0]), lambda)),
		Sigma:   positive(c.estimate(c.best[1]/c.best[0], sigma)),
		Kappa:   positive(c.estimate(c.best[2]/c.best[0], kappa)),
		Largest: c.largest,
	}
	if l.Kappa.Low == 0 || c.best[1] >= c.best[0] {
		return l
	}
	// With the peak P, κ is (1−σ)/P², and the three columns become N and P²+N(N−1).
	users := sum(c.ones, 1, c.others)
	peak := parameter{math.Log((ones-others)/pairs) / 2, c.ones, func(log float64) model {
		return model{columns: [][]float64{users, sum(c.pairs, math.Exp(2*log), c.ones)}}
	}}
	p := exp(c.estimate(math.Log((c.best[0]-c.best[1])/c.best[2])/2, peak))
	if p.High <= extrapolation*c.largest {
		l.Peak = &p
	}
	return l
}

// parameter is a function of the coefficients for which an interval is wanted.
type parameter struct {
	value   float64               // where the sum of squares is least
	missing []float64             // a column that is missing in given
	given   func(v float64) model // the law in which the parameter is v
}

// estimate returns the interval of a parameter, and value in it. The interval has all values that a score test does not reject
// (C. R. Rao, 1948): with the parameter given and the others fitted, it asks whether the rest has a part in the direction of
// the missing column. That holds also where the least squares are not near normal and near 0, since
// parameters below 0 are ordinary ones in it. The part may have two reasons, of which the larger counts: the trials differ
// from block to block, and the points lie apart from the curve by more than that, because no law is exact.
func (c *curve) estimate(value float64, p parameter) Estimate {
	accepted := func(v float64) bool {
		m := p.given(v)
		coefficients, rest, ok := m.fit(c.logs)
		if !ok {
			return false
		}
		values := m.at(coefficients)
		_, direction, ok := project(over(m.columns, values), over([][]float64{p.missing}, values)[0])
		if !ok {
			return false
		}
		scale(direction, 1/norm(direction))
		part := dot(direction, rest)
		return c.sample.spread(direction).covers(part, confidence) || c.misfit.covers(part, confidence)
	}
	from := p.value
	if !accepted(from) {
		from = value
	}
	return Estimate{value, min(value, bound(from, -1, accepted)), max(value, bound(from, 1, accepted))}
}

// bound returns the end of the accepted values on one side of from: the last one that it finds. It is infinite when all are.
func bound(from, side float64, accepted func(float64) bool) float64 {
	inside, step := from, side*max(math.Abs(from), 1e-9)*1e-3
	for accepted(inside + step) {
		inside += step
		if step *= 2; math.Abs(step) > 1e9 {
			return math.Inf(int(side))
		}
	}
	for range 20 {
		if step /= 2; accepted(inside + step) {
			inside += step
		}
	}
	return inside
}

// positive returns the part of an interval that is not below 0.
func positive(e Estimate) Estimate { return Estimate{e.Value, max(e.Low, 0), max(e.High, 0)} }

// exp returns the estimate of what e is the logarithm of.
func exp(e Estimate) Estimate { return Estimate{math.Exp(e.Value), math.Exp(e.Low), math.Exp(e.High)} }

// compare returns an error when the law is further from a point than [Tolerance].
func (c *curve) compare(points []Point) error {
	l := Law{Largest: math.Inf(1), Lambda: Estimate{Value: 1 / c.best[0]}}
	l.Sigma.Value, l.Kappa.Value = c.best[1]/c.best[0], c.best[2]/c.best[0]
	worst, at := 0.0, 0.0
	for _, p := range points {
		if d := l.At(p.X)/median(p.Trials) - 1; math.Abs(d) > math.Abs(worst) {
			worst, at = d, p.X
		}
	}
	if math.Abs(worst) <= Tolerance {
		return nil
	}
	return fmt.Errorf("fitted to the values up to %s it is %.0f %% %s the throughput at %s, more than %.0f %%",
		decimal(c.largest), 100*math.Abs(worst), side(worst), decimal(at), 100*Tolerance)
}

func side(difference float64) string {
	if difference < 0 {
		return "below"
	}
	return "above"
}

func decimal(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }
