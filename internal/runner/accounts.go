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

// handedOver is what a participant gives to the first one after a trial: what its users were told, but for times, which mean
// nothing on another's clock.
type handedOver struct {
	Failed   string
	Accounts []sentAccount
}

type sentAccount struct {
	User      int
	Tallies   []sentTally
	Began     []sentBirth
	Ended     []sentEnding
	Doubts    []sentDoubt
	Backwards int
	Blurred   bool
	Faults    []sentFault
}

type sentTally struct {
	Slot, Word                                    uint32
	Life, Count, Last, Sum, Mixed, Touches, Blind uint64
}

type sentBirth struct {
	ID   uuid.UUID
	Life uint64
}

type sentEnding struct {
	ID              uuid.UUID
	Life, N, Others uint64
	Kept            int8
	Broken          string
	Words           [manager.HistoryLimit]uint32
}

type sentDoubt struct {
	Op   scenarios.Op
	ID   uuid.UUID
	Word uint32
}

type sentFault struct{ Kind, Text string }

func newSentAccount(a account) sentAccount {
	s := sentAccount{User: a.user, Backwards: a.backwards, Blurred: a.blurred}
	for t := range a.tallies {
		s.Tallies = append(s.Tallies, sentTally{
			Slot: t.slot, Word: t.word, Life: t.life, Count: t.count, Last: t.last, Sum: t.sum, Mixed: t.mixed,
			Touches: t.touches, Blind: t.blind,
		})
	}
	for _, b := range a.began {
		s.Began = append(s.Began, sentBirth{ID: b.id, Life: b.life})
	}
	for _, e := range a.ended {
		s.Ended = append(s.Ended, sentEnding{
			ID: e.id, Life: e.life, N: e.n, Others: e.others, Kept: e.kept, Broken: e.broken, Words: e.words,
		})
	}
	for _, d := range a.doubts {
		s.Doubts = append(s.Doubts, sentDoubt{Op: d.op, ID: d.id, Word: d.word})
	}
	for _, f := range a.faults {
		s.Faults = append(s.Faults, sentFault{faultKind(f), f.Error()})
	}
	return s
}

func (s *sentAccount) account() account {
	l := newLedger(0)
	for _, t := range s.Tallies {
		l.past = append(l.past, tally{
			slot: t.Slot, word: t.Word, life: t.Life, count: t.Count, last: t.Last, sum: t.Sum, mixed: t.Mixed,
			touches: t.Touches, blind: t.Blind,
		})
	}
	for _, b := range s.Began {
		l.began = append(l.began, birth{id: b.ID, life: b.Life})
	}
	for _, e := range s.Ended {
		l.ended = append(l.ended, ending{
			id: e.ID, life: e.Life, n: e.N, others: e.Others, kept: e.Kept, broken: e.Broken, words: e.Words,
		})
	}
	for _, d := range s.Doubts {
		l.doubts = append(l.doubts, doubt{op: d.Op, id: d.ID, word: d.Word})
	}
	l.backwards = s.Backwards
	a := account{user: s.User, ledger: &l, blurred: s.Blurred}
	for _, f := range s.Faults {
		a.faults = append(a.faults, &fault{kind: f.Kind, err: errors.New(f.Text)})
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
