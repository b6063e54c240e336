package findings

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/internal/timeline"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/reports"
	"github.com/sessbench/sessbench/reports/result"
)

// Write writes the document as text: the table with a legend, each violation as a timeline, and a closing sentence.
func (f *Document) Write(w io.Writer, screen reports.Options) error {
	p := &sheet.Page{}
	if f.onFlaws() {
		p.Table(f.killMatrix())
	} else {
		f.table(p)
	}
	if !f.onFlaws() || len(f.Reports) == 1 { // of several, the matrix is enough
		f.violations(p)
	}
	p.Say(sheet.Plain, sensitivity(f.with(history.Linearizable)))
	p.Say(sheet.Bold, f.closing())
	if screen.Width <= 0 {
		screen.Width = sheet.DefaultWidth
	}
	return p.WriteText(w, screen)
}

// what names the kind of the subjects.
func (f *Document) what() string {
	switch {
	case f.Recorded:
		return "history"
	case f.onFlaws():
		return "flawed store"
	}
	programs := 0
	for _, r := range f.Reports {
		if r.Target != "" {
			programs++
		}
	}
	switch programs {
	case 0:
		return "strategy"
	case len(f.Reports):
		return "target"
	}
	return "store"
}

// onFlaws reports whether the stores were wrong on purpose.
func (f *Document) onFlaws() bool { return len(f.flaws) > 0 && f.flaws[0] != nil }

// table adds one row per subject. If the table is too wide, the guarantees have tables of their own.
func (f *Document) table(p *sheet.Page) {
	promised := promisesOf(f.Reports)
	t := &sheet.Table{Columns: []sheet.Column{{Title: f.what(), Left: true}, {Title: "verdict", Left: true, Group: 1}}}
	leveled := slices.ContainsFunc(f.Reports, func(r *verify.Report) bool { return r.Level != "" })
	if leveled {
		t.Columns = append(t.Columns, sheet.Column{Title: "level", Left: true, Group: 1})
	}
	for i, name := range promised {
		t.Columns = append(t.Columns, sheet.Column{Title: name, Left: true, Group: 2 + i})
	}
	for _, title := range []string{"sessions", "operations", "overlapped", "time"} {
		t.Columns = append(t.Columns, sheet.Column{Title: title, Left: true, Group: 1})
	}
	for _, r := range f.Reports {
		row := []sheet.Cell{{Text: r.Subject}, {Text: string(r.Verdict)}}
		if r.Verdict != history.Linearizable && r.Verdict != history.Passed {
			row[1].Style = sheet.Worse
		}
		if leveled {
			row = append(row, level(r))
		}
		for _, name := range promised {
			row = append(row, promise(r, name))
		}
		for _, text := range figures(r) {
			row = append(row, sheet.Cell{Text: text})
		}
		t.Rows = append(t.Rows, row)
	}
	p.Table(t)
	p.Legend(slices.Concat(levelLegend(f.Reports), legend(promised)))
}

// level shows the strongest consistency level that no history refutes, after the declared one.
func level(r *verify.Report) sheet.Cell {
	switch {
	case r.Level == "":
		return sheet.Cell{Text: cmp.Or(onlyIf(r.Verdict == history.Linearizable, string(history.LevelLinearizable)), result.Nothing)}
	case r.Declared == "":
		return sheet.Cell{Text: string(r.Level)}
	case !kept(r):
		return sheet.Cell{Text: r.Declared + "/" + strings.ToUpper(string(r.Level)), Style: sheet.Worse}
	}
	return sheet.Cell{Text: r.Declared + "/" + string(r.Level)}
}

func onlyIf(condition bool, text string) string {
	if condition {
		return text
	}
	return ""
}

// kept reports whether no history refutes the declared level.
func kept(r *verify.Report) bool {
	declared, _, err := history.ParseLevel(r.Declared)
	return err == nil && r.Level.Includes(declared)
}

