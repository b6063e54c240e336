package stats

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-9*math.Max(1, math.Abs(want)) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestMedian(t *testing.T) {
	tests := []struct {
		why  string
		xs   []float64
		want Interval
	}{
		{"nothing measured", nil, Interval{}},
		{"one sample is its own median, without an interval", []float64{3}, Interval{Median: 3}},
		{"five samples: even their whole range holds the median with 94 % only", []float64{5, 1, 4, 2, 3}, Interval{Median: 3}},
		{"six samples: the interval is their range (97 %)", []float64{6, 1, 5, 2, 4, 30}, Interval{4.5, 1, 30}},
		{"seven samples: the range (98 %), since second to sixth is 88 %", []float64{1, 2, 3, 4, 5, 6, 7}, Interval{4, 1, 7}},
		{"eight samples: 1..7 and 2..8 are equally good, both together are taken", []float64{1, 2, 3, 4, 5, 6, 7, 8}, Interval{4.5, 1, 8}},
		{"nine samples: second to eighth (96 %)", []float64{1, 2, 3, 4, 5, 6, 7, 8, 900}, Interval{5, 2, 8}},
	}
	for _, tt := range tests {
		before := slices.Clone(tt.xs)
		if got := Median(tt.xs); got != tt.want {
			t.Errorf("%s: got %+v, want %+v", tt.why, got, tt.want)
		}
		if !slices.Equal(before, tt.xs) {
			t.Errorf("%s: the caller's slice was reordered", tt.why)
		}
	}
}

func TestPairedRatio(t *testing.T) {
	tests := []struct {
		why           string
		after, before []float64
		want          Ratio
	}{
		{"no pairs", nil, nil, Ratio{P: 1}},
		{"twice as fast in every block: 2·(1/2)⁶", []float64{2, 4, 6, 8, 10, 12}, []float64{1, 2, 3, 4, 5, 6}, Ratio{2, 2, 2, 0.03125}},
		{"too few pairs for an interval", []float64{2, 4, 6}, []float64{1, 2, 3}, Ratio{Ratio: 2, P: 0.25}},
		{"equal throughout: nothing to decide by", []float64{1, 1, 1, 1, 1, 1}, []float64{1, 1, 1, 1, 1, 1}, Ratio{1, 1, 1, 1}},
		{"five up, one down: 2·(6+1)/64", []float64{2, 2, 2, 2, 2, 1}, []float64{1, 1, 1, 1, 1, 2}, Ratio{2, 0.5, 2, 0.21875}},
		{"a tie is excluded from the test: five up of five", []float64{2, 2, 2, 2, 2, 1}, []float64{1, 1, 1, 1, 1, 1}, Ratio{2, 1, 2, 0.0625}},
		{"three up, three down", []float64{2, 2, 2, 1, 1, 1}, []float64{1, 1, 1, 2, 2, 2}, Ratio{1, 0.5, 2, 1}},
		{"a block without a finished operation has no ratio", []float64{0, 3}, []float64{5, 1}, Ratio{Ratio: 3, P: 1}},
		{"a slow machine in one block slows both and cancels out", []float64{20, 20, 20, 2, 20, 20}, []float64{10, 10, 10, 1, 10, 10}, Ratio{2, 2, 2, 0.03125}},
	}
	for _, tt := range tests {
		got := PairedRatio(tt.after, tt.before)
		near(t, tt.why+": ratio", got.Ratio, tt.want.Ratio)
		near(t, tt.why+": lo", got.Lo, tt.want.Lo)
		near(t, tt.why+": hi", got.Hi, tt.want.Hi)
		near(t, tt.why+": p", got.P, tt.want.P)
	}
}

func TestPairedRatioRefusesDifferentLengths(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("series of two and of one were paired")
		}
	}()
	PairedRatio([]float64{1, 2}, []float64{1})
}

func TestPair(t *testing.T) {
	as, bs := Pair(Blocks{0: 1, 1: 2, 3: 4}, Blocks{3: 40, 0: 10, 2: 30})
	if !slices.Equal(as, []float64{1, 4}) || !slices.Equal(bs, []float64{10, 40}) {
		t.Errorf("got %v and %v, want the blocks 0 and 3 of each", as, bs)
	}
}

