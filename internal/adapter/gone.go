package adapter

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sessbench/sessbench/internal/printable"
	"github.com/sessbench/sessbench/scenarios"
)

// Gone is how a program ceased to be a target. It wraps [scenarios.ErrUnavailable] and its Cause.
type Gone struct {
	Program  string        // its name
	Asked    string        // the request that was not answered, as the protocol calls it; empty where there was none
	Silence  time.Duration // it hangs: how long there had been no answer, beyond the work asked for; 0 where it does not
	Status   string        // it crashed: how its process ended, as in "exit status 1"; empty where it runs, or is not ours
	InFlight []string      // it crashed: the requests that had no answer yet when it did, sorted; Asked may have come later
	Cause    error         // what was seen of it: what the connection said, or which rule of the protocol was broken; may be nil
	Stderr   string        // what it said there so far, the middle left out where it is long; empty where it is not ours
}

// Error says it in a line, and then shows the ends of what the program said on stderr.
func (g *Gone) Error() string {
	asked := cmp.Or(g.Asked, "a connection")
	var text string
	switch {
	case errors.Is(g.Cause, errStarved):
		text = fmt.Sprintf("%s: hang: no answer to %s for %v (%d × --target-timeout), while %v",
			g.Program, asked, g.Silence, starving, errStarved)
	case g.Silence > 0:
		text = fmt.Sprintf("%s: hang: no answer to %s for %v (--target-timeout)", g.Program, asked, g.Silence)
	case g.Status == "exit status 0":
		text = fmt.Sprintf("%s: ended %s, by itself", g.Program, g.when())
	case g.Status != "":
		text = fmt.Sprintf("%s: crashed %s: %s", g.Program, g.when(), g.Status)
	default:
		text = fmt.Sprintf("%s: at %s: %v", g.Program, asked, g.Cause)
	}
	return text + complaint(g.Stderr)
}

// when says what a program was doing when it crashed, as far as one can tell from outside: the requests that it had not
// answered.
func (g *Gone) when() string {
	switch len(g.InFlight) {
	case 0:
		return "between requests"
	case 1:
		return "at " + g.InFlight[0]
	}
	return fmt.Sprintf("with %d requests in flight (%s)", len(g.InFlight), strings.Join(slices.Compact(slices.Clone(g.InFlight)), ", "))
}

// Unwrap gives [scenarios.ErrUnavailable] and the cause.
func (g *Gone) Unwrap() []error {
	if g.Cause == nil {
		return []error{scenarios.ErrUnavailable}
	}
	return []error{scenarios.ErrUnavailable, g.Cause}
}

// complaint shows the first and the last lines of what a program said on stderr, each on a line of its own.
func complaint(stderr string) string {
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
