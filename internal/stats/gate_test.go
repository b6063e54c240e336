package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// gate is the rule with m comparisons as the command has it. Of thirty pairs, X(7) is the lower bound of eight comparisons
// and X(20) the upper one.
func gate(m float64) Gate {
	return Gate{Alpha: 0.01 / m, PassAlpha: 0.1, MinEffect: 0.025, Tolerance: 0.05}
}

// some is n values, the first k of them one and the others another.
func some(n, k int, first, others float64) []float64 {
	xs := make([]float64, n)
	for i := range xs {
		xs[i] = others
		if i < k {
			xs[i] = first
		}
	}
	return xs
}

func TestGateOfRatios(t *testing.T) {
	ones := some(30, 0, 0, 1)
	noisy := make([]float64, 30) // blocks in which the machine is fast and slow, which slows all
	for i := range noisy {
		noisy[i] = float64(1 + i%7)
	}
	tests := []struct {
		why          string
		copied       []float64 // over old; nil: the same
		fresh        []float64 // over old
		want         Decision
		reason       string // part of it
		copyFires    bool
		undecidable  bool // no number of pairs
		gate         Gate
		old          []float64
		lower, upper float64 // shares; 0 where the row does not care
	}{
		{why: "no difference at all", fresh: ones, want: Pass},
		{why: "no difference on a machine that comes and goes", old: noisy, fresh: ones, want: Pass},
		{why: "twice as fast", fresh: some(30, 0, 0, 0.5), want: Pass, upper: -0.5},
		{why: "twice as slow", fresh: some(30, 0, 0, 2), want: Fail, lower: 1, upper: 1},
		{why: "twice as slow on a machine that comes and goes", old: noisy, fresh: some(30, 0, 0, 2), want: Fail},

		{why: "rule 1: the copy is slower in 24 of 30, and so is the new one", copied: some(30, 6, 0.99, 1.03), fresh: some(30, 0, 0, 2),
			want: Inconclusive, reason: "identical copy", copyFires: true, undecidable: true},
		{why: "rule 1 is before rule 3, too", copied: some(30, 6, 0.99, 1.03), fresh: ones,
			want: Inconclusive, reason: "identical copy", copyFires: true, undecidable: true},
		{why: "rule 1 in the other direction", copied: some(30, 6, 1.01, 0.97), fresh: ones,
			want: Inconclusive, reason: "identical copy", copyFires: true, undecidable: true},
		{why: "rule 1 missed: the copy is slower in 23 of 30", copied: some(30, 7, 0.99, 1.03), fresh: some(30, 0, 0, 2), want: Fail},
		{why: "rule 1 missed in the other direction", copied: some(30, 7, 1.01, 0.97), fresh: ones, want: Pass},
		{why: "rule 1 missed: the copy is always slower, by 2.4 %", copied: some(30, 0, 0, 1.024), fresh: some(30, 0, 0, 2), want: Fail},

		{why: "rule 2: worse in 24 of 30, by 6 %", fresh: some(30, 6, 0.99, 1.06), want: Fail, lower: 0.06},
		{why: "rule 2 missed: in 23, and nothing was shown to be below 5 %", fresh: some(30, 7, 0.99, 1.06),
			want: Inconclusive, reason: "that nothing changed cannot be excluded", lower: -0.01, upper: 0.06},
		{why: "rule 2: ties in six, X(7) above 0", fresh: some(30, 6, 1, 1.06), want: Fail},
		{why: "rule 2 missed: ties in seven, X(7) is 0", fresh: some(30, 7, 1, 1.06), want: Inconclusive, reason: "nothing changed"},
		{why: "rule 2: always worse by 2.6 %", fresh: some(30, 0, 0, 1.026), want: Fail},
		{why: "rule 2 missed: always worse, by 2.4 %", fresh: some(30, 0, 0, 1.024), want: Pass, reason: "less than the minimum effect"},
		{why: "rule 2 missed by the median alone: 2 % in 16, 30 % in 14", fresh: some(30, 16, 1.02, 1.3),
			want: Inconclusive, reason: "tolerance", lower: 0.02, upper: 0.3},
		{why: "rule 2 before rule 3: shown to be between 2.5 % and 5 %", fresh: some(30, 0, 0, 1.04), want: Fail},
		{why: "one comparison is less strict: X(9)", gate: gate(1), fresh: some(30, 8, 0.99, 1.06), want: Fail},
		{why: "but not stricter than that", gate: gate(1), fresh: some(30, 9, 0.99, 1.06), want: Inconclusive, reason: "nothing changed"},

		{why: "rule 3: no worse in 20, X(20)", fresh: some(30, 20, 1, 2), want: Pass},
		{why: "rule 3 missed: in 19", fresh: some(30, 19, 1, 2), want: Inconclusive, reason: "tolerance", upper: 1},
		{why: "rule 3: X(20) is 4.9 %", fresh: some(30, 16, 1, 1.049), want: Pass, upper: 0.049},
		{why: "rule 3 missed: X(20) is 5.1 %", fresh: some(30, 16, 1, 1.051), want: Inconclusive, reason: "tolerance", upper: 0.051},
		{why: "rule 3 by another tolerance", gate: Gate{0.01 / 8, 0.1, 0.025, 0.06}, fresh: some(30, 16, 1, 1.051), want: Pass},
		{why: "rule 3 at another PassAlpha: X(22) of 2 %", gate: Gate{0.01 / 8, 0.02, 0.025, 0.05}, fresh: some(30, 20, 1, 2),
			want: Inconclusive, reason: "tolerance"},

		{why: "a hole between a fail and a pass: 7 % where 5 % are tolerated and 10 % fail", gate: Gate{0.01 / 8, 0.1, 0.1, 0.05},
			fresh: some(30, 0, 0, 1.07), want: Inconclusive, reason: "between", undecidable: true},
		{why: "a spread that no number of pairs would overcome", fresh: some(30, 15, 1e-9, 1e9),
			want: Inconclusive, reason: "between", undecidable: true},
	}
	for _, tt := range tests {
		g, old, copied := tt.gate, tt.old, tt.copied
		if g == (Gate{}) {
			g = gate(8)
		}
		if old == nil {
			old = ones
		}
		if copied == nil {
			copied = ones
		}
		// A rate is the inverse of a time. What a time is more by, x, its rate is less by x/(1+x).
		for _, higherIsBetter := range []bool{false, true} {
			g := g
			if higherIsBetter {
				g.MinEffect, g.Tolerance = g.MinEffect/(1+g.MinEffect), g.Tolerance/(1+g.Tolerance)
			}
			turned := func(shares []float64) []float64 {
				xs := make([]float64, len(shares))
				for i, s := range shares {
					xs[i] = old[i] * s
					if higherIsBetter {
						xs[i] = old[i] / s
					}
				}
				return xs
			}
			j := g.Ratios(old, turned(copied), turned(tt.fresh), higherIsBetter)
			if j.Decision != tt.want || !strings.Contains(j.Reason, tt.reason) || (j.Reason == "") != (tt.reason == "") {
				t.Errorf("%s (higher is better: %v): %s, reason %q: want %s, %q",
					tt.why, higherIsBetter, j.Decision, j.Reason, tt.want, tt.reason)
			}
			if j.CopyFires != tt.copyFires {
				t.Errorf("%s: the copy fires %v, want %v", tt.why, j.CopyFires, tt.copyFires)
			}
			open := j.Decision == Inconclusive && !tt.undecidable
			if open != (j.Needed > 30) || !open && j.Needed != 0 || j.Needed%6 != 0 {
				t.Errorf("%s: %s, and %d pairs were needed", tt.why, j.Decision, j.Needed)
			}
			lower, upper := *j.Change.Lower, *j.Change.Upper
			if higherIsBetter {
				lower, upper = 1/(1+upper)-1, 1/(1+lower)-1
			}
			if tt.lower != 0 {
				near(t, tt.why+": lower bound", lower, tt.lower)
			}
			if tt.upper != 0 {
				near(t, tt.why+": upper bound", upper, tt.upper)
			}
		}
	}
}

