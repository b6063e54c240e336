// Package judge turns result documents into judgements: a comparison of documents, a check of new figures against a
// baseline or thresholds, the trend of a history, and one document merged from the parts of a distributed run. It renders
// nothing; package reports does.
package judge

import (
	"time"

	"github.com/sessbench/sessbench/reports/result"
)

// CheckVersion is the version of the check document. The result document's has nothing to do with it.
//
// Since version 2 a change is new/old − 1 for every metric. In version 1 the change of ops_per_sec was the share by which
// an operation took longer.
const CheckVersion = 2

// checkKind tells a check's JSON from a result document's.
const checkKind = "check"

// Verdict is what a gate, or all of them together, came to.
type Verdict string

// The outcomes, the worst last: several together are as bad as the worst of them.
const (
	Passed       Verdict = "pass"
	Inconclusive Verdict = "inconclusive" // what was measured does not decide
	Failing      Verdict = "fail"         // it got worse, or crossed a threshold
	Violated     Verdict = "violated"     // a store failed its audit: there is no speed to judge
)

// Mode is what new figures were held against.
type Mode string

// The modes.
const (
	DuetMode      Mode = "duet"      // another binary, measured in turns with this one
	StoredMode    Mode = "stored"    // a result of another time
	ThresholdMode Mode = "threshold" // fixed bounds, and other rows of the same run
)

// Check is what a gate came to. Times are in nanoseconds, sizes in bytes, shares are fractions of one. A change is
// new/old − 1; [CheckedMetric.Better] says which sign is the better one.
type Check struct {
	SchemaVersion int       `json:"schema_version"`
	Kind          string    `json:"kind"` // check
	Created       time.Time `json:"created"`
	Mode          Mode      `json:"mode"`
	Verdict       Verdict   `json:"verdict"`
	Advisory      bool      `json:"advisory,omitempty"` // the verdict is advice: see Binding
	Words         string    `json:"words"`              // the verdict in a sentence or two
	Command       string    `json:"command,omitempty"`  // what was typed
	Interrupted   bool      `json:"interrupted,omitempty"`

	Documents   []DocumentInfo   `json:"documents"`             // old and new; new alone where there is no old
	Differences []Difference     `json:"differences,omitempty"` // of the machines, where that was allowed
	Excluded    []Exclusion      `json:"left_out,omitempty"`    // what is not held against anything
	Rule        *Rule            `json:"rule,omitempty"`        // nil where only thresholds were judged
	Scenarios   []ScenarioCheck  `json:"scenarios,omitempty"`   // likewise empty
	Thresholds  []ThresholdCheck `json:"thresholds,omitempty"`
	Violations  []FailedAudit    `json:"violations,omitempty"` // rows that have no speed

	New *result.Document `json:"-"` // the new figures, for the formats that are rendered from them

	unfinished bool // a row that was to be judged has nothing to be judged by
}

// Rule is how the figures of a check were judged, fixed before the first of them was measured.
type Rule struct {
	Pairs       int      `json:"pairs,omitempty"` // duet: blocks of old, its copy and new that were finished
	Planned     int      `json:"planned,omitempty"`
	Gated       []string `json:"gated"`               // metrics
	Named       bool     `json:"named,omitempty"`     // they were asked for one by one
	Comparisons int      `json:"comparisons"`         // gated metrics × rows that have a speed: m
	Alpha       float64  `json:"alpha"`               // of one comparison: 0.01/m
	MinEffect   float64  `json:"min_effect"`          // a smaller median change for the worse is no failure
	Tolerance   float64  `json:"tolerance,omitempty"` // duet: a pass shows the change for the worse to be below it
	PassAlpha   float64  `json:"pass_alpha,omitempty"`
}

// ScenarioCheck is one scenario of a check.
type ScenarioCheck struct {
	Scenario string     `json:"scenario"`
	Heading  string     `json:"heading"` // what was done
	Rows     []RowCheck `json:"rows"`
}

// RowCheck is one strategy.
type RowCheck struct {
	Strategy string        `json:"strategy"`
	Metrics  []MetricCheck `json:"metrics"`
}

// MetricCheck is one figure of a row.
type MetricCheck struct {
	Metric string   `json:"metric"` // as in the comparison document
	Unit   string   `json:"unit"`
	Better string   `json:"better"` // HigherIsBetter or lower
	Gated  bool     `json:"gated"`  // false: shown, and no part of the verdict
	Old    *float64 `json:"old"`    // mediansOf; null where a trial lacks the figure
	New    *float64 `json:"new"`

	Change     *float64   `json:"change"`                 // new/old − 1 of the medians, or of the median pair; null where there is none, the old figure being 0 for example
	Difference *float64   `json:"difference,omitempty"`   // duet, of counts: the median change in their unit
	Lower      *float64   `json:"lower,omitempty"`        // duet: one-sided bounds of the change, lower ≤ change ≤ upper:
	Upper      *float64   `json:"upper,omitempty"`        // on the side of better at Alpha, on the side of worse at PassAlpha
	Copy       *CopyCheck `json:"copy,omitempty"`         // duet: what the old binary's copy was judged by the same rule
	P          *float64   `json:"p,omitempty"`            // stored: Mann-Whitney U test, two-sided
	Verdict    Verdict    `json:"verdict"`                // also of a metric that is not gated
	Reason     string     `json:"reason,omitempty"`       // why, where that is not plain
	Needed     int        `json:"pairs_needed,omitempty"` // duet, inconclusive: about so many pairs would have decided
	Samples    Samples    `json:"samples"`
}

// CopyCheck is the old binary against its own copy, a change like any other: what it shows is the machine's.
type CopyCheck struct {
	Change     *float64 `json:"change"`               // null where the old figure is 0
	Difference *float64 `json:"difference,omitempty"` // as in CheckedMetric
	Lower      *float64 `json:"lower,omitempty"`
	Upper      *float64 `json:"upper,omitempty"`
	Fires      bool     `json:"fires"` // the rule finds a difference in either direction where there is none
}

// Samples is what was measured, an element a trial: in a duet an element a pair.
type Samples struct {
	Old  []float64 `json:"old"`
	Copy []float64 `json:"copy,omitempty"`
	New  []float64 `json:"new"`
}

// ThresholdCheck is one bound and one row it holds for.
type ThresholdCheck struct {
	Threshold string   `json:"threshold"` // as given
	Scenario  string   `json:"scenario"`
	Strategy  string   `json:"strategy"`
	Operation string   `json:"operation,omitempty"` // empty: all of them
	Metric    string   `json:"metric"`
	Unit      string   `json:"unit"`
	Value     *float64 `json:"value"`    // median over the trials; null where there is no such figure
	Bound     float64  `json:"bound"`    // in the same unit: where it is relative, the other row's figure times the factor
	Operator  string   `json:"operator"` // of the value to the bound: <, <=, >, >=
	Verdict   Verdict  `json:"verdict"`
	Reason    string   `json:"reason,omitempty"`
}

// FailedAudit is a row whose audit failed.
type FailedAudit struct {
	Document string `json:"document"` // label: old or new
	Scenario string `json:"scenario"`
	Strategy string `json:"strategy"`
	Reason   string `json:"reason"` // Failed its audit (lost update)
}
