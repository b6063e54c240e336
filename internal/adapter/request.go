package adapter

import (
	"encoding/hex"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// opNames are what the protocol calls the operations.
var opNames = [scenarios.NumOps]string{
	scenarios.Create:      "create",
	scenarios.GetOrCreate: "get_or_create",
	scenarios.Append:      "add_message",
	scenarios.History:     "history",
	scenarios.Validate:    "get", // for whether it is there
	scenarios.Touch:       "update",
	scenarios.Update:      "update",
	scenarios.Read:        "get",
	scenarios.Delete:      "delete",
	scenarios.Sweep:       "sweep",
}

// OpName is what the protocol calls an operation.
func OpName(op scenarios.Op) string { return opNames[op] }

// appendRequest appends a request as a line of JSON. Bytes of strings that are no UTF-8 become U+FFFD.
func appendRequest(b []byte, q *scenarios.Request) []byte {
	b = append(b, `{"op":"`...)
	b = append(b, opNames[q.Op]...)
	b = append(b, '"')
	switch q.Op {
	case scenarios.Create:
		b = append(b, `,"kind":"`...)
		b = append(b, kind(q.Kind)...)
		b = append(b, '"')
	case scenarios.Sweep:
		b = append(b, `,"older_than_us":`...)
		b = strconv.AppendInt(b, q.Idle.Microseconds(), 10)
	default:
		b = appendID(b, q.ID)
	}
	switch q.Op {
	case scenarios.Append:
		b = append(b, `,"role":`...)
		b = appendString(b, q.Role)
		b = append(b, `,"content":`...)
		b = appendString(b, q.Content)
		b = appendHold(b, q.Hold, q.Spin)
	case scenarios.Update:
		b = append(b, `,"fields":`...)
		b = appendFields(b, q.Fields)
		b = appendHold(b, q.Hold, q.Spin)
	case scenarios.Touch:
		b = append(b, `,"fields":{}`...)
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

// appendString appends a JSON string (RFC 8259, 7).
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
		b = appendSpecial(b, c)
		i += size
		from = i
	}
	b = append(b, s[from:]...)
	return append(b, '"')
}

// appendSpecial appends a byte that cannot stand in a JSON string as it is.
func appendSpecial(b []byte, c byte) []byte {
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