func TestGateOfDifferences(t *testing.T) {
	all := func(x float64) []float64 { return some(30, 0, 0, x) }
	tests := []struct {
		why                string
		old, copied, fresh []float64 // copied nil: as old
		least              float64
		want               Decision
		reason             string
	}{
		{"no allocations before or after", all(0), nil, all(0), 0.01, Pass, ""},
		{"as many as before, always", all(7), nil, all(7), 0.01, Pass, ""},
		{"fewer", all(7), nil, all(3), 0.01, Pass, ""},
		{"one in fifty operations where there was none", all(0), nil, all(0.02), 0.01, Fail, ""},
		{"one in two hundred is below what counts", all(0), nil, all(0.005), 0.01, Pass, "less than the minimum effect"},
		{"exactly what counts", all(0), nil, all(0.01), 0.01, Fail, ""},
		{"a byte where there was none", all(0), nil, all(1), 1, Fail, ""},
		{"2.6 % of a hundred bytes", all(100), nil, all(102.6), 1, Fail, ""},
		{"2.4 % of a hundred bytes", all(100), nil, all(102.4), 1, Pass, "less than the minimum effect"},
		{"a tenth of ten bytes: at least one counts", all(10), nil, all(10.9), 1, Pass, "less than the minimum effect"},
		{"a byte of ten", all(10), nil, all(11), 1, Fail, ""},

		{"rule 2: ties in six, more in 24", all(0), nil, some(30, 6, 0, 1), 0.01, Fail, ""},
		{"rule 2 missed: ties in seven", all(0), nil, some(30, 7, 0, 1), 0.01, Inconclusive, "nothing changed"},
		{"rule 3: ties in twenty", all(0), nil, some(30, 20, 0, 1), 0.01, Pass, ""},
		{"rule 3 missed: ties in 19", all(0), nil, some(30, 19, 0, 1), 0.01, Inconclusive, "tolerance"},
		{"rule 3: X(20) is 4.9 % of a hundred", all(100), nil, some(30, 16, 100, 104.9), 1, Pass, ""},
		{"rule 3 missed: it is 5.1 %", all(100), nil, some(30, 16, 100, 105.1), 1, Inconclusive, "tolerance"},
		{"rule 3: X(20) is below what counts, though 9 % of ten", all(10), nil, some(30, 16, 10, 10.9), 1, Pass, ""},

		{"rule 1: the copy has one more in 24", all(10), some(30, 6, 10, 11), all(20), 0.01, Inconclusive, "identical copy"},
		{"rule 1: the copy has one fewer in 24", all(10), some(30, 6, 10, 9), all(10), 0.01, Inconclusive, "identical copy"},
		{"rule 1 missed: in 23", all(10), some(30, 7, 10, 11), all(20), 0.01, Fail, ""},
		{"rule 1 missed: by less than what counts", all(0), some(30, 0, 0, 0.009), all(1), 0.01, Fail, ""},

		{"a size that came out negative, as differences of heaps may", all(-5), nil, all(-5), 1, Pass, ""},
		{"no number", all(1), nil, some(30, 1, math.NaN(), 1), 1, Inconclusive, "finite"},
		{"no number in the copy", all(1), some(30, 1, math.NaN(), 1), all(1), 1, Inconclusive, "finite"},
		{"infinite", all(1), nil, some(30, 1, math.Inf(-1), 1), 1, Inconclusive, "finite"},
		{"too far apart for a difference", all(-math.MaxFloat64), all(math.MaxFloat64), all(1), 1, Inconclusive, "finite"},
		{"too many before to take the mean", all(math.MaxFloat64), nil, all(1), 1, Inconclusive, "finite"},
	}
	for _, tt := range tests {
		copied := tt.copied
		if copied == nil {
			copied = tt.old
		}
		j := gate(8).Differences(tt.old, copied, tt.fresh, tt.least)
		if j.Decision != tt.want || !strings.Contains(j.Reason, tt.reason) || (j.Reason == "") != (tt.reason == "") {
			t.Errorf("%s: %s, reason %q: want %s, %q", tt.why, j.Decision, j.Reason, tt.want, tt.reason)
		}
	}
}

