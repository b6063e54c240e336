package verify

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/sessbench/sessbench/internal/child"
	"github.com/sessbench/sessbench/internal/goroutine"
	"github.com/sessbench/sessbench/internal/history"
)

// A Task describes a run to the child process that performs it. A store that hangs, exhausts the memory or crashes its
// process then affects no other subject.
type Task struct {
	Label   string            `json:"label"`
	Params  map[string]string `json:"params,omitempty"`
	Target  string            `json:"target,omitempty"`  // specification of a target; empty for a store
	Timeout time.Duration     `json:"timeout,omitempty"` // of a target's responses; takes the place of Config.Patience
	Source  json.RawMessage   `json:"source"`            // names the subject for [Opener]

	Config    Config        `json:"config"`
	Scheduled bool          `json:"scheduled,omitempty"` // the opener sets Config.Schedule
	MaxMemory uint64        `json:"max_memory"`          // in bytes; a process that uses more is stopped
	Margin    time.Duration `json:"margin"`              // beyond the budget: for the last round and for shortening its history
}

// stopLimit is how long a child may take to stop after its stdin has ended: for one round, and for its report.
func (t *Task) stopLimit() time.Duration { return 10*time.Second + 2*t.Config.Patience }

// limit is how long a child may take altogether.
func (t *Task) limit() time.Duration {
	return t.Config.Budget + t.Margin + goroutine.UndecidedAfter*t.Config.Patience + t.Timeout
}

// crashed reports that the process ended before it had sent its report, by its state and what it wrote to stderr.
func (t *Task) crashed(state *os.ProcessState, stderr string, rounds int) *Report {
	why, stacks := crashReport(stderr, child.RaceDetector)
	switch {
	case why != "":
	case state.Success():
		why = "the process ended before it had sent its report"
	default:
		why = "the process ended before it had sent its report: " + state.String()
		if state.String() == "signal: killed" {
			why += ", as the system does when memory runs out"
		}
	}
	return t.violated(history.Crash, why, stacks, rounds)
}

// late reports that the process did not end within its limit and was stopped. That is a hang if every goroutine of the process
// waits for another one, by the stacks that it wrote when it was stopped. Otherwise the verdict is inconclusive.
func (t *Task) late(stderr string, rounds int) *Report {
	why := fmt.Sprintf("the process had not ended %v after its budget of %v and was stopped",
		t.limit()-t.Config.Budget, t.Config.Budget)
	var stacks strings.Builder
	works := false
	for _, g := range goroutine.ParseAll(stderr[max(0, child.LastLine(stderr, "SIGQUIT: ")):]) {
		if g.ID == "0" || strings.Contains(g.Text, "\ncreated by runtime.") || // the runtime's
			g.Calls("os/signal.signal_recv") || g.Calls(goroutine.Name(child.Watch)) { // the child's
			continue
		}
		works = works || !g.Waits()
		stacks.WriteString(g.Text + "\n\n")
	}
	if stacks.Len() > 0 && !works {
		return t.violated(history.Hang, why, child.Excerpt(stacks.String()), rounds)
	}
	r := t.report(rounds)
	r.inconclusive(NoProgress, why+"; goroutines were at work, so it hangs in a loop or is slow")
	return r
}

func (t *Task) violated(a history.Anomaly, why, stacks string, rounds int) *Report {
	r := t.report(rounds)
	seed := t.Config.Seed + uint64(rounds)
	if t.Config.Until != "" && t.Config.Rounds > 0 {
		seed = t.Config.Seed + uint64(rounds%t.Config.Rounds)
	}
	v := history.NewViolation(a, "%s", why)
	v.Seed, v.Stacks = seed, stacks
	r.Add(v)
	return r
}

// report returns the report on a process that sent none after so many completed rounds.
func (t *Task) report(rounds int) *Report {
	r := &Report{
		SchemaVersion: SchemaVersion, Subject: t.Label, Params: t.Params, Target: t.Target,
		Seed: t.Config.Seed, Scheduled: t.Scheduled, Rounds: rounds + 1,
	}
	if t.Config.Until != "" && t.Config.Rounds > 0 {
		r.Attempts = rounds/t.Config.Rounds + 1
	}
	return r
}
