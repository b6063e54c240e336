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
