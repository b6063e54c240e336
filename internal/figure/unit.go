package figure

import (
	"math"
	"strconv"
	"strings"

	"github.com/sessbench/sessbench/reports/result"
)

// Unit is the unit of an axis. It formats values as the tables of results do.
type Unit int

// The units.
const (
	Number     Unit = iota // counts, and rates per second: 812, 91.2k
	Time                   // nanoseconds: 1.07 ms
	Ratio                  // times as much: 87×
	Share                  // a fraction of one, in percent: 98%
	Change                 // a difference as a fraction of one, in percent with its sign: +1.20%
	Bytes                  // 1.21 KiB
	Percentile             // the fraction of the values below: 99.9 %
)

// Format writes a value with its unit.
func (u Unit) Format(x float64) string {
	switch u {
	case Time:
		if x < 0 {
			return "-" + u.Format(-x)
		}
		return result.FormatNs(int64(math.Round(min(x, math.MaxInt64/2))))
	case Ratio:
		return result.FormatRatio(x)
	case Share:
		return result.FormatShare(x)
	case Change:
		text := strings.ReplaceAll(result.FormatPercent1(x), " ", "")
		if strings.Trim(text, "-0.%") == "" {
			return "0.0%" // without the sign of what rounds to nothing
		}
		return choose(x > 0, "+", "") + text
	case Bytes:
		return result.FormatBytes(x)
	case Percentile:
		return trimmed(100*x, 7) + " %"
	}
	if x != math.Trunc(x) && math.Abs(x) < 1 {
		return strconv.FormatFloat(x, 'g', 3, 64)
	}
	return result.FormatRate(x)
}

// Span writes two values as a range. The unit is written once where it is the same.
func (u Unit) Span(low, high float64) string {
	from, to := u.Format(low), u.Format(high)
	if from == to {
		return to
	}
	if low < 0 || u == Change {
		return "[" + from + ", " + to + "]"
	}
	digits := func(s string) string {
		return strings.TrimRight(s, " %×abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZµ")
	}
	if number := digits(from); from[len(number):] == to[len(digits(to)):] {
		from = number
	}
	return from + "–" + to
}

// prefix is a step of a unit in ticks.
type prefix struct {
	factor float64
	suffix string
}

var prefixes = map[Unit][]prefix{
	Number: {{1e-3, "m"}, {1, ""}, {1e3, "k"}, {1e6, "M"}, {1e9, "G"}},
	Time:   {{1, " ns"}, {1e3, " µs"}, {1e6, " ms"}, {1e9, " s"}},
	Ratio:  {{1, "×"}},
	Share:  {{0.01, "%"}}, Change: {{0.01, "%"}}, Percentile: {{0.01, " %"}},
	Bytes: {{1, " B"}, {1 << 10, " KiB"}, {1 << 20, " MiB"}, {1 << 30, " GiB"}},
}

// prefixOf returns the prefix with which x has the fewest digits.
func (u Unit) prefixOf(x float64) prefix {
	list := prefixes[u]
	if u == Number {
		list = list[1:]
	}
	best := list[0]
	for _, p := range list[1:] {
		if math.Abs(x) >= p.factor*(1-1e-9) {
			best = p
		}
	}
	return best
}

// tick writes a value on an axis with as many decimals as the step between ticks needs.
func (u Unit) tick(x, step float64) string {
	p := u.prefixOf(x)
	sign := ""
	if u == Change && x > 0 {
		sign = "+"
	}
	if math.Abs(x) < step/1e6 {
		return "0" + choose(u == Time || u == Bytes, "", p.suffix)
	}
	decimals := max(0, int(math.Ceil(-math.Log10(step/p.factor)-1e-9)))
	if scaled := math.Abs(x / p.factor); scaled >= 1e6 || scaled < 1e-6 {
		digits := 1 + max(0, int(math.Ceil(math.Log10(math.Abs(x)/step)-1e-9)))
		return sign + strconv.FormatFloat(x/p.factor, 'g', min(digits, 17), 64) + p.suffix
	}
	return sign + trimmed(x/p.factor, min(decimals, 12)) + p.suffix
}

// trimmed writes x with at most so many decimals.
func trimmed(x float64, decimals int) string {
	s := strconv.FormatFloat(x, 'f', decimals, 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	if s == "-0" {
		return "0"
	}
	return s
}
