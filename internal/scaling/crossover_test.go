package scaling

import (
	"fmt"
	"math"
	"testing"
)

// crossing returns where f and g are equal, by bisection on a logarithmic axis between 1 and 1024.
func crossing(f, g func(float64) float64) float64 {
	low, high := 1.0, 1024.0
	for range 60 {
		if m := math.Sqrt(low * high); (f(m) > g(m)) == (f(1) > g(1)) {
			low = m
		} else {
			high = m
		}
	}
	return low
}

func TestCrossoverIntervals(t *testing.T) {
	t.Parallel()
	const seeds = 100
	for _, pair := range []struct {
		name string
		a, b func(float64) float64
	}{
		{"early", usl(1000, 0.3, 0), usl(700, 0.05, 0)},
		{"in the middle", usl(1000, 0.05, 0), usl(300, 0.01, 0)},
		{"at a peak", usl(1000, 0.01, 0.001), usl(500, 0.03, 0)},
		{"of lines", usl(1000, 1, 0), func(x float64) float64 { return 100 * math.Pow(x, 0.7) }},
	} {
		for _, n := range []noise{independent, shared, tilted} {
			covered, truth := 0, crossing(pair.a, pair.b)
			for seed := range uint64(seeds) {
				a, b := simulate(seed, doubling(11), pair.a, n), simulate(seed+1e6, doubling(11), pair.b, n)
				found := Crossovers(a, b)
				if len(found) != 1 || found[0].Faster != 1 {
					t.Errorf("%s, %+v, seed %d: %+v, want one crossover to b at %.1f", pair.name, n, seed, found, truth)
					continue
				}
				at := found[0].At
				covered += count(at.has(truth))
				if !at.has(at.Value) {
					t.Errorf("%+v does not contain its value", at)
				}
				swapped := Crossovers(b, a)
				if len(swapped) != 1 || swapped[0].Faster != 0 || math.Abs(swapped[0].At.Value/at.Value-1) > 0.02 {
					t.Errorf("%s: %+v, and %+v with the series swapped", pair.name, found, swapped)
				}
			}
			atLeast(t, fmt.Sprintf("%s, %+v", pair.name, n), covered, seeds)
		}
	}
}

func TestNoCrossover(t *testing.T) {
	t.Parallel()
	const pairs = 1000
	for name, pair := range map[string][2]func(float64) float64{
		"equal":             {usl(1000, 0.05, 0.0001), usl(1000, 0.05, 0.0001)},
		"one always faster": {usl(1000, 0.05, 0.0001), usl(1200, 0.05, 0.0001)},
		"diverging":         {usl(1000, 0.05, 0), usl(1000, 0.9, 0)},
	} {
		for _, n := range []noise{none, independent, shared, tilted} {
			found := 0
			for seed := range uint64(pairs) {
				a, b := simulate(seed, doubling(11), pair[0], n), simulate(seed+1e6, doubling(11), pair[1], n)
				found += len(Crossovers(a, b))
			}
			if found > 6 { // three in a thousand are expected of equal series with independent noise
				t.Errorf("%s, %+v: %d crossovers in %d pairs", name, n, found, pairs)
			}
		}
	}
}

func TestCrossoversOfDifferentMeasurements(t *testing.T) {
	t.Parallel()
	a, b := usl(1000, 0.3, 0), usl(700, 0.05, 0)
	truth := crossing(a, b)
	const seeds = 100
	covered := 0
	for seed := range uint64(seeds) {
		slow := simulate(seed, []float64{1, 2, 3, 4, 6, 8, 16}, a, independent)
		fast := simulate(seed+1e6, []float64{1, 2, 4, 5, 8, 16, 32}, b, independent)
		fast[2].Trials = fast[2].Trials[:4] // interrupted
		found := Crossovers(slow, fast)
		if len(found) != 1 || found[0].Faster != 1 {
			t.Errorf("seed %d: %+v, want one crossover at %.2f", seed, found, truth)
			continue
		}
		covered += count(found[0].At.has(truth))
	}
	atLeast(t, "crossover", covered, seeds)

	slow := simulate(1, []float64{1, 2, 4, 8, 16}, a, none)
	for name, bs := range map[string][]Point{
		"none":           nil,
		"other values":   simulate(2, []float64{1.5, 2.5}, b, none),
		"one trial":      {{X: 1, Trials: []float64{1}}, {X: 16, Trials: []float64{1e9}}},
		"no throughput":  {{X: 1, Trials: []float64{1, 1}}, {X: 16, Trials: []float64{1e9, 0}}},
		"single value":   {{X: 1, Trials: []float64{1, 1}}},
		"not ascending":  {{X: 16, Trials: []float64{1e9, 1e9}}, {X: 1, Trials: []float64{1, 1}}},
		"two equal ones": {{X: 1, Trials: []float64{1, 1}}, {X: 1, Trials: []float64{1e9, 1e9}}},
	} {
		if found := Crossovers(slow, bs); found != nil {
			t.Errorf("%s: %+v", name, found)
		}
	}
}

// A series may overtake and be overtaken again.
func TestTwoCrossovers(t *testing.T) {
	t.Parallel()
	hump := func(x float64) float64 { return 500 * min(x, 30) * min(1, 100/x) }
	flat := func(x float64) float64 { return 3000 }
	found := Crossovers(simulate(1, doubling(11), flat, independent), simulate(2, doubling(11), hump, independent))
	if len(found) != 2 || found[0].Faster != 1 || found[1].Faster != 0 || !found[0].At.has(6) || !found[1].At.has(500) {
		t.Errorf("%+v, want crossovers at 6 and 500", found)
	}
}
