package judge

import (
	"fmt"
	"strings"

	"github.com/sessbench/sessbench/internal/explain"
	"github.com/sessbench/sessbench/reports/result"
)

// What is worth a sentence.
const (
	significantPart = 0.10 // of an operation's time
	mostUnexplained = 0.05 // of it: with more, shares are not interpreted
	fewestExplained = 30   // operations
	slowestPass     = 0.70 // of the trials' throughput: with less, the pass changes what it observes
	busySession     = 0.10 // of the updates
)

// WhyUnexplained returns why the shares of a row's explanation are not interpreted; empty: they are.
func WhyUnexplained(r *result.Result) string {
	x := r.Explanation
	switch {
	case x == nil:
		return "not explained"
	case x.Operations < fewestExplained:
		return fmt.Sprintf("only %s were observed, and fewer than %d say little", result.FormatCounted(int(x.Operations), "operation"), fewestExplained)
	case share(x.All, explain.Unexplained) > mostUnexplained:
		return fmt.Sprintf("%s of the time is not in the trace", result.FormatPercent1(share(x.All, explain.Unexplained)))
	case PassSpeed(r) < slowestPass:
		return fmt.Sprintf("the pass reached only %s of the trials' throughput, so that it changes what it observes", percent(PassSpeed(r)))
	}
	return ""
}

// PassSpeed is the throughput of the pass that explains a row, divided by the median of its trials; 1 if either is not known.
func PassSpeed(r *result.Result) float64 {
	x, median := r.Explanation, r.Summary.OpsPerSec.Median
	if x == nil || x.OpsPerSec == 0 || median == 0 {
		return 1
	}
	return x.OpsPerSec / median
}

// share returns the share of a part.
func share(p result.Parts, part explain.Part) float64 { return p.Shares[part.String()] }

// Reasons states in sentences where the time of a row's operations goes and what would help. Without anything significant, or with an
// explanation that is not interpreted, there are none.
func Reasons(r *result.Result, machine *result.Machine) (list []string) {
	if WhyUnexplained(r) != "" {
		return nil
	}
	op, of := mainOperation(r.Explanation)
	name := article(op) + " " + op
	say := func(part explain.Part, format string, args ...any) {
		if s := share(of, part); s >= significantPart {
			list = append(list, fmt.Sprintf("%s of the time of %s is ", percent(s), name)+fmt.Sprintf(format, args...))
		}
	}
	say(explain.LockWait, "%s", lockWait(r, op, of))
	say(explain.CPU, "waiting for a CPU: %d users share %s.", r.Users, result.FormatCounted(machine.GOMAXPROCS, "processor"))
	say(explain.GC, "garbage collection: %s allocates %s per operation.", r.Strategy, result.FormatBytes(r.Explanation.Usage.BytesPerOp))
	say(explain.Repeats, "lost to repetitions: the closure of %s of the operations ran more than once, because another update came first.",
		percent(r.Explanation.Repeated))
	if blocked := share(of, explain.Before); r.Explanation.Closures != nil && blocked >= 0.5 {
		say(explain.Before, "before the closure, in a store that does not report its locks: finding the session, copies and waits.")
	}
	say(explain.Answer, "waiting for the target: the way there and back, its queue, its locks and its work, as far as it does not report the work under its locks.")
	return list
}

// percent writes a share of at least ten percent without decimals: "87 %".
func percent(share float64) string {
	if share < 0.1 {
		return result.FormatPercent1(share)
	}
	return fmt.Sprintf("%.0f %%", 100*share)
}

// MainReason is the part that takes most of an operation's time among those that another store or machine could avoid: "lock wait 87 %"; empty:
// none is significant, or the explanation is not interpreted.
func MainReason(r *result.Result) string {
	if WhyUnexplained(r) != "" {
		return ""
	}
	_, of := mainOperation(r.Explanation)
	most := explain.Unexplained
	for _, p := range []explain.Part{explain.LockWait, explain.CPU, explain.GC, explain.Repeats, explain.Answer} {
		if share(of, p) >= significantPart && (most == explain.Unexplained || share(of, p) > share(of, most)) {
			most = p
		}
	}
	if most == explain.Unexplained {
		return ""
	}
	return most.String() + " " + percent(share(of, most))
}

// lockWait describes the wait for locks, and what another store would make of it.
func lockWait(r *result.Result, op string, of result.Parts) string {
	text := "waiting for a lock"
	if share(of, explain.CPU) >= mostUnexplained {
		text += " (whose holder may have lost its CPU)"
	}
	var more []string
	if ideal, known := r.Explanation.Ideal["per_session"][op]; known && share(of, explain.LockWait) > ideal+significantPart {
		more = append(more, fmt.Sprintf("with one lock per session it would be %s", percent(ideal)))
	} else if known {
		more = append(more, fmt.Sprintf("with a perfect store with one lock per session it would be %s", percent(ideal)))
	}
	if busiest, limit := busiestSession(r); busiest >= busySession {
		more = append(more, fmt.Sprintf("one session receives %s of the updates, so no lock per session can exceed %s/s",
			percent(busiest), result.FormatRate(limit)))
	}
	if len(more) == 0 {
		return text + "."
	}
	return text + "; " + strings.Join(more, "; ") + "."
}

// busiestSession returns the share of the updates that the busiest session receives, and the throughput in operations per second that this
// allows with one lock per session; 0: not known.
func busiestSession(r *result.Result) (of, limit float64) {
	for i := range r.Trials {
		l := &r.Trials[i].Locks
		if l.UpdateFraction == 0 || l.HoldNs == 0 {
			return 0, 0
		}
		of += l.BusiestFraction / l.UpdateFraction / float64(len(r.Trials))
		limit += 1e9 / (l.BusiestFraction * float64(l.HoldNs)) / float64(len(r.Trials))
	}
	return of, limit
}

// mainOperation returns the operation that takes most of the time.
func mainOperation(x *result.Explanation) (name string, of result.Parts) {
	most := 0.
	for op, p := range x.Each {
		if all := float64(p.Count) * p.MeanNs; all > most || all == most && op < name {
			name, of, most = op, p, all
		}
	}
	return name, of
}

// article returns the indefinite article of a word.
func article(word string) string {
	if strings.ContainsRune("aeiou", rune(word[0])) {
		return "an"
	}
	return "a"
}
