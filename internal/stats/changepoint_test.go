package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// history is stretches of Gaussian values with a standard deviation of 1 around their levels.
func history(seed uint64, stretches ...stretch) []float64 {
	random := rand.New(rand.NewPCG(seed, 7))
	var xs []float64
	for _, s := range stretches {
		for range s.n {
			xs = append(xs, s.level+random.NormFloat64())
		}
	}
	return xs
}

type stretch struct {
	n     int
	level float64
}

// with is xs with other values at some indices.
func with(xs []float64, values map[int]float64) []float64 {
	xs = slices.Clone(xs)
	for i, x := range values {
		xs[i] = x
	}
	return xs
}

func TestChangePoints(t *testing.T) {
	ramp := make([]float64, 60)
	for i := range ramp {
		ramp[i] = float64(i)
	}
	quiet := history(1, stretch{60, 100})
	wide := history(2, stretch{40, 0}, stretch{40, 0})
	for i := 40; i < 80; i++ {
		wide[i] *= 10
	}
	tests := []struct {
		why  string
		xs   []float64
		off  int // a change point may be so many values away from what is wanted
		want []int
	}{
		{"nothing", nil, 0, nil},
		{"one value", []float64{5}, 0, nil},
		{"nine values, five of them at another level: too short for two stretches", some(9, 4, 0, 1), 0, nil},
		{"twelve are enough", []float64{1, 2, 3, 4, 5, 6, 101, 102, 103, 104, 105, 106}, 0, []int{6}},
		{"two at another level are no stretch", some(40, 38, 0, 1), 0, nil},
		{"ten at another level, without noise", some(40, 30, 0, 1), 0, []int{30}},
		{"the newest five at another level", some(40, 35, 0, 1), 0, []int{35}},
		{"all the same", some(100, 0, 0, 0.1), 0, nil},
		{"noise", quiet, 0, nil},
		{"one step up", history(3, stretch{30, 100}, stretch{20, 105}), 1, []int{30}},
		{"one step down", history(4, stretch{30, 100}, stretch{20, 95}), 1, []int{30}},
		{"two steps up", history(5, stretch{30, 100}, stretch{30, 105}, stretch{30, 110}), 1, []int{30, 60}},
		{"a step, and then a larger one", history(5, stretch{30, 100}, stretch{30, 105}, stretch{30, 120}), 1, []int{30, 60}},
		{"up, and back again after eight", history(10, stretch{60, 100}, stretch{8, 105}, stretch{60, 100}), 1, []int{60, 68}},
		{"three, the newest only five values ago",
			history(7, stretch{20, 0}, stretch{20, 9}, stretch{20, 0}, stretch{5, 9}), 1, []int{20, 40, 60}},
		{"the same level, ten times as restless", wide, 4, []int{40}},
		{"a lone outlier", with(quiet, map[int]float64{25: 1000}), 0, nil},
		{"a lone outlier at the end", with(quiet, map[int]float64{59: 1000}), 0, nil},
		{"an outlier to either side of a step",
			with(history(3, stretch{30, 100}, stretch{20, 105}), map[int]float64{10: 120, 45: 80}), 1, []int{30}},
		{"in units of their own: 10⁻¹² of the size", scaled(1e-12, history(3, stretch{30, 100}, stretch{20, 105})), 1, []int{30}},
		{"a step among the newest of a long history", history(8, stretch{400, 0}, stretch{60, 5}), 1, []int{400}},
		{"a step that a long history has left behind", history(8, stretch{100, 0}, stretch{301, 5}), 1, nil},
	}
	for _, tt := range tests {
		before := slices.Clone(tt.xs)
		got := ChangePoints(tt.xs)
		ok := slices.EqualFunc(got, tt.want, func(a, b int) bool { return a-b <= tt.off && b-a <= tt.off })
		if !ok {
			t.Errorf("%s: got %v, want %v, give or take %d", tt.why, got, tt.want, tt.off)
		}
		if !slices.Equal(before, tt.xs) {
			t.Errorf("%s: the caller's slice was changed", tt.why)
		}
	}
	if len(ChangePoints(ramp)) == 0 {
		t.Error("a slope of sixty values has no change")
	}
}

func scaled(by float64, xs []float64) []float64 {
	for i := range xs {
		xs[i] *= by
	}
	return xs
}

