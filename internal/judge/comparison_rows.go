package judge

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/reports/result"
)

// alignedRow is one strategy under one scenario in every document.
type alignedRow struct {
	scenario string
	label    string // unique within the scenario
	params   map[string]string
	probe    bool             // not audited in some document
	results  []*result.Result // one per document; nil if there is no such result with a speed
}

// identity identifies the same measurement in two documents. Labels do not: a run names sharded
// with 16 shards sharded if it is alone, and sharded:shards=16 beside another.
type identity struct{ scenario, name, params, target string }

func identify(r *result.Result) identity {
	id := identity{scenario: r.Scenario, name: r.Strategy, params: result.FormatPairs(r.Params), target: r.Target}
	if name, settings, ok := strings.Cut(r.Strategy, ":"); ok && r.Target == "" {
		id.name = name
		if len(r.Params) == 0 {
			id.params = strings.ReplaceAll(settings, ",", ";")
		}
	}
	return id
}

// kind returns the identity without its settings.
func (id identity) kind() identity { return identity{scenario: id.scenario, name: id.name} }

// align finds the results that the documents have in common with the first. A row has a result
// in the first document and in at least one other. Rows are grouped by scenario.
func align(sources []Source) (rows []alignedRow, out []Exclusion, err error) {
	out = []Exclusion{}
	columns := make([][]*result.Result, len(sources)) // results without a counterpart so far
	for i, s := range sources {
		if columns[i], err = distinct(s); err != nil {
			return nil, nil, err
		}
	}
	first := slices.Concat(ByScenario(columns[0])...)
	found := make([][]*result.Result, len(sources)) // by document, for each of the first's results
	found[0] = first
	for i := 1; i < len(sources); i++ {
		var rest []*result.Result
		found[i], rest = partners(first, columns[i])
		for _, r := range rest {
			out = append(out, Exclusion{sources[i].Label, r.Scenario, r.Strategy, "not in " + sources[0].Label, absent})
		}
	}
	several := severalSettings(columns)
	shared := make([]int, len(sources)) // rows that each document has in common with the first
	for j, r := range first {
		row := alignedRow{scenario: r.Scenario, label: r.Strategy, params: r.Params}
		if id := identify(r); r.Target == "" {
			row.label = labelOf(id, several[id.kind()])
		}
		for i := range sources {
			row.results = append(row.results, found[i][j])
		}
		out = append(out, row.excludeUnmeasured(sources)...)
		common := false
		for i, x := range row.results {
			if i > 0 && x != nil && row.results[0] != nil {
				common = true
				shared[i]++
			}
		}
		if common {
			rows = append(rows, row)
		}
	}
	for i := 1; i < len(sources); i++ {
		if shared[i] == 0 {
			return nil, nil, fmt.Errorf("%s and %s have nothing in common: %s", sources[0].File, sources[i].File, whyNothingInCommon(sources[0], sources[i], out))
		}
	}
	return rows, out, nil
}

// excludeUnmeasured removes results without a speed from the row and returns them with the reason, also if
// there is no result at all.
func (row *alignedRow) excludeUnmeasured(sources []Source) (out []Exclusion) {
	exclude := func(i int, reason string, why cause) {
		out = append(out, Exclusion{sources[i].Label, row.scenario, row.label, reason, why})
	}
	for i, x := range row.results {
		if x == nil {
			exclude(0, "not in "+sources[i].Label, absent)
			continue
		}
		reason, why := NoSpeed(x), otherCause
		switch {
		case x.Failed():
			why = auditFailed
		case len(x.Trials) == 0:
			why = noTrials
		case reason != "":
		case notReached(x) != "":
			reason = notReached(x)
		case delaysDiffer(row.results[0], x) != "":
			reason = delaysDiffer(row.results[0], x) + " in " + sources[0].Label
		default:
			row.probe = row.probe || !x.Audited()
			continue
		}
		exclude(i, reason, why)
		row.results[i] = nil
	}
	return out
}

// ResultsOf returns the results of a document.
func ResultsOf(d *result.Document) (list []*result.Result) {
	for i := range d.Results {
		list = append(list, &d.Results[i])
	}
	return list
}

// distinct returns the results of a document. Two results with the same identity are an error.
func distinct(s Source) (list []*result.Result, err error) {
	seen := map[identity]bool{}
	list = ResultsOf(s.Document)
	for _, r := range list {
		id := identify(r)
		if seen[id] {
			return nil, fmt.Errorf("%s: %s (%s) occurs twice with the same settings", s.File, r.Strategy, r.Scenario)
		}
		seen[id] = true
	}
	if list == nil {
		return nil, fmt.Errorf("%s: no results", s.File)
	}
	return list, nil
}

