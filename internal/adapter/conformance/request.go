package conformance

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
)

// request is a line without its newline. It is not made with encoding/json, so that its members are in the order of the
// specification and its strings can be escaped in different ways.
type request struct {
	op   string
	text string
	hold time.Duration // requested work
}

// ask returns a request with pairs of a name and a value: a string, an integer, a
// duration of work, a session's fields, or JSON text.
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
		case jsonText:
			b.WriteString(string(v))
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

// jsonText is a value that is already JSON.
type jsonText string

// quotings are the ways to write a string in JSON.
var quotings = []func(string) string{raw, escaped}

// addMessage returns a request to add a message.
func addMessage(id, content string) request {
	return ask("add_message", "id", id, "role", "user", "content", content)
}

// update returns a request to set fields.
func update(id string, fields map[string]string) request {
	return ask("update", "id", id, "fields", fields)
}

// onSession returns a request whose only argument is the session.
func onSession(op, id string) request { return ask(op, "id", id) }

// withID returns the request with an id in place of the empty one.
func (q request) withID(id string) request {
	q.text = strings.Replace(q.text, `"id":""`, `"id":`+raw(id), 1)
	return q
}

// raw returns a JSON string with as few escapes as possible.
func raw(s string) string {
	needed := func(r rune) bool { return r < ' ' || r == '"' || r == '\\' }
	if !strings.ContainsFunc(s, needed) {
		return `"` + s + `"` // fast, for long strings
	}
	return quote(s, func(b *strings.Builder, r rune) {
		if needed(r) {
			escape(b, r)
			return
		}
		b.WriteRune(r)
	})
}

// escaped returns a JSON string with every character escaped.
func escaped(s string) string { return quote(s, escape) }

func quote(s string, put func(*strings.Builder, rune)) string {
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
