package conformance

import (
	"fmt"
	"time"
)

func workChecks() []check {
	message, update := []string{anyCreate, "add_message"}, []string{anyCreate, "update"}
	return []check{
		{name: "add_message works for hold_us", section: "work", run: func(p *probe) { works(p, "add_message", "sleep") }, needs: message},
		{name: "update works for hold_us", section: "work", run: func(p *probe) { works(p, "update", "sleep") }, needs: update},
		{name: "add_message spins for hold_us", section: "work", run: func(p *probe) { works(p, "add_message", "spin") }, needs: message},
		{name: "update spins for hold_us", section: "work", run: func(p *probe) { works(p, "update", "spin") }, needs: update},
		{name: "work is done before the write", section: "work", run: workBeforeWrite, needs: []string{anyCreate, "add_message", "history"}},
		{name: "two messages at once in one session", section: "work", run: twoAtOnce, needs: []string{anyCreate, "add_message", "history"}},
		{name: "work in two sessions at once", section: "work", run: twoSessions, needs: message},
	}
}

// work is the requested work: long compared to a request, short compared to the time-out.
const work = 60 * time.Millisecond

// withWork returns a request with work.
func withWork(op, id, kind string, hold time.Duration) request {
	if op == "update" {
		return ask(op, "id", id, "fields", map[string]string{"a": "b"}, "hold_us", hold, "hold_kind", kind)
	}
	return ask(op, "id", id, "role", "user", "content", "Hello", "hold_us", hold, "hold_kind", kind)
}

// works checks that a request takes at least as long as its work. A calibrated loop may be shorter.
func works(p *probe, op, kind string) {
	least := work - 2*time.Millisecond // resolution of timers
	if kind == "spin" {
		least = work / 2
	}
	c := p.connect()
	q := withWork(op, c.newSession(), kind, work)
	start := time.Now()
	a := c.do(q)
	took := time.Since(start)
	a.want(took >= least, "an answer after the work of %v: it came after %v", work, took.Round(time.Microsecond))
	held, ok := a.optional("held_us")
	if !ok {
		p.Note = fmt.Sprintf("took %v; no held_us, which is optional", took.Round(time.Microsecond))
		return
	}
	a.want(held >= uint64(least.Microseconds()) && held <= uint64(took.Microseconds()),
		`"held_us" as the duration of the work in microseconds: at least %d, and at most the %d of the whole request`, work.Microseconds(), took.Microseconds())
	p.Note = fmt.Sprintf("held %v", time.Duration(held)*time.Microsecond)
}

// workBeforeWrite reads a session during the work of an add_message. A read that returns before the work can be over must
// not contain the message. In most stores the read waits.
func workBeforeWrite(p *probe) {
	writer, reader := p.connect(), p.connect()
	id := writer.newSession()
	q := withWork("add_message", id, "sleep", 3*work)
	start := time.Now()
	p.must(writer.send(q, []byte(q.text+"\n")))
	time.Sleep(work)
	a := reader.do(onSession("history", id))
	early := time.Since(start) < 3*work
	a.want(!early || len(a.messages()) == 0, `"messages":[]: the message must be written after its work, which was not over`)
	p.Note = map[bool]string{true: "history does not wait for the work", false: "history waits for the work"}[early]
	if _, m := writer.receive(q); m != nil {
		p.fail(m)
	}
	a = reader.do(onSession("history", id))
	a.want(len(a.messages()) == 1, "the acknowledged message")
}

// twoAtOnce provokes the smallest lost update: two users read the same state, work, and overwrite each other.
func twoAtOnce(p *probe) {
	c := p.connect()
	id := c.newSession()
	first, second := p.together(id, id)
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
func twoSessions(p *probe) {
	c := p.connect()
	a, b := c.newSession(), c.newSession()
	start := time.Now()
	p.together(a, b)
	took := time.Since(start).Round(time.Millisecond)
	p.Note = fmt.Sprintf("%v twice took %v: at the same time", work, took)
	if took > work+work*3/4 {
		p.Note = fmt.Sprintf("%v twice took %v: one after the other, as with one lock for all sessions", work, took)
	}
}
