package conformance

import "github.com/google/uuid"

// counters are the expected counters of a session.
type counters struct {
	seq, version uint64
	created      bool // by this operation
}

// lifetime sends every operation on one session, in every order that matters, and calls show with each answer and the
// counters expected in it.
func (c *conn) lifetime(show func(*answer, counters)) {
	x := c.p.x
	id := uuid.NewString()
	if x.has("get_or_create") {
		show(c.do(onSession("get_or_create", id)), counters{created: true})
	} else {
		a := c.do(ask("create", "kind", "chat"))
		show(a, counters{created: true})
		id = a.text("id")
	}
	var now counters
	for _, q := range x.listed(
		onSession("get", id), addMessage(id, "one"), addMessage(id, "two"), update(id, map[string]string{"a": "b"}), update(id, nil), onSession("history", id),
		onSession("get", id), addMessage(id, "three"), onSession("get_or_create", id), onSession("history", id), onSession("delete", id),
	) {
		switch q.op {
		case "add_message":
			now.seq++
			now.version++
		case "update":
			now.version++
		}
		show(c.do(q), now)
	}
}

// eachCounter calls check with every answer that has the counter. Without any the check is skipped.
func (p *probe) eachCounter(name string, check func(a *answer, got uint64, want counters)) {
	found := false
	c := p.connect()
	for range 2 {
		c.lifetime(func(a *answer, want counters) {
			if n, ok := a.optional(name); ok {
				found = true
				check(a, n, want)
			}
		})
	}
	if !found {
		p.skip("no answer has " + name + ", which is optional")
	}
}

func countsMessages(p *probe) {
	p.eachCounter("seq", func(a *answer, got uint64, want counters) {
		if a.sent.op == "add_message" {
			a.want(got == want.seq, `"seq":%d, for the %s message of a session (numbers count from 1)`, want.seq, ordinal(int(want.seq)-1))
		}
		a.want(got == want.seq, `"seq":%d, the number of messages ever added to this session`, want.seq)
	})
}

func countsChanges(p *probe) {
	p.eachCounter("version", func(a *answer, got uint64, want counters) {
		a.want(got == want.version, `"version":%d, the number of changes ever made to this session: each add_message and each update is one`, want.version)
	})
}

func sameIncarnation(p *probe) {
	var incarnation uint64
	p.eachCounter("incarnation", func(a *answer, got uint64, want counters) {
		if want.created {
			incarnation = got
		}
		a.want(got == incarnation, `"incarnation":%d, as when the session was created`, incarnation)
	})
}

func otherIncarnation(c *conn) {
	id := uuid.NewString()
	seen := map[uint64]bool{}
	for range 4 {
		a := c.do(onSession("get_or_create", id))
		incarnation, ok := a.optional("incarnation")
		if !ok {
			c.p.skip("the answer to get_or_create has no incarnation, which is optional")
			return
		}
		a.want(!seen[incarnation], "an incarnation that no earlier session with this id had")
		seen[incarnation] = true
		c.do(onSession("delete", id))
	}
}
