package verify

import (
	"context"
	"github.com/sessbench/sessbench/internal/history"
	"slices"
	"time"
)

// SchemaVersion is the version of a report's JSON form. In version 1 conflict and causes of a violation had the keys fault and
// likely.
const SchemaVersion = 2

// Report is the result of a run on one subject.
type Report struct {
	SchemaVersion int               `json:"schema_version"`
	Subject       string            `json:"subject"`
	Params        map[string]string `json:"params,omitempty"`
	Target        string            `json:"target,omitempty"` // of a program: how it was started or reached
	Verdict       history.Verdict   `json:"verdict"`
	Reason        Reason            `json:"reason,omitempty"` // of an inconclusive verdict
	Why           string            `json:"why,omitempty"`    // the same in a sentence
	Stacks        string            `json:"stacks,omitempty"` // of a run without progress: the goroutines that hold and that wait
	Seed          uint64            `json:"seed"`
	Scheduled     bool              `json:"scheduled,omitempty"` // a schedule was played in place of random rounds
	Rounds        int               `json:"rounds"`
	Attempts      int               `json:"attempts,omitempty"` // number of repetitions of the rounds with Config.Until
	history.Stats

	// Of a subject with levels: the strongest level that no history refutes ("": none is refuted, and the verdict is another one), the declared one, the refutation of the next stronger
	// one, and the number of operations without a known outcome.
	Level        history.Level `json:"level,omitempty"`
	Declared     string        `json:"declared,omitempty"` // with the bound of eventual consistency
	Refuted      *Refuted      `json:"refuted,omitempty"`
	Undetermined int           `json:"undetermined,omitempty"`
	Notes        []string      `json:"notes,omitempty"` // what the run could not show, in sentences

	Restarts int               `json:"restarts,omitempty"`
	Survival *history.Survival `json:"survival,omitempty"` // of confirmed writes, over all restarts

	ElapsedNs  int64                `json:"elapsed_ns"`
	Guarantees []Guarantee          `json:"guarantees,omitempty"`
	Violation  *history.Violation   `json:"violation,omitempty"` // the most serious one
	Others     []*history.Violation `json:"others,omitempty"`    // of other kinds, the most serious first
}

// Refuted is a consistency level that a history refutes.
type Refuted struct {
	Level history.Level      `json:"level"`
	By    *history.Violation `json:"by"`
}

// Reason is why a verdict is inconclusive.
type Reason string

// The reasons.
const (
	Interrupted   Reason = "interrupted"
	NoProgress    Reason = "no progress"    // although goroutines were at work
	Disagreement  Reason = "disagreement"   // of the version witness and porcupine
	NotReproduced Reason = "not reproduced" // the violation of Config.Until
	SearchTimeout Reason = "search timeout"
	LittleOverlap Reason = "little overlap" // of operations on the same session

	UnknownOutcomes Reason = "unknown outcomes" // of too many operations
)

func (r *Report) inconclusive(reason Reason, why string) {
	r.Verdict, r.Reason, r.Why = history.Inconclusive, reason, why
}

// Guarantee is a guarantee as declared and as observed.
type Guarantee struct {
	Name     string `json:"name"`
	Declared string `json:"declared"`           // "yes", "no", or a qualified yes; "–" if it cannot be declared
	Observed string `json:"observed"`           // the same, or "–" if not observed
	Reported bool   `json:"reported,omitempty"` // not kept, and a violation of the report says so
	Kept     bool   `json:"kept"`               // the observation does not contradict the declaration
	Detail   string `json:"detail,omitempty"`
	Warning  string `json:"warning,omitempty"` // in a sentence; not a violation
}

// All returns the violations of a report, the most serious first.
func (r *Report) All() []*history.Violation {
	if r.Violation == nil {
		return nil
	}
	return append([]*history.Violation{r.Violation}, r.Others...)
}

// Add adds a violation, unless the report has one with the same anomaly already, and reports whether it did.
func (r *Report) Add(v *history.Violation) bool {
	all := r.All()
	if slices.ContainsFunc(all, func(o *history.Violation) bool { return o.Anomaly == v.Anomaly }) {
		return false
	}
	all = append(all, v)
	slices.SortStableFunc(all, history.BySeverity)
	r.Verdict, r.Violation, r.Others = history.Violated, all[0], all[1:]
	return true
}

// has reports whether a violation with this anomaly was added.
func (r *Report) has(a history.Anomaly) bool {
	return slices.ContainsFunc(r.All(), func(v *history.Violation) bool { return v.Anomaly == a })
}

// CheckHistory checks a history that was recorded before.
func CheckHistory(ctx context.Context, h *history.History) *Report {
	start := time.Now()
	result := history.Check(ctx, h)
	r := &Report{
		SchemaVersion: SchemaVersion, Subject: "history",
		Verdict: result.Verdict, Why: result.Why, Stats: result.Stats, Violation: result.Violation,
	}
	r.ElapsedNs = int64(time.Since(start))
	return r
}
