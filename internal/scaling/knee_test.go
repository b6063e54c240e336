package scaling

import (
	"fmt"
	"math"
	"testing"
)

func TestKneeIntervals(t *testing.T) {
	t.Parallel()
	const seeds = 100
	limit := func(at float64) func(float64) float64 {
		return func(x float64) float64 { return 1000 * min(x, at) }
	}
	for _, planted := range []struct {
		name string
		f    func(float64) float64
		at   float64
	}{
		{"growth until 2", limit(2), 2},
		{"growth until 8", limit(8), 8},
		{"growth until 20", limit(20), 20},
		{"growth until 300", limit(300), 300},
		{"no influence until 100", func(x float64) float64 { return 1000 / max(1, x/100) }, 100},
		{"growth, then decline", func(x float64) float64 { return math.Pow(min(x, 50), 0.9) / max(1, math.Pow(x/50, 0.3)) }, 50},
	} {
		for _, n := range []noise{independent, shared, tilted} {
			covered := 0
			for seed := range uint64(seeds) {
				knee := Knee(simulate(seed, doubling(11), planted.f, n))
				if knee == nil {
					t.Errorf("%s, %+v, seed %d: no knee", planted.name, n, seed)
					continue
				}
				covered += count(knee.has(planted.at))
				if !knee.has(knee.Value) || math.Abs(math.Log(knee.Value/planted.at)) > 0.3 {
					t.Errorf("%s, %+v, seed %d: %+v", planted.name, n, seed, *knee)
				}
			}
			atLeast(t, fmt.Sprintf("%s, %+v", planted.name, n), covered, seeds)
		}
	}
}

// The knee of a smooth curve is near where its asymptotes meet, 1/σ, and its interval says how indefinite that is.
func TestKneeOfSmoothCurve(t *testing.T) {
	t.Parallel()
	knee := Knee(simulate(1, doubling(11), usl(1000, 0.05, 0), independent))
	if knee == nil || !knee.has(20) || knee.High < 1.5*knee.Low {
		t.Errorf("%+v, want one around 20", knee)
	}
}

func TestNoKnee(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]func(float64) float64{
		"in proportion":      func(x float64) float64 { return 1000 * x },
		"power":              func(x float64) float64 { return 1000 * math.Pow(x, 0.7) },
		"falling power":      func(x float64) float64 { return 1000 * math.Pow(x, -0.3) },
		"constant":           func(x float64) float64 { return 1000 },
		"growth that begins": func(x float64) float64 { return 1000 + 100*x },
		"serial from 2 on":   usl(1000, 0.9, 0),
		"step up":            func(x float64) float64 { return 1000 + 2000*float64(count(x > 30)) },
	} {
		for _, n := range []noise{none, independent, shared, tilted} {
			for seed := range uint64(50) {
				if knee := Knee(simulate(seed, doubling(11), f, n)); knee != nil {
					t.Errorf("%s, %+v, seed %d: %+v", name, n, seed, *knee)
				}
			}
		}
	}
	if knee := Knee(simulate(1, doubling(4), func(x float64) float64 { return min(x, 2) }, none)); knee != nil {
		t.Errorf("four values: %+v", *knee)
	}
}
