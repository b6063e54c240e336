// Package search finds the highest rate at which a store meets a goal, in trials whose verdicts are uncertain. A rate is a lower bound if
// it passes, an upper bound if it fails, or undecided if its trials disagree; no rate is classified by a single trial. It follows
// MLRsearch (draft-ietf-bmwg-mlrsearch) in that short trials find where to look and long ones confirm both bounds.
//
// The package measures nothing: data in, data out.
package search

import "math"

// Verdict is the outcome of a trial, or of the trials of a rate.
type Verdict string

// The verdicts.
const (
	Passes    Verdict = "passes"
	Fails     Verdict = "fails"
	Undecided Verdict = "undecided"
)

// End is why a search ended.
type End string

// The ends of searches. The zero End is that of a search that goes on.
const (
	Precise     End = "precision"   // the bounds are close enough
	Disagreeing End = "undecided"   // at the rates between the bounds, trials disagree
	Lowest      End = "lowest"      // the lowest rate does not pass
	Highest     End = "highest"     // the highest rate passes
	Budget      End = "budget"      // the time is spent
	Interrupted End = "interrupted" // by the caller
	Violated    End = "violation"   // the store must not be used any more
)

// Options are the bounds of a search.
type Options struct {
	Start     float64 // the first rate
	Step      float64 // factor of the first step from there; each further step in the same direction is the square of the one before
	Min, Max  float64 // the lowest and the highest rate
	Precision float64 // the largest upper ÷ lower bound that ends the search
}

// Probe is a rate with the verdicts of its trials.
type Probe struct {
	Rate    float64
	Width   float64   // the factor between this rate and the ones it is to be distinguished from
	Verdict Verdict   // of the rate; empty while more trials are needed
	Trials  []Verdict // in the order of the trials
}

// Search is the search for one store. Next and Record alternate until there is no next rate.
type Search struct {
	Options
	Probes  []Probe // all, in order; a rate that is probed again has the verdict of its last probe
	Reached float64 // the most that the store reached in the trials of the last probe: if they fail, no higher rate is next; 0: not known
	End     End

	downs, ups int  // steps
	jumped     bool // to Reached: the bounds may be far apart
}

// New returns a search.
func New(o Options) *Search {
	o.Start = min(max(round(max(o.Start, o.Min)), o.Min), o.Max)
	return &Search{Options: o}
}

// Next returns the probe that the next trial is of. ok is false if the search has ended.
func (s *Search) Next() (p Probe, ok bool) {
	if s.End != "" {
		return p, false
	}
	if n := len(s.Probes); n > 0 && s.Probes[n-1].Verdict == "" {
		return s.Probes[n-1], true
	}
	rate, width := s.choose()
	if s.End != "" {
		return p, false
	}
	s.Probes = append(s.Probes, Probe{Rate: rate, Width: width})
	return s.Probes[len(s.Probes)-1], true
}

// Record records the verdict of a trial of the probe that Next has returned.
func (s *Search) Record(v Verdict) {
	p := &s.Probes[len(s.Probes)-1]
	p.Trials = append(p.Trials, v)
	p.Verdict = classify(p.Trials)
}

// The trials of a rate.
const (
	lead      = 2 // by which the trials that pass, or those that fail, must outnumber the others
	maxTrials = 5
)

// classify returns the verdict of trials; empty if more of them are needed and could decide.
func classify(trials []Verdict) Verdict {
	difference, unclear := 0, 0
	for _, v := range trials {
		switch v {
		case Passes:
			difference++
		case Fails:
			difference--
		default:
			unclear++
		}
	}
	left := maxTrials - len(trials)
	switch {
	case difference >= lead:
		return Passes
	case difference <= -lead:
		return Fails
	case unclear >= lead && unclear == len(trials), max(difference, -difference)+left < lead:
		return Undecided
	}
	return ""
}

// Bounds returns the highest rate that passes and is below all that fail, and the lowest rate that fails; 0 where there is none.
func (s *Search) Bounds() (lower, upper float64) {
	low, high := s.bounds()
	if low != nil {
		lower = low.Rate
	}
	if high != nil {
		upper = high.Rate
	}
	return lower, upper
}

