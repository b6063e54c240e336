package reports

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
)

// maxViolations is the number of violations of one strategy that are listed. The document has
// more, and counts the rest.
const maxViolations = 5

// trafficLine states which part of the recorded traffic was replayed, or is "" if there was
// none.
func trafficLine(d *result.Document) string {
	t := d.Traffic
	if t == nil {
		return ""
	}
	line := fmt.Sprintf("traffic: %s (%s), %s of %s rows used, %s visits of %s sessions",
		t.File, t.Format, result.FormatCount(t.Visits), result.FormatCount(t.Visits+t.Malformed),
		result.FormatCount(t.Visits), result.FormatCount(t.Sessions))
	if t.Clipped > 0 {
		line += fmt.Sprintf(", %s sizes capped at the largest that is sent", result.FormatCount(t.Clipped))
	}
	if t.SpanNs > 0 {
		line += " over " + span(time.Duration(t.SpanNs))
	}
	if speed := d.Config.Settings["trace-speed"]; speed != "" {
		line += ", replayed at speed " + speed
	}
	return line
}

// span formats the duration of recorded traffic, in days from two days on.
func span(d time.Duration) string {
	if d >= 48*time.Hour {
		return fmt.Sprintf("%.1f days", d.Hours()/24)
	}
	return d.Round(time.Second).String()
}

// costLine states the cost of measuring, which a document has of its first scenario, or is "" if it was not measured.
func costLine(d *result.Document, of, where string, h *result.Harness) string {
	if h == nil || h.NsPerOp <= 0 {
		return ""
	}
	if all := sections(d); len(all) > 1 {
		of += " in " + all[0].scenario
	}
	line := fmt.Sprintf("%s: %s/op", of, result.FormatNs(int64(h.NsPerOp+0.5)))
	if h.OpsPerSec > 0 {
		line += fmt.Sprintf(", %s ops/s on %s", result.FormatRate(h.OpsPerSec), where)
	}
	return line + fmt.Sprintf(", %s allocs/op", result.FormatAmount(h.AllocsPerOp))
}

