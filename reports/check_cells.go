package reports

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/reports/result"
)

// changeText is the change in a table: a ratio, or the difference if the old value is 0.
func changeText(f *judge.MetricCheck) string {
	if f.Change != nil || f.Old == nil || f.New == nil {
		return plus(f.Change)
	}
	difference := *f.New - *f.Old
	if f.Difference != nil {
		difference = *f.Difference
	}
	text := judge.MetricNamed(f.Metric).Format(difference)
	if difference > 0 {
		text = "+" + text
	}
	return text
}

// boundsText is the bounds of the change: [+8.9%, +11.5%], or "" if there are none.
func boundsText(f *judge.MetricCheck) string {
	if f.Lower == nil && f.Upper == nil {
		return ""
	}
	return "[" + cmp.Or(plus(f.Lower), result.Nothing) + ", " + cmp.Or(plus(f.Upper), result.Nothing) + "]"
}

// copyText is the change from the old binary to its copy, with a sign if the rule detects a
// change.
func copyText(f *judge.MetricCheck) string {
	switch {
	case f.Copy == nil:
		return ""
	case f.Copy.Fires:
		return cmp.Or(plus(f.Copy.Change), result.Nothing) + " " + errorSign
	}
	return cmp.Or(plus(f.Copy.Change), result.Nothing)
}

// testText is the test of a change between two documents.
func testText(f *judge.MetricCheck) string {
	if f.P == nil {
		return ""
	}
	return fmt.Sprintf("%.2g n=%d+%d", *f.P, len(f.Samples.Old), len(f.Samples.New))
}

// thresholdValue is the value of a threshold with its unit.
func thresholdValue(t *judge.ThresholdCheck) string {
	if t.Value == nil {
		return result.Nothing
	}
	return judge.FormatValue(t.Unit, *t.Value)
}

// plus writes a change with its sign, as in a table: +10.2%, or "" for none.
func plus(x *float64) string {
	if x == nil {
		return ""
	}
	text := strings.ReplaceAll(result.FormatPercent1(*x), " ", "")
	switch {
	case strings.Trim(text, "-0.%") == "":
		return "0.0%" // without the sign of what rounds to nothing
	case *x > 0:
		return "+" + text
	}
	return text
}
