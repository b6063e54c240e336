package reports

import (
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

// legendSummary is the title of the legend in Markdown.
const legendSummary = "Legend and environment"

func runPage(d *result.Document, _ Options, markdown bool) *sheet.Page {
	p := &sheet.Page{}
	all := sections(d)
	for _, s := range all {
		p.Heading(sheet.Bold, judge.Heading(s.doc, s.results))
		p.Table(s.table())
		s.problems(p)
	}
	if markdown {
		p.Say(sheet.Bold, closings(d, all)...)
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
