package judge

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/sessbench/sessbench/reports/result"
)

// waitTolerance is the largest relative difference between the median of measured waits and the requested time, or that of a
// compared row: stores whose critical sections differ do different work.
const waitTolerance = 0.05

// Wait is a time that users spend on purpose.
type Wait struct {
	Name       string
	Doc        string                                // one line
	Times      func(t *result.Trial) *result.Latency // measured; nil: not measured
	Requested  func(r *result.Result) int64          // in nanoseconds
	Measured   func(s *result.Summary) *int64        // the median over the trials; 0: not measured
	NotReached func(s *result.Summary) *bool         // the requested time

	// Mean returns the mean in a trial, and how many waits it is the mean of.
	Mean func(t *result.Trial) (field *int64, weight float64)

	kind func(r *result.Result) string // nil: there is one kind
}

var waits = []Wait{
	{
		Name: "hold", Doc: "measured time under the lock",
		Times:      func(t *result.Trial) *result.Latency { return t.HoldTimes },
		Requested:  func(r *result.Result) int64 { return r.HoldNs },
		Measured:   func(s *result.Summary) *int64 { return &s.HoldNs },
		NotReached: func(s *result.Summary) *bool { return &s.HoldNotReached },
		Mean:       func(t *result.Trial) (*int64, float64) { return &t.HoldNs, t.UpdateFraction * float64(t.Ops) },
		kind:       func(r *result.Result) string { return r.HoldKind },
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

// Waits returns the times that users spend on purpose.
func Waits() []Wait { return slices.Clone(waits) }

// WaitNames joins the names of the waits: hold or think.
func WaitNames() string {
	var names []string
	for _, w := range waits {
		names = append(names, w.Name)
	}
	return strings.Join(names, " or ")
}

// kindOf is the kind of the waits of a result. A wait of 0 has no kind.
func (w *Wait) kindOf(r *result.Result) string {
	if w.kind == nil || w.Requested(r) == 0 {
		return ""
	}
	return w.kind(r)
}

// describe writes what was requested: hold 1ms (sleep).
func (w *Wait) describe(r *result.Result) string {
	text := w.Name + " " + formatDuration(w.Requested(r))
	if kind := w.kindOf(r); kind != "" {
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

// summarizeWaits sets the measured waits, and whether they are as requested.
func summarizeWaits(r *result.Result) {
	for _, w := range waits {
		measured := w.Measured(&r.Summary)
		*measured = medianWait(r, w.Times)
		*w.NotReached(&r.Summary) = differ(w.Requested(r), *measured)
	}
}

// medianWait is the median over the trials of each one's median wait, or of its mean if there are few. It is 0 if no trial has
// any.
func medianWait(r *result.Result, get func(*result.Trial) *result.Latency) int64 {
	measured := result.Result{}
	for _, t := range r.Trials {
		if l := get(&t); l != nil && l.Count > 0 {
			measured.Trials = append(measured.Trials, t)
		}
	}
	return int64(math.Round(MedianOf(&measured, func(t *result.Trial) float64 {
		l := get(t)
		if l.P50 != nil {
			return float64(*l.P50)
		}
		return float64(l.Mean)
	})))
}

// differ reports whether two waits differ by more than the tolerance. A wait of 0 was not measured.
func differ(a, b int64) bool {
	if a <= 0 || b <= 0 {
		return false
	}
	return math.Abs(float64(b)/float64(a)-1) > waitTolerance
}

// WhyUnranked returns why a row must be neither ranked nor compared with other rows, or "".
func WhyUnranked(r *result.Result) string {
	if r.Summary.OfLimit > OverLimit {
		return "it is above the limit"
	}
	return notReached(r)
}

// notReached returns how the waits of a row differ from the requested ones, or "".
func notReached(r *result.Result) string {
	if holdUnknown(r) {
		return "hold not measured: no hold ended in a window"
	}
	for _, w := range waits {
		if *w.NotReached(&r.Summary) {
			return fmt.Sprintf("%s not reached: %s requested, %s measured",
				w.Name, time.Duration(w.Requested(r)), result.FormatNs(*w.Measured(&r.Summary)))
		}
	}
	return ""
}

// WaitNotReached reports whether some wait of a row is not as requested.
func WaitNotReached(r *result.Result) bool {
	return slices.ContainsFunc(waits, func(w Wait) bool { return *w.NotReached(&r.Summary) })
}

// holdUnknown reports whether sessions were held for an unknown time.
func holdUnknown(r *result.Result) bool {
	held := false
	for _, t := range r.Trials {
		if t.HoldTimes != nil {
			return false
		}
		held = held || t.Waiting != nil && t.HeldNsPerOp > 0
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
	if differs := waitsDiffer(baseline, r); differs != "" {
		return differs + " for " + baseline.Strategy
	}
	return ""
}

// waitsDiffer returns how r's measured waits differ from those of other, or "".
func waitsDiffer(other, r *result.Result) string {
	if other == nil {
		return ""
	}
	for _, w := range waits {
		if a, b := *w.Measured(&r.Summary), *w.Measured(&other.Summary); differ(b, a) {
			return fmt.Sprintf("%s times differ: %s here, %s", w.Name, result.FormatNs(a), result.FormatNs(b))
		}
	}
	return ""
}

// SameWaits reports whether the measured waits of all rows agree.
func SameWaits(rows []*result.Result) bool {
	for i, a := range rows {
		for _, b := range rows[:i] {
			if waitsDiffer(b, a) != "" {
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
