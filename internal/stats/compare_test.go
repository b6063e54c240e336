package stats

import (
	"math"
	"slices"
	"testing"

	"golang.org/x/perf/benchmath"
	"pgregory.net/rapid"
)

// The series of benchstat's own documentation, JSON encoding in nanoseconds: 1.718µ ± 1% and 1.423µ ± 1%, -17.20%
// (p=0.000 n=10).
var (
	docOld = []float64{1726, 1723, 1707, 1707, 1713, 1729, 1736, 1707, 1705, 1774}
	docNew = []float64{1423, 1416, 1411, 1413, 1412, 1426, 1424, 1422, 1447, 1425}
)

func TestCompareAsBenchstatDoes(t *testing.T) {
	old, fresh := Describe(docOld), Describe(docNew)
	c := Compare(docOld, docNew)
	if old.Center != 1718 || old.PctRangeString() != "1%" || fresh.Center != 1422.5 || fresh.PctRangeString() != "1%" {
		t.Errorf("got %v ± %s and %v ± %s", old.Center, old.PctRangeString(), fresh.Center, fresh.PctRangeString())
	}
	if got := c.FormatDelta(old.Center, fresh.Center) + " (" + c.String() + ")"; got != "-17.20% (p=0.000 n=10)" {
		t.Errorf("got %s", got)
	}
}

func TestCompare(t *testing.T) {
	six := []float64{1, 2, 3, 4, 5, 6}
	for _, tt := range []struct {
		why           string
		before, after []float64
		p             float64 // by counting
	}{
		{"six above six: 2 of C(12,6) orders", six, []float64{7, 8, 9, 10, 11, 12}, 2.0 / 924},
		{"six below six, all the same", []float64{7, 8, 9, 10, 11, 12}, six, 2.0 / 924},
		{"two above two: 2 of 6", []float64{1, 2}, []float64{3, 4}, 2.0 / 6},
		{"equal throughout", []float64{0, 0, 0, 0}, []float64{0, 0, 0, 0}, 1},
		{"one in between at either end: 4 of 20", []float64{1, 2, 4}, []float64{3, 5, 6}, 4.0 / 20},
	} {
		b, a := slices.Clone(tt.before), slices.Clone(tt.after)
		c := Compare(tt.before, tt.after)
		near(t, tt.why, c.P, tt.p)
		if c.Alpha != Alpha {
			t.Errorf("%s: alpha %v", tt.why, c.Alpha)
		}
		if !slices.Equal(b, tt.before) || !slices.Equal(a, tt.after) {
			t.Errorf("%s: the caller's slices were reordered", tt.why)
		}
	}
	unsorted := []float64{3, 1, 2}
	Compare(unsorted, unsorted)
	Describe(unsorted)
	if !slices.Equal(unsorted, []float64{3, 1, 2}) {
		t.Errorf("the caller's slice was reordered: %v", unsorted)
	}
}

// CanDiffer is what Compare says of two series that could not lie farther apart.
func TestCanDiffer(t *testing.T) {
	for n1 := range 12 {
		for n2 := range 12 {
			want := false
			if n1 > 0 && n2 > 0 {
				var low, high []float64
				for i := range n1 {
					low = append(low, float64(i))
				}
				for i := range n2 {
					high = append(high, float64(100+i))
				}
				want = Compare(low, high).P <= Alpha
			}
			if got := CanDiffer(n1, n2); got != want {
				t.Errorf("CanDiffer(%d, %d) = %v, want %v", n1, n2, got, want)
			}
		}
	}
	if !CanDiffer(100_000, 100_000) {
		t.Error("long series cannot differ")
	}
}

func TestGeoMean(t *testing.T) {
	for _, tt := range []struct {
		why  string
		xs   []float64
		want float64
		ok   bool
	}{
		{"nothing", nil, 0, false},
		{"one", []float64{5}, 5, true},
		{"twice and half cancel out", []float64{2, 0.5}, 1, true},
		{"2·4·8 = 4³", []float64{2, 4, 8}, 4, true},
		{"zero has no logarithm", []float64{2, 0}, 0, false},
		{"nor has what is below", []float64{-2, -2}, 0, false},
		{"nor what is no number", []float64{math.NaN()}, 0, false},
	} {
		got, ok := GeoMean(tt.xs)
		near(t, tt.why, got, tt.want)
		if ok != tt.ok {
			t.Errorf("%s: ok %v, want %v", tt.why, ok, tt.ok)
		}
	}
}

func TestCompareProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n1, n2 := rapid.IntRange(1, 12).Draw(t, "n1"), rapid.IntRange(1, 12).Draw(t, "n2")
		a, b := positive(n1).Draw(t, "a"), positive(n2).Draw(t, "b")
		p, swapped := Compare(a, b).P, Compare(b, a).P
		if !(0 <= p && p <= 1 && 0 <= swapped && swapped <= 1) {
			t.Fatalf("p = %v, swapped %v", p, swapped)
		}
		ties := len(slices.Compact(slices.Sorted(slices.Values(slices.Concat(a, b))))) < n1+n2
		if (n1 == n2 || !ties) && math.Abs(p-swapped) > 1e-9 {
			t.Fatalf("p = %v, swapped %v", p, swapped)
		}
		want := benchmath.AssumeNothing.Compare(sample(a), sample(b)).P
		if p != min(1, want) {
			t.Fatalf("p = %v, benchmath has %v", p, want)
		}
	})
}

// The exact test of two ones before and a million after has three orders, of which one or two are as far out.
func TestCompareWhereBenchmathExceedsOne(t *testing.T) {
	if p := Compare([]float64{1e6}, []float64{1, 1}).P; p != 1 {
		t.Errorf("p = %v, want 1", p)
	}
}
