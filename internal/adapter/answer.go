package adapter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/internal/printable"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// part is a part of an answer, as a set of them.
type part uint16

const (
	partCreated part = 1 << iota
	partHeld
	partID
	partIncarnation
	partFields
	partMessages
	partRemoved
	partSeq
	partVersion
	partError
	partMessage
)

// partOf is the part that a key of an answer's object stands for; 0 for none, which is ignored.
func partOf(key []byte) part {
	switch string(key) {
	case "created":
		return partCreated
	case "held_us":
		return partHeld
	case "id":
		return partID
	case "incarnation":
		return partIncarnation
	case "fields":
		return partFields
	case "messages":
		return partMessages
	case "removed":
		return partRemoved
	case "seq":
		return partSeq
	case "version":
		return partVersion
	case "error":
		return partError
	case "message":
		return partMessage
	}
	return 0
}

// state is what every answer about a session may tell; refusal, how a request is refused.
const (
	state   = partIncarnation | partSeq | partVersion
	refusal = partError | partMessage
)

// shapes are what the operations' answers may tell and what they must. What else an answer has is ignored.
var shapes = [scenarios.NumOps]struct{ may, must part }{
	scenarios.Create:      {partID | state, partID},
	scenarios.GetOrCreate: {partCreated | state, partCreated},
	scenarios.Append:      {partHeld | state, 0},
	scenarios.History:     {partMessages | state, partMessages},
	scenarios.Validate:    {partFields | state, partFields},
	scenarios.Touch:       {partHeld | state, 0},
	scenarios.Update:      {partHeld | state, 0},
	scenarios.Read:        {partFields | state, partFields},
	scenarios.Delete:      {state, 0},
	scenarios.Sweep:       {partRemoved, partRemoved},
}

// mustNames are the parts that an answer can be without and must not be.
var mustNames = [...]struct {
	part part
	name string
}{{partID, "id"}, {partCreated, "created"}, {partFields, "fields"}, {partMessages, "messages"}, {partRemoved, "removed"}}

// fault is how a program refuses a request. It lies in the answer's line.
type fault struct{ code, message []byte }

// errInternal is what a program calls an error of its own.
var errInternal = errors.New("internal error")

// faults are the errors that a program may answer with.
const faults = "not_found, exists, closed, unsupported or internal"

// err is the fault as an error. What the program says of it becomes one printable line.
func (f fault) err(what string) error {
	message := printable.Line(string(f.message), printable.MaxMessage)
	switch string(f.code) {
	case "not_found":
		return manager.ErrNotFound
	case "exists":
		return manager.ErrExists
	case "closed":
		return manager.ErrClosed
	case "unsupported":
		return fmt.Errorf("%s: %w: %s", what, scenarios.ErrUnsupported, message)
	}
	return fmt.Errorf("%w at %s: %s", errInternal, what, message)
}

// known is an error when the fault is none of those that there are.
func (f fault) known() error {
	switch string(f.code) {
	case "not_found", "exists", "closed", "unsupported", "internal":
		return nil
	}
	return fmt.Errorf(`"error" %q: want %s`, f.code, faults)
}

// readAnswer reads the answer to an operation into a, which is clear. A fault without a code is none. The error is that the
// answer breaks the rules.
func readAnswer(line []byte, op scenarios.Op, a *scenarios.Effect) (fault, error) {
	got, f, ok := scanAnswer(line, op, a)
	if !ok {
		a.Clear()
		var err error
		if got, f, err = unmarshalAnswer(line, op, a); err != nil {
			return fault{}, err
		}
	}
	if got&partError != 0 {
		return f, f.known()
	}
	if missing := shapes[op].must &^ got; missing != 0 {
		for _, m := range mustNames {
			if missing&m.part != 0 {
				return fault{}, fmt.Errorf("want %q", m.name)
			}
		}
	}
	if op == scenarios.Validate {
		clear(a.Fields) // only that there are some is looked at
	}
	a.Reported = toldOf(got)
	a.Created = a.Created || op == scenarios.Create
	return fault{}, nil
}

