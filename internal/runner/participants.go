package runner

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/audit"
	"github.com/sessbench/sessbench/manager"
)

// Participant is this process's membership of a run that several processes make together, on several machines: each has a
// share of the users, and all users go to the same sessions, which are outside all of these processes. The first participant
// prepares the sessions of each trial, and audits it with the ledgers that the others publish.
type Participant interface {
	Index() int // from 0
	Of() int    // number of participants

	// Barrier waits until every participant that is not lost has come to this start, and for the instant at which all begin.
	Barrier(ctx context.Context, start int) error

	// Publish sends data to the other participants under a name that this participant uses once.
	Publish(ctx context.Context, name string, data []byte) error

	// Await waits for the data that the given participants publish under a name. Lost ones are left out.
	Await(ctx context.Context, name string, from ...int) (map[int][]byte, error)

	// Lost names the participants for which the others no longer wait.
	Lost() []string
}

// alone is the participant of a run that this process makes by itself. It replaces a nil Participant, for
// which every message and barrier would be tested.
type alone struct{}

func (alone) Index() int                                    { return 0 }
func (alone) Of() int                                       { return 1 }
func (alone) Barrier(context.Context, int) error            { return nil }
func (alone) Publish(context.Context, string, []byte) error { return nil }
func (alone) Lost() []string                                { return nil }

func (alone) Await(context.Context, string, ...int) (map[int][]byte, error) { return nil, nil }

// part is this process's part of a trial.
type part struct {
	Participant
	start int // number of the trial among those of the run
}

// first reports whether this participant prepares the sessions and audits.
func (p part) first() bool { return p.Index() == 0 }

// shared reports whether the trial is part of a run of several participants.
func (p part) shared() bool { return p.Participant != Participant(alone{}) }

// users is this participant's share of n users: from lo up to hi.
func (p part) users(n int) (lo, hi int) {
	i, of := p.Index(), p.Of()
	return i * n / of, (i + 1) * n / of
}

func (p part) name(what string) string { return fmt.Sprintf("%s:%d", what, p.start) }

// startMessage is published by the first participant when a trial's sessions have been prepared.
type startMessage struct {
	Skipped bool   // there is no such trial: the store failed an earlier one
	Failed  string // it could not prepare
	IDs     []manager.ID
}

// errSkipped means that all participants leave a trial out.
var errSkipped = errors.New("left out")

// publish publishes a message about this trial, if there are other participants.
func (p part) publish(ctx context.Context, name string, message any) error {
	if !p.shared() {
		return nil
	}
	data, err := pack(message)
	if err != nil {
		return err
	}
	return p.Publish(ctx, p.name(name), data)
}

// publishStart publishes that the first participant has prepared the sessions, or why there are none.
func (p part) publishStart(ctx context.Context, m startMessage) error {
	if !p.first() {
		return nil
	}
	return p.publish(ctx, "begun", m)
}

// awaitStart waits until the first participant has prepared.
func (p part) awaitStart(ctx context.Context) (ids []manager.ID, err error) {
	found, err := p.Await(ctx, p.name("begun"), 0)
	if err != nil {
		return nil, err
	}
	data, there := found[0]
	if !there {
		return nil, errLost(p)
	}
	var m startMessage
	switch err := unpack(data, &m); {
	case err != nil:
		return nil, err
	case m.Skipped:
		return nil, errSkipped
	case m.Failed != "":
		return nil, &Violation{Kind: "unexpected error", Detail: fmt.Sprintf("the first participant: %s", m.Failed)}
	}
	return m.IDs, nil
}

// failStart publishes why a trial does not begin, and returns err.
func (tr *trial) failStart(err error) error {
	_ = tr.setup.part.publishStart(tr.ctx, startMessage{Failed: err.Error()}) // a participant that misses it finds this one lost
	if !tr.setup.part.first() {
		tr.publishFailure(err)
	}
	return err
}

// publishFailure publishes why a trial has failed here, for the first participant. The others do not wait at its start.
func (tr *trial) publishFailure(err error) {
	if tr.ctx.Err() != nil {
		return
	}
	if !tr.end.started {
		_ = tr.begin() // fails when the run is over, which the next start reports
	}
	if !tr.setup.part.first() {
		_ = tr.setup.part.publish(tr.ctx, "ledgers", ledgersMessage{Failed: err.Error()})
	}
}

// begin waits until all participants begin.
func (tr *trial) begin() error {
	tr.end.started = true
	return tr.setup.part.Barrier(tr.ctx, tr.setup.part.start)
}

// LostError means that a run cannot continue, because participants are lost.
type LostError struct{ Who []string }

func (e *LostError) Error() string { return "lost: " + strings.Join(e.Who, ", ") }

func errLost(p Participant) error { return &LostError{p.Lost()} }

// ledgersMessage is published for the first participant after a trial.
type ledgersMessage struct {
	Failed  string // why there are no ledgers
	Ledgers []*audit.Ledger
}

// awaitLedgers waits for the ledgers of the other participants' users. lost is not nil if some participants are lost.
func (p part) awaitLedgers(ctx context.Context) (all []*audit.Ledger, lost, err error) {
	var others []int
	for i := range p.Of() {
		if i != p.Index() {
			others = append(others, i)
		}
	}
	found, err := p.Await(ctx, p.name("ledgers"), others...)
	if err != nil {
		return nil, nil, err
	}
	for _, i := range slices.Sorted(maps.Keys(found)) {
		var m ledgersMessage
		if err := unpack(found[i], &m); err != nil {
			return nil, nil, err
		}
		if m.Failed != "" {
			return nil, nil, &Violation{Kind: "unexpected error", Detail: fmt.Sprintf("participant %d: %s", i+1, m.Failed)}
		}
		all = append(all, m.Ledgers...)
	}
	if len(found) < len(others) {
		lost = errLost(p)
	}
	return all, lost, nil
}

// pack encodes a message: gob, compressed.
func pack(v any) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if err := gob.NewEncoder(z).Encode(v); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func unpack(data []byte, v any) error {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return err
	}
	return gob.NewDecoder(z).Decode(v)
}
