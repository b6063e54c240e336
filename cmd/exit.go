package cmd

import (
	"errors"
	"fmt"
)

// The exit codes.
const (
	exitOK           = 0
	exitFailed       = 1   // could not run
	exitUsage        = 2   // bad usage or configuration
	exitInconclusive = 3   // the measurements do not decide
	exitIncomparable = 4   // the two sides do not measure the same
	exitViolated     = 5   // a store violated its contract
	exitThreshold    = 99  // a threshold was crossed, or a regression
	exitInterrupted  = 130 // ended by a signal; what was measured was written
)

// exitError is an error with an exit code.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }

func (e *exitError) Unwrap() error { return e.err }

// usagef is an error in the command line or the configuration. It names the flag, the value, and the legal values.
func usagef(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

func codeOf(err error) int {
	var e *exitError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &e):
		return e.code
	default:
		return exitFailed
	}
}
