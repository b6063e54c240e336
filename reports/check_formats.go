package reports

import (
	"encoding/csv"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/sessbench/sessbench/internal/judge"
)

// CheckFormat is one way to write a [Check].
type CheckFormat = FormatOf[*judge.Check]

// CheckFormats returns the formats of checks by name.
func CheckFormats() []CheckFormat {
	list := []CheckFormat{
		{"csv", "one row per metric or threshold, for spreadsheets and data frames", writeCheckCSV},
		{"github", "the step summary of a GitHub workflow: as markdown", writeCheckMarkdown},
		{"json", "the whole check, for programs", asJSON[*judge.Check]},
		{"junit", "a test case per gated metric, for CI servers (XML)", writeCheckJUnit},
		{"markdown", "for a pull request (GitHub Markdown)", writeCheckMarkdown},
		{"table", "for people at a terminal: the verdict, a table per scenario and the rule", writeCheckTable},
	}
	for _, name := range []string{"benchmark-action", "gobench"} {
		if f, ok := Lookup(name); ok {
			list = append(list, CheckFormat{name, "of the new figures: " + f.Doc, func(w io.Writer, c *judge.Check, o Options) error {
				return f.Write(w, c.New, o)
			}})
		}
	}
	slices.SortFunc(list, func(a, b CheckFormat) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// checkColumnNames are the names of the CSV's columns. Names, units and order are stable; new
// columns are added at the end.
func checkColumnNames() []string {
	return []string{"scenario", "strategy", "operation", "metric", "unit", "better", "gated", "n_old", "n_new", "old", "new",
		"change", "lower", "upper", "copy_change", "copy_fires", "p", "threshold", "operator", "bound", "verdict", "reason", "pairs_needed"}
}

// writeCheckCSV writes one row per metric, gated or not, one per threshold (its value is in the
// column new), and one without a metric for each row whose audit failed.
func writeCheckCSV(w io.Writer, c *judge.Check, _ Options) error {
	out := csv.NewWriter(w)
	columns := checkColumnNames()
	write := func(fields map[string]string) error {
		record := make([]string, len(columns))
		for i, name := range columns {
			record[i] = fields[name]
		}
		return out.Write(record)
	}
	if err := out.Write(columns); err != nil {
		return err
	}
	for _, s := range c.Scenarios {
		for _, r := range s.Rows {
			for i := range r.Metrics {
				fields := metricFields(&r.Metrics[i])
				fields["scenario"], fields["strategy"] = s.Scenario, r.Strategy
				if err := write(fields); err != nil {
					return err
				}
			}
		}
	}
	for i := range c.Thresholds {
		if err := write(thresholdFields(&c.Thresholds[i])); err != nil {
			return err
		}
	}
	for _, v := range c.Violations {
		fields := map[string]string{"scenario": v.Scenario, "strategy": v.Strategy, "verdict": string(judge.Violated),
			"reason": v.Reason + " in " + v.Document}
		if err := write(fields); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// metricFields returns the metric's values by column.
func metricFields(f *judge.MetricCheck) map[string]string {
	fields := map[string]string{
		"metric": f.Metric, "unit": f.Unit, "better": f.Better, "gated": strconv.FormatBool(f.Gated),
		"n_old": strconv.Itoa(len(f.Samples.Old)), "n_new": strconv.Itoa(len(f.Samples.New)),
		"old": known(f.Old), "new": known(f.New), "change": known(f.Change), "lower": known(f.Lower), "upper": known(f.Upper),
		"p": known(f.P), "verdict": string(f.Verdict), "reason": f.Reason,
	}
	if f.Copy != nil {
		fields["copy_change"], fields["copy_fires"] = known(f.Copy.Change), strconv.FormatBool(f.Copy.Fires)
	}
	if f.Needed > 0 {
		fields["pairs_needed"] = strconv.Itoa(f.Needed)
	}
	return fields
}

// thresholdFields returns the threshold and its value by column.
func thresholdFields(t *judge.ThresholdCheck) map[string]string {
	return map[string]string{
		"scenario": t.Scenario, "strategy": t.Strategy, "operation": t.Operation, "metric": t.Metric, "unit": t.Unit, "gated": "true",
		"new": known(t.Value), "threshold": t.Threshold, "operator": t.Operator, "bound": decimal(t.Bound),
		"verdict": string(t.Verdict), "reason": t.Reason,
	}
}
