package history

import (
	"slices"

	"github.com/sessbench/sessbench/manager"
)

// Detector is the part of the checker that found a violation.
type Detector string

// The detectors.
const (
	ByWitness   Detector = "witness"   // the version witness
	ByPorcupine Detector = "porcupine" // the search for a linearization
	ByOccupancy Detector = "occupancy" // two users inside updates of one session at once
	ByAnswers   Detector = "answers"   // a result that the contract does not allow: an error, a panic, a closure run twice
	ByWatchdog  Detector = "watchdog"  // no progress
	ByCensus    Detector = "census"    // resources of removed sessions remain
	ByFairness  Detector = "fairness"  // a user waited while others were served
	ByGuarantee Detector = "guarantee" // a declared guarantee does not hold
	ByCrash     Detector = "crash"     // the process died
)

// A Violation is the proof that a store is wrong.
type Violation struct {
	Anomaly   Anomaly    `json:"anomaly"`
	Detector  Detector   `json:"check"`
	Confirmed bool       `json:"confirmed"`         // porcupine finds no linearization of the shortened history
	Why       string     `json:"why"`               // in a sentence
	Session   manager.ID `json:"session"`           // the nil UUID if it is not about one session
	Seed      uint64     `json:"seed"`              // of the round that found it
	Command   string     `json:"command,omitempty"` // that reproduces it
	Procs     int        `json:"gomaxprocs,omitempty"`
	History   *History   `json:"history,omitempty"`  // shortened
	Conflict  []int      `json:"fault,omitempty"`    // indices in History of the operations that contradict each other
	Suspects  []int      `json:"suspects,omitempty"` // indices in History of possible causes
	Causes    []string   `json:"likely,omitempty"`   // causes that fit the history, which does not prove them, in sentences
	Full      *History   `json:"-"`                  // as recorded
	Stacks    string     `json:"stacks,omitempty"`   // of a hang: the goroutines that hold and that wait
}

// severity lists the anomalies, the most serious first: loss of the service, of confidentiality, of data, wrong results,
// risks of these, and undeclared behaviour.
var severity = []Anomaly{
	Crash, Hang,
	ForeignRead, GarbageRead,
	LostUpdate, DuplicateWrite, Resurrection, LostSession, DoubleCreation, DoubleDeletion, LeftoverData, AdoptedID,
	AbortedRead, IntermediateRead, FracturedRead, DeletedRead, StaleRead, FutureRead, WriteReordering, UnboundedHistory, WrongAnswer,
	MutualExclusion, RefusedAfterRun, LateClosure, RepeatedClosure, LostPanic, UnexpectedError, WeakID,
	LeakedSessions, LeakedLocks, LeakedGoroutines,
	UndeclaredRollback, Starvation, BrokenGuarantee,
}

// Anomalies returns every anomaly that a run can report, the most serious first.
func Anomalies() []Anomaly { return slices.Clone(severity) }

// BySeverity compares two violations, the more serious first.
func BySeverity(a, b *Violation) int {
	return slices.Index(severity, a.Anomaly) - slices.Index(severity, b.Anomaly)
}
