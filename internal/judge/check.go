// Package judge turns result documents into judgements: a comparison of documents, a check of new figures against a
// baseline or thresholds, the trend of a history, and one document merged from the parts of a distributed run. It renders
// nothing; package reports does.
package judge

import (
	"cmp"
	"slices"
	"time"

	"github.com/sessbench/sessbench/reports/result"
)

// CheckVersion is the schema version of the check document, independent of the result document's.
//
// Since version 2 a change is new/old − 1 for every metric. In version 1 the change of ops_per_sec was the relative
// increase of the time per operation. Since version 3 words is explanation, left_out is excluded, and a difference has a setting
// and a value, which were what and here.
const CheckVersion = 3

// checkKind distinguishes the JSON of a check from a result document.
const checkKind = "check"

// Verdict is the result of one gate or of a whole check.
type Verdict string

// The verdicts, the worst last. Several verdicts combine to the worst of them.
const (
	Passed       Verdict = "pass"
	Inconclusive Verdict = "inconclusive" // the measurements do not decide
	Failing      Verdict = "fail"         // a regression, or a threshold was crossed
	Violated     Verdict = "violated"     // an audit failed, so there is no speed to judge
)

// Mode is what new values are compared with.
type Mode string

// The modes.
const (
	DuetMode      Mode = "duet"      // another binary, measured in alternating time slices
	StoredMode    Mode = "stored"    // a stored result document
	ThresholdMode Mode = "threshold" // fixed bounds and other rows of the same run
	RateMode      Mode = "rate"      // fixed bounds at a rate, by repeated trials
)

// Check is the judgement of new values. Times are in nanoseconds, sizes in bytes, shares are fractions of one. A change is
// new/old − 1; [MetricCheck.Better] states which sign is better.
type Check struct {
	SchemaVersion int       `json:"schema_version"`
	Kind          string    `json:"kind"` // check
	Created       time.Time `json:"created"`
	Mode          Mode      `json:"mode"`
	Verdict       Verdict   `json:"verdict"`
	Advisory      bool      `json:"advisory,omitempty"` // the verdict is only advice: see Binding
	Explanation   string    `json:"explanation"`        // of the verdict
	Command       string    `json:"command,omitempty"`  // the command line
	Interrupted   bool      `json:"interrupted,omitempty"`

	Documents   []DocumentInfo   `json:"documents"`             // old and new; only new if there is no old
	Differences []Difference     `json:"differences,omitempty"` // between the machines, if allowed
	Excluded    []Exclusion      `json:"excluded,omitempty"`    // rows that are not judged
	Rule        *Rule            `json:"rule,omitempty"`        // nil if only thresholds were judged
	Scenarios   []ScenarioCheck  `json:"scenarios,omitempty"`   // the same
	Thresholds  []ThresholdCheck `json:"thresholds,omitempty"`
	Violations  []FailedAudit    `json:"violations,omitempty"` // rows without a speed

	New *result.Document `json:"-"` // the new figures, for the formats that are rendered from them

	unfinished bool // a row to be judged has no counterpart
}

// Rule is the decision rule of a check. It is fixed before the measurement.
type Rule struct {
	Pairs       int      `json:"pairs,omitempty"` // duet: completed blocks of old, copy and new
	Planned     int      `json:"planned,omitempty"`
	Gated       []string `json:"gated"`               // metrics
	Named       bool     `json:"named,omitempty"`     // the user named the metrics
	Comparisons int      `json:"comparisons"`         // m: gated metrics × rows with a speed
	Alpha       float64  `json:"alpha"`               // of one comparison: 0.01/m
	MinEffect   float64  `json:"min_effect"`          // a smaller median regression is no failure
	Tolerance   float64  `json:"tolerance,omitempty"` // duet: a pass shows that the regression is smaller
	PassAlpha   float64  `json:"pass_alpha,omitempty"`
}

// ScenarioCheck is one scenario of a check.
type ScenarioCheck struct {
	Scenario string     `json:"scenario"`
	Heading  string     `json:"heading"` // the workload
	Rows     []RowCheck `json:"rows"`
}

