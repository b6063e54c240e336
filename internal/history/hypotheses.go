package history

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

const (
	hypothesisTime = 200 * time.Millisecond // for one search
	maxHypotheses  = 4
)

// hypotheses lists what would explain a history in which a search found no linearization and no operation shows the fault by
// itself, in sentences: for each, the history is linearizable if one operation had another effect than it reported.
func hypotheses(ctx context.Context, h *History) (list []string) {
	fits := func(i int, suppose func(*Op)) bool {
		supposed := &History{ID: h.ID, Claimed: h.Claimed, Ops: slices.Clone(h.Ops)}
		suppose(&supposed.Ops[i])
		return Search(ctx, supposed, hypothesisTime) == porcupine.Ok
	}
	blind := true // nobody was told a number that tells one state from another
	for i := range h.Ops {
		op := &h.Ops[i]
		blind = blind && op.Parts&(PartIncarnation|PartVersion|PartSeq) == 0
		if len(list) == maxHypotheses {
			continue
		}
		refuse := func(op *Op) { op.Outcome = NotApplied }
		switch {
		case op.Outcome == NotApplied && op.Kind.Writes():
			if fits(i, func(op *Op) { op.Outcome, op.Parts, op.Return = Indeterminate, 0, Never }) {
				list = append(list, fmt.Sprintf("%s took effect although it was refused", op))
			}
		case op.Outcome == NotFound:
			if fits(i, refuse) {
				list = append(list, fmt.Sprintf("%s did not find the session although it was there", op))
			}
		case op.Outcome != OK:
		case op.Kind.Writes():
			if fits(i, refuse) {
				list = append(list, fmt.Sprintf("%s was confirmed and did not take effect, or was overwritten", op))
			}
		case op.Kind.Removes():
			if fits(i, refuse) {
				list = append(list, fmt.Sprintf("%s was confirmed and the session stayed, or came back", op))
			}
		case op.Kind.Reads():
			if fits(i, refuse) {
				list = append(list, fmt.Sprintf("%s was answered from an old state or from a state that never was", op))
			}
		case op.Kind.Creates():
			if fits(i, refuse) {
				list = append(list, fmt.Sprintf("%s was told %s and that is wrong", op, map[bool]string{true: "that it created the session", false: "that the session was there"}[op.Created]))
			}
		}
	}
	if blind {
		list = append(list, "the answers tell neither seq nor version nor incarnation: with them the verdict names the operation at fault")
	}
	return list
}
