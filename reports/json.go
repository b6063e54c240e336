package reports

import (
	"encoding/json"
	"io"

	"github.com/sessbench/sessbench/reports/result"
)

var _ = register(Format{
	Name:      "json",
	Extension: ".json",
	Doc:       "the whole result document, from which every other format can be made later",
	Write:     writeJSON,
})

func writeJSON(w io.Writer, d *result.Document, _ Options) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false) // a file for tools and eyes, not a script in a page
	e.SetIndent("", "  ")
	return e.Encode(d)
}
