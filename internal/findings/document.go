// Package findings is the document of a verify run: the report on each subject, their outcome, and its text.
package findings

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/reports/result"
)

// Document is what a verify run has found, as `verify -f json` writes it.
type Document struct {
	SchemaVersion int              `json:"schema_version"`
	Tool          result.Tool      `json:"tool"`
	Machine       result.Machine   `json:"machine"`
	Command       string           `json:"command"`
	Interrupted   bool             `json:"interrupted,omitempty"` // the last report may cover a part of the rounds
	Reports       []*verify.Report `json:"reports"`               // in the order of the command line
	Failed        []string         `json:"failed,omitempty"`      // subjects that could not be verified, with the reason
	Skipped       []string         `json:"skipped,omitempty"`     // subjects without a report, after an interruption

	Unfit    int     `json:"-"` // of Failed: targets that lack operations
	Recorded bool    `json:"-"` // the subject is a recorded history, not a store
	flaws    []*Flaw // by report; nil: not a flawed store
}

// Flaw describes the bug of a flawed store.
type Flaw struct {
	Name   string
	Copies string            // where the bug was found
	Kills  []history.Anomaly // each of them convicts the store
	Races  bool              // the store has a data race
}

// Outcome classifies a run. Of several outcomes the greatest counts.
type Outcome int

// The outcomes.
const (
	Fine Outcome = iota
	Inconclusive
	Unsupported // subjects that lack operations
	Failed      // subjects that could not be verified, or outputs not be written
	Violated
	Interrupted
)

// Add adds a report on a store with the given flaw, or nil.
func (f *Document) Add(r *verify.Report, of *Flaw) {
	f.Reports = append(f.Reports, r)
	f.flaws = append(f.flaws, of)
}

// with returns the reports with a verdict.
func (f *Document) with(v history.Verdict) (list []*verify.Report) {
	for _, r := range f.Reports {
		if r.Verdict == v {
			list = append(list, r)
		}
	}
	return list
}

// missed names the flawed stores whose flaw was not found.
func (f *Document) missed() (names []string) {
	for i, r := range f.Reports {
		switch flaw := f.flaws[i]; {
		case flaw == nil || convicted(r, flaw):
		case r.Violation == nil && f.Interrupted: // undecided
		case r.Violation == nil:
			names = append(names, flaw.Name)
		default:
			names = append(names, fmt.Sprintf("%s (convicted of %s: want %s)", flaw.Name, r.Violation.Anomaly, anomalies(flaw)))
		}
	}
	return names
}

// convictions counts the flawed stores whose flaw was found.
func (f *Document) convictions() (n int) {
	for i, r := range f.Reports {
		if f.flaws[i] != nil && convicted(r, f.flaws[i]) {
			n++
		}
	}
	return n
}

// Outcome returns the outcome of a completed run and a sentence that lists everything, "" for [Fine]. The first of these counts:
// interrupted, violated, could not run or write, inconclusive. written is the error of writing the outputs.
func (f *Document) Outcome(written error) (outcome Outcome, text string) {
	var parts []string
	add := func(as Outcome, text string) { outcome, parts = as, append(parts, text) }
	if doubtful := f.with(history.Inconclusive); len(doubtful) > 0 {
		add(Inconclusive, "inconclusive: "+strings.Join(subjectsOf(doubtful), ", "))
	}
	failed := slices.Clone(f.Failed)
	if written != nil {
		failed = append(failed, written.Error())
	}
	switch {
	case len(failed) == 0:
	case f.Unfit == len(failed):
		add(Unsupported, strings.Join(failed, "; "))
	default:
		add(Failed, strings.Join(failed, "; "))
	}
	guilty, missed := f.with(history.Violated), f.missed()
	switch {
	case f.onFlaws():
		add(Violated, fmt.Sprintf("%d of %s convicted", f.convictions(), result.FormatCounted(len(f.Reports), f.what())))
	case len(guilty) > 0:
		add(Violated, "violated by "+strings.Join(violationsOf(guilty), "; "))
	}
	if missed != nil {
		add(Failed, "the checker missed: "+strings.Join(missed, ", "))
	}
	if f.onFlaws() && len(f.Failed) > 0 {
		outcome = Failed // a flawed store that could not be run is not convicted either
	}
	if f.Interrupted {
		add(Interrupted, "interrupted: the reports are partial")
	}
	return outcome, strings.Join(parts, "; ")
}

func subjectsOf(list []*verify.Report) (names []string) {
	for _, r := range list {
		names = append(names, r.Subject)
	}
	return names
}

// violationsOf names each subject with its violations.
func violationsOf(list []*verify.Report) (names []string) {
	for _, r := range list {
		name := r.Subject
		var kinds []string
		for _, v := range r.All() {
			kinds = append(kinds, string(v.Anomaly))
		}
		if kinds != nil {
			name += fmt.Sprintf(" (%s)", strings.Join(kinds, ", "))
		}
		names = append(names, name)
	}
	return names
}

// convicted reports whether the report on a flawed store names its flaw. A store with a data race may also crash its process,
// wherever the runtime or the race detector notices it.
func convicted(r *verify.Report, f *Flaw) bool {
	return r.Violation != nil &&
		(slices.Contains(f.Kills, r.Violation.Anomaly) || f.Races && r.Violation.Anomaly == history.Crash)
}

// anomalies lists the anomalies that convict a flawed store.
func anomalies(f *Flaw) string {
	var names []string
	for _, a := range f.Kills {
		names = append(names, string(a))
	}
	return strings.Join(names, " or ")
}
