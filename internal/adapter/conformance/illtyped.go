package conformance

import (
	"fmt"
	"strings"

	"github.com/google/uuid"
)

func illTypedChecks() []check {
	return []check{
		{name: "a field that is missing or of another type", section: "errors", run: illTyped},
	}
}

// malformed are requests that lack a field or have one of another type. Each is about a session of its own, so that what an
// adapter makes of it disturbs nobody.
func malformed() (list []request) {
	id := func() string { return uuid.NewString() }
	return []request{
		ask("get_or_create"), ask("get_or_create", "id", 7),
		ask("add_message", "role", "user", "content", "Hello"),
		ask("add_message", "id", id(), "content", "Hello"), ask("add_message", "id", id(), "role", "user"),
		ask("add_message", "id", id(), "role", 7, "content", "Hello"),
		ask("add_message", "id", id(), "role", "user", "content", []int{}),
		ask("add_message", "id", id(), "role", "user", "content", "Hello", "hold_us", "long"),
		ask("history"), ask("history", "id", 7),
		ask("update", "id", id()), ask("update", "id", id(), "fields", "none"), ask("update", "id", id(), "fields", []int{}),
		ask("get"), ask("get", "id", []int{}), ask("delete"), ask("delete", "id", 7),
		{op: "hello", text: `{}`}, {op: "hello", text: `{"op":7}`}, {op: "hello", text: `{"op":[]}`},
		ask("sweep"), ask("sweep", "older_than_us", "long"),
	}
}

// illTyped sees that such a request is answered, and that nobody else notices. An adapter may be satisfied with less than the
// specification says, but what it refuses it refuses as internal; a bad id, also as one that no session has; a bad op, also
// as one that is not known.
func illTyped(p *probe) {
	c := p.connect()
	var accepted []string
	for _, q := range malformed() {
		if q.op != "hello" && !p.x.has(q.op) {
			continue
		}
		if id := q.id(); id != "" && p.x.has("get_or_create") {
			c.do(of("get_or_create", id))
		}
		a, m := c.try(q)
		if m != nil {
			m.want = `{"error":"internal",…}, and a connection that goes on`
			p.fail(m)
		}
		switch {
		case a.fault == "" && q.op != "hello":
			accepted = append(accepted, q.text)
		case a.fault == "not_found" && (q.id() == "" || !p.x.has("get_or_create")):
		case a.fault == "unsupported" && q.op == "hello":
		default:
			a.want(a.fault == "internal", `{"error":"internal",…}: a field is missing or of another type`)
		}
	}
	c.do(ask("hello")) // the connection is still good
	if len(accepted) > 0 {
		p.Note = fmt.Sprintf("accepts what sessbench never sends, such as %s", accepted[0])
	}
}

// id is the session that a request names, empty for none.
func (q request) id() string {
	_, after, _ := strings.Cut(q.text, `"id":"`)
	id, _, _ := strings.Cut(after, `"`)
	return id
}
