// Package sheet lays out pages: what a document says, as text for a terminal, as Markdown and as HTML with figures.
package sheet

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"

	"github.com/sessbench/sessbench/internal/printable"
)

const (
	Gap          = 2   // between two columns
	DefaultWidth = 120 // without a terminal
	leastProse   = 30  // least width of a sentence
)

// Wrap breaks a text at blanks into lines of at most the given width, except for longer words.
// (The dependency twwarp makes all lines as long as the longest word.)
func Wrap(text string, columns int) string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case width(line)+1+width(word) > columns:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	return strings.Join(append(lines, line), "\n")
}

// width is the number of columns that a text takes.
func width(text string) int { return utf8.RuneCountInString(text) }

// Clean makes text safe for one line of output: without control characters, escape sequences, bidirectional characters
// and line ends. Blanks are unchanged, because a command line depends on them.
func Clean(text string) string { return lineEnds.Replace(printable.Text(text)) }

var lineEnds = strings.NewReplacer("\n", " ", "\t", " ")

// Sentence adds a capital letter and a full stop, unless text ends with a mark.
func Sentence(text string) string {
	r := []rune(strings.TrimSpace(text))
	if len(r) == 0 {
		return ""
	}
	r[0] = unicode.ToUpper(r[0])
	if !strings.ContainsRune(".!?…", r[len(r)-1]) {
		r = append(r, '.')
	}
	return string(r)
}

// And joins names as in a sentence.
func And(names []string) string {
	if n := len(names) - 1; n > 0 {
		return strings.Join(names[:n], ", ") + " and " + names[n]
	}
	return strings.Join(names, "")
}

// draw draws a table without borders, one line under the titles.
func draw(w io.Writer, titles []string, rows [][]string, align []tw.Align) error {
	var drawn strings.Builder
	t := tablewriter.NewTable(&drawn,
		tablewriter.WithEastAsian(tw.Off), // × ± – † are one column wide here, whatever the locale
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithHeaderAutoWrap(tw.WrapNone),
		tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithTrimSpace(tw.Off), // the blanks in a cell align its note
		tablewriter.WithPadding(tw.Padding{Right: strings.Repeat(" ", Gap), Overwrite: true}),
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
		line = strings.TrimSuffix(strings.TrimRight(line, " \n"), strings.Repeat("─", Gap)) // the rule ends with the last column
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}
