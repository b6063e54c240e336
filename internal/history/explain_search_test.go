package history

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// looks are the parts of explainSearch that use times alone.
var looks = map[string]func([]Op, int) *Finding{
	"sameNumber": sameNumber, "missedMessage": missedMessage, "missedField": missedField, "tooFew": tooFew, "twiceCreated": twiceCreated, "neverCreated": neverCreated,
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
		{"a message that is missing among fifteen, of which one is older", LostUpdate, []int{2, 17}, `
			A 0-1 creates A1
			B 2-3 appends B1
			C 4-5 appends C1
			D 6-7 appends D1
			D 8-9 appends D2
			D 10-11 appends D3
			D 12-13 appends D4
			D 14-15 appends D5
			D 16-17 appends D6
			D 18-19 appends D7
			D 20-21 appends D8
			D 22-23 appends D9
			D 24-25 appends D10
			D 26-27 appends D11
			D 28-29 appends D12
			D 30-31 appends D13
			D 32-33 appends D14
			B 34-35 reads [B1 D1 D2 D3 D4 D5 D6 D7 D8 D9 D10 D11 D12 D13 D14]`},
		{"a message that was shown is not shown again, and its append has no answer", LostUpdate, []int{1, 2, 4}, `
			A 0-1 creates A1
			B 2-? appends B1 unknown
			C 3-4 reads [B1]
			C 5-6 appends C1
			C 7-8 reads [C1]`},
		{"a confirmed value is not read", LostUpdate, []int{1, 2}, `
			A 0-1 creates A1
			B 2-5 updates B1
			C 6-7 views <– –>`},
		{"an older value is read", LostUpdate, []int{2, 3}, `
			A 0-1 creates A1
			B 2-3 updates B1
			C 4-5 updates C1
			B 6-7 views <B1 B1>`},
		{"an older value is read, and then the newer one", StaleRead, []int{2, 3}, `
			A 0-1 creates A1
			B 2-3 updates B1
			C 4-5 updates C1
			B 6-7 views <B1 B1>
			B 8-9 views <C1 C1>`},
		{"a number below that of the messages before", LostUpdate, []int{1, 2, 3}, `
			A 0-1 creates A1
			B 2-5 appends B1
			C 6-7 appends C1 #3
			B 8-9 appends B2 #2`},
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

// TestLostUpdatesAreNotImagined has histories that almost contain a lost update and have an order.
func TestLostUpdatesAreNotImagined(t *testing.T) {
	const fifteen = `
			D 6-7 appends D1 #3
			D 8-9 appends D2
			D 10-11 appends D3
			D 12-13 appends D4
			D 14-15 appends D5
			D 16-17 appends D6
			D 18-19 appends D7
			D 20-21 appends D8
			D 22-23 appends D9
			D 24-25 appends D10
			D 26-27 appends D11
			D 28-29 appends D12
			D 30-31 appends D13
			D 32-33 appends D14
			B 34-35 reads [B1 D1 D2 D3 D4 D5 D6 D7 D8 D9 D10 D11 D12 D13 D14]`
	for sentence, history := range map[string]string{
		"the oldest of sixteen, which overlapped the next one": `
			A 0-1 creates A1
			B 2-5 appends B1
			C 2-5 appends C1` + fifteen,
		"a message that was shown, and a deletion without an answer": `
			A 0-1 creates A1
			B 2-? appends B1 unknown
			C 3-4 reads [B1]
			D 5-? deletes unknown
			A 6-7 creates A2
			C 8-9 reads []`,
		"a message that was shown while it was not read": `
			A 0-1 creates A1
			B 2-? appends B1 unknown
			C 3-6 reads [B1]
			A 4-5 reads []`,
		"a value of two updates that overlapped": `
			A 0-1 creates A1
			B 2-5 updates B1
			C 4-7 updates C1
			B 8-9 views <B1 B1>`,
		"no value in a new session": `
			A 0-1 creates A1
			B 2-3 updates B1
			B 4-5 deletes
			A 6-7 creates A2
			B 8-9 views <– –>`,
		"numbers that begin again": `
			A 0-1 creates A1
			B 2-3 appends B1 #1
			B 4-5 deletes
			A 6-7 creates A2
			C 8-9 appends C1 #1`,
		"numbers that begin again twice, within one reading of the clock": `
			A 0-0 creates A1
			A 1-1 appends A2 #1
			A 2-2 appends A3 #2
			D 9-9 deletes
			A 9-9 creates A4
			A 9-9 appends A5 #1
			A 9-9 appends A6 #2
			D 9-9 deletes
			A 9-9 creates A7
			A 9-9 appends A8 #1
			A 9-9 appends A9 #2`,
		"numbers of appends that overlapped": `
			A 0-1 creates A1
			B 2-5 appends B1 #2
			C 4-7 appends C1 #1`,
	} {
		h := written(t, history)
		for i := range h.Ops {
			h.Ops[i].Parts &^= PartIncarnation
			for name, look := range looks {
				if f := look(h.Ops, i); f != nil {
					t.Errorf("%s: %s: %s (%s)", sentence, name, f.Anomaly, f.Why)
				}
			}
		}
	}
}
