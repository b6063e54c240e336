package conformance

import (
	"maps"
	"slices"
	"strconv"
)

func messageChecks() []check {
	both := []string{anyCreate, "add_message", "history"}
	return []check{
		{name: "history: none, then each message", section: "history", run: grows, needs: both},
		{name: "history: oldest first", section: "history", run: oldestFirst, needs: both},
		{name: "history: the newest 15", section: "history", run: newest, needs: both},
		{name: "history: roles as they were sent", section: "history", run: roles, needs: both},
		{name: "history: numbers of messages", section: "history", run: numbers, needs: both},
		{name: "messages stay in their session", section: "sessions", run: apart, needs: both},
	}
}

const kept = 15 // messages kept in a session

// wantContents checks the contents of the messages that history returns.
func (c *conn) wantContents(id string, want ...string) *answer {
	a := c.do(onSession("history", id))
	var got []string
	for _, m := range a.messages() {
		got = append(got, *m.Content)
	}
	a.want(slices.Equal(got, want), "messages with the contents %q, oldest first: got %q", want, got)
	return a
}

func grows(p *probe) {
	c := p.connect()
	id := c.newSession()
	c.wantContents(id)
	c.do(addMessage(id, "one"))
	c.wantContents(id, "one")
}

func oldestFirst(p *probe) {
	c := p.connect()
	id := c.newSession()
	for _, text := range []string{"one", "two", "three"} {
		c.do(addMessage(id, text))
	}
	c.wantContents(id, "one", "two", "three")
}

func newest(p *probe) {
	c := p.connect()
	id := c.newSession()
	var all []string
	for i := range 2*kept + 2 {
		all = append(all, strconv.Itoa(i+1))
		c.do(addMessage(id, all[i]))
		if i+1 >= kept-1 {
			c.wantContents(id, all[max(0, len(all)-kept):]...)
		}
	}
}

func roles(p *probe) {
	c := p.connect()
	id := c.newSession()
	sent := []string{"user", "assistant", "system", "", "🤖"}
	for _, role := range sent {
		c.do(ask("add_message", "id", id, "role", role, "content", "Hello"))
	}
	a := c.do(onSession("history", id))
	var got []string
	for _, m := range a.messages() {
		got = append(got, *m.Role)
	}
	a.want(slices.Equal(got, sent), "messages with the roles %q: got %q", sent, got)
}

// numbers checks the numbers of messages, which are optional.
func numbers(p *probe) {
	c := p.connect()
	id := c.newSession()
	for i := range kept + 3 {
		c.do(addMessage(id, strconv.Itoa(i+1)))
	}
	a := c.do(onSession("history", id))
	numbered := false
	for _, m := range a.messages() {
		if m.Seq == nil {
			a.want(!numbered, `"seq" in each message, or in none`)
			continue
		}
		numbered = true
		a.want(string(*m.Seq) == *m.Content, `"seq":%s in the message that was added as number %s (numbers count from 1)`, *m.Content, *m.Content)
	}
	if !numbered {
		p.skip("messages have no seq, which is optional")
	}
}

func apart(p *probe) {
	c := p.connect()
	a, b := c.newSession(), c.newSession()
	c.do(addMessage(a, "for a"))
	c.do(addMessage(b, "for b"))
	c.wantContents(a, "for a")
	c.wantContents(b, "for b")
}

func fieldChecks() []check {
	both := []string{anyCreate, "update", "get"}
	return []check{
		{name: "update sets the named fields and leaves the others", section: "update", run: merges, needs: both},
		{name: "update of no fields changes none", section: "update", run: updatesNothing, needs: both},
		{name: "fields stay in their session", section: "sessions", run: fieldsApart, needs: both},
	}
}

// wantFields checks that a session has exactly these fields.
func (c *conn) wantFields(id string, want map[string]string) {
	a := c.do(onSession("get", id))
	a.want(maps.Equal(a.strings("fields"), want), `"fields":%s`, object(want, raw))
}

func merges(p *probe) {
	c := p.connect()
	id := c.newSession()
	c.wantFields(id, nil)
	c.do(update(id, map[string]string{"topic": "locks", "step": "1"}))
	c.wantFields(id, map[string]string{"topic": "locks", "step": "1"})
	c.do(update(id, map[string]string{"step": "2", "empty": ""}))
	c.wantFields(id, map[string]string{"topic": "locks", "step": "2", "empty": ""})
}

func updatesNothing(p *probe) {
	c := p.connect()
	id := c.newSession()
	c.do(update(id, map[string]string{"topic": "locks"}))
	c.do(update(id, nil))
	c.wantFields(id, map[string]string{"topic": "locks"})
}

func fieldsApart(p *probe) {
	c := p.connect()
	a, b := c.newSession(), c.newSession()
	c.do(update(a, map[string]string{"of": "a"}))
	c.wantFields(b, nil)
	c.do(update(b, map[string]string{"of": "b"}))
	c.wantFields(a, map[string]string{"of": "a"})
}