// What a change is a share of is the median of the old one and its copy; of nothing there is no share.
func TestGateShares(t *testing.T) {
	same := func(what string, got *float64, want float64) {
		t.Helper()
		if got == nil {
			t.Errorf("%s: unknown, want %v", what, want)
			return
		}
		near(t, what, *got, want)
	}
	j := gate(8).Differences(some(30, 0, 0, 8), some(30, 0, 0, 8.1), some(30, 7, 8.05, 16.1), 1)
	same("median", j.Change.Share, 1)
	same("lower bound, X(7)", j.Change.Lower, 0)
	same("upper bound, X(20)", j.Change.Upper, 1)
	same("the copy's", j.Copy.Share, 0.1/8.05)
	near(t, "difference", j.Change.Difference, 8.05)
	near(t, "the copy's difference", j.Copy.Difference, 0.1)

	j = gate(8).Differences(some(30, 0, 0, 0), some(30, 0, 0, 0), some(30, 0, 0, 2), 1)
	if c := j.Change; c.Share != nil || c.Lower != nil || c.Upper != nil || c.Difference != 2 {
		t.Errorf("two more than nothing: %+v, want no shares and a difference of 2", c)
	}

	// The copy's bounds are X(7) and X(24), both at Alpha.
	copied := make([]float64, 30)
	for i := range copied {
		copied[i] = 1 + float64(i+1)/1000
	}
	j = gate(8).Ratios(some(30, 0, 0, 1), copied, copied, false)
	same("the copy's median", j.Copy.Share, math.Sqrt(1.015*1.016)-1)
	same("the copy's lower bound", j.Copy.Lower, 0.007)
	same("the copy's upper bound", j.Copy.Upper, 0.024)
	same("half the way from the old one to the copy", j.Change.Share, math.Sqrt(math.Sqrt(1.015*1.016))-1)

	j = gate(8).Ratios(some(30, 0, 0, 100), some(30, 0, 0, 100), some(30, 0, 0, 50), true)
	same("half the rate is 50 % less", j.Change.Share, -0.5)

	// X(7) and X(20) of what is worse are 8 % and 11 % less.
	rates := slices.Concat(some(7, 0, 0, 92), some(12, 0, 0, 90), some(11, 0, 0, 89))
	j = gate(8).Ratios(some(30, 0, 0, 100), some(30, 0, 0, 100), rates, true)
	same("a rate's bound on the side of worse", j.Change.Lower, -0.11)
	same("a rate's median", j.Change.Share, -0.1)
	same("a rate's bound on the side of better", j.Change.Upper, -0.08)

	j = gate(8).Ratios(some(30, 0, 0, 5e-324), some(30, 0, 0, 5e-324), some(30, 0, 0, math.MaxFloat64), false)
	if j.Decision != Fail || j.Change.Share != nil {
		t.Errorf("a ratio beyond every number: %s, %v", j.Decision, j.Change)
	}
}

