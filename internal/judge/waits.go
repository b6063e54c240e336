package judge

import (
	"fmt"
	"math"
	"time"

	"github.com/sessbench/sessbench/reports/result"
)

// waitTolerance is the largest relative difference between the median of measured hold or think
// times and the requested time, or that of a compared row: stores whose critical sections
// differ do different work.
const waitTolerance = 0.05

// summarizeWaits sets the measured hold and think times, and whether they are as requested.
func summarizeWaits(r *result.Result) {
	s := &r.Summary
	s.HoldNs = medianWait(r, func(t *result.Trial) *result.Latency { return t.HoldTimes })
	s.ThinkNs = medianWait(r, func(t *result.Trial) *result.Latency { return t.ThinkTimes })
	s.HoldNotReached = differ(r.HoldNs, s.HoldNs)
	s.ThinkNotReached = differ(r.ThinkNs, s.ThinkNs)
}

// medianWait is the median over the trials of each one's median wait, or of its mean if there
// are few. It is 0 if no trial has any.
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

// differ reports whether two waits differ by more than the tolerance. A wait of 0 was not
// measured.
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

// notReached returns how the hold or think times of a row differ from the requested ones, or
// "".
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

// waitsDiffer returns how r's measured hold or think times differ from those of other, or "".
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

// SameWaits reports whether the measured hold and think times of all rows agree.
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
