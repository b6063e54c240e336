package scaling

import (
	"fmt"
	"math"
	"testing"
)

// The intervals of a planted law, of 100 seeds. All series count, also those that Fit refuses because noise moves the prediction.
func TestIntervalsCoverPlantedLaw(t *testing.T) {
	t.Parallel()
	const seeds = 100
	for _, n := range []struct {
		name string
		noise
	}{{"independent", independent}, {"shared by block", shared}, {"tilted by block", tilted}} {
		for _, planted := range []struct{ sigma, kappa float64 }{{0.05, 0.0001}, {0.3, 0}, {0, 0.001}, {0.9, 0}, {0, 0}} {
			t.Run(fmt.Sprintf("σ=%v,κ=%v, noise %s", planted.sigma, planted.kappa, n.name), func(t *testing.T) {
				t.Parallel()
				var lambdas, sigmas, kappas, shown, shownBoth int
				for seed := range uint64(seeds) {
					points := simulate(seed, doubling(11), usl(1000, planted.sigma, planted.kappa), n.noise)
					c, err := newCurve(points)
					if err != nil {
						t.Fatal(err)
					}
					l := c.law()
					lambdas += count(l.Lambda.has(1000))
					sigmas += count(l.Sigma.has(planted.sigma))
					kappas += count(l.Kappa.has(planted.kappa))
					if c.compare(points) != nil {
						t.Errorf("seed %d: %v", seed, c.compare(points))
					}
					if _, err := Fit(points, seed); err == nil {
						shown++
						shownBoth += count(l.Sigma.has(planted.sigma) && l.Kappa.has(planted.kappa))
					}
				}
				atLeast(t, "λ", lambdas, seeds)
				atLeast(t, "σ", sigmas, seeds)
				atLeast(t, "κ", kappas, seeds)
				t.Logf("%d of %d laws are shown, %d with both parameters in their intervals", shown, seeds, shownBoth)
				if shown < seeds/2 {
					t.Errorf("%d of %d laws are shown", shown, seeds)
				}
			})
		}
	}
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestLawWithoutNoise(t *testing.T) {
	t.Parallel()
	l, err := Fit(simulate(1, doubling(11), usl(1000, 0.05, 0.0001), none), 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []struct {
		name string
		got  Estimate
		want float64
	}{{"λ", l.Lambda, 1000}, {"σ", l.Sigma, 0.05}, {"κ", l.Kappa, 0.0001}, {"peak", *l.Peak, math.Sqrt(9500)}} {
		for _, got := range []float64{e.got.Value, e.got.Low, e.got.High} {
			if math.Abs(got/e.want-1) > 1e-3 {
				t.Errorf("%s = %+v, want %v", e.name, e.got, e.want)
			}
		}
	}
	if got, want := l.At(2048), usl(1000, 0.05, 0.0001)(2048); math.Abs(got/want-1) > 1e-3 {
		t.Errorf("twice the largest value: %v, want %v", got, want)
	}
	for _, x := range []float64{2049, 0, -1, math.NaN()} {
		if !math.IsNaN(l.At(x)) {
			t.Errorf("At(%v) = %v, want NaN", x, l.At(x))
		}
	}
}

// What does not follow the law is refused, with and without noise.
func TestRefused(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]func(float64) float64{
		"saw-tooth":                 func(x float64) float64 { return 1000 * (1 + 0.3*math.Cos(math.Pi*math.Log2(x))) },
		"rising saw-tooth":          func(x float64) float64 { return usl(1000, 0.05, 0)(x) * (1 + 0.2*math.Cos(math.Pi*math.Log2(x))) },
		"step up":                   func(x float64) float64 { return 1000 + 2000*float64(count(x > 30)) },
		"step down":                 func(x float64) float64 { return 3000 - 2000*float64(count(x > 30)) },
		"step down, late":           func(x float64) float64 { return 3000 - 1000*float64(count(x > 600)) },
		"hard limit at 2":           func(x float64) float64 { return 1000 * min(x, 2) },
		"hard limit at 8":           func(x float64) float64 { return 1000 * min(x, 8) },
		"hard limit at 100":         func(x float64) float64 { return 1000 * min(x, 100) },
		"collapse":                  func(x float64) float64 { return 1000 * min(x, 8) / max(1, x/100) },
		"faster than in proportion": func(x float64) float64 { return 1000 * math.Pow(x, 1.3) },
		"power":                     func(x float64) float64 { return 1000 * math.Pow(x, 0.7) },
	} {
		for _, n := range []noise{none, independent, shared} {
			for seed := range uint64(20) {
				if l, err := Fit(simulate(seed, doubling(11), f, n), seed); err == nil {
					t.Errorf("%s, %+v, seed %d: shown as %+v", name, n, seed, l)
				}
			}
		}
	}
	_, err := Fit(simulate(1, doubling(11), func(x float64) float64 { return 1000 * min(x, 100) }, none), 1)
	wantError(t, err, "fitted to the values up to 256, it is ")
}
