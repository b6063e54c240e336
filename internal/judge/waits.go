package judge

import (
	"fmt"
	"math"
	"time"

	"github.com/sessbench/sessbench/reports/result"
)

// waitTolerance is how far the median of measured holds or pauses may be from what was asked for, and from that of a row
// that is compared: two stores whose critical sections differ do different work.
const waitTolerance = 0.05

// summarizeWaits fills in the measured holds and pauses, and whether they are what was asked for.
func summarizeWaits(r *result.Result) {
	s := &r.Summary
	s.HoldNs = medianWait(r, func(t *result.Trial) *result.Latency { return t.HoldTimes })
	s.ThinkNs = medianWait(r, func(t *result.Trial) *result.Latency { return t.ThinkTimes })
	s.HoldNotReached = differ(r.HoldNs, s.HoldNs)
	s.ThinkNotReached = differ(r.ThinkNs, s.ThinkNs)
}

// medianWait is the median over the trials of each one's median wait, or of its mean where there were few. 0 where no
// trial has any.
func medianWait(r *result.Result, get func(*result.Trial) *result.Latency) int64 {
	measured := result.Result{}
	for _, t := range r.Trials {
		if l := get(&t); l != nil && l.Count > 0 {
			measured.Trials = append(measured.Trials, t)
		}
	}
	if len(measured.Trials) == 0 {
		return 0
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

// Doubt is why the figures of a row must be neither ranked nor compared with those of other rows, "" for none.
func Doubt(r *result.Result) string {
	if r.Summary.OfLimit > OverLimit {
		return "it is above the limit"
	}
	return notReached(r)
}

// notReached says that the holds or pauses of a row are not what was asked for, "" where they are.
func notReached(r *result.Result) string {
	switch s := &r.Summary; {
	case holdUnknown(r):
		return "hold not measured: no hold ended in a window"
	case s.HoldNotReached:
		return fmt.Sprintf("hold not reached: %s requested, %s measured", time.Duration(r.HoldNs), result.FormatNs(s.HoldNs))
	case s.ThinkNotReached:
		return fmt.Sprintf("think not reached: %s requested, %s measured", time.Duration(r.ThinkNs), result.FormatNs(s.ThinkNs))
	}
	return ""
}

// holdUnknown reports whether sessions were held, and for how long is not known.
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

// noRatio is why two rows of a document have no ratio, "" where they have one.
func noRatio(r, baseline *result.Result) string {
	switch {
	case Doubt(r) != "":
		return Doubt(r)
	case Doubt(baseline) != "":
		return baseline.Strategy + ": " + Doubt(baseline)
	}
	if differs := waitsDiffer(baseline, r); differs != "" {
		return differs + " for " + baseline.Strategy
	}
	return ""
}

// waitsDiffer says by how much r's measured holds or pauses differ from those of other, "" where they do not.
func waitsDiffer(other, r *result.Result) string {
	if other == nil {
		return ""
	}
	a, b := &r.Summary, &other.Summary
	switch {
	case differ(b.HoldNs, a.HoldNs):
		return fmt.Sprintf("hold times differ: %s here, %s", result.FormatNs(a.HoldNs), result.FormatNs(b.HoldNs))
	case differ(b.ThinkNs, a.ThinkNs):
		return fmt.Sprintf("think times differ: %s here, %s", result.FormatNs(a.ThinkNs), result.FormatNs(b.ThinkNs))
	}
	return ""
}

// SameWaits reports whether the measured holds and pauses of no two rows differ.
func SameWaits(rows []*result.Result) bool {
	for i, a := range rows {
		for _, b := range rows[:i] {
			if differ(a.Summary.HoldNs, b.Summary.HoldNs) || differ(a.Summary.ThinkNs, b.Summary.ThinkNs) {
				return false
			}
		}
	}
	return true
}

// OverLimit is the share of the limit above which the harness must be wrong: no store is faster than possible. The
// twentieth is what the terms of the limit, being measured themselves, may be off by.
const OverLimit = 1.05
