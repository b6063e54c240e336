package stats

import (
	"fmt"
	"math"
)

// Gate is the rule by which a new program is judged against an old one from a duet: blocks in which the old program, a copy
// of it and the new one were measured next to each other, so that a slow machine slows all three (Bulej, Horký, Tůma,
// Farquet and Prokopec, "Duet Benchmarking: Improving Measurement Accuracy in the Cloud", ICPE 2020; there at the same
// time, here in alternating time slices). The rule judges the change per block, of the new program against the mean of the
// old one and its copy; positive changes are worse. In this order:
//
//  1. The copy is judged against the old program by the rule for a fail, in both directions. They are the same program: if
//     they differ, the machine is the cause, and the duet is inconclusive.
//  2. Fail, if the exact one-sided lower bound of the median change at Alpha (of rank [LowerRank]) lies above 0 and
//     the median itself is at least MinEffect. A bound of exactly 0, which ties can cause, is not above 0.
//  3. Pass, if the exact one-sided upper bound at PassAlpha (of rank [UpperRank]) lies below Tolerance: this
//     shows that the new program is not much worse. The mere absence of a detected change is not a pass.
//  4. Otherwise inconclusive.
//
// The bounds assume independent blocks, and nothing about the distribution of measurements. One call judges one metric; if
// several are judged, Alpha is this metric's share of the error probability of the whole verdict.
type Gate struct {
	Alpha     float64 // maximum probability of a fail without a change: 0.01 over the number of comparisons
	PassAlpha float64 // maximum probability of a pass if the change equals the tolerance: 0.1
	MinEffect float64 // fraction of the old value: a smaller median change for the worse is no failure
	Tolerance float64 // fraction of the old value: a pass shows that the change for the worse is smaller
}

// Decision is the result of a Gate.
type Decision string

// The decisions.
const (
	Pass         Decision = "pass"
	Fail         Decision = "fail"
	Inconclusive Decision = "inconclusive"
)

// Judgement is a decision with the values that it is based on.
type Judgement struct {
	Decision  Decision
	Reason    string // a clause, if the decision needs an explanation; always set if inconclusive
	Change    Change // of the new one
	Copy      Change // of the copy against the old one: both bounds at Alpha, since it is judged in both directions
	CopyFires bool   // rule 1
	Needed    int    // inconclusive: approximate number of pairs that would have decided; 0 if none would
}

// Change is the median change and its one-sided bounds, each as new/old − 1: 0.05 is 5 % more than before, and half the
// rate is -0.5. It does not depend on whether higher is better; Lower ≤ Share ≤ Upper always. A nil value is
// unknown: a bound if there are too few pairs, all three if the old value is 0.
//
// In Judgement.Change the bound on the side of better is at Alpha and the one on the side of worse at PassAlpha: where
// less is better they are Lower and Upper, where more is better Upper and Lower.
type Change struct {
	Share, Lower, Upper *float64
	Difference          float64 // the median change in the unit of the metric; 0 from Ratios
}

// Ratios judges a metric by the logarithms of its ratios, block by block: r = ln new − mean(ln old, ln copied), and -r where
// higher is better. The three have an element a block; Ratios panics when their lengths differ. A figure that is not
// above 0, or not finite, has no ratio: with one the judgement is inconclusive.
//
// MinEffect and Tolerance are shares of the old figure, in logarithms ln(1+x) where less is better and -ln(1-x) where
// more is: a rate that is worse by 5 % is 0.95 of the old one.
func (g Gate) Ratios(old, copied, fresh []float64, higherIsBetter bool) Judgement {
	sameLengths(old, copied, fresh)
	worse := 1.0 // the direction of worse
	if higherIsBetter {
		worse = -1
	}
	changes, copies := make([]float64, len(old)), make([]float64, len(old))
	for i := range old {
		a, c, b := math.Log(old[i]), math.Log(copied[i]), math.Log(fresh[i])
		changes[i], copies[i] = worse*(b-(a+c)/2), worse*(c-a)
	}
	if !finite(changes...) { // all three are in each of them
		return Judgement{Decision: Inconclusive, Reason: "a value that is not above 0, or not finite, has no ratio"}
	}
	limits := limits{fail: worse * math.Log1p(worse*g.MinEffect), pass: worse * math.Log1p(worse*g.Tolerance)}
	return g.judge(changes, copies, limits, worse, math.Expm1)
}

