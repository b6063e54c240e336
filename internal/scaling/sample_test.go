package scaling

import (
	"math"
	"testing"
)

// One trial in twelve takes three times as long, as on a machine with other work.
func TestOutliers(t *testing.T) {
	t.Parallel()
	const seeds = 100
	disturbed := func(seed uint64) []Point {
		points := simulate(seed, doubling(11), usl(1000, 0.05, 0.0001), shared)
		for k := range 6 {
			points[(int(seed)+3*k)%11].Trials[(int(seed)+k*k)%trials] /= 3
		}
		return points
	}
	var sigmas, kappas, shown int
	for seed := range uint64(seeds) {
		points := disturbed(seed)
		c, err := newCurve(points)
		if err != nil {
			t.Fatal(err)
		}
		l := c.law()
		sigmas += count(l.Sigma.has(0.05))
		kappas += count(l.Kappa.has(0.0001))
		_, err = Fit(points)
		shown += count(err == nil)
	}
	atLeast(t, "σ", sigmas, seeds)
	atLeast(t, "κ", kappas, seeds)
	t.Logf("%d of %d laws are shown", shown, seeds)
	if shown < 80 {
		t.Errorf("%d of %d laws are shown", shown, seeds)
	}
}

func TestClip(t *testing.T) {
	t.Parallel()
	moved, all := 0, 0
	for seed := range uint64(100) {
		points := simulate(seed, doubling(11), usl(1000, 0.05, 0.0001), shared)
		for i, logs := range newSample(points) {
			for j, l := range logs {
				all++
				moved += count(math.Abs(l-math.Log(points[i].Trials[j])) > 1e-9)
			}
		}
	}
	if moved == 0 || moved*50 > all {
		t.Errorf("%d of %d trials with normal noise are outliers, want at most 2 %%", moved, all)
	}

	// A slow block has no outliers, and a trial that differs from all has no other value than its block lets expect.
	var points []Point
	for i, x := range doubling(5) {
		points = append(points, Point{x, []float64{100 * x, 50 * x, 100 * x, 100 * x}})
		if i == 2 {
			points[i].Trials[1] /= 10
		}
	}
	for i, logs := range newSample(points) {
		x := points[i].X
		for j, want := range []float64{100 * x, 50 * x, 100 * x, 100 * x} {
			if got := math.Exp(logs[j]); math.Abs(got/want-1) > 1e-9 {
				t.Errorf("at %v, block %d: %v, want %v", x, j, got, want)
			}
		}
	}
}
