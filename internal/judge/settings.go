package judge

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sessbench/sessbench/reports/result"
)

// property is of the machine, or a setting of a run. Its value is formatted for people, and equal if and only if the
// property is.
type property struct {
	of    scope
	name  string
	value string
}

// scope is where a setting is the same, and which comparisons need it to be equal.
type scope int

const (
	ofMachine  scope = iota
	ofRun            // all scenarios of a run
	ofDrawing        // all scenarios of a run; compared only where tapes differ
	ofParts          // all scenarios of a run; compared only between parts of one run
	ofLoad           // all results of a scenario; runs that were started separately add it up
	ofScenario       // all results of a scenario
	ofResult         // one result
	ofPartRow        // one result; compared only between parts of one run
	ofSweep          // all points of a sweep; compared only with the one that goes on with it
)

// settings returns the settings of a document and, unless r is nil, of one of its results. The load before the start is not
// among them, because it always differs, nor is the number of trials, except for parts of one run: the statistical tests do not need equal numbers.
func settings(d *result.Document, r *result.Result) []property {
	m, c := &d.Machine, &d.Config
	traffic := ""
	if d.Traffic != nil {
		traffic = d.Traffic.Hash
	}
	list := []property{
		{ofMachine, "CPU", m.CPU},
		{ofMachine, "cores", strconv.Itoa(m.Cores)},
		{ofMachine, "GOMAXPROCS", strconv.Itoa(m.GOMAXPROCS)},
		{ofMachine, "cgroup quota", unlessZero(m.CgroupCPUs, func(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) })},
		{ofMachine, "OS", m.OS},
		{ofMachine, "kernel", m.Kernel},
		{ofMachine, "Go", m.Go},
		{ofParts, "version", strings.TrimSpace(d.Tool.Version + " " + d.Tool.Commit)},
		{ofParts, "strategies", strings.Join(c.Strategies, ",")},
		{ofParts, "targets", strings.Join(c.Targets, ", ")},
		{ofParts, "scenarios", strings.Join(c.Scenarios, ",")},
		{ofParts, "runs", strconv.Itoa(c.Runs)},
		{ofParts, "params", result.FormatPairs(c.Params)},
		{ofRun, "recorded traffic", traffic},
		{ofRun, "participants", unlessZero(len(d.Participants), strconv.Itoa)},
	}
	if s := d.Sweep; s != nil {
		var points []string
		for _, p := range s.Points {
			points = append(points, p.Text)
		}
		list = append(list, property{ofRun, "sweep over", s.Over}, property{ofSweep, "points", strings.Join(points, ",")})
	}
	list = append(list, inOrder(ofRun, c.Settings)...)
	list = append(list, inOrder(ofDrawing, c.Overrides)...)
	if r == nil {
		return list
	}
	list = append(list, property{ofLoad, "users", strconv.Itoa(r.Users)}, property{ofLoad, "ramp", r.Ramp},
		property{ofLoad, "sessions", strconv.Itoa(r.Sessions)})
	for _, delay := range delays {
		list = append(list, property{ofScenario, delay.Name, formatDuration(delay.Requested(r))})
		if delay.kind != nil {
			list = append(list, property{ofScenario, delay.Name + " kind", delay.kindOf(r)})
		}
	}
	return append(list,
		property{ofScenario, "window", unlessZero(r.WindowNs, formatDuration)},
		property{ofScenario, "iterations", unlessZero(r.Iterations, strconv.Itoa)},
		property{ofScenario, "tape", r.TapeHash},
		property{ofResult, "params", identify(r).params},
		property{ofResult, "target", r.Target},
		property{ofPartRow, "baseline", strconv.FormatBool(r.Baseline)})
}

// inOrder returns settings of a scope in the order of their names.
func inOrder(of scope, settings map[string]string) (list []property) {
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		list = append(list, property{of, name, settings[name]})
	}
	return list
}

// only returns the settings of some scopes, in their order.
func only(list []property, scopes ...scope) (some []property) {
	for _, of := range scopes {
		for _, s := range list {
			if s.of == of {
				some = append(some, s)
			}
		}
	}
	return some
}

func formatDuration(ns int64) string { return time.Duration(ns).String() }

