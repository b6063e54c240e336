package reports

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/reports/result"
)

// openVerdict is the sentence about the ranked results of an open loop: those that keep up with the load, by their p99.
func (s *section) openVerdict(ranked []*result.Result) string {
	load := s.results[0].Load
	switch {
	case len(ranked) > 0:
	case s.some(func(r *result.Result) bool { return judge.Saturated(r) != "" }):
		return "No strategy keeps up with " + load + "."
	default:
		return "No row can be ranked."
	}
	all := fmt.Sprintf("%s %s up with %s.", sheet.And(labels(ranked)), keep(ranked), load)
	known := slices.DeleteFunc(slices.Clone(ranked), func(r *result.Result) bool { return judge.Responses(r) == nil })
	switch {
	case len(known) < len(ranked) && s.doc.Traffic != nil:
		return all + " There are too few operations for a p99 of each."
	case len(known) < len(ranked):
		return all + " There are too few operations for a p99 of each: want a longer --duration."
	case len(known) == 1:
		return all + " Its p99 is " + p99(known[0]) + "."
	}
	slices.SortStableFunc(known, func(a, b *result.Result) int {
		return cmp.Compare(*a.Summary.LatencyNs.P99, *b.Summary.LatencyNs.P99)
	})
	best := known[0]
	if tied := indistinguishable(known, judge.Responses); len(tied) > 1 {
		return fmt.Sprintf("%s The p99 of %s cannot be distinguished: %s to %s.", all, sheet.And(labels(tied)), p99(best), p99(tied[len(tied)-1]))
	}
	return fmt.Sprintf("%s %s has the lowest p99, %s; the next is %s with %s.", all, best.Strategy, p99(best), known[1].Strategy, p99(known[1]))
}

func labels(results []*result.Result) (names []string) {
	for _, r := range results {
		names = append(names, r.Strategy)
	}
	return names
}

func keep(results []*result.Result) string {
	if len(results) == 1 {
		return "keeps"
	}
	return "keep"
}

func p99(r *result.Result) string { return result.FormatNs(*r.Summary.LatencyNs.P99) }
