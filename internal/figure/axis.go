package figure

import (
	"math"
	"slices"
)

// Axis is an axis.
type Axis struct {
	Label string
	Unit  Unit
	Scale Scale
	Zero  bool     // a linear axis shows 0 whatever the values are
	Names []string // of the values 0, 1, 2, … of an axis of categories
	// Limits of what is shown; nil: all values. A value beyond them is an arrow at the end of its row, with the value as text;
	// lines run along the edge.
	Limits *Interval
	Lines  []Line
	Bands  []Band
}

// Line is a reference value: a baseline, a limit, a goal, zero.
type Line struct {
	At    float64
	Label string
}

// Band is a range of reference: a tolerance.
type Band struct {
	From, To float64
	Label    string
}

// Scale maps values to places.
type Scale int

// The scales.
const (
	Linear Scale = iota
	Log
	Percentiles // logarithmic in 1/(1−p), so that each further nine takes as much room as the one before. Values are from 0 to below 1
)

// defined reports whether x can be a value.
func (s Scale) defined(x float64) bool {
	return finite(x) && math.Abs(x) < 1e300 && (s != Percentiles || x >= 0 && x <= 1-1e-12)
}

// shows reports whether there is a place for x.
func (s Scale) shows(x float64) bool { return s != Log || x > 0 }

func (s Scale) place(x float64) float64 {
	switch s {
	case Log:
		return math.Log10(x)
	case Percentiles:
		return -math.Log10(1 - x)
	}
	return x
}

func (s Scale) value(place float64) float64 {
	switch s {
	case Log:
		return math.Pow(10, place)
	case Percentiles:
		return 1 - math.Pow(10, -place)
	}
	return place
}

// references are the values of lines and bands.
func (a *Axis) references() (list []float64) {
	for _, l := range a.Lines {
		list = append(list, l.At)
	}
	for _, b := range a.Bands {
		list = append(list, b.From, b.To)
	}
	return list
}

// format writes a value of the axis.
func (a *Axis) format(x float64) string {
	if i := int(x); len(a.Names) > 0 && i >= 0 && i < len(a.Names) {
		return clean(a.Names[i])
	}
	return a.Unit.Format(x)
}

// label is the axis in words.
func (a *Axis) label() string {
	if a.Scale == Log {
		return a.Label + ", logarithmic"
	}
	return a.Label
}

// scale is an axis with the range that a figure shows.
type scale struct {
	*Axis
	low, high float64 // places; low < high
	empty     bool    // there are no values
}

// margin is the part of the range that is left empty at either end.
const margin = 0.04

// newScale returns a scale on which the values and all references are visible.
func newScale(a *Axis, values []float64) *scale {
	values = append(slices.Clone(values), a.references()...)
	if a.Scale == Linear && a.Zero {
		values = append(values, 0)
	}
	s := &scale{a, math.Inf(1), math.Inf(-1), false}
	for _, x := range values {
		if a.Limits != nil {
			x = max(a.Limits.Low, min(a.Limits.High, x))
		}
		if a.Scale.shows(x) {
			s.low, s.high = min(s.low, a.Scale.place(x)), max(s.high, a.Scale.place(x))
		}
	}
	if s.low > s.high { // no values
		s.low, s.high, s.empty = a.Scale.place(0.5), a.Scale.place(0.9), true
	}
	if s.high-s.low < 1e-9*max(1e-9, math.Abs(s.low), math.Abs(s.high)) { // all values are equal
		room := 0.3
		if a.Scale == Linear {
			room = max(0.1*math.Abs(s.high), 1e-6)
			if s.high == 0 {
				room = 1
			}
		}
		s.low, s.high = s.low-room, s.high+room
		if a.Scale == Percentiles {
			s.low = max(s.low, 0)
		}
		return s
	}
	if a.Scale == Linear && s.low > 0 && s.low < s.high/3 {
		s.low = 0
	}
	if a.Scale == Percentiles {
		return s
	}
	room := margin * (s.high - s.low)
	if a.Scale == Linear && s.low == 0 {
		s.high += room
		return s
	}
	s.low, s.high = s.low-room, s.high+room
	return s
}

// shows reports whether x is on the axis.
func (s *scale) shows(x float64) bool {
	return s.Scale.shows(x) && (s.Limits == nil || x >= s.Limits.Low && x <= s.Limits.High)
}

