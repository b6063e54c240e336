package findings

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/internal/timeline"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/reports/result"
)

// webPage returns the document as a page: the verdict, the first violation with its lanes, the machine and the command; then the
// table and the other violations. Of several flawed stores, each violation is in a fold below their table.
func (f *Document) webPage() *sheet.Page {
	p, first := &sheet.Page{}, f.first(every)
	several := f.onFlaws() && len(f.Reports) > 1
	p.Heading(f.headline())
	if len(f.Failed) > 0 {
		p.List(sheet.Worse, "Could not be verified:", f.Failed)
	}
	if len(f.Skipped) > 0 {
		p.Say(sheet.Worse, "Interrupted before these were verified: "+sheet.And(f.Skipped)+".")
	}
	if first != nil && !several {
		f.add(p, first)
	}
	build := strings.TrimSpace("sessbench " + f.Tool.Version + " " + judge.ShortHash(f.Tool.Commit))
	if first == nil || several {
		p.Say(sheet.Plain, judge.MachineLine(&f.Machine), build)
		p.Command(f.Command)
	} else {
		p.Say(sheet.Plain, judge.MachineLine(&f.Machine), build+": "+f.Command)
		timeline.AddDrawing(p, first.Violation)
	}

	p.Heading(sheet.Plain, "What was verified")
	if text := evidence(f.Reports); text != "" && !f.onFlaws() {
		p.Say(sheet.Plain, sheet.Sentence(strings.TrimPrefix(text, ": ")))
	}
	p.Say(sheet.Plain, sensitivity(f.with(history.Linearizable)))
	if f.onFlaws() {
		p.Table(f.killMatrix())
	} else {
		f.table(p)
	}
	for _, r := range f.Reports {
		p.Say(sheet.Plain, remarks(r)...)
	}
	for _, r := range f.Reports {
		switch v := r.Violation; {
		case v == nil && refutation(r) != nil:
			p.Heading(sheet.Bold, notLevel(r))
			timeline.Add(p, refutation(r))
			continue
		case v == nil:
			continue
		case several:
			p.Fold(r.Subject + ": " + string(v.Anomaly))
			f.add(p, r)
		case r != first:
			p.Heading(sheet.Alarm, r.Subject+": "+string(v.Anomaly))
			f.add(p, r)
		}
		for _, other := range r.Others {
			p.Heading(sheet.Alarm, r.Subject+": also: "+string(other.Anomaly))
			p.Say(sheet.Plain, other.Why)
			p.Command(other.Command)
		}
	}
	return p
}

// add adds the violation of a report.
func (f *Document) add(p *sheet.Page, r *verify.Report) {
	timeline.Add(p, r.Violation)
	if r.Attempts > 0 {
		p.Say(sheet.Dim, "Attempts: "+result.FormatCount(int64(r.Attempts)))
	}
}

// headline states the verdict in a sentence.
func (f *Document) headline() (sheet.Style, string) {
	violated, inconclusive := f.with(history.Violated), f.with(history.Inconclusive)
	all, of := len(f.Reports), ""
	if n := len(f.Reports) + len(f.Failed) + len(f.Skipped); n > all {
		of = fmt.Sprintf(" (%d of %s verified)", all, result.FormatCounted(n, f.what()))
	}
	switch {
	case f.missed() != nil:
		return sheet.Alarm, "✗ " + f.closing()
	case f.onFlaws() && all > 1:
		return sheet.Bold, f.closing()
	case len(violated) == 1:
		name := violated[0].Subject
		if f.onFlaws() {
			name += " (wrong on purpose)"
		}
		if f.Recorded {
			name = "The store of " + name
		}
		kinds := strings.Trim(strings.TrimPrefix(violationsOf(violated)[0], violated[0].Subject), " ()")
		what := "is not correct under concurrency"
		if !incorrect(violated) {
			what = "does not keep the contract"
		}
		return sheet.Alarm, fmt.Sprintf("✗ %s %s: %s%s", name, what, kinds, of)
	case violated != nil:
		what := "are not correct under concurrency"
		if !incorrect(violated) {
			what = "do not keep the contract"
		}
		return sheet.Alarm, fmt.Sprintf("✗ %d of %s %s: %s%s",
			len(violated), result.FormatCounted(all, f.what()), what, sheet.And(violationsOf(violated)), of)
	case inconclusive != nil:
		return sheet.Bold, "? Inconclusive: " + sheet.And(subjectsOf(inconclusive)) + of
	case f.Interrupted || of != "":
		return sheet.Bold, fmt.Sprintf("? No violation found so far%s", of)
	case all == 1 && f.Reports[0].Verdict == history.Passed:
		return sheet.Success, fmt.Sprintf("✓ No violation found: %s is %s", f.Reports[0].Subject, f.Reports[0].Level)
	case f.with(history.Passed) != nil:
		return sheet.Success, "✓ No violation found: " + f.closing()
	case all == 1:
		return sheet.Success, fmt.Sprintf("✓ No violation found: %s is linearizable", f.Reports[0].Subject)
	}
	return sheet.Success, fmt.Sprintf("✓ No violation found: all of %s are linearizable", result.FormatCounted(all, f.what()))
}

// incorrect reports whether any violation is more than a leak, an unfair store or a declared guarantee.
func incorrect(violated []*verify.Report) bool {
	return slices.ContainsFunc(violated, func(r *verify.Report) bool {
		return slices.ContainsFunc(r.All(), func(v *history.Violation) bool {
			return v.Detector != history.ByCensus && v.Detector != history.ByFairness && v.Detector != history.ByGuarantee
		})
	})
}
