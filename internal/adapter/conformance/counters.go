package conformance

import (
	"github.com/google/uuid"
)

func counterChecks() []check {
	life := []string{aSession}
	return []check{
		{name: "seq counts messages, from 1", section: "sessions", run: countsMessages, needs: []string{aSession, "add_message"}},
		{name: "version counts changes", section: "sessions", run: countsChanges, needs: life},
		{name: "incarnation stays for a life", section: "sessions", run: sameLife, needs: life},
		{name: "incarnation differs from life to life", section: "sessions", run: otherLife, needs: []string{"get_or_create", "delete"}},
	}
}

// counters are what a session's should be.
type counters struct {
	seq, version uint64
	begins       bool // a life
}

// lifetime leads a session through what can be done with it, in every order that matters, and shows each answer about it
// with the counters as they are after it.
func (c *conn) lifetime(show func(*answer, counters)) {
	x := c.p.x
	id := uuid.NewString()
	if x.has("get_or_create") {
		show(c.do(of("get_or_create", id)), counters{begins: true})
	} else {
		a := c.do(ask("create", "kind", "chat"))
		show(a, counters{begins: true})
		id = a.text("id")
	}
	var now counters
	for _, q := range []request{
		of("get", id), say(id, "one"), say(id, "two"), set(id, map[string]string{"a": "b"}), set(id, nil), of("history", id),
		of("get", id), say(id, "three"), of("get_or_create", id), of("history", id), of("delete", id),
	} {
		if !x.has(q.op) {
			continue
		}
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

// counted checks a counter wherever it is told. It is skipped where that is nowhere.
func (p *probe) counted(name string, check func(a *answer, told uint64, want counters)) {
	somewhere := false
	c := p.connect()
	for range 2 {
		c.lifetime(func(a *answer, want counters) {
			if n, told := a.told(name); told {
				somewhere = true
				check(a, n, want)
			}
		})
	}
	if !somewhere {
		p.skip(name + " is not told, which is optional")
	}
}

func countsMessages(p *probe) {
	p.counted("seq", func(a *answer, told uint64, want counters) {
		if a.sent.op == "add_message" {
			a.want(told == want.seq, `"seq":%d, for the %s message of a session (numbers count from 1)`, want.seq, ordinal(int(want.seq)-1))
		}
		a.want(told == want.seq, `"seq":%d, the number of messages ever added to this session`, want.seq)
	})
}

func countsChanges(p *probe) {
	p.counted("version", func(a *answer, told uint64, want counters) {
		a.want(told == want.version, `"version":%d, the number of changes ever made to this session: each add_message and each update is one`, want.version)
	})
}

func sameLife(p *probe) {
	var life uint64
	p.counted("incarnation", func(a *answer, told uint64, want counters) {
		if want.begins {
			life = told
		}
		a.want(told == life, `"incarnation":%d, as when this life began`, life)
	})
}

func otherLife(p *probe) {
	c := p.connect()
	id := uuid.NewString()
	seen := map[uint64]bool{}
	for range 4 {
		a := c.do(of("get_or_create", id))
		life, told := a.told("incarnation")
		if !told {
			p.skip("incarnation is not told by get_or_create, which is optional")
			return
		}
		a.want(!seen[life], "another incarnation than in earlier lives of this id")
		seen[life] = true
		c.do(of("delete", id))
	}
}