// RowCheck is one strategy.
type RowCheck struct {
	Strategy string        `json:"strategy"`
	Metrics  []MetricCheck `json:"metrics"`
}

// MetricCheck is one metric of a row.
type MetricCheck struct {
	Metric string   `json:"metric"` // as in the comparison document
	Unit   string   `json:"unit"`
	Better string   `json:"better"` // higher or lower
	Gated  bool     `json:"gated"`  // false: shown, but not part of the verdict
	Old    *float64 `json:"old"`    // medians; null if a trial lacks the value
	New    *float64 `json:"new"`

	Change     *float64   `json:"change"`                 // new/old − 1 of the medians, or of the median pair; null if undefined, for example if the old value is 0
	Difference *float64   `json:"difference,omitempty"`   // duet, of counts: the median change in their unit
	Lower      *float64   `json:"lower,omitempty"`        // duet: one-sided bounds of the change, lower ≤ change ≤ upper:
	Upper      *float64   `json:"upper,omitempty"`        // on the side of better at Alpha, on the side of worse at PassAlpha
	Copy       *CopyCheck `json:"copy,omitempty"`         // duet: the old binary's copy, judged by the same rule
	P          *float64   `json:"p,omitempty"`            // stored: Mann-Whitney U test, two-sided
	Verdict    Verdict    `json:"verdict"`                // also of a metric that is not gated
	Reason     string     `json:"reason,omitempty"`       // why, if not obvious
	Needed     int        `json:"pairs_needed,omitempty"` // duet, inconclusive: number of pairs that would suffice
	Samples    Samples    `json:"samples"`
}

// CopyCheck compares the old binary with its identical copy: it measures the noise of the machine.
type CopyCheck struct {
	Change     *float64 `json:"change"`               // null if the old value is 0
	Difference *float64 `json:"difference,omitempty"` // as in MetricCheck
	Lower      *float64 `json:"lower,omitempty"`
	Upper      *float64 `json:"upper,omitempty"`
	Fires      bool     `json:"fires"` // the rule detects a change in either direction
}

// Samples are the measured values, one per trial, or in a duet one per pair.
type Samples struct {
	Old  []float64 `json:"old"`
	Copy []float64 `json:"copy,omitempty"`
	New  []float64 `json:"new"`
}

// ThresholdCheck is one threshold applied to one row.
type ThresholdCheck struct {
	Threshold string   `json:"threshold"` // as given
	Scenario  string   `json:"scenario"`
	Strategy  string   `json:"strategy"`
	Operation string   `json:"operation,omitempty"` // empty: all operations
	Metric    string   `json:"metric"`
	Unit      string   `json:"unit"`
	Value     *float64 `json:"value"`    // median over the trials; null if missing
	Bound     float64  `json:"bound"`    // in the same unit; a relative bound is the other row's value times the factor
	Operator  string   `json:"operator"` // of the value to the bound: <, <=, >, >=
	Verdict   Verdict  `json:"verdict"`
	Reason    string   `json:"reason,omitempty"`

	Load string    `json:"load,omitempty"` // at a rate: of the open loop
	New  *Repeated `json:"new,omitempty"`  // at a rate: by the trials of this build, which decide
	Old  *Repeated `json:"old,omitempty"`  // at a rate: by those of the older build, if there is one

	relative bool // the bound is a factor of another row's value
}

// FailedAudit is a row whose audit failed.
type FailedAudit struct {
	Document string `json:"document"` // label: old or new
	Scenario string `json:"scenario"`
	Strategy string `json:"strategy"`
	Reason   string `json:"reason"` // failed its audit (lost update)
}

// Severity orders verdicts; the worst is the largest.
func (v Verdict) Severity() int {
	return slices.Index([]Verdict{Passed, Inconclusive, Failing, Violated}, v)
}

// worst returns the worst of several verdicts, and [Passed] without any.
func worst(verdicts ...Verdict) Verdict {
	return slices.MaxFunc(append(verdicts, Passed), func(a, b Verdict) int { return cmp.Compare(a.Severity(), b.Severity()) })
}
