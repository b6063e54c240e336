package history

import (
	"fmt"
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
	ByLevel     Detector = "level"     // a pattern that the consistency level does not allow
	ByRestart   Detector = "restart"   // what was confirmed before a restart is missing after it
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
	Conflict  []int      `json:"conflict,omitempty"` // indices in History of the operations that contradict each other
	Suspects  []int      `json:"suspects,omitempty"` // indices in History of possible causes
	Causes    []string   `json:"causes,omitempty"`   // causes that fit the history, which does not prove them, in sentences
	Full      *History   `json:"-"`                  // as recorded
	Stacks    string     `json:"stacks,omitempty"`   // of a hang: the goroutines that hold and that wait
}

// anomalies lists every anomaly that a run can report, the most serious first: loss of the service, of confidentiality, of
// data, wrong results, risks of these, and undeclared behaviour.
var anomalies = []struct {
	anomaly Anomaly
	by      Detector // that finds it outside of histories; empty: only a history shows it

	// What it means for the users of the sessions, in everyday words. READER and WRITER stand for the conflicting user, if
	// there is exactly one. Empty: the violation's own sentence says it.
	means string
}{
	{Crash, ByCrash, "The whole server goes down, for every user at once."},
	{Hang, ByWatchdog, "Users wait for a result that never comes. Only a restart helps."},
	{ForeignRead, "", "One user's data is shown in another user's session: a breach of privacy."},
	{GarbageRead, "", "The session holds data that no user wrote: memory was overwritten while it was read, or made up."},
	{LostUpdate, ByAnswers, ""},
	{LostAtRestart, ByRestart, "What users did before the service was restarted is gone, although each request had returned success. Every " +
		"deployment and every crash does that."},
	{DuplicateWrite, "", "One request took effect twice: the user sees the same message twice, or pays twice."},
	{Resurrection, "", "The change by WRITER was confirmed and went into a session that no longer exists: it is lost, or the " +
		"deleted session is back."},
	{LostSession, ByAnswers, "A session that exists was reported as missing: a user is logged out in the middle of a conversation."},
	{DoubleCreation, "", "Two sessions existed under one id at once. Users of one do not see what is written to the other, and " +
		"one of the two will be lost."},
	{DoubleDeletion, "", "Two callers both ended the session. What is done once at its end, such as billing or cleaning up, is " +
		"done twice."},
	{LeftoverData, "", "Deleted data is shown again in the session that took its place, to its new owner."},
	{AdoptedID, "", "A session exists that the server never created. An attacker can choose a session's id before the victim " +
		"uses it (session fixation)."},
	{AbortedRead, ByGuarantee, "A change that was reported as not applied is there. The caller will retry, and then it is there twice."},
	{IntermediateRead, "", "READER read the middle of another user's change: that was never a valid state of the session."},
	{FracturedRead, "", "READER read half of one change and half of another: a mixture that no user ever wrote."},
	{DeletedRead, "", "Data of a session was returned after its deletion was confirmed: a logout that does not log out."},
	{StaleRead, "", "READER read old data after newer data had been confirmed, and will act on it: a user reloads the page " +
		"and the last message has vanished."},
	{FutureRead, "", "READER read a change before it was requested. No order of events explains that."},
	{WriteReordering, "", "The session's history is not in the order in which it happened: an answer may stand before its question."},
	{UnboundedHistory, "", "The session keeps more than it may, and grows until memory runs out."},
	{WrongAnswer, "", ""},
	{MutualExclusion, ByOccupancy, "Two users change one session at the same time. Sooner or later one change overwrites the other, or the data is torn."},
	{RefusedAfterRun, ByAnswers, "The caller will retry. If the change was kept, it is made twice."},
	{LateClosure, ByAnswers, ""},
	{RepeatedClosure, ByAnswers, "One request is executed twice: its effects outside of the session happen twice."},
	{LostPanic, ByAnswers, "A bug in the program goes unnoticed, and the caller assumes success."},
	{UnexpectedError, ByAnswers, "The store returned what the contract does not allow and callers are not prepared for."},
	{UsedAfterClose, ByAnswers, "A change is confirmed by a store that is closed, and no operation can read it: a request that is served during a shutdown is lost."},
	{EarlyClose, ByAnswers, "The program continues its shutdown while a change is being made: what that change needs is gone, and it may be cut off in the middle."},
	{WrongSweep, ByAnswers, "Sessions outlive their time: users stay logged in, and memory grows. Or sessions that are in use end, or what is done " +
		"at their end is done with old data."},
	{WeakID, ByAnswers, ""},
	{WrongCount, ByCensus, "What relies on the number of sessions goes wrong: limits, billing, monitoring."},
	{LeakedSessions, ByCensus, "Memory grows with every session that ever existed, until the server runs out of it."},
	{LeakedLocks, ByCensus, "Memory grows with every session that ever existed, until the server runs out of it."},
	{LeakedGoroutines, ByCensus, "Memory grows with every session that ever existed, until the server runs out of it."},
	{UndeclaredRollback, ByGuarantee, "A caller that relies on what a failed update had changed does not find it. If undoing it is intended, declare Rollback."},
	{Starvation, ByFairness, "One user waits and waits while all the others are served."},
	{BrokenGuarantee, ByGuarantee, "Users who chose this store for what it declares do not get it."},
	{CountAfterClose, ByCensus, "What watches a shutdown sees sessions that no operation can reach. Their memory may remain in use."},
}

// Anomalies returns every anomaly that a run can report, the most serious first.
func Anomalies() (list []Anomaly) {
	for i := range anomalies {
		list = append(list, anomalies[i].anomaly)
	}
	return list
}

// severity returns the index of an anomaly in anomalies, -1 for one of another build, which a document may have.
func severity(a Anomaly) int { return slices.Index(Anomalies(), a) }

// NewViolation returns a violation that no history shows.
func NewViolation(a Anomaly, format string, args ...any) *Violation {
	return &Violation{Anomaly: a, Detector: anomalies[severity(a)].by, Why: fmt.Sprintf(format, args...)}
}

// BySeverity compares two violations, the more serious first.
func BySeverity(a, b *Violation) int {
	return severity(a.Anomaly) - severity(b.Anomaly)
}
