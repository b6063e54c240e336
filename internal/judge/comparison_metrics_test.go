package judge

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/sessbench/sessbench/internal/metric"
)

func TestVerdicts(t *testing.T) {
	six := []float64{1, 2, 3, 4, 5, 6}
	for _, tt := range []struct {
		why           string
		before, after []float64
		higher        bool
		least         float64
		want          ChangeVerdict
	}{
		{"all above all others", six, []float64{7, 8, 9, 10, 11, 12}, true, 0, Better},
		{"which is worse where less is better", six, []float64{7, 8, 9, 10, 11, 12}, false, 0, Worse},
		{"all below", []float64{7, 8, 9, 10, 11, 12}, six, true, 0, Worse},
		{"and better", []float64{7, 8, 9, 10, 11, 12}, six, false, 0, Better},
		{"the same", six, six, true, 0, Noise},
		{"overlapping", six, []float64{2, 3, 4, 5, 6, 7}, true, 0, Noise},
		{"equal throughout", []float64{0, 0, 0, 0}, []float64{0, 0, 0, 0}, false, 0, Noise},
		{"three against three cannot differ", []float64{1, 2, 3}, []float64{10, 20, 30}, true, 0, Undecided},
		{"nor can one against thirty", []float64{1000}, make([]float64, 30), true, 0, Undecided},
		{"four against four can", []float64{1, 2, 3, 4}, []float64{10, 20, 30, 40}, true, 0, Better},
		{"real, but too small to matter", six, []float64{7, 8, 9, 10, 11, 12}, false, 6.5, Negligible},
		{"just large enough to", six, []float64{7, 8, 9, 10, 11, 12}, false, 6, Worse},
		{"from nothing to something", []float64{0, 0, 0, 0, 0, 0}, six, false, 0, Worse},
	} {
		m := &metric.Metric{HigherIsBetter: tt.higher, Least: tt.least}
		c := changeOf(m, tt.before, tt.after)
		if c.Verdict != tt.want {
			t.Errorf("%s: %s (p=%v), want %s", tt.why, c.Verdict, c.P, tt.want)
		}
		if from0 := tt.before[0] == 0; (c.Delta == nil) != from0 {
			t.Errorf("%s: delta %v", tt.why, c.Delta)
		}
	}
}

func TestGeoMeans(t *testing.T) {
	cells := func(medians ...float64) (row RowComparison) {
		for _, m := range medians {
			row.Cells = append(row.Cells, nil)
			if !math.IsNaN(m) {
				row.Cells[len(row.Cells)-1] = &CellComparison{Median: m}
			}
		}
		return row
	}
	none := math.NaN()
	for _, tt := range []struct {
		why  string
		rows []RowComparison
		want string
	}{
		{"one row needs no mean", []RowComparison{cells(1, 2)}, ""},
		{"doubled and halved", []RowComparison{cells(1, 2), cells(4, 2)}, "2 2 +0.00%"},
		{"doubled twice", []RowComparison{cells(1, 2), cells(4, 8)}, "2 4 +100.00%"},
		{"zeros have none, 0 over 0 is no change", []RowComparison{cells(0, 0), cells(1, 4)}, "- - +100.00% " + warnNoMean},
		{"from zero there is no ratio", []RowComparison{cells(0, 1), cells(1, 4)}, "- 2 - " + warnNoRatio},
		{"a row missing in the second", []RowComparison{cells(1, 2), cells(4, none)}, "2 2 +100.00% " + warnOtherSet},
		{"probes are not ranked", []RowComparison{cells(1, 2), cells(4, 8), {probe: true, Cells: cells(9, 90).Cells}}, "2 4 +100.00%"},
	} {
		got := ""
		if means := geoMeans(tt.rows, 2); means != nil {
			text := func(x *float64) string {
				if x == nil {
					return "-"
				}
				return fmt.Sprintf("%.3g", *x)
			}
			delta := "-"
			if means[1].Delta != nil {
				delta = fmt.Sprintf("%+.2f%%", 100**means[1].Delta)
			}
			got = strings.TrimSpace(text(means[0].Value) + " " + text(means[1].Value) + " " + delta + " " + strings.Join(means[1].Warnings, " "))
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.why, got, tt.want)
		}
	}
}