// The limits are shares of the old figure, whatever the direction: a rate that is worse by 5 % is 95 of 100.
func TestGateLimitsOfRates(t *testing.T) {
	tests := []struct {
		why    string
		fresh  float64 // of 100
		higher bool
		want   Decision
	}{
		{"a rate of 2.4 % less", 97.6, true, Pass},
		{"a rate of 2.6 % less", 97.4, true, Fail},
		{"a time of 2.4 % more", 102.4, false, Pass},
		{"a time of 2.6 % more", 102.6, false, Fail},
		{"a rate of 72 % less", 28, true, Fail},
		{"a rate of 242 % more", 342, true, Pass},
	}
	for _, tt := range tests {
		j := gate(8).Ratios(some(30, 0, 0, 100), some(30, 0, 0, 100), some(30, 0, 0, tt.fresh), tt.higher)
		if j.Decision != tt.want {
			t.Errorf("%s: %s, want %s", tt.why, j.Decision, tt.want)
		}
		near(t, tt.why, *j.Change.Share, tt.fresh/100-1)
	}
	// X(20) is 4.9 % and 5.1 % less, the median no change.
	for fresh, want := range map[float64]Decision{95.1: Pass, 94.9: Inconclusive} {
		if j := gate(8).Ratios(some(30, 0, 0, 100), some(30, 0, 0, 100), some(30, 16, 100, fresh), true); j.Decision != want {
			t.Errorf("a rate whose bound is %v of 100: %s, want %s", fresh, j.Decision, want)
		}
	}
}

