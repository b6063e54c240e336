package history

import (
	"strings"
	"testing"
)

// TestCauses: histories that common mistakes produce, and similar ones that must not be attributed to them.
func TestCauses(t *testing.T) {
	absent := func(user int32, call, ret int64) Op {
		return Op{Call: call, Return: ret, User: user, Kind: ReadMessages, Outcome: NotFound}
	}
	foreign := violation(t, began(0, 0, 10, a0(1)), read(1, 20, 30, a0(1), 0, b0(7)))
	foreign.Anomaly = ForeignRead // as nameForeign does where another session's history has the message
	for _, row := range []struct {
		why       string
		v         *Violation
		want, not string
	}{
		{"B read the first incarnation and removed the second",
			violation(t, began(0, 0, 10, a0(1)), removed(1, 20, 100, a0(1), 0), removed(2, 25, 30, a0(1), 0)), "", "removal by key"},
		{"A's second incarnation vanished while B's removal of the first was under way",
			violation(t, began(0, 0, 10, a0(1)), removed(1, 20, 90, a0(1), 0), began(0, 40, 50, a0(2)), read(2, 60, 70, a0(2), 0),
				absent(2, 100, 110), read(0, 120, 130, a0(2), 0)), "removal by key alone: B's delete", ""},
		{"the second incarnation vanished long after the removal of the first",
			violation(t, began(0, 0, 10, a0(1)), removed(1, 20, 30, a0(1), 0), began(0, 40, 50, a0(2)), read(2, 60, 70, a0(2), 0),
				absent(2, 100, 110), read(0, 120, 130, a0(2), 0)), "", "removal by key"},
		{"B read the old version with the new message, which came meanwhile",
			violation(t, began(0, 0, 10, a0(1)), wrote(0, 30, 50, Append, a0(2), a0(1), 1), read(1, 20, 60, a0(1), 0, a0(2))),
			"aliasing: B's history returned the stored session itself", ""},
		{"a message of another session", foreign, "a pooled entry", ""},
		{"a message of an earlier incarnation",
			violation(t, began(0, 0, 10, a0(1)), wrote(0, 11, 12, Append, a0(2), a0(1), 1), removed(0, 20, 30, a0(1), 1), began(0, 40, 50, a0(3)),
				read(1, 60, 70, a0(3), 0, a0(2))), "a pooled entry that was not cleared", ""},
	} {
		text := strings.Join(causes(row.v), "; ")
		if !strings.Contains(text, row.want) || row.not != "" && strings.Contains(text, row.not) {
			t.Errorf("%s: %s: causes %q, want %q and no %q", row.why, row.v.Anomaly, text, row.want, row.not)
		}
	}
}

// suspected returns what the witness finds in the operations until end, with the suspects among all of them.
func suspected(t *testing.T, end int64, ops ...Op) *Violation {
	t.Helper()
	var short []Op
	for _, op := range ops {
		if op.Return <= end {
			short = append(short, op)
		}
	}
	v := violation(t, short...)
	v.suspect(&History{ID: goldenID, Ops: ops})
	v.Causes = causes(v)
	return v
}

