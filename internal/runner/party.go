package runner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/manager"
)

// Party is the others in a run that several processes make together, on several machines: each has its share of the users,
// and all of them go to the same sessions, which lie beyond all of these processes. The first participant prepares the
// sessions of each trial, and audits it with the ledgers that the others publish.
type Party interface {
	Index() int // of this participant, from 0
	Of() int    // how many there are

	// Barrier waits until every participant that is not lost has come to this start, and for the instant at which all begin.
	Barrier(ctx context.Context, start int) error

	// Publish sends data to the other participants under a name that this participant uses once.
	Publish(ctx context.Context, name string, what []byte) error

	// Await waits for the data that the given participants publish under a name. Lost ones are left out.
	Await(ctx context.Context, name string, from ...int) (map[int][]byte, error)

	// Lost names those who are waited for no longer.
	Lost() []string
}

// part is this process's part of a trial. The zero value is all of it.
type part struct {
	party Party // nil: there are no others
	start int   // number of the trial among those of the run
}

// first reports whether this participant prepares the sessions and audits.
func (p part) first() bool { return p.party == nil || p.party.Index() == 0 }

// users is this participant's share of n users: from lo up to hi.
func (p part) users(n int) (lo, hi int) {
	if p.party == nil {
		return 0, n
	}
	i, of := p.party.Index(), p.party.Of()
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
func (p part) publishStart(ctx context.Context, b startMessage) error {
	if p.party == nil {
		return nil
	}
	what, err := pack(b)
	if err != nil {
		return err
	}
	return p.party.Publish(ctx, p.name("begun"), what)
}

// awaitBegun waits until the first participant has prepared.
func (p part) awaitStart(ctx context.Context) (ids []manager.ID, err error) {
	found, err := p.party.Await(ctx, p.name("begun"), 0)
	if err != nil {
		return nil, err
	}
	what, there := found[0]
	if !there {
		return nil, errLost(p.party)
	}
	var b startMessage
	switch err := unpack(what, &b); {
	case err != nil:
		return nil, err
	case b.Skipped:
		return nil, errSkipped
	case b.Failed != "":
		return nil, &violation{kind: "unexpected error", err: fmt.Errorf("the first participant: %s", b.Failed)}
	}
	return b.IDs, nil
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
	if tr.part.party == nil || tr.ctx.Err() != nil {
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
	if tr.part.party == nil {
		return nil
	}
	return tr.part.party.Barrier(tr.ctx, tr.part.start)
}

// LostError means that a run cannot continue, because participants are lost.
type LostError struct{ Who []string }

func (e *LostError) Error() string { return "lost: " + strings.Join(e.Who, ", ") }

func errLost(p Party) error { return &LostError{p.Lost()} }

// userLedger is one user's ledger and violations.
type userLedger struct {
	user int
	*ledger
	violations []error
	ambiguous  bool // incarnations under one id could not be distinguished
}

// userLedgers returns the ledgers of the users here and of those of other participants.
func (tr *trial) userLedgers() (all []userLedger) {
	all = append(all, tr.others...)
	for _, u := range tr.allUsers() {
		all = append(all, userLedger{u.number, &u.ledger, u.violations, u.ambiguous})
	}
	return all
}

// publishLedgers publishes the ledgers of this participant's users, or why it cannot.
func (tr *trial) publishLedgers(failed error) error {
	var h ledgersMessage
	if failed != nil {
		h.Failed = failed.Error()
	} else {
		for _, a := range tr.userLedgers() {
			h.Ledgers = append(h.Ledgers, newSentLedger(a))
		}
	}
	what, err := pack(h)
	if err != nil {
		return err
	}
	return tr.part.party.Publish(tr.ctx, tr.part.name("ledgers"), what)
}

// awaitLedgers waits for the ledgers of the other participants' users. lost reports that some participants are lost.
func (tr *trial) awaitLedgers() (all []userLedger, lost bool, err error) {
	p := tr.part.party
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
		var h ledgersMessage
		if err := unpack(found[i], &h); err != nil {
			return nil, false, err
		}
		if h.Failed != "" {
			return nil, false, &violation{kind: "unexpected error", err: fmt.Errorf("participant %d: %s", i+1, h.Failed)}
		}
		for _, a := range h.Ledgers {
			all = append(all, a.userLedger())
		}
	}
	return all, len(found) < len(others), nil
}
