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

// part is a set of members of an answer's object.
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

const (
	state      = partIncarnation | partSeq | partVersion // optional in every answer about a session
	errorParts = partError | partMessage
)

// parts are the members by their keys. Unknown keys are ignored.
var parts = map[string]part{
	"created": partCreated, "held_us": partHeld, "id": partID, "incarnation": partIncarnation, "fields": partFields,
	"messages": partMessages, "removed": partRemoved, "seq": partSeq, "version": partVersion,
	"error": partError, "message": partMessage,
}

// keyOf returns the key of a member.
func keyOf(p part) string {
	for key, other := range parts {
		if other == p {
			return key
		}
	}
	return ""
}

// answerError is the error in an answer. It points into the answer's line. A nil code means no error.
type answerError struct{ code, message []byte }

// errInternal is the code "internal".
var errInternal = errors.New("internal error")

// errorCodes are the errors of the legal codes.
var errorCodes = map[string]error{
	"not_found":   manager.ErrNotFound,
	"exists":      manager.ErrExists,
	"closed":      manager.ErrClosed,
	"unsupported": scenarios.ErrUnsupported,
	"internal":    errInternal,
}

// err converts the error in the answer to request. The message becomes one printable line.
func (e answerError) err(request string) error {
	message := printable.Line(string(e.message), printable.MaxMessage)
	switch err := errorCodes[string(e.code)]; err {
	case scenarios.ErrUnsupported:
		return fmt.Errorf("%s: %w: %s", request, err, message)
	case errInternal:
		return fmt.Errorf("%w at %s: %s", err, request, message)
	default:
		return err
	}
}

// check returns an error for an unknown code.
func (e answerError) check() error {
	if _, known := errorCodes[string(e.code)]; !known {
		return fmt.Errorf(`"error" %q: want not_found, exists, closed, unsupported or internal`, e.code)
	}
	return nil
}

// readAnswer parses the answer to an operation into a, which must be clear. It returns the error in the answer, and err
// if the answer violates the protocol.
func readAnswer(line []byte, op scenarios.Op, a *scenarios.Effect) (e answerError, err error) {
	got, e, ok := scanAnswer(line, op, a)
	if !ok {
		a.Clear()
		if got, e, err = unmarshalAnswer(line, op, a); err != nil {
			return answerError{}, err
		}
	}
	if got&partError != 0 {
		return e, e.check()
	}
	if missing := operations[op].must &^ got; missing != 0 {
		return answerError{}, fmt.Errorf("want %q", keyOf(missing))
	}
	if !op.Does(scenarios.ReadsFields) {
		clear(a.Fields) // required in the answer to get, of which Validate does not use them
	}
	a.Reported = reported(got)
	a.Created = a.Created || op.Does(scenarios.Mints)
	return answerError{}, nil
}

func reported(got part) (t scenarios.Reported) {
	for _, p := range [...]struct {
		part    part
		reports scenarios.Reported
	}{{partIncarnation, scenarios.ReportsIncarnation}, {partSeq, scenarios.ReportsSeq}, {partVersion, scenarios.ReportsVersion}, {partHeld, scenarios.ReportsHeld}} {
		if got&p.part != 0 {
			t |= p.reports
		}
	}
	return t
}

// readError parses the error in the answer to hello, census or reset.
func readError(line []byte) (answerError, error) {
	var ignored scenarios.Effect
	got, e, err := unmarshalAnswer(line, scenarios.NumOps, &ignored)
	if err != nil || got&partError == 0 {
		return answerError{}, err
	}
	return e, e.check()
}

// unmarshalAnswer parses any answer with encoding/json, and defines which answers are legal.
func unmarshalAnswer(line []byte, op scenarios.Op, a *scenarios.Effect) (got part, e answerError, err error) {
	if !utf8.Valid(line) {
		return 0, e, errors.New("not valid UTF-8")
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(line, &object); err != nil {
		return 0, e, fmt.Errorf("want a JSON object: %w", err)
	}
	if object == nil {
		return 0, e, errors.New("want a JSON object")
	}
	may := errorParts
	if op < scenarios.NumOps {
		may |= operations[op].may
	}
	for key, value := range object {
		p := parts[key] & may
		if p == 0 || string(value) == "null" {
			continue
		}
		if err := unmarshalPart(p, value, a, &e); err != nil {
			return 0, answerError{}, fmt.Errorf("%q: %w", key, err)
		}
		got |= p
	}
	return got, e, nil
}

func unmarshalPart(p part, value json.RawMessage, a *scenarios.Effect, e *answerError) (err error) {
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
			e.code = []byte(text)
		} else {
			e.message = []byte(text)
		}
	default:
		var n uint64
		if n, err = unmarshalInteger(value); err == nil {
			setInteger(a, p, n)
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
		case m.Seq > maxInteger:
			return fmt.Errorf(`"seq": %w`, errInteger)
		case m.Role == nil || m.Content == nil:
			return errors.New(`want "role" and "content" in each message`)
		}
		a.Messages = append(a.Messages, manager.Message{Seq: m.Seq, Role: *m.Role, Content: *m.Content})
	}
	return nil
}

// maxInteger is the largest integer that JSON in every language represents exactly: 2⁵³.
const maxInteger = 1 << 53

var errInteger = fmt.Errorf("want a whole number from 0 to %d", uint64(maxInteger))

func unmarshalInteger(value json.RawMessage) (n uint64, err error) {
	if err := json.Unmarshal(value, &n); err != nil || n > maxInteger {
		return 0, fmt.Errorf("%s: %w", value, errInteger)
	}
	return n, nil
}

func setInteger(a *scenarios.Effect, p part, n uint64) {
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

// parseID parses a UUID of 36 characters in lower case.
func parseID(text []byte) (manager.ID, error) {
	id, err := uuid.ParseBytes(text)
	if len(text) != 36 || err != nil || bytes.ContainsFunc(text, unicode.IsUpper) {
		return manager.ID{}, fmt.Errorf("%q: want a UUID in lower case, as in 123e4567-e89b-42d3-a456-426614174000", text)
	}
	return id, nil
}
