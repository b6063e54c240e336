package judge

import (
	"errors"
	"time"

	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/internal/stats"
	"github.com/sessbench/sessbench/reports/result"
)

// ComparisonVersion is the schema version of the comparison document, independent of the result
// document's.
//
// Since version 2 left_out is excluded, and a difference has a setting and a value, which were what and here.
const ComparisonVersion = 2

// comparisonKind distinguishes the JSON of a comparison from a result document.
const comparisonKind = "comparison"

// Comparison compares several result documents with the first. Times are in nanoseconds, sizes in
// bytes, shares are fractions of one. A list with one element per document is in the order of Documents.
type Comparison struct {
	SchemaVersion int                   `json:"schema_version"`
	Kind          string                `json:"kind"`          // comparison
	Alpha         float64               `json:"alpha"`         // significance level
	Confidence    float64               `json:"confidence"`    // minimum confidence of the intervals
	Documents     []DocumentInfo        `json:"documents"`     // the others are compared with the first
	Differences   []Difference          `json:"differences"`   // any difference makes the documents not comparable
	Counts        map[ChangeVerdict]int `json:"counts"`        // comparisons by their verdict
	Scenarios     []ScenarioComparison  `json:"scenarios"`     // in the first document's order, as are their rows
	Excluded      []Exclusion           `json:"excluded"`      // results that are not compared
	HarnessBound  []string              `json:"harness_bound"` // rows with at least half of the cost in the harness
}

// DocumentInfo is one of the documents.
type DocumentInfo struct {
	Label       string         `json:"label"`
	File        string         `json:"file"`
	ID          string         `json:"id"`
	Created     time.Time      `json:"created"`
	Tool        result.Tool    `json:"tool"`
	Machine     result.Machine `json:"machine"`
	Command     string         `json:"command,omitempty"`
	Interrupted bool           `json:"interrupted,omitempty"` // contains only the trials completed before
}

// ScenarioComparison is one scenario: one table per metric.
type ScenarioComparison struct {
	Scenario string             `json:"scenario"`
	Heading  string             `json:"heading"` // the workload, in the first document
	Tables   []MetricComparison `json:"tables"`
}

// MetricComparison is one metric of one scenario.
type MetricComparison struct {
	Metric  string          `json:"metric"`
	Unit    string          `json:"unit"`
	Better  string          `json:"better"` // higher or lower
	Rows    []RowComparison `json:"rows"`
	GeoMean []*GeoMean      `json:"geomean,omitempty"` // of the audited rows, one per document; none for a single row
}

// RowComparison is one strategy.
type RowComparison struct {
	Strategy string            `json:"strategy"` // with its settings if it occurs with several
	Params   map[string]string `json:"params,omitempty"`
	Cells    []*CellComparison `json:"cells"` // one per document; null if the value is missing
	probe    bool              // not audited: excluded from geometric means
}

// CellComparison is one strategy's metric in one document.
type CellComparison struct {
	N        int      `json:"n"` // trials
	Median   float64  `json:"median"`
	Lo       *float64 `json:"lo"` // bounds of the median's confidence interval; null if there are too few trials
	Hi       *float64 `json:"hi"`
	Change   *Change  `json:"change,omitempty"` // from the first document, if both have the value
	Warnings []string `json:"warnings,omitempty"`
}

// Change is the change of a value from the first document.
type Change struct {
	Delta    *float64      `json:"delta"` // relative change of the median; null if the first is 0
	P        float64       `json:"p"`     // Mann-Whitney U test, two-sided
	N1       int           `json:"n1"`    // trials of the first document
	N2       int           `json:"n2"`    // and of this one
	Verdict  ChangeVerdict `json:"verdict"`
	Warnings []string      `json:"warnings,omitempty"`
}

// GeoMean is the geometric mean of one document's column.
type GeoMean struct {
	Value    *float64 `json:"value"`           // null if a median is not above 0
	Delta    *float64 `json:"delta,omitempty"` // from the ratios per row; null if undefined
	Warnings []string `json:"warnings,omitempty"`
}

// ChangeVerdict classifies a change.
type ChangeVerdict string

// The verdicts.
const (
	Better     ChangeVerdict = "better"
	Worse      ChangeVerdict = "worse"
	Negligible ChangeVerdict = "negligible"   // significant, but too small to matter
	Noise      ChangeVerdict = "within_noise" // not significant, which does not prove equality
	Undecided  ChangeVerdict = "undecided"    // too few trials for any significant difference
)

