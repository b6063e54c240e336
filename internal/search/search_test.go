package search

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// options are those of a search from start.
func options(start float64) Options {
	return Options{Start: start, Step: 1.06, Min: 10, Max: 1e6, Precision: 1.03}
}

// store simulates a store: a trial passes if the rate is below its capacity, which differs from trial to trial, the less the longer
// the trial.
type store struct {
	capacity float64
	noise    float64 // standard deviation, relative to the logarithm of the probe's width
	rng      *rand.Rand
}

func (s *store) trial(p Probe) Verdict {
	if p.Rate < s.capacity*math.Exp(s.rng.NormFloat64()*s.noise*math.Log(p.Width)) {
		return Passes
	}
	return Fails
}

// run searches without a budget, and returns the number of trials.
func run(t *testing.T, s *Search, trial func(Probe) Verdict) (trials int) {
	t.Helper()
	for p, ok := s.Next(); ok; p, ok = s.Next() {
		if trials++; trials > 500 {
			t.Fatalf("no end: %+v", s.Probes)
		}
		s.Record(trial(p))
	}
	return trials
}

func TestFindsTheCapacity(t *testing.T) {
	for _, start := range []float64{100, 1000, 1400, 1500, 1600, 200_000} {
		s := New(options(start))
		at := &store{capacity: 1500, rng: rand.New(rand.NewPCG(1, 1))}
		trials := run(t, s, at.trial)
		lower, upper := s.Bounds()
		if s.End != Precise || lower >= 1500 || upper < 1500 || upper/lower > 1.03 {
			t.Errorf("from %v: %v to %v, ended by %s", start, lower, upper, s.End)
		}
		if trials > 40 {
			t.Errorf("from %v: %d trials", start, trials)
		}
	}
}

// With noise of half the width of a probe, most searches find an interval around the capacity, and almost all one that is close to it.
func TestFindsTheCapacityInNoise(t *testing.T) {
	const searches = 400
	around, near, trials := 0, 0, 0
	for seed := range uint64(searches) {
		rng := rand.New(rand.NewPCG(seed, 2))
		s := New(options(1500 * math.Exp(0.1*rng.NormFloat64())))
		trials += run(t, s, (&store{1500, 0.5, rng}).trial)
		lower, upper := s.Bounds()
		if lower < 1500 && 1500 < upper {
			around++
		}
		if lower > 1500*0.95 && lower < 1500*1.05 {
			near++
		}
		for _, p := range s.Probes {
			if len(p.Trials) < 2 {
				t.Errorf("seed %d: %v decided by a single trial", seed, p.Rate)
			}
		}
	}
	t.Logf("%d of %d around the capacity, %d near it, %.1f trials each", around, searches, near, float64(trials)/searches)
	if around < searches*3/4 || near < searches*97/100 {
		t.Errorf("%d of %d searches around the capacity, %d near it", around, searches, near)
	}
}

// A bound that short trials found is confirmed by long ones.
func TestConfirmsBounds(t *testing.T) {
	s := New(options(100))
	run(t, s, (&store{capacity: 1500}).exact)
	lower, upper := s.bounds()
	if lower.Width > 1.03 || upper.Width > 1.03 {
		t.Errorf("%+v, %+v", lower, upper)
	}
	// Short trials are wrong about the first rate.
	s = New(options(1600))
	run(t, s, func(p Probe) Verdict {
		if p.Rate == 1600 && p.Width > 1.03 {
			return Passes
		}
		return (&store{capacity: 1500}).exact(p)
	})
	if lower, upper := s.Bounds(); lower > 1500 || upper < 1500 || upper/lower > 1.03 {
		t.Errorf("%v to %v: %+v", lower, upper, s.Probes)
	}
}

// What a store reaches at a rate that is far too high is where the search goes on.
func TestGoesOnWhereTheStoreGets(t *testing.T) {
	s := New(options(900_000))
	trials := run(t, s, func(p Probe) Verdict {
		s.Reached = max(s.Reached, min(p.Rate, 1480)*float64(1+len(p.Trials)%2)/2) // a disturbed trial reaches half
		return (&store{capacity: 1500}).exact(p)
	})
	lower, upper := s.Bounds()
	if s.End != Precise || lower > 1500 || upper < 1500 || trials > 14 {
		t.Errorf("%v to %v in %d trials: %+v", lower, upper, trials, s.Probes)
	}
}

func (s *store) exact(p Probe) Verdict {
	if p.Rate < s.capacity {
		return Passes
	}
	return Fails
}

func TestExtremes(t *testing.T) {
	for _, of := range []struct {
		name         string
		trial        func(Probe) Verdict
		end          End
		lower, upper float64
	}{
		{"never passes", func(Probe) Verdict { return Fails }, Lowest, 0, 10},
		{"always passes", func(Probe) Verdict { return Passes }, Highest, 1e6, 0},
		{"never decided", func(Probe) Verdict { return Undecided }, Lowest, 0, 0},
	} {
		s := New(options(1000))
		run(t, s, of.trial)
		if lower, upper := s.Bounds(); s.End != of.end || lower != of.lower || upper != of.upper {
			t.Errorf("%s: %v to %v, ended by %s", of.name, lower, upper, s.End)
		}
	}
}

