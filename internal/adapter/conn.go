package adapter

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// maxLine is the longest a request or an answer may be, in bytes, its newline included.
const maxLine = 16 << 20

// conn is a user's connection to a program. What it does for an operation in steady state allocates nothing but the contents
// of messages.
type conn struct {
	p    *Program
	nc   net.Conn
	out  []byte // room for a request
	in   []byte // room for an answer
	dead error  // what ended it, once that is known: no request is sent any more

	turn  atomic.Uint64          // odd while an answer is waited for, and when none will come; for the watchdog
	hold  atomic.Int64           // work under the lock that the request asks for, in nanoseconds
	asked atomic.Pointer[string] // the request that was sent last, as the protocol calls it
	sent  atomic.Int64           // when, in nanoseconds since the program was started or joined
	ended atomic.Pointer[error]  // why somebody else closed it
}

var _ scenarios.Conn = (*conn)(nil)

// Why somebody else closed a connection, besides a context's end.
var (
	errHang    = errors.New("hang")
	errStarved = errors.New("others were answered")
	errClosed  = errors.New("the target was closed")
)

// errGivenUp says that a connection went with a request whose context had ended. The target is as it was.
var errGivenUp = errors.New("an earlier request was given up")

// waits reports whether an answer is waited for in this turn.
func waits(turn uint64) bool { return turn%2 == 1 }

// answers is how many there have been by this turn.
func answers(turn uint64) uint64 { return turn / 2 }

// Do implements [scenarios.Conn]. A request that is given up because ctx ends takes the connection with it.
func (c *conn) Do(ctx context.Context, q *scenarios.Request, a *scenarios.Effect) error {
	a.Clear()
	if !c.p.has[q.Op] {
		return scenarios.ErrUnsupported
	}
	if err := checkSize(q); err != nil {
		return err
	}
	c.out = appendRequest(c.out[:0], q)
	what := &opNames[q.Op]
	line, err := c.exchange(ctx, what, q.Hold)
	if err != nil {
		return unanswered(q.Op, err)
	}
	f, err := readAnswer(line, q.Op, a)
	switch {
	case err != nil:
		return unanswered(q.Op, c.violation(*what, line, err))
	case f.code != nil:
		return c.refused(q.Op, f)
	}
	return nil
}

// unanswered says what a request without a usable answer may have done.
func unanswered(op scenarios.Op, err error) error {
	switch {
	case errors.Is(err, manager.ErrNotApplied):
		return err
	case mutates(op):
		return indeterminate(err)
	}
	return manager.NotApplied(err)
}

func indeterminate(cause error) error { return fmt.Errorf("%w: %w", manager.ErrIndeterminate, cause) }

// mutates reports whether an operation can leave something behind.
func mutates(op scenarios.Op) bool {
	switch op {
	case scenarios.History, scenarios.Validate, scenarios.Read:
		return false
	}
	return true
}

// refused is the error that an answer tells.
func (c *conn) refused(op scenarios.Op, f fault) error {
	err := f.err(opNames[op])
	if errors.Is(err, errInternal) {
		return unanswered(op, fmt.Errorf("%s: %w", c.p.name, err))
	}
	return err
}

// exchange sends the request in c.out and returns the answer, which is good until the next one. [manager.ErrNotApplied]: it
// was not sent. Any other error: it may have been.
func (c *conn) exchange(ctx context.Context, what *string, hold time.Duration) ([]byte, error) {
	if c.dead != nil {
		return nil, manager.NotApplied(c.dead)
	}
	stop := func() bool { return true }
	if ctx.Done() != nil {
		if ctx.Err() != nil {
			return nil, manager.NotApplied(context.Cause(ctx))
		}
		stop = context.AfterFunc(ctx, func() { c.end(context.Cause(ctx)) })
	}
	c.hold.Store(int64(hold))
	c.asked.Store(what)
	c.sent.Store(int64(time.Since(c.p.began)))
	c.turn.Add(1)
	line, sent, err := c.roundTrip()
	inTime := stop()
	if err == nil {
		c.turn.Add(1)
		if !inTime { // the answer is good, the connection is not
			c.dead = errGivenUp
		}
		return line, nil
	}
	err = c.fail(*what, err)
	if !sent {
		err = manager.NotApplied(err)
	}
	return nil, err
}

