package scaling

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// noise is the relative standard deviations of throughputs: of each trial, of what all trials of a block share, and of what a
// block shares at the largest value and only in part at smaller ones.
type noise struct{ trial, block, tilt float64 }

var (
	independent = noise{trial: 0.05}
	shared      = noise{trial: 0.03, block: 0.04}
	tilted      = noise{trial: 0.03, block: 0.03, tilt: 0.03}
	none        = noise{}
)

const trials = 6

// simulate returns points at which the throughput is f with noise.
func simulate(seed uint64, xs []float64, f func(x float64) float64, n noise) []Point {
	r := rand.New(rand.NewPCG(seed, 17))
	var blocks, tilts [trials]float64
	for j := range blocks {
		blocks[j], tilts[j] = n.block*r.NormFloat64(), n.tilt*r.NormFloat64()
	}
	var points []Point
	for i, x := range xs {
		p := Point{X: x}
		for j := range blocks {
			e := n.trial*r.NormFloat64() + blocks[j] + tilts[j]*float64(i)/float64(len(xs)-1)
			p.Trials = append(p.Trials, f(x)*math.Exp(e))
		}
		points = append(points, p)
	}
	return points
}

// doubling returns 1, 2, 4 …: n values.
func doubling(n int) (xs []float64) {
	for i := range n {
		xs = append(xs, float64(int(1)<<i))
	}
	return xs
}

// usl returns a law as a function.
func usl(lambda, sigma, kappa float64) func(float64) float64 {
	l := Law{Lambda: Estimate{Value: lambda}, Sigma: Estimate{Value: sigma}, Kappa: Estimate{Value: kappa}, Largest: math.Inf(1)}
	return l.At
}

func (e Estimate) has(v float64) bool { return e.Low <= v && v <= e.High }

// atLeast fails the test when fewer than 90 % of the cases are covered.
func atLeast(t *testing.T, what string, covered, of int) {
	t.Helper()
	t.Logf("%s: %d of %d intervals cover it", what, covered, of)
	if of == 0 || float64(covered) < 0.9*float64(of) {
		t.Errorf("%s: %d of %d intervals cover it, want 90 %%", what, covered, of)
	}
}

func wantError(t *testing.T, err error, part string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), part) {
		t.Errorf("error %v, want one with %q", err, part)
	}
}
