package stats

import (
	"math"
	"math/bits"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// byCounting is the exact two-sided Mann-Whitney test by its definition: of all ways to say which of the pooled values are the
// first series, the share with a U as small as the one that was seen, or as large, whichever is less, doubled.
func byCounting(a, b []float64) float64 {
	pooled := slices.Concat(a, b)
	seen := pairsAbove(pooled, 1<<len(a)-1)
	small, large, all := 0, 0, 0
	for first := range uint(1) << len(pooled) {
		if bits.OnesCount(first) != len(a) {
			continue
		}
		all++
		u := pairsAbove(pooled, first)
		if u <= seen {
			small++
		}
		if u >= seen {
			large++
		}
	}
	return min(1, 2*float64(min(small, large))/float64(all))
}

// pairsAbove is U: the number of pairs of a value that the bits of first name and one that they do not, in which the first is
// the larger. A tie counts a half.
func pairsAbove(pooled []float64, first uint) (u float64) {
	for i, x := range pooled {
		for j, y := range pooled {
			switch {
			case first>>i&1 == 0 || first>>j&1 == 1:
			case x > y:
				u++
			case x == y:
				u += 0.5
			}
		}
	}
	return u
}

// Without ties any two lengths will do, and with ties the same one: benchmath is exact for these.
func TestMannWhitneyByCounting(t *testing.T) {
	check := func(t *rapid.T, pooled []int, n1 int) {
		a, b := make([]float64, n1), make([]float64, len(pooled)-n1)
		for i, x := range pooled {
			if i < n1 {
				a[i] = float64(x)
			} else {
				b[i-n1] = float64(x)
			}
		}
		if got, want := Compare(a, b).P, byCounting(a, b); math.Abs(got-want) > 1e-9 {
			t.Fatalf("Compare(%v, %v) has P = %v, by counting %v", a, b, got, want)
		}
	}
	length := rapid.IntRange(1, 6)
	t.Run("without ties", rapid.MakeCheck(func(t *rapid.T) {
		n1, n2 := length.Draw(t, "n1"), length.Draw(t, "n2")
		check(t, rapid.SliceOfNDistinct(rapid.IntRange(0, 1000), n1+n2, n1+n2, rapid.ID[int]).Draw(t, "values"), n1)
	}))
	t.Run("with ties", rapid.MakeCheck(func(t *rapid.T) {
		n := length.Draw(t, "n")
		pooled := rapid.SliceOfN(rapid.IntRange(0, 3), 2*n, 2*n).Draw(t, "values")
		i := rapid.IntRange(1, 2*n-1).Draw(t, "tied")
		pooled[i] = pooled[0]
		check(t, pooled, n)
	}))
}

// For series of different lengths with ties benchmath looks at the wrong tail of a distribution that is not symmetric, and at
// too much or too little of it, as the comment on [Compare] has it. Here is how far off it can be, by the same count.
func TestMannWhitneyOfDifferentLengthsWithTies(t *testing.T) {
	ones, twos := some(7, 0, 0, 1), some(2, 0, 0, 2)
	for _, tt := range []struct {
		why           string
		before, after []float64
		p             float64
	}{
		{"seven ones before two twos: two of C(9,2)", ones, twos, 2.0 / 36},
		{"two twos before seven ones: nothing is as far out on the side that it looks at", twos, ones, 0},
	} {
		near(t, "by counting, of either order", byCounting(tt.before, tt.after), 2.0/36)
		if got := Compare(tt.before, tt.after).P; math.Abs(got-tt.p) > 1e-9 {
			t.Errorf("%s: P = %v, benchmath had %v: if it is exact now, what Compare says of it may go", tt.why, got, tt.p)
		}
	}
}

// MannWhitney is exact for any two short series, and equal to benchmath where that is.
func TestMannWhitneyIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n1, n2 := rapid.IntRange(1, 6).Draw(t, "n1"), rapid.IntRange(1, 6).Draw(t, "n2")
		most := rapid.SampledFrom([]int{0, 1, 3, 1000}).Draw(t, "most")
		draw := func(n int, name string) (xs []float64) {
			for _, x := range rapid.SliceOfN(rapid.IntRange(0, most), n, n).Draw(t, name) {
				xs = append(xs, float64(x))
			}
			return xs
		}
		a, b := draw(n1, "a"), draw(n2, "b")
		got := MannWhitney(a, b)
		if want := byCounting(a, b); math.Abs(got-want) > 1e-9 {
			t.Fatalf("MannWhitney(%v, %v) = %v, by counting %v", a, b, got, want)
		}
		if math.Abs(got-Compare(a, b).P) > 1e-9 && (n1 == n2 || !tied(a, b)) {
			t.Fatalf("MannWhitney(%v, %v) = %v, benchmath has %v", a, b, got, Compare(a, b).P)
		}
	})
	ones, twos := some(7, 0, 0, 1), some(2, 0, 0, 2)
	if math.Abs(MannWhitney(twos, ones)-Compare(twos, ones).P) <= 1e-9 {
		t.Error("benchmath is right about different lengths with ties: MannWhitney may go")
	}
	long, longer := some(26, 5, 1, 2), some(30, 9, 1, 2)
	if got, want := MannWhitney(long, longer), Compare(long, longer).P; got != want {
		t.Errorf("long series: %v, want benchmath's %v", got, want)
	}
}