// levelLegend explains the levels that the table has.
func levelLegend(list []*verify.Report) (terms []sheet.Term) {
	declared := false
	has := func(l history.Level) bool {
		return slices.ContainsFunc(list, func(r *verify.Report) bool { return r.Level == l })
	}
	for _, r := range list {
		declared = declared || r.Declared != ""
	}
	if slices.ContainsFunc(list, func(r *verify.Report) bool { return r.Level != "" }) {
		text := "the strongest consistency level that no history refutes"
		if declared {
			text += "; the declared one stands before it, and capitals say that it does not hold"
		}
		terms = append(terms, sheet.Term{Term: "level", Text: text})
	}
	for _, l := range []struct {
		level history.Level
		text  string
	}{
		{history.LevelLinearizable, "some order of the requests explains every answer and keeps the order of requests that do not overlap"},
		{history.LevelLastWriterWins, "requests that overlap may overwrite each other's changes; what was answered before a request was sent is kept"},
		{history.LevelReadYourWrites, "users see their own changes at once, those of others later, unless others overwrite them"},
		{history.LevelEventual, "every change is shown after some time, and not necessarily before, unless another one overwrites it"},
		{history.LevelNone, "changes that were answered with success are missing later, or sessions show what was never written to them"},
	} {
		if has(l.level) {
			terms = append(terms, sheet.Term{Term: string(l.level), Text: l.text})
		}
	}
	return terms
}

// promisesOf names the guarantees in the reports, in their order.
func promisesOf(list []*verify.Report) (names []string) {
	for _, r := range list {
		for _, g := range r.Guarantees {
			if !slices.Contains(names, g.Name) {
				names = append(names, g.Name)
			}
		}
	}
	return names
}

// promise shows a guarantee as "declared/observed".
func promise(r *verify.Report, name string) sheet.Cell {
	i := slices.IndexFunc(r.Guarantees, func(g verify.Guarantee) bool { return g.Name == name })
	if i < 0 {
		return sheet.Cell{Text: result.Nothing}
	}
	g := r.Guarantees[i]
	switch {
	case !g.Kept && g.Observed != result.Nothing:
		return sheet.Cell{Text: g.Declared + "/" + strings.ToUpper(g.Observed), Style: sheet.Worse}
	case g.Observed == g.Declared && g.Declared != "no":
		return sheet.Cell{Text: g.Declared + "/yes"} // shorter than "while queued/while queued"
	}
	return sheet.Cell{Text: g.Declared + "/" + g.Observed}
}

// figures are the texts of a report's last columns.
func figures(r *verify.Report) []string {
	if r.Operations == 0 { // its process crashed before its report
		return []string{result.Nothing, result.Nothing, result.Nothing, result.FormatNs(r.ElapsedNs)}
	}
	return []string{result.FormatCount(int64(r.Sessions)), result.FormatCount(int64(r.Operations)),
		result.FormatShare(r.Overlapped), result.FormatNs(r.ElapsedNs)}
}

// legend explains the columns that the table has.
func legend(promised []string) (list []sheet.Term) {
	if len(promised) > 0 {
		list = append(list, sheet.Term{Term: "yes/yes",
			Text: "declared by the strategy / observed here: – not observed, capitals: a declared guarantee that does not hold"})
	}
	for _, t := range []sheet.Term{
		{Term: "linearizable", Text: "some order of the operations explains every result and keeps the order of operations that do not overlap"},
		{Term: "exclusive updates", Text: "an update's closure runs once, and no other operation uses that session meanwhile"},
		{Term: "blocks", Text: "what waits while an update holds a session: the operations on all sessions, on those of the same shard or actor, on that " +
			"session, or writers of it"},
		{Term: "reentrant", Text: "the closure of an update may use the session that it holds"},
		{Term: "cancellable", Text: "waiting for a busy session ends when the ctx of the caller ends"},
		{Term: "rollback", Text: "a failed update leaves the session as it was"},
		{Term: "sweep", Text: "a sweep removes every idle session once, with its final state, and no other, also while one is busy"},
		{Term: "close", Text: "Close waits for running closures; afterwards every operation returns ErrClosed"},
		{Term: "leak-free", Text: "nothing is kept for removed sessions"},
		{Term: "fair share", Text: "updates of the slowest of several users of one session, divided by their mean; starvation violates yes/"},
	} {
		if slices.Contains(promised, t.Term) {
			list = append(list, t)
		}
	}
	return append(list, sheet.Term{Term: "overlapped",
		Text: "share of operations that overlapped another one on their session; too few prove nothing"})
}

// killMatrix has one row per flawed store: its violation and the detector.
func (f *Document) killMatrix() *sheet.Table {
	var rows [][]string
	for i, r := range f.Reports {
		flaw := f.flaws[i]
		row := []string{flaw.Name, "MISSED", result.Nothing, result.FormatNs(r.ElapsedNs), flaw.Copies}
		if f.Interrupted {
			row[1] = "not yet"
		}
		if v := r.Violation; v != nil {
			row[1], row[2] = string(v.Anomaly), string(v.Detector)
			if !convicted(r, flaw) {
				row[1] += " (WRONG)"
			}
		}
		rows = append(rows, row)
	}
	return sheet.Words([]string{"flaw", "convicted of", "by", "time", "copies"}, rows)
}