func toldOf(got part) (t scenarios.Reported) {
	for _, p := range [...]struct {
		part part
		told scenarios.Reported
	}{{partIncarnation, scenarios.ReportsIncarnation}, {partSeq, scenarios.ReportsSeq}, {partVersion, scenarios.ReportsVersion}, {partHeld, scenarios.ReportsHeld}} {
		if got&p.part != 0 {
			t |= p.told
		}
	}
	return t
}

// readFault reads whether a request that is no operation was refused.
func readFault(line []byte) (fault, error) {
	var ignored scenarios.Effect
	got, f, err := unmarshalAnswer(line, scenarios.NumOps, &ignored)
	if err != nil || got&partError == 0 {
		return fault{}, err
	}
	return f, f.known()
}

// unmarshalAnswer reads any answer, at leisure. It has the last word on what is legal.
func unmarshalAnswer(line []byte, op scenarios.Op, a *scenarios.Effect) (got part, f fault, err error) {
	if !utf8.Valid(line) {
		return 0, fault{}, errors.New("it is not valid UTF-8")
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(line, &object); err != nil {
		return 0, fault{}, fmt.Errorf("want an object of JSON: %w", err)
	}
	if object == nil {
		return 0, fault{}, errors.New("want an object of JSON")
	}
	may := refusal
	if op < scenarios.NumOps {
		may |= shapes[op].may
	}
	for key, value := range object {
		p := partOf([]byte(key)) & may
		if p == 0 || string(value) == "null" {
			continue
		}
		if err := unmarshalPart(p, value, a, &f); err != nil {
			return 0, fault{}, fmt.Errorf("%q: %w", key, err)
		}
		got |= p
	}
	return got, f, nil
}

func unmarshalPart(p part, value json.RawMessage, a *scenarios.Effect, f *fault) (err error) {
	switch p {
	case partCreated:
		err = json.Unmarshal(value, &a.Created)
	case partFields:
		err = json.Unmarshal(value, &a.Fields)
	case partMessages:
		return unmarshalMessages(value, a)
	case partID:
		var text string
		if err = json.Unmarshal(value, &text); err == nil {
			a.ID, err = parseID([]byte(text))
		}
	case partError, partMessage:
		var text string
		err = json.Unmarshal(value, &text)
		if p == partError {
			f.code = []byte(text)
		} else {
			f.message = []byte(text)
		}
	default:
		var n uint64
		if n, err = unmarshalWhole(value); err == nil {
			setWhole(a, p, n)
		}
	}
	return err
}

func unmarshalMessages(value json.RawMessage, a *scenarios.Effect) error {
	var all []struct {
		Seq           uint64
		Role, Content *string
	}
	if err := json.Unmarshal(value, &all); err != nil {
		return err
	}
	for _, m := range all {
		switch {
		case m.Seq > maxWhole:
			return fmt.Errorf(`"seq": %w`, errWhole)
		case m.Role == nil || m.Content == nil:
			return errors.New(`want "role" and "content" in each message`)
		}
		a.Messages = append(a.Messages, manager.Message{Seq: m.Seq, Role: *m.Role, Content: *m.Content})
	}
	return nil
}

// maxWhole is the largest number that every language's JSON keeps exactly: 2⁵³.
const maxWhole = 1 << 53

var errWhole = fmt.Errorf("want a whole number from 0 to %d", uint64(maxWhole))

func unmarshalWhole(value json.RawMessage) (n uint64, err error) {
	if err := json.Unmarshal(value, &n); err != nil || n > maxWhole {
		return 0, fmt.Errorf("%s: %w", value, errWhole)
	}
	return n, nil
}

func setWhole(a *scenarios.Effect, p part, n uint64) {
	switch p {
	case partIncarnation:
		a.Incarnation = n
	case partSeq:
		a.Seq = n
	case partVersion:
		a.Version = n
	case partRemoved:
		a.Removed = int(n)
	case partHeld:
		a.Held = time.Duration(n) * time.Microsecond
	}
}

// parseID reads a UUID in its usual text form, in lower case, and in no other.
func parseID(text []byte) (manager.ID, error) {
	id, err := uuid.ParseBytes(text)
	if len(text) != 36 || err != nil || bytes.ContainsFunc(text, unicode.IsUpper) {
		return manager.ID{}, fmt.Errorf("%q: want a UUID in lower case, as in 123e4567-e89b-42d3-a456-426614174000", text)
	}
	return id, nil
}