// TestSuspects: an orphaned lock, as violations show it whose proof ends before the operation that holds the lock has returned, and similar
// histories that have other causes.
func TestSuspects(t *testing.T) {
	const (
		orphaned   = "lock is discarded when the session is deleted"
		version2   = "B's append of B1 and C's append of C1 both wrote version 2"
		writesBack = "a read that writes back"
		again      = "an update that stores a deleted session again: C's history met incarnation A3 after C's delete had removed it"
	)
	deleted := []Op{began(0, 0, 10, a0(1)), removed(0, 30, 40, a0(1), 0), began(0, 50, 60, a0(3))}
	unmeasured := func(b Op, more ...Op) []Op { return append(append([]Op{b}, deleted...), more...) }
	creation := began(0, 50, 80, a0(3))
	creation.Parts |= PartSeq
	creation.Seq = 1 // its view came after B's append
	found := began(2, 65, 80, c0(1))
	found.Created, found.Incarnation, found.Parts, found.Seq = false, a0(3), creation.Parts, 1
	for _, row := range []struct {
		why       string
		v         *Violation
		want, not []string
	}{
		{"C changed what B was changing, who had waited since before the deletion",
			suspected(t, 90, unmeasured(wrote(1, 20, 100, Append, b0(1), a0(3), 2), wrote(2, 70, 90, Append, c0(1), a0(3), 2))...),
			[]string{version2, orphaned, "B's append of B1 was called before A's delete returned"}, nil},
		{"so did B, who was called after it",
			suspected(t, 90, unmeasured(wrote(1, 65, 100, Append, b0(1), a0(3), 2), wrote(2, 70, 90, Append, c0(1), a0(3), 2))...),
			[]string{version2}, []string{orphaned}},
		{"no two changes wrote one version",
			suspected(t, 90, unmeasured(wrote(1, 20, 100, Append, b0(1), a0(3), 3), wrote(2, 70, 90, Append, c0(1), a0(3), 2))...),
			[]string{"no change returned version 1"}, []string{orphaned, "both wrote"}},
		{"the creation shows the message that B added, who had waited since before the deletion",
			suspected(t, 80, began(0, 0, 10, a0(1)), removed(0, 30, 40, a0(1), 0), creation, wrote(1, 20, 100, Append, b0(1), a0(3), 1)),
			[]string{orphaned, "B's append of B1 was called before A's delete returned"}, []string{writesBack}},
		{"C's look-up shows it",
			suspected(t, 80, unmeasured(wrote(1, 20, 100, Append, b0(1), a0(3), 1), found)...), []string{orphaned}, []string{writesBack}},
		{"the creation shows the message that B added, who was called after the deletion",
			suspected(t, 80, began(0, 0, 10, a0(1)), removed(0, 30, 40, a0(1), 0), creation, wrote(1, 55, 100, Append, b0(1), a0(3), 1)),
			nil, []string{orphaned}},
		{"B's change is missing from the state that C deleted, and is there again afterwards",
			suspected(t, 100, unmeasured(wrote(1, 20, 100, Append, b0(1), a0(3), 1), removed(2, 70, 90, a0(3), 0), read(2, 110, 120, a0(3), 1, b0(1)))...),
			[]string{again}, []string{orphaned, writesBack}},
		{"it is gone with the session",
			suspected(t, 100, unmeasured(wrote(1, 20, 100, Append, b0(1), a0(3), 1), removed(2, 70, 90, a0(3), 0))...),
			[]string{orphaned}, []string{"stores a deleted session again"}},
		{"it is there again, but B worked under a lock",
			suspected(t, 100, unmeasured(held(wrote(1, 20, 100, Append, b0(1), a0(3), 1), 5), removed(2, 70, 90, a0(3), 0), read(2, 110, 120, a0(3), 1, b0(1)))...),
			[]string{orphaned}, []string{"stores a deleted session again"}},
		{"a sweep removed an older state",
			suspected(t, 100, unmeasured(wrote(1, 20, 100, Append, b0(1), a0(3), 1),
				Op{Call: 70, Return: 90, User: 2, Kind: Sweep, Outcome: OK, Incarnation: a0(3), Parts: withVersion})...),
			nil, []string{orphaned}},
	} {
		text := row.v.Why + "; " + strings.Join(row.v.Causes, "; ") + "; " + row.v.Mechanism()
		for _, part := range row.want {
			if !strings.Contains(text, part) {
				t.Errorf("%s: %s: %q, want %q in it", row.why, row.v.Anomaly, text, part)
			}
		}
		for _, part := range row.not {
			if strings.Contains(text, part) {
				t.Errorf("%s: %s: %q, want no %q in it", row.why, row.v.Anomaly, text, part)
			}
		}
		if _, again := Witness(row.v.History); again == nil {
			t.Errorf("%s: the history with the suspects is certified", row.why)
		}
	}
}
