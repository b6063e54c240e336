package conformance

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/internal/printable"
)

func startChecks() []check {
	return []check{
		{name: "start-up line", section: "start-up", run: startUp, vital: true, ours: true},
		{name: "hello", section: "hello", run: hello, vital: true},
		{name: "operations that hello lists are there", section: "hello", run: listed},
		{name: "operations that hello does not list are unsupported", section: "operations", run: unlisted},
	}
}

// endLimit is how long a program may take to end after its stdin has.
const endLimit = 2 * time.Second

// startUp was found out when the program was started.
func startUp(p *probe) {
	if p.x.flaw != nil {
		p.fail(&mismatch{got: p.x.flaw.Error(), want: "a program that announces itself"})
	}
}

func hello(p *probe) {
	a := p.connect().do(ask("hello"))
	a.want(string(a.fields["sessbench"]) == "1", `"sessbench":1, the version of the protocol`)
	p.x.report.Name = printable.Name(a.text("name"))
	a.want(p.x.report.Name != "", `"name" as what tables call it`)
	a.read("ops", "a list of strings", &p.x.report.Ops)
	a.want(p.x.has("reset"), `"reset" in "ops": it is not optional`)
}

// examples are requests of each operation that succeed in this order, on a session whose id is minted by sessbench.
func examples(id string) []request {
	return []request{
		ask("hello"),
		ask("create", "kind", "chat"),
		ask("create", "kind", "brainstorm"),
		of("get_or_create", id),
		say(id, "Hello"),
		of("history", id),
		set(id, map[string]string{"topic": "locks"}),
		of("get", id),
		of("delete", id),
		ask("sweep", "older_than_us", maxInt),
		ask("census"),
		ask("reset"),
	}
}

func listed(p *probe) {
	c := p.connect()
	id := uuid.NewString()
	if p.x.has(aSession) {
		id = c.begin()
	}
	for _, q := range examples(id) {
		if p.x.has(q.op) {
			c.do(q)
		}
	}
}

func unlisted(p *probe) {
	c := p.connect()
	for _, q := range append(examples(uuid.NewString()), ask("sessbench_no_such_operation")) {
		if q.op != "hello" && !p.x.has(q.op) {
			c.refused(q, "unsupported", "hello does not list this operation")
		}
	}
	c.do(ask("hello")) // the connection is still good
}

func endChecks() []check {
	return []check{
		{name: "the end of stdin ends the program", section: "start-up", run: end, ours: true},
	}
}

// end lets go of the program while one connection is idle and another one's work is going on.
func end(p *probe) {
	idle, busy := p.connect(), p.connect()
	idle.do(ask("hello"))
	if p.x.has(aSession) && p.x.has("add_message") {
		q := ask("add_message", "id", busy.begin(), "role", "user", "content", "Bye", "hold_us", 5*endLimit)
		p.none(busy.send(q, []byte(q.text+"\n")))
	}
	const grace = 2 // for a busy machine
	limit := max(endLimit, min(grace*endLimit, p.x.Timeout))
	start := time.Now()
	p.x.program.EndInput()
	if !p.x.ends(limit) {
		p.fail(&mismatch{
			sent: "the end of stdin", got: fmt.Sprintf("a program that still runs after %v", limit),
			want: fmt.Sprintf("its end within %v, whatever its connections are doing: read stdin to its end in a thread, and then exit", endLimit),
		})
	}
	p.Note = fmt.Sprintf("after %v", time.Since(start).Round(time.Millisecond))
	p.x.stop()
}
