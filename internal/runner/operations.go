package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// write returns the user's next text, and records its word.
func (u *user) write(size int) (speaker, text string) {
	word := u.firstWord + u.writes%wordsPerUser
	u.writes++
	u.lastWord = word
	return role(word), u.contents.piece(word, size)
}

func (u *user) doChat(op scenarios.Op, slot uint32, size int) error {
	ctx := context.Background()
	switch op {
	case scenarios.Append:
		role, text := u.write(size)
		n, err := u.chat.AddMessage(ctx, u.ids[slot], role, text)
		if err == nil {
			u.ledger.wrote(u.first+slot, u.incarnations[slot], n, u.lastWord)
		}
		return err
	case scenarios.History:
		var err error
		u.history, err = u.chat.History(ctx, u.ids[slot], u.history[:0])
		u.noteTouches(slot)
		return err
	case scenarios.Validate:
		err := u.chat.Validate(ctx, u.ids[slot])
		u.noteTouches(slot)
		return err
	case scenarios.Touch:
		n, err := u.chat.Touch(ctx, u.ids[slot])
		if err == nil && u.trial.byVersion {
			u.ledger.wrote(u.first+slot, u.incarnations[slot], n, 0)
			u.touches = u.chat.Touches() // they are the writes
			return nil
		}
		u.noteTouches(slot)
		return err
	case scenarios.Create:
		id, err := u.chat.CreateSession(ctx)
		u.created(slot, id, err)
		return err
	case scenarios.Delete:
		return u.deleted(slot, u.chat.DeleteSession(ctx, u.ids[slot]))
	default:
		return errUnknownOp(op)
	}
}

// noteTorn adds a violation for a read that saw half of a change.
func (u *user) noteTorn(have map[string]string) {
	if f := torn(have, u.trial.scenario.Fields); f != "" {
		u.addViolation(fmt.Errorf("%w: %q and %q", errTorn, u.trial.scenario.Fields[0], f))
	}
}

// noteTouches notes in the ledger the touches that the last operation made.
func (u *user) noteTouches(slot uint32) {
	if n := u.chat.Touches() - u.touches; n > 0 {
		u.touches += n
		u.ledger.touched(u.first+slot, u.incarnations[slot], n)
	}
}

func (u *user) doBoard(op scenarios.Op, slot uint32, size int) error {
	ctx := context.Background()
	switch op {
	case scenarios.Update:
		_, text := u.write(size)
		for _, f := range u.trial.scenario.Fields {
			u.fields[f] = text
		}
		n, err := u.board.UpdateSession(ctx, u.ids[slot], u.fields)
		if err == nil {
			u.ledger.wrote(u.first+slot, u.incarnations[slot], n, u.lastWord)
		}
		return err
	case scenarios.Read:
		s, err := u.board.Session(ctx, u.ids[slot])
		u.seen = s
		if err == nil && len(s.Fields) > 0 {
			u.noteTorn(s.Fields)
		}
		return err
	case scenarios.Create:
		id, err := u.board.CreateSession(ctx)
		u.created(slot, id, err)
		return err
	case scenarios.Delete:
		return u.deleted(slot, u.board.DeleteSession(ctx, u.ids[slot]))
	default:
		return errUnknownOp(op)
	}
}

func (u *user) doStore(op scenarios.Op, slot uint32, size int) error {
	ctx := context.Background()
	switch op {
	case scenarios.Append:
		role, text := u.write(size)
		incarnation, n, err := u.store.add(ctx, u.ids[slot], role, text)
		if err == nil {
			u.ledger.wrote(slot, incarnation, n, u.lastWord)
		}
		return err
	case scenarios.History:
		var err error
		u.history, err = u.store.history(ctx, u.ids[slot], u.history[:0])
		return err
	case scenarios.GetOrCreate:
		incarnation, created, err := u.store.getOrCreate(ctx, u.ids[slot])
		if created {
			u.ledger.created = append(u.ledger.created, creation{u.ids[slot], incarnation})
		}
		return err
	case scenarios.Delete:
		last, err := u.store.store.Delete(ctx, u.ids[slot])
		if err == nil {
			u.removed(u.ids[slot], last)
		}
		return err
	default:
		return errUnknownOp(op)
	}
}

// errTooSoon means that a sweep removed a session that was still in use.
var errTooSoon = errors.New("removed before its time")

// errTorn means that a read saw half of a change.
var errTorn = errors.New("fields written together were read apart")

func errUnknownOp(op scenarios.Op) error { return fmt.Errorf("this view has no operation %s", op) }

func (u *user) created(slot uint32, id manager.ID, err error) {
	if err != nil {
		if errors.Is(err, manager.ErrIndeterminate) {
			u.ledger.indeterminates = append(u.ledger.indeterminates, indeterminate{scenarios.Create, id, 0})
		}
		return
	}
	u.ids[slot], u.incarnations[slot] = id, manager.IncarnationOf(id)
	u.ledger.created = append(u.ledger.created, creation{id, u.incarnations[slot]})
}

func (u *user) deleted(slot uint32, err error) error {
	if err == nil {
		u.incarnations[slot] = 0
	}
	return err
}

// ledgersMessage notes a session's last state.
func (u *user) removed(id manager.ID, last manager.Session) {
	if u.trial.unaudited {
		return
	}
	if u == u.trial.sweeper && last.Touched > time.Now().Add(-u.trial.sweepTTL()).UnixNano() {
		u.addViolation(fmt.Errorf("%w: it was swept %v after its last use", errTooSoon, time.Since(time.Unix(0, last.Touched))))
	}
	u.progress.Add(1)
	e := u.trial.audit.end(id, &last, u.trial.scenario.Fields, u.scratch)
	e.since = u.opStart
	u.ledger.final = append(u.ledger.final, e)
}
