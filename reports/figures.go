package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/figure"
	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/internal/stats"
	"github.com/sessbench/sessbench/reports/result"
)

// styles gives each strategy of a document a colour and a marker, the same in all of its figures.
type styles map[string]int

func stylesOf(d *result.Document) styles {
	s := styles{}
	for i := range d.Results {
		s.add(d.Results[i].Strategy)
	}
	return s
}

// add gives a strategy the next style, unless it has one.
func (s styles) add(strategy string) {
	if _, known := s[strategy]; !known {
		s[strategy] = len(s)
	}
}

// figureID returns the id of a figure of the page's n-th scenario, from 0.
func figureID(what string, n int) string { return fmt.Sprintf("%s-%d", what, n+1) }

// runFigures are the figures of a document.
type runFigures struct {
	first    *figure.Figure     // about the conclusion; nil: there is nothing to show
	sections [][]*figure.Figure // of each section, without the first; the most important first
}

// screenRows is the number of rows for which a screen of 1280 × 800 pixels has room, with what belongs to the figure.
const screenRows = 11

// tall reports whether a figure, which may be nil, takes the whole screen.
func tall(f *figure.Figure) bool {
	if f == nil {
		return false
	}
	rows, ok := f.Body.(figure.Rows)
	return ok && len(rows) > screenRows
}

// lead adds the first figures of a page. from adds the machine and the command: above a figure that takes the whole screen, otherwise
// below the figures.
func lead(p *sheet.Page, from func(), figures ...*figure.Figure) {
	above := tall(figures[0])
	if above {
		from()
	}
	for _, f := range figures {
		p.Figure(f)
	}
	if !above {
		from()
	}
}

// figuresOf returns the figures of a document with these sections.
func figuresOf(d *result.Document, all []*section) (f runFigures) {
	of := stylesOf(d)
	for n, s := range all {
		list := slices.DeleteFunc([]*figure.Figure{s.rowsFigure(n, of), s.curves(n, of), s.seriesFigure(n, of)},
			func(f *figure.Figure) bool { return f == nil })
		if len(all) == 1 && len(list) > 0 {
			f.first, list = list[0], list[1:]
		}
		f.sections = append(f.sections, list)
	}
	if len(all) > 1 {
		f.first = summaryFigure(all, of)
	}
	return f
}

// curves shows how times depend on the rate where rates were searched for, and else their distribution.
func (s *section) curves(n int, of styles) *figure.Figure {
	if s.searched() {
		return s.probesFigure(n, of)
	}
	return s.latencyFigure(n, of)
}

// stateOf returns the state of a result in figures, and why it is that. measured reports whether the result has values, as in
// the tables.
func (s *section) stateOf(r *result.Result) (state figure.State, why string, measured bool) {
	saturated := strings.TrimPrefix(judge.Saturated(r), "saturated: ")
	switch {
	case r.Failed():
		return figure.Struck, strings.Join(judge.ViolationKinds(r), ", "), false
	case len(r.Trials) == 0:
		return figure.Valid, "no trial was completed", false
	case judge.AuditUndecided(r) != "":
		return figure.Undecided, judge.AuditUndecided(r), false
	case !r.Audited():
		return figure.Unranked, "stores nothing, so it is not audited", true
	case r.Note != "":
		return figure.Unranked, r.Note, true
	case s.searched(): // at a rate that is too high on purpose
	case saturated != "":
		return figure.Saturated, saturated, true
	case judge.WhyUnranked(r) != "":
		return figure.Unranked, judge.WhyUnranked(r), true
	}
	if judge.HarnessBound(r) {
		why = "at least half of the cost is the harness"
	}
	return figure.Valid, why, true
}

// ordered returns the results in the order of a figure: those that are ranked, the best first, then the others, of which struck ones
// come last.
func (s *section) ordered() []*result.Result {
	rank := map[*result.Result]int{}
	for i, r := range s.quantity().ranking(s) {
		rank[r] = i - len(s.results)
	}
	list := slices.Clone(s.results)
	slices.SortStableFunc(list, func(a, b *result.Result) int {
		of := func(r *result.Result) int {
			if i, ranked := rank[r]; ranked {
				return i
			}
			state, _, measured := s.stateOf(r)
			switch {
			case state == figure.Struck:
				return 3
			case !measured:
				return 2
			case state == figure.Saturated:
				return 1
			}
			return 0
		}
		return cmp.Compare(of(a), of(b))
	})
	return list
}

