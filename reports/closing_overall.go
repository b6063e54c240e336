package reports

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/internal/stats"
	"github.com/sessbench/sessbench/reports/result"
)

// conclusion is the conclusion of a page that begins with it: a sentence, and further ones. Those about failed audits are in
// excluded.
func conclusion(all []*section) (headline string, more []string) {
	switch len(all) {
	case 0:
		return noTrial, nil
	case 1:
		s := all[0]
		verdicts := s.verdicts()
		best := len(verdicts) - 1
		more = slices.DeleteFunc(s.exceptions(), func(line string) bool { return strings.HasPrefix(line, excludedBy) })
		return verdicts[best], append(verdicts[:best:best], more...)
	}
	return overall(all), nil
}

// excludedBy begins the sentence about rows whose audit failed.
const excludedBy = "Excluded for a failed audit: "

// excluded names the strategies whose audit failed, with the scenarios where there are several; "" if there are none.
func excluded(all []*section) string {
	var names []string
	where := map[string][]string{} // the scenarios in which it failed
	for _, s := range all {
		for _, name := range s.named((*result.Result).Failed) {
			if where[name] == nil {
				names = append(names, name)
			}
			where[name] = append(where[name], s.scenario)
		}
	}
	if names == nil {
		return ""
	}
	if len(all) > 1 {
		for i, name := range names {
			names[i] += " (" + strings.Join(where[name], ", ") + ")"
		}
	}
	return excludedBy + sheet.And(names) + "."
}

// overall says in how many of the scenarios a strategy is the best: the one that is in most of them.
func overall(all []*section) string {
	q := quantityOf(all)
	first, alone := map[string]int{}, map[string]int{} // in how many scenarios
	var names []string
	chance := false
	for _, s := range all {
		ranked := q.ranking(s)
		if len(ranked) == 0 {
			continue
		}
		chance = chance || q.chance(ranked)
		tied := q.tied(ranked)
		for _, r := range tied {
			if first[r.Strategy]++; !slices.Contains(names, r.Strategy) {
				names = append(names, r.Strategy)
			}
			if len(tied) == 1 {
				alone[r.Strategy]++
			}
		}
	}
	most := 0
	for _, n := range first {
		most = max(most, n)
	}
	best := slices.DeleteFunc(names, func(name string) bool { return first[name] < most })
	where := fmt.Sprintf("in %d of %d scenarios", most, len(all))
	if most == len(all) {
		where = fmt.Sprintf("in all %d scenarios", most)
	}
	var text string
	switch {
	case len(best) == 0:
		return "No row can be ranked in any of the scenarios."
	case len(best) > mostNames:
		text = fmt.Sprintf("%d strategies are first, alone or tied, each %s", len(best), where)
	case len(best) > 1:
		text = fmt.Sprintf("%s are first, alone or tied, each %s", sheet.And(best), where)
	case chance:
		text = fmt.Sprintf("%s %s %s", best[0], q.most, where)
	case alone[best[0]] == most:
		text = fmt.Sprintf("%s %s %s", best[0], q.first, where)
	default:
		text = fmt.Sprintf("%s is first, alone or tied, %s", best[0], where)
	}
	if len(best) == 1 {
		text += leads(all, best[0], q)
	}
	if chance {
		text += fmt.Sprintf(", but with fewer than %d common trials this may be chance", stats.MinSamples)
	}
	return text + "."
}

// leads states the ratios of a strategy to the baseline over all scenarios, or is "".
func leads(all []*section, strategy string, q *quantity) string {
	if q != &ratios {
		return ""
	}
	var least, most float64
	for _, s := range all {
		for _, r := range s.results {
			vs := s.vsBaseline(r)
			if r.Strategy != strategy || vs == nil {
				continue
			}
			if most == 0 {
				least = vs.Ratio
			}
			least, most = min(least, vs.Ratio), max(most, vs.Ratio)
		}
	}
	if most == 0 {
		return ""
	}
	return ", at " + result.FormatRatioRange(least, most) + " " + all[0].before() + " over all"
}
