package history

import (
	"testing"

	"github.com/sessbench/sessbench/manager"
	"pgregory.net/rapid"
)

// TestSpecificationAgreesWithSession: a session used by one caller never contradicts the specification.
func TestSpecificationAgreesWithSession(t *testing.T) {
	checks(t, 500)
	rapid.Check(t, func(t *rapid.T) {
		h := drawGood(t, 40)
		var s state
		for i := range h.Ops {
			if m := s.step(&h.Ops[i]); m != fits {
				t.Fatalf("operation %d contradicts the specification (%d):\n%s", i, m, listing(h))
			}
		}
	})
}

func TestSpecificationContradicts(t *testing.T) {
	const begin = `
		A 0-1 creates A1 v0
		A 2-3 appends A2 @A1 v1 #1
		A 4-5 updates A3 @A1 v2 #1
		`
	for _, row := range []struct {
		next string
		want mismatch
	}{
		{"B 6-7 reads @A1 v2 #1 [A2]", fits},
		{"B 6-7 views @A1 v2 #1 <A3 A3>", fits},
		{"B 6-7 reads", fits},
		{"B 6-7 reads refused @B1 v9", fits},
		{"B 6-7 reads not_found", wasThere},
		{"B 6-7 creates B1", wasThere},
		{"B 6-7 mints B1", wasThere},
		{"B 6-7 finds B1 @A1 v2", fits},
		{"B 6-7 finds B1 @B1 v2", otherIncarnation},
		{"B 6-7 reads @A1 v1", otherVersion},
		{"B 6-7 appends B1 @A1 v2", otherVersion},
		{"B 6-7 appends B1 rolled_back @A1 v2", fits},
		{"B 6-7 appends B1 failed @A1 v3", fits},
		{"B 6-7 nests B1 @A1 v4 #3", fits},
		{"B 6-7 nests B1 @A1 v4 #2", otherSeq},
		{"B 6-7 reads #2", otherSeq},
		{"B 6-7 reads []", otherMessages},
		{"B 6-7 reads [A2 A2]", otherMessages},
		{"B 6-7 reads [A3]", otherMessages},
		{"B 6-7 views <A3 –>", otherFields},
		{"B 6-7 views <– –>", otherFields},
		{"B 6-7 deletes @A1 v2 #1 [A2] <A3 A3>", fits},
		{"B 6-7 deletes @A1 v2 #1 []", otherMessages},
		{"B 6-7 deletes\nB 8-9 reads", wasAbsent},
		{"B 6-7 sweeps\nB 8-9 finds B1", wasAbsent},
		{"B 6-7 deletes\nB 8-9 creates B1 v0 #0", fits},
		{"B 6-? deletes unknown\nB 8-9 reads", wasAbsent},
		{"B 6-? appends B1 unknown\nB 8-9 reads @A1 v3 #2 [A2 B1]", fits},
		{"B 6-? creates B1 unknown\nB 8-9 reads @A1", fits},
	} {
		h := written(t, begin+row.next)
		var s state
		m := fits
		for i := range h.Ops {
			if m = s.step(&h.Ops[i]); m != fits && i < len(h.Ops)-1 {
				t.Fatalf("%s: operation %d: %d", row.next, i, m)
			}
		}
		if m != row.want {
			t.Errorf("%s: %d, want %d", row.next, m, row.want)
		}
	}
}

func TestSpecificationKeepsTheNewestMessages(t *testing.T) {
	if keeps != manager.HistoryLimit {
		t.Errorf("keeps %d messages, a session %d", keeps, manager.HistoryLimit)
	}
	var s state
	s.step(&Op{Kind: GetOrCreate, Outcome: OK, Created: true, Tag: 1})
	for n := range 40 {
		s.step(&Op{Kind: Append, Outcome: OK, Tag: NewTag(0, uint64(n))})
		list := s.messages()
		if want := min(n+1, keeps); len(list) != want || list[len(list)-1] != NewTag(0, uint64(n)) || !s.shows(list) {
			t.Fatalf("after %d: %v", n+1, list)
		}
	}
}
