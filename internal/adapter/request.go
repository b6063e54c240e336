package adapter

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// The limits of a request, in bytes of UTF-8. Within them a history of 15 messages, or all fields of a session, fit a
// line even where each byte is escaped as \u00XX. docs/adapter-protocol.md has the same numbers.
const (
	MaxContent = scenarios.MaxSize // of a message
	MaxRole    = 1 << 10           // of a message
	MaxFields  = 1 << 20           // names and values of a session's fields, together
)

// errTooLarge is the error for a request beyond the limits. It does not wrap [manager.ErrNotApplied], which is a
// legal outcome of an operation: this is a mistake of the caller.
var errTooLarge = errors.New("not sent: larger than the adapter protocol allows")

// checkSize returns an error for a request beyond the limits.
func checkSize(q *scenarios.Request) error {
	fields := 0
	for name, value := range q.Fields {
		fields += len(name) + len(value)
	}
	for _, part := range [...]struct {
		name      string
		size, max int
	}{{"content", len(q.Content), MaxContent}, {"role", len(q.Role), MaxRole}, {"fields", fields, MaxFields}} {
		if part.size > part.max {
			return fmt.Errorf("%s: %w: %s of %d bytes: want at most %d", OpName(q.Op), errTooLarge, part.name, part.size, part.max)
		}
	}
	return nil
}

// arguments is a set of arguments of a request.
type arguments uint8

const (
	argID arguments = 1 << iota
	argKind
	argIdle
	argMessage // role and content
	argFields
	argNoFields // fields, without any
	argHold
)

// operation is an operation in the protocol: its name, its arguments, and the members that its answer may and must have. Other
// members are ignored.
type operation struct {
	name      string
	args      arguments
	may, must part
}

var operations = [scenarios.NumOps]operation{
	scenarios.Create:      {"create", argKind, partID | state, partID},
	scenarios.GetOrCreate: {"get_or_create", argID, partCreated | state, partCreated},
	scenarios.Append:      {"add_message", argID | argMessage | argHold, partHeld | state, 0},
	scenarios.History:     {"history", argID, partMessages | state, partMessages},
	scenarios.Validate:    {"get", argID, partFields | state, partFields}, // only for whether the session exists
	scenarios.Touch:       {"update", argID | argNoFields | argHold, partHeld | state, 0},
	scenarios.Update:      {"update", argID | argFields | argHold, partHeld | state, 0},
	scenarios.Read:        {"get", argID, partFields | state, partFields},
	scenarios.Delete:      {"delete", argID, state, 0},
	scenarios.Sweep:       {"sweep", argIdle, partRemoved, partRemoved},
}

// inProtocol reports whether the protocol has an operation.
func inProtocol(op scenarios.Op) bool { return operations[op].name != "" }

// OpName returns the name of an operation in the protocol; of one that the protocol does not have, its own.
func OpName(op scenarios.Op) string { return cmp.Or(operations[op].name, op.String()) }

// appendRequest appends a request as a line of JSON. Invalid UTF-8 becomes U+FFFD.
func appendRequest(b []byte, q *scenarios.Request) []byte {
	b = append(b, `{"op":"`...)
	b = append(b, operations[q.Op].name...)
	b = append(b, '"')
	args := operations[q.Op].args
	if args&argKind != 0 {
		b = append(b, `,"kind":"`...)
		b = append(b, kind(q.Kind)...)
		b = append(b, '"')
	}
	if args&argIdle != 0 {
		b = append(b, `,"older_than_us":`...)
		b = strconv.AppendInt(b, q.Idle.Microseconds(), 10)
	}
	if args&argID != 0 {
		b = appendID(b, q.ID)
	}
	if args&argMessage != 0 {
		b = append(b, `,"role":`...)
		b = appendString(b, q.Role)
		b = append(b, `,"content":`...)
		b = appendString(b, q.Content)
	}
	if args&argFields != 0 {
		b = append(b, `,"fields":`...)
		b = appendFields(b, q.Fields)
	}
	if args&argNoFields != 0 {
		b = append(b, `,"fields":{}`...)
	}
	if args&argHold != 0 {
		b = appendHold(b, q.Hold, q.Spin)
	}
	return append(b, '}', '\n')
}

func kind(v scenarios.DriverKind) string {
	if v == scenarios.BoardDriver {
		return "brainstorm"
	}
	return "chat"
}

func appendID(b []byte, id manager.ID) []byte {
	b = append(b, `,"id":"`...)
	for i, part := range [...][]byte{id[:4], id[4:6], id[6:8], id[8:10], id[10:]} {
		if i > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, part)
	}
	return append(b, '"')
}

func appendHold(b []byte, hold time.Duration, spin bool) []byte {
	b = append(b, `,"hold_us":`...)
	b = strconv.AppendInt(b, hold.Microseconds(), 10)
	if spin {
		return append(b, `,"hold_kind":"spin"`...)
	}
	return append(b, `,"hold_kind":"sleep"`...)
}

func appendFields(b []byte, fields map[string]string) []byte {
	b = append(b, '{')
	for key, value := range fields {
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = appendString(b, key)
		b = append(b, ':')
		b = appendString(b, value)
	}
	return append(b, '}')
}

// appendString appends a JSON string (RFC 8259, section 7) without allocating.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		size := 1
		if c >= utf8.RuneSelf {
			var r rune
			if r, size = utf8.DecodeRuneInString(s[i:]); r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
		}
		b = append(b, s[from:i]...)
		b = appendEscaped(b, c)
		i += size
		from = i
	}
	b = append(b, s[from:]...)
	return append(b, '"')
}

// appendEscaped appends a byte that must be escaped, or is not part of a UTF-8 character.
func appendEscaped(b []byte, c byte) []byte {
	switch {
	case c == '"', c == '\\':
		return append(b, '\\', c)
	case c == '\n':
		return append(b, '\\', 'n')
	case c >= utf8.RuneSelf:
		return utf8.AppendRune(b, utf8.RuneError)
	}
	return hex.AppendEncode(append(b, `\u00`...), []byte{c})
}
