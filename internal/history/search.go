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

// DefaultSearch is how long a search of one session's history may take.
const DefaultSearch = 5 * time.Second

// searchMemory bounds what a search may remember, in bytes: porcupine keeps every state that it met, and with it one bit
// for each operation of the history.
const searchMemory = 256 << 20

// remembered is roughly what porcupine keeps of one step on a history of n operations, in bytes.
func remembered(n int) int { return 400 + n/8 }

// Search looks for a linearization of h among all orders of its operations (Wing and Gong, 1993; Lowe, 2017). It needs no
// versions and takes exponential time at worst. It answers porcupine.Unknown, which is no verdict, when ctx ends, when
// patience (0: [DefaultSearch]) is used up, or when it had to remember too much.
func Search(ctx context.Context, h *History, patience time.Duration) porcupine.CheckResult {
	return search(ctx, h, patience, searchMemory)
}

func search(ctx context.Context, h *History, patience time.Duration, memory int) porcupine.CheckResult {
	if patience <= 0 {
		patience = DefaultSearch
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if ctx.Err() != nil {
		return porcupine.Unknown
	}
	m := Model(h.Claimed)
	step, left := m.Step, memory/remembered(len(h.Ops))
	m.Step = func(before, input, output any) (bool, any) {
		// Once the search is given up nothing fits any more: porcupine, which cannot be told to stop, runs out of choices.
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
	asked := slices.DeleteFunc(Operations(h), func(o porcupine.Operation) bool {
		return o.Input.(*Op).Outcome == NotApplied // fits anywhere, and would only multiply the orders
	})
	result := porcupine.CheckOperationsTimeout(m, asked, 0)
	if result == porcupine.Illegal && ctx.Err() != nil {
		return porcupine.Unknown
	}
	return result
}

// searchAll searches each history, on GOMAXPROCS goroutines, and returns the answers in the same order.
func searchAll(ctx context.Context, histories []*History, patience time.Duration) []porcupine.CheckResult {
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
				results[i] = Search(ctx, histories[i], patience)
			}
		})
	}
	searchers.Wait()
	return results
}

// model is the sequential specification in porcupine's form: a state by value, and a *Op as input, which holds the answer,
// too. Where versions and lives are claimed, it ignores what was told of them.
func Model(claimed bool) porcupine.Model {
	seed := maphash.MakeSeed()
	return porcupine.Model{
		Init: func() any { return state{} },
		Step: func(before, input, _ any) (bool, any) {
			s, op := before.(state), input.(*Op)
			if !claimed {
				return s.step(op) == fits, s
			}
			heard := *op
			heard.Parts &^= PartIncarnation | PartVersion
			fit := s.step(&heard) == fits
			s.life, s.version = 0, 0 // nobody looks at them, so states that differ in nothing else are one
			return fit, s
		},
		Hash:              func(s any) uint64 { return maphash.Comparable(seed, s.(state)) },
		DescribeOperation: func(input, _ any) string { return describe(input.(*Op)) },
		DescribeState:     func(s any) string { return s.(state).describe() },
	}
}

// operations is h in porcupine's form. Operations are in the order of h and point into it.
func Operations(h *History) []porcupine.Operation {
	list := make([]porcupine.Operation, len(h.Ops))
	for i := range h.Ops {
		op := &h.Ops[i]
		list[i] = porcupine.Operation{ClientId: int(op.User), Input: op, Call: op.Call, Return: op.Return}
	}
	return list
}

// describe is an operation and its answer in words: "B added message B7: version 9, 7 messages so far".
func describe(op *Op) string {
	switch op.Outcome {
	case NotFound:
		return op.String() + ": no such session"
	case NotApplied:
		return op.String() + ": given up before it was applied"
	case Indeterminate:
		return op.String() + ": no answer"
	}
	var told []string
	tell := func(part Parts, format string, value ...any) {
		if op.Parts&part != 0 {
			told = append(told, fmt.Sprintf(format, value...))
		}
	}
	tell(PartIncarnation, "life %s", op.Incarnation)
	tell(PartVersion, "version %d", op.Version)
	tell(PartSeq, "%d messages so far", op.Seq)
	tell(PartMessages, "messages %v", op.Messages)
	tell(PartFields, "fields %s and %s", op.Fields[0], op.Fields[1])
	text := deed(op)
	switch op.Outcome {
	case Failed:
		text = op.String() + " failed, and what it had changed stays"
	case RolledBack:
		text = op.String() + " failed, and left no trace"
	}
	if len(told) == 0 {
		return text
	}
	return text + ": " + strings.Join(told, ", ")
}

// describe is the state in words.
func (s state) describe() string {
	if !s.there {
		return "no session"
	}
	var life string
	if s.life != 0 {
		life = fmt.Sprintf("life %s, version %d, ", s.life, s.version)
	}
	return fmt.Sprintf("%smessages %v of %d, fields %s", life, s.messages(), s.seq, s.fields)
}
