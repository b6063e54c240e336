package metric

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/perf/benchunit"

	"github.com/sessbench/sessbench/reports/result"
)

// Scale returns a formatter for the values, with one unit prefix for all. Counts have no prefixes below one: milli-allocations
// are meaningless.
func (m *Metric) Scale(values ...float64) func(float64) string {
	factor, class := 1.0, benchunit.Decimal
	switch m.Unit {
	case "ns":
		factor = 1e-9
	case "B", "B/op":
		class = benchunit.Binary
	}
	displayed := make([]float64, len(values))
	least := math.Inf(1)
	for i, x := range values {
		displayed[i] = x * factor
		if x > 0 {
			least = min(least, displayed[i])
		}
	}
	s := benchunit.CommonScale(displayed, class)
	if m.Unit == "allocs/op" && least < 1 {
		digits := min(6, max(3, 2-int(math.Floor(math.Log10(least)))))
		s = benchunit.Scaler{Prec: digits, Factor: 1}
	}
	return func(x float64) string { return s.Format(x * factor) }
}

// Format writes a value with its unit, except units that the metric's word contains.
func (m *Metric) Format(x float64) string { return FormatValue(m.Unit, x) }

// FormatKnown is Format, and [result.Nothing] for a missing value.
func (m *Metric) FormatKnown(x *float64) string {
	if x == nil {
		return result.Nothing
	}
	return m.Format(*x)
}

// FormatValue writes a value of a metric with its unit, except units that the metric's name contains.
func FormatValue(unit string, x float64) string {
	switch unit {
	case "ns":
		return result.FormatNs(int64(math.Round(x)))
	case "share":
		return strconv.FormatFloat(100*x, 'g', 3, 64) + "%"
	case "B", "B/op":
		return result.FormatBytes(x)
	}
	if math.Abs(x) < 1 {
		return strconv.FormatFloat(x, 'g', 3, 64)
	}
	return result.FormatRate(x)
}

// numberPattern matches a number and the text after it: a unit, or the sign of a factor.
const numberPattern = `^(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)\s*(.*)$`

// CutNumber separates a finite number of at least 0 from the text after it.
func CutNumber(text string) (x float64, rest string, ok bool) {
	parts := regexp.MustCompile(numberPattern).FindStringSubmatch(text)
	if parts == nil {
		return 0, "", false
	}
	x, err := strconv.ParseFloat(parts[1], 64)
	return x, parts[2], err == nil
}

// Parse reads a value in the metric's unit. The error lists what is legal.
func (m *Metric) Parse(text string) (float64, error) {
	x, unit, ok := CutNumber(text)
	wrong := func(want string) error {
		switch {
		case !ok:
			return fmt.Errorf("%q is no bound: want %s", text, want)
		case unit == "":
			return fmt.Errorf("%s has no unit: want %s", text, want)
		}
		return fmt.Errorf("%s has the unit %q: want %s", text, unit, want)
	}
	switch m.Unit {
	case "ns":
		d, err := time.ParseDuration(strings.ReplaceAll(text, " ", ""))
		if !ok || unit == "" || err != nil { // a bare 0 would be a duration
			return 0, wrong("a time such as " + m.Short() + "<5ms")
		}
		return float64(d), nil
	case "share":
		if !ok || unit != "%" {
			return 0, wrong("a percentage such as " + m.Short() + "<0.1%")
		}
		return x / 100, nil
	case "B", "B/op":
		shift := slices.Index([]string{"B", "KiB", "MiB"}, unit)
		if !ok || unit != "" && shift < 0 {
			return 0, wrong("a number of bytes such as 512, 512B, 4KiB or 1MiB")
		}
		return x * float64(int(1)<<(10*max(0, shift))), nil
	}
	if !ok || unit != "" {
		return 0, wrong("a plain number such as " + m.Short() + ">0.9")
	}
	return x, nil
}
