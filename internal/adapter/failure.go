package adapter

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sessbench/sessbench/internal/child"
	"github.com/sessbench/sessbench/scenarios"
)

// failure describes how a program stopped being a usable target: it crashed, hangs, or broke the protocol. It wraps
// [scenarios.ErrUnavailable] and its cause.
type failure struct {
	program  string        // name
	request  string        // operation that was not answered, as in the protocol; empty: none
	silence  time.Duration // hang: time without an answer, beyond the requested work
	status   string        // crash: process status, as in "exit status 1"; empty where it runs or was not started here
	inFlight []string      // crash: operations without an answer at that moment, sorted; request may have been sent later
	cause    error         // connection error or violated rule of the protocol; may be nil
	stderr   string        // beginning and end of stderr; empty where the program was not started here
}

// Error is one line, followed by the beginning and the end of stderr.
func (f *failure) Error() string {
	request := cmp.Or(f.request, "a connection")
	var text string
	switch {
	case errors.Is(f.cause, errStarved):
		text = fmt.Sprintf("%s: hang: no answer to %s for %v (%d × --target-timeout), while %v",
			f.program, request, f.silence, starvationFactor, errStarved)
	case f.silence > 0:
		text = fmt.Sprintf("%s: hang: no answer to %s for %v (--target-timeout)", f.program, request, f.silence)
	case f.status == "exit status 0":
		text = fmt.Sprintf("%s: exited %s without being stopped", f.program, f.moment())
	case f.status != "":
		text = fmt.Sprintf("%s: crashed %s: %s", f.program, f.moment(), f.status)
	default:
		text = fmt.Sprintf("%s: at %s: %v", f.program, request, f.cause)
	}
	return text + child.Quote(f.stderr)
}

// moment describes the moment of a crash by the requests in flight.
func (f *failure) moment() string {
	switch len(f.inFlight) {
	case 0:
		return "between requests"
	case 1:
		return "at " + f.inFlight[0]
	}
	kinds := slices.Compact(slices.Clone(f.inFlight))
	return fmt.Sprintf("with %d requests in flight (%s)", len(f.inFlight), strings.Join(kinds, ", "))
}

// Unwrap returns [scenarios.ErrUnavailable] and the cause.
func (f *failure) Unwrap() []error {
	if f.cause == nil {
		return []error{scenarios.ErrUnavailable}
	}
	return []error{scenarios.ErrUnavailable, f.cause}
}
