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
// sessions of each trial, and audits it when the others have handed over what their users were told.
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

// begun is what the first participant tells the others when a trial's sessions are there.
type begun struct {
	Skipped bool   // there is no such trial: the store failed an earlier one
	Failed  string // it could not prepare
	IDs     []manager.ID
}

// errSkipped says that a trial is left out everywhere.
var errSkipped = errors.New("left out")

// tellBegun tells the others, if there are any.
func (p part) tellBegun(ctx context.Context, b begun) error {
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
func (p part) awaitBegun(ctx context.Context) (ids []manager.ID, err error) {
	found, err := p.party.Await(ctx, p.name("begun"), 0)
	if err != nil {
		return nil, err
	}
	what, there := found[0]
	if !there {
		return nil, errLost(p.party)
	}
	var b begun
	switch err := unpack(what, &b); {
	case err != nil:
		return nil, err
	case b.Skipped:
		return nil, errSkipped
	case b.Failed != "":
		return nil, &fault{kind: "unexpected error", err: fmt.Errorf("the first participant: %s", b.Failed)}
	}
	return b.IDs, nil
}

// notBegun tells the others why a trial does not begin.
func (tr *trial) notBegun(err error) error {
	if tr.part.first() {
		_ = tr.part.tellBegun(tr.ctx, begun{Failed: err.Error()}) // who is not told finds this one lost
		return err
	}
	tr.tellFailed(err)
	return err
}

// tellFailed tells the first participant why a trial has failed here. The others are not to wait at its start.
func (tr *trial) tellFailed(err error) {
	if tr.part.party == nil || tr.ctx.Err() != nil {
		return
	}
	if !tr.begun {
		_ = tr.begin() // errs when the run is over, of which the next start tells
	}
	if !tr.part.first() {
		_ = tr.handOver(err)
	}
}

// begin waits until all participants begin.
func (tr *trial) begin() error {
	tr.begun = true
	if tr.part.party == nil {
		return nil
	}
	return tr.part.party.Barrier(tr.ctx, tr.part.start)
}

// LostError says that a run cannot go on, since participants are lost.
type LostError struct{ Who []string }

func (e *LostError) Error() string { return "lost: " + strings.Join(e.Who, ", ") }

func errLost(p Party) error { return &LostError{p.Lost()} }

// account is what one user was told.
type account struct {
	user int
	*ledger
	faults  []error
	blurred bool // it could not tell lives under one id apart
}

// accounts are those of everybody here, and what other participants have handed in.
func (tr *trial) accounts() (all []account) {
	all = append(all, tr.others...)
	for _, u := range tr.everybody() {
		all = append(all, account{u.number, &u.ledger, u.faults, u.way.blurred})
	}
	return all
}

// handOver gives the first participant what this one's users were told, or why it cannot.
func (tr *trial) handOver(failed error) error {
	var h handedOver
	if failed != nil {
		h.Failed = failed.Error()
	} else {
		for _, a := range tr.accounts() {
			h.Accounts = append(h.Accounts, newSentAccount(a))
		}
	}
	what, err := pack(h)
	if err != nil {
		return err
	}
	return tr.part.party.Publish(tr.ctx, tr.part.name("told"), what)
}

// handedIn waits for what the others' users were told. Whoever is lost has taken its own with it, which lost says.
func (tr *trial) handedIn() (all []account, lost bool, err error) {
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
	found, err := p.Await(tr.ctx, tr.part.name("told"), others...)
	if err != nil {
		return nil, false, err
	}
	for _, i := range slices.Sorted(maps.Keys(found)) {
		var h handedOver
		if err := unpack(found[i], &h); err != nil {
			return nil, false, err
		}
		if h.Failed != "" {
			return nil, false, &fault{kind: "unexpected error", err: fmt.Errorf("participant %d: %s", i+1, h.Failed)}
		}
		for _, a := range h.Accounts {
			all = append(all, a.account())
		}
	}
	return all, len(found) < len(others), nil
}