// violations adds the violations of each subject and how to reproduce them.
func (f *Document) violations(p *sheet.Page) {
	for _, r := range f.Reports {
		for _, remark := range remarks(r) {
			p.Say(sheet.Plain, remark)
		}
		v := r.Violation
		if v == nil {
			if by := refutation(r); by != nil {
				p.Say(sheet.Bold, notLevel(r))
				p.Draw(func(page *sheet.Text) error { timeline.Draw(page, by); return nil })
				p.Draw(reproduction(r, by))
			}
			continue
		}
		p.Say(sheet.Bold, r.Subject+": "+string(v.Anomaly))
		p.Draw(func(page *sheet.Text) error { timeline.Draw(page, v); return nil })
		p.Draw(reproduction(r, v))
		for _, other := range r.Others {
			p.Say(sheet.Bold, r.Subject+": also: "+string(other.Anomaly))
			p.Say(sheet.Plain, other.Why)
			p.Draw(reproduction(r, other))
		}
	}
}

// remarks are what the table leaves out: warnings, guarantees that do not hold, and why a verdict is inconclusive.
func remarks(r *verify.Report) (lines []string) {
	for _, g := range r.Guarantees {
		if g.Warning != "" {
			lines = append(lines, fmt.Sprintf("%s: warning: %s", r.Subject, g.Warning))
		}
		if !g.Kept && !g.Reported && g.Detail != "" {
			lines = append(lines, fmt.Sprintf("%s: %s: declared %s, observed %s: %s", r.Subject, g.Name, g.Declared, g.Observed, g.Detail))
		}
	}
	if r.Violation == nil && r.Verdict == history.Inconclusive {
		lines = append(lines, r.Subject+": inconclusive: "+advised(r))
	}
	if by := refutation(r); by != nil && r.Violation != nil && by.Why != r.Violation.Why {
		lines = append(lines, notLevel(r)+": "+by.Why)
	}
	if r.Violation != nil && r.Declared == "" && r.Level == history.LevelLastWriterWins {
		lines = append(lines, r.Subject+": its mapping declares no consistency, so a confirmed change that is lost is a violation; where overlapping requests "+
			"may overwrite each other, say so: consistency: last-writer-wins")
	}
	if r.Survival != nil && !slices.ContainsFunc(r.All(), func(v *history.Violation) bool { return v.Anomaly == history.LostAtRestart }) {
		lines = append(lines, fmt.Sprintf("%s: %s: %s", r.Subject, result.FormatCounted(r.Restarts, "restart"), r.Survival.Sentence()))
	}
	for _, note := range r.Notes {
		lines = append(lines, r.Subject+": "+note)
	}
	return lines
}

// refutation returns what refutes the next stronger consistency level, or nil.
func refutation(r *verify.Report) *history.Violation {
	if r.Refuted == nil {
		return nil
	}
	return r.Refuted.By
}

// notLevel says which level is refuted.
func notLevel(r *verify.Report) string {
	if r.Level == history.LevelNone {
		return fmt.Sprintf("%s: not %s", r.Subject, r.Refuted.Level)
	}
	return fmt.Sprintf("%s: %s, and not %s", r.Subject, r.Level, r.Refuted.Level)
}

// reproduction draws the command that reproduces a violation, in one line, and the number of attempts of this run.
func reproduction(r *verify.Report, v *history.Violation) func(page *sheet.Text) error {
	return func(page *sheet.Text) error {
		if r.Attempts > 0 {
			page.Line("Attempts: " + result.FormatCount(int64(r.Attempts)))
		}
		if v.Command != "" {
			page.Line("Reproduce with: " + v.Command)
		}
		return nil
	}
}

// advised returns why a verdict is inconclusive, with advice. How many operations overlap depends on the scheduler, so further
// rounds may have more.
func advised(r *verify.Report) string {
	if r.Reason == verify.LittleOverlap {
		return r.Why + ": try more rounds (--rounds), or more users (--users)"
	}
	return r.Why
}

// closing returns the closing sentence. After an interruption it begins with the number of subjects verified.
func (f *Document) closing() string {
	if !f.Interrupted || f.Recorded {
		return f.comesTo()
	}
	asked := len(f.Reports) + len(f.Failed) + len(f.Skipped)
	return fmt.Sprintf("%s of %s verified: %s", result.FormatCount(int64(len(f.Reports))), result.FormatCounted(asked, f.what()), f.comesTo())
}

