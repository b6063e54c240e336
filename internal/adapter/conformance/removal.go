package conformance

import (
	"time"

	"github.com/google/uuid"
)

func removalChecks() []check {
	return []check{
		{name: "sweep removes what was not used for so long", section: "sweep", run: sweeps, needs: []string{aSession, "sweep"}},
		{name: "census counts sessions, and no lock too many", section: "census", run: counts, needs: []string{aSession, "census"}},
		{name: "reset removes every session", section: "reset", run: resets, needs: []string{aSession}},
	}
}

// sweeps waits longer where the machine is so busy that sessions grow old before they can be swept.
func sweeps(p *probe) {
	for age := 100 * time.Millisecond; age < 10*time.Second; age *= 4 {
		if p.sweepsAt(age) {
			return
		}
	}
	p.skip("the machine is too busy: what was used just now was old already")
}

// sweepsAt has sessions that are older than age, uses all but one of them, and sweeps what is older than half of it. It reports
// whether that came to a verdict.
func (p *probe) sweepsAt(age time.Duration) bool {
	c := p.connect()
	c.do(ask("reset"))
	stale := c.begin()
	var used []request
	for _, use := range p.x.uses("") {
		if use.op != "delete" {
			used = append(used, use.on(c.begin()))
		}
	}
	if p.x.has("get_or_create") {
		used = append(used, of("get_or_create", c.begin()))
	}
	time.Sleep(age)
	start := time.Now()
	for _, use := range used {
		c.do(use)
	}
	a := c.do(ask("sweep", "older_than_us", (age / 2).Microseconds()))
	if time.Since(start) > age/2 {
		return false
	}
	var there []string // of what was used
	for _, use := range used {
		answered, m := c.try(use)
		p.none(m)
		created := use.op == "get_or_create" && answered.fault == "" && answered.flag("created")
		if answered.fault != "" || created {
			a.want(false, "sessions that were used just now to stay: %s is a use", use.op)
		}
		there = append(there, use.op)
	}
	a.want(a.number("removed") == 1, `"removed":1: one session was not used for %v, and %d were`, age, len(there))
	for _, use := range p.x.uses(stale) {
		c.refused(use, "not_found", "the session was swept")
	}
	none := c.do(ask("sweep", "older_than_us", maxInt))
	none.want(none.number("removed") == 0, `"removed":0: no session is as old as that`)
	return true
}

// counts counts as sessions come and go.
func counts(p *probe) {
	c := p.connect()
	c.do(ask("reset"))
	var ids []string
	census := func() {
		a := c.do(ask("census"))
		n := uint64(len(ids))
		a.want(a.number("sessions") == n, `"sessions":%d`, n)
		if locks, told := a.told("locks"); told {
			a.want(locks <= n, `"locks" at most %d: those kept for single sessions, and there are no more sessions (0 where locks are not made per session)`, n)
		}
	}
	census()
	for range 7 {
		ids = append(ids, c.begin())
		for _, use := range p.x.uses(ids[0]) {
			if use.op != "delete" {
				c.do(use)
			}
		}
	}
	census()
	if !p.x.has("delete") {
		return
	}
	for _, left := range []int{4, 0} {
		for len(ids) > left {
			c.do(of("delete", ids[0]))
			ids = ids[1:]
		}
		census()
	}
	for _, q := range p.x.uses(uuid.NewString()) { // refused, and no lock kept for an id that never was
		if _, m := c.try(q); m != nil {
			p.fail(m)
		}
	}
	census()
}

// resets resets on a connection of its own, as sessbench does, while a user's is open.
func resets(p *probe) {
	control, user := p.connect(), p.connect()
	ids := []string{user.begin(), user.begin()}
	control.do(ask("reset"))
	for _, id := range ids {
		user.gone(id, "everything was reset")
	}
	id := user.begin()
	user.empty(id)
}