// at returns where x is in the range, from 0 to 1. Values beyond it are at its ends.
func (s *scale) at(x float64) float64 {
	if !s.Scale.shows(x) {
		return 0
	}
	return min(1, max(0, (s.Scale.place(x)-s.low)/(s.high-s.low)))
}

// tick is a labelled place of an axis.
type tick struct {
	at    float64 // from 0 to 1
	label string
}

const mostTicks = 12

// ticks returns the ticks of an axis that has so many pixels: at round values, in order, as many as have room. size is the room
// that a label takes along the axis.
func (s *scale) ticks(pixels float64, size func(label string) float64) []tick {
	if s.empty {
		return nil
	}
	if len(s.Names) > 0 {
		return s.named(pixels, size)
	}
	first, last := s.Scale.value(s.low), s.Scale.value(s.high)
	var coarse []tick // the coarsest ones, at least 2
	try := func(values []float64, step func(float64) float64) ([]tick, bool) {
		list := make([]tick, 0, len(values))
		for _, x := range values {
			if at := (s.Scale.place(x) - s.low) / (s.high - s.low); s.Scale.shows(x) && at >= -1e-9 && at <= 1+1e-9 {
				list = append(list, tick{min(1, max(0, at)), s.Unit.tick(x, step(x))})
			}
		}
		if len(list) >= 2 {
			coarse = list
		}
		return list, len(list) >= 2 && len(list) <= mostTicks && fit(list, pixels, size)
	}
	switch s.Scale {
	case Log:
		dense := decades(s.low, s.high, 1, 1, 2, 5)
		if len(dense) < 3 {
			break // ticks as on a linear axis are closer
		}
		same := func(x float64) float64 { return math.Pow(10, math.Floor(math.Log10(x)+1e-9)) }
		if list, ok := try(dense, same); ok {
			return list
		}
		for stride := 1; stride <= 700; stride++ {
			if list, ok := try(decades(s.low, s.high, stride, 1), same); ok {
				return list
			}
		}
		return ends(coarse)
	case Percentiles:
		nines := []float64{0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999, 0.9999999}
		if list, _ := try(nines, func(float64) float64 { return 1e-9 }); len(list) >= 2 {
			return thinned(list, pixels, size)
		}
	}
	base := 1.0
	if s.Unit == Bytes {
		base = s.Unit.prefixOf(max(math.Abs(first), math.Abs(last))).factor
	}
	exponent := int(math.Floor(math.Log10((last - first) / base / mostTicks)))
	for ; ; exponent++ {
		for _, m := range []float64{1, 2, 5} {
			step := m * math.Pow(10, float64(exponent)) * base
			from, to := math.Ceil(first/step-1e-9), math.Floor(last/step+1e-9)
			if to-from >= 4*mostTicks {
				continue
			}
			var values []float64
			for i := from; i <= to; i++ {
				values = append(values, i*step)
			}
			list, ok := try(values, func(float64) float64 { return step })
			if ok {
				return list
			}
			if len(list) < 2 {
				return ends(coarse)
			}
		}
	}
}

// decades returns the factors times powers of ten, every stride-th, between two logarithms.
func decades(low, high float64, stride int, factors ...float64) (list []float64) {
	for e := int(math.Floor(low)); e <= int(math.Ceil(high)); e++ {
		if e%stride != 0 {
			continue
		}
		for _, f := range factors {
			if x := f * math.Pow(10, float64(e)); math.Log10(x) >= low-1e-9 && math.Log10(x) <= high+1e-9 {
				list = append(list, x)
			}
		}
	}
	return list
}

// named returns the ticks of categories.
func (s *scale) named(pixels float64, size func(string) float64) (list []tick) {
	for i, name := range s.Names {
		if x := float64(i); x >= s.low && x <= s.high {
			list = append(list, tick{s.at(x), cut(clean(name), 100, fontSize)})
		}
	}
	return thinned(list, pixels, size)
}

// fit reports whether no labels overlap.
func fit(list []tick, pixels float64, size func(string) float64) bool {
	return len(thinned(list, pixels, size)) == len(list)
}

// thinned returns the ticks without those whose labels would overlap the one before.
func thinned(list []tick, pixels float64, size func(string) float64) (kept []tick) {
	end := math.Inf(-1)
	for _, t := range list {
		if half := size(t.label) / 2; t.at*pixels-half >= end {
			kept, end = append(kept, t), t.at*pixels+half
		}
	}
	return kept
}

// ends returns the first tick and the last.
func ends(list []tick) []tick {
	if len(list) < 3 {
		return list
	}
	return []tick{list[0], list[len(list)-1]}
}
