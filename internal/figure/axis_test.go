package figure

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func labels(ticks []tick) string {
	var list []string
	for _, t := range ticks {
		list = append(list, t.label)
	}
	return strings.Join(list, " | ")
}

func perLabel(label string) float64 { return textWidth(label, fontSize) + 6 }

func TestTicks(t *testing.T) {
	for _, test := range []struct {
		why    string
		axis   Axis
		values []float64
		pixels float64
		want   string
	}{
		{"a positive range that reaches down to a third of its top begins at 0", Axis{}, []float64{20, 90}, 400,
			"0 | 10 | 20 | 30 | 40 | 50 | 60 | 70 | 80 | 90"},
		{"a narrow range does not", Axis{}, []float64{85, 90}, 300, "85 | 86 | 87 | 88 | 89 | 90"},
		{"unless 0 is asked for", Axis{Zero: true}, []float64{85, 90}, 300, "0 | 10 | 20 | 30 | 40 | 50 | 60 | 70 | 80 | 90"},
		{"less room, fewer ticks", Axis{}, []float64{85, 90}, 90, "86 | 88 | 90"},
		{"one value", Axis{Unit: Time}, []float64{1e6}, 300, "900 µs | 950 µs | 1 ms | 1.05 ms | 1.1 ms"},
		{"one value, 0", Axis{}, []float64{0}, 300, "-1 | -0.5 | 0 | 0.5 | 1"},
		{"no value", Axis{}, nil, 300, ""},
		{"changes have signs", Axis{Unit: Change}, []float64{-0.12, 0.11}, 300, "-10% | -5% | 0% | +5% | +10%"},
		{"bytes have steps of powers of two", Axis{Unit: Bytes}, []float64{0, 4096}, 300, "0 | 1 KiB | 2 KiB | 3 KiB | 4 KiB"},
		{"1, 2 and 5 in each decade", Axis{Scale: Log, Unit: Time}, []float64{1e6, 1.1e8}, 600,
			"1 ms | 2 ms | 5 ms | 10 ms | 20 ms | 50 ms | 100 ms"},
		{"decades", Axis{Scale: Log, Unit: Time}, []float64{1e3, 3e9}, 500,
			"1 µs | 10 µs | 100 µs | 1 ms | 10 ms | 100 ms | 1 s"},
		{"every third decade", Axis{Scale: Log}, []float64{1, 1e12}, 160, "1 | 1k | 1M | 1G | 1000G"},
		{"less than a decade", Axis{Scale: Log, Unit: Ratio}, []float64{80, 90}, 300, "80× | 82× | 84× | 86× | 88× | 90×"},
		{"nines", Axis{Scale: Percentiles, Unit: Percentile}, []float64{0.5, 0.9, 0.99, 0.9999}, 300,
			"50 % | 90 % | 99 % | 99.9 % | 99.99 %"},
		{"between two nines", Axis{Scale: Percentiles, Unit: Percentile}, []float64{0.95, 0.97}, 400,
			"95 % | 95.5 % | 96 % | 96.5 % | 97 %"},
		{"categories", Axis{Names: []string{"v1.0", "v1.1", "v1.2"}}, []float64{0, 1, 2}, 300, "v1.0 | v1.1 | v1.2"},
		{"categories without room", Axis{Names: []string{"v1.0", "v1.1", "v1.2"}}, []float64{0, 1, 2}, 60, "v1.0 | v1.2"},
		{"limits", Axis{Unit: Change, Limits: &Interval{-0.1, 0.1}}, []float64{-0.05, 249}, 300, "-5% | 0% | +5% | +10%"},
	} {
		s := newScale(&test.axis, test.values)
		if diff := cmp.Diff(test.want, labels(s.ticks(test.pixels, perLabel))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.why, diff)
		}
	}
}

