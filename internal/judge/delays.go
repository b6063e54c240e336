package judge

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/reports/result"
)

// delayTolerance is the largest relative difference between the median of measured delays and the requested time, or that of a
// compared row: stores whose critical sections differ do different work.
const delayTolerance = 0.05

// Delay is a time that users spend on purpose.
type Delay struct {
	Name       string
	Doc        string                                // one line
	Times      func(t *result.Trial) *result.Latency // measured; nil: not measured
	Requested  func(r *result.Result) int64          // in nanoseconds
	Measured   func(s *result.Summary) *int64        // the median over the trials; 0: not measured
	NotReached func(s *result.Summary) *bool         // the requested time

	// Mean returns the mean in a trial, and how many delays it is the mean of.
	Mean func(t *result.Trial) (field *int64, weight float64)

	kind func(r *result.Result) string // nil: there is one kind
}

var delays = []Delay{
	{
		Name: "hold", Doc: "measured time under the lock",
		Times:      func(t *result.Trial) *result.Latency { return t.Locks.HoldTimes },
		Requested:  func(r *result.Result) int64 { return r.HoldNs },
		Measured:   func(s *result.Summary) *int64 { return &s.HoldNs },
		NotReached: func(s *result.Summary) *bool { return &s.HoldNotReached },
		Mean: func(t *result.Trial) (*int64, float64) {
			return &t.Locks.HoldNs, t.Locks.UpdateFraction * float64(t.Ops)
		},
		kind: func(r *result.Result) string { return r.HoldKind },
	},
	{
		Name: "think", Doc: "measured pause between visits",
		Times:      func(t *result.Trial) *result.Latency { return t.ThinkTimes },
		Requested:  func(r *result.Result) int64 { return r.ThinkNs },
		Measured:   func(s *result.Summary) *int64 { return &s.ThinkNs },
		NotReached: func(s *result.Summary) *bool { return &s.ThinkNotReached },
		Mean:       func(t *result.Trial) (*int64, float64) { return &t.ThinkNs, float64(t.LatencyNs.Count) },
	},
}

// Delays returns the times that users spend on purpose.
func Delays() []Delay { return slices.Clone(delays) }

// DelayNames joins the names of the delays: hold or think.
func DelayNames() string {
	var names []string
	for _, d := range delays {
		names = append(names, d.Name)
	}
	return strings.Join(names, " or ")
}

// kindOf is the kind of the delays of a result. A delay of 0 has no kind.
func (d *Delay) kindOf(r *result.Result) string {
	if d.kind == nil || d.Requested(r) == 0 {
		return ""
	}
	return d.kind(r)
}

// describe writes what was requested: hold 1ms (sleep).
func (d *Delay) describe(r *result.Result) string {
	text := d.Name + " " + formatDuration(d.Requested(r))
	if kind := d.kindOf(r); kind != "" {
		text += " (" + kind + ")"
	}
	return text
}

// Cycle is the least time from one operation of a user to the next, if the operation itself takes fastest, in nanoseconds.
func Cycle(r *result.Result, fastest int64) int64 {
	pause := r.ThinkNs
	for i := range r.Trials {
		pause = max(pause, r.Trials[i].ThinkNs)
	}
	return max(fastest, r.HoldNs) + pause
}

// summarizeDelays sets the measured delays, and whether they are as requested.
func summarizeDelays(r *result.Result) {
	for _, d := range delays {
		measured := d.Measured(&r.Summary)
		*measured = medianDelay(r, d.Times)
		*d.NotReached(&r.Summary) = differ(d.Requested(r), *measured)
	}
}

// medianDelay is the median over the trials of each one's median delay, or of its mean if there are few. It is 0 if no trial has
// any.
func medianDelay(r *result.Result, get func(*result.Trial) *result.Latency) int64 {
	measured := result.Result{}
	for _, t := range r.Trials {
		if l := get(&t); l != nil && l.Count > 0 {
			measured.Trials = append(measured.Trials, t)
		}
	}
	return int64(math.Round(metric.MedianOf(&measured, func(t *result.Trial) float64 {
		l := get(t)
		if l.P50 != nil {
			return float64(*l.P50)
		}
		return float64(l.Mean)
	}).Median))
}

