package history

import (
	"slices"
	"strings"
	"testing"
)

// TestHypotheses: a history without counters in which one of two confirmed messages is not read.
func TestHypotheses(t *testing.T) {
	ops := []Op{
		{Call: 0, Return: 10, User: 0, Kind: GetOrCreate, Outcome: OK, Created: true, Tag: a0(1)},
		{Call: 20, Return: 40, User: 0, Kind: Append, Outcome: OK, Tag: a0(2)},
		{Call: 25, Return: 45, User: 1, Kind: Append, Outcome: OK, Tag: b0(1)},
		{Call: 50, Return: 60, User: 2, Kind: ReadMessages, Outcome: OK, Parts: PartMessages, Messages: []Tag{a0(2)}},
	}
	list := hypotheses(t.Context(), &History{Claimed: true, Ops: ops})
	for _, want := range []string{
		"B's append of B1 returned success but did not take effect, or was overwritten",
		"C's history returned an old state, or a state that never existed",
		"the operations return neither seq nor version nor incarnation",
	} {
		if !slices.ContainsFunc(list, func(s string) bool { return strings.HasPrefix(s, want) }) {
			t.Errorf("no %q in %q", want, list)
		}
	}
	if slices.ContainsFunc(list, func(s string) bool { return strings.HasPrefix(s, "A's append") }) {
		t.Errorf("%q: A's message was read, so that it was lost explains nothing", list)
	}
	for i := range ops {
		ops[i].Parts |= PartSeq
		ops[i].Seq = []uint64{0, 1, 2, 1}[i]
	}
	for _, s := range hypotheses(t.Context(), &History{Claimed: true, Ops: ops}) {
		if strings.Contains(s, "neither seq") {
			t.Errorf("%q, although seq was returned", s)
		}
	}
}
