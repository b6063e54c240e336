package openfiles

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
)

var softAndHard = regexp.MustCompile(`(?m)^Max open files +([0-9]+) +([0-9]+|unlimited) `)

// CheckProcess returns an *Error when another process, which whose names, may not have n files open at once. nil where its limit
// is not known.
func CheckProcess(pid int, whose string, n int) error {
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	if err != nil {
		return nil
	}
	found := softAndHard.FindSubmatch(limits)
	if found == nil {
		return nil
	}
	limit, err := strconv.ParseUint(string(found[1]), 10, 64)
	if err != nil || limit >= uint64(n) {
		return nil
	}
	hard, err := strconv.ParseUint(string(found[2]), 10, 64)
	return &Error{Whose: whose, Limit: limit, Need: n, Raisable: err != nil || hard >= uint64(n)}
}
