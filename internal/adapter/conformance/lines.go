package conformance

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

const linesSection = "connections-and-lines"

func lineChecks() []check {
	return []check{
		{name: "one request, one line", section: linesSection, run: oneLine},
		{name: "a request in pieces", section: linesSection, run: pieces},
		{name: "unknown fields of a request are ignored", section: linesSection, run: unknownFields},
		{name: "blanks between the words of a request", section: linesSection, run: blanks},
		{name: "a line that is no JSON", section: linesSection, run: garbage},
		{name: "every connection sees all sessions", section: linesSection, run: shared, needs: []string{aSession, "delete"}},
		{name: "a hundred connections", section: linesSection, run: hundred},
		{name: "answers without delay", section: linesSection, run: delay},
	}
}

// quiet is for how long nothing has to come.
const quiet = 30 * time.Millisecond

// oneLine sees whether something comes behind an answer.
func oneLine(p *probe) {
	c := p.connect()
	for range 3 {
		a := c.do(ask("hello"))
		if more := c.unasked(); more != "" {
			a.line += more
			a.want(false, "one line for one request, and nothing behind it")
		}
	}
}

// unasked is what comes without a request.
func (c *conn) unasked() string {
	_ = c.SetDeadline(time.Now().Add(quiet)) // errs on a closed connection, which Peek does, too
	_, err := c.in.Peek(1)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return ""
	}
	more, _ := c.in.Peek(c.in.Buffered())
	if len(more) == 0 {
		return "(the connection was closed)"
	}
	return string(more)
}

// pieces sends a request in three parts, one of them ending within a character.
func pieces(p *probe) {
	c := p.connect()
	q := ask("hello", "for", "é")
	within := strings.Index(q.text, "é") + 1
	line := []byte(q.text + "\n")
	for _, piece := range [][]byte{line[:5], line[5:within], line[within : len(line)-1]} {
		p.none(c.send(q, piece))
		if got := c.unasked(); got != "" {
			p.fail(&mismatch{sent: "a piece of " + q.text, got: cut(got), want: "nothing before the line's end has come"})
		}
	}
	p.none(c.send(q, line[len(line)-1:]))
	a, m := c.receive(q)
	if m != nil {
		m.sent += " in four pieces"
		p.fail(m)
	}
	a.want(a.fault == "", "the answer as if the line had come at once")
}

func unknownFields(p *probe) {
	c := p.connect()
	c.do(ask("hello", "later", 1, "nested", map[string]string{"op": "reset"}))
	if p.x.has(aSession) {
		id := c.begin()
		for _, q := range []request{
			ask("history", "id", id, "limit", 3), ask("get", "id", id, "limit", 3), ask("delete", "id", id, "later", "x"),
		} {
			if p.x.has(q.op) {
				c.do(q)
			}
		}
	}
}

func blanks(p *probe) {
	q := request{op: "hello", text: "\t{ \"later\" : null , \"op\" : \"hello\" } "}
	p.connect().do(q)
}

// garbage is answered with internal, or with the end of that connection only.
func garbage(p *probe) {
	other := p.connect()
	other.do(ask("hello"))
	for _, line := range []string{`{"op":"hello"`, `no JSON`, `["hello"]`, ``, "{\"op\":\"hello\",\"later\":\"\xff\xfe"} {
		c := p.connect()
		q := request{text: line}
		a, m := c.try(q)
		if m != nil && (m.hung || p.x.obituary() != "") {
			m.want = `{"error":"internal",…}, or the end of this connection`
			p.fail(m)
		}
		if m == nil {
			a.want(a.fault == "internal", `{"error":"internal",…}, or the end of this connection`)
		}
	}
	other.do(ask("hello")) // the others go on
}

// shared makes a session on one connection, uses it on another, and sees it still there when the first is closed.
func shared(p *probe) {
	first, second := p.connect(), p.connect()
	id := first.begin()
	use := p.x.first("history", "get", "delete")
	second.do(of(use, id))
	first.Close()
	if use != "delete" {
		second.do(of(use, id))
		second.do(of("delete", id))
	}
	p.connect().refused(of(use, id), "not_found", "the session was deleted on another connection")
}

// hundredConns is how many connections that check opens.
const hundredConns = 100

// hundred opens connections at once and asks something on each while all are open.
func hundred(p *probe) {
	const users = hundredConns
	var opened [users]*conn
	problems := make(chan *mismatch, users)
	for i := range opened {
		go func() {
			var m *mismatch
			opened[i], m = p.tryConnect()
			problems <- m
		}()
	}
	worst := firstOf(problems, users)
	p.conns = append(p.conns, opened[:]...) // to be closed, those that could be opened
	p.none(worst)
	for _, c := range opened {
		go func() {
			_, m := c.try(ask("hello"))
			problems <- m
		}()
	}
	p.none(firstOf(problems, users))
}

// firstOf is the first problem among so many answers, when all have come; nil for none.
func firstOf(problems <-chan *mismatch, n int) (m *mismatch) {
	for range n {
		m = cmp.Or(m, <-problems)
	}
	return m
}

// none ends the check with a problem, if there is one.
func (p *probe) none(m *mismatch) {
	if m != nil {
		p.fail(m)
	}
}

// delay tells how long a request and its answer take. How long is too long is no question of conformance.
func delay(p *probe) {
	const asked, suspicious = 21, 30 * time.Millisecond
	c := p.connect()
	var took []time.Duration
	for range asked {
		start := time.Now()
		c.do(ask("hello"))
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	median := took[asked/2]
	p.Note = fmt.Sprintf("a request takes %v", median.Round(time.Microsecond))
	if median > suspicious {
		p.Note += ": set TCP_NODELAY, and write an answer and its line end at once"
	}
}