func TestGateWithoutEnoughPairs(t *testing.T) {
	tests := []struct {
		why    string
		gate   Gate
		pairs  int
		want   Decision
		needed int
	}{
		{"nothing", gate(8), 0, Inconclusive, 12},
		{"one", gate(8), 1, Inconclusive, 12},
		{"nine where a bound at 1 % over eight takes ten", gate(8), 9, Inconclusive, 12},
		{"ten", gate(8), 10, Fail, 0},
		{"nine are enough for four comparisons", gate(4), 9, Fail, 0},
		{"eight are not", gate(4), 8, Inconclusive, 12},
		{"six for one comparison", gate(1), 6, Inconclusive, 12},
		{"seven", gate(1), 7, Fail, 0},
		{"nine where a pass takes ten", Gate{0.01, 0.001, 0.025, 0.05}, 9, Inconclusive, 12},
	}
	for _, tt := range tests {
		old, fresh := some(tt.pairs, 0, 0, 1), some(tt.pairs, 0, 0, 2)
		for _, j := range []Judgement{tt.gate.Ratios(old, old, fresh, false), tt.gate.Differences(old, old, fresh, 0.01)} {
			few := strings.Contains(j.Reason, "too few pairs")
			if j.Decision != tt.want || j.Needed != tt.needed || few != (j.Decision == Inconclusive) {
				t.Errorf("%s: %s (%s), %d needed: want %s, %d", tt.why, j.Decision, j.Reason, j.Needed, tt.want, tt.needed)
			}
			if (j.Change.Share != nil) != (tt.pairs > 0) {
				t.Errorf("%s: the median of %d pairs is %v", tt.why, tt.pairs, j.Change.Share)
			}
			if known := j.Change.Lower != nil; known != (tt.pairs >= LeastSamples(tt.gate.Alpha)) {
				t.Errorf("%s: a lower bound is known: %v", tt.why, known)
			}
		}
	}
}

// A figure without a ratio never passes, wherever it stands.
func TestGateRefusesWhatHasNoRatio(t *testing.T) {
	for _, bad := range []float64{0, -1, math.NaN(), math.Inf(1), math.Inf(-1)} {
		for arm := range 3 {
			arms := [3][]float64{some(30, 0, 0, 1), some(30, 0, 0, 1), some(30, 0, 0, 1)}
			arms[arm][17] = bad
			j := gate(8).Ratios(arms[0], arms[1], arms[2], true)
			if j.Decision != Inconclusive || !strings.Contains(j.Reason, "no ratio") || j.Needed != 0 {
				t.Errorf("%v in arm %d: %s (%s), %d needed", bad, arm, j.Decision, j.Reason, j.Needed)
			}
		}
	}
}

