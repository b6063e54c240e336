// Package openfiles is about the limit of files that a process may have open: ulimit -n. A connection is an open file, and so
// is each end of a pipe, so that a run with many users can meet the limit. That is neither an adapter's nor a server's failure.
package openfiles

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// Usual is a limit that suffices for everything but hundreds of users.
const Usual = 1024

// Error says that a limit of open files is too low.
type Error struct {
	Whose string // "" is this process's
	Limit uint64 // 0: it is not known
	Need  int    // at least
	Cause error  // may be nil

	Raisable bool // the process, or one that it starts, may raise its limit far enough
}

// Error names the limit and what is needed.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Cause != nil {
		fmt.Fprintf(&b, "%v: ", e.Cause)
	}
	b.WriteString("the limit of open files (ulimit -n)")
	if e.Whose != "" {
		b.WriteString(" of " + e.Whose)
	}
	if e.Limit > 0 {
		fmt.Fprintf(&b, " is %d", e.Limit)
	} else {
		b.WriteString(" is too low")
	}
	fmt.Fprintf(&b, ": want %d or more", e.Need)
	return b.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Check returns an *Error when this process cannot open n more files now. It tries, which takes about a microsecond for each.
func Check(n int) error {
	opened := make([]*os.File, 0, n)
	defer func() {
		for _, f := range opened {
			f.Close()
		}
	}()
	for range n {
		f, err := os.Open(os.DevNull)
		if err != nil {
			if !exhausted(err) {
				return nil // another failure, which opening the files in earnest will report
			}
			limit := limit()
			return &Error{Limit: limit, Need: int(limit) + n - len(opened)}
		}
		opened = append(opened, f)
	}
	return nil
}

// Explain returns err, and where it came from the limit of open files an *Error that names it. It is for the end of a chain of
// callers: need is the limit that suffices for what was to be done.
func Explain(err error, need int) error {
	if _, explained := errors.AsType[*Error](err); explained || !exhausted(err) {
		return err
	}
	return &Error{Limit: limit(), Need: need, Cause: err}
}
