package history

import (
	"context"
	"fmt"
	"hash/maphash"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"
)

// searchTime is the limit for the search of one history.
const searchTime = 5 * time.Second

// searchMemory is the limit for the memory of a search, in bytes: porcupine keeps every state that it met, with one bit
// for each operation of the history.
const searchMemory = 256 << 20

// remembered returns roughly how many bytes porcupine keeps of one step on a history of n operations.
func remembered(n int) int { return 400 + n/8 }

// search looks for a linearization of h among all orders of its operations (Wing and Gong, 1993; Lowe, 2017). It needs
// no versions and takes exponential time at worst. It returns porcupine.Unknown, which is no verdict, when ctx ends,
// after limit, or when it has used up memory.
func search(ctx context.Context, h *History, limit time.Duration, memory int) porcupine.CheckResult {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if ctx.Err() != nil {
		return porcupine.Unknown
	}
	m := Model(h.Claimed)
	step, left := m.Step, memory/remembered(len(h.Ops))
	m.Step = func(before, input, output any) (bool, any) {
		// porcupine cannot be stopped: once the search has been given up no step fits, and it runs out of choices.
		if ctx.Err() != nil || left < 0 {
			cancel()
			return false, before
		}
		ok, after := step(before, input, output)
		if ok {
			left--
		}
		return ok, after
	}
	ops := slices.DeleteFunc(Operations(h), func(o porcupine.Operation) bool {
		return o.Input.(*Op).Outcome == NotApplied // fits anywhere, and would only multiply the orders
	})
	result := porcupine.CheckOperationsTimeout(m, ops, 0)
	if result == porcupine.Illegal && ctx.Err() != nil {
		return porcupine.Unknown
	}
	return result
}

// searchAll searches each history, on GOMAXPROCS goroutines, and returns the results in the same order.
func searchAll(ctx context.Context, histories []*History, limit time.Duration) []porcupine.CheckResult {
	results := make([]porcupine.CheckResult, len(histories))
	var next atomic.Int64
	var searchers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(histories)) {
		searchers.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(histories) {
					return
				}
				results[i] = search(ctx, histories[i], limit, searchMemory)
			}
		})
	}
	searchers.Wait()
	return results
}

// Model returns the sequential specification in porcupine's form: a state by value, and a *Op as input, which holds
// the result, too. For a history with Claimed it ignores versions and incarnations.
func Model(claimed bool) porcupine.Model {
	seed := maphash.MakeSeed()
	return porcupine.Model{
		Init: func() any { return state{} },
		Step: func(before, input, _ any) (bool, any) {
			s, op := before.(state), input.(*Op)
			if !claimed {
				return s.step(op) == fits, s
			}
			unnumbered := *op
			unnumbered.Parts &^= PartIncarnation | PartVersion
			fit := s.step(&unnumbered) == fits
			s.incarnation, s.version = 0, 0 // unused: states that differ only in these are one
			return fit, s
		},
		Hash:              func(s any) uint64 { return maphash.Comparable(seed, s.(state)) },
		DescribeOperation: func(input, _ any) string { return describe(input.(*Op)) },
		DescribeState:     func(s any) string { return s.(state).describe() },
	}
}

// Operations returns h in porcupine's form. The operations are in the order of h and point into it.
func Operations(h *History) []porcupine.Operation {
	list := make([]porcupine.Operation, len(h.Ops))
	for i := range h.Ops {
		op := &h.Ops[i]
		list[i] = porcupine.Operation{ClientId: int(op.User), Input: op, Call: op.Call, Return: op.Return}
	}
	return list
}

// describe returns an operation and its result: "B added message B7: version 9, 7 messages so far".
func describe(op *Op) string {
	text := op.action()
	switch op.Outcome {
	case NotFound:
		return op.String() + ": no such session"
	case NotApplied:
		return op.String() + ": not applied"
	case Indeterminate:
		return op.String() + ": no response"
	case Failed:
		text = op.String() + " failed, and its change stays"
	case RolledBack:
		text = op.String() + " failed and was rolled back"
	}
	var parts []string
	for _, p := range []struct {
		part Parts
		text string
	}{
		{PartIncarnation, "incarnation " + op.Incarnation.String()},
		{PartVersion, fmt.Sprintf("version %d", op.Version)},
		{PartSeq, fmt.Sprintf("%d messages so far", op.Seq)},
		{PartMessages, fmt.Sprintf("messages %v", op.Messages)},
		{PartFields, fmt.Sprintf("fields %s and %s", op.Fields[0], op.Fields[1])},
	} {
		if op.Parts&p.part != 0 {
			parts = append(parts, p.text)
		}
	}
	if len(parts) == 0 {
		return text
	}
	return text + ": " + strings.Join(parts, ", ")
}

func (s state) describe() string {
	if !s.there {
		return "no session"
	}
	var incarnation string
	if s.incarnation != 0 {
		incarnation = fmt.Sprintf("incarnation %s, version %d, ", s.incarnation, s.version)
	}
	return fmt.Sprintf("%smessages %v of %d, fields %s", incarnation, s.messages(), s.seq, s.fields)
}