// TestChangePointsInNoise: in 1 % of all series of noise something is found, give or take three standard deviations. It is
// less where a series is so short that few of its orders differ.
func TestChangePointsInNoise(t *testing.T) {
	const series = 2000
	random := rand.New(rand.NewPCG(9, 9))
	alarms := 0
	for i := range series {
		xs := make([]float64, 12+i%20)
		for j := range xs {
			xs[j] = random.ExpFloat64() // skewed, as times are
		}
		if len(ChangePoints(xs)) > 0 {
			alarms++
		}
	}
	if off := 3 * math.Sqrt(20); float64(alarms) < 20-off || float64(alarms) > 20+off {
		t.Errorf("something in %d of %d series of noise: want 20, give or take %.0f", alarms, series, off)
	}
}

// Of ten values on two levels 2 of 252 orders are as far out: so close to 1 % that other permutations might decide otherwise.
func TestChangePointsAreTheSameAgain(t *testing.T) {
	close := []float64{1, 2, 3, 4, 5, 101, 102, 103, 104, 105}
	first := ChangePoints(close)
	for range 20 {
		if again := ChangePoints(close); !slices.Equal(first, again) {
			t.Fatalf("got %v, and then %v", first, again)
		}
	}
}

// Where four of ten values are larger than the others, which are equal, 10 of 210 ways to place them have all four in one half,
// and are as far out as each other: 5 %. That their sums differ in the last digits is no reason to find something.
func TestChangePointsOfTies(t *testing.T) {
	for _, xs := range [][]float64{
		{0.4, 0.1, 1.8, 3.9, 1.1, 0.1, 0.1, 0.1, 0.1, 0.1},
		{0.1, 1.8, 3.9, 2.5, 0.9, 0.1, 0.1, 0.1, 0.1, 0.1},
		{0.1, 0.6, 4, 1, 1.5, 0.1, 0.1, 0.1, 0.1, 0.1},
	} {
		if got := ChangePoints(xs); got != nil {
			t.Errorf("%v: got %v", xs, got)
		}
	}
}

// TestChangePointsOfSteps: where a step of three standard deviations lies is found in almost all series of thirty, to the
// value or next to it.
func TestChangePointsOfSteps(t *testing.T) {
	const series = 100
	found, near := 0, 0
	for seed := range uint64(series) {
		at := 8 + int(seed%15)
		got := ChangePoints(history(seed, stretch{at, 0}, stretch{30 - at, 3}))
		if len(got) == 1 {
			found++
			if got[0]-at <= 1 && at-got[0] <= 1 {
				near++
			}
		}
	}
	if found < 95 || near < 90 {
		t.Errorf("of %d steps %d were found alone, %d within one value", series, found, near)
	}
}

func TestChangePointsPanic(t *testing.T) {
	for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%v: accepted", x)
				}
			}()
			ChangePoints([]float64{1, x, 2})
		}()
	}
}

// dividedByDefinition is [bestDivision] by the formula of the paper, written down.
func dividedByDefinition(xs []float64) (at int, q float64) {
	mean := func(xs, ys []float64, pairs float64) (sum float64) {
		for _, x := range xs {
			for _, y := range ys {
				sum += math.Abs(x - y)
			}
		}
		return sum / pairs
	}
	q = math.Inf(-1)
	for split := LeastStretch; split <= len(xs)-LeastStretch; split++ {
		for end := split + LeastStretch; end <= len(xs); end++ {
			x, y := xs[:split], xs[split:end]
			m, n := float64(len(x)), float64(len(y))
			e := 2*mean(x, y, m*n) - mean(x, x, m*(m-1)) - mean(y, y, n*(n-1))
			if here := m * n / (m + n) * e; here > q {
				at, q = split, here
			}
		}
	}
	return at, q
}

func TestBestDivisionByDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2*LeastStretch, 30).Draw(t, "n")
		xs := rapid.SliceOfN(rapid.Float64Range(-100, 100), n, n).Draw(t, "xs")
		at, q := bestDivision(xs)
		wantAt, want := dividedByDefinition(xs)
		if math.Abs(q-want) > 1e-8*max(1, math.Abs(want)) {
			t.Fatalf("%v at %d, by definition %v at %d", q, at, want, wantAt)
		}
		if at < LeastStretch || at > n-LeastStretch {
			t.Fatalf("divided at %d of %d", at, n)
		}
	})
	// The same place, too, where only one is best.
	if at, q := bestDivision(some(30, 12, 0, 1)); at != 12 || math.Abs(q-2*12*18/30.0) > 1e-9 {
		t.Errorf("twelve zeros and eighteen ones: %v at %d, want 2·12·18/30 at 12", q, at)
	}
}
