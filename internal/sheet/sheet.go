package cmd

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/pkg/twwarp"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// sheet is a plain table whose last column is a sentence. The sentence gets what the other columns leave of the width;
// where that is too little to read it stands under the table.
type sheet struct {
	titles []string
	rows   [][]string // as long as titles; the first cell is the name
}

const (
	sheetGap     = 2
	leastProse   = 30  // characters a line of a sentence needs to be read easily
	defaultWidth = 120 // where no terminal says how wide it is
)

func (s *sheet) write(w io.Writer, columns int) error {
	if columns <= 0 {
		columns = defaultWidth
	}
	last := len(s.titles) - 1
	left := columns - s.facts()
	if left >= max(leastProse, utf8.RuneCountInString(s.titles[last])) {
		rows := make([][]string, len(s.rows))
		for i, row := range s.rows {
			rows[i] = append(append([]string{}, row[:last]...), wrapped(row[last], left))
		}
		return draw(w, s.titles, rows)
	}
	rows := make([][]string, len(s.rows))
	for i, row := range s.rows {
		rows[i] = row[:last]
	}
	if err := draw(w, s.titles[:last], rows); err != nil {
		return err
	}
	for _, row := range s.rows {
		text := wrapped(row[0]+": "+row[last], columns-sheetGap)
		if _, err := fmt.Fprintf(w, "\n%s", strings.ReplaceAll(text, "\n", "\n  ")); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(w)
	return err
}

// facts is the width of all columns but the last, gaps included.
func (s *sheet) facts() (total int) {
	for i, title := range s.titles[:len(s.titles)-1] {
		widest := utf8.RuneCountInString(title)
		for _, row := range s.rows {
			widest = max(widest, utf8.RuneCountInString(row[i]))
		}
		total += widest + sheetGap
	}
	return total
}

func wrapped(text string, width int) string {
	lines, _ := twwarp.WrapString(text, width)
	return strings.Join(lines, "\n")
}

// draw draws a table without borders, one line under the titles.
func draw(w io.Writer, titles []string, rows [][]string) error {
	var drawn strings.Builder
	t := tablewriter.NewTable(&drawn,
		tablewriter.WithEastAsian(tw.Off), // – is one column wide here, whatever the locale
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithHeaderAutoWrap(tw.WrapNone),
		tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithPadding(tw.Padding{Right: strings.Repeat(" ", sheetGap), Overwrite: true}),
		tablewriter.WithHeaderAlignment(tw.AlignLeft),
		tablewriter.WithRowAlignment(tw.AlignLeft),
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders: tw.BorderNone,
			Symbols: tw.NewSymbols(tw.StyleLight),
			Settings: tw.Settings{
				Separators: tw.SeparatorsNone,
				Lines:      tw.Lines{ShowHeaderLine: tw.On, ShowTop: tw.Off, ShowBottom: tw.Off, ShowFooterLine: tw.Off},
			},
		})))
	t.Header(titles)
	for _, row := range rows {
		if err := t.Append(row); err != nil {
			return err
		}
	}
	if err := t.Render(); err != nil {
		return err
	}
	for line := range strings.Lines(drawn.String()) {
		line = strings.TrimSuffix(strings.TrimRight(line, " \n"), strings.Repeat("─", sheetGap))
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}
