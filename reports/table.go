package reports

import (
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/reports/result"
)

var _ = register(Format{
	Name:      "table",
	Extension: ".txt",
	Doc:       "for people at a terminal: a table per scenario, its legend and the conclusion",
	Write:     writeTable,
})

const (
	gap        = 2   // blanks between columns
	proseWidth = 120 // if the width of the output is unknown
)

// ANSI sequences. They take no room on the screen, and tablewriter counts them so.
const (
	ansiStrike = "\x1b[9m"
	ansiRed    = "\x1b[31m"
	ansiBold   = "\x1b[1m"
	ansiOff    = "\x1b[0m"
)

func writeTable(w io.Writer, d *result.Document, o Options) error {
	p := &page{o: o}
	all := sections(d)
	for _, s := range all {
		if err := p.section(s); err != nil {
			return err
		}
	}
	if len(all) > 0 {
		for _, l := range legends(all) {
			p.prose(pad(l.term, len("× baseline")), l.text, "")
		}
		p.line("")
	}
	for _, line := range notes(d) {
		p.prose("", line, "")
	}
	if p.text.Len() > 0 {
		p.line("")
	}
	for _, line := range closings(d, all) {
		p.prose("", line, ansiBold)
	}
	_, err := io.WriteString(w, p.text.String())
	return err
}

// page collects the text, so that only the one write at the end can fail.
type page struct {
	o    Options
	text strings.Builder
}

func (p *page) section(s *section) error {
	p.prose("", judge.Heading(s.doc, s.results), ansiBold)
	p.line("")
	g := newGrid(s, p.o.Width)
	if err := p.table(g, s); err != nil {
		return err
	}
	p.line("")
	if len(g.left) > 0 {
		p.prose("", "Omitted for lack of width: "+and(g.left)+".", "")
		p.line("")
	}
	for _, problem := range s.problems() {
		p.prose("", problem.headline, ansiRed)
		for _, detail := range problem.details {
			p.prose(" ", detail, "")
		}
		p.line("")
	}
	return nil
}

// table draws the grid: no borders, one line under the titles.
func (p *page) table(g *grid, s *section) error {
	align := make([]tw.Align, len(g.columns))
	for i, c := range g.columns {
		if align[i] = tw.AlignRight; c.left {
			align[i] = tw.AlignLeft
		}
	}
	var drawn strings.Builder
	t := tablewriter.NewTable(&drawn,
		tablewriter.WithEastAsian(tw.Off), // × ± – † are one column wide here, whatever the locale
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithHeaderAutoWrap(tw.WrapNone),
		tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithTrimSpace(tw.Off), // the blanks in a cell align its note
		tablewriter.WithPadding(tw.Padding{Right: strings.Repeat(" ", gap), Overwrite: true}),
		tablewriter.WithHeaderAlignmentConfig(tw.CellAlignment{PerColumn: align}),
		tablewriter.WithAlignment(align),
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders: tw.BorderNone,
			Symbols: tw.NewSymbols(tw.StyleLight),
			Settings: tw.Settings{
				Separators: tw.SeparatorsNone,
				Lines:      tw.Lines{ShowHeaderLine: tw.On, ShowTop: tw.Off, ShowBottom: tw.Off, ShowFooterLine: tw.Off},
			},
		})))
	t.Header(g.titles())
	for i, r := range s.results {
		if err := t.Append(p.paint(g.rows[i], judge.Failed(r))); err != nil {
			return err
		}
	}
	if err := t.Render(); err != nil {
		return err
	}
	for line := range strings.Lines(drawn.String()) {
		line = strings.TrimRight(line, "\n")
		p.line(strings.TrimSuffix(line, strings.Repeat("─", gap))) // the rule ends with the last column, not with its gap
	}
	return nil
}

// paint strikes out the row of a result whose audit failed, if the terminal supports it.
func (p *page) paint(row []string, failed bool) []string {
	if !failed || !p.o.Color {
		return row
	}
	row = slices.Clone(row)
	for i, text := range row[:len(row)-1] {
		struck := strings.TrimRight(text, " ")
		row[i] = ansiStrike + struck + ansiOff + text[len(struck):]
	}
	last := len(row) - 1 // what happened is to be read, not struck
	row[last] = ansiRed + row[last] + ansiOff
	return row
}

// prose writes text after a term, wrapped into lines indented by the term's width.
func (p *page) prose(term, text, style string) {
	indent := ""
	if term != "" {
		indent = strings.Repeat(" ", utf8.RuneCountInString(term)+gap)
		term += strings.Repeat(" ", gap)
	}
	width := p.o.Width
	if width <= 0 {
		width = proseWidth
	}
	for i, line := range wrap(clean(text), width-utf8.RuneCountInString(indent)) {
		if p.o.Color && style != "" {
			line = style + line + ansiOff
		}
		if i == 0 {
			line = term + line
		} else {
			line = indent + line
		}
		p.line(line)
	}
}

func (p *page) line(s string) { p.text.WriteString(strings.TrimRight(s, " \n") + "\n") }

// wrap breaks text at blanks into lines of at most width characters, except for longer words.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}

// grid is a section's table as text, with aligned notes and only as many columns as the width
// allows.
type grid struct {
	columns []column
	rows    [][]string
	left    []string // the titles of columns that there was no room for
}

func newGrid(s *section, width int) *grid {
	g := &grid{columns: s.columns()}
	g.fill(s)
	for width > 0 && g.width() > width {
		at := 0
		for i, c := range g.columns {
			if c.spare > g.columns[at].spare {
				at = i
			}
		}
		if g.columns[at].spare == 0 {
			break // what is left is what the table is for
		}
		g.left = append(g.left, g.columns[at].title)
		g.columns = slices.Delete(g.columns, at, at+1)
		g.fill(s)
	}
	return g
}

// fill formats the cells. Notes are padded to the widest of their column, so that the values
// before them align.
func (g *grid) fill(s *section) {
	g.rows = make([][]string, len(s.results))
	for _, c := range g.columns {
		cells := make([]cell, len(s.results))
		notes := 0
		for i, r := range s.results {
			cells[i] = c.get(r)
			notes = max(notes, utf8.RuneCountInString(cells[i].note))
		}
		for i, x := range cells {
			text := clean(x.figure)
			switch {
			case c.left && x.note != "":
				text += " " + x.note
			case !c.left && notes > 0:
				text += " " + strings.Repeat(" ", notes-utf8.RuneCountInString(x.note)) + x.note
			}
			g.rows[i] = append(g.rows[i], text)
		}
	}
}

func (g *grid) titles() []string {
	titles := make([]string, len(g.columns))
	for i, c := range g.columns {
		titles[i] = c.title
	}
	return titles
}

// width is how many characters a line of the table takes.
func (g *grid) width() int {
	total := -gap
	for i, c := range g.columns {
		widest := utf8.RuneCountInString(c.title)
		for _, row := range g.rows {
			widest = max(widest, utf8.RuneCountInString(row[i]))
		}
		total += widest + gap
	}
	return total
}

// pad fills text with blanks on the right to width characters.
func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
}
