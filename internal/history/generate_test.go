package history

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sessbench/sessbench/manager"
	"pgregory.net/rapid"
)

// This file makes histories: written ones from a notation that people can read, and random ones by using a
// manager.Session, which knows nothing of the specification under test.

// written reads a history, one operation a line:
//
//	A 0-1 creates A1           user A, from 0 to 1; the incarnation is A1
//	B 2-3 appends B1 @A1 v1 #1 returns incarnation A1, version 1, one message so far
//	B 4-? deletes unknown      it did not return
//
// What was read stands in brackets, [B1 B2] messages and <B1 B1> fields.
func written(t testing.TB, text string) *History {
	t.Helper()
	h := &History{}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		op, err := writtenOp(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		h.Ops = append(h.Ops, op)
	}
	return h
}

var verbs = map[string]Op{
	"creates": {Kind: GetOrCreate, Outcome: OK, Created: true},
	"finds":   {Kind: GetOrCreate, Outcome: OK},
	"mints":   {Kind: Create, Outcome: OK, Created: true},
	"appends": {Kind: Append, Outcome: OK}, "nests": {Kind: Nested, Outcome: OK}, "updates": {Kind: Update, Outcome: OK},
	"reads": {Kind: ReadMessages, Outcome: OK}, "views": {Kind: ReadFields, Outcome: OK},
	"deletes": {Kind: Delete, Outcome: OK}, "sweeps": {Kind: Sweep, Outcome: OK}, "looks": {Kind: SweepRead, Outcome: OK},
}

func writtenOp(line string) (Op, error) {
	line = strings.NewReplacer("[", " [ ", "]", " ] ", "<", " < ", ">", " > ").Replace(line)
	words := strings.Fields(line)
	op, known := verbs[words[2]]
	if !known {
		return op, fmt.Errorf("no verb %q", words[2])
	}
	op.User = int32(words[0][0] - 'A')
	call, ret, _ := strings.Cut(words[1], "-")
	op.Call, _ = strconv.ParseInt(call, 10, 64)
	if op.Return = Never; ret != "?" {
		op.Return, _ = strconv.ParseInt(ret, 10, 64)
	}
	var list []Tag
	for _, word := range words[3:] {
		number, _ := strconv.ParseUint(word[1:], 10, 64)
		outcome := Outcome(max(0, slices.Index(outcomeNames[:], word)))
		switch {
		case outcome != 0:
			op.Outcome = outcome
		case word == "[", word == "<":
			list = nil
		case word == "]":
			op.Parts, op.Messages = op.Parts|PartMessages, list
		case word == ">":
			op.Parts, op.Fields = op.Parts|PartFields, [2]Tag(list)
		case word[0] == '@':
			op.Parts, op.Incarnation = op.Parts|PartIncarnation, writtenTag(word[1:])
		case word[0] == 'v':
			op.Parts, op.Version = op.Parts|PartVersion, number
		case word[0] == '#':
			op.Parts, op.Seq = op.Parts|PartSeq, number
		case op.Tag == 0 && (op.Kind.Writes() || op.Kind <= Create):
			op.Tag = writtenTag(word)
		default:
			list = append(list, writtenTag(word))
		}
	}
	if op.Created && op.Parts&PartIncarnation == 0 {
		op.Parts, op.Incarnation = op.Parts|PartIncarnation, op.Tag
	}
	return op, nil
}

func writtenTag(word string) Tag {
	if word == "–" {
		return 0
	}
	n, err := strconv.ParseUint(word[1:], 10, 64)
	if err != nil || n == 0 {
		panic("no tag: " + word)
	}
	return NewTag(int(word[0]-'A'), n-1)
}

// parts returns the parts of the result of each kind of operation.
func parts(k Kind) Parts {
	parts := PartIncarnation | PartVersion | PartSeq
	switch k {
	case ReadMessages:
		return parts | PartMessages
	case ReadFields:
		return parts | PartFields
	case Delete, Sweep, SweepRead:
		return parts | PartMessages | PartFields
	}
	return parts
}

const left, right = "left", "right" // the two fields

// apply applies op to a session (nil: none), fills in the result, and returns the session after it.
func apply(s *manager.Session, op *Op) *manager.Session {
	begins := op.Kind == GetOrCreate || op.Kind == Create
	op.Created = false
	switch {
	case op.Outcome == NotApplied:
		return s
	case op.Outcome == Indeterminate:
		known := *op
		known.Outcome = OK
		return apply(s, &known)
	case begins && s == nil:
		op.Created = true
		s = &manager.Session{Incarnation: uint64(op.Tag)}
	case s == nil:
		op.Outcome, op.Parts = NotFound, 0
		return nil
	case op.Outcome != RolledBack:
		s = s.Clone()
		change(s, op)
	}
	op.Parts = parts(op.Kind)
	op.Incarnation, op.Version, op.Seq, op.Messages, op.Fields = Tag(s.Incarnation), s.Version, s.Seq, nil, [2]Tag{}
	if op.Parts&PartMessages != 0 {
		for _, m := range s.History(nil) {
			op.Messages = append(op.Messages, contentTag(m.Content))
		}
	}
	if op.Parts&PartFields != 0 {
		op.Fields = [2]Tag{contentTag(s.Fields[left]), contentTag(s.Fields[right])}
	}
	if op.Kind.Removes() {
		return nil
	}
	return s
}