// differ reports whether two delays differ by more than the tolerance. A delay of 0 was not measured.
func differ(a, b int64) bool {
	if a <= 0 || b <= 0 {
		return false
	}
	return math.Abs(float64(b)/float64(a)-1) > delayTolerance
}

// WhyUnranked returns why a row must be neither ranked nor compared with other rows, or "".
func WhyUnranked(r *result.Result) string {
	if r.Summary.OfLimit > OverLimit {
		return "it is above the limit"
	}
	return cmp.Or(Saturated(r), failing(r), notReached(r))
}

// MostErrors is the largest share of the operations on a target that may end in an error before its speed says little: an answer that
// refuses costs less than one that serves.
const MostErrors = 0.001

// failing returns which share of the operations on a target failed, where that is more than [MostErrors], or "". A session that was not
// found is no error: the audit judges it.
func failing(r *result.Result) string {
	if r.Target == "" {
		return ""
	}
	var errors, done int64
	for _, t := range r.Trials {
		done += t.Ops
		for kind, n := range t.Errors {
			if kind != "not_found" {
				errors += n
			}
		}
	}
	share := float64(errors) / float64(max(1, errors+done))
	if share <= MostErrors {
		return ""
	}
	return fmt.Sprintf("%s of its operations failed", result.FormatPercent(share))
}

// notReached returns how the delays of a row differ from the requested ones, or "".
func notReached(r *result.Result) string {
	if holdUnknown(r) {
		return "hold not measured: no hold ended in a window"
	}
	for _, d := range delays {
		if *d.NotReached(&r.Summary) {
			return fmt.Sprintf("%s not reached: %s requested, %s measured",
				d.Name, time.Duration(d.Requested(r)), result.FormatNs(*d.Measured(&r.Summary)))
		}
	}
	return ""
}

// DelayNotReached reports whether some delay of a row is not as requested.
func DelayNotReached(r *result.Result) bool {
	return slices.ContainsFunc(delays, func(d Delay) bool { return *d.NotReached(&r.Summary) })
}

// holdUnknown reports whether sessions were held for an unknown time.
func holdUnknown(r *result.Result) bool {
	held := false
	for _, t := range r.Trials {
		if t.Locks.HoldTimes != nil {
			return false
		}
		held = held || t.Waiting != nil && t.Locks.HeldNsPerOp > 0
	}
	return held && r.HoldNs > 0 && r.Target == "" && r.HoldKind != "spin"
}

// noRatio returns why two rows of a document have no ratio, or "".
func noRatio(r, baseline *result.Result) string {
	switch {
	case WhyUnranked(r) != "":
		return WhyUnranked(r)
	case WhyUnranked(baseline) != "":
		return baseline.Strategy + ": " + WhyUnranked(baseline)
	}
	if differs := delaysDiffer(baseline, r); differs != "" {
		return differs + " for " + baseline.Strategy
	}
	return ""
}

// delaysDiffer returns how r's measured delays differ from those of other, or "".
func delaysDiffer(other, r *result.Result) string {
	if other == nil {
		return ""
	}
	for _, d := range delays {
		if a, b := *d.Measured(&r.Summary), *d.Measured(&other.Summary); differ(b, a) {
			return fmt.Sprintf("%s times differ: %s here, %s", d.Name, result.FormatNs(a), result.FormatNs(b))
		}
	}
	return ""
}

// SameDelays reports whether the measured delays of all rows agree.
func SameDelays(rows []*result.Result) bool {
	for i, a := range rows {
		for _, b := range rows[:i] {
			if delaysDiffer(b, a) != "" {
				return false
			}
		}
	}
	return true
}

// OverLimit is the fraction of the limit above which the measurement must be wrong: no store
// can be faster than possible. The 5 % allow for the error of the limit's terms, which are
// measured themselves.
const OverLimit = 1.05
