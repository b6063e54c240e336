package reports

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/reports/result"
)

// openVerdict is the sentences about the ranked results of an open loop: those that keep up with the load, by their p99.
func (s *section) openVerdict(ranked []*result.Result) []string {
	load := s.results[0].Load
	switch {
	case len(ranked) > 0:
	case s.some(func(r *result.Result) bool { return judge.Saturated(r) != "" }):
		return []string{"No strategy keeps up with " + load + "."}
	default:
		return []string{"No row can be ranked."}
	}
	all := fmt.Sprintf("%s %s up with %s.", sheet.And(labels(ranked)), keep(ranked), load)
	known := byResponse(ranked)
	switch {
	case len(known) < len(ranked) && s.doc.Traffic != nil:
		return []string{all + " There are too few operations for a p99 of each."}
	case len(known) < len(ranked):
		return []string{all + " There are too few operations for a p99 of each: want a longer --duration."}
	case len(known) == 1:
		return []string{all + " Its p99 is " + p99(known[0]) + "."}
	}
	best := known[0]
	if tied := indistinguishable(known, judge.Responses); len(tied) > 1 {
		return []string{all, fmt.Sprintf("The p99 of %s cannot be distinguished: %s to %s.", sheet.And(labels(tied)), p99(best), p99(tied[len(tied)-1]))}
	}
	return []string{all, fmt.Sprintf("%s has the lowest p99, %s; the next is %s with %s.", best.Strategy, p99(best), known[1].Strategy, p99(known[1]))}
}

// byResponse returns those of the results whose p99 of the response time is known, the lowest first.
func byResponse(ranked []*result.Result) []*result.Result {
	known := slices.DeleteFunc(slices.Clone(ranked), func(r *result.Result) bool { return judge.Responses(r) == nil })
	slices.SortStableFunc(known, func(a, b *result.Result) int {
		return cmp.Compare(*a.Summary.LatencyNs.P99, *b.Summary.LatencyNs.P99)
	})
	return known
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
