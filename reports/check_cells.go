package reports

import (
	"cmp"
	"fmt"
	"math"
	"strings"

	"github.com/sessbench/sessbench/reports/result"
)

// changed is the change as it stands in a table: as a share, or from 0 as the difference.
func (f *CheckedMetric) changed() string {
	if f.Change != nil || f.Old == nil || f.New == nil {
		return plus(f.Change)
	}
	difference := *f.New - *f.Old
	if f.Difference != nil {
		difference = *f.Difference
	}
	text := f.metric.write(difference)
	if difference > 0 {
		text = "+" + text
	}
	return text
}

// bounds are those of the change: [+8.9%, +11.5%]. "" where there are none at all.
func (f *CheckedMetric) bounds() string {
	if f.Lower == nil && f.Upper == nil {
		return ""
	}
	return "[" + cmp.Or(plus(f.Lower), result.Nothing) + ", " + cmp.Or(plus(f.Upper), result.Nothing) + "]"
}

// copied is the change from the old binary to its copy, with a sign where the rule takes it for one.
func (f *CheckedMetric) copied() string {
	switch {
	case f.Copy == nil:
		return ""
	case f.Copy.Fires:
		return cmp.Or(plus(f.Copy.Change), result.Nothing) + " " + errorSign
	}
	return cmp.Or(plus(f.Copy.Change), result.Nothing)
}

// tested is the test of a change between two times.
func (f *CheckedMetric) tested() string {
	if f.P == nil {
		return ""
	}
	return fmt.Sprintf("%.2g n=%d+%d", *f.P, len(f.Samples.Old), len(f.Samples.New))
}

// value is the threshold's figure, with its unit.
func (t *CheckedThreshold) value() string {
	if t.Value == nil {
		return result.Nothing
	}
	return (&thresholdMetric{unit: t.Unit}).write(*t.Value)
}

// inPercent writes a fraction of one in percent, as in a sentence: 2.5 %.
func inPercent(x float64) string { return result.FormatAmount(100*x) + " %" }

// precise is inPercent with one decimal: 10.2 %. From ten times on nobody needs it.
func precise(x float64) string {
	if math.Abs(x) >= 9.995 {
		return fmt.Sprintf("%.0f %%", 100*x)
	}
	return fmt.Sprintf("%.1f %%", 100*x)
}

// plus writes a change with its sign, as in a table: +10.2%. "" for none.
func plus(x *float64) string {
	if x == nil {
		return ""
	}
	text := strings.ReplaceAll(precise(*x), " ", "")
	switch {
	case strings.Trim(text, "-0.%") == "":
		return "0.0%" // without the sign of what rounds to nothing
	case *x > 0:
		return "+" + text
	}
	return text
}
