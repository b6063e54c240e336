package scenarios

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestParseKeys(t *testing.T) {
	for _, test := range []struct {
		why, text string
		want      Keys
	}{
		{"every session alike", "uniform", Keys{}},
		{"popularity as recorded", "zipf:0.45", Keys{Zipf: 0.45}},
		{"exponent zero is uniform", "zipf:0", Keys{}},
		{"the largest exponent", "zipf:4", Keys{Zipf: 4}},
		{"one in a hundred gets nine in ten", "hot:0.01:0.9", Keys{Fraction: 0.01, Share: 0.9}},
	} {
		got, err := ParseKeys(test.text)
		if err != nil || got != test.want {
			t.Errorf("%s: ParseKeys(%q) = %+v, %v: want %+v", test.why, test.text, got, err, test.want)
		}
		if again, err := ParseKeys(got.String()); err != nil || again != got {
			t.Errorf("%s: %q reads back as %+v, %v: want %+v", test.why, got, again, err, got)
		}
	}
	for _, test := range []struct{ why, text string }{
		{"nothing", ""},
		{"a slip of the finger", "zip:1"},
		{"names are in lower case", "Uniform"},
		{"uniform takes no number", "uniform:1"},
		{"nor a bare colon", "uniform:"},
		{"zipf needs its exponent", "zipf"},
		{"an exponent that is no number", "zipf:much"},
		{"an exponent below zero", "zipf:-1"},
		{"an exponent above four", "zipf:4.1"},
		{"an exponent that compares with nothing", "zipf:NaN"},
		{"one number too many", "zipf:1:2"},
		{"hot needs two numbers", "hot:0.1"},
		{"all sessions are not hot", "hot:1:0.9"},
		{"no session is not hot", "hot:0:0.9"},
		{"a share of everything leaves nothing for the others", "hot:0.1:1"},
		{"a share that compares with nothing", "hot:0.1:NaN"},
		{"percentages are not understood", "hot:1%:90%"},
	} {
		_, err := ParseKeys(test.text)
		if err == nil {
			t.Errorf("%s: ParseKeys(%q) gave no error", test.why, test.text)
			continue
		}
		for _, part := range []string{`"` + test.text + `"`, "uniform", "zipf:S", "hot:FRACTION:SHARE"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: error %q does not name %s", test.why, err, part)
			}
		}
	}
}

// visits draws n visits over so many sessions and counts those of each. The generator's seed is fixed.
func visits(t *testing.T, k Keys, sessions, n int) []int {
	t.Helper()
	draw := k.sampler(sessions, rand.New(rand.NewPCG(1, 2)))
	counts := make([]int, sessions)
	for range n {
		at := draw()
		if int(at) >= sessions {
			t.Fatalf("%v drew slot %d of %d", k, at, sessions)
		}
		counts[at]++
	}
	return counts
}

// The logarithm of a session's visits falls with the logarithm of its rank, and the slope is the exponent.
func TestZipfSlope(t *testing.T) {
	for _, exponent := range []float64{0.45, 0.58, 1, 1.5} {
		counts := visits(t, Keys{Zipf: exponent}, 1000, 1_000_000)
		var x, y []float64
		for rank := 1; rank <= 64; rank *= 2 { // the popular ones: their counts are large and vary little
			x = append(x, math.Log(float64(rank)))
			y = append(y, math.Log(float64(counts[rank-1])))
		}
		if got := -slope(x, y); math.Abs(got-exponent) > 0.05 {
			t.Errorf("exponent %v: visits fall with an exponent of %.3f", exponent, got)
		}
	}
}

// slope is that of the line through the points with the least squared error.
func slope(x, y []float64) float64 {
	n, sx, sy, sxx, sxy := float64(len(x)), 0.0, 0.0, 0.0, 0.0
	for i := range x {
		sx, sy, sxx, sxy = sx+x[i], sy+y[i], sxx+x[i]*x[i], sxy+x[i]*y[i]
	}
	return (n*sxy - sx*sy) / (n*sxx - sx*sx)
}

func TestHotShare(t *testing.T) {
	const n = 200_000
	for _, test := range []struct {
		why      string
		keys     Keys
		sessions int
		hot      int // how many sessions share the popularity
	}{
		{"one in a hundred", Keys{Fraction: 0.01, Share: 0.9}, 1000, 10},
		{"half of them", Keys{Fraction: 0.5, Share: 0.8}, 100, 50},
		{"a fraction of less than one session is one", Keys{Fraction: 0.001, Share: 0.3}, 10, 1},
		{"and some session is left for the rest", Keys{Fraction: 0.99, Share: 0.6}, 10, 9},
	} {
		counts := visits(t, test.keys, test.sessions, n)
		sum := 0
		for _, c := range counts[:test.hot] {
			sum += c
		}
		if got := float64(sum) / n; math.Abs(got-test.keys.Share) > 0.01 {
			t.Errorf("%s: the hot sessions get %.3f of the visits, want %v", test.why, got, test.keys.Share)
		}
		wantEven(t, test.why, counts[:test.hot])
		wantEven(t, test.why, counts[test.hot:])
	}
}

func TestUniform(t *testing.T) {
	wantEven(t, "uniform", visits(t, Keys{}, 100, 200_000))
	for _, k := range []Keys{{}, {Zipf: 1}, {Fraction: 0.1, Share: 0.9}} {
		if counts := visits(t, k, 1, 100); counts[0] != 100 {
			t.Errorf("%v: a single session gets %d of 100 visits", k, counts[0])
		}
	}
}

// wantEven checks that no count is further from the mean than six standard deviations.
func wantEven(t *testing.T, why string, counts []int) {
	t.Helper()
	sum := 0
	for _, c := range counts {
		sum += c
	}
	mean := float64(sum) / float64(len(counts))
	for _, c := range []int{slices.Min(counts), slices.Max(counts)} {
		if math.Abs(float64(c)-mean) > 6*math.Sqrt(mean) {
			t.Errorf("%s: a session gets %d visits where the mean is %.0f", why, c, mean)
		}
	}
}
