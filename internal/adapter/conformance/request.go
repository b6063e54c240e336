package conformance

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
)

// request is a line without its end, written out and not encoded, so that its words stand in the order of the specification
// and its strings can be escaped in more than one way.
type request struct {
	op   string
	text string
	hold time.Duration // work that it asks for
}

// ask is a request of an operation with fields, each a name and a value: a string, a whole number, work, or fields of a
// session.
func ask(op string, fields ...any) (q request) {
	var b strings.Builder
	fmt.Fprintf(&b, `{"op":%q`, op)
	for i := 0; i < len(fields); i += 2 {
		fmt.Fprintf(&b, ",%q:", fields[i])
		switch v := fields[i+1].(type) {
		case string:
			b.WriteString(raw(v))
		case map[string]string:
			b.WriteString(object(v, raw))
		case time.Duration:
			q.hold = v
			fmt.Fprint(&b, v.Microseconds())
		default:
			fmt.Fprint(&b, v)
		}
	}
	b.WriteByte('}')
	q.op, q.text = op, b.String()
	return q
}

// say is a request to add a message.
func say(id, content string) request {
	return ask("add_message", "id", id, "role", "user", "content", content)
}

// set is a request to set fields.
func set(id string, fields map[string]string) request {
	return ask("update", "id", id, "fields", fields)
}

// of is a request of an operation that wants nothing but a session.
func of(op, id string) request { return ask(op, "id", id) }

// on is the request for a session, where it was one for none.
func (q request) on(id string) request {
	q.text = strings.Replace(q.text, `"id":""`, `"id":`+raw(id), 1)
	return q
}

// raw writes a JSON string with no more escapes than there have to be.
func raw(s string) string {
	needed := func(r rune) bool { return r < ' ' || r == '"' || r == '\\' }
	if !strings.ContainsFunc(s, needed) {
		return `"` + s + `"` // it may be long
	}
	return written(s, func(b *strings.Builder, r rune) {
		if needed(r) {
			escape(b, r)
			return
		}
		b.WriteRune(r)
	})
}

// escaped writes a JSON string with every character escaped that can be.
func escaped(s string) string {
	return written(s, escape)
}

func written(s string, put func(*strings.Builder, rune)) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		put(&b, r)
	}
	b.WriteByte('"')
	return b.String()
}

func escape(b *strings.Builder, r rune) {
	if i := strings.IndexRune("\"\\/\b\f\n\r\t", r); i >= 0 {
		b.WriteByte('\\')
		b.WriteByte("\"\\/bfnrt"[i])
		return
	}
	for _, unit := range utf16.AppendRune(nil, r) {
		fmt.Fprintf(b, `\u%04x`, unit)
	}
}

func object(fields map[string]string, quote func(string) string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		parts = append(parts, quote(name)+":"+quote(fields[name]))
	}
	return "{" + strings.Join(parts, ",") + "}"
}
