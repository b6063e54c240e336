package trace

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// clock converts a log's time cells into nanoseconds since an origin that depends on the log. The unit of numbers is given, or
// determined by the column's name (a suffix _s, _ms, _us or _ns) or the first number's magnitude. It does not change within a log.
type clock struct {
	unit    int64  // nanoseconds per unit; 0: not yet determined
	assumed bool   // the unit is seconds because nothing indicates another
	layout  string // of time.Parse; empty: numbers and RFC 3339
}

const clfTime = "02/Jan/2006:15:04:05 -0700"

// newClock is the clock of a column. unit is one of [TimeUnits]; of auto and an empty one the column's name decides.
func newClock(column, unit string) clock {
	if unit == "" || unit == formatAuto {
		unit = column[strings.LastIndexByte(column, '_')+1:]
		if len(unit) == len(column) {
			return clock{}
		}
	}
	unit = strings.ToLower(unit)
	if !slices.Contains(TimeUnits()[1:], unit) {
		return clock{}
	}
	d, _ := time.ParseDuration("1" + unit) // never fails
	return clock{unit: int64(d)}
}

// parse reads one cell.
func (c *clock) parse(cell []byte) (int64, error) {
	if c.layout != "" {
		return parseLayout(c.layout, string(cell))
	}
	cell = bytes.TrimSpace(cell)
	number, err := strconv.ParseFloat(string(cell), 64)
	if err != nil {
		return parseRFC3339(string(cell))
	}
	unit := c.unit
	if unit == 0 {
		unit = unitOf(number)
	}
	ns, ok := decimal(cell, unit)
	if !ok {
		ns, ok = round(number * float64(unit))
	}
	if !ok {
		return 0, fmt.Errorf("time %q: out of range", clip(cell))
	}
	if c.unit == 0 {
		c.unit, c.assumed = unit, math.Abs(number) < sinceEpoch
	}
	return ns, nil
}

// sinceEpoch is the number of seconds above which a time is taken as Unix time; it is in 1973.
const sinceEpoch = 1e8

// unitOf distinguishes seconds, milliseconds, microseconds and nanoseconds since 1970 by magnitude: each bound is in the year 5138
// in its unit and in 1973 in the next finer one. Smaller numbers, including relative times, are seconds.
func unitOf(number float64) int64 {
	switch n := math.Abs(number); {
	case n < 1e11:
		return int64(time.Second)
	case n < 1e14:
		return int64(time.Millisecond)
	case n < 1e17:
		return int64(time.Microsecond)
	default:
		return 1
	}
}

// decimal reads digits with an optional fraction exactly: a float64 holds the present time only to some 200 ns.
func decimal(cell []byte, unit int64) (ns int64, ok bool) {
	whole, fraction, _ := bytes.Cut(cell, []byte{'.'})
	n, err := strconv.ParseInt(string(whole), 10, 64)
	if err != nil || n > math.MaxInt64/unit-1 || n < math.MinInt64/unit+1 {
		return 0, false
	}
	ns = n * unit
	negative := whole[0] == '-'
	for _, d := range fraction {
		if d < '0' || d > '9' {
			return 0, false
		}
		unit /= 10
		if part := int64(d-'0') * unit; negative {
			ns -= part
		} else {
			ns += part
		}
	}
	return ns, true
}

func round(ns float64) (int64, bool) {
	if math.IsNaN(ns) || math.Abs(ns) >= math.MaxInt64 {
		return 0, false
	}
	return int64(math.Round(ns)), true
}

// parseRFC3339 also takes a space for the T and no zone for UTC, as databases write them.
func parseRFC3339(cell string) (int64, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05", time.DateTime} {
		if ns, err := parseLayout(layout, cell); err == nil {
			return ns, nil
		}
	}
	return 0, fmt.Errorf("time %q: want seconds, Unix time or RFC 3339", clip(cell))
}

func parseLayout(layout, cell string) (int64, error) {
	t, err := time.Parse(layout, cell)
	if err != nil {
		return 0, fmt.Errorf("time %q: want the form %s", clip(cell), layout)
	}
	if y := t.Year(); y < 1679 || y > 2261 {
		return 0, fmt.Errorf("time %q: out of range", clip(cell))
	}
	return t.UnixNano(), nil
}
