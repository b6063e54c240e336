package conformance

import (
	"slices"
	"strconv"
)

func messageChecks() []check {
	both := []string{aSession, "add_message", "history"}
	return []check{
		{name: "history: none, then each message", section: "history", run: grows, needs: both},
		{name: "history: oldest first", section: "history", run: oldestFirst, needs: both},
		{name: "history: the newest 15", section: "history", run: newest, needs: both},
		{name: "history: roles as they were sent", section: "history", run: roles, needs: both},
		{name: "history: numbers of messages", section: "history", run: numbers, needs: both},
		{name: "messages stay in their session", section: "sessions", run: apart, needs: both},
	}
}

const kept = 15 // messages of a session

// contents are what history has to say: messages with these contents.
func (c *conn) contents(id string, want ...string) *answer {
	a := c.do(of("history", id))
	var got []string
	for _, m := range a.messages() {
		got = append(got, *m.Content)
	}
	a.want(slices.Equal(got, want), "messages with the contents %q, oldest first: got %q", want, got)
	return a
}

func grows(p *probe) {
	c := p.connect()
	id := c.begin()
	c.contents(id)
	c.do(say(id, "one"))
	c.contents(id, "one")
}

func oldestFirst(p *probe) {
	c := p.connect()
	id := c.begin()
	for _, text := range []string{"one", "two", "three"} {
		c.do(say(id, text))
	}
	c.contents(id, "one", "two", "three")
}

func newest(p *probe) {
	c := p.connect()
	id := c.begin()
	var all []string
	for i := range 2*kept + 2 {
		all = append(all, strconv.Itoa(i+1))
		c.do(say(id, all[i]))
		if i+1 >= kept-1 {
			c.contents(id, all[max(0, len(all)-kept):]...)
		}
	}
}

func roles(p *probe) {
	c := p.connect()
	id := c.begin()
	sent := []string{"user", "assistant", "system", "", "🤖"}
	for _, role := range sent {
		c.do(ask("add_message", "id", id, "role", role, "content", "Hello"))
	}
	a := c.do(of("history", id))
	var got []string
	for _, m := range a.messages() {
		got = append(got, *m.Role)
	}
	a.want(slices.Equal(got, sent), "messages with the roles %q: got %q", sent, got)
}

// numbers is skipped where messages have none.
func numbers(p *probe) {
	c := p.connect()
	id := c.begin()
	for i := range kept + 3 {
		c.do(say(id, strconv.Itoa(i+1)))
	}
	a := c.do(of("history", id))
	told := false
	for _, m := range a.messages() {
		if m.Seq == nil {
			a.want(!told, `"seq" in each message, or in none`)
			continue
		}
		told = true
		a.want(string(*m.Seq) == *m.Content, `"seq":%s in the message that was added as number %s (numbers count from 1)`, *m.Content, *m.Content)
	}
	if !told {
		p.skip("messages have no seq, which is optional")
	}
}

func apart(p *probe) {
	c := p.connect()
	a, b := c.begin(), c.begin()
	c.do(say(a, "for a"))
	c.do(say(b, "for b"))
	c.contents(a, "for a")
	c.contents(b, "for b")
}
