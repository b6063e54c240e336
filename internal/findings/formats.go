package findings

import (
	"io"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
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
		{Name: "html", Doc: "a page with the table and every violation, in one file, for a browser, a mail or print",
			Write: func(w io.Writer, f *Document, _ reports.Options) error { return f.webPage().WriteHTML(w) }},
		{Name: "json", Doc: "all reports, for machines",
			Write: func(w io.Writer, f *Document, _ reports.Options) error { return result.EncodeJSON(w, f) }},
	}
}

// FileFormats returns the formats that only files have. See [Document.Lacks].
func FileFormats() []format {
	return []format{
		{Name: "history", Doc: "the first violation's history, for --history",
			Write: func(w io.Writer, f *Document, _ reports.Options) error {
				return f.first(recorded).Violation.History.Write(w)
			}},
	}
}

// Lacks returns why a document cannot be written in a format, or "".
func (f *Document) Lacks(format string) string {
	if format == "history" && f.first(recorded) == nil {
		return "there is no violation that shows in a history"
	}
	return ""
}

func every(*history.Violation) bool { return true }

func recorded(v *history.Violation) bool { return v.History != nil }

// first returns the first report with a violation that fits, or nil.
func (f *Document) first(fits func(*history.Violation) bool) *verify.Report {
	for _, r := range f.Reports {
		if v := r.Violation; v != nil && fits(v) {
			return r
		}
	}
	return nil
}