// ByScenario groups results by scenario, in the order of each scenario's first result.
func ByScenario(list []*result.Result) (groups [][]*result.Result) {
	return GroupBy(list, func(r *result.Result) string { return r.Scenario })
}

// perScenario groups rows by scenario.
func perScenario(rows []alignedRow) [][]alignedRow {
	return GroupBy(rows, func(r alignedRow) string { return r.scenario })
}

// GroupBy groups a list by a property, in the order of each group's first element.
func GroupBy[T any](list []T, by func(T) string) (groups [][]T) {
	for _, x := range list {
		at := slices.IndexFunc(groups, func(g []T) bool { return by(g[0]) == by(x) })
		if at < 0 {
			at = len(groups)
			groups = append(groups, nil)
		}
		groups[at] = append(groups[at], x)
	}
	return groups
}

// partners returns the counterpart of each of the first document's results among others (nil
// for none), and the rest of others. If exactly one result of a strategy is left on both sides,
// they are compared although their settings differ: that is a difference to report, not two
// strategies.
func partners(first, others []*result.Result) (found, rest []*result.Result) {
	found = make([]*result.Result, len(first))
	rest = slices.Clone(others)
	take := func(match func(*result.Result) bool) *result.Result {
		at := slices.IndexFunc(rest, match)
		if at < 0 {
			return nil
		}
		r := rest[at]
		rest = slices.Delete(rest, at, at+1)
		return r
	}
	open, offered := map[identity]int{}, map[identity]int{}
	for j, r := range first {
		if found[j] = take(func(x *result.Result) bool { return identify(x) == identify(r) }); found[j] == nil {
			open[identify(r).kind()]++
		}
	}
	for _, x := range rest {
		offered[identify(x).kind()]++
	}
	for j, r := range first {
		if kind := identify(r).kind(); found[j] == nil && open[kind] == 1 && offered[kind] == 1 {
			found[j] = take(func(x *result.Result) bool { return identify(x).kind() == kind })
		}
	}
	return found, rest
}

// severalSettings returns the strategies that occur with several settings in one document.
func severalSettings(columns [][]*result.Result) map[identity]bool {
	several := map[identity]bool{}
	for _, column := range columns {
		count := map[identity]int{}
		for _, r := range column {
			kind := identify(r).kind()
			count[kind]++
			several[kind] = several[kind] || count[kind] > 1
		}
	}
	return several
}

func labelOf(id identity, withSettings bool) string {
	if !withSettings || id.params == "" {
		return id.name
	}
	return id.name + ":" + strings.ReplaceAll(id.params, ";", ",")
}

// NoSpeed returns why a result has no speed, or "" if it has one.
func NoSpeed(r *result.Result) string {
	switch {
	case r == nil:
		return ""
	case r.Failed():
		reason := "failed its audit"
		if kinds := ViolationKinds(r); len(kinds) > 0 {
			reason += " (" + strings.Join(kinds, ", ") + ")"
		}
		return reason
	case len(r.Trials) == 0:
		return "no trial was completed"
	case AuditUndecided(r) != "":
		return AuditUndecided(r)
	}
	return ""
}

// whyNothingInCommon explains why two documents have nothing in common: the results of each, or why
// common results are excluded.
func whyNothingInCommon(first, other Source, out []Exclusion) string {
	var struck []string
	for _, l := range out {
		if (l.Document == first.Label || l.Document == other.Label) && l.cause != absent {
			struck = append(struck, fmt.Sprintf("%s (%s) in %s: %s", l.Strategy, l.Scenario, l.Document, l.Reason))
		}
	}
	if len(struck) > 0 {
		return strings.Join(struck, "; ")
	}
	return listResults(first) + ", " + listResults(other)
}

func listResults(s Source) string {
	strategies := map[string][]string{}
	for _, r := range s.Document.Results {
		strategies[r.Scenario] = append(strategies[r.Scenario], r.Strategy)
	}
	var parts []string
	for _, scenario := range slices.Sorted(maps.Keys(strategies)) {
		parts = append(parts, scenario+" with "+strings.Join(strategies[scenario], " and "))
	}
	return s.Label + " has " + strings.Join(parts, ", ")
}
