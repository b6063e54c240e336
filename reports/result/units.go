package result

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Nothing is written for a missing value, for example a percentile with too few samples.
const Nothing = "–"

// FormatNs writes a time of ns nanoseconds with three significant digits and its unit: 812 ns, 1.07 ms, 12.3 s.
func FormatNs(ns int64) string {
	units := []string{"ns", "µs", "ms", "s"}
	x, u := float64(ns), 0
	for x >= 999.5 && u < len(units)-1 { // 999.5 is where three digits round to a thousand
		x, u = x/1000, u+1
	}
	if u == 0 {
		return strconv.FormatInt(ns, 10) + " ns"
	}
	return digits(x) + " " + units[u]
}

// FormatRate writes a rate per second with three significant digits and k, M or G for
// thousands, millions and billions: 812, 91.2k, 1.23M.
func FormatRate(x float64) string { return scaled(x, 1000, "", "k", "M", "G") }

// FormatBytes writes a size with three significant digits in steps of 1024: 812 B, 1.21 KiB, 4.00 MiB.
func FormatBytes(x float64) string { return scaled(x, 1024, " B", " KiB", " MiB", " GiB") }

func scaled(x, step float64, units ...string) string {
	u := 0
	for x >= step-0.5 && u < len(units)-1 {
		x, u = x/step, u+1
	}
	if u == 0 && x == math.Trunc(x) {
		return strconv.FormatFloat(x, 'f', 0, 64) + units[0]
	}
	return digits(x) + units[u]
}

// FormatCount writes a whole number with commas between the thousands: 1,234,567.
func FormatCount(n int64) string {
	s := strconv.FormatInt(n, 10)
	first := 0
	if n < 0 {
		first = 1
	}
	for i := len(s) - 3; i > first; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// FormatCounted writes a number of things: 1 pair, 30 pairs, 10 strategies.
func FormatCounted(n int, what string) string {
	if stem, isY := strings.CutSuffix(what, "y"); n != 1 && isY {
		what = stem + "ies"
	} else if n != 1 {
		what += "s"
	}
	return FormatCount(int64(n)) + " " + what
}

// FormatAmount writes a small number with at most two decimals: 0, 0.5, 12, 3.25.
func FormatAmount(x float64) string {
	s := strconv.FormatFloat(x, 'f', 2, 64)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// FormatRatio writes how many times as fast something is: 81×, 1.02×, 0.97×, 0.012×.
func FormatRatio(x float64) string { return times(x) + "×" }

// FormatRatioRange writes two ratios as a range: 80–85×.
func FormatRatioRange(lo, hi float64) string { return times(lo) + "–" + FormatRatio(hi) }

func times(x float64) string {
	switch {
	case x >= 9.995:
		return FormatCount(int64(math.Round(x)))
	case x >= 0.0995 || x <= 0:
		return strconv.FormatFloat(x, 'f', 2, 64)
	default:
		return strconv.FormatFloat(x, 'g', 2, 64)
	}
}

// FormatShare writes a fraction of one in percent, with a decimal below ten: 98%, 1.0%.
func FormatShare(x float64) string {
	if math.Abs(x) < 0.0995 {
		return fmt.Sprintf("%.1f%%", 100*x)
	}
	return fmt.Sprintf("%.0f%%", 100*x)
}

// digits writes x with three significant digits, zeros at the end included.
func digits(x float64) string {
	switch {
	case x >= 99.95 || x <= -99.95:
		return strconv.FormatFloat(x, 'f', 0, 64)
	case x >= 9.995 || x <= -9.995:
		return strconv.FormatFloat(x, 'f', 1, 64)
	case x >= 0.995 || x <= -0.995:
		return strconv.FormatFloat(x, 'f', 2, 64)
	default:
		return strconv.FormatFloat(x, 'g', 3, 64)
	}
}

// FormatPercent writes a fraction of one in percent, as in a sentence: 2.5 %.
func FormatPercent(x float64) string { return FormatAmount(100*x) + " %" }

// FormatPercent1 is FormatPercent with one decimal: 10.2 %, and with none from 1000 % on.
func FormatPercent1(x float64) string {
	if math.Abs(x) >= 9.995 {
		return fmt.Sprintf("%.0f %%", 100*x)
	}
	return fmt.Sprintf("%.1f %%", 100*x)
}

// FormatPairs writes a map as k=v pairs in the order of the keys, with semicolons between.
func FormatPairs[K cmp.Ordered, V any](m map[K]V) string {
	pairs := make([]string, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		pairs = append(pairs, fmt.Sprintf("%v=%v", k, m[k]))
	}
	return strings.Join(pairs, ";")
}