func TestGatePanics(t *testing.T) {
	six, seven := some(6, 0, 0, 1), some(7, 0, 0, 1)
	for why, call := range map[string]func(){
		"a copy fewer":                   func() { gate(1).Ratios(seven, six, seven, false) },
		"a new one fewer":                func() { gate(1).Ratios(seven, seven, six, false) },
		"an old one fewer":               func() { gate(1).Differences(six, seven, seven, 1) },
		"no least difference":            func() { gate(1).Differences(seven, seven, seven, 0) },
		"a least difference of nothing":  func() { gate(1).Differences(seven, seven, seven, math.NaN()) },
		"a rule that was not filled out": func() { Gate{}.Ratios(seven, seven, seven, false) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: accepted", why)
				}
			}()
			call()
		}()
	}
}

// signs is the rule for a fail as a test of signs: as many falls, or fewer, of n fair coins.
func signs(n, falls int, alpha float64) bool {
	ways, tail := 1.0, 0.0
	for k := 0; k <= falls; k++ {
		tail += ways
		ways *= float64(n-k) / float64(k+1)
	}
	return tail <= alpha*math.Pow(2, float64(n))
}

// TestGateAsATestOfSigns holds the gate against the slow and obvious reference: a bound is above a limit if so few values are
// not that fair coins would do it too seldom.
func TestGateAsATestOfSigns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(t, "n")
		g := gate(rapid.Float64Range(1, 20).Draw(t, "m"))
		// In a narrow band around nothing, so that all decisions occur.
		arm := func(name string, center float64) []float64 {
			spread := rapid.Float64Range(0, 0.1).Draw(t, name+" spread")
			xs := make([]float64, n)
			for i, z := range rapid.SliceOfN(rapid.IntRange(-8, 8), n, n).Draw(t, name) {
				xs[i] = math.Exp(center + spread*float64(z)/8)
			}
			return xs
		}
		old, copied := arm("old", 0), arm("copied", rapid.Float64Range(-0.05, 0.05).Draw(t, "copy's center"))
		fresh := arm("fresh", rapid.Float64Range(-0.1, 0.2).Draw(t, "center"))
		changes, copies := make([]float64, n), make([]float64, n)
		for i := range changes {
			changes[i] = math.Log(fresh[i]) - (math.Log(old[i])+math.Log(copied[i]))/2
			copies[i] = math.Log(copied[i]) - math.Log(old[i])
		}
		count := func(xs []float64, in func(x float64) bool) (k int) {
			for _, x := range xs {
				if in(x) {
					k++
				}
			}
			return k
		}
		middle := func(xs []float64) float64 {
			s := slices.Sorted(slices.Values(xs))
			return (s[(n-1)/2] + s[n/2]) / 2
		}
		effect := math.Log(1.025)
		up := count(copies, func(x float64) bool { return x <= 0 })
		down := count(copies, func(x float64) bool { return x >= 0 })
		fires := signs(n, up, g.Alpha) && middle(copies) >= effect || signs(n, down, g.Alpha) && middle(copies) <= -effect
		falls := count(changes, func(x float64) bool { return x <= 0 })
		above := count(changes, func(x float64) bool { return x >= math.Log(1.05) })
		want := Inconclusive
		switch {
		case math.Pow(2, -float64(n)) > g.Alpha || fires:
		case signs(n, falls, g.Alpha) && middle(changes) >= effect:
			want = Fail
		case signs(n, above, g.PassAlpha):
			want = Pass
		}
		if got := g.Ratios(old, copied, fresh, false); got.Decision != want || got.CopyFires != fires {
			t.Fatalf("%s (%s), the copy fires %v: want %s, %v", got.Decision, got.Reason, got.CopyFires, want, fires)
		}
	})
}

