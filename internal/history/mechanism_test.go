package history

import (
	"strings"
	"testing"
)

// held is an operation whose work in the session took so long.
func held(op Op, nanoseconds int64) Op {
	op.Hold = nanoseconds
	return op
}

// orphanedLock: B waits for the lock of a session that A deletes and makes again, and gets in beside C.
func orphanedLock(t testing.TB) *Violation {
	return violation(t,
		began(0, 0, 100_000, a0(1)),
		held(wrote(0, 150_000, 900_000, Append, a0(2), a0(1), 1), 700_000),
		held(wrote(1, 200_000, 1_900_000, Append, b0(1), a0(3), 1), 600_000),
		removed(0, 950_000, 1_000_000, a0(1), 1),
		began(0, 1_050_000, 1_100_000, a0(3)),
		held(wrote(2, 1_200_000, 2_100_000, Append, c0(1), a0(3), 1), 800_000))
}

func TestMechanism(t *testing.T) {
	const orphaned, together, logically = "lock is discarded when the session is deleted", "no time to do one after the other", "So B and C were inside" // which two equal versions do not show
	alter := func(change func(b, c *Op)) *Violation {
		v := orphanedLock(t)
		change(&v.History.Ops[2], &v.History.Ops[5])
		return v
	}
	for _, row := range []struct {
		sentence string
		v        *Violation
		want     []string
		not      []string
	}{
		{"B was let into the new session, which leaves no time for both",
			orphanedLock(t), []string{together, orphaned, "B's append of B1 was called before A's delete returned"}, []string{logically}},
		{"there was time for both, but they made the same version",
			alter(func(b, c *Op) { b.Return = 4_000_000 }), []string{orphaned}, []string{together, logically}},
		{"B was called after its incarnation had been created, so there was no time for both",
			alter(func(b, c *Op) { b.Call = 1_250_000 }), []string{together}, []string{orphaned, logically}},
		{"no work in the session was measured",
			alter(func(b, c *Op) { b.Hold, c.Hold = 0, 0 }), []string{orphaned}, []string{together, logically}},
		{"no incarnations were returned", alter(func(b, c *Op) { b.Parts, c.Parts = PartSeq, PartSeq }), []string{orphaned}, []string{together, logically}},
		{"of two by one user nothing is said", alter(func(b, c *Op) { c.User = b.User }), nil, []string{orphaned, together, logically}},
		{"nor of a hang", &Violation{Anomaly: Hang}, nil, []string{orphaned, together, logically}},
	} {
		text := row.v.Mechanism()
		for _, part := range row.want {
			if !strings.Contains(text, part) {
				t.Errorf("%s: %q, want %q in it", row.sentence, text, part)
			}
		}
		for _, part := range row.not {
			if strings.Contains(text, part) {
				t.Errorf("%s: %q, want no %q in it", row.sentence, text, part)
			}
		}
	}
}
