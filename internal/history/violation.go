package history

import "github.com/sessbench/sessbench/manager"

// Check is the part of the checker that convicted a store.
type Detector string

// The checks.
const (
	ByWitness   Detector = "witness"   // the version witness
	ByPorcupine Detector = "porcupine" // the search for a linearization
	ByOccupancy Detector = "occupancy" // two users inside one session's update at once
	ByAnswers   Detector = "answers"   // an answer that the contract does not allow: an error, a panic, a closure run twice
	ByWatchdog  Detector = "watchdog"  // no progress
	ByCensus    Detector = "census"    // something was kept for sessions that are gone
	ByFairness  Detector = "fairness"  // a user waited while others went by
	ByGuarantee Detector = "guarantee" // a declared guarantee does not hold
	ByCrash     Detector = "crash"     // the process died
)

// Violation is what convicts a store.
type Violation struct {
	Anomaly   Anomaly    `json:"anomaly"`
	Detector  Detector   `json:"check"`
	Confirmed bool       `json:"confirmed"`         // porcupine finds no linearization of the shortened history either
	Why       string     `json:"why"`               // in a sentence
	Session   manager.ID `json:"session"`           // the nil UUID where it is not about one session
	Seed      uint64     `json:"seed"`              // of the round that showed it
	Command   string     `json:"command,omitempty"` // that replays it
	Procs     int        `json:"gomaxprocs,omitempty"`
	History   *History   `json:"history,omitempty"`  // shortened
	Conflict  []int      `json:"fault,omitempty"`    // the operations of History at fault
	Suspects  []int      `json:"suspects,omitempty"` // operations of History that are likely to have caused it
	Causes    []string   `json:"likely,omitempty"`   // causes that fit the history and that it does not prove, in sentences
	Full      *History   `json:"-"`                  // as it was recorded
	Stacks    string     `json:"stacks,omitempty"`   // of a hang: who holds and who waits
}
