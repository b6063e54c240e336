package history

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// looks are the parts of explainSearch that use times alone.
var looks = map[string]func([]Op, int) *Finding{
	"sameNumber": sameNumber, "missedMessage": missedMessage, "twiceCreated": twiceCreated, "neverCreated": neverCreated,
	"afterRemoval": afterRemoval, "notFound": notFound,
}

// TestExplainSearch: without versions and incarnations, times and numbers still show which anomaly it is.
func TestExplainSearch(t *testing.T) {
	for _, row := range []struct {
		sentence string
		want     Anomaly
		fault    []int
		history  string
	}{
		{"two messages got one number", LostUpdate, []int{1, 2}, `
			A 0-1 creates A1
			B 2-5 appends B1 #1
			C 2-5 appends C1 #1`},
		{"two messages got one number, and the deletion during one of them came before it", LostUpdate, []int{3, 5}, `
			A 0-1 creates A1
			B 2-3 appends B1 #1
			A 4-7 deletes
			B 5-12 appends B2 #1
			A 8-9 creates A2
			C 10-13 appends C1 #1
			C 14-15 reads [C1]`},
		{"a confirmed message is not read, and read later", StaleRead, []int{1, 2}, `
			A 0-1 creates A1
			B 2-5 appends B1
			C 6-7 reads []
			C 8-9 reads [B1]`},
		{"a confirmed message is never read again", LostUpdate, []int{1, 2}, `
			A 0-1 creates A1
			B 2-5 appends B1
			C 6-7 reads []`},
		{"two created it, and no operation deleted it", DoubleCreation, []int{0, 1}, `
			A 0-3 creates A1
			B 2-5 creates B1`},
		{"a session that no operation created", AdoptedID, []int{0}, `
			B 2-5 appends B1
			A 6-7 creates A1`},
		{"a deleted session is read", DeletedRead, []int{1, 2}, `
			A 0-1 creates A1
			A 2-3 deletes
			B 4-5 reads []`},
		{"a deleted session is changed", Resurrection, []int{1, 2}, `
			A 0-1 creates A1
			A 2-3 deletes
			B 4-5 appends B1`},
		{"a deleted session is deleted", DoubleDeletion, []int{1, 2}, `
			A 0-1 creates A1
			A 2-3 deletes
			B 4-5 deletes`},
		{"two deleted it, and no operation created it again", DoubleDeletion, []int{1, 2}, `
			A 0-1 creates A1
			A 2-5 deletes
			B 3-6 deletes`},
		{"a session that is there is not found", LostSession, []int{0, 1}, `
			A 0-1 creates A1
			B 4-5 reads not_found`},
		{"none of these: the last result is one too many", WrongAnswer, []int{4}, `
			A 0-1 creates A1
			B 2-9 appends B1
			C 2-9 appends C1
			B 10-11 reads [B1 C1]
			C 12-13 reads [C1 B1]`},
	} {
		h := written(t, row.history)
		for i := range h.Ops {
			h.Ops[i].Parts &^= PartIncarnation
		}
		f := explainSearch(h.Ops)
		if f.Anomaly != row.want || !slices.Equal(f.Ops, row.fault) || f.Why == "" {
			t.Errorf("%s: %q by %v (%s), want %q by %v", row.sentence, f.Anomaly, f.Ops, f.Why, row.want, row.fault)
		}
	}
}

// TestExplainSearchIsSound: a linearizable history contains no anomaly, whatever parts of its results are missing.
func TestExplainSearchIsSound(t *testing.T) {
	checks(t, 2000)
	rapid.Check(t, func(t *rapid.T) {
		h := drawGood(t, 12)
		for i := range h.Ops {
			h.Ops[i].Parts &^= rapid.SampledFrom([]Parts{0, PartIncarnation, PartVersion, PartIncarnation | PartVersion | PartSeq}).Draw(t, "missing parts")
		}
		for name, look := range looks {
			for i := range h.Ops {
				if f := look(h.Ops, i); f != nil {
					t.Fatalf("%s: %s (%s) in\n%s", name, f.Anomaly, f.Why, listing(h))
				}
			}
		}
	})
}
