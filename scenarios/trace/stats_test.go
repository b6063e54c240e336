package trace

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sessbench/sessbench/scenarios"
)

func TestFitZipfFindsTheExponent(t *testing.T) {
	for _, s := range []float64{0, 0.45, 0.99, 1.5} {
		counts := make([]int64, 2000)
		for i := range counts {
			counts[i] = int64(math.Round(1e7 * math.Pow(float64(i+1), -s)))
		}
		if got := FitZipf(counts); math.Abs(got-s) > 0.001 {
			t.Errorf("counts made with s = %v: %v", s, got)
		}
	}
	if FitZipf(nil) != 0 || FitZipf([]int64{9}) != 0 {
		t.Error("fewer than two counts: want 0")
	}
}

// arrive feeds arrivals, in seconds, to both measures of burstiness.
func arrive(at []float64) (whole, inMinute float64) {
	var gaps moments
	var within minutes
	for i, s := range at {
		within.add(time.Duration(s * 1e9))
		if i > 0 {
			gaps.add(s - at[i-1])
		}
	}
	return gaps.variation(), within.burstiness()
}

func TestBurstiness(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var poisson, even, bursts, days []float64
	for at := 0.0; at < 36000; at += rng.ExpFloat64() * 5 {
		poisson = append(poisson, at)
	}
	for i := range 7200 {
		even = append(even, float64(i)*5)
		bursts = append(bursts, float64(i/6)*30+float64(i%6)/100)
	}
	for _, s := range poisson {
		days = append(days, s+math.Floor(s/3600)*36000) // an hour of traffic, nine of silence
	}
	tests := []struct {
		why                string
		at                 []float64
		whole, least, most float64 // of both, ±5 %
	}{
		{"Poisson arrivals are 1 by both", poisson, 1, 0.95, 1.05},
		{"evenly spaced ones are far below", even, 0, 0, 0.4},
		{"bursts are above by both", bursts, 2.2, 2, 4},
		{"silence between hours is not seen within minutes", days, 25.5, 0.95, 1.05},
	}
	for _, test := range tests {
		whole, in := arrive(test.at)
		if math.Abs(whole-test.whole) > 0.05*max(test.whole, 1) || in < test.least || in > test.most {
			t.Errorf("%s: whole log %.3f, within minutes %.3f", test.why, whole, in)
		}
	}
	if whole, in := arrive(nil); !math.IsNaN(whole) || !math.IsNaN(in) {
		t.Errorf("nothing to measure: %v, %v", whole, in)
	}
}

func TestSpread(t *testing.T) {
	falling := make([]int64, 100)
	for i := range falling {
		falling[i] = int64(100 - i)
	}
	if d := cmp.Diff(Spread{50, 90, 99, 100}, spread(falling)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(Spread{7, 7, 7, 7}, spread([]int64{7})); d != "" {
		t.Error(d)
	}
}

// TestSample reads the log that the README shows.
func TestSample(t *testing.T) {
	r, err := Open("../../examples/sample.csv", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s, err := Measure(r)
	if err != nil {
		t.Fatal(err)
	}
	if s.Visits != 40 || s.Sessions != 17 || s.Operations[scenarios.Append] != 80 || s.Operations[scenarios.History] != 40 ||
		s.Operations[scenarios.GetOrCreate] != 17 || s.Span != 1020*time.Second || s.VisitsPerSession.Max != 8 || s.Malformed != 0 {
		t.Errorf("%+v", s)
	}
}
