package reports

import (
	"encoding/csv"
	"io"
	"strconv"

	"github.com/sessbench/sessbench/internal/judge"
)

// ComparisonFormat is one way to write a [Comparison].
type ComparisonFormat = FormatOf[*judge.Comparison]

// ComparisonFormats returns the formats of comparisons by name.
func ComparisonFormats() []ComparisonFormat {
	return []ComparisonFormat{
		{"csv", "one row per value of a document, for spreadsheets and data frames", writeComparisonCSV},
		{"json", "the whole comparison, for programs", asJSON[*judge.Comparison]},
		{"markdown", "for a pull request (GitHub Markdown)", writeComparisonMarkdown},
		{"table", "for people at a terminal: what changed, and a table per metric", writeComparisonTable},
	}
}

// comparisonColumns are the names of the CSV's columns. Names, units and order are stable; new
// columns are added at the end.
func comparisonColumns() []string {
	return []string{"scenario", "strategy", "metric", "unit", "better", "document", "file", "trials", "median", "lo", "hi",
		"delta", "p", "verdict", "comparable"}
}

// writeComparisonCSV writes only values; exclusions and differences are in the other formats.
// The last column reports whether the documents are comparable.
func writeComparisonCSV(w io.Writer, c *judge.Comparison, _ Options) error {
	out := csv.NewWriter(w)
	if err := out.Write(comparisonColumns()); err != nil {
		return err
	}
	for _, s := range c.Scenarios {
		for _, t := range s.Tables {
			for _, r := range t.Rows {
				for i, cell := range r.Cells {
					if cell == nil {
						continue
					}
					d := &c.Documents[i]
					record := []string{s.Scenario, r.Strategy, t.Metric, t.Unit, t.Better, d.Label, d.File,
						strconv.Itoa(cell.N), decimal(cell.Median), known(cell.Lo), known(cell.Hi)}
					record = append(record, changeFields(cell.Change)...)
					if err := out.Write(append(record, strconv.FormatBool(len(c.Differences) == 0))); err != nil {
						return err
					}
				}
			}
		}
	}
	out.Flush()
	return out.Error()
}

func changeFields(c *judge.Change) []string {
	if c == nil {
		return []string{"", "", ""}
	}
	return []string{known(c.Delta), decimal(c.P), string(c.Verdict)}
}

// known is empty for a missing value.
func known(x *float64) string {
	if x == nil {
		return ""
	}
	return decimal(*x)
}
