// Package reports writes result documents for people and programs, one format per file, and lists of strategies, scenarios and logs.
// Like package scenarios it is not stable.
package reports

import (
	"encoding/csv"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/outfile"
	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/reports/result"
)

// FormatOf is one way to write a document: a [result.Document], a [judge.Comparison], a [judge.Check], a [judge.Trend], a [Listing]
// or a list of [Log].
type FormatOf[T any] struct {
	Name      string // on the command line
	Extension string // of files in this format, with its dot; only formats of results have one
	Doc       string // one line: who reads it

	// Write writes the whole of it to w and returns w's error. It does not change it. The summaries of a result are filled.
	Write func(w io.Writer, it T, o Options) error

	// Files returns the files of a format that is written to a directory. Write writes their content to a stream. nil: the format is
	// written to a file.
	Files func(it T) ([]outfile.File, error)
}

// Format is one way to write a result document.
type Format = FormatOf[*result.Document]

// kind is what the formats of a kind of document are made from.
type kind[T any] struct {
	name  string // of a document
	rows  string // what a row of the CSV is
	shows string // what the tables show
	page  builder[T]
	limit int                   // bytes of Markdown; 0: as many as it takes
	csv   func(it T) [][]string // nil: no CSV
	drawn bool                  // the page has figures
}

// formats returns the formats of the kind by name, and further ones.
func (k kind[T]) formats(more ...FormatOf[T]) []FormatOf[T] {
	list := append([]FormatOf[T]{
		{Name: "html", Doc: "a page with figures, in one file, for a browser, a mail or print", Write: asHTML(k.page)},
		{Name: "json", Doc: "the whole " + k.name + ", for programs", Write: asJSON[T]},
		{Name: "markdown", Doc: "for a pull request (GitHub Markdown)", Write: asMarkdown(k.page, k.limit)},
		{Name: "table", Doc: "for people at a terminal: " + k.shows, Write: asText(k.page)},
	}, more...)
	if k.csv != nil {
		list = append(list, FormatOf[T]{Name: "csv", Doc: k.rows + ", for spreadsheets and data frames", Write: asCSV(k.csv)})
	}
	if k.drawn {
		list = append(list, svgFormat(k.page, ""))
	}
	slices.SortFunc(list, func(a, b FormatOf[T]) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// A builder makes the page about a document for the medium of o. A terminal shows the end of a page first, so there the conclusion
// comes last; otherwise it comes first, and legends are folded at the end.
type builder[T any] func(it T, o Options) *sheet.Page

func asText[T any](build builder[T]) func(io.Writer, T, Options) error {
	return func(w io.Writer, it T, o Options) error { return build(it, o).WriteText(w, o) }
}

// asMarkdown writes at most limit bytes; 0: as many as it takes.
func asMarkdown[T any](build builder[T], limit int) func(io.Writer, T, Options) error {
	return func(w io.Writer, it T, o Options) error {
		return build(it, Options{Medium: sheet.Markdown, Figures: o.Figures, Base: o.Base}).WriteMarkdown(w, limit, o.Figures)
	}
}

func asHTML[T any](build builder[T]) func(io.Writer, T, Options) error {
	return func(w io.Writer, it T, o Options) error {
		return build(it, Options{Medium: sheet.Web, Base: o.Base}).WriteHTML(w)
	}
}

// asCSV writes rows, of which the first has the names of the columns. Names and units of columns are stable; those of metrics are
// in the order of the metrics, among which there may be new ones.
func asCSV[T any](rows func(it T) [][]string) func(io.Writer, T, Options) error {
	return func(w io.Writer, it T, _ Options) error { return csv.NewWriter(w).WriteAll(rows(it)) }
}

// asJSON writes all of it, for programs.
func asJSON[T any](w io.Writer, it T, _ Options) error { return result.EncodeJSON(w, it) }

// Options describes the output device. Formats for programs ignore it.
type Options = sheet.Options

// catalogue is filled by the register calls of this package's files before main starts and
// never changed afterwards.
var catalogue = map[string]Format{}

// register adds f to the catalogue. It is called by package variables only, so a duplicate is a
// programming error.
func register(f Format) Format {
	if _, dup := catalogue[f.Name]; dup {
		panic("reports: registered twice: " + f.Name)
	}
	catalogue[f.Name] = f
	return f
}

// All returns the formats by name.
func All() []Format {
	return slices.SortedFunc(maps.Values(catalogue), func(a, b Format) int { return strings.Compare(a.Name, b.Name) })
}

// Lookup finds a format by its name.
func Lookup(name string) (Format, bool) { f, ok := catalogue[name]; return f, ok }
