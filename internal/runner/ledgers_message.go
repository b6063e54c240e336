package runner

import (
	"bytes"
	"compress/gzip"
	"encoding/gob"
	"errors"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// ledgersMessage is what a participant publishes for the first one after a trial: its users' ledgers, without times, which mean
// nothing on another's clock.
type ledgersMessage struct {
	Failed  string
	Ledgers []sentLedger
}

type sentLedger struct {
	User           int
	Tallies        []sentTally
	Created        []sentCreation
	Final          []sentFinalState
	Indeterminates []sentIndeterminate
	Backwards      int
	Ambiguous      bool
	Violations     []sentViolation
}

type sentTally struct {
	Slot, Word                                                uint32
	Incarnation, Count, Last, Sum, Mixed, Touches, Unnumbered uint64
}

type sentCreation struct {
	ID          uuid.UUID
	Incarnation uint64
}

type sentFinalState struct {
	ID                     uuid.UUID
	Incarnation, N, Others uint64
	Kept                   int8
	Broken                 string
	Words                  [manager.HistoryLimit]uint32
}

type sentIndeterminate struct {
	Op   scenarios.Op
	ID   uuid.UUID
	Word uint32
}

type sentViolation struct{ Kind, Text string }

func newSentLedger(a userLedger) sentLedger {
	s := sentLedger{User: a.user, Backwards: a.backwards, Ambiguous: a.ambiguous}
	for t := range a.tallies {
		s.Tallies = append(s.Tallies, sentTally{
			Slot: t.slot, Word: t.word, Incarnation: t.incarnation, Count: t.count, Last: t.last, Sum: t.sum, Mixed: t.mixed,
			Touches: t.touches, Unnumbered: t.unnumbered,
		})
	}
	for _, b := range a.created {
		s.Created = append(s.Created, sentCreation{ID: b.id, Incarnation: b.incarnation})
	}
	for _, e := range a.final {
		s.Final = append(s.Final, sentFinalState{
			ID: e.id, Incarnation: e.incarnation, N: e.n, Others: e.others, Kept: e.kept, Broken: e.broken, Words: e.words,
		})
	}
	for _, d := range a.indeterminates {
		s.Indeterminates = append(s.Indeterminates, sentIndeterminate{Op: d.op, ID: d.id, Word: d.word})
	}
	for _, f := range a.violations {
		s.Violations = append(s.Violations, sentViolation{violationKind(f), f.Error()})
	}
	return s
}

func (s *sentLedger) userLedger() userLedger {
	l := newLedger(0)
	for _, t := range s.Tallies {
		l.past = append(l.past, tally{
			slot: t.Slot, word: t.Word, incarnation: t.Incarnation, count: t.Count, last: t.Last, sum: t.Sum, mixed: t.Mixed,
			touches: t.Touches, unnumbered: t.Unnumbered,
		})
	}
	for _, b := range s.Created {
		l.created = append(l.created, creation{id: b.ID, incarnation: b.Incarnation})
	}
	for _, e := range s.Final {
		l.final = append(l.final, finalState{
			id: e.ID, incarnation: e.Incarnation, n: e.N, others: e.Others, kept: e.Kept, broken: e.Broken, words: e.Words,
		})
	}
	for _, d := range s.Indeterminates {
		l.indeterminates = append(l.indeterminates, indeterminate{op: d.Op, id: d.ID, word: d.Word})
	}
	l.backwards = s.Backwards
	a := userLedger{user: s.User, ledger: &l, ambiguous: s.Ambiguous}
	for _, f := range s.Violations {
		a.violations = append(a.violations, &violation{kind: f.Kind, err: errors.New(f.Text)})
	}
	return a
}

// pack encodes what is given to others: gob, compressed.
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

func unpack(what []byte, v any) error {
	z, err := gzip.NewReader(bytes.NewReader(what))
	if err != nil {
		return err
	}
	return gob.NewDecoder(z).Decode(v)
}