// pacingLine states the processor time of waiting in open loops, or is "" if there are none.
func pacingLine(d *result.Document) string {
	var parts []string
	for _, r := range judge.ResultsOf(d) {
		if r.Load == "" || r.Failed() {
			continue
		}
		perOp := metric.MedianOf(r, func(t *result.Trial) float64 { return t.Usage.WaitCPUNsPerOp }).Median
		cores := metric.MedianOf(r, func(t *result.Trial) float64 { return t.Usage.WaitCPUNsPerOp * t.OpsPerSec / 1e9 }).Median
		if perOp > 0 {
			parts = append(parts, fmt.Sprintf("%s %s/op (%s)", r.Strategy, result.FormatNs(int64(perOp+0.5)), result.FormatShare(cores)))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "CPU of waiting for arrivals, holds and think times (100%: one processor): " + strings.Join(parts, ", ")
}

// targetsLine states the costs of the targets' processes, or is "" if they are unknown.
func targetsLine(d *result.Document) string {
	var parts []string
	for _, r := range judge.ResultsOf(d) {
		cpu := metric.MedianOf(r, func(t *result.Trial) float64 { return t.Usage.TargetCPUNs }).Median
		memory := metric.MedianOf(r, func(t *result.Trial) float64 { return float64(t.Usage.TargetMemory) }).Median
		if r.Failed() || cpu <= 0 {
			continue
		}
		parts = append(parts, fmt.Sprintf("%s %s CPU per op, %s resident", r.Strategy, result.FormatNs(int64(cpu+0.5)), result.FormatBytes(memory)))
	}
	if parts == nil {
		return ""
	}
	return "targets: " + strings.Join(parts, "; ")
}

// firstEventsLine states when the first server-sent event of an answer arrived, or is "".
func firstEventsLine(d *result.Document) string {
	var parts []string
	for _, r := range judge.ResultsOf(d) {
		if r.Failed() || len(r.Trials) == 0 {
			continue
		}
		var percentiles []string
		for _, of := range []struct {
			name  string
			value func(l result.Latency) *int64
		}{
			{"p50", func(l result.Latency) *int64 { return l.P50 }},
			{"p99", func(l result.Latency) *int64 { return l.P99 }},
		} {
			unknown := func(t result.Trial) bool { return of.value(t.Operations[scenarios.FirstEvent].LatencyNs) == nil }
			if slices.ContainsFunc(r.Trials, unknown) {
				continue
			}
			median := metric.MedianOf(r, func(t *result.Trial) float64 {
				return float64(*of.value(t.Operations[scenarios.FirstEvent].LatencyNs))
			}).Median
			percentiles = append(percentiles, of.name+" "+result.FormatNs(int64(median)))
		}
		if percentiles != nil {
			parts = append(parts, r.Strategy+" "+strings.Join(percentiles, ", "))
		}
	}
	if parts == nil {
		return ""
	}
	return "first event of an answer: " + strings.Join(parts, "; ")
}

// notes are the lines below the tables about what was measured, and where.
func notes(d *result.Document) []string {
	lines := append(idealLines(d), notAuditedLine(d), costLine(d, "harness", "a store that does nothing", &d.Harness), pacingLine(d),
		costLine(d, "protocol", "an adapter that does nothing, its own cost included", d.Protocol), targetsLine(d), firstEventsLine(d), trafficLine(d),
		participantsLine(d), judge.MachineLine(&d.Machine))
	return slices.DeleteFunc(lines, func(line string) bool { return line == "" })
}

// idealLines state what perfect stores reach with the arrivals of open loops, one line per scenario.
func idealLines(d *result.Document) (lines []string) {
	for _, s := range sections(d) {
		rows := append(s.ranking(), s.results...) // a saturated row may have other holds
		i := slices.IndexFunc(rows, func(r *result.Result) bool { return r.Ideal != nil })
		if i < 0 {
			continue
		}
		of, r := "ideal", rows[i]
		if len(judge.ByScenario(judge.ResultsOf(d))) > 1 {
			of += " for " + s.scenario
		}
		line := of + ": a perfect store with one lock per session " + perfect(&r.Ideal.PerSession) + "; with one lock " + perfect(&r.Ideal.OneLock)
		if hold := r.Summary.HoldNs; hold > 0 {
			line += " (with the hold measured on " + r.Strategy + ")"
		}
		lines = append(lines, line)
	}
	return lines
}

// perfect describes the figures of a perfect store.
func perfect(p *result.Perfect) string {
	text := "achieves " + result.FormatShare(p.Achieved)
	if p.LatencyNs.P99 != nil {
		text += ", p99 " + result.FormatNs(*p.LatencyNs.P99)
	}
	return text
}

// longest is the duration of the longest trial.
func (s *section) longest() time.Duration {
	most := int64(0)
	for _, r := range s.results {
		for i := range r.Trials {
			most = max(most, r.Trials[i].ElapsedNs)
		}
	}
	return time.Duration(most)
}

// misses states how many operations found no session, if that makes rows differ: an operation
// that finds nothing is fast and counts nevertheless.
func (s *section) misses() string {
	var least, most float64
	var shares []string
	for _, r := range s.results {
		if r.Failed() || !r.Audited() {
			continue
		}
		share := metric.MedianOf(r, func(t *result.Trial) float64 {
			return float64(t.Errors["not_found"]) / float64(max(1, t.LatencyNs.Count))
		}).Median
		if len(shares) == 0 {
			least, most = share, share
		}
		least, most = min(least, share), max(most, share)
		shares = append(shares, r.Strategy+" "+percent(share))
	}
	if most-least < 0.01 {
		return ""
	}
	return "Operations that found no session (they are fast, and count in ops/s): " + strings.Join(shares, ", ") + "."
}

// problems adds the warnings about a section's table.
func (s *section) problems(p *sheet.Page) {
	warn := func(format string, args ...any) { p.List(sheet.Worse, fmt.Sprintf(format, args...), nil) }
	if took := s.longest(); took > 0 && took < metric.ShortTrial {
		warn("No trial took longer than %s, start-up included: differences between these rows mean little.", result.FormatNs(int64(took)))
	}
	warn("%s", s.misses())
	warn("%s", s.tooFewSamples())
	for _, r := range s.results {
		if r.Failed() {
			headline, details := violations(r)
			p.List(sheet.Worse, headline, details)
			continue
		}
		switch noRatio, unranked := r.Summary.NoRatio, judge.WhyUnranked(r); {
		case r.Summary.OfLimit > judge.OverLimit:
			warn("Harness error: %s reaches %s of the limit, which no correct store can exceed. Do not rely on this row.",
				r.Strategy, result.FormatShare(r.Summary.OfLimit))
		case noRatio != "":
			warn("No ratio for %s: %s.", r.Strategy, noRatio)
		case r.Search != nil && judge.Saturated(r) != "": // at a rate that is too high on purpose
		case unranked != "":
			warn("%s: %s.", r.Strategy, unranked)
		}
		if text := serialised(r); text != "" {
			warn("%s: %s.", r.Strategy, text)
		}
		if text := allBusy(r); text != "" {
			warn("%s: %s.", r.Strategy, text)
		}
		switch why := judge.AuditPartial(r); {
		case judge.AuditUndecided(r) != "":
			warn("%s was aborted without an audit result: %s. It is not ranked.", r.Strategy, judge.AuditUndecided(r))
		case why != "" && s.doc.Part != nil && !r.Audited(): // a participant leaves that to the first one
			warn("%s was not audited here: %s.", r.Strategy, why)
		case why != "":
			warn("%s was audited only partly: %s.", r.Strategy, why)
		case len(r.Trials) > 0 && !r.Audited():
			warn("%s stores nothing, so it is not audited. It measures the harness and is not ranked.", r.Strategy)
		}
		if text := wide(r); text != "" {
			warn("%s: %s.", r.Strategy, text)
		}
		if text := emptyWindows(r); text != "" {
			warn("%s: %s.", r.Strategy, text)
		}
		if text := failedOperations(r); text != "" {
			warn("%s: %s", r.Strategy, text)
		}
	}
}

// serialised states that visits of a log waited for an earlier one of their session, or is "".
func serialised(r *result.Result) string {
	var waited, visits int64
	for i := range r.Trials {
		if o := r.Trials[i].OpenLoop; o != nil {
			waited, visits = waited+o.Serialised, visits+r.Trials[i].Visits
		}
	}
	if waited == 0 {
		return ""
	}
	return fmt.Sprintf("%s of %s visits waited for an earlier one of their session, which the log may have had overlapping",
		result.FormatCount(waited), result.FormatCount(visits))
}

// allBusy states that visits of an open loop waited because all users were busy, or is "".
func allBusy(r *result.Result) string {
	limit, queue := 0, int64(0)
	for i := range r.Trials {
		if o := r.Trials[i].OpenLoop; o != nil && o.Queue > 0 && o.Limit > 0 && o.Users >= o.Limit {
			limit, queue = o.Limit, max(queue, o.Queue)
		}
	}
	if limit == 0 {
		return ""
	}
	return fmt.Sprintf("all %s were busy at times, and up to %s waited for one: --max-users allows more users",
		result.FormatCounted(limit, "user"), result.FormatCounted(int(queue), "visit"))
}

// violations lists what the audits of a result found over all its trials: one violation of each
// kind, then more up to the limit.
func violations(r *result.Result) (headline string, details []string) {
	trials, more := 0, 0
	var others []string // further ones of a kind
	seen := map[string]bool{}
	for i := range r.Trials {
		a := &r.Trials[i].Audit
		if !r.Trials[i].Failed() {
			continue
		}
		trials++
		more += a.Omitted
		for _, v := range a.Violations {
			if seen[v.Kind] {
				others = append(others, describe(v))
			} else {
				details = append(details, describe(v))
			}
			seen[v.Kind] = true
		}
	}
	details = append(details, others...)
	if n := len(details) - maxViolations; n > 0 {
		more += n
		details = details[:maxViolations]
	}
	if more > 0 {
		details = append(details, fmt.Sprintf("… and %s more", result.FormatCount(int64(more))))
	}
	headline = fmt.Sprintf("%s failed its audit in %d of %d trials", r.Strategy, trials, len(r.Trials))
	if details == nil {
		return headline + ".", nil
	}
	return headline + ":", details
}

func describe(v result.Violation) string {
	text := v.Kind
	if v.Session != "" {
		text += ", session " + v.Session
	}
	if v.Detail != "" {
		text += ": " + v.Detail
	}
	return text
}

// failedOperations states how many operations ended in an error, or is "". Missing sessions are part of some scenarios.
func failedOperations(r *result.Result) string {
	counts := map[string]int64{}
	for _, t := range r.Trials {
		for kind, n := range t.Errors {
			if kind != "not_found" && n > 0 {
				counts[kind] += n
			}
		}
	}
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s operations ended in %q", result.FormatCount(counts[kind]), kind))
	}
	return strings.Join(parts, ", ")
}

// participantsLine states from which participants a document was merged, and how closely their
// windows coincided, or is "" for a document of one process. A participant's own document is
// marked as a part.
func participantsLine(d *result.Document) string {
	if p := d.Part; p != nil {
		who := result.Participant{Name: judge.PartName(p), Host: p.Host}
		return fmt.Sprintf("only the operations of the users of %s in run %s", who.Called(), p.RunID)
	}
	if len(d.Participants) == 0 {
		return ""
	}
	var there []string
	joined := false
	var first, second int64 // the largest distances from the instant that was agreed on
	for i := range d.Participants {
		p := &d.Participants[i]
		if p.Missing {
			continue
		}
		there = append(there, fmt.Sprintf("%s with %s", p.Called(), result.FormatCounted(p.Users, "user")))
		joined = joined || p.SkewNs > 0
		switch {
		case p.SkewNs > first:
			first, second = p.SkewNs, first
		case p.SkewNs > second:
			second = p.SkewNs
		}
	}
	line := "merged from " + sheet.And(there)
	if joined {
		line += ", whose windows opened within " + result.FormatNs(first+second) + " of each other"
	}
	return line
}

// lostLines names the participants that are missing from a merged document.
func lostLines(d *result.Document) (lines []string) {
	for i := range d.Participants {
		if p := &d.Participants[i]; p.Missing {
			lines = append(lines, fmt.Sprintf("%s is missing: %s. The operations of its users are not included.", p.Called(), p.Reason))
		}
	}
	return lines
}

// notAuditedLine states which errors the audits of a document cannot have detected, given its
// operations, or is "".
func notAuditedLine(d *result.Document) string {
	const removes, reads = scenarios.Removes | scenarios.RemovesIdle, scenarios.ReadsMessages | scenarios.ReadsFields | scenarios.Finds
	all := sections(d)
	var kept, read []string // scenarios in which no session was removed, and with reads that were not checked
	for _, s := range all {
		ops := s.audited()
		if ops == 0 {
			continue
		}
		if !ops.Have(removes) {
			kept = append(kept, s.scenario)
		}
		if d.Config.Settings["record"] == "" && ops.Have(reads) {
			read = append(read, s.scenario)
		}
	}
	in := func(names []string) string {
		if len(names) == len(all) {
			return ""
		}
		return " in " + sheet.And(names)
	}
	var parts []string
	if kept != nil {
		parts = append(parts, "errors in removing sessions, since none was removed"+in(kept))
	}
	if read != nil {
		parts = append(parts, "wrong results of reads"+in(read)+", which are checked only with --record")
	}
	if parts == nil {
		return ""
	}
	return "not covered by the audit: " + strings.Join(parts, "; ") + ". sessbench verify checks these."
}

// audited is what the operations in the section's audited trials do.
func (s *section) audited() (does scenarios.Properties) {
	for _, r := range s.results {
		for i := range r.Trials {
			if r.Trials[i].Audit.Skipped {
				continue
			}
			for name := range r.Trials[i].Operations {
				if op, err := scenarios.ParseOp(strings.TrimSuffix(name, "_during_sweep")); err == nil {
					does |= op.Properties()
				}
			}
		}
	}
	return does
}

// cyclesToSee is how many consecutive operations a suggested window has room for. One would
// suffice for a value above 0.
const cyclesToSee = 10

// emptyWindows states that trials ended before an operation was completed in them, why, and
// which -d would suffice, or is "".
func emptyWindows(r *result.Result) string {
	empty, fastest := 0, int64(math.MaxInt64)
	for i := range r.Trials {
		t := &r.Trials[i]
		if t.Ops == 0 {
			empty++
		}
		if t.LatencyNs.Count > 0 { // operations that began in the window and ended after it
			fastest = min(fastest, fastestOf(t))
		}
	}
	if empty == 0 {
		return ""
	}
	where := ""
	if r.WindowNs > 0 {
		where = " within " + time.Duration(r.WindowNs).String()
	}
	text := fmt.Sprintf("no operation was completed%s in %d of %d trials", where, empty, len(r.Trials))
	if r.WindowNs == 0 || fastest == math.MaxInt64 {
		return text
	}
	if r.HoldNs > r.WindowNs {
		text += fmt.Sprintf(": the hold of %s is longer than that", time.Duration(r.HoldNs))
	} else {
		text += fmt.Sprintf(": the fastest took %s", result.FormatNs(fastest))
	}
	return text + fmt.Sprintf("; %s %s would suffice", longer(r), roundUp(time.Duration(cyclesToSee*judge.Cycle(r, fastest))))
}

// longer is how the windows of r's trials are set.
func longer(r *result.Result) string {
	if r.Ramp != "" {
		return "stages of"
	}
	return "-d"
}

// fastestOf is the shortest latency of a trial that has some, or the mean if its histogram is
// missing.
func fastestOf(t *result.Trial) int64 {
	if h, err := result.DecodeHistogram(t.Histogram); err == nil {
		return h.Min()
	}
	return t.LatencyNs.Mean
}

// roundUp rounds a positive duration up to two significant digits: 1.001s is 1.1s.
func roundUp(d time.Duration) time.Duration {
	unit := time.Duration(1)
	for d/unit >= 100 {
		unit *= 10
	}
	return (d + unit - 1) / unit * unit
}

// tooFewSamples states which percentiles the baseline has too few samples for, and which -d, or stages of a ramp,
// would suffice for each. Other rows are compared with the baseline. It is "" if none is
// missing, or if a trial does not end with its window.
func (s *section) tooFewSamples() string {
	r := s.baseline
	if r == nil || r.Search != nil || r.Failed() || len(r.Trials) == 0 || r.WindowNs == 0 || r.Iterations > 0 || judge.LatencyCount(r) == 0 {
		return ""
	}
	var lacking []string
	for _, m := range metric.All() {
		if m.Percentile == nil || m.Column == nil {
			continue
		}
		if _, ok := m.Shown(r); ok {
			continue
		}
		// A tenth more than in proportion: no two runs have the same number of operations.
		window := 1.1 * float64(r.WindowNs) * float64(m.Percentile.Samples()) / float64(judge.LatencyCount(r))
		suffices := ""
		if lacking == nil {
			suffices = " would suffice"
		}
		lacking = append(lacking, fmt.Sprintf("%s (%s %s%s)", m.Column.Title, longer(r), roundUp(time.Duration(math.Ceil(window))), suffices))
	}
	if lacking == nil {
		return ""
	}
	return fmt.Sprintf("%s completed too few operations in all trials together for %s.", r.Strategy, sheet.And(lacking))
}
