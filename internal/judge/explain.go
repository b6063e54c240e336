package judge

import (
	"fmt"
	"strings"

	"github.com/sessbench/sessbench/internal/explain"
	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/reports/result"
)

// What is worth a sentence.
const (
	significantPart = 0.10 // of an operation's time
	mostUnexplained = 0.05 // of it: with more, shares are not interpreted
	fewestExplained = 30   // operations
	slowestPass     = 0.70 // of the trials' speed: with less, the pass may change what it observes
	busySession     = 0.10 // of the updates
)

// WhyUnexplained returns why the shares of a row's explanation are not interpreted; empty: they are.
func WhyUnexplained(r *result.Result) string {
	x := r.Explanation
	switch {
	case x == nil:
		return "there is no explanation"
	case x.Operations < fewestExplained:
		return fmt.Sprintf("only %s were observed, and fewer than %d are too few", result.FormatCounted(int(x.Operations), "operation"), fewestExplained)
	case share(x.All, explain.Unexplained) > mostUnexplained:
		return fmt.Sprintf("no state is recorded for %s of the time", result.FormatPercent1(share(x.All, explain.Unexplained)))
	case HarnessBound(r):
		return "at least half of the cost is the harness"
	case PassSpeed(r) < slowestPass:
		return fmt.Sprintf("the pass was slower than the trials (%.2f of their speed), so its shares may not be those of the trials", PassSpeed(r))
	}
	return ""
}

// PassSpeed is the speed of the pass that explains a row, divided by that of its trials; 1 if either is not known. In a closed loop it is the
// throughput; in an open loop, whose throughput is given, the inverse of the mean service time.
func PassSpeed(r *result.Result) float64 {
	x := r.Explanation
	if x == nil {
		return 1
	}
	pass, trials := x.OpsPerSec, r.Summary.OpsPerSec.Median
	if r.Load != "" {
		pass, trials = x.All.MeanNs, metric.MedianOf(r, func(t *result.Trial) float64 {
			if t.OpenLoop == nil {
				return 0
			}
			return float64(t.OpenLoop.ServiceNs.Mean)
		}).Median
		pass, trials = trials, pass
	}
	if pass == 0 || trials == 0 {
		return 1
	}
	return pass / trials
}

// share returns the share of a part.
func share(p result.Parts, part explain.Part) float64 { return p.Shares[part.String()] }

// Reasons states in sentences where the time of a row's operations goes and what would help. Without anything significant, or with an
// explanation that is not interpreted, there are none.
func Reasons(r *result.Result, machine *result.Machine) (list []string) {
	if WhyUnexplained(r) != "" {
		return nil
	}
	op := MainOperation(r.Explanation)
	of := r.Explanation.Each[op]
	say := func(part explain.Part, format string, args ...any) {
		if s := share(of, part); s >= significantPart {
			list = append(list, fmt.Sprintf("%s of the time of %s is ", percent(s), indefinite(op))+fmt.Sprintf(format, args...))
		}
	}
	say(explain.LockWait, "%s", lockWait(r, op))
	say(explain.CPU, "waiting for a CPU: %s.", processorsShared(r, machine))
	if bytes := metric.MedianOf(r, func(t *result.Trial) float64 { return t.Usage.BytesPerOp }).Median; r.Target == "" {
		say(explain.GC, "garbage collection: %s allocates %s per operation.", r.Strategy, result.FormatBytes(bytes))
	}
	say(explain.Repeats, "repetitions: the closure ran more than once in %s of them, because another update came first.", percent(of.Repeated))
	say(explain.Answer, "waiting for the target: for its queue, its locks and its work, as far as it does not report the work, and for the way there and back.")
	return list
}

func processorsShared(r *result.Result, machine *result.Machine) string {
	processors := result.FormatCounted(machine.GOMAXPROCS, "processor")
	if r.Load != "" { // users are made as they are needed
		return "the operations in progress share " + processors
	}
	if r.Users <= machine.GOMAXPROCS {
		return fmt.Sprintf("%s and %s, which other goroutines or other processes use, too", result.FormatCounted(r.Users, "user"), processors)
	}
	return fmt.Sprintf("%d users share %s", r.Users, processors)
}

// percent writes a share of at least ten percent without decimals: "87 %".
func percent(share float64) string {
	if share > 0.995 && share < 1 {
		return "over 99 %"
	}
	if share < 0.1 {
		return result.FormatPercent1(share)
	}
	return fmt.Sprintf("%.0f %%", 100*share)
}

// MainReason is the largest part of an operation's time among those that another store or machine may avoid: "lock wait 87 %"; empty:
// none is significant, or the explanation is not interpreted.
func MainReason(r *result.Result) string {
	if WhyUnexplained(r) != "" {
		return ""
	}
	of := r.Explanation.Each[MainOperation(r.Explanation)]
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
func lockWait(r *result.Result, op string) string {
	of := r.Explanation.Each[op]
	text := "waiting for a lock"
	if share(of, explain.CPU) >= mostUnexplained {
		text += " (whose holder may have lost its CPU)"
	}
	if ideal, known := r.Explanation.IdealLockWait[op]; known && r.HoldNs > 0 && share(of, explain.LockWait) > ideal+significantPart { // without holds, waits come from holders that lost their CPU
		text += fmt.Sprintf("; with one lock per session it would be %s", percent(ideal))
	}
	if busiest, limit := busiestSession(r); busiest >= busySession {
		text += fmt.Sprintf("; one session receives %s of the updates, so no lock per session can exceed about %s operations per second",
			percent(busiest), result.FormatRate(limit))
	}
	return text + "."
}

// busiestSession returns the share of the updates that the busiest session receives, and the throughput in operations per second that this
// allows with one lock per session and the hold that was asked for; 0: not known.
func busiestSession(r *result.Result) (of, limit float64) {
	for i := range r.Trials {
		l := &r.Trials[i].Locks
		if l.UpdateFraction == 0 || l.BusiestFraction == 0 || r.HoldNs == 0 {
			return 0, 0
		}
		of += l.BusiestFraction / l.UpdateFraction / float64(len(r.Trials))
		limit = max(limit, 1e9/(l.BusiestFraction*float64(r.HoldNs)))
	}
	return of, limit
}

// MainOperation returns the operation that takes most of the time; empty if none was observed.
func MainOperation(x *result.Explanation) (name string) {
	most := 0.
	for op, p := range x.Each {
		if all := float64(p.Count) * p.MeanNs; all > most || all == most && op < name {
			name, most = op, all
		}
	}
	return name
}

// indefinite puts the indefinite article before a word.
func indefinite(word string) string {
	if word != "" && strings.Contains("aeiou", word[:1]) {
		return "an " + word
	}
	return "a " + word
}