// Differences judges a count of which less is better by its differences, block by block: d = new − mean(old, copied). Zeros
// are legal, and so are differences of a count that is 0 where MinEffect and Tolerance are shares of nothing:
// least, in the unit of the metric, is the least difference that counts. A fail needs a median of at least least and of
// MinEffect of the old median; a pass an upper bound below least or below Tolerance of the old median, whichever is more.
//
// The three have an element a block; Differences panics when their lengths differ and unless least is above 0. With a
// figure that is not finite the judgement is inconclusive.
func (g Gate) Differences(old, copied, fresh []float64, least float64) Judgement {
	sameLengths(old, copied, fresh)
	if !(least > 0) {
		panic(fmt.Sprintf("stats: least difference %v: want more than 0", least))
	}
	means, changes, copies := make([]float64, len(old)), make([]float64, len(old)), make([]float64, len(old))
	for i := range old {
		means[i] = (old[i] + copied[i]) / 2
		changes[i], copies[i] = fresh[i]-means[i], copied[i]-old[i]
	}
	if !finite(changes...) || !finite(copies...) {
		return Judgement{Decision: Inconclusive, Reason: "a value is not finite"}
	}
	before := Median(means).Median
	limits := limits{fail: max(least, g.MinEffect*before), pass: max(least, g.Tolerance*before)}
	share := func(d float64) float64 {
		if !(before > 0) {
			return math.NaN()
		}
		return d / before
	}
	j := g.judge(changes, copies, limits, 1, share)
	j.Change.Difference, j.Copy.Difference = Median(changes).Median, Median(copies).Median
	return j
}

// limits are MinEffect and Tolerance in the unit of a series of changes.
type limits struct{ fail, pass float64 }

// judge applies the rule to changes block by block, of which plus is worse. worse is the sign that a change for the worse
// has in the figure itself; share turns a change of the figure into a share of the old one, NaN where it has none.
func (g Gate) judge(changes, copies []float64, l limits, worse float64, share func(float64) float64) Judgement {
	n := len(changes)
	change, copied := estimated(changes, g.Alpha, g.PassAlpha), estimated(copies, g.Alpha, g.Alpha)
	j := Judgement{
		Change:    change.times(worse).as(share),
		Copy:      copied.times(worse).as(share),
		CopyFires: copied.above(l.fail) || copied.times(-1).above(l.fail),
	}
	switch least := max(LeastSamples(g.Alpha), LeastSamples(g.PassAlpha)); {
	case n < least:
		j.Decision, j.Needed = Inconclusive, inSets(least)
		j.Reason = fmt.Sprintf("too few pairs for bounds: %d of at least %d", n, least)
	case j.CopyFires:
		j.Decision, j.Reason = Inconclusive, "the baseline differs from its identical copy: the difference comes from the machine, not from the program"
	case change.above(l.fail):
		j.Decision = Fail
	case change.upper < l.pass:
		j.Decision = Pass
		if change.lower > 0 {
			j.Reason = "worse, but by less than the minimum effect"
		}
	default:
		j.Decision = Inconclusive
		j.Reason, j.Needed = g.undecided(changes, change, l)
	}
	return j
}