// roundTrip writes the request in one piece and reads until the answer's newline. sent: some of the request may be with
// the program.
func (c *conn) roundTrip() (line []byte, sent bool, err error) {
	n, err := c.nc.Write(c.out)
	if err != nil {
		return nil, n > 0, err
	}
	for have := 0; ; {
		if have == len(c.in) {
			if have == maxLine {
				return nil, true, tooLong(c.in)
			}
			c.in = append(c.in, make([]byte, min(max(have, 4<<10), maxLine-have))...)
		}
		n, err := c.nc.Read(c.in[have:])
		if at := bytes.IndexByte(c.in[have:have+n], '\n'); at >= 0 {
			if at+1 < n {
				return nil, true, tooMuch(c.in[:have+n])
			}
			return c.in[:have+at], true, nil
		}
		if have += n; err != nil {
			return nil, true, err
		}
	}
}

// idle looks for a moment whether anything comes that was not asked for, such as the connection's end: a program that has
// ended since the last answer did not end at the next request.
func (c *conn) idle() error {
	const moment = time.Millisecond // what has come already is read at once
	_ = c.nc.SetReadDeadline(time.Now().Add(moment))
	defer func() { _ = c.nc.SetReadDeadline(time.Time{}) }() // both err on a closed connection, as Read does
	var unasked [64]byte
	n, err := c.nc.Read(unasked[:])
	switch {
	case n > 0:
		return breach("a line without a request: " + excerpt(unasked[:n]))
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil
	}
	return err
}

// breach is what came that no line of an answer is.
type breach string

func (b breach) Error() string { return string(b) }

func tooLong(line []byte) error {
	return breach(fmt.Sprintf("an answer of more than %d bytes, which begins with %s", maxLine, excerpt(line[:64])))
}

func tooMuch(lines []byte) error {
	return breach("more than one line for one request: " + excerpt(lines))
}

// end closes the connection under its user. The first reason counts.
func (c *conn) end(why error) {
	c.ended.CompareAndSwap(nil, &why)
	c.nc.Close()
}

// fail says why there is no answer, and is the end of the connection.
func (c *conn) fail(what string, err error) error {
	why := c.ended.Load()
	c.nc.Close()
	defer c.p.watch.remove(c) // in the end: until then it is one of those in flight
	_, broke := errors.AsType[breach](err)
	switch {
	case broke:
		c.dead = c.p.note(&Gone{Program: c.p.name, Asked: what, Cause: err})
	case why == nil:
		c.dead = c.p.lost(what, inWords(err))
	case errors.Is(*why, errHang):
		c.dead = c.p.note(&Gone{Program: c.p.name, Asked: what, Silence: c.p.watch.timeout})
	case errors.Is(*why, errStarved):
		c.dead = c.p.note(&Gone{Program: c.p.name, Asked: what, Silence: starving * c.p.watch.timeout, Cause: errStarved})
	case errors.Is(*why, errClosed):
		c.dead = &Gone{Program: c.p.name, Asked: what, Cause: errClosed}
	default: // the request was given up
		c.dead = errGivenUp
		return *why
	}
	return c.dead
}

// inWords is a connection's end in words.
func inWords(err error) error {
	if errors.Is(err, io.EOF) {
		return errors.New("it closed the connection")
	}
	return err
}

// violation is what an answer against the protocol is, and the end of the connection.
func (c *conn) violation(what string, line []byte, err error) error {
	c.dead = c.p.note(&Gone{Program: c.p.name, Asked: what, Cause: fmt.Errorf("its answer %s: %w", excerpt(line), err)})
	c.nc.Close()
	return c.dead
}

// decode reads the answer to a request that is no operation.
func (c *conn) decode(what string, line []byte, into any) error {
	f, err := readFault(line)
	if err == nil && f.code == nil {
		err = json.Unmarshal(line, into)
	}
	switch {
	case err != nil:
		return c.violation(what, line, err)
	case f.code != nil:
		return f.err(what)
	}
	return nil
}

// Close implements [scenarios.Conn].
func (c *conn) Close() error {
	c.p.watch.remove(c)
	if c.dead == nil {
		c.dead = &Gone{Program: c.p.name, Cause: errors.New("the connection was closed")}
		c.nc.Close()
	}
	return nil
}