// bounds returns the last probes of both bounds. The lower one is below every rate that fails, so that contradictory probes make the
// search careful.
func (s *Search) bounds() (lower, upper *Probe) {
	for _, p := range s.latest() {
		if p.Verdict == Fails && (upper == nil || p.Rate < upper.Rate) {
			upper = p
		}
	}
	for _, p := range s.latest() {
		if p.Verdict == Passes && (upper == nil || p.Rate < upper.Rate) && (lower == nil || p.Rate > lower.Rate) {
			lower = p
		}
	}
	return lower, upper
}

// latest returns the last probe of each rate that is classified.
func (s *Search) latest() (list []*Probe) {
	last := map[float64]int{}
	for i, p := range s.Probes {
		if p.Verdict != "" {
			last[p.Rate] = i
		}
	}
	for i := range s.Probes {
		if at, ok := last[s.Probes[i].Rate]; ok && at == i {
			list = append(list, &s.Probes[i])
		}
	}
	return list
}

// undecided returns the lowest and the highest undecided rate between two rates; 0 where there is none.
func (s *Search) undecided(above, below float64) (least, most float64) {
	for _, p := range s.latest() {
		if p.Verdict == Undecided && p.Rate > above && p.Rate < below {
			if least == 0 || p.Rate < least {
				least = p.Rate
			}
			most = max(most, p.Rate)
		}
	}
	return least, most
}

// choose returns the next rate, or sets the end.
func (s *Search) choose() (rate, width float64) {
	if len(s.Probes) == 0 {
		return s.Start, s.Step
	}
	reached := s.Reached
	s.Reached = 0
	lower, upper := s.bounds()
	below, above := math.Inf(1), 0.
	if upper != nil {
		below = upper.Rate
	}
	if lower != nil {
		above = lower.Rate
	}
	least, most := s.undecided(above, below)
	if least == 0 {
		least, most = below, above
	}
	switch {
	case lower == nil && least <= s.Min:
		s.End = Lowest
		return 0, 0
	case lower == nil:
		rate, width = s.step(least, -1, &s.downs)
		if to := max(s.Min, round(max(reached, s.Min))); reached > 0 && to < rate {
			rate, width, s.jumped = to, least/to, true
		}
		return rate, width
	case upper == nil && most >= s.Max:
		s.End = Highest
		return 0, 0
	case upper == nil:
		return s.step(most, 1, &s.ups)
	}
	// The gap below the undecided rates, and then the one above them, which are the same if there are none.
	for _, gap := range [][2]float64{{above, least}, {most, below}} {
		if ratio := gap[1] / gap[0]; ratio > s.Precision {
			middle, width := round(math.Sqrt(gap[0]*gap[1])), math.Sqrt(ratio)
			if s.jumped && gap[0] == above {
				if rate, step := s.step(above, 1, &s.ups); rate < middle {
					return rate, step
				}
				s.jumped = false
			}
			return middle, width
		}
	}
	for _, p := range []*Probe{lower, upper} {
		if p.Width > s.Precision {
			return p.Rate, s.Precision
		}
	}
	s.End = Precise
	if below/above > s.Precision {
		s.End = Disagreeing
	}
	return 0, 0
}

// step returns the rate one step from another, up or down; taken counts the steps in that direction.
func (s *Search) step(from float64, sign float64, taken *int) (rate, width float64) {
	const maxStep = 16.
	width = min(math.Pow(s.Step, math.Pow(2, float64(*taken))), maxStep)
	*taken++
	return min(max(round(from*math.Pow(width, sign)), s.Min), s.Max), width
}

// round rounds a rate to four digits, so that it can be written down and tried again.
func round(rate float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(rate))-3)
	if unit < 1 { // exact in decimal notation
		return math.Round(rate*math.Round(1/unit)) / math.Round(1/unit)
	}
	return math.Round(rate/unit) * unit
}
