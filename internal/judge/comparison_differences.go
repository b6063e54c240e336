package judge

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/sessbench/sessbench/reports/result"
)

// Difference is a setting or machine property that must be equal for speeds to be comparable,
// and is not.
type Difference struct {
	Document string `json:"document"` // label of the document that differs from the first
	What     string `json:"what"`
	Scenario string `json:"scenario,omitempty"` // empty: all
	Strategy string `json:"strategy,omitempty"` // the same
	First    string `json:"first"`              // value in the first document
	Here     string `json:"here"`               // value in this document
}

// condition is one thing that must be equal. Values are formatted for people, and equal if and
// only if the conditions are.
type condition struct{ what, value string }

// differenceList is a list of differences, each of which is in it once.
type differenceList []Difference

// add adds the differences between conditions of the first document and the same ones of another document, scenario or
// strategy.
func (l *differenceList) add(of Difference, first, here []condition) {
	for k, want := range first {
		of.What, of.First, of.Here = want.what, want.value, here[k].value
		if of.First != of.Here && !slices.Contains(*l, of) {
			*l = append(*l, of)
		}
	}
}

// differences lists the differences between the first document and each other one.
func differences(sources []Source, rows []alignedRow) []Difference {
	list := differenceList{}
	first := sources[0].Document
	for i := 1; i < len(sources); i++ {
		of, other := Difference{Document: sources[i].Label}, sources[i].Document
		list.add(of, conditionsOf(first), conditionsOf(other))
		tapes := true
		for _, row := range rows {
			a, b := row.results[0], row.results[i]
			if a == nil || b == nil {
				continue
			}
			tapes = tapes && a.TapeHash == b.TapeHash && a.TapeHash != ""
			of := Difference{Document: sources[i].Label, Scenario: row.scenario}
			list.add(of, scenarioConditions(a), scenarioConditions(b))
			of.Strategy = row.label
			list.add(of, ownConditions(a), ownConditions(b))
		}
		if !tapes { // "as the scenario has it" and the same written out draw the same tape
			list.add(of, drawConditions(first), drawConditions(other))
		}
	}
	return list
}

// conditionsOf returns the conditions of a whole document: the machine, and the settings for
// all scenarios. The load before the start is not one, because it always differs, nor is the
// number of trials, which the tests allow for.
func conditionsOf(d *result.Document) []condition {
	return append(machineConditions(d), settingConditions(d)...)
}

// machineConditions returns the properties of the machine.
func machineConditions(d *result.Document) []condition {
	m := &d.Machine
	return []condition{
		{"CPU", m.CPU},
		{"cores", strconv.Itoa(m.Cores)},
		{"GOMAXPROCS", strconv.Itoa(m.GOMAXPROCS)},
		{"cgroup quota", unlessZero(m.CgroupCPUs, func(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) })},
		{"OS", m.OS},
		{"kernel", m.Kernel},
		{"Go", m.Go},
	}
}

// settingConditions returns the settings for all scenarios.
func settingConditions(d *result.Document) []condition {
	c := &d.Config
	traffic := ""
	if d.Traffic != nil {
		traffic = d.Traffic.Hash
	}
	return []condition{
		{"seed", strconv.FormatUint(c.Seed, 10)},
		{"warmup", formatDuration(c.WarmupNs)},
		{"ttl", unlessZero(c.TTLNs, formatDuration)},
		{"record", unlessZero(c.Record, strconv.Itoa)},
		{"trace speed", c.TraceSpeed},
		{"recorded traffic", traffic},
		{"participants", unlessZero(len(d.Participants), strconv.Itoa)},
	}
}

// drawConditions returns the settings from which tapes are drawn. Equal tapes make differences
// irrelevant.
func drawConditions(d *result.Document) []condition {
	return []condition{{"keys", d.Config.Keys}, {"mix", d.Config.Mix}}
}

// scenarioConditions returns the conditions that all results of a scenario share.
func scenarioConditions(r *result.Result) []condition {
	kind := r.HoldKind
	if r.HoldNs == 0 {
		kind = "" // a hold of 0 has no kind
	}
	return []condition{
		{"users", strconv.Itoa(r.Users)},
		{"sessions", strconv.Itoa(r.Sessions)},
		{"hold", formatDuration(r.HoldNs)},
		{"hold kind", kind},
		{"think", formatDuration(r.ThinkNs)},
		{"window", unlessZero(r.WindowNs, formatDuration)},
		{"iterations", unlessZero(r.Iterations, strconv.Itoa)},
		{"tape", r.TapeHash},
	}
}

// ownConditions returns the conditions of a single result.
func ownConditions(r *result.Result) []condition {
	return []condition{{"params", identify(r).params}, {"target", r.Target}}
}

func formatDuration(ns int64) string { return time.Duration(ns).String() }

// unlessZero writes a value of which 0 means that there is none.
func unlessZero[T int | int64 | float64](x T, write func(T) string) string {
	if x == 0 {
		return ""
	}
	return write(x)
}

// ofMachine reports whether the difference is one of the machines, not of the settings.
func (d Difference) ofMachine() bool {
	return slices.ContainsFunc(machineConditions(&result.Document{}), func(c condition) bool { return c.what == d.What })
}

// describe states the difference. first is the label of the first document.
func (d Difference) describe(first string) string {
	what := d.What
	switch {
	case d.Strategy != "":
		what += " of " + d.Strategy + " (" + d.Scenario + ")"
	case d.Scenario != "":
		what += " (" + d.Scenario + ")"
	}
	return fmt.Sprintf("%s: %s in %s, %s in %s", what, cmp.Or(d.First, "not set"), first, cmp.Or(d.Here, "not set"), d.Document)
}

// DescribeDifferences states the differences from the first document, one sentence each.
func (c *Comparison) DescribeDifferences() []string {
	return DescribeDifferences(c.Differences, c.Documents[0].Label)
}

func DescribeDifferences(list []Difference, first string) (lines []string) {
	for _, d := range list {
		lines = append(lines, d.describe(first))
	}
	return lines
}
