package conformance

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/internal/printable"
)

// endLimit is the time that a program has to end after the end of its stdin.
const endLimit = 2 * time.Second

// startUp reports the result of [tester.start].
func startUp(p *probe) {
	if p.x.startErr != nil {
		p.fail(&mismatch{got: p.x.startErr.Error(), want: "a program that prints where it listens"})
	}
}

func hello(p *probe) {
	a := p.connect().do(ask("hello"))
	a.want(string(a.fields["sessbench"]) == "1", `"sessbench":1, the version of the protocol`)
	p.x.report.Name = printable.Name(a.text("name"))
	a.want(p.x.report.Name != "", `a printable "name"`)
	a.read("ops", "a list of strings", &p.x.report.Ops)
	a.want(p.x.has("reset"), `"reset" in "ops": it is required`)
}

// examples returns requests of all operations, which succeed in this order.
func examples(id string) []request {
	return []request{
		ask("hello"),
		ask("create", "kind", "chat"),
		ask("create", "kind", "brainstorm"),
		onSession("get_or_create", id),
		addMessage(id, "Hello"),
		onSession("history", id),
		update(id, map[string]string{"topic": "locks"}),
		onSession("get", id),
		onSession("delete", id),
		ask("sweep", "older_than_us", maxInt),
		ask("census"),
		ask("reset"),
	}
}

func listed(c *conn) {
	id := uuid.NewString()
	if c.p.x.has(anyCreate) {
		id = c.newSession()
	}
	for _, q := range c.p.x.listed(examples(id)...) {
		c.do(q)
	}
}

func unlisted(c *conn) {
	for _, q := range append(examples(uuid.NewString()), ask("sessbench_no_such_operation")) {
		if q.op != "hello" && !c.p.x.has(q.op) {
			c.wantError(q, "unsupported", "hello does not list this operation")
		}
	}
	c.do(ask("hello")) // the connection is still usable
}

// end closes stdin while one connection is idle and another one waits for work.
func end(p *probe) {
	idle, busy := p.connect(), p.connect()
	idle.do(ask("hello"))
	if p.x.has(anyCreate) && p.x.has("add_message") {
		q := ask("add_message", "id", busy.newSession(), "role", "user", "content", "Bye", "hold_us", 5*endLimit)
		p.must(busy.send(q, []byte(q.text+"\n")))
	}
	const grace = 2 // for a busy machine
	limit := max(endLimit, min(grace*endLimit, p.x.Timeout))
	start := time.Now()
	p.x.program.Input.Close()
	if !p.x.exits(limit) {
		p.x.program.Kill()
		p.fail(&mismatch{
			sent: "the end of stdin", got: fmt.Sprintf("the program still runs after %v", limit),
			want: fmt.Sprintf("an exit within %v, whatever its connections are doing: read stdin to its end in a thread, then exit", endLimit),
		})
	}
	p.Note = fmt.Sprintf("after %v", time.Since(start).Round(time.Millisecond))
	p.x.stop()
}
