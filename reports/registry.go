// Package reports writes result documents for people and programs, one format a file.
// Like package scenarios it is not stable.
package reports

import (
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/reports/result"
)

// FormatOf is one way to write a document: a [result.Document], a [judge.Comparison], a [judge.Check] or a [judge.Trend].
type FormatOf[T any] struct {
	Name      string // on the command line
	Extension string // of files in this format, with its dot; only formats of results have one
	Doc       string // one line: who reads it

	// Write writes the whole of it to w and returns w's error. It does not change it. The summaries of a result are filled.
	Write func(w io.Writer, it T, o Options) error
}

// Format is one way to write a result document.
type Format = FormatOf[*result.Document]

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
