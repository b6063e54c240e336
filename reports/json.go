package reports

import (
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
	return result.EncodeJSON(w, d)
}
