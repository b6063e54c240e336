package conformance

import (
	"maps"
	"slices"
	"strconv"
)

const kept = 15 // messages kept in a session

// wantContents checks the contents of the messages that history returns.
func (c *conn) wantContents(id string, want ...string) {
	a := c.do(onSession("history", id))
	var got []string
	for _, m := range a.messages() {
		got = append(got, *m.Content)
	}
	a.want(slices.Equal(got, want), "messages with the contents %q, oldest first: got %q", want, got)
}

func grows(c *conn, id string) {
	c.wantContents(id)
	c.do(addMessage(id, "one"))
	c.wantContents(id, "one")
}

func oldestFirst(c *conn, id string) {
	for _, text := range []string{"one", "two", "three"} {
		c.do(addMessage(id, text))
	}
	c.wantContents(id, "one", "two", "three")
}

func newest(c *conn, id string) {
	var all []string
	for i := range 2*kept + 2 {
		all = append(all, strconv.Itoa(i+1))
		c.do(addMessage(id, all[i]))
		if i+1 >= kept-1 {
			c.wantContents(id, all[max(0, len(all)-kept):]...)
		}
	}
}

func roles(c *conn, id string) {
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
func numbers(c *conn, id string) {
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
		c.p.skip("messages have no seq, which is optional")
	}
}

func apart(c *conn) {
	a, b := c.newSession(), c.newSession()
	c.do(addMessage(a, "for a"))
	c.do(addMessage(b, "for b"))
	c.wantContents(a, "for a")
	c.wantContents(b, "for b")
}

// wantFields checks that a session has exactly these fields.
func (c *conn) wantFields(id string, want map[string]string) {
	a := c.do(onSession("get", id))
	a.want(maps.Equal(a.strings("fields"), want), `"fields":%s`, object(want, raw))
}

func merges(c *conn, id string) {
	c.wantFields(id, nil)
	c.do(update(id, map[string]string{"topic": "locks", "step": "1"}))
	c.wantFields(id, map[string]string{"topic": "locks", "step": "1"})
	c.do(update(id, map[string]string{"step": "2", "empty": ""}))
	c.wantFields(id, map[string]string{"topic": "locks", "step": "2", "empty": ""})
}

func updatesNothing(c *conn, id string) {
	c.do(update(id, map[string]string{"topic": "locks"}))
	c.do(update(id, nil))
	c.wantFields(id, map[string]string{"topic": "locks"})
}

func fieldsApart(c *conn) {
	a, b := c.newSession(), c.newSession()
	c.do(update(a, map[string]string{"of": "a"}))
	c.wantFields(b, nil)
	c.do(update(b, map[string]string{"of": "b"}))
	c.wantFields(a, map[string]string{"of": "a"})
}
