package scenarios

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// until returns the arrivals before a time.
func until(a *Arrivals, end time.Duration) (times []int64) {
	for {
		t := a.Next()
		if t >= int64(end) {
			return times
		}
		times = append(times, t)
	}
}

// rejectsUniform is the Kolmogorov–Smirnov test at the 5 % level of times that are uniform from 0 to end, as those of a Poisson
// process are, given their number.
func rejectsUniform(times []int64, end time.Duration) bool {
	n, d := float64(len(times)), 0.
	for i, t := range times {
		at := float64(t) / float64(end)
		d = max(d, at-float64(i)/n, float64(i+1)/n-at)
	}
	return d*(math.Sqrt(n)+0.12+0.11/math.Sqrt(n)) > 1.358
}

// rejectsDispersion is the index-of-dispersion test at the 5 % level, both sides, of counts per interval that are Poisson with a
// known mean.
func rejectsDispersion(times []int64, end, interval time.Duration) bool {
	counts := make([]float64, end/interval)
	for _, t := range times {
		counts[t/int64(interval)]++
	}
	mean := float64(len(times)) / float64(len(counts))
	sum := 0.
	for _, c := range counts {
		sum += (c - mean) * (c - mean)
	}
	freedom := float64(len(counts) - 1)
	// Wilson and Hilferty: the cube root of a chi-squared variable is nearly normal.
	z := (math.Cbrt(sum/mean/freedom) - (1 - 2/(9*freedom))) / math.Sqrt(2/(9*freedom))
	return math.Abs(z) > 1.96
}

// rejections counts the seeds of 100 for which each test rejects arrivals.
func rejections(draw func(seed uint64) []int64, end time.Duration) (uniform, dispersion int) {
	for seed := range uint64(100) {
		times := draw(seed)
		if rejectsUniform(times, end) {
			uniform++
		}
		if rejectsDispersion(times, end, 100*time.Millisecond) {
			dispersion++
		}
	}
	return uniform, dispersion
}

func TestPoissonArrivals(t *testing.T) {
	const end = 20 * time.Second
	poisson := func(l Load) func(uint64) []int64 {
		return func(seed uint64) []int64 { return until(l.Arrivals(1, 0, seed, 0, 1), end) }
	}
	// Of 100 tests at the 5 % level more than 13 reject with a probability below 0.1 %.
	if u, d := rejections(poisson(Load{Rate: 2000}), end); u > 13 || d > 13 {
		t.Errorf("%d and %d rejections of 100", u, d)
	}
	if u, d := rejections(poisson(Load{Rate: 2000, Constant: true}), end); d < 90 {
		t.Errorf("constant arrivals: %d and %d rejections of 100, want nearly all", u, d)
	}
	if u, _ := rejections(poisson(Load{Rate: 1900, Stages: []Stage{{end, 2100}}}), end); u < 90 {
		t.Errorf("a growing rate: %d rejections of 100, want nearly all", u)
	}
	shares := func(seed uint64) (all []int64) {
		l := Load{Rate: 2000}
		for i := range 4 {
			all = append(all, until(l.Arrivals(1, 0, seed, i, 4), end)...)
		}
		slices.Sort(all)
		return all
	}
	if u, d := rejections(shares, end); u > 13 || d > 13 {
		t.Errorf("four processes: %d and %d rejections of 100", u, d)
	}
}

func TestConstantArrivals(t *testing.T) {
	l := Load{Rate: 3000, Constant: true}
	a := l.Arrivals(3, 0, 1, 0, 1) // 1000 visits per second
	for i := range int64(1_000_000) {
		if got := a.Next(); got != i*1e6 {
			t.Fatalf("arrival %d at %d ns", i, got)
		}
	}
	var all []int64
	for i := range 4 {
		all = append(all, until(l.Arrivals(3, 0, 1, i, 4), time.Second)...)
	}
	slices.Sort(all)
	for i, got := range all {
		if want := int64(i) * 1e6; got != want {
			t.Fatalf("four processes: arrival %d at %d ns", i, got)
		}
	}
}

func TestStages(t *testing.T) {
	l := Load{Rate: 100, Constant: true, Stages: []Stage{{10 * time.Second, 300}, {5 * time.Second, 300}, {2 * time.Second, 0}}}
	const lead = 2 * time.Second
	for _, c := range []struct {
		until time.Duration
		want  float64
	}{
		{0, 0}, {time.Second, 100}, {2 * time.Second, 200}, {7 * time.Second, 200 + 5*150}, {12 * time.Second, 2200},
		{17 * time.Second, 3700}, {18 * time.Second, 3700 + 225}, {19 * time.Second, 4000}, {time.Hour, 4000},
	} {
		if got := l.Expected(1, lead, int64(c.until)); math.Abs(got-c.want) > 1e-6 {
			t.Errorf("%v: %v arrivals, want %v", c.until, got, c.want)
		}
		if got := float64(len(until(l.Arrivals(1, lead, 1, 0, 1), c.until))); math.Abs(got-c.want) > 1 {
			t.Errorf("%v: %v arrivals are drawn, want %v", c.until, got, c.want)
		}
	}
	a := l.Arrivals(1, lead, 1, 0, 1)
	last := int64(0)
	for range 5000 {
		next := a.Next()
		if next < last {
			t.Fatalf("%d after %d", next, last)
		}
		last = next
	}
	if last != math.MaxInt64 {
		t.Errorf("an arrival at %d, although the rate is 0", last)
	}
	slow := Load{Stages: []Stage{{time.Second, 1000}}, Constant: true} // from nothing
	if got := len(until(slow.Arrivals(1, 0, 1, 0, 1), time.Second)); got < 500 || got > 501 {
		t.Errorf("%d arrivals of 500", got)
	}
}

func TestParseLoad(t *testing.T) {
	for text, want := range map[string]float64{"2000/s": 2000, "2/ms": 2000, "120/m": 2, "0.5/s": 0.5} {
		if got, err := RateParser().Read(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "2000", "/s", "-1/s", "0/s", "x/s", "1/h", "NaN/s", "Inf/s", "1e9/s", "1/s/s"} {
		if got, err := RateParser().Read(text); err == nil || !strings.Contains(err.Error(), "2000/s") {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	got, err := StagesParser().Read("30s:500/s,1m:2/ms,10s:0/s")
	if err != nil || !slices.Equal(got.Rates, []Stage{{30 * time.Second, 500}, {time.Minute, 2000}, {10 * time.Second, 0}}) || got.Users != nil {
		t.Error(got, err)
	}
	got, err = StagesParser().Read("30s:100,10s:0")
	if err != nil || !slices.Equal(got.Users, []UserStage{{30 * time.Second, 100}, {10 * time.Second, 0}}) || got.Rates != nil {
		t.Error(got, err)
	}
	for text, want := range map[string]string{
		"": "TIME:USERS", "30s": "TIME:RATE", "30s:": "from 0 to 1000000 of users", ":500/s": "duration", "30:500/s": "30ms", "30s:0/s": "above 0",
		"30s:500/s,": "TIME:RATE", "30s:-1": "users", "30s:1.5": "users", "30s:2000000": "users", "30s:x/s": "2000/s",
		"30s:500/s,1m:100": `"1m:100": want either a rate`, "1m:100,30s:500/s,2s:7": `"30s:500/s": want either a rate`,
	} {
		if got, err := StagesParser().Read(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v: want %s", text, got, err, want)
		}
	}
}
