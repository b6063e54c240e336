package reports

import "github.com/sessbench/sessbench/reports/result"

var _ = register(Format{
	Name:      "json",
	Extension: ".json",
	Doc:       "the whole result document, from which every other format can be made later",
	Write:     asJSON[*result.Document],
})
