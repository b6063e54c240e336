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

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/reports/result"
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

// part is this process's part of a trial. The zero value is all of it.
type part struct {
	participant Participant // nil: there are no others
	start       int         // number of the trial among those of the run
}

// first reports whether this participant prepares the sessions and audits.
func (p part) first() bool { return p.participant == nil || p.participant.Index() == 0 }

// users is this participant's share of n users: from lo up to hi.
func (p part) users(n int) (lo, hi int) {
	if p.participant == nil {
		return 0, n
	}
	i, of := p.participant.Index(), p.participant.Of()
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

// publishStart publishes the message, if there are other participants.
func (p part) publishStart(ctx context.Context, m startMessage) error {
	if p.participant == nil {
		return nil
	}
	return p.publish(ctx, "begun", m)
}

// publish publishes a message about this trial.
func (p part) publish(ctx context.Context, name string, message any) error {
	data, err := pack(message)
	if err != nil {
		return err
	}
	return p.participant.Publish(ctx, p.name(name), data)
}

// awaitStart waits until the first participant has prepared.
func (p part) awaitStart(ctx context.Context) (ids []manager.ID, err error) {
	found, err := p.participant.Await(ctx, p.name("begun"), 0)
	if err != nil {
		return nil, err
	}
	data, there := found[0]
	if !there {
		return nil, errLost(p.participant)
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
	if tr.part.first() {
		_ = tr.part.publishStart(tr.ctx, startMessage{Failed: err.Error()}) // a participant that misses it finds this one lost
		return err
	}
	tr.publishFailure(err)
	return err
}

// publishFailure publishes why a trial has failed here, for the first participant. The others do not wait at its start.
func (tr *trial) publishFailure(err error) {
	if tr.part.participant == nil || tr.ctx.Err() != nil {
		return
	}
	if !tr.started {
		_ = tr.begin() // fails when the run is over, which the next start reports
	}
	if !tr.part.first() {
		_ = tr.publishLedgers(err)
	}
}

// begin waits until all participants begin.
func (tr *trial) begin() error {
	tr.started = true
	if tr.part.participant == nil {
		return nil
	}
	return tr.part.participant.Barrier(tr.ctx, tr.part.start)
}

// LostError means that a run cannot continue, because participants are lost.
type LostError struct{ Who []string }

func (e *LostError) Error() string { return "lost: " + strings.Join(e.Who, ", ") }

func errLost(p Participant) error { return &LostError{p.Lost()} }

// userLedger is one user's ledger and violations. It is sent to other participants without times, which mean nothing on
// another's clock: they are unexported.
type userLedger struct {
	User       int
	Ledger     *ledger
	Violations []result.Violation
	Ambiguous  bool // incarnations under one id could not be distinguished
}

// userLedgers returns the ledgers of the users here and of those of other participants.
func (tr *trial) userLedgers() (all []userLedger) {
	all = append(all, tr.others...)
	for _, u := range tr.allUsers() {
		l := userLedger{User: u.number, Ledger: &u.ledger, Ambiguous: u.ambiguous}
		for _, err := range u.violations {
			l.Violations = append(l.Violations, result.Violation{Kind: violationKind(err), Detail: err.Error()})
		}
		all = append(all, l)
	}
	return all
}

// ledgersMessage is published for the first participant after a trial.
type ledgersMessage struct {
	Failed  string // why there are no ledgers
	Ledgers []userLedger
}

// publishLedgers publishes the ledgers of this participant's users, or why it cannot.
func (tr *trial) publishLedgers(failed error) error {
	var m ledgersMessage
	if failed != nil {
		m.Failed = failed.Error()
	} else {
		m.Ledgers = tr.userLedgers()
	}
	return tr.part.publish(tr.ctx, "ledgers", m)
}

// awaitLedgers waits for the ledgers of the other participants' users. lost reports that some participants are lost.
func (tr *trial) awaitLedgers() (all []userLedger, lost bool, err error) {
	p := tr.part.participant
	if p == nil {
		return nil, false, nil
	}
	var others []int
	for i := range p.Of() {
		if i != p.Index() {
			others = append(others, i)
		}
	}
	found, err := p.Await(tr.ctx, tr.part.name("ledgers"), others...)
	if err != nil {
		return nil, false, err
	}
	for _, i := range slices.Sorted(maps.Keys(found)) {
		var m ledgersMessage
		if err := unpack(found[i], &m); err != nil {
			return nil, false, err
		}
		if m.Failed != "" {
			return nil, false, &Violation{Kind: "unexpected error", Detail: fmt.Sprintf("participant %d: %s", i+1, m.Failed)}
		}
		all = append(all, m.Ledgers...)
	}
	return all, len(found) < len(others), nil
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