// skewedFails draws 10⁴ duets of thirty blocks whose changes are skewed and have a median of exactly 0, and counts the fails.
func skewedFails(g Gate) (fails int) {
	const sets, n = 10_000, 30
	random := rand.New(rand.NewPCG(3, 4))
	old, fresh := make([]float64, n), make([]float64, n)
	for range sets {
		for i := range old {
			old[i] = 1 + random.Float64()
			fresh[i] = old[i] * (1 + (random.ExpFloat64()-math.Ln2)/4)
		}
		if g.Ratios(old, old, fresh, false).Decision == Fail {
			fails++
		}
	}
	return fails
}

// TestGateFailsNoMoreOftenThanAlpha: with every median change counting, a gate at 1 % fails in at most 1 % of the duets in
// which nothing changed, however skewed, give or take three standard deviations (1 % of 10⁴ is 100 ± 10). With the
// rank next to it, or the one before, the test says no: exact probabilities are 0.81 % for X(9), 2.14 % for
// X(10) and 0.26 % for X(8).
func TestGateFailsNoMoreOftenThanAlpha(t *testing.T) {
	const least, most = 81 - 3*9, 100 + 3*10
	for _, tt := range []struct {
		rank  int
		alpha float64
		want  bool
	}{{9, 0.01, true}, {10, 0.0214, false}, {8, 0.0027, false}} {
		if k := LowerRank(30, tt.alpha); k != tt.rank {
			t.Fatalf("alpha %v has rank %d, and is to stand for %d", tt.alpha, k, tt.rank)
		}
		fails := skewedFails(Gate{Alpha: tt.alpha, PassAlpha: 0.1, MinEffect: 0, Tolerance: 0.05})
		if ok := least <= fails && fails <= most; ok != tt.want {
			t.Errorf("X(%d): %d of 10⁴ duets without a change fail: within %d to %d is %v, want %v",
				tt.rank, fails, least, most, ok, tt.want)
		}
	}
}

// simulatedDuets counts the decisions of duets of n pairs whose runs have Gaussian logarithms with the given standard
// deviation, and of which the new one is worse by change.
func simulatedDuets(sets int, g Gate, n int, deviation, change float64) map[Decision]int {
	random := rand.New(rand.NewPCG(5, 6))
	decisions := map[Decision]int{}
	var arms [3][]float64
	for range sets {
		for arm := range arms {
			arms[arm] = make([]float64, n)
			for i := range arms[arm] {
				arms[arm][i] = math.Exp(deviation * random.NormFloat64())
			}
		}
		for i := range arms[2] {
			arms[2][i] *= 1 + change
		}
		decisions[g.Ratios(arms[0], arms[1], arms[2], false).Decision]++
	}
	return decisions
}

// TestGateSimulated has the figures to expect of thirty pairs, which may be off by three standard deviations. The spread is
// that of the ratio of two runs of the same program next to each other: each run has 1/√2 of it.
func TestGateSimulated(t *testing.T) {
	tests := []struct {
		why         string
		spread      float64
		m           float64
		change      float64
		decision    Decision
		least, most float64 // share of the duets
		want        bool    // false: figures that the gate does not keep to, so that keeping to them says something
	}{
		{"nothing changed", 0.05, 1, 0, Inconclusive, 0, 0.01, true},
		{"nothing changed", 0.06, 8, 0, Inconclusive, 0, 0.02, true},
		{"nothing changed", 0.07, 1, 0, Inconclusive, 0, 0.05, true},
		{"nothing changed", 0.07, 8, 0, Inconclusive, 0, 0.05, true},
		{"nothing changed", 0.08, 8, 0, Inconclusive, 0, 0.10, true},
		{"nothing changed, on a machine more restless", 0.12, 8, 0, Inconclusive, 0, 0.10, false},
		{"nothing changed, whatever the spread", 0.12, 1, 0, Fail, 0, 0.01, true},
		{"5 %: X(20) is below it with a chance of 4.9 %", 0.05, 2, 0.05, Pass, 0, 0.05, true},
		{"5 %", 0.08, 8, 0.05, Pass, 0, 0.05, true},
		{"5 %, whatever the spread", 0.12, 8, 0.05, Pass, 0, 0.05, true},
		{"5 % pass now and then", 0.08, 8, 0.05, Pass, 0, 0.01, false},
		{"10 %", 0.05, 8, 0.1, Fail, 0.99, 1, true},
		{"10 %", 0.07, 1, 0.1, Fail, 0.99, 1, true},
		{"10 %", 0.08, 8, 0.1, Fail, 0.99, 1, true},
		{"10 %, on a machine more restless", 0.12, 8, 0.1, Fail, 0.99, 1, false},
		{"10 % never pass", 0.08, 8, 0.1, Pass, 0, 0, true},
	}
	const sets = 1000
	for _, tt := range tests {
		decisions := simulatedDuets(sets, gate(tt.m), 30, tt.spread/math.Sqrt2, tt.change)
		share := float64(decisions[tt.decision]) / sets
		error3 := func(p float64) float64 { return 3 * math.Sqrt(p*(1-p)/sets) }
		if got := tt.least-error3(tt.least) <= share && share <= tt.most+error3(tt.most); got != tt.want {
			t.Errorf("%s, at a spread of %v with m = %v: a share of %.4f is %s: from %v to %v is %v, want %v",
				tt.why, tt.spread, tt.m, share, tt.decision, tt.least, tt.most, got, tt.want)
		}
	}
}

