package conformance

import "maps"

func fieldChecks() []check {
	both := []string{aSession, "update", "get"}
	return []check{
		{name: "update sets the named fields and leaves the others", section: "update", run: merges, needs: both},
		{name: "update of no fields changes none", section: "update", run: changesNone, needs: both},
		{name: "fields stay in their session", section: "sessions", run: fieldsApart, needs: both},
	}
}

// has wants a session to have exactly these fields.
func (c *conn) has(id string, want map[string]string) {
	a := c.do(of("get", id))
	a.want(maps.Equal(a.strings("fields"), want), `"fields":%s`, object(want, raw))
}

func merges(p *probe) {
	c := p.connect()
	id := c.begin()
	c.has(id, nil)
	c.do(set(id, map[string]string{"topic": "locks", "step": "1"}))
	c.has(id, map[string]string{"topic": "locks", "step": "1"})
	c.do(set(id, map[string]string{"step": "2", "empty": ""}))
	c.has(id, map[string]string{"topic": "locks", "step": "2", "empty": ""})
}

func changesNone(p *probe) {
	c := p.connect()
	id := c.begin()
	c.do(set(id, map[string]string{"topic": "locks"}))
	c.do(set(id, nil))
	c.has(id, map[string]string{"topic": "locks"})
}

func fieldsApart(p *probe) {
	c := p.connect()
	a, b := c.begin(), c.begin()
	c.do(set(a, map[string]string{"of": "a"}))
	c.has(b, nil)
	c.do(set(b, map[string]string{"of": "b"}))
	c.has(a, map[string]string{"of": "a"})
}
