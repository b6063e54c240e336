package openfiles

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
)

var softLimit = regexp.MustCompile(`(?m)^Max open files +([0-9]+) `)

// CheckProcess returns an *Error when another process, which whose names, may not have n files open at once. nil where its limit
// is not known.
func CheckProcess(pid int, whose string, n int) error {
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	if err != nil {
		return nil
	}
	found := softLimit.FindSubmatch(limits)
	if found == nil {
		return nil
	}
	limit, err := strconv.ParseUint(string(found[1]), 10, 64)
	if err != nil || limit >= uint64(n) {
		return nil
	}
	return &Error{Whose: whose, Limit: limit, Need: n}
}
