package conformance

import (
	"fmt"

	"github.com/google/uuid"
)

func lifeChecks() []check {
	return []check{
		{name: "create mints ids", section: "create", run: mints, needs: []string{"create"}},
		{name: "get_or_create creates, and then gets", section: "get_or_create", run: getOrCreates, needs: []string{"get_or_create"}},
		{name: "an absent session is not_found", section: "errors", run: absentSession},
		{name: "an absent session is never made by another operation", section: "errors", run: neverMade, needs: []string{"get_or_create"}},
		{name: "delete removes", section: "delete", run: deletes, needs: []string{aSession, "delete"}},
		{name: "a new life after delete is empty", section: "sessions", run: newLife, needs: []string{"get_or_create", "delete"}},
	}
}

// mints makes sessions of both kinds and uses them.
func mints(p *probe) {
	c := p.connect()
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
		if use := map[string]string{"chat": "history", "brainstorm": "get"}[kind]; p.x.has(use) {
			c.do(of(use, text))
		}
	}
}

func getOrCreates(p *probe) {
	c := p.connect()
	id := uuid.NewString()
	for i := range 3 {
		a := c.do(of("get_or_create", id))
		a.want(a.flag("created") == (i == 0), `"created":%t, for the %s request with this id`, i == 0, ordinal(i))
	}
	c.empty(id)
}

func ordinal(i int) string {
	if names := []string{"first", "second", "third"}; i < len(names) {
		return names[i]
	}
	return fmt.Sprintf("%dth", i+1)
}

// empty wants a session to have neither messages nor fields.
func (c *conn) empty(id string) {
	if c.p.x.has("history") {
		a := c.do(of("history", id))
		a.want(len(a.messages()) == 0, `"messages":[], for a new session`)
	}
	if c.p.x.has("get") {
		a := c.do(of("get", id))
		a.want(len(a.strings("fields")) == 0, `"fields":{}, for a new session`)
	}
}

// uses are requests of all listed operations that want a session to be there; delete is the last.
func (x *examination) uses(id string) (list []request) {
	for _, q := range []request{
		say(id, "Hello"), of("history", id), set(id, map[string]string{"a": "b"}), set(id, nil), of("get", id), of("delete", id),
	} {
		if x.has(q.op) {
			list = append(list, q)
		}
	}
	return list
}

// gone wants a session not to be there, whatever is asked of it.
func (c *conn) gone(id, why string) {
	for _, q := range c.p.x.uses(id) {
		c.refused(q, "not_found", why)
	}
}

func absentSession(p *probe) { p.connect().gone(uuid.NewString(), "no session has this id") }

func neverMade(p *probe) {
	c := p.connect()
	id := uuid.NewString()
	for _, q := range p.x.uses(id) {
		if _, m := c.try(q); m != nil { // what it answers is another check's
			p.fail(m)
		}
		a := c.do(of("get_or_create", id))
		if !a.flag("created") {
			a.want(false, `"created":true: there was no session with this id, and %s must not have made one`, q.op)
		}
		if !p.x.has("delete") {
			return
		}
		c.do(of("delete", id))
	}
}

func deletes(p *probe) {
	c := p.connect()
	id := c.begin()
	if p.x.has("add_message") {
		c.do(say(id, "Hello"))
	}
	c.do(of("delete", id))
	c.gone(id, "the session was deleted")
}

func newLife(p *probe) {
	c := p.connect()
	id := uuid.NewString()
	for range 2 {
		a := c.do(of("get_or_create", id))
		a.want(a.flag("created"), `"created":true: the session was deleted`)
		c.empty(id)
		for _, q := range p.x.uses(id) {
			c.do(q)
		}
	}
}
