package findings

import (
	"io"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/timeline"
	"github.com/sessbench/sessbench/reports"
	"github.com/sessbench/sessbench/reports/result"
)

// format is a format of documents.
type format = reports.FormatOf[*Document]

// Formats returns the formats of documents.
func Formats() []format {
	return []format{
		{Name: "table", Doc: "the table, and every violation as a timeline",
			Write: func(w io.Writer, f *Document, o reports.Options) error { return f.Write(w, o) }},
		{Name: "json", Doc: "all reports, for machines",
			Write: func(w io.Writer, f *Document, _ reports.Options) error { return result.EncodeJSON(w, f) }},
	}
}

// FileFormats returns the formats that only files have: they show a violation. See [Document.Lacks].
func FileFormats() []format {
	return []format{
		{Name: "history", Doc: "the first violation's history, for --history",
			Write: func(w io.Writer, f *Document, _ reports.Options) error { return f.first(recorded).History.Write(w) }},
		{Name: "html", Doc: "the first violation as a picture",
			Write: func(w io.Writer, f *Document, _ reports.Options) error { return timeline.WriteHTML(w, f.first(every)) }},
	}
}

// Lacks returns why a document cannot be written in a format, or "".
func (f *Document) Lacks(format string) string {
	switch {
	case format == "html" && f.first(every) == nil:
		return "there is no violation"
	case format == "history" && f.first(recorded) == nil:
		return "there is no violation that shows in a history"
	}
	return ""
}

func every(*history.Violation) bool { return true }

func recorded(v *history.Violation) bool { return v.History != nil }

// first returns the first violation that fits, or nil.
func (f *Document) first(fits func(*history.Violation) bool) *history.Violation {
	for _, r := range f.Reports {
		if v := r.Violation; v != nil && fits(v) {
			return v
		}
	}
	return nil
}
