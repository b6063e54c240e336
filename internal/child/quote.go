package child

import (
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/printable"
)

// Quote returns the first and the last lines of a stderr as the end of an error message, or "" if it is empty.
func Quote(stderr string) string {
	const first, last = 5, 15
	lines := strings.Split(strings.TrimSpace(printable.Text(stderr)), "\n")
	if lines[0] == "" {
		return ""
	}
	if len(lines) > first+1+last {
		lines = slices.Concat(lines[:first], []string{"…"}, lines[len(lines)-last:])
	}
	return "\nits stderr:\n  " + strings.Join(lines, "\n  ")
}
