package findings

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/internal/timeline"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/reports"
	"github.com/sessbench/sessbench/reports/result"
)

// Write writes the document as text: the table with a legend, each violation as a timeline, and a closing sentence.
func (f *Document) Write(w io.Writer, screen reports.Options) error {
	p := &page{screen: screen}
	var err error
	if f.onFlaws() {
		err = p.killMatrix(f)
	} else {
		err = p.table(f)
	}
	if err == nil && (!f.onFlaws() || len(f.Reports) == 1) { // of several, the matrix is enough
		err = p.violations(f)
	}
	if err != nil {
		return err
	}
	if text := sensitivity(f.with(history.Linearizable)); text != "" {
		p.prose("", text)
		p.line("")
	}
	p.prose(ansiBold, f.closing())
	_, err = io.WriteString(w, p.text.String())
	return err
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

// ANSI sequences.
const (
	ansiRed  = "\x1b[31m"
	ansiBold = "\x1b[1m"
	ansiOff  = "\x1b[0m"
)

// page collects the text, which is written at once at the end.
type page struct {
	screen reports.Options
	text   strings.Builder
}

func (p *page) columns() int {
	if p.screen.Width > 0 {
		return p.screen.Width
	}
	return sheet.DefaultWidth
}

func (p *page) line(text string) { p.text.WriteString(text + "\n") }

func (p *page) prose(style, text string) {
	for line := range strings.SplitSeq(sheet.Wrap(text, p.columns()), "\n") {
		p.line(p.paint(style, line))
	}
}

func (p *page) paint(style, text string) string {
	if style == "" || !p.screen.Color {
		return text
	}
	return style + text + ansiOff
}

// cell is one cell of a table.
type cell struct {
	text string
	loud bool // shown in red
}

// table draws one row per subject. If the table is too wide, the guarantees have tables of their own.
func (p *page) table(f *Document) error {
	promised := promisesOf(f.Reports)
	titles := append([]string{f.what(), "verdict"}, promised...)
	var rows [][]cell
	for _, r := range f.Reports {
		row := []cell{{text: r.Subject}, {string(r.Verdict), r.Verdict != history.Linearizable}}
		for _, name := range promised {
			row = append(row, promise(r, name))
		}
		rows = append(rows, append(row, figures(r)...))
	}
	titles = append(titles, figureTitles...)
	parts := [][]int{numbers(0, len(titles))}
	if widths := widthsOf(titles, rows); len(promised) > 0 && tableWidth(widths, parts[0]) > p.columns() {
		done := append(numbers(0, 2), numbers(2+len(promised), len(titles))...)
		parts = append([][]int{done}, p.folded(widths, numbers(2, 2+len(promised)))...)
	}
	for _, some := range parts {
		if err := p.draw(titles, rows, some); err != nil {
			return err
		}
	}
	p.legend(promised)
	return nil
}

// numbers returns the integers from lo to hi-1.
func numbers(lo, hi int) (list []int) {
	for i := lo; i < hi; i++ {
		list = append(list, i)
	}
	return list
}

// draw draws some of the columns, and an empty line below.
func (p *page) draw(titles []string, rows [][]cell, some []int) error {
	var head []string
	for _, i := range some {
		head = append(head, titles[i])
	}
	var body [][]string
	for _, row := range rows {
		var texts []string
		for _, i := range some {
			style := ""
			if row[i].loud {
				style = ansiRed
			}
			texts = append(texts, p.paint(style, row[i].text))
		}
		body = append(body, texts)
	}
	if err := sheet.Draw(&p.text, head, body); err != nil {
		return err
	}
	p.line("")
	return nil
}

// folded splits columns into tables that fit, each with the names of the subjects as its first column.
func (p *page) folded(widths, columns []int) (parts [][]int) {
	part := []int{0}
	for _, i := range columns {
		if len(part) > 1 && tableWidth(widths, append(slices.Clone(part), i)) > p.columns() {
			parts, part = append(parts, part), []int{0}
		}
		part = append(part, i)
	}
	return append(parts, part)
}

func widthsOf(titles []string, rows [][]cell) (widths []int) {
	for i, title := range titles {
		widest := utf8.RuneCountInString(title)
		for _, row := range rows {
			widest = max(widest, utf8.RuneCountInString(row[i].text))
		}
		widths = append(widths, widest)
	}
	return widths
}

// tableWidth is the width of a table of some columns.
func tableWidth(widths, some []int) int {
	total := sheet.Gap * (len(some) - 1)
	for _, i := range some {
		total += widths[i]
	}
	return total
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
func promise(r *verify.Report, name string) cell {
	i := slices.IndexFunc(r.Guarantees, func(g verify.Guarantee) bool { return g.Name == name })
	if i < 0 {
		return cell{text: result.Nothing}
	}
	g := r.Guarantees[i]
	switch {
	case !g.Kept && g.Observed != result.Nothing:
		return cell{g.Declared + "/" + strings.ToUpper(g.Observed), true}
	case g.Observed == g.Declared && g.Declared != "no":
		return cell{text: g.Declared + "/yes"} // shorter than "while queued/while queued"
	}
	return cell{text: g.Declared + "/" + g.Observed}
}

var figureTitles = []string{"sessions", "operations", "overlapped", "time"}

func figures(r *verify.Report) []cell {
	if r.Operations == 0 { // its process crashed before its report
		return []cell{{text: result.Nothing}, {text: result.Nothing}, {text: result.Nothing}, {text: result.FormatNs(r.ElapsedNs)}}
	}
	return []cell{
		{text: result.FormatCount(int64(r.Sessions))},
		{text: result.FormatCount(int64(r.Operations))},
		{text: result.FormatShare(r.Overlapped)},
		{text: result.FormatNs(r.ElapsedNs)},
	}
}

// legend explains the columns that the table has.
func (p *page) legend(promised []string) {
	const term = 19 // columns for the words that are explained
	if len(promised) > 0 {
		p.explain(term, "yes/yes", "declared by the strategy / observed here: – not observed, capitals: a declared guarantee that does not hold")
	}
	for _, l := range [][2]string{
		{"linearizable", "some order of the operations explains every result and keeps the order of operations that do not overlap"},
		{"exclusive updates", "an update's closure runs once, and no other operation uses that session meanwhile"},
		{"reentrant", "the closure of an update may use the session that it holds"},
		{"cancellable", "waiting for a busy session ends when the ctx of the caller ends"},
		{"rollback", "a failed update leaves the session as it was"},
		{"leak-free", "nothing is kept for removed sessions"},
		{"fair share", "updates of the slowest of several users of one session, divided by their mean; starvation violates yes/"},
	} {
		if slices.Contains(promised, l[0]) {
			p.explain(term, l[0], l[1])
		}
	}
	p.explain(term, "overlapped", "share of operations that overlapped another one on their session; too few prove nothing")
	p.line("")
}

func (p *page) explain(columns int, term, text string) {
	indent := strings.Repeat(" ", columns)
	text = sheet.Wrap(text, p.columns()-columns)
	p.line(fmt.Sprintf("%-*s", columns, term) + strings.ReplaceAll(text, "\n", "\n"+indent))
}

// killMatrix draws one row per flawed store: its violation and the detector.
func (p *page) killMatrix(f *Document) error {
	s := &sheet.Sheet{Titles: []string{"flaw", "convicted of", "by", "time", "copies"}}
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
		s.Rows = append(s.Rows, row)
	}
	if err := s.Write(&p.text, p.columns()); err != nil {
		return err
	}
	p.line("")
	return nil
}

// violations shows the violations of each subject and how to reproduce them.
func (p *page) violations(f *Document) error {
	for _, r := range f.Reports {
		for _, g := range r.Guarantees {
			if g.Warning != "" {
				p.prose("", fmt.Sprintf("%s: warning: %s", r.Subject, g.Warning))
				p.line("")
			}
			if !g.Kept && !g.Reported && g.Detail != "" {
				p.prose("", fmt.Sprintf("%s: %s: declared %s, observed %s: %s", r.Subject, g.Name, g.Declared, g.Observed, g.Detail))
				p.line("")
			}
		}
		switch v := r.Violation; {
		case v != nil:
			p.prose(ansiBold, r.Subject+": "+string(v.Anomaly))
			p.line("")
			if err := timeline.Write(&p.text, v, p.screen.Width, p.screen.Color); err != nil {
				return err
			}
			p.line("")
			p.reproduction(r, v)
			for _, other := range r.Others {
				p.prose(ansiBold, r.Subject+": also: "+string(other.Anomaly))
				p.line("")
				p.prose("", other.Why)
				p.line("")
				p.reproduction(r, other)
			}
		case r.Verdict == history.Inconclusive:
			p.prose("", r.Subject+": inconclusive: "+advised(r))
			p.line("")
		}
	}
	return nil
}

// reproduction shows the command that reproduces a violation, and the number of attempts of this run.
func (p *page) reproduction(r *verify.Report, v *history.Violation) {
	if r.Attempts > 0 {
		p.line(fmt.Sprintf("Attempts: %s", result.FormatCount(int64(r.Attempts))))
	}
	if v.Command != "" {
		p.line("Reproduce with: " + v.Command)
	}
	p.line("")
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
	return fmt.Sprintf("%s of %s verified: %s", result.FormatCount(int64(len(f.Reports))), sheet.Count(asked, f.what()), f.comesTo())
}

// comesTo summarizes the reports in a sentence.
func (f *Document) comesTo() string {
	all := sheet.Count(len(f.Reports), f.what())
	switch missed, good := f.missed(), f.with(history.Linearizable); {
	case missed != nil:
		return fmt.Sprintf("The checker missed %d of %s: %s.", len(missed), all, strings.Join(missed, ", "))
	case f.onFlaws() && f.convictions() < len(f.Reports):
		return fmt.Sprintf("%d of %s convicted.", f.convictions(), all)
	case f.onFlaws() && len(f.Reports) == 1:
		return all + ", convicted."
	case f.onFlaws():
		return all + ", every one convicted."
	case len(good) == 0 && len(f.Reports) == 1:
		return fmt.Sprintf("%s, %s.", all, f.undecided())
	case len(good) < len(f.Reports):
		return fmt.Sprintf("%d of %s linearizable; %s%s.", len(good), all, f.undecided(), evidence(f.Reports))
	case len(good) == 1:
		return all + ", linearizable" + evidence(f.Reports) + "."
	}
	return all + ", every one linearizable" + evidence(f.Reports) + "."
}

// undecided names the subjects that are not, or may not be, linearizable.
func (f *Document) undecided() string {
	var parts []string
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
		sheet.Count(sessions, "session"), sheet.Count(operations, "operation"),
		result.FormatShare(overlapped/float64(operations)), howMany(certified, sessions))
	if searched > 0 {
		text += ", porcupine decided " + howMany(searched, sessions)
	}
	if crossed > 0 {
		text += ", porcupine agreed on " + sheet.Count(crossed, "cross-check")
	}
	if unknown > 0 {
		text += ", " + sheet.Count(unknown, "session") + " undecided"
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