func change(s *manager.Session, op *Op) {
	switch op.Kind {
	case Append:
		s.Append("user", tagContent(op.Tag))
	case Nested:
		s.Append("user", tagContent(op.Tag))
		s.Append("user", tagContent(op.Tag+1))
	case Update:
		s.SetFields(map[string]string{left: tagContent(op.Tag), right: tagContent(op.Tag)})
	}
}

func tagContent(t Tag) string { return strconv.FormatUint(uint64(t), 10) }

func contentTag(s string) Tag { n, _ := strconv.ParseUint(s, 10, 64); return Tag(n) }

// bruteForce looks through all orders of h: at most a handful of operations.
func bruteForce(h *History) bool {
	var from func(s *manager.Session, left []Op) bool
	from = func(s *manager.Session, left []Op) bool {
		if len(left) == 0 {
			return true
		}
		for i := range left {
			first := &left[i]
			if slices.ContainsFunc(left, func(other Op) bool { return other.Precedes(first) }) {
				continue
			}
			again := *first
			if again.Outcome == NotFound {
				again.Outcome = OK
			}
			after := apply(s, &again)
			if sameAnswer(first, &again, h.Claimed) && from(after, slices.Delete(slices.Clone(left), i, i+1)) {
				return true
			}
		}
		return false
	}
	return from(nil, h.Ops)
}

func sameAnswer(got, want *Op, claimed bool) bool {
	if got.Outcome == Indeterminate || got.Outcome == NotApplied {
		return true
	}
	parts := got.Parts
	if claimed {
		parts &^= PartIncarnation | PartVersion
	}
	if got.Outcome == NotFound || want.Outcome == NotFound {
		return got.Outcome == want.Outcome
	}
	return got.Created == want.Created &&
		(parts&PartIncarnation == 0 || got.Incarnation == want.Incarnation) &&
		(parts&PartVersion == 0 || got.Version == want.Version) &&
		(parts&PartSeq == 0 || got.Seq == want.Seq) &&
		(parts&PartMessages == 0 || slices.Equal(got.Messages, want.Messages)) &&
		(parts&PartFields == 0 || got.Fields == want.Fields)
}

// drawGood draws a history that is linearizable: operations take effect one after another, each somewhere within its
// interval. Points in time lie close together, so that ties are frequent.
func drawGood(t *rapid.T, most int) *History {
	var (
		h     = &History{}
		s     *manager.Session
		n     = rapid.SampledFrom(upTo(most)).Draw(t, "operations")
		width = rapid.SampledFrom([]int64{0, 2, 5, 12}).Draw(t, "width")
		pace  = rapid.SampledFrom([]int64{0, 1, 3}).Draw(t, "pace")
		now   = int64(100)
		tags  uint64
	)
	if n > 12 { // where many operations overlap, porcupine takes too long
		width, pace = min(width, 2), 3
	}
	do := func(op Op) {
		if op.Kind.Writes() || op.Kind <= Create {
			op.Tag = NewTag(int(op.User), tags)
			tags += 2
		}
		s = apply(s, &op)
		h.Ops = append(h.Ops, op)
	}
	for range n {
		now += rapid.Int64Range(0, pace).Draw(t, "pause")
		if s != nil && s.Seq == 0 && most > 6 && rapid.IntRange(0, 15).Draw(t, "full") == 0 {
			for range keeps - 1 { // so that the oldest message will be dropped
				now++
				do(Op{Kind: Append, Outcome: OK, Call: now, Return: now})
			}
		}
		op := Op{
			User:    rapid.Int32Range(0, 3).Draw(t, "user"),
			Kind:    drawKind(t, s != nil),
			Outcome: OK,
			Call:    now - rapid.Int64Range(0, width).Draw(t, "before"),
			Return:  now + rapid.Int64Range(0, width).Draw(t, "after"),
		}
		if op.Kind.Writes() {
			op.Outcome = rapid.SampledFrom([]Outcome{OK, OK, OK, OK, Failed, RolledBack, NotApplied}).Draw(t, "outcome")
		}
		do(op)
	}
	return h
}

// upTo is the numbers from 1 to n. Drawn from a list they come equally often; drawn from a range small ones come more often.
func upTo(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i + 1
	}
	return list
}

func drawKind(t *rapid.T, there bool) Kind {
	if !there {
		return rapid.SampledFrom([]Kind{GetOrCreate, GetOrCreate, Create, GetOrCreate, Delete, ReadMessages, Append}).Draw(t, "kind")
	}
	return rapid.SampledFrom([]Kind{
		Append, Append, Nested, Update, ReadMessages, ReadFields, ReadMessages, SweepRead, GetOrCreate, Delete, Sweep, Delete,
	}).Draw(t, "kind")
}

