package conformance

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// quiet is how long a connection is watched for unexpected data.
const quiet = 30 * time.Millisecond

// oneLine checks that no data follows an answer.
func oneLine(c *conn) {
	for range 3 {
		a := c.do(ask("hello"))
		if more := c.unexpected(); more != "" {
			a.line += more
			a.want(false, "one line for one request, and nothing after it")
		}
	}
}

// unexpected returns data that arrives without a request.
func (c *conn) unexpected() string {
	_ = c.SetDeadline(time.Now().Add(quiet)) // fails on a closed connection, as Peek does
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

// pieces sends a request in four pieces. One of them ends within a character.
func pieces(c *conn) {
	q := ask("hello", "for", "é")
	within := strings.Index(q.text, "é") + 1
	line := []byte(q.text + "\n")
	for _, piece := range [][]byte{line[:5], line[5:within], line[within : len(line)-1]} {
		c.p.must(c.send(q, piece))
		if got := c.unexpected(); got != "" {
			c.p.fail(&mismatch{sent: "a piece of " + q.text, got: cut(got), want: "no answer before the end of the line"})
		}
	}
	c.p.must(c.send(q, line[len(line)-1:]))
	a, m := c.receive(q)
	if m != nil {
		m.sent += " in four pieces"
		c.p.fail(m)
	}
	a.want(a.errorCode == "", "the same answer as to the whole line")
}

func unknownFields(c *conn) {
	c.do(ask("hello", "later", 1, "nested", map[string]string{"op": "reset"}))
	if c.p.x.has(anyCreate) {
		id := c.newSession()
		for _, q := range c.p.x.listed(
			ask("history", "id", id, "limit", 3), ask("get", "id", id, "limit", 3), ask("delete", "id", id, "later", "x"),
		) {
			c.do(q)
		}
	}
}

func blanks(p *probe) {
	q := request{op: "hello", text: "\t{ \"later\" : null , \"op\" : \"hello\" } "}
	p.connect().do(q)
}

// garbage checks that the answer is internal, or that only this connection ends: another one is used to see whether the program has
// ended, which takes time after its connections are closed.
func garbage(p *probe) {
	const want = `{"error":"internal",…}, or the end of this connection`
	other := p.connect()
	other.do(ask("hello"))
	for _, line := range []string{`{"op":"hello"`, `not JSON`, `["hello"]`, ``, "{\"op\":\"hello\",\"later\":\"\xff\xfe"} {
		c := p.connect()
		q := request{text: line}
		a, m := c.try(q)
		if m == nil {
			a.want(a.errorCode == "internal", want)
			continue
		}
		if !m.hung {
			if _, all := other.try(ask("hello")); all == nil {
				continue
			}
		}
		m.want = want
		p.fail(m)
	}
	other.do(ask("hello")) // other connections are not affected
}

// shared creates a session on one connection and uses it on another, also after the first is closed.
func shared(p *probe) {
	first, second := p.connect(), p.connect()
	id := first.newSession()
	use := p.x.firstOp("history", "get", "delete")
	second.do(onSession(use, id))
	first.Close()
	if use != "delete" {
		second.do(onSession(use, id))
		second.do(onSession("delete", id))
	}
	p.connect().wantError(onSession(use, id), "not_found", "the session was deleted on another connection")
}

// hundredConns is the number of connections in the check of many connections.
const hundredConns = 100

// hundred opens all connections at the same time and sends a request on each.
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
	failed := firstOf(problems, users)
	p.conns = append(p.conns, opened[:]...) // so that close closes those that are open
	p.must(failed)
	for _, c := range opened {
		go func() {
			_, m := c.try(ask("hello"))
			problems <- m
		}()
	}
	p.must(firstOf(problems, users))
}

// firstOf receives n results and returns the first that is not nil.
func firstOf(problems <-chan *mismatch, n int) (m *mismatch) {
	for range n {
		m = cmp.Or(m, <-problems)
	}
	return m
}

// must ends the check if m is not nil.
func (p *probe) must(m *mismatch) {
	if m != nil {
		p.fail(m)
	}
}

// delay reports the median time from request to answer. It never fails: speed is not part of conformance.
func delay(c *conn) {
	const requests, suspicious = 21, 30 * time.Millisecond
	var took []time.Duration
	for range requests {
		start := time.Now()
		c.do(ask("hello"))
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	median := took[requests/2]
	c.p.Note = fmt.Sprintf("median round trip %v", median.Round(time.Microsecond))
	if median > suspicious {
		c.p.Note += ": set TCP_NODELAY, and write an answer with its newline at once"
	}
}

// malformed returns requests without a required field or with one of another type. Each uses another session, so that
// they cannot affect each other.
func malformed() (list []request) {
	id := func() string { return uuid.NewString() }
	return []request{
		ask("get_or_create"), ask("get_or_create", "id", 7),
		ask("add_message", "role", "user", "content", "Hello"),
		ask("add_message", "id", id(), "content", "Hello"), ask("add_message", "id", id(), "role", "user"),
		ask("add_message", "id", id(), "role", 7, "content", "Hello"),
		ask("add_message", "id", id(), "role", "user", "content", []int{}),
		ask("add_message", "id", id(), "role", "user", "content", "Hello", "hold_us", "long"),
		ask("history"), ask("history", "id", 7),
		ask("update", "id", id()), ask("update", "id", id(), "fields", "none"), ask("update", "id", id(), "fields", []int{}),
		ask("get"), ask("get", "id", []int{}), ask("delete"), ask("delete", "id", 7),
		{op: "hello", text: `{}`}, {op: "hello", text: `{"op":7}`}, {op: "hello", text: `{"op":[]}`},
		ask("sweep"), ask("sweep", "older_than_us", "long"),
	}
}

// illTyped checks that malformed requests are answered and the connection stays usable. An adapter may accept them. If
// it rejects one, the error is internal, or for a bad id not_found, or for a bad op unsupported.
func illTyped(c *conn) {
	var accepted []string
	for _, q := range malformed() {
		if q.op != "hello" && !c.p.x.has(q.op) {
			continue
		}
		if id := q.id(); id != "" && c.p.x.has("get_or_create") {
			c.do(onSession("get_or_create", id))
		}
		a, m := c.try(q)
		if m != nil {
			m.want = `{"error":"internal",…}, and a connection that stays open`
			c.p.fail(m)
		}
		switch {
		case a.errorCode == "" && q.op != "hello":
			accepted = append(accepted, q.text)
		case a.errorCode == "not_found" && (q.id() == "" || !c.p.x.has("get_or_create")):
		case a.errorCode == "unsupported" && q.op == "hello":
		default:
			a.want(a.errorCode == "internal", `{"error":"internal",…}: a field is missing or of another type`)
		}
	}
	c.do(ask("hello")) // the connection is still usable
	if len(accepted) > 0 {
		c.p.Note = fmt.Sprintf("accepts requests that sessbench never sends, such as %s", accepted[0])
	}
}

// id returns the session id in a request, empty for none.
func (q request) id() string {
	_, after, _ := strings.Cut(q.text, `"id":"`)
	id, _, _ := strings.Cut(after, `"`)
	return id
}
