package history

import (
	"context"
	"fmt"
	"time"

	"github.com/anishathalye/porcupine"
)

// statePerWorker is a cause that fits the history of a session on a service with several processes: what each of them answered is
// linearizable by itself. Processes that share the session show each other's changes, which the history of one process lacks.
// It returns nil if that is not so, if a search ran out of time, or if it is unknown which process answered.
func statePerWorker(ctx context.Context, h *History) []string {
	parts := map[int]*History{}
	for _, op := range h.Ops {
		if op.Outcome == NotApplied {
			continue
		}
		if op.Worker == 0 {
			return nil
		}
		if parts[op.Worker] == nil {
			parts[op.Worker] = &History{ID: h.ID, Claimed: h.Claimed}
		}
		parts[op.Worker].Ops = append(parts[op.Worker].Ops, op)
	}
	if len(parts) < 2 {
		return nil
	}
	for _, part := range parts {
		if certified, _ := resolve(part); !certified && search(ctx, part, time.Second, searchMemory) != porcupine.Ok {
			return nil
		}
	}
	return []string{fmt.Sprintf("state kept per process: the answers of each of the %d processes are linearizable by themselves", len(parts))}
}
