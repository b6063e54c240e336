package history

import (
	"testing"

	"github.com/google/uuid"
)

var goldenID = uuid.MustParse("0b9c1f52-1d9e-4c66-9d5e-2f6f7f1e0a11")

// violation returns what the witness finds in ops; it must find something.
func violation(t testing.TB, ops ...Op) *Violation {
	t.Helper()
	h := &History{ID: goldenID, Ops: ops}
	_, found := Witness(h)
	if found == nil {
		t.Fatal("the witness certified the history")
	}
	return &Violation{
		Anomaly: found.Anomaly, Detector: ByWitness, Confirmed: true, Why: found.Why, Session: h.ID, Seed: 7,
		Command: "sessbench verify -S per-session --seed 7", History: h, Conflict: found.Ops,
	}
}

func began(user int32, call, ret int64, tag Tag) Op {
	return Op{Call: call, Return: ret, User: user, Kind: GetOrCreate, Outcome: OK, Created: true, Tag: tag, Incarnation: tag, Parts: withVersion}
}

func wrote(user int32, call, ret int64, k Kind, tag, incarnation Tag, version uint64) Op {
	return Op{Call: call, Return: ret, User: user, Kind: k, Outcome: OK, Tag: tag, Incarnation: incarnation, Version: version, Parts: withVersion}
}

func removed(user int32, call, ret int64, incarnation Tag, version uint64) Op {
	return Op{Call: call, Return: ret, User: user, Kind: Delete, Outcome: OK, Incarnation: incarnation, Version: version, Parts: withVersion}
}

func read(user int32, call, ret int64, incarnation Tag, version uint64, messages ...Tag) Op {
	return Op{Call: call, Return: ret, User: user, Kind: ReadMessages, Outcome: OK, Incarnation: incarnation, Version: version,
		Messages: messages, Parts: withVersion | PartMessages}
}

func viewed(user int32, call, ret int64, incarnation Tag, version uint64, first, second Tag) Op {
	return Op{Call: call, Return: ret, User: user, Kind: ReadFields, Outcome: OK, Incarnation: incarnation, Version: version,
		Fields: [2]Tag{first, second}, Parts: withVersion | PartFields}
}

// lostUpdate: A and B each add a message to the same state.
func lostUpdate() *Violation {
	return violation(new(testing.T),
		began(0, 1000, 2300, a0(1)),
		wrote(0, 3000, 9100, Append, a0(2), a0(1), 1),
		wrote(1, 4200, 12800, Append, b0(1), a0(1), 1),
		read(2, 14000, 15500, a0(1), 1, b0(1)))
}

// longStaleRead: after many good operations C is shown what was there before A's last change.
func longStaleRead(t testing.TB) *Violation {
	ops := []Op{began(0, 0, 900, a0(1))}
	at, version := int64(1000), uint64(0)
	var kept []Tag
	for n := range uint64(120) {
		version++
		tag := a0(n + 2)
		ops = append(ops, wrote(0, at, at+700, Append, tag, a0(1), version))
		if kept = append(kept, tag); len(kept) > keeps {
			kept = kept[1:]
		}
		ops = append(ops, read(1+int32(n%4), at+800, at+1500, a0(1), version, kept...))
		at += 2000
	}
	ops = append(ops, wrote(1, at, at+5000, Append, b0(1), a0(1), version+1))
	ops = append(ops, read(3, at+1000, at+4000, a0(1), version, kept...))
	ops = append(ops, read(2, at+7000, at+8000, a0(1), version, kept...))
	return violation(t, ops...)
}