// Between 1400 and 1700 trials contradict each other: the bounds are on both sides, and the interval is as wide as that.
func TestContradictions(t *testing.T) {
	n := 0
	s := New(options(1500))
	run(t, s, func(p Probe) Verdict {
		n++
		switch {
		case p.Rate < 1400, p.Rate < 1700 && n%2 == 0:
			return Passes
		}
		return Fails
	})
	lower, upper := s.Bounds()
	if s.End != Disagreeing || lower > 1400 || lower < 1400/1.03 || upper < 1700 || upper > 1700*1.03 {
		t.Errorf("%v to %v, ended by %s", lower, upper, s.End)
	}
	// A rate that passes above one that fails is no bound.
	s = &Search{Options: options(1), Probes: []Probe{{Rate: 100, Verdict: Passes}, {Rate: 200, Verdict: Fails}, {Rate: 300, Verdict: Passes}}}
	if lower, upper := s.Bounds(); lower != 100 || upper != 200 {
		t.Errorf("%v to %v", lower, upper)
	}
}

func TestClassify(t *testing.T) {
	for trials, want := range map[string]Verdict{
		"": "", "p": "", "f": "", "u": "", "pp": Passes, "ff": Fails, "pf": "", "pfp": "", "pfpp": Passes, "fpff": Fails, "pfpf": Undecided,
		"uu": Undecided, "up": "", "upp": Passes, "upf": "", "upfp": "", "upfpp": Passes, "upfpf": Undecided, "upuf": Undecided,
	} {
		var list []Verdict
		for _, c := range trials {
			list = append(list, map[rune]Verdict{'p': Passes, 'f': Fails, 'u': Undecided}[c])
		}
		if got := classify(list); got != want {
			t.Errorf("%q: %q, want %q", trials, got, want)
		}
	}
}

// rounds are searches for stores of these capacities whose trials take a second.
func rounds(budget time.Duration, capacities ...float64) (r *Rounds, order *[]int) {
	elapsed := time.Duration(0)
	order = new([]int)
	r = &Rounds{
		Random: rand.New(rand.NewPCG(1, 3)), Budget: budget,
		Elapsed: func() time.Duration { return elapsed },
		Takes:   func(Probe) time.Duration { return time.Second },
		Trial: func(i, _ int, p Probe) (Verdict, error) {
			elapsed += time.Second
			*order = append(*order, i)
			return (&store{capacity: capacities[i]}).exact(p), nil
		},
	}
	for range capacities {
		r.Searches = append(r.Searches, New(options(1000)))
	}
	return r, order
}

func TestRoundsInterleave(t *testing.T) {
	r, order := rounds(time.Hour, 1010, 990, 1100)
	if err := r.Run(); err != nil {
		t.Fatal(err)
	}
	for i, s := range r.Searches {
		if s.End != Precise {
			t.Errorf("%d ended by %s", i, s.End)
		}
	}
	for i := 0; i+3 <= 9; i += 3 { // the first rounds have all three
		if a := (*order)[i:][:3]; a[0] == a[1] || a[1] == a[2] || a[0] == a[2] {
			t.Errorf("round %d: %v", i/3, a)
		}
	}
}

// A spent budget leaves wider intervals, of all stores.
func TestRoundsBudget(t *testing.T) {
	r, order := rounds(15*time.Second, 3000, 300)
	if err := r.Run(); err != nil {
		t.Fatal(err)
	}
	if len(*order) != 15 {
		t.Errorf("%d trials in 15 s", len(*order))
	}
	for i, s := range r.Searches {
		if lower, upper := s.Bounds(); s.End != Budget || upper > 0 && lower > 0 && upper/lower < 1.03 {
			t.Errorf("%d: %v to %v, ended by %s", i, lower, upper, s.End)
		}
	}
}

func TestRoundsKeepWhatWasFound(t *testing.T) {
	r, order := rounds(time.Hour, 3000, 300)
	trial, stop := r.Trial, errors.New("interrupted")
	r.Trial = func(i, round int, p Probe) (Verdict, error) {
		if len(*order) == 9 {
			return "", stop
		}
		return trial(i, round, p)
	}
	if err := r.Run(); !errors.Is(err, stop) {
		t.Fatal(err)
	}
	if lower, _ := r.Searches[0].Bounds(); r.Searches[0].End != Interrupted || lower < 1000 {
		t.Errorf("%v: %+v", lower, r.Searches[0])
	}
	if _, upper := r.Searches[1].Bounds(); r.Searches[1].End != Interrupted || upper > 1000 {
		t.Errorf("%v: %+v", upper, r.Searches[1])
	}
}
