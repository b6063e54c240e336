package history

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/reports/result"
)

// The JSON form of a history is an object with schema_version, id, claimed, and operations in the order of the history. Of
// an operation's result it holds the parts that were returned:
//
//	{"user": 0, "kind": "append", "outcome": "ok", "tag": "A7", "call_ns": 1200, "return_ns": 3400, "incarnation": "A1", "version": 3}
//
// Times are nanoseconds on the recording's clock. An operation without return_ns did not return.

// schemaVersion is the version of the JSON form. A newer one is refused. In version 1 an incarnation was called a life.
const schemaVersion = 2

// maxUser is the highest user number that fits into a tag.
const maxUser = 1<<(64-tagBits) - 1

// historyJSON is the JSON form of a History.
type historyJSON struct {
	SchemaVersion int        `json:"schema_version"`
	ID            manager.ID `json:"id"`
	Claimed       bool       `json:"claimed"`
	Operations    []opJSON   `json:"operations"`
}

// opJSON is the JSON form of an Op. Parts of the result that were not returned are nil.
type opJSON struct {
	User        int     `json:"user"`
	Kind        string  `json:"kind"`
	Outcome     string  `json:"outcome"`
	Tag         Tag     `json:"tag,omitzero"`
	CallNs      *int64  `json:"call_ns"`
	ReturnNs    *int64  `json:"return_ns,omitempty"`
	Created     bool    `json:"created,omitempty"`
	Incarnation *Tag    `json:"incarnation,omitempty"`
	Life        *Tag    `json:"life,omitempty"` // Incarnation in schema version 1; never written
	Version     *uint64 `json:"version,omitempty"`
	Seq         *uint64 `json:"seq,omitempty"`
	Messages    *[]Tag  `json:"messages,omitempty"` // empty: none were read; nil: not returned
	Fields      *[]Tag  `json:"fields,omitempty"`   // two
	HoldNs      int64   `json:"hold_ns,omitempty"`  // work in the session, between reading and writing it
	Note        string  `json:"note,omitempty"`     // what was sent and came back
	Worker      int     `json:"worker,omitempty"`   // that answered, from 1
}

// Read reads a history in its JSON form. It rejects whatever cannot be a recording: a newer schema, unknown names, times
// that run backward, two writes with one tag, and data after the history.
func Read(r io.Reader) (*History, error) {
	d := json.NewDecoder(r)
	h := new(History)
	var kind *json.UnmarshalTypeError
	switch err := d.Decode(h); {
	case errors.Is(err, io.EOF):
		return nil, errors.New("history: empty: want the JSON object that sessbench verify writes")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errors.New("history: truncated: want one whole JSON object")
	case errors.As(err, &kind):
		return nil, fmt.Errorf("history: %w", result.WrongKind(kind))
	case err != nil:
		return nil, fmt.Errorf("history: %w", err)
	}
	switch _, err := d.Token(); {
	case err == nil:
		return nil, errors.New("history: data after the JSON object: want nothing")
	case !errors.Is(err, io.EOF):
		return nil, fmt.Errorf("history: after the JSON object: %w", err)
	}
	return h, nil
}

// Write writes the JSON form, one operation per line.
func (h *History) Write(w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\"schema_version\": %d,\n \"id\": %q,\n \"claimed\": %t,\n \"operations\": [\n", schemaVersion, h.ID, h.Claimed)
	for i := range h.Ops {
		line, err := json.Marshal(toJSON(&h.Ops[i]))
		if err != nil {
			return err
		}
		if i > 0 {
			b.WriteString(",\n")
		}
		fmt.Fprintf(&b, "  %s", line)
	}
	b.WriteString("\n]}\n")
	_, err := w.Write(b.Bytes())
	return err
}

// MarshalJSON returns the JSON form.
func (h History) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	err := h.Write(&b)
	return b.Bytes(), err
}

// UnmarshalJSON reads the JSON form. See [Read] for what it rejects.
func (h *History) UnmarshalJSON(data []byte) error {
	var schema struct {
		Version *int `json:"schema_version"`
	}
	if err := json.Unmarshal(data, &schema); err != nil {
		return err
	}
	if schema.Version == nil || *schema.Version < 1 {
		return fmt.Errorf("no schema_version: want %d", schemaVersion)
	}
	if *schema.Version > schemaVersion {
		return fmt.Errorf("schema_version %d is newer than this sessbench: want at most %d", *schema.Version, schemaVersion)
	}
	var j historyJSON
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields() // a misspelt return_ns would be an operation that did not return
	if err := d.Decode(&j); err != nil {
		return err
	}
	if len(j.Operations) == 0 {
		return errors.New("no operations: want at least one")
	}
	n := History{ID: j.ID, Claimed: j.Claimed, Ops: make([]Op, len(j.Operations))}
	writers := map[Tag]int{}
	for i := range j.Operations {
		op, err := j.Operations[i].op()
		if err == nil {
			err = claimTags(writers, &op, i)
		}
		if err != nil {
			return fmt.Errorf("operation %d: %w", i, err)
		}
		n.Ops[i] = op
	}
	*h = n
	return nil
}

// claimTags notes the tags that operation i writes. It returns an error if another operation wrote one of them.
func claimTags(writers map[Tag]int, op *Op, i int) error {
	for _, t := range op.written() { // two creations with one tag are a double creation
		if other, taken := writers[t]; taken {
			return fmt.Errorf("tag %q is also that of operation %d: want a different tag for each write", t, other)
		}
		writers[t] = i
	}
	return nil
}

