package verify

import (
	"github.com/sessbench/sessbench/manager"
)

// SchemaVersion is the version of a report's and a history's JSON form. A newer one is refused.
const SchemaVersion = 1

// Verdict is what a run came to.
type Verdict string

// The verdicts.
const (
	Linearizable Verdict = "linearizable"
	Violated     Verdict = "violated"
	Inconclusive Verdict = "inconclusive"
)

// Check is the part of the checker that convicted a store.
type Check string

// The checks.
const (
	ByWitness   Check = "witness"   // the version witness
	ByPorcupine Check = "porcupine" // the search for a linearization
	ByOccupancy Check = "occupancy" // two users inside one session's update at once
	ByAnswers   Check = "answers"   // an answer that the contract does not allow: an error, a panic, a closure run twice
	ByWatchdog  Check = "watchdog"  // no progress
	ByCensus    Check = "census"    // something was kept for sessions that are gone
	ByFairness  Check = "fairness"  // a user waited while others went by
	ByGuarantee Check = "guarantee" // a declared guarantee does not hold
	ByCrash     Check = "crash"     // the process died
)

// Anomalies that show elsewhere than in a history.
const (
	Hang            Anomaly = "hang"
	Crash           Anomaly = "crash"
	MutualExclusion Anomaly = "mutual exclusion broken"
	UnexpectedError Anomaly = "unexpected error"
	RepeatedClosure Anomaly = "closure run twice"
	LostPanic       Anomaly = "lost panic" // a panic in a closure did not reach the caller
	LeakedSessions  Anomaly = "leaked sessions"
	LeakedLocks     Anomaly = "leaked locks"
	LeakedRoutines  Anomaly = "leaked goroutines"
	Starvation      Anomaly = "starvation"
	LateClosure     Anomaly = "late closure"         // it ran when its operation had returned
	RefusedAfterRun Anomaly = "refused after it ran" // an update's closure ran, and its caller was told that it was not applied
	WeakID          Anomaly = "weak id"
	BrokenPromise   Anomaly = "declared, not kept"
)

// Report is what a run found out about one subject.
type Report struct {
	SchemaVersion int               `json:"schema_version"`
	Subject       string            `json:"subject"`
	Params        map[string]string `json:"params,omitempty"`
	Target        string            `json:"target,omitempty"` // of a program: how it was started or reached
	Verdict       Verdict           `json:"verdict"`
	Why           string            `json:"why,omitempty"` // of an inconclusive verdict, in a sentence
	Seed          uint64            `json:"seed"`
	Scheduled     bool              `json:"scheduled,omitempty"` // a schedule was played instead of random pressure
	Rounds        int               `json:"rounds"`
	Attempts      int               `json:"attempts,omitempty"` // how often the rounds were begun, where they were repeated until a violation
	Sessions      int               `json:"sessions"`           // ids whose histories were checked
	Operations    int               `json:"operations"`
	Overlapped    float64           `json:"overlapped"` // share of the operations on contested sessions that overlapped another user's there
	Raced         int               `json:"raced"`      // sessions on which operations of different users overlapped
	Certified     int               `json:"certified"`  // sessions certified by the witness
	Searched      int               `json:"searched"`   // sessions that porcupine decided because the witness could not
	CrossChecked  int               `json:"cross_checked"`
	Unknown       int               `json:"unknown"` // sessions on which porcupine ran out of time
	ElapsedNs     int64             `json:"elapsed_ns"`
	Guarantees    []Guarantee       `json:"guarantees,omitempty"`
	Violation     *Violation        `json:"violation,omitempty"` // the most serious one
	Others        []*Violation      `json:"others,omitempty"`    // of other kinds, the most serious first
}

// Guarantee is one guarantee as it was declared and as it was seen.
type Guarantee struct {
	Name     string `json:"name"`
	Declared string `json:"declared"` // "yes", "no", or the way in which; "–" where there is nothing to declare
	Observed string `json:"observed"` // the same, or "–" where nobody looked
	Kept     bool   `json:"kept"`     // what was declared was observed
	Detail   string `json:"detail,omitempty"`
	Warning  string `json:"warning,omitempty"` // what is worth knowing and no violation, in a sentence
}

// Violation is what convicts a store.
type Violation struct {
	Anomaly   Anomaly         `json:"anomaly"`
	Check     Check           `json:"check"`
	Confirmed bool            `json:"confirmed"`         // porcupine finds no linearization of the shortened history either
	Why       string          `json:"why"`               // in a sentence
	Session   manager.ID      `json:"session"`           // the nil UUID where it is not about one session
	Seed      uint64          `json:"seed"`              // of the round that showed it
	Command   string          `json:"command,omitempty"` // that replays it
	Procs     int             `json:"gomaxprocs,omitempty"`
	History   *SessionHistory `json:"history,omitempty"`  // shortened
	Fault     []int           `json:"fault,omitempty"`    // the operations of History at fault
	Suspects  []int           `json:"suspects,omitempty"` // operations of History that are likely to have caused it
	Likely    []string        `json:"likely,omitempty"`   // causes that fit the history and that it does not prove, in sentences
	Full      *SessionHistory `json:"-"`                  // as it was recorded
	Stacks    string          `json:"stacks,omitempty"`   // of a hang: who holds and who waits
}