// comesTo summarizes the reports in a sentence.
func (f *Document) comesTo() string {
	all := result.FormatCounted(len(f.Reports), f.what())
	switch missed, good, passed := f.missed(), f.with(history.Linearizable), f.with(history.Passed); {
	case missed != nil:
		return fmt.Sprintf("The checker missed %d of %s: %s.", len(missed), all, strings.Join(missed, ", "))
	case f.onFlaws() && f.convictions() < len(f.Reports):
		return fmt.Sprintf("%d of %s convicted.", f.convictions(), all)
	case f.onFlaws() && len(f.Reports) == 1:
		return all + ", convicted."
	case f.onFlaws():
		return all + ", every one convicted."
	case len(passed) == 1 && len(f.Reports) == 1:
		return fmt.Sprintf("%s, no violation, %s%s.", all, passed[0].Level, evidence(f.Reports))
	case len(good) == 0 && len(f.Reports) == 1:
		return fmt.Sprintf("%s, %s.", all, f.undecided())
	case len(good) < len(f.Reports):
		return fmt.Sprintf("%d of %s linearizable; %s%s.", len(good), all, f.undecided(), evidence(f.Reports))
	case len(good) == 1:
		return all + ", linearizable" + evidence(f.Reports) + "."
	}
	return all + ", every one linearizable" + evidence(f.Reports) + "."
}

// undecided names the subjects that are not, or may not be, linearizable. Some of them need not be.
func (f *Document) undecided() string {
	var parts []string
	if passed := f.with(history.Passed); passed != nil {
		var names []string
		for _, r := range passed {
			names = append(names, fmt.Sprintf("%s (%s)", r.Subject, r.Level))
		}
		parts = append(parts, "no violation by "+strings.Join(names, ", "))
	}
	if guilty := f.with(history.Violated); guilty != nil {
		parts = append(parts, "violated by "+strings.Join(violationsOf(guilty), ", "))
	}
	if doubtful := f.with(history.Inconclusive); doubtful != nil {
		parts = append(parts, "inconclusive: "+strings.Join(subjectsOf(doubtful), ", "))
	}
	return strings.Join(parts, "; ")
}

// evidence returns the counts behind the verdicts, after a colon.
func evidence(list []*verify.Report) string {
	var sessions, operations, certified, searched, crossed, unknown int
	overlapped := 0.0
	for _, r := range list {
		sessions += r.Sessions
		operations += r.Operations
		certified += r.Certified
		searched += r.Searched
		crossed += r.CrossChecked
		unknown += r.Unknown
		overlapped += r.Overlapped * float64(r.Operations)
	}
	if operations == 0 {
		return "" // every process crashed
	}
	text := fmt.Sprintf(": %s, %s, %s overlapped; the witness certified %s",
		result.FormatCounted(sessions, "session"), result.FormatCounted(operations, "operation"),
		result.FormatShare(overlapped/float64(operations)), howMany(certified, sessions))
	if searched > 0 {
		text += ", porcupine decided " + howMany(searched, sessions)
	}
	if crossed > 0 {
		text += ", porcupine agreed on " + result.FormatCounted(crossed, "cross-check")
	}
	if unknown > 0 {
		text += ", " + result.FormatCounted(unknown, "session") + " undecided"
	}
	return text
}

// sensitivity states how rare a race the runs could find, by the rule of three: an event with probability p is missed by n
// independent trials with probability (1-p)^n, which is 5 % for p = 3/n. A trial is a session on which users overlapped. Of several
// stores the one with the fewest trials counts.
func sensitivity(list []*verify.Report) string {
	const least = 30 // trials for which the approximation holds
	n := 0
	for i, r := range list {
		if i == 0 || r.Raced < n {
			n = r.Raced
		}
	}
	if n < least {
		return ""
	}
	of := ""
	if len(list) > 1 {
		of = " or more on each store"
	}
	return fmt.Sprintf("Users overlapped on %s sessions%s: a violation on one in %s such sessions or oftener would have been found "+
		"with a probability of 95 %%; for a narrower race try more rounds (--rounds).",
		result.FormatCount(int64(n)), of, result.FormatCount(int64(n/3)))
}

func howMany(n, all int) string {
	switch n {
	case 0:
		return "none"
	case all:
		return "all"
	}
	return result.FormatCount(int64(n))
}
