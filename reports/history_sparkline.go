package reports

import (
	"slices"
	"strings"
)

// sparkline draws numbers as blocks, one each, from the lowest (▁) to the highest (█): E.
// Tufte, "Beautiful Evidence", 2006. Equal numbers are drawn at half height.
func sparkline(xs []float64) string {
	if len(xs) == 0 {
		return ""
	}
	blocks := []rune("▁▂▃▄▅▆▇█")
	lo, hi := slices.Min(xs), slices.Max(xs)
	var b strings.Builder
	for _, x := range xs {
		level := len(blocks)/2 - 1
		if hi > lo {
			level = max(0, min(len(blocks)-1, int((x-lo)/(hi-lo)*float64(len(blocks)))))
		}
		b.WriteRune(blocks[level])
	}
	return b.String()
}
