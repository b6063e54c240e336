package cmd

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/flawed"
	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/timeline"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/reports"
	"github.com/sessbench/sessbench/reports/result"
)

// findings is the document of a verify run, as `-f json` writes it.
type findings struct {
	SchemaVersion int              `json:"schema_version"`
	Tool          result.Tool      `json:"tool"`
	Machine       result.Machine   `json:"machine"`
	Command       string           `json:"command"`
	Interrupted   bool             `json:"interrupted,omitempty"` // the last report may cover a part of the rounds
	Reports       []*verify.Report `json:"reports"`               // in the order of the command line
	Failed        []string         `json:"failed,omitempty"`      // subjects that could not be verified, with the reason
	Skipped       []string         `json:"skipped,omitempty"`     // subjects without a report, after an interruption

	unfit    int            // of Failed: targets that lack operations
	flaws    []*flawed.Flaw // by report; nil: not a flawed store
	recorded bool           // the subject is a recorded history, not a store
}

func (f *findings) add(r *verify.Report, of *flawed.Flaw) {
	f.Reports = append(f.Reports, r)
	f.flaws = append(f.flaws, of)
}

// with returns the reports with a verdict.
func (f *findings) with(v history.Verdict) (list []*verify.Report) {
	for _, r := range f.Reports {
		if r.Verdict == v {
			list = append(list, r)
		}
	}
	return list
}

// first returns the first violation that fits, or nil.
func (f *findings) first(fits func(*history.Violation) bool) *history.Violation {
	for _, r := range f.Reports {
		if v := r.Violation; v != nil && fits(v) {
			return v
		}
	}
	return nil
}

// missed names the flawed stores whose flaw was not found.
func (f *findings) missed() (names []string) {
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
func (f *findings) convictions() (n int) {
	for i, r := range f.Reports {
		if f.flaws[i] != nil && convicted(r, f.flaws[i]) {
			n++
		}
	}
	return n
}

// verdict returns the error of a completed run. Its message lists everything; the exit code is, in this order: interrupted,
// violated, could not run or write, inconclusive.
func (f *findings) verdict(written error) error {
	code := exitOK
	var parts []string
	say := func(as int, text string) {
		code, parts = as, append(parts, text)
	}
	if doubtful := f.with(history.Inconclusive); len(doubtful) > 0 {
		say(exitInconclusive, "inconclusive: "+strings.Join(subjectsOf(doubtful), ", "))
	}
	failed := slices.Clone(f.Failed)
	if written != nil {
		failed = append(failed, written.Error())
	}
	switch {
	case len(failed) == 0:
	case f.unfit == len(failed):
		say(exitUsage, strings.Join(failed, "; "))
	default:
		say(exitFailed, strings.Join(failed, "; "))
	}
	guilty, missed := f.with(history.Violated), f.missed()
	switch {
	case f.onFlaws():
		say(exitViolated, fmt.Sprintf("%d of %s convicted", f.convictions(), many(len(f.Reports), f.what())))
	case len(guilty) > 0:
		say(exitViolated, "violated by "+strings.Join(chargesOf(guilty), "; "))
	}
	if missed != nil {
		say(exitFailed, "the checker missed: "+strings.Join(missed, ", "))
	}
	if f.onFlaws() && len(f.Failed) > 0 {
		code = exitFailed // a flawed store that could not be run is not convicted either
	}
	if f.Interrupted {
		say(exitInterrupted, "interrupted: the reports are partial")
	}
	if code == exitOK {
		return nil
	}
	return &exitError{code, errors.New(strings.Join(parts, "; "))}
}

func subjectsOf(list []*verify.Report) (names []string) {
	for _, r := range list {
		names = append(names, r.Subject)
	}
	return names
}

// chargesOf names each subject with its violations.
func chargesOf(list []*verify.Report) (charges []string) {
	for _, r := range list {
		charge := r.Subject
		var kinds []string
		for _, v := range r.All() {
			kinds = append(kinds, string(v.Anomaly))
		}
		if kinds != nil {
			charge += fmt.Sprintf(" (%s)", strings.Join(kinds, ", "))
		}
		charges = append(charges, charge)
	}
	return charges
}

// deliver writes every output. Without a violation there is no history and no HTML page, which a note says.
func (o *verifyOptions) deliver(outputs []output, f *findings) error {
	guilty := f.first(func(*history.Violation) bool { return true })
	shown := f.first(func(v *history.Violation) bool { return v.History != nil })
	outputs = slices.DeleteFunc(outputs, func(out output) bool {
		switch {
		case out.kind == kindHTML && guilty == nil:
			o.complain("%s=%s is not written: there is no violation", out.kind, out.path)
		case out.kind == kindHistory && shown == nil:
			o.complain("%s=%s is not written: there is no violation that shows in a history", out.kind, out.path)
		default:
			return false
		}
		return true
	})
	return o.write(outputs, func(kind string, w io.Writer, screen reports.Options) error {
		switch kind {
		case formatJSON:
			return result.EncodeJSON(w, f)
		case kindHTML:
			return timeline.WriteHTML(w, guilty)
		case kindHistory:
			return shown.History.Write(w)
		default:
			return f.write(w, screen)
		}
	})
}

// convicted reports whether the report on a flawed store names its flaw. A store with a data race may also crash its process,
// wherever the runtime or the race detector notices it.
func convicted(r *verify.Report, f *flawed.Flaw) bool {
	return r.Violation != nil &&
		(slices.Contains(f.Kills, r.Violation.Anomaly) || f.Races && r.Violation.Anomaly == history.Crash)
}

// anomalies lists the anomalies that convict a flawed store.
func anomalies(f *flawed.Flaw) string {
	var names []string
	for _, a := range f.Kills {
		names = append(names, string(a))
	}
	return strings.Join(names, " or ")
}
