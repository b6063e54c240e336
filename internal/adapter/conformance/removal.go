package conformance

import (
	"time"

	"github.com/google/uuid"
)

// sweeps retries with longer times on a machine so busy that used sessions expire before the sweep.
func sweeps(p *probe) {
	for age := 100 * time.Millisecond; age < 10*time.Second; age *= 4 {
		if p.sweepsAt(age) {
			return
		}
	}
	p.skip("the machine is too busy: sessions expired between use and sweep")
}

// sweepsAt creates sessions, waits for age, uses all but one of them, and sweeps with half of age. It returns false if
// that took too long for a verdict.
func (p *probe) sweepsAt(age time.Duration) bool {
	c := p.connect()
	c.do(ask("reset"))
	stale := c.newSession()
	var used []request
	for _, use := range p.x.uses("") {
		if use.op != "delete" {
			used = append(used, use.withID(c.newSession()))
		}
	}
	if p.x.has("get_or_create") {
		used = append(used, onSession("get_or_create", c.newSession()))
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
	for _, use := range used {
		got := c.exchange(use)
		created := use.op == "get_or_create" && got.errorCode == "" && got.flag("created")
		a.want(got.errorCode == "" && !created, "sessions that were just used to stay: %s is a use", use.op)
	}
	a.want(a.number("removed") == 1, `"removed":1: one session was not used for %v, and %d were`, age, len(used))
	for _, use := range p.x.uses(stale) {
		c.wantError(use, "not_found", "the session was swept")
	}
	none := c.do(ask("sweep", "older_than_us", maxInt))
	none.want(none.number("removed") == 0, `"removed":0: no session is that old`)
	return true
}

// counts checks the census while sessions are created and removed.
func counts(c *conn) {
	c.do(ask("reset"))
	var ids []string
	census := func() {
		a := c.do(ask("census"))
		n := uint64(len(ids))
		a.want(a.number("sessions") == n, `"sessions":%d`, n)
		if locks, ok := a.optional("locks"); ok {
			a.want(locks <= n, `"locks" at most %d, the number of sessions: it counts locks per session (0 if there are none)`, n)
		}
	}
	census()
	for range 7 {
		ids = append(ids, c.newSession())
		for _, use := range c.p.x.uses(ids[0]) {
			if use.op != "delete" {
				c.do(use)
			}
		}
	}
	census()
	if !c.p.x.has("delete") {
		return
	}
	for _, left := range []int{4, 0} {
		for len(ids) > left {
			c.do(onSession("delete", ids[0]))
			ids = ids[1:]
		}
		census()
	}
	for _, q := range c.p.x.uses(uuid.NewString()) { // not_found, and no lock may be kept for such an id
		c.exchange(q)
	}
	census()
}

// resets resets on another connection than the user's, as sessbench does.
func resets(p *probe) {
	control, user := p.connect(), p.connect()
	ids := []string{user.newSession(), user.newSession()}
	control.do(ask("reset"))
	for _, id := range ids {
		user.wantAbsent(id, "everything was reset")
	}
	id := user.newSession()
	user.wantEmpty(id)
}
