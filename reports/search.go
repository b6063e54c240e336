package reports

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/search"
	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/reports/result"
)

// searched reports whether the section's rates were searched for.
func (s *section) searched() bool {
	return s.some(func(r *result.Result) bool { return r.Search != nil })
}

// searchColumns returns the columns of a section whose rates were searched for.
func (s *section) searchColumns() (list []column) {
	add := func(title, legend string, text func(r *result.Result) string) {
		list = append(list, column{sheet.Column{Title: title}, speedOnly(func(r *result.Result) sheet.Cell {
			if r.Search == nil {
				return sheet.Cell{Text: result.Nothing}
			}
			return sheet.Cell{Text: cmp.Or(text(r), result.Nothing)}
		}), legend})
	}
	list = append(list, column{sheet.Column{Title: "strategy", Left: true}, strategyCell, ""})
	add("passes at", "the highest rate, in operations per second, at which at least two trials met the goal, and more than did not",
		func(r *result.Result) string { return rate(r.Search.Lower) })
	add("fails at", "the lowest rate at which they did not",
		func(r *result.Result) string { return rate(r.Search.Upper) })
	add("±", "half of the distance between both", func(r *result.Result) string {
		if r.Search.Lower == 0 || r.Search.Upper == 0 {
			return ""
		}
		return result.FormatShare((r.Search.Upper/r.Search.Lower - 1) / 2)
	})
	if s.some(func(r *result.Result) bool { return r.Search != nil && r.Search.Ideal > 0 }) {
		add("ideal", "the highest rate at which a perfect store with one lock per session meets the goal, with the measured holds, in virtual time",
			func(r *result.Result) string { return rate(r.Search.Ideal) })
	}
	add("p99", "p99 of the response time at the highest rate that passes: median of the trials", func(r *result.Result) string {
		if r.Search.Lower == 0 || r.Summary.LatencyNs.P99 == nil {
			return ""
		}
		return p99(r)
	})
	add("probes", "rates that were tried, and tried again in longer trials", func(r *result.Result) string {
		return result.FormatCount(int64(len(r.Search.Probes)))
	})
	add("time", "duration of all trials", func(r *result.Result) string {
		return time.Duration(r.Search.ElapsedNs).Round(time.Second).String()
	})
	return append(list, column{sheet.Column{Title: "audit", Left: true}, auditCell, auditLegend})
}

// rate formats a rate in full, as it may be given to --rate; empty for none.
func rate(x float64) string {
	if x == 0 {
		return ""
	}
	return result.FormatCount(int64(math.Round(x)))
}

// wide says why the interval of a search is wider than it was meant to be, or is "".
func wide(r *result.Result) string {
	s := r.Search
	if s == nil || r.Failed() {
		return ""
	}
	because := func(why string) string {
		if s.Lower == 0 || s.Upper == 0 {
			return why + " before there were both a rate that passes and one that fails"
		}
		return fmt.Sprintf("%s: the interval is ±%s instead of ±%s", why,
			result.FormatShare((s.Upper/s.Lower-1)/2), result.FormatShare((s.Precision-1)/2))
	}
	switch search.End(s.End) {
	case search.Budget:
		return because("the budget was spent")
	case search.Interrupted:
		return because("the search was interrupted")
	case search.Disagreeing:
		return because("trials at the rates between disagree")
	case search.Lowest:
		return "it does not pass at the lowest rate that could be tried: " + lastReason(s)
	case search.Highest:
		return "it passes at the highest rate that was tried"
	}
	return ""
}

// lastReason is why the last trial that did not pass did not.
func lastReason(s *result.Search) string {
	for _, p := range slices.Backward(s.Probes) {
		for _, t := range slices.Backward(p.Trials) {
			if t.Why != "" {
				return t.Why
			}
		}
	}
	return "no trial"
}

// searchVerdict is the sentence about the rates that were found: which strategy has the highest one.
func (s *section) searchVerdict() string {
	found, goal := s.found(), s.goal()
	does := "sustains"
	if goal != judge.Sustained {
		does = "meets " + goal + " up to"
	}
	if len(found) == 0 {
		return "No rate that was tried is known to pass (" + goal + ")."
	}
	best := found[0]
	if len(found) == 1 {
		return fmt.Sprintf("%s %s %s.", best.Strategy, does, searchRange(best.Search))
	}
	tied := overlapping(found)
	if len(tied) > 1 {
		return fmt.Sprintf("The intervals of %s overlap: they cannot be distinguished; %s %s %s.",
			sheet.And(labels(tied)), best.Strategy, does, searchRange(best.Search))
	}
	at := "sustains the highest rate"
	if goal != judge.Sustained {
		at = "meets " + goal + " up to the highest rate"
	}
	return fmt.Sprintf("%s %s, %s; the next is %s with %s.", best.Strategy, at, searchRange(best.Search), found[1].Strategy, searchRange(found[1].Search))
}

// goal is what was searched for.
func (s *section) goal() (goal string) {
	for _, r := range s.results {
		if r.Search != nil {
			goal = r.Search.Goal
		}
	}
	return goal
}

// found returns the results whose rates may be ranked, the highest first.
func (s *section) found() (found []*result.Result) {
	for _, r := range s.results {
		if r.Search != nil && r.Search.Lower > 0 && !r.Failed() && r.Audited() && r.Note == "" {
			found = append(found, r)
		}
	}
	slices.SortStableFunc(found, func(a, b *result.Result) int { return cmp.Compare(b.Search.Lower, a.Search.Lower) })
	return found
}

// overlapping returns those of found whose intervals overlap that of the first, and the first.
func overlapping(found []*result.Result) (tied []*result.Result) {
	for i, r := range found {
		if i == 0 || r.Search.Upper == 0 || r.Search.Upper > found[0].Search.Lower {
			tied = append(tied, r)
		}
	}
	return tied
}

// searchRange is where the highest rate lies.
func searchRange(s *result.Search) string {
	if s.Upper == 0 {
		return "at least " + rate(s.Lower) + " ops/s"
	}
	return rate(s.Lower) + " to " + rate(s.Upper) + " ops/s"
}
