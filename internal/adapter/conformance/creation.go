package conformance

import (
	"fmt"
	"slices"

	"github.com/google/uuid"
)

// newIDs creates sessions of both kinds and uses them.
func newIDs(c *conn) {
	seen := map[string]bool{}
	for i := range 20 {
		kind := []string{"chat", "brainstorm"}[i%2]
		a := c.do(ask("create", "kind", kind))
		text := a.text("id")
		id, err := uuid.Parse(text)
		a.want(err == nil && id.String() == text, `"id" as a UUID in its text form: 36 characters, lower case`)
		a.want(id.Version() == 4 && id.Variant() == uuid.RFC4122, `"id" as a random UUID, of version 4 and the variant of RFC 9562`)
		a.want(!seen[text], "another id each time")
		seen[text] = true
		if use := map[string]string{"chat": "history", "brainstorm": "get"}[kind]; c.p.x.has(use) {
			c.do(onSession(use, text))
		}
	}
}

func getOrCreates(c *conn) {
	id := uuid.NewString()
	for i := range 3 {
		a := c.do(onSession("get_or_create", id))
		a.want(a.flag("created") == (i == 0), `"created":%t, for the %s request with this id`, i == 0, ordinal(i))
	}
	c.wantEmpty(id)
}

func ordinal(i int) string {
	if names := []string{"first", "second", "third"}; i < len(names) {
		return names[i]
	}
	return fmt.Sprintf("%dth", i+1)
}

// wantEmpty checks that a session has neither messages nor fields.
func (c *conn) wantEmpty(id string) {
	if c.p.x.has("history") {
		a := c.do(onSession("history", id))
		a.want(len(a.messages()) == 0, `"messages":[], for a new session`)
	}
	if c.p.x.has("get") {
		a := c.do(onSession("get", id))
		a.want(len(a.strings("fields")) == 0, `"fields":{}, for a new session`)
	}
}

// uses returns a request of each listed operation that needs an existing session; delete is the last.
func (x *tester) uses(id string) []request {
	return x.listed(
		addMessage(id, "Hello"), onSession("history", id), update(id, map[string]string{"a": "b"}), update(id, nil),
		onSession("get", id), onSession("delete", id))
}

// listed returns the requests whose operations hello lists.
func (x *tester) listed(list ...request) []request {
	return slices.DeleteFunc(list, func(q request) bool { return !x.has(q.op) })
}

// wantAbsent checks that every operation returns not_found.
func (c *conn) wantAbsent(id, why string) {
	for _, q := range c.p.x.uses(id) {
		c.wantError(q, "not_found", why)
	}
}

func absentSession(p *probe) { p.connect().wantAbsent(uuid.NewString(), "no session has this id") }

func neverCreated(c *conn) {
	id := uuid.NewString()
	for _, q := range c.p.x.uses(id) {
		c.exchange(q) // another check checks the answer
		a := c.do(onSession("get_or_create", id))
		a.want(a.flag("created"), `"created":true: there was no session with this id, and %s must not create one`, q.op)
		if !c.p.x.has("delete") {
			return
		}
		c.do(onSession("delete", id))
	}
}

func deletes(c *conn, id string) {
	if c.p.x.has("add_message") {
		c.do(addMessage(id, "Hello"))
	}
	c.do(onSession("delete", id))
	c.wantAbsent(id, "the session was deleted")
}

func emptyAfterDelete(c *conn) {
	id := uuid.NewString()
	for range 2 {
		a := c.do(onSession("get_or_create", id))
		a.want(a.flag("created"), `"created":true: the session was deleted`)
		c.wantEmpty(id)
		for _, q := range c.p.x.uses(id) {
			c.do(q)
		}
	}
}