// TestNeededPairs: of duets of the size that was advised about half decide. They are drawn with the median and the
// spread that the inconclusive one showed.
func TestNeededPairs(t *testing.T) {
	for _, tt := range []struct {
		why       string
		change    float64
		deviation float64
		decision  Decision
		least     int
		most      int
	}{
		{"nothing changed: a pass, 1.57·(1.28·0.18/0.0488)² = 37", 0, 0.18, Pass, 36, 42},
		{"half the tolerance: a pass, in a restless machine", 0.0247, 0.15, Pass, 90, 110},
		{"3 %: a pass with 159 before a fail with 370", 0.03, 0.15, Pass, 150, 170},
		{"8 %: a fail, 1.57·(3.02·0.2/0.077)² = 97", 0.08, 0.2, Fail, 90, 105},
	} {
		// The quantiles of a Gaussian for data: its median and spread are just what is asked for.
		ones, fresh := some(30, 0, 0, 1), make([]float64, 30)
		for i := range fresh {
			z := math.Sqrt2 * math.Erfinv(2*(float64(i)+0.5)/30-1)
			fresh[i] = (1 + tt.change) * math.Exp(tt.deviation*z)
		}
		j := gate(8).Ratios(ones, ones, fresh, false)
		if j.Decision != Inconclusive || j.Needed < tt.least || j.Needed > tt.most {
			t.Errorf("%s: %s, needs %d pairs: want %d to %d", tt.why, j.Decision, j.Needed, tt.least, tt.most)
			continue
		}
		// The change has the variance of one run and a half.
		const sets = 200
		got := simulatedDuets(sets, gate(8), j.Needed, tt.deviation/math.Sqrt(1.5), tt.change)
		if share := float64(got[tt.decision]) / sets; share < 0.3 || share > 0.7 {
			t.Errorf("%s: of duets of %d pairs %v of %d: want about half", tt.why, j.Needed, got, sets)
		}
	}
}

func TestGateLeavesItsInputAlone(t *testing.T) {
	old, copied, fresh := []float64{3, 1, 2, 5, 4, 7, 6}, []float64{2, 1, 3, 4, 5, 6, 7}, []float64{7, 6, 5, 4, 3, 2, 1}
	before := [][]float64{slices.Clone(old), slices.Clone(copied), slices.Clone(fresh)}
	gate(1).Ratios(old, copied, fresh, false)
	gate(1).Differences(old, copied, fresh, 1)
	for i, xs := range [][]float64{old, copied, fresh} {
		if !slices.Equal(before[i], xs) {
			t.Errorf("arm %d was changed: %v", i, xs)
		}
	}
}