// unlessZero writes a value of which 0 means that there is none.
func unlessZero[T int | int64 | float64](x T, write func(T) string) string {
	if x == 0 {
		return ""
	}
	return write(x)
}

// Difference is a setting or machine property that must be equal for speeds to be comparable, and is not.
type Difference struct {
	Document string `json:"document"` // label of the document that differs from the first
	Setting  string `json:"setting"`
	Scenario string `json:"scenario,omitempty"` // empty: all
	Strategy string `json:"strategy,omitempty"` // the same
	First    string `json:"first"`              // value in the first document
	Value    string `json:"value"`              // value in this document

	of scope
}

// differenceList is a list of differences, each of which is in it once.
type differenceList []Difference

// add adds the differences between the settings of the first document and those of another document, scenario or strategy. A
// setting that one of the two lacks is not set there.
func (l *differenceList) add(at Difference, first, other []property, scopes ...scope) {
	first, other = only(first, scopes...), only(other, scopes...)
	value := func(list []property, of property) string {
		if i := slices.IndexFunc(list, func(s property) bool { return s.name == of.name }); i >= 0 {
			return list[i].value
		}
		return ""
	}
	for _, s := range slices.Concat(first, other) {
		at.of, at.Setting, at.First, at.Value = s.of, s.name, value(first, s), value(other, s)
		if at.First != at.Value && !slices.Contains(*l, at) {
			*l = append(*l, at)
		}
	}
}

// differences lists the differences between the first document and each other one.
func differences(sources []Source, rows []alignedRow) []Difference {
	list := differenceList{}
	first := sources[0].Document
	for i := 1; i < len(sources); i++ {
		at, other := Difference{Document: sources[i].Label}, sources[i].Document
		list.add(at, settings(first, nil), settings(other, nil), ofMachine, ofRun)
		tapes := true
		for _, row := range rows {
			a, b := row.results[0], row.results[i]
			if a == nil || b == nil {
				continue
			}
			tapes = tapes && a.TapeHash == b.TapeHash && a.TapeHash != ""
			mine, others := settings(first, a), settings(other, b)
			at := Difference{Document: sources[i].Label, Scenario: row.scenario}
			list.add(at, mine, others, ofLoad, ofScenario)
			at.Strategy = row.label
			list.add(at, mine, others, ofResult)
		}
		if !tapes { // "as the scenario has it" and the same written out draw the same tape
			list.add(at, settings(first, nil), settings(other, nil), ofDrawing)
		}
	}
	return list
}

// partDifferences lists what must be equal in all parts of a run and is not.
func partDifferences(parts []Source, rows [][]*result.Result) []Difference {
	var list differenceList
	first := parts[0].Document
	shared := []scope{ofLoad, ofScenario}
	if first.Part == nil { // runs that were started separately may differ in their load
		shared = shared[1:]
	}
	for i := 1; i < len(parts); i++ {
		at, other := Difference{Document: parts[i].Label}, parts[i].Document
		list.add(at, settings(first, nil), settings(other, nil), ofParts, ofRun, ofDrawing)
		for _, row := range rows {
			mine, others := settings(first, row[0]), settings(other, row[i])
			at.Scenario, at.Strategy = row[0].Scenario, ""
			list.add(at, mine, others, shared...)
			at.Strategy = row[0].Strategy
			list.add(at, mine, others, ofResult, ofPartRow)
		}
	}
	return list
}

// describe states the difference. first is the label of the first document.
func (d Difference) describe(first string) string {
	what := d.Setting
	switch {
	case d.Strategy != "":
		what += " of " + d.Strategy + " (" + d.Scenario + ")"
	case d.Scenario != "":
		what += " (" + d.Scenario + ")"
	}
	return fmt.Sprintf("%s: %s in %s, %s in %s", what, cmp.Or(d.First, "not set"), first, cmp.Or(d.Value, "not set"), d.Document)
}

// DescribeDifferences states the differences from the first document, one sentence each.
func (c *Comparison) DescribeDifferences() []string {
	return DescribeDifferences(c.Differences, c.Documents[0].Label)
}

// DescribeDifferences states differences from the first document, one sentence each.
func DescribeDifferences(list []Difference, first string) (lines []string) {
	for _, d := range list {
		lines = append(lines, d.describe(first))
	}
	return lines
}
