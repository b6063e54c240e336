package conformance

import (
	"fmt"
	"time"
)

func workChecks() []check {
	message, update := []string{aSession, "add_message"}, []string{aSession, "update"}
	return []check{
		{name: "add_message works for hold_us", section: "work", run: func(p *probe) { works(p, "add_message", "sleep") }, needs: message},
		{name: "update works for hold_us", section: "work", run: func(p *probe) { works(p, "update", "sleep") }, needs: update},
		{name: "add_message spins for hold_us", section: "work", run: func(p *probe) { works(p, "add_message", "spin") }, needs: message},
		{name: "update spins for hold_us", section: "work", run: func(p *probe) { works(p, "update", "spin") }, needs: update},
		{name: "work is done before the write", section: "work", run: workBeforeWrite, needs: []string{aSession, "add_message", "history"}},
		{name: "two messages at once in one session", section: "work", run: twoAtOnce, needs: []string{aSession, "add_message", "history"}},
		{name: "work in two sessions at once", section: "work", run: twoSessions, needs: message},
	}
}

// work is how long checks have an adapter work: long beside what a request takes, short beside patience.
const work = 60 * time.Millisecond

// working is a request to change a session while it is held.
func working(op, id, kind string, hold time.Duration) request {
	if op == "update" {
		return ask(op, "id", id, "fields", map[string]string{"a": "b"}, "hold_us", hold, "hold_kind", kind)
	}
	return ask(op, "id", id, "role", "user", "content", "Hello", "hold_us", hold, "hold_kind", kind)
}

// works sees whether a request takes as long as the work in it. A calibrated loop may come out short.
func works(p *probe, op, kind string) {
	least := work - 2*time.Millisecond // timers have their grain
	if kind == "spin" {
		least = work / 2
	}
	c := p.connect()
	q := working(op, c.begin(), kind, work)
	start := time.Now()
	a := c.do(q)
	took := time.Since(start)
	a.want(took >= least, "an answer after %v, when the work is done: it came after %v", work, took.Round(time.Microsecond))
	held, told := a.told("held_us")
	if !told {
		p.Note = fmt.Sprintf("took %v; held_us is not told, which is optional", took.Round(time.Microsecond))
		return
	}
	a.want(held >= uint64(least.Microseconds()) && held <= uint64(took.Microseconds()),
		`"held_us" as what the work took, in microseconds: at least %d, and no more than the %d of the whole request`, work.Microseconds(), took.Microseconds())
	p.Note = fmt.Sprintf("held %v", time.Duration(held)*time.Microsecond)
}

// workBeforeWrite reads a session while somebody is at work in it. Who reads before the work can be over must not see what
// comes of it; most stores let nobody read meanwhile.
func workBeforeWrite(p *probe) {
	writer, reader := p.connect(), p.connect()
	id := writer.begin()
	q := working("add_message", id, "sleep", 3*work)
	start := time.Now()
	p.none(writer.send(q, []byte(q.text+"\n")))
	time.Sleep(work)
	a := reader.do(of("history", id))
	early := time.Since(start) < 3*work
	a.want(!early || len(a.messages()) == 0, `"messages":[]: the message is written after its work, which was not over yet`)
	p.Note = map[bool]string{true: "history does not wait for the work", false: "history waits for the work"}[early]
	if _, m := writer.receive(q); m != nil {
		p.fail(m)
	}
	a = reader.do(of("history", id))
	a.want(len(a.messages()) == 1, "the message, which was acknowledged")
}

// twoAtOnce is the smallest lost update: two users read the same state, work, and write over each other.
func twoAtOnce(p *probe) {
	c := p.connect()
	id := c.begin()
	first, second := p.together(id, id)
	a := c.do(of("history", id))
	a.want(len(a.messages()) == 2, "both messages, which were acknowledged: nobody may read the session between another's reading and writing")
	if n, told := first.told("seq"); told {
		m, _ := second.told("seq")
		second.want(n != m, `another "seq" than the %d that a message sent at the same time was told`, n)
	}
}

// together works in two sessions, or in one, on two connections.
func (p *probe) together(ids ...string) (first, second *answer) {
	answers := make([]*answer, len(ids))
	problems := make(chan *mismatch, len(ids))
	for i, id := range ids {
		c := p.connect()
		go func() {
			var m *mismatch
			answers[i], m = c.try(working("add_message", id, "sleep", work))
			problems <- m
		}()
	}
	p.none(firstOf(problems, len(ids)))
	for _, a := range answers {
		a.want(a.fault == "", "an answer that is no error")
	}
	return answers[0], answers[1]
}

// twoSessions tells whether one waits for the other, which is neither right nor wrong.
func twoSessions(p *probe) {
	c := p.connect()
	a, b := c.begin(), c.begin()
	start := time.Now()
	p.together(a, b)
	took := time.Since(start).Round(time.Millisecond)
	p.Note = fmt.Sprintf("%v twice took %v: at the same time", work, took)
	if took > work+work*3/4 {
		p.Note = fmt.Sprintf("%v twice took %v: one after the other, as with one lock for all", work, took)
	}
}