// mutations are the ways to spoil a history. Many a spoilt one can still be linearized.
var mutations = []struct {
	name string
	do   func(t *rapid.T, h *History, op *Op)
}{
	{"swap versions", func(t *rapid.T, h *History, op *Op) {
		other := drawOp(t, h)
		op.Version, other.Version = other.Version, op.Version
		op.Seq, other.Seq = other.Seq, op.Seq
	}},
	{"drop", func(t *rapid.T, h *History, op *Op) {
		i := slices.IndexFunc(h.Ops, func(o Op) bool { return o.Kind == op.Kind && o.Call == op.Call && o.Tag == op.Tag })
		h.Ops = slices.Delete(h.Ops, i, i+1)
	}},
	{"shift", func(t *rapid.T, h *History, op *Op) {
		by := rapid.SampledFrom([]int64{-9, -4, -2, -1, 1, 2, 4, 9}).Draw(t, "by")
		op.Call += by
		op.Return += by
	}},
	{"shorten", func(t *rapid.T, h *History, op *Op) { op.Return = op.Call }},
	{"read less", func(t *rapid.T, h *History, op *Op) {
		if n := len(op.Messages); n > 0 {
			op.Messages = op.Messages[:n-1]
		}
	}},
	{"read twice", func(t *rapid.T, h *History, op *Op) {
		if n := len(op.Messages); n > 0 {
			op.Messages = append(slices.Clone(op.Messages), op.Messages[n-1])
		}
	}},
	{"read another", func(t *rapid.T, h *History, op *Op) {
		other := drawOp(t, h)
		op.Fields[0] = other.Fields[1]
		op.Messages = other.Messages
	}},
	{"claim what another returned", func(t *rapid.T, h *History, op *Op) {
		other := drawOp(t, h)
		op.Incarnation, op.Version, op.Seq = other.Incarnation, other.Version, other.Seq
	}},
	{"miscount", func(t *rapid.T, h *History, op *Op) { op.Version++ }},
	{"miscount messages", func(t *rapid.T, h *History, op *Op) { op.Seq-- }},
	{"swap times", func(t *rapid.T, h *History, op *Op) {
		other := drawOp(t, h)
		op.Call, other.Call = other.Call, op.Call
		op.Return, other.Return = other.Return, op.Return
	}},
	{"create", func(t *rapid.T, h *History, op *Op) {
		if op.Kind == GetOrCreate {
			op.Created = !op.Created
		}
	}},
	{"find nothing", func(t *rapid.T, h *History, op *Op) {
		if op.Kind > Create {
			op.Outcome, op.Parts = NotFound, 0
		}
	}},
	{"repeat", func(t *rapid.T, h *History, op *Op) {
		again := *op
		again.Call += 2
		again.Return += 2
		if again.Tag != 0 { // no tag is used twice
			again.Tag = NewTag(4, uint64(op.Call)*4+uint64(len(h.Ops))*4000)
		}
		h.Ops = append(h.Ops, again)
	}},
	{"leave no trace", func(t *rapid.T, h *History, op *Op) {
		if op.Kind.Writes() && op.Parts != 0 {
			op.Outcome = RolledBack
		}
	}},
	{"report as not applied", func(t *rapid.T, h *History, op *Op) { op.Outcome = NotApplied }},
}

func drawOp(t *rapid.T, h *History) *Op {
	return &h.Ops[rapid.IntRange(0, len(h.Ops)-1).Draw(t, "which")]
}

// drawSpoilt draws a good history and spoils it.
func drawSpoilt(t *rapid.T, most int) *History {
	h := drawGood(t, most)
	for range rapid.IntRange(1, 4).Draw(t, "mutations") {
		if len(h.Ops) == 0 {
			break
		}
		m := mutations[rapid.IntRange(0, len(mutations)-1).Draw(t, "mutation")]
		t.Log(m.name)
		m.do(t, h, drawOp(t, h))
	}
	return h
}

// drawHistory draws a good or a spoilt history.
func drawHistory(t *rapid.T, most int) *History {
	if rapid.IntRange(0, 3).Draw(t, "good") == 0 {
		return drawGood(t, most)
	}
	return drawSpoilt(t, most)
}

// forget makes up to most operations' outcomes unknown.
func forget(t *rapid.T, h *History, most int) {
	for range rapid.IntRange(0, most).Draw(t, "unknown") {
		if len(h.Ops) == 0 {
			return
		}
		op := drawOp(t, h)
		if op.Kind.Reads() {
			continue
		}
		*op = Op{Call: op.Call, Return: Never, User: op.User, Kind: op.Kind, Tag: op.Tag, Outcome: Indeterminate}
	}
}

// listing returns a history as text, for test failures.
func listing(h *History) string {
	var b strings.Builder
	for i := range h.Ops {
		op := &h.Ops[i]
		fmt.Fprintf(&b, "%2d  %d-%d %s\n", i, op.Call, op.Return, describe(op))
	}
	return b.String()
}
