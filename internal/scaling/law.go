package scaling

import (
	"fmt"
	"math"
)

const (
	confidence = 0.95

	// LeastPoints is the least number of points of a law: three parameters are fitted without two of them.
	LeastPoints = 6

	// Tolerance is the largest relative difference between a law and the median throughput of a point.
	Tolerance = 0.10

	extrapolation = 2 // the largest x of a law over the largest measured one
)

// Law is the Universal Scalability Law of a series: N users reach λN / (1 + σ(N−1) + κN(N−1)) (N. J. Gunther, "Guerrilla Capacity
// Planning", Springer 2007). λ is the throughput of one user, σ the share of its time in which a user cannot run
// beside another (contention), κ what each pair of users adds by keeping data consistent (coherency). Neither is below 0. A σ above
// 1 means that two users together are slower than one.
type Law struct {
	Lambda, Sigma, Kappa Estimate

	// Peak is the number of users with the largest throughput, √((1−σ)/κ). It is nil when no peak is observed: when the
	// interval of κ contains 0 or that of the peak ends beyond twice the largest measured value.
	Peak *Estimate

	Largest float64 // the largest measured value
}

// At returns the throughput of x users. It is NaN beyond twice the largest measured value: the law is not extrapolated further.
func (l *Law) At(x float64) float64 {
	if !(x > 0 && x <= extrapolation*l.Largest) {
		return math.NaN()
	}
	return l.Lambda.Value * x / (1 + l.Sigma.Value*(x-1) + l.Kappa.Value*x*(x-1))
}

// Fit returns the law of points in ascending order. The error says why it is not shown, as part of a sentence: fewer
// points than [LeastPoints], or the law does not predict: fitted without the two largest points it must be within [Tolerance]
// of every point, those two included, and so must the law that is fitted to all. Nor is a law shown whose parameters have
// no bounds, as when the least value is far beyond 1/σ.
func Fit(points []Point) (*Law, error) {
	if err := check(points, LeastPoints); err != nil {
		return nil, err
	}
	var c *curve
	for _, fitted := range [][]Point{points[:len(points)-2], points} {
		var err error
		if c, err = newCurve(fitted); err != nil {
			return nil, err
		}
		if err := c.compare(points); err != nil {
			return nil, err
		}
	}
	l := c.law()
	for _, e := range []Estimate{l.Lambda, l.Sigma, l.Kappa} {
		if math.IsInf(e.High, 0) {
			return nil, fmt.Errorf("values from %s on do not determine the throughput at 1", decimal(points[0].X))
		}
	}
	return l, nil
}
