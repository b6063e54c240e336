// Package measure performs the tasks of a run in a child process. A store that crashes its process loses its own row of
// the result and no other: the next task gets a new process.
//
// The child is this program once more, with the environment variable [ChildVariable] set. It is not an argument because a
// main package that gives cmd.Main arguments of its own would start children without end.
//
// The parent decides what is measured when, and makes the result document; the child performs one task after the other.
// They exchange lines of JSON: each request on the child's stdin has one final reply, which other replies may precede. At
// the end of its stdin the child stops its task, closes what it has opened, and exits.
//
// Everything that a child needs is sent as values, not as flags: it reads no configuration, and a child that replaces
// another one works with the same values.
package measure

import (
	"encoding/json"

	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies"
	"github.com/sessbench/sessbench/strategies/redis"
)

// ChildVariable is the environment variable that is set for a child; see child.Answers.
const ChildVariable = "SESSBENCH_RUN_CHILD"

// tapeDescriptor is the descriptor of the file of recorded traffic, where a child inherits it.
const tapeDescriptor = 3

// request is one request. Exactly one field is set. Targets, Subjects and Plan are sent once each, in this order, before the
// first Task.
type request struct {
	Targets  *targetsRequest  `json:"targets,omitempty"`
	Subjects *subjectsRequest `json:"subjects,omitempty"`
	Plan     *planRequest     `json:"plan,omitempty"`
	Task     *runner.Task     `json:"task,omitempty"`
}

// targetsRequest starts the adapter programs, or connects to them.
type targetsRequest struct {
	Targets
	Restart bool `json:"restart,omitempty"` // a program that cannot be started is not an error of the request
}

// subjectsRequest names the subjects.
type subjectsRequest struct {
	Redis    redis.Options `json:"redis"`
	Protocol bool          `json:"protocol,omitempty"` // measure the cost of the adapter protocol, too
	Subjects []subject     `json:"subjects"`
}

// subject is what a child needs of a [runner.Subject].
type subject struct {
	Label    string            `json:"label"`
	Strategy string            `json:"strategy,omitempty"`
	Params   strategies.Values `json:"params,omitempty"`
	Target   int               `json:"target"` // index in Targets.Specs; -1: not a program
	OwnWork  bool              `json:"own_work,omitempty"`
	Lists    *redisLists       `json:"lists,omitempty"` // of a subject that is lists in Redis
}

// planRequest is the configuration but for the subjects.
type planRequest struct {
	Config runner.Config `json:"config"`

	Tape     json.RawMessage `json:"tape,omitempty"`      // the index of recorded traffic
	TapeName string          `json:"tape_name,omitempty"` // its file; empty: it is inherited

	Live bool `json:"live,omitempty"` // snapshots of running trials are wanted
}

// reply is one reply. Exactly one field is set.
type reply struct {
	Opened    []openedTarget    `json:"opened,omitempty"`    // to Targets and Subjects, one for each
	Ready     bool              `json:"ready,omitempty"`     // to Plan
	Begun     bool              `json:"begun,omitempty"`     // to Task, at once
	Preparing *runner.Preparing `json:"preparing,omitempty"` // to Task, while sessions are prepared
	Snapshot  *runner.Snapshot  `json:"snapshot,omitempty"`  // to Task, about once per second in the window
	Outcome   *runner.Outcome   `json:"outcome,omitempty"`   // to Task, at its end
	Failed    string            `json:"failed,omitempty"`    // the error of the request
	Unfit     bool              `json:"unfit,omitempty"`     // of Failed: [scenarios.ErrUnsupported]
	Closed    *string           `json:"closed,omitempty"`    // to the end of stdin: the error of closing, or ""
}

// openedTarget is what the parent needs of a target.
type openedTarget struct {
	There   bool   `json:"there"`
	Name    string `json:"name,omitempty"`
	Has     []bool `json:"has,omitempty"` // by operation
	Metered bool   `json:"metered,omitempty"`
	Note    string `json:"note,omitempty"` // as in [Target]
}

func describe(name string, t scenarios.Target) openedTarget {
	o := openedTarget{There: true, Name: name}
	for op := range scenarios.NumOps {
		o.Has = append(o.Has, t.Supports(op))
	}
	_, o.Metered = t.(scenarios.UsageReporter)
	return o
}