// undecided explains rule 4 for a series: which rule was missed, and about how many pairs would
// satisfy one.
//
// If the changes were Gaussian with a standard deviation σ, estimated as 1.4826 times the
// median absolute deviation, the median of n of them would have one of about √(π/2)·σ/√n (H.
// Cramér, "Mathematical Methods of Statistics", 1946, chapter 28), and its one-sided bound
// would be z(α) times that away. So n = (π/2)·(z·σ/distance)² moves the bound from the observed
// median to what it must clear: 0 for a fail, the tolerance for a pass. The smaller of the
// possible n is taken. Since the next median will differ, about half of all repetitions of that
// size decide.
func (g Gate) undecided(changes []float64, e estimate, l limits) (reason string, pairs int) {
	spread := medianDeviation(changes)
	need := func(alpha, distance float64) float64 {
		z := math.Sqrt2 * math.Erfinv(1-2*alpha)
		return math.Pi / 2 * math.Pow(max(z, 0)*spread/distance, 2)
	}
	n := math.Inf(1)
	reason = "a change as large as the tolerance cannot be excluded"
	if e.median < l.pass {
		n = need(g.PassAlpha, l.pass-e.median)
	}
	if e.median >= l.fail {
		reason = "the median is worse, but that nothing changed cannot be excluded"
		n = min(n, need(g.Alpha, e.median))
	}
	if !(n <= mostPairs) {
		return "between the limits for fail and pass: more pairs would hardly help", 0
	}
	return reason, inSets(max(int(math.Ceil(n)), len(changes)+1)) // always more than were measured
}

// mostPairs is the largest number of pairs to advise. It takes hours.
const mostPairs = 6000

// inSets rounds a number of pairs up to whole sets of blocks, one block for each order of the three programs.
func inSets(pairs int) int {
	const orders = 6
	return (pairs + orders - 1) / orders * orders
}

// estimate is a median and its one-sided bounds, which are infinite if there are too few
// values. Without values the median is NaN, which is neither above nor below anything.
type estimate struct{ median, lower, upper float64 }

// estimated takes the bounds of xs at alphas of their own.
func estimated(xs []float64, lowerAlpha, upperAlpha float64) estimate {
	e := estimate{median: math.NaN(), lower: math.Inf(-1), upper: math.Inf(1)}
	if len(xs) > 0 {
		e.median = Median(xs).Median
	}
	if lower, ok := LowerBound(xs, lowerAlpha); ok {
		e.lower = lower
	}
	if upper, ok := UpperBound(xs, upperAlpha); ok {
		e.upper = upper
	}
	return e
}

// above is the rule for a fail.
func (e estimate) above(least float64) bool { return e.lower > 0 && e.median >= least }

// times returns e multiplied by sign, which is 1 or -1.
func (e estimate) times(sign float64) estimate {
	if sign < 0 {
		return estimate{0 - e.median, 0 - e.upper, 0 - e.lower} // 0 - x: never -0
	}
	return e
}

func (e estimate) as(share func(float64) float64) Change {
	return Change{Share: known(e.median, share), Lower: known(e.lower, share), Upper: known(e.upper, share)}
}

// known returns the share of x, or nil if there is none.
func known(x float64, share func(float64) float64) *float64 {
	s := share(x)
	if !finite(x, s) {
		return nil
	}
	return &s
}

// medianDeviation is 1.4826 times the median absolute deviation, an estimate of the standard
// deviation of Gaussian measurements that is robust against outliers (F. R. Hampel, "The
// Influence Curve and Its Role in Robust Estimation", JASA 69, 1974).
func medianDeviation(xs []float64) float64 {
	center := Median(xs).Median
	deviations := make([]float64, len(xs))
	for i, x := range xs {
		deviations[i] = math.Abs(x - center)
	}
	return 1.4826 * Median(deviations).Median
}

func sameLengths(old, copied, fresh []float64) {
	if len(old) != len(copied) || len(old) != len(fresh) {
		panic(fmt.Sprintf("stats: %d old, %d copied and %d new figures: want as many of each", len(old), len(copied), len(fresh)))
	}
}

func finite(xs ...float64) bool {
	for _, x := range xs {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return false
		}
	}
	return true
}