func toJSON(op *Op) opJSON {
	messages, fields := op.Messages, op.Fields[:]
	if messages == nil {
		messages = []Tag{} // null would be "not returned"
	}
	j := opJSON{
		User: int(op.User), Kind: op.Kind.String(), Outcome: op.Outcome.String(), Tag: op.Tag,
		CallNs: &op.Call, Created: op.Created, HoldNs: op.Hold, Note: op.Note, Worker: op.Worker,
		Incarnation: returned(op, PartIncarnation, &op.Incarnation),
		Version:     returned(op, PartVersion, &op.Version),
		Seq:         returned(op, PartSeq, &op.Seq),
		Messages:    returned(op, PartMessages, &messages),
		Fields:      returned(op, PartFields, &fields),
	}
	if op.Return != Never && op.Outcome != Indeterminate {
		j.ReturnNs = &op.Return
	}
	return j
}

// returned returns value if op returned that part, and nil otherwise.
func returned[T any](op *Op, part Parts, value *T) *T {
	if op.Parts&part == 0 {
		return nil
	}
	return value
}

// set copies value, if there is one, to a part of op's result.
func set[T any](op *Op, part Parts, to, value *T) {
	if value != nil {
		op.Parts |= part
		*to = *value
	}
}

// op returns the operation that j describes.
func (j *opJSON) op() (Op, error) {
	op := Op{Return: Never, Tag: j.Tag, Created: j.Created, Hold: j.HoldNs, Note: j.Note, Worker: j.Worker}
	if j.User < 0 || j.User > maxUser {
		return op, fmt.Errorf("user %d: want 0 to %d", j.User, maxUser)
	}
	op.User = int32(j.User)
	var err error
	if op.Kind, err = parseKind(j.Kind); err != nil {
		return op, err
	}
	outcome := slices.Index(outcomeNames[1:], j.Outcome) + 1
	if outcome == 0 {
		return op, fmt.Errorf("outcome %q: want %s", j.Outcome, strings.Join(outcomeNames[1:], ", "))
	}
	op.Outcome = Outcome(outcome)
	if err := j.times(&op); err != nil {
		return op, err
	}
	if op.Hold < 0 || op.Hold > 0 && (!op.Kind.Writes() || op.Hold > op.Return-op.Call) {
		return op, fmt.Errorf("hold_ns %d (%s): want 0, or for a write at most return_ns - call_ns", op.Hold, op.Kind)
	}
	begins := op.Kind.Creates()
	switch {
	case op.Created && (!begins || op.Outcome != OK):
		return op, fmt.Errorf("created by a %s with outcome %s: want get_or_create or create, and ok", op.Kind, op.Outcome)
	case op.Tag == 0 && op.Kind.Writes():
		return op, fmt.Errorf("%s without a tag: want one that no other write has, such as %q", op.Kind, NewTag(j.User, 0))
	case op.Tag == 0 && op.Created:
		return op, fmt.Errorf("created without a tag: want that of the incarnation, such as %q", NewTag(j.User, 0))
	case op.Tag != 0 && !op.Kind.Writes() && !begins:
		return op, fmt.Errorf("tag %q of a %s, which writes nothing: want none", op.Tag, op.Kind)
	case op.Kind == Nested && op.Tag+1 == 0:
		return op, fmt.Errorf("tag %q of a nested update: want one below the highest tag", op.Tag)
	}
	return op, j.result(&op)
}

func (j *opJSON) times(op *Op) error {
	if j.CallNs == nil {
		return errors.New("no call_ns: want nanoseconds on the recording's clock")
	}
	op.Call = *j.CallNs
	if op.Call == Never {
		return fmt.Errorf("call_ns %d: want less", op.Call)
	}
	if j.ReturnNs == nil {
		return nil
	}
	op.Return = *j.ReturnNs
	switch {
	case op.Outcome == Indeterminate:
		return fmt.Errorf("return_ns %d of an operation with outcome unknown: want none", op.Return)
	case op.Return < op.Call:
		return fmt.Errorf("return_ns %d is before call_ns %d: want at least call_ns, or none", op.Return, op.Call)
	}
	return nil
}

// result copies the parts of the result that were returned.
func (j *opJSON) result(op *Op) error {
	set(op, PartIncarnation, &op.Incarnation, cmp.Or(j.Incarnation, j.Life))
	set(op, PartVersion, &op.Version, j.Version)
	set(op, PartSeq, &op.Seq, j.Seq)
	set(op, PartMessages, &op.Messages, j.Messages)
	if j.Fields == nil {
		return nil
	}
	if len(*j.Fields) != len(op.Fields) {
		return fmt.Errorf("%d fields: want %d", len(*j.Fields), len(op.Fields))
	}
	fields := [2]Tag(*j.Fields)
	set(op, PartFields, &op.Fields, &fields)
	return nil
}

// MarshalText returns the form of String, which is unambiguous.
func (t Tag) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads the form of String: "A7", "U26.7", or "–" for none.
func (t *Tag) UnmarshalText(text []byte) error {
	s := string(text)
	if s == Tag(0).String() {
		*t = 0
		return nil
	}
	malformed := fmt.Errorf("tag %q: want a user's name and a number, such as \"A7\" or \"U26.7\", or \"–\"", s)
	if s == "" || s[0] < 'A' || s[0] > 'Z' {
		return malformed
	}
	user, count := uint64(s[0]-'A'), s[1:]
	if name, rest, long := strings.Cut(s, "."); long {
		n, err := strconv.ParseUint(name[1:], 10, 64-tagBits)
		if err != nil {
			return malformed
		}
		user, count = n, rest
	}
	n, err := strconv.ParseUint(count, 10, tagBits)
	if err != nil {
		return malformed
	}
	parsed := Tag(user<<tagBits | n)
	if parsed.String() != s { // "A07", "U3.7": a second spelling would look like another tag
		return malformed
	}
	*t = parsed
	return nil
}
