package reports

import (
	"fmt"
	"strings"

	"github.com/sessbench/sessbench/internal/figure"
	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/reports/result"
)

// styles gives each strategy of a document a colour and a marker, the same in all of its figures.
type styles map[string]int

func stylesOf(d *result.Document) styles {
	s := styles{}
	for i := range d.Results {
		if _, known := s[d.Results[i].Strategy]; !known {
			s[d.Results[i].Strategy] = len(s)
		}
	}
	return s
}

// figureID returns the id of a figure of the page's n-th scenario, from 0.
func figureID(what string, n int) string { return fmt.Sprintf("%s-%d", what, n+1) }

// ratioFigure shows the throughput of a closed loop's rows as multiples of the baseline, the fastest first; nil: there is no baseline
// or nothing to compare.
func (s *section) ratioFigure(n int, of styles) *figure.Figure {
	if s.baseline == nil || s.open() || s.searched() || len(s.results) < 2 {
		return nil
	}
	var rows figure.Rows
	for _, r := range s.ordered() {
		row := figure.Row{Name: r.Strategy, Style: of[r.Strategy]}
		switch vs := r.Summary.VsBaseline; {
		case r.Failed():
			row.Empty, row.State, row.Note = true, figure.Struck, strings.Join(judge.ViolationKinds(r), ", ")
		case r.Baseline:
			row.X, row.Note = 1, "baseline"
		case vs == nil:
			row.Empty, row.Note = true, r.Summary.NoRatio
		default:
			row.X, row.Note = vs.Ratio, judge.WhyUnranked(r)
			if vs.Hi > 0 {
				row.Interval = &figure.Interval{Low: vs.Lo, High: vs.Hi}
			}
		}
		rows = append(rows, row)
	}
	return &figure.Figure{
		ID: figureID("ratio", n), Title: s.scenario + ": throughput, as a multiple of " + s.baseline.Strategy,
		Desc: "The median of the ratios per block, with its 95 % confidence interval.", Of: "strategy",
		X:    figure.Axis{Label: "× " + s.baseline.Strategy, Unit: figure.Ratio, Scale: figure.Log, Lines: []figure.Line{{At: 1, Label: s.baseline.Strategy}}},
		Body: rows,
	}
}

// ordered returns the results in the order of a figure: ranked ones, the fastest first, then the others.
func (s *section) ordered() []*result.Result {
	list := s.ranking()
	in := map[*result.Result]bool{}
	for _, r := range list {
		in[r] = true
	}
	for _, r := range s.results {
		if !in[r] {
			list = append(list, r)
		}
	}
	return list
}
