package conformance

import (
	"bufio"
	"context"
	"runtime"

	"github.com/google/uuid"
)

// probe is a running check. Its methods, and those of its answers, end the goroutine of the check at the first mismatch,
// as those of testing.T do. Other goroutines of a check use [conn.try].
type probe struct {
	Check
	x     *tester
	hung  bool
	conns []*conn
}

// fail ends the check with a mismatch.
func (p *probe) fail(m *mismatch) {
	p.Outcome, p.hung = Fail, m.hung
	p.Sent, p.Got, p.Want = m.sent, m.got, m.want
	if m.closed {
		p.Got += p.x.exitReport()
	}
	runtime.Goexit()
}

// skip sets the verdict. It does not end the check.
func (p *probe) skip(reason string) { p.Outcome, p.Note = Skip, reason }

func (p *probe) close() {
	for _, c := range p.conns {
		if c != nil {
			c.forget()
			c.Close()
		}
	}
}

// connect opens another connection.
func (p *probe) connect() *conn {
	c, m := p.tryConnect()
	p.must(m)
	p.conns = append(p.conns, c)
	return c
}

func (p *probe) tryConnect() (*conn, *mismatch) {
	dialed, err := p.x.dial()
	if err != nil {
		return nil, &mismatch{
			sent: "a connection to it", got: err.Error(), want: "a connection for each user", closed: true,
		}
	}
	c := &conn{Conn: dialed, p: p, in: bufio.NewReaderSize(dialed, 1<<16)}
	c.forget = context.AfterFunc(p.x.ctx, func() { dialed.Close() })
	return c, nil
}

// exchange sends a request that must be answered, with or without an error.
func (c *conn) exchange(q request) *answer {
	a, m := c.try(q)
	c.p.must(m)
	return a
}

// do sends a request that must succeed.
func (c *conn) do(q request) *answer {
	a := c.exchange(q)
	a.want(a.errorCode == "", "an answer without an error")
	return a
}

// wantError sends a request that must fail with an error code.
func (c *conn) wantError(q request, code, why string) {
	a := c.exchange(q)
	a.want(a.errorCode == code, `{"error":%q,…}: %s`, code, why)
}

// newSession creates a session and returns its id.
func (c *conn) newSession() string {
	if !c.p.x.has("get_or_create") {
		return c.do(ask("create", "kind", "chat")).text("id")
	}
	id := uuid.NewString()
	c.do(onSession("get_or_create", id))
	return id
}
