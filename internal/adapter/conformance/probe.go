package conformance

import (
	"bufio"
	"context"
	"runtime"

	"github.com/google/uuid"
)

// probe is a check being made. Its methods, and those of its answers, end the goroutine of the check where they meet what is
// wrong, as those of testing.T do; a check's other goroutines use [conn.try].
type probe struct {
	Check
	x     *examination
	hung  bool
	conns []*conn
}

// fail ends the check.
func (p *probe) fail(m *mismatch) {
	p.Verdict, p.hung = Fail, m.hung
	p.Sent, p.Got, p.Want = m.sent, m.got, m.want
	runtime.Goexit()
}

// skip says why there is no verdict.
func (p *probe) skip(why string) { p.Verdict, p.Note = Skip, why }

func (p *probe) close() {
	for _, c := range p.conns {
		if c != nil {
			c.forget()
			c.Close()
		}
	}
}

// connect opens one more connection.
func (p *probe) connect() *conn {
	c, m := p.tryConnect()
	p.none(m)
	p.conns = append(p.conns, c)
	return c
}

func (p *probe) tryConnect() (*conn, *mismatch) {
	dialed, err := p.x.dial()
	if err != nil {
		return nil, &mismatch{
			sent: "a connection to it", got: err.Error() + p.x.obituary(), want: "as many connections as there are users",
		}
	}
	c := &conn{Conn: dialed, p: p, in: bufio.NewReaderSize(dialed, 1<<16)}
	c.forget = context.AfterFunc(p.x.ctx, func() { dialed.Close() })
	return c, nil
}

// do makes a request that is to succeed.
func (c *conn) do(q request) *answer {
	a, m := c.try(q)
	c.p.none(m)
	a.want(a.fault == "", "an answer that is no error")
	return a
}

// refused makes a request that is to fail in a certain way.
func (c *conn) refused(q request, fault, why string) {
	a, m := c.try(q)
	c.p.none(m)
	a.want(a.fault == fault, `{"error":%q,…}: %s`, fault, why)
}

// aSession among what a check needs says that sessions can be made, in one way or another.
const aSession = "get_or_create or create"

// begin makes a session and returns its id.
func (c *conn) begin() string {
	if !c.p.x.has("get_or_create") {
		return c.do(ask("create", "kind", "chat")).text("id")
	}
	id := uuid.NewString()
	c.do(of("get_or_create", id))
	return id
}
