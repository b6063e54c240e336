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
					l, err := Fit(points)
					if err != nil {
						l = c.law()
					}
					lambdas += count(l.Lambda.has(1000))
					sigmas += count(l.Sigma.has(planted.sigma))
					kappas += count(l.Kappa.has(planted.kappa))
					if c.compare(points) != nil {
						t.Errorf("seed %d: %v", seed, c.compare(points))
					}
					if err == nil {
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
	l, err := Fit(simulate(1, doubling(11), usl(1000, 0.05, 0.0001), none))
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
				if l, err := Fit(simulate(seed, doubling(11), f, n)); err == nil {
					t.Errorf("%s, %+v, seed %d: shown as %+v", name, n, seed, l)
				}
			}
		}
	}
	_, err := Fit(simulate(1, doubling(11), func(x float64) float64 { return 1000 * min(x, 100) }, none))
	wantError(t, err, "fitted to the values up to 256 it is 59 % below the throughput at 1024, more than 10 %")
}

func TestFitOfUnusableMeasurements(t *testing.T) {
	t.Parallel()
	good := func() []Point { return simulate(1, doubling(8), usl(1000, 0.05, 0), independent) }
	for _, row := range []struct {
		name   string
		change func(p []Point) []Point
		want   string
	}{
		{"too few", func(p []Point) []Point { return p[:5] }, "5 values were measured, and 6 are needed"},
		{"none", func(p []Point) []Point { return nil }, "0 values were measured"},
		{"a value of 0", func(p []Point) []Point { p[0].X = 0; return p }, "the value 0 is not above 0"},
		{"not a value", func(p []Point) []Point { p[7].X = math.NaN(); return p }, "the value NaN is not above 0"},
		{"not ascending", func(p []Point) []Point { p[3].X = 2; return p }, "the values are not in ascending order"},
		{"one trial", func(p []Point) []Point { p[3].Trials = p[3].Trials[:1]; return p }, "8 has fewer than two trials"},
		{"no throughput", func(p []Point) []Point { p[3].Trials[2] = 0; return p }, "at 8 a trial has the throughput 0"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := Fit(row.change(good()))
			wantError(t, err, row.want)
		})
	}
}

// Points that differ in their number of trials have no blocks: all trials count as independent.
func TestIntervalsOfUnequalNumbersOfTrials(t *testing.T) {
	t.Parallel()
	const seeds = 100
	var sigmas, kappas int
	for seed := range uint64(seeds) {
		points := simulate(seed, doubling(11), usl(1000, 0.05, 0.0001), independent)
		for i := range points {
			points[i].Trials = points[i].Trials[:3+i%4]
		}
		c, err := newCurve(points)
		if err != nil {
			t.Fatal(err)
		}
		l := c.law()
		sigmas += count(l.Sigma.has(0.05))
		kappas += count(l.Kappa.has(0.0001))
	}
	atLeast(t, "σ", sigmas, seeds)
	atLeast(t, "κ", kappas, seeds)
}

// Users need not begin with one, nor double.
func TestLawOfOtherValues(t *testing.T) {
	t.Parallel()
	const seeds = 100
	var sigmas, kappas, peaks, shown int
	for seed := range uint64(seeds) {
		points := simulate(seed, []float64{2, 3, 4, 6, 9, 14, 20, 30, 50, 80}, usl(1000, 0.1, 0.002), independent)
		c, err := newCurve(points)
		if err != nil {
			t.Fatal(err)
		}
		l := c.law()
		sigmas += count(l.Sigma.has(0.1))
		kappas += count(l.Kappa.has(0.002))
		if l.Peak != nil {
			shown++
			peaks += count(l.Peak.has(math.Sqrt(0.9 / 0.002)))
		}
	}
	atLeast(t, "σ", sigmas, seeds)
	atLeast(t, "κ", kappas, seeds)
	atLeast(t, "peak", peaks, shown)
}

// Where all values are in the saturated part, throughput is λ/σ, and neither of both is determined.
func TestLawWithoutBoundsIsRefused(t *testing.T) {
	t.Parallel()
	refused := 0
	for seed := range uint64(20) {
		l, err := Fit(simulate(seed, []float64{100, 120, 150, 180, 220, 260, 300}, usl(1000, 0.5, 0), independent))
		if err != nil {
			refused++
			continue
		}
		for _, e := range []Estimate{l.Lambda, l.Sigma, l.Kappa} {
			if math.IsInf(e.High, 0) || !(e.Low >= 0 && e.Low <= e.Value && e.Value <= e.High) {
				t.Errorf("seed %d: %+v", seed, l)
			}
		}
	}
	if refused == 0 {
		t.Error("no law is refused")
	}
	_, err := Fit(simulate(1, []float64{100, 120, 150, 180, 220, 260, 300}, usl(1000, 0.5, 0), noise{trial: 0.01}))
	wantError(t, err, "values from 100 on do not determine the throughput at 1")
}

// A peak is reported where κ is certain and the peak is not far beyond what was measured, and only there.
func TestPeak(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name         string
		sigma, kappa float64
		least, most  int // of 100 seeds
	}{
		{"at 97", 0.05, 0.0001, 90, 100},
		{"none", 0.05, 0, 0, 5},
		{"none, serial", 0.9, 0, 0, 5},
		{"at 9700, beyond twice the largest value", 0.05, 1e-8, 0, 5},
		{"falls from the first value on", 1.5, 0.001, 0, 0},
	} {
		found := 0
		for seed := range uint64(100) {
			c, err := newCurve(simulate(seed, doubling(11), usl(1000, row.sigma, row.kappa), independent))
			if err != nil {
				t.Fatal(err)
			}
			found += count(c.law().Peak != nil)
		}
		if found < row.least || found > row.most {
			t.Errorf("%s: a peak in %d of 100 seeds, want %d to %d", row.name, found, row.least, row.most)
		}
	}
}

func BenchmarkFit(b *testing.B) {
	points := simulate(1, doubling(11), usl(1000, 0.05, 0.0001), shared)
	for b.Loop() {
		if _, err := Fit(points); err != nil {
			b.Fatal(err)
		}
	}
}
