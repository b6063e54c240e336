package conformance

import (
	"fmt"
	"time"
)

// work is the requested work: long compared to a request, short compared to the time-out.
const work = 60 * time.Millisecond

// withWork returns a request with work.
func withWork(op, id, kind string, hold time.Duration) request {
	if op == "update" {
		return ask(op, "id", id, "fields", map[string]string{"a": "b"}, "hold_us", hold, "hold_kind", kind)
	}
	return ask(op, "id", id, "role", "user", "content", "Hello", "hold_us", hold, "hold_kind", kind)
}

// works returns a check that a request takes at least as long as its work. A calibrated loop may be shorter.
func works(op, kind string) func(*probe) {
	least := work - 2*time.Millisecond // resolution of timers
	if kind == "spin" {
		least = work / 2
	}
	return inSession(func(c *conn, id string) {
		start := time.Now()
		a := c.do(withWork(op, id, kind, work))
		took := time.Since(start)
		a.want(took >= least, "an answer after the work of %v: it came after %v", work, took.Round(time.Microsecond))
		held, ok := a.optional("held_us")
		if !ok {
			c.p.Note = fmt.Sprintf("took %v; no held_us, which is optional", took.Round(time.Microsecond))
			return
		}
		a.want(held >= uint64(least.Microseconds()) && held <= uint64(took.Microseconds()),
			`"held_us" as the duration of the work in microseconds: at least %d, and at most the %d of the whole request`,
			work.Microseconds(), took.Microseconds())
		c.p.Note = fmt.Sprintf("held %v", time.Duration(held)*time.Microsecond)
	})
}

// workBeforeWrite reads a session during the work of an add_message. A read that returns before the work can be over must
// not contain the message. In most stores the read waits.
func workBeforeWrite(writer *conn, id string) {
	p := writer.p
	reader := p.connect()
	q := withWork("add_message", id, "sleep", 3*work)
	start := time.Now()
	p.must(writer.send(q, []byte(q.text+"\n")))
	time.Sleep(work)
	a := reader.do(onSession("history", id))
	early := time.Since(start) < 3*work
	a.want(!early || len(a.messages()) == 0, `"messages":[]: the message must be written after its work, which was not over`)
	p.Note = map[bool]string{true: "history does not wait for the work", false: "history waits for the work"}[early]
	_, m := writer.receive(q)
	p.must(m)
	a = reader.do(onSession("history", id))
	a.want(len(a.messages()) == 1, "the acknowledged message")
}

// twoAtOnce provokes the smallest lost update: two users read the same state, work, and overwrite each other.
func twoAtOnce(c *conn, id string) {
	first, second := c.p.together(id, id)
	a := c.do(onSession("history", id))
	a.want(len(a.messages()) == 2, "both acknowledged messages: no request may read the session between the read and the write of another")
	if n, ok := first.optional("seq"); ok {
		m, _ := second.optional("seq")
		second.want(n != m, `another "seq" than %d, the number of the message sent at the same time`, n)
	}
}

// together sends add_message with work to the sessions at the same time, each on another connection.
func (p *probe) together(ids ...string) (first, second *answer) {
	answers := make([]*answer, len(ids))
	problems := make(chan *mismatch, len(ids))
	for i, id := range ids {
		c := p.connect()
		go func() {
			var m *mismatch
			answers[i], m = c.try(withWork("add_message", id, "sleep", work))
			problems <- m
		}()
	}
	p.must(firstOf(problems, len(ids)))
	for _, a := range answers {
		a.want(a.errorCode == "", "an answer without an error")
	}
	return answers[0], answers[1]
}

// twoSessions reports whether work in one session delays another session. Both are legal.
func twoSessions(c *conn) {
	a, b := c.newSession(), c.newSession()
	start := time.Now()
	c.p.together(a, b)
	took := time.Since(start).Round(time.Millisecond)
	c.p.Note = fmt.Sprintf("%v twice took %v: at the same time", work, took)
	if took > work+work*3/4 {
		c.p.Note = fmt.Sprintf("%v twice took %v: one after the other, as with one lock for all sessions", work, took)
	}
}