// rowsFigure has a row per result, with the quantity that the section is ranked by; nil: no result has it.
func (s *section) rowsFigure(n int, of styles) *figure.Figure {
	q := s.quantity()
	var rows figure.Rows
	for _, r := range s.ordered() {
		rows = append(rows, s.row(r, q, of))
	}
	if !slices.ContainsFunc(rows, func(r figure.Row) bool { return !r.Empty }) {
		return nil
	}
	f := &figure.Figure{
		ID: figureID(q.id, n), Title: s.scenario + ": " + q.title(s), Desc: q.desc, Of: "strategy", X: q.axis(s), Body: rows,
	}
	q.limit(s, q.ranking(s)).mark(&f.X)
	f.Notes = q.notes(rows, s.mostTrials())
	if took := s.longest(); took > 0 && took < metric.ShortTrial {
		f.Notes = append(f.Notes,
			"No trial took longer than "+result.FormatNs(int64(took))+": differences between these rows mean little.")
	}
	if ranked := s.ranking(); !s.open() && !judge.SameDelays(ranked) {
		f.Notes = append(f.Notes, s.verdict(ranked))
	}
	return f
}

// row is the row of a result.
func (s *section) row(r *result.Result, q *quantity, of styles) figure.Row {
	row := figure.Row{Name: r.Strategy, Style: of[r.Strategy]}
	state, why, measured := s.stateOf(r)
	missing := ""
	if measured {
		row.Point, missing = q.point(r)
	}
	row.Empty = !measured || missing != ""
	row.State, row.Note = state, joined(row.Note, cmp.Or(why, missing))
	return row
}

func joined(a, b string) string {
	if a != "" && b != "" {
		return a + "; " + b
	}
	return a + b
}

// notes are what has to be known about all rows, which have at most so many trials.
func (q *quantity) notes(rows figure.Rows, trials int) []string {
	bounded := func(r figure.Row) bool { return r.Interval != nil }
	switch {
	case q.values == nil || slices.ContainsFunc(rows, bounded):
		return nil
	case trials < stats.MinSamples:
		return []string{fmt.Sprintf("No intervals: they need %d trials.", stats.MinSamples)}
	case q == &responses:
		return []string{"No intervals: the p99 is that of all trials together, or a lower bound."}
	}
	return nil
}

// mostTrials is the largest number of trials of a result.
func (s *section) mostTrials() (n int) {
	for _, r := range s.results {
		n = max(n, len(r.Trials))
	}
	return n
}

// summaryFigure has a row per scenario with the best of its results; nil: no scenario has one.
func summaryFigure(all []*section, of styles) *figure.Figure {
	q := quantityOf(all)
	var rows figure.Rows
	for _, s := range all {
		ranked := q.ranking(s)
		if len(ranked) == 0 {
			rows = append(rows, figure.Row{Name: s.scenario, Empty: true, Point: figure.Point{Note: "no row can be ranked"}})
			continue
		}
		row := s.row(ranked[0], q, of)
		row.Name = s.scenario
		row.Note = joined(standing(q.tied(ranked)), row.Note)
		rows = append(rows, row)
	}
	if !slices.ContainsFunc(rows, func(r figure.Row) bool { return !r.Empty }) {
		return nil
	}
	f := &figure.Figure{ID: "summary", Title: "The best strategy of each scenario: " + q.title(all[0]), Desc: q.desc, Of: "scenario",
		X: q.axis(all[0]), Body: rows}
	f.Notes = q.notes(rows, all[0].mostTrials())
	return f
}

// mostNames is the number of strategies that a note names.
const mostNames = 3

// standing names the first of the results, and those that cannot be distinguished from it.
func standing(tied []*result.Result) string {
	names := labels(tied)
	if more := len(names) - mostNames; more > 0 {
		names = append(names[:mostNames:mostNames], fmt.Sprintf("%d more", more))
	}
	if len(names) == 1 {
		return names[0]
	}
	return names[0] + ", tied with " + strings.Join(names[1:], ", ")
}