// Exclusion is a result that is not compared or judged.
type Exclusion struct {
	Document string `json:"document"` // label
	Scenario string `json:"scenario"`
	Strategy string `json:"strategy"`
	Reason   string `json:"reason"`

	cause cause
}

// cause classifies the reason of an exclusion.
type cause int

// The causes that decisions depend on.
const (
	otherCause  cause = iota
	absent            // the other document has no such result
	noTrials          // no trial was completed
	auditFailed       // listed as a failed audit as well
)

// Source is a document with its label and file name.
type Source struct {
	Label    string
	File     string
	Document *result.Document
}

// Compare compares each document with the first, result by result. Results correspond if their scenario, strategy and
// settings are equal; one strategy with two settings has two rows.
//
// Conditions that must be equal and are not are in the comparison's Differences; the caller decides whether to refuse it. It
// is an error if a document has no result with a speed in common with the first, or one result twice. The error names
// the file. Compare neither keeps nor changes the documents.
func Compare(sources []Source) (*Comparison, error) {
	if len(sources) < 2 {
		return nil, errors.New("only one document: want two or more to compare")
	}
	if err := sameSweep(sources); err != nil {
		return nil, err
	}
	rows, leftOut, err := align(sources)
	if err != nil {
		return nil, err
	}
	c := &Comparison{
		SchemaVersion: ComparisonVersion,
		Kind:          comparisonKind,
		Alpha:         stats.Alpha,
		Confidence:    stats.Confidence,
		Differences:   differences(sources, rows),
		Counts:        map[ChangeVerdict]int{Better: 0, Worse: 0, Negligible: 0, Noise: 0, Undecided: 0},
		Excluded:      append(leftOut, saturatedRows(sources, rows)...),
		HarnessBound:  harnessBoundRows(rows),
	}
	for _, s := range sources {
		c.Documents = append(c.Documents, documentInfo(s))
	}
	nameSweptRows(sources[0].Document, rows)
	for _, group := range perScenario(rows) {
		c.add(sources[0].Document, group)
	}
	return c, nil
}

func documentInfo(s Source) DocumentInfo {
	d := s.Document
	return DocumentInfo{
		Label:       s.Label,
		File:        s.File,
		ID:          d.ID,
		Created:     d.Created,
		Tool:        d.Tool,
		Machine:     d.Machine,
		Command:     d.Config.Command,
		Interrupted: d.Interrupted,
	}
}

// add adds the tables of a scenario.
func (c *Comparison) add(first *result.Document, rows []alignedRow) {
	var done []*result.Result
	for _, r := range rows {
		done = append(done, r.results[0])
	}
	s := ScenarioComparison{Scenario: rows[0].scenario, Heading: Heading(first, done)}
	if first.Sweep != nil {
		s.Heading = SweepHeading(first)
	}
	if len(c.Differences) > 0 {
		s.Heading += ", all as in " + c.Documents[0].Label
	}
	for _, m := range metric.Compared() {
		t := MetricComparison{Metric: m.Name, Unit: m.Unit, Better: m.Better()}
		for _, r := range rows {
			if row := rowOf(m, r); row.compared() {
				t.Rows = append(t.Rows, row)
				c.count(row)
			}
		}
		if len(t.Rows) == 0 {
			continue
		}
		t.GeoMean = geoMeans(t.Rows, len(c.Documents))
		s.Tables = append(s.Tables, t)
	}
	c.Scenarios = append(c.Scenarios, s)
}

func (c *Comparison) count(r RowComparison) {
	for _, cell := range r.Cells {
		if cell != nil && cell.Change != nil {
			c.Counts[cell.Change.Verdict]++
		}
	}
}

// compared reports whether any value of the row is compared with the first document's.
func (r *RowComparison) compared() bool {
	for _, cell := range r.Cells {
		if cell != nil && cell.Change != nil {
			return true
		}
	}
	return false
}

// harnessBoundRows names the rows for which the harness was at least half of the cost in some
// document.
func harnessBoundRows(rows []alignedRow) []string {
	names := []string{}
	for _, r := range rows {
		for _, x := range r.results {
			if x != nil && HarnessBound(x) {
				names = append(names, r.scenario+"/"+r.label)
				break
			}
		}
	}
	return names
}
