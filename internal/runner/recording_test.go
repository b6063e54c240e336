package runner

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/sessbench/sessbench/internal/audit"
	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/manager"
)

// What is recorded comes back unchanged and in order, also an answer that is longer than a page.
func TestRecordsComeBackUnchanged(t *testing.T) {
	tags := rapid.SliceOfN(rapid.Map(rapid.Uint64(), func(n uint64) history.Tag { return history.Tag(n) }), 0, manager.HistoryLimit)
	rapid.Check(t, func(t *rapid.T) {
		const user, sessions = 3, 4
		ledger := audit.NewLedger(user, 0)
		c := &recording{ledger: &ledger, room: newPages(1<<20, 1)}
		want := make([][]history.Op, sessions)
		for range rapid.IntRange(1, 200).Draw(t, "operations") {
			op := history.Op{
				User: user, Call: rapid.Int64().Draw(t, "call"), Return: rapid.Int64().Draw(t, "return"),
				Kind:    history.Kind(rapid.Uint8().Draw(t, "kind")),
				Outcome: history.Outcome(rapid.Uint8().Draw(t, "outcome")),
				Parts:   history.Parts(rapid.Uint8().Draw(t, "parts")),
				Created: rapid.Bool().Draw(t, "created"),
				Tag:     history.Tag(rapid.Uint64().Draw(t, "tag")), Incarnation: history.Tag(rapid.Uint64().Draw(t, "incarnation")),
				Version: rapid.Uint64().Draw(t, "version"),
			}
			if op.Parts&history.PartSeq != 0 {
				op.Seq = op.Version
			}
			if op.Parts&history.PartFields != 0 {
				op.Fields = [2]history.Tag{op.Tag + 1, op.Tag + 2}
			}
			if op.Messages = tags.Draw(t, "messages"); len(op.Messages) == manager.HistoryLimit {
				op.Messages = slices.Repeat(op.Messages, 100)
			}
			number := rapid.Uint32Range(1, sessions-1).Draw(t, "session")
			c.note(number, &op)
			want[number] = append(want[number], op)
		}
		if c.cut {
			t.Fatal("no room")
		}
		ids := make([]manager.ID, sessions)
		for i := range ids {
			ids[i] = manager.ID{byte(i)}
		}
		for _, got := range history.Merge(ids, false, []*history.Recorder{c.recorder()}) {
			number := got.ID[0]
			if diff := cmp.Diff(want[number], got.Ops, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("session %d: %s", number, diff)
			}
			want[number] = nil
		}
		for number, left := range want {
			if left != nil {
				t.Fatalf("session %d: no history of %d operations", number, len(left))
			}
		}
	})
}

// Pages are separate, empty, and no more than there is room for.
func TestPagesAreSeparate(t *testing.T) {
	p := newPages(1<<16, 1)
	words := 0
	for page := p.take(1); page != nil; page = p.take(1) {
		for i := range page {
			if page[i] != 0 {
				t.Fatal("a page is not empty")
			}
			page[i] = 1
		}
		words += len(page)
	}
	if most := 1 << 16 / 8; words > most || words <= most-p.size {
		t.Errorf("%d words in pages of %d, want %d or a little less", words, p.size, most)
	}
	if p := newPages(1<<16, 1); p.take(1<<13+1) != nil {
		t.Error("a page is larger than all of the room")
	}
}
