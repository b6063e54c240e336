package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/reports/result"
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

// finding is something about a finished run that its exit code depends on.
type finding struct {
	code int
	text string
}

// verdictCodes are the exit codes of verdicts other than a pass.
func verdictCodes() map[judge.Verdict]int {
	return map[judge.Verdict]int{judge.Violated: exitViolated, judge.Failing: exitThreshold, judge.Inconclusive: exitInconclusive}
}

// findingsOf adds exit codes to findings of a judgement.
func findingsOf(list []judge.Finding) []finding {
	return mapped(list, func(f judge.Finding) finding { return finding{verdictCodes()[f.Verdict], f.Text} })
}

// verdict is the error that a finished run ends with. Interrupted goes before violated, that before a crossed threshold
// and before what does not decide, and all of them before not written, but whatever happened is said. Of a run that failed
// only a violation is certain. more is what else was found.
func verdict(d *result.Document, written error, more ...finding) error {
	var found []finding
	if written != nil {
		found = append(found, finding{exitFailed, written.Error()})
	}
	for _, f := range findingsOf(judge.Findings(d)) {
		if f.code != exitViolated { // violations are named before what else was found
			found, more = append(found, more...), nil
		}
		found = append(found, f)
	}
	found = append(found, more...)
	codes, lost := byWeight(), false
	for _, p := range d.Participants {
		if p.Missing {
			lost = true
			found = append(found, finding{exitFailed, fmt.Sprintf("%s is lost: %s", p.Called(), p.Reason)})
		}
	}
	switch {
	case d.Failure != "":
		found = append(found, finding{exitFailed, d.Failure + ": only the finished trials are reported"})
		codes = []int{exitViolated, exitFailed}
	case d.Interrupted && !lost:
		found = append(found, finding{exitInterrupted, "interrupted: only the finished trials are reported"})
	}
	return worst(found, codes)
}

// checkVerdict is the error that a check ends with. That a given result was interrupted does not make this check interrupted.
// Further findings exclude a pass.
func checkVerdict(ctx context.Context, c *judge.Check, written error, more ...finding) error {
	code := verdictCodes()[c.Binding()]
	if c.Interrupted && ctx.Err() != nil {
		code = exitInterrupted
	}
	if code == exitOK && more == nil {
		return written
	}
	found := append([]finding{{code, "check: " + c.Explanation}}, more...)
	if written != nil {
		found = append(found, finding{exitFailed, written.Error()})
	}
	return worst(found, byWeight())
}

// worst returns an error with the text of all findings and the first of codes that one of them has; nil for none.
func worst(found []finding, codes []int) error {
	for _, code := range codes {
		if slices.ContainsFunc(found, func(f finding) bool { return f.code == code }) {
			return &exitError{code, errors.New(strings.Join(mapped(found, func(f finding) string { return f.text }), "; "))}
		}
	}
	return nil
}

// byWeight are the codes of findings, the worst first.
func byWeight() []int {
	return []int{exitInterrupted, exitViolated, exitThreshold, exitInconclusive, exitFailed}
}