// withU is two series without ties that have the given U: each value of a is put above as many of b as are still to count.
func withU(n1, n2, u int) (a, b []float64) {
	for range n1 {
		above := min(u, n2) // this one lies above so many of b
		u -= above
		a = append(a, float64(above)+0.5+float64(len(a))/1000)
	}
	for j := range n2 {
		b = append(b, float64(j+1))
	}
	return a, b
}

// TestMannWhitneyCriticalValues: the largest U that is significant, two-sided, as textbooks have it in their tables (D. Auble,
// "Extended tables for the Mann-Whitney statistic", Bulletin of the Institute of Educational Research at Indiana
// University 1 (2), 1953; as rank sums, U + n(n+1)/2, L. R. Verdooren, "Extended tables of critical values for Wilcoxon's
// test statistic", Biometrika 50, 1963). One more is not significant. -1 is a dash: nothing is.
func TestMannWhitneyCriticalValues(t *testing.T) {
	tables := []struct {
		alpha    float64
		critical map[int][]int // by the length of one series: for lengths of the other from 5 to 10
	}{
		{0.05, map[int][]int{
			3:  {0, 1, 1, 2, 2, 3},
			4:  {1, 2, 3, 4, 4, 5},
			5:  {2, 3, 5, 6, 7, 8},
			6:  {3, 5, 6, 8, 10, 11},
			7:  {5, 6, 8, 10, 12, 14},
			8:  {6, 8, 10, 13, 15, 17},
			9:  {7, 10, 12, 15, 17, 20},
			10: {8, 11, 14, 17, 20, 23},
			15: {14, 19, 24, 29, 34, 39},
			20: {20, 27, 34, 41, 48, 55},
		}},
		{0.01, map[int][]int{
			3:  {-1, -1, -1, -1, 0, 0},
			4:  {-1, 0, 0, 1, 1, 2},
			5:  {0, 1, 1, 2, 3, 4},
			6:  {1, 2, 3, 4, 5, 6},
			7:  {1, 3, 4, 6, 7, 9},
			8:  {2, 4, 6, 7, 9, 11},
			9:  {3, 5, 7, 9, 11, 13},
			10: {4, 6, 9, 11, 13, 16},
		}},
	}
	for _, table := range tables {
		for n1, row := range table.critical {
			for i, critical := range row {
				n2 := 5 + i
				if critical >= 0 {
					if p := Compare(withU(n1, n2, critical)).P; p > table.alpha {
						t.Errorf("%d and %d, U = %d: P = %v, significant at %v by the table", n1, n2, critical, p, table.alpha)
					}
				}
				if p := Compare(withU(n1, n2, critical+1)).P; p <= table.alpha {
					t.Errorf("%d and %d, U = %d: P = %v, not significant at %v by the table", n1, n2, critical+1, p, table.alpha)
				}
			}
		}
	}
}

// What the test above rests on.
func TestWithU(t *testing.T) {
	for n1 := 1; n1 <= 5; n1++ {
		for n2 := 1; n2 <= 5; n2++ {
			for want := range n1*n2 + 1 {
				a, b := withU(n1, n2, want)
				pooled := slices.Concat(a, b)
				if got := pairsAbove(pooled, 1<<n1-1); got != float64(want) {
					t.Errorf("%v and %v: U = %v, want %d", a, b, got, want)
				}
				if slices.Sort(pooled); len(slices.Compact(pooled)) != n1+n2 {
					t.Errorf("%v and %v: ties", a, b)
				}
			}
		}
	}
}
