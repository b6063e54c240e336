package reports

import (
	"slices"
	"strings"
	"time"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/reports/result"
)

var _ = register(Format{
	Name:      "json",
	Extension: ".json",
	Doc:       "the whole result document, from which every other format can be made later",
	Write:     asJSON[*result.Document],
})

var _ = register(Format{
	Name:      "csv",
	Extension: ".csv",
	Doc:       "one row per trial, for spreadsheets and data frames",
	Write:     asCSV(trialRows),
})

var _ = register(Format{
	Name:      "table",
	Extension: ".txt",
	Doc:       "for people at a terminal: a table per scenario, its legend and the conclusion",
	Write:     asText(runPage),
})

var _ = register(Format{
	Name:      "markdown",
	Extension: ".md",
	Doc:       "the table for a README or a pull request (GitHub Markdown)",
	Write:     asMarkdown(runPage, 0),
})

var _ = register(Format{
	Name:      "html",
	Extension: ".html",
	Doc:       "a page with figures, in one file, for a browser, a mail or print",
	Write:     asHTML(runPage),
})

var _ = register(svgFormat(runPage, ".svg"))

// legendSummary is the title of the legend in Markdown.
const legendSummary = "Legend and environment"

func runPage(d *result.Document, o Options) *sheet.Page {
	all := sections(d)
	if d.Sweep != nil && len(all) > 0 {
		return sweepPage(d, all, o)
	}
	if o.Medium == sheet.Web {
		return runWebPage(d, all, o)
	}
	p := &sheet.Page{}
	for _, s := range all {
		s.page(p)
		s.explanation(p, o)
	}
	if o.Medium == sheet.Markdown {
		p.Say(sheet.Bold, closings(d, all)...)
		if o.Drawn() {
			addFigures(p, figuresOf(d, all))
		}
		p.Fold(legendSummary)
		p.Legend(legends(all))
		p.List(sheet.Plain, "", append(notes(d), toolLine(d.Tool, d.Created, d.Config.Command)))
		return p
	}
	p.Legend(legends(all))
	p.Say(sheet.Plain, notes(d)...)
	p.Say(sheet.Bold, closings(d, all)...)
	return p
}

// addFigures adds the first figure, and the others in a fold.
func addFigures(p *sheet.Page, f runFigures) {
	p.Figure(f.first)
	if others := slices.Concat(f.sections...); len(others) > 0 {
		p.Fold("More figures")
		for _, f := range others {
			p.Figure(f)
		}
	}
}

// runWebPage begins with what a reader looks for first: the conclusion, its figure, the machine and the command.
func runWebPage(d *result.Document, all []*section, o Options) *sheet.Page {
	p, figures := &sheet.Page{}, figuresOf(d, all)
	headline, more := conclusion(all)
	p.Heading(sheet.Bold, headline)
	p.Say(sheet.Alarm, endings(d)...)
	p.Say(sheet.Worse, excluded(all))
	p.Say(sheet.Plain, more...)
	lead(p, func() {
		p.Say(sheet.Dim, judge.MachineLine(&d.Machine), toolLine(d.Tool, d.Created, ""))
		p.Command(d.Config.Command)
	}, figures.first)
	for i, s := range all {
		p.Heading(sheet.Bold, judge.Heading(s.doc, s.results))
		if len(all) > 1 {
			p.Say(sheet.Bold, strings.Join(s.closing(), " "))
		}
		shown := figures.sections[i]
		if len(all) > 1 && len(shown) > 0 { // the figure of the rows, which begins the page if there is one scenario
			p.Figure(shown[0])
			shown = shown[1:]
		}
		s.tables(p)
		for _, f := range shown {
			p.Figure(f)
		}
		s.explanation(p, o)
	}
	p.Heading(sheet.Plain, legendSummary)
	p.Legend(legends(all))
	p.List(sheet.Plain, "", notes(d))
	return p
}

// page adds the section: its heading, table and problems.
func (s *section) page(p *sheet.Page) {
	p.Heading(sheet.Bold, judge.Heading(s.doc, s.results))
	s.tables(p)
}

func (s *section) tables(p *sheet.Page) {
	p.Table(s.table())
	s.problems(p)
}

// table returns the section's table. The row of a result whose audit failed is struck, except for what happened.
func (s *section) table() *sheet.Table {
	t := &sheet.Table{Rows: make([][]sheet.Cell, len(s.results))}
	for _, c := range s.columns() {
		t.Columns = append(t.Columns, c.Column)
		for i, r := range s.results {
			t.Rows[i] = append(t.Rows[i], c.get(r))
		}
	}
	for i, r := range s.results {
		if row := t.Rows[i]; r.Failed() {
			row[0].Style, row[len(row)-1].Style = sheet.Struck, sheet.Worse
		}
	}
	return t
}

// toolLine states the version that wrote a document, when, and its command line if there is one.
func toolLine(tool result.Tool, created time.Time, command string) string {
	line := "sessbench " + tool.Version
	if tool.Commit != "" {
		line += " (" + judge.ShortHash(tool.Commit) + ")"
	}
	line += ", " + created.UTC().Format("2006-01-02 15:04 UTC")
	if command != "" {
		line += ": " + command
	}
	return line
}

// provenance states where the documents are from, with their command lines if these are not that of the page. A machine is
// described once.
func provenance(documents []judge.DocumentInfo, commands bool) (list []sheet.Term) {
	var last result.Machine
	for _, d := range documents {
		if !commands {
			d.Command = ""
		}
		list = append(list, sheet.Term{Term: d.Label, Text: toolLine(d.Tool, d.Created, d.Command)})
		line := judge.MachineLine(&d.Machine)
		d.Machine.Load1 = 0 // never twice the same
		if line != "" && d.Machine != last {
			list = append(list, sheet.Term{Text: line})
			last = d.Machine
		}
	}
	return list
}
