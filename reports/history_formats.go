package reports

import (
	"encoding/csv"
	"io"
	"strconv"
	"time"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/reports/result"
)

// TrendFormat is one way to write a [Trend].
type TrendFormat = FormatOf[*judge.Trend]

// TrendFormats returns the formats of trends by name.
func TrendFormats() []TrendFormat {
	return []TrendFormat{
		{"csv", "one row per run of a series, for spreadsheets and data frames", writeTrendCSV},
		{"json", "the whole trend, for programs", asJSON[*judge.Trend]},
		{"markdown", "for a pull request (GitHub Markdown)", writeTrendMarkdown},
		{"table", "for people at a terminal: a sparkline per metric, and what changed", writeTrendTable},
	}
}

// trendColumns are the names of the CSV's columns. Names, units and order are stable; new
// columns are added at the end.
func trendColumns() []string {
	return []string{"group", "scenario", "strategy", "params", "metric", "unit", "better", "machine", "conditions",
		"created", "id", "label", "version", "commit", "value", "change", "before", "after", "delta"}
}

// writeTrendCSV counts the groups from 1. The change columns are filled in the row of the first run after a change point.
func writeTrendCSV(w io.Writer, t *judge.Trend, _ Options) error {
	out := csv.NewWriter(w)
	if err := out.Write(trendColumns()); err != nil {
		return err
	}
	for i, g := range t.Groups {
		for _, s := range g.Series {
			for k, p := range s.Points {
				record := []string{strconv.Itoa(i + 1), g.Scenario, s.Strategy, result.FormatPairs(s.Params), s.Metric, s.Unit, s.Better,
					g.Machine, result.FormatPairs(g.Conditions), p.Created.UTC().Format(time.RFC3339), p.ID, p.Label,
					p.Tool.Version, p.Tool.Commit, decimal(p.Value)}
				if err := out.Write(append(record, trendChangeFields(&s, k)...)); err != nil {
					return err
				}
			}
		}
	}
	out.Flush()
	return out.Error()
}

// trendChangeFields returns the columns of the change that begins with a point.
func trendChangeFields(s *judge.TrendSeries, point int) []string {
	for _, c := range s.Changes {
		if c.At == point {
			return []string{string(c.Verdict), decimal(c.Before), decimal(c.After), known(c.Delta)}
		}
	}
	return []string{"", "", "", ""}
}