func blocks(xs ...float64) Blocks {
	b := Blocks{}
	for i, x := range xs {
		b[i] = x
	}
	return b
}

func TestIndistinguishable(t *testing.T) {
	winner := blocks(10, 11, 12, 10, 11, 12)
	tests := []struct {
		why   string
		rates []Blocks
		want  []int
	}{
		{"nobody ran", nil, nil},
		{"alone", []Blocks{winner}, []int{0}},
		{"slower in every block", []Blocks{winner, blocks(9, 10, 11, 9, 10, 11)}, []int{0}},
		{"faster in one block of six", []Blocks{winner, blocks(9, 10, 11, 9, 10, 13)}, []int{0, 1}},
		{"a noisy third may tie where a steady second does not", []Blocks{winner, blocks(9, 10, 11, 9, 10, 11), blocks(5, 5, 5, 5, 5, 20)}, []int{0, 2}},
		{"half the speed, but five common blocks only", []Blocks{winner, blocks(5, 5, 6, 5, 5)}, []int{0, 1}},
	}
	for _, tt := range tests {
		if got := Indistinguishable(tt.rates); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.why, got, tt.want)
		}
	}
}

// positive draws series of throughputs as they occur: between a hundredth and a million operations a second.
func positive(n int) *rapid.Generator[[]float64] {
	return rapid.SliceOfN(rapid.Float64Range(0.01, 1e6), n, n)
}

func TestMedianProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(t, "n")
		xs := positive(n).Draw(t, "xs")
		m := Median(xs)
		if n < MinSamples {
			if m.Lo != 0 || m.Hi != 0 {
				t.Fatalf("an interval from %d samples: %+v", n, m)
			}
			return
		}
		if !(m.Lo <= m.Median && m.Median <= m.Hi) {
			t.Fatalf("out of order: %+v", m)
		}
		if !slices.Contains(xs, m.Lo) || !slices.Contains(xs, m.Hi) {
			t.Fatalf("%+v: a bound that is no sample of %v", m, xs)
		}
		eightfold := make([]float64, n) // a power of two, so that scaling is exact
		for i, x := range xs {
			eightfold[i] = 8 * x
		}
		if got, want := Median(eightfold), (Interval{8 * m.Median, 8 * m.Lo, 8 * m.Hi}); got != want {
			t.Fatalf("eight times the samples: got %+v, want %+v", got, want)
		}
	})
}

func TestPairedRatioProperties(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(rt, "n")
		after, before := positive(n).Draw(rt, "after"), positive(n).Draw(rt, "before")
		r, swapped := PairedRatio(after, before), PairedRatio(before, after)

		near := func(what string, got, want float64) {
			if math.Abs(got-want) > 1e-9*math.Abs(want) {
				rt.Fatalf("%s: got %v, want %v", what, got, want)
			}
		}
		near("swapped ratio", swapped.Ratio, 1/r.Ratio)
		near("swapped p", swapped.P, r.P)
		if r.P <= 0 || r.P > 1 {
			rt.Fatalf("p = %v", r.P)
		}
		if r.Bounded() != (n >= MinSamples) {
			rt.Fatalf("%d pairs: %+v", n, r)
		}
		if !r.Bounded() {
			return
		}
		near("swapped lo", swapped.Lo, 1/r.Hi)
		near("swapped hi", swapped.Hi, 1/r.Lo)
		if !(r.Lo <= r.Ratio && r.Ratio <= r.Hi) {
			rt.Fatalf("out of order: %+v", r)
		}
	})
}

// TestCoverage counts, for every way in which n samples can fall below and above the true median, how often the interval
// holds it: the exact probability, which must be at least what is promised.
func TestCoverage(t *testing.T) {
	for n := MinSamples; n <= 16; n++ {
		held := 0
		for sides := range 1 << n {
			xs := make([]float64, n)
			for i := range xs {
				xs[i] = float64(i + 1)
				if sides>>i&1 == 0 {
					xs[i] = -xs[i]
				}
			}
			if m := Median(xs); m.Lo <= 0 && 0 <= m.Hi {
				held++
			}
		}
		if share := float64(held) / float64(int(1)<<n); share < Confidence {
			t.Errorf("%d samples: the interval holds the median in %.4f of all cases, want at least %v", n, share, Confidence)
		}
	}
}
