package history

import (
	"context"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

const (
	hypothesisTime = 200 * time.Millisecond // for one search
	maxHypotheses  = 4
)

// hypotheses explains a history in which a search found no linearization and no operation stands out. Each sentence
// names an operation that, had it had another effect than it returned, would make the history linearizable.
func hypotheses(ctx context.Context, h *History) (list []string) {
	blind := true // no operation returned a number that distinguishes states
	for i := range h.Ops {
		op := &h.Ops[i]
		blind = blind && op.Parts&(PartIncarnation|PartVersion|PartSeq) == 0
		if len(list) == maxHypotheses {
			continue
		}
		suppose, sentence := hypothesis(op)
		if sentence == "" {
			continue
		}
		supposed := &History{ID: h.ID, Claimed: h.Claimed, Ops: slices.Clone(h.Ops)}
		supposed.Ops[i] = suppose
		if search(ctx, supposed, hypothesisTime, searchMemory) == porcupine.Ok {
			list = append(list, op.String()+sentence)
		}
	}
	if blind {
		list = append(list, "the operations return neither seq nor version nor incarnation: "+
			"with them the verdict names the conflicting operation")
	}
	return list
}

// hypothesis returns op with another effect, and the sentence for it; empty if there is none to suppose.
func hypothesis(op *Op) (suppose Op, sentence string) {
	suppose = *op
	suppose.Outcome = NotApplied
	switch {
	case op.Outcome == NotApplied && op.Kind.Writes():
		suppose.Outcome, suppose.Parts, suppose.Return = Indeterminate, 0, Never
		return suppose, " took effect although it was reported as not applied"
	case op.Outcome == NotFound:
		return suppose, " did not find the session although it existed"
	case op.Outcome != OK:
		return suppose, ""
	case op.Kind.Writes():
		return suppose, " returned success but did not take effect, or was overwritten"
	case op.Kind.Removes():
		return suppose, " returned success but the session remained, or came back"
	case op.Kind.Reads():
		return suppose, " returned an old state, or a state that never existed"
	case op.Created:
		return suppose, " wrongly returned that it created the session"
	}
	return suppose, " wrongly returned that the session existed"
}