// TestTicksOfAnyRange: ticks are in order, in the range, different, apart and at their values.
func TestTicksOfAnyRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := Axis{Scale: Scale(rapid.IntRange(0, 2).Draw(t, "scale")), Unit: Unit(rapid.IntRange(0, int(Bytes)).Draw(t, "unit"))}
		value := rapid.OneOf(rapid.Float64Range(-1e15, 1e15), rapid.Float64Range(0, 1), rapid.Float64Range(1e6, 1e6+10))
		switch a.Scale {
		case Log:
			value = rapid.OneOf(rapid.Float64Range(1e-12, 1e15), rapid.Float64Range(80, 90))
		case Percentiles:
			a.Unit, value = Percentile, rapid.OneOf(rapid.Float64Range(0, 0.9999999), rapid.SampledFrom([]float64{0.5, 0.99, 0.999}))
		}
		values := rapid.SliceOfN(value, 1, 5).Draw(t, "values")
		pixels := rapid.Float64Range(200, 800).Draw(t, "pixels")
		s := newScale(&a, values)
		ticks := s.ticks(pixels, perLabel)
		if len(ticks) < 2 || len(ticks) > mostTicks {
			t.Fatalf("%d ticks: %s", len(ticks), labels(ticks))
		}
		seen := map[string]bool{}
		for i, tick := range ticks {
			if tick.at < 0 || tick.at > 1 || math.IsNaN(tick.at) {
				t.Errorf("%s is at %v", tick.label, tick.at)
			}
			if i > 0 && tick.at <= ticks[i-1].at {
				t.Errorf("%s is before %s", tick.label, ticks[i-1].label)
			}
			if i > 0 && len(ticks) > 2 && (tick.at-ticks[i-1].at)*pixels < perLabel(tick.label)/2 {
				t.Errorf("%s overlaps %s", tick.label, ticks[i-1].label)
			}
			if seen[tick.label] {
				t.Errorf("two ticks are %s", tick.label)
			}
			seen[tick.label] = true
		}
		for _, x := range values {
			if at := s.at(x); at < 0 || at > 1 || math.IsNaN(at) {
				t.Errorf("%v is at %v", x, at)
			}
		}
	})
}

func TestPlaces(t *testing.T) {
	for _, test := range []struct {
		scale  Scale
		values []float64 // at equal distances
	}{
		{Linear, []float64{-1, 0, 1, 2}},
		{Log, []float64{0.1, 1, 10, 100}},
		{Percentiles, []float64{0.9, 0.99, 0.999, 0.9999}},
	} {
		s := newScale(&Axis{Scale: test.scale}, test.values)
		distance := s.at(test.values[1]) - s.at(test.values[0])
		for i, x := range test.values[1:] {
			if got := s.at(x) - s.at(test.values[i]); math.Abs(got-distance) > 1e-9 || got <= 0 {
				t.Errorf("scale %d: %v is %v after %v, want %v", test.scale, x, got, test.values[i], distance)
			}
			if got := test.scale.value(test.scale.place(x)); math.Abs(got-x) > 1e-9 {
				t.Errorf("scale %d: the value at the place of %v is %v", test.scale, x, got)
			}
		}
	}
}

func TestFormat(t *testing.T) {
	for _, test := range []struct {
		unit      Unit
		low, high float64
		value     string // of low
		span      string
	}{
		{Number, 812, 91234, "812", "812–91.2k"},
		{Number, 1200, 1300, "1.20k", "1.20–1.30k"},
		{Number, 0.0041, 1, "0.0041", "0.0041–1"},
		{Time, 1.5e6, 2.25e6, "1.50 ms", "1.50–2.25 ms"},
		{Time, 900, 2000, "900 ns", "900 ns–2.00 µs"},
		{Time, -900, 900, "-900 ns", "[-900 ns, 900 ns]"},
		{Time, 7, 7, "7 ns", "7 ns"},
		{Ratio, 77, 92, "77×", "77–92×"},
		{Share, 0.1, 0.98, "10%", "10–98%"},
		{Change, -0.11, 0.08, "-11.0%", "[-11.0%, +8.0%]"},
		{Change, 0.05, 0.08, "+5.0%", "[+5.0%, +8.0%]"},
		{Change, -1e-6, 0, "0.0%", "0.0%"},
		{Bytes, 512, 4096, "512 B", "512 B–4.00 KiB"},
		{Percentile, 0.5, 0.9999, "50 %", "50–99.99 %"},
	} {
		if got := test.unit.Format(test.low); got != test.value {
			t.Errorf("unit %d: %v is %q, want %q", test.unit, test.low, got, test.value)
		}
		if got := test.unit.Span(test.low, test.high); got != test.span {
			t.Errorf("unit %d: %v to %v is %q, want %q", test.unit, test.low, test.high, got, test.span)
		}
	}
}

func TestMarksDiffer(t *testing.T) {
	marks, lines := map[string]int{}, map[string]int{}
	for style := range 30 {
		for kind, of := range map[string]map[string]int{colour(style) + shape(style): marks, stroke(style, 0): lines} {
			if other, ok := of[kind]; ok {
				t.Errorf("styles %d and %d look the same", other, style)
			}
			of[kind] = style
		}
	}
	for i, s := range shapes {
		for _, other := range shapes[:i] {
			if s == other {
				t.Errorf("two shapes are %s", s)
			}
		}
	}
	looks := map[string]State{}
	for state := Valid; state <= Struck; state++ {
		var c canvas
		c.mark(neutral, state, 0, 0, "")
		other, same := looks[c.String()]
		legal := state == Passing && other == Valid || state == Saturated && other == Failing
		if same && !legal {
			t.Errorf("%v looks like %v", state, other)
		}
		if !same {
			looks[c.String()] = state
		}
	}
	if fmt.Sprint(shape(neutral)) != shapes[0] || colour(neutral) != "c6" {
		t.Error("the neutral style is not a circle in the colour of text")
	}
}
