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

// maxLine is the maximum length of a request or an answer in bytes, including its newline.
const maxLine = 16 << 20

// conn is a user's connection to a program. In steady state an operation allocates only the contents of messages.
type conn struct {
	p    *Program
	nc   net.Conn
	out  []byte // buffer of the request
	in   []byte // buffer of the answer
	dead error  // why the connection ended; no request is sent afterwards

	// For the watchdog. lines is requests sent + answers received: odd while an answer is awaited, and for ever
	// when the connection ends before the answer.
	lines   atomic.Uint64
	hold    atomic.Int64           // work under the lock that the last request asks for, in nanoseconds
	request atomic.Pointer[string] // operation of the last request, as in the protocol
	sent    atomic.Int64           // when it was sent, in nanoseconds since Program.began
	ended   atomic.Pointer[error]  // why another goroutine closed the connection
}

var _ scenarios.Conn = (*conn)(nil)

// Why another goroutine closed a connection, unless a context ended.
var (
	errHang    = errors.New("hang")
	errStarved = errors.New("other requests were answered")
	errClosed  = errors.New("the target was closed")
)

// errCancelled is the end of a connection whose request was cancelled. The program is not affected.
var errCancelled = errors.New("an earlier request was cancelled")

func awaiting(lines uint64) bool  { return lines%2 == 1 }
func answers(lines uint64) uint64 { return lines / 2 }

// Do implements [scenarios.Conn]. If ctx ends before the answer, the connection is closed.
func (c *conn) Do(ctx context.Context, q *scenarios.Request, a *scenarios.Effect) error {
	a.Clear()
	if !c.p.supports[q.Op] {
		return scenarios.ErrUnsupported
	}
	if err := checkSize(q); err != nil {
		return err
	}
	c.out = appendRequest(c.out[:0], q)
	request := &operations[q.Op].name
	line, err := c.exchange(ctx, request, q.Hold)
	if err != nil {
		return withoutAnswer(q.Op, err)
	}
	e, err := readAnswer(line, q.Op, a)
	switch {
	case err != nil:
		return withoutAnswer(q.Op, c.violation(*request, line, err))
	case e.code != nil:
		return c.errorOf(q.Op, e)
	}
	return nil
}

// withoutAnswer wraps the error of a request without a usable answer in [manager.ErrNotApplied] or, if the operation
// may have taken effect, [manager.ErrIndeterminate].
func withoutAnswer(op scenarios.Op, err error) error {
	if errors.Is(err, manager.ErrNotApplied) {
		return err
	}
	return scenarios.Unanswered(op, err)
}

// errorOf converts the error in an answer to op.
func (c *conn) errorOf(op scenarios.Op, e answerError) error {
	err := e.err(OpName(op))
	if errors.Is(err, errInternal) {
		return withoutAnswer(op, fmt.Errorf("%s: %w", c.p.name, err))
	}
	return err
}

// exchange sends the request in c.out and returns the answer, which is valid until the next exchange. Errors that wrap
// [manager.ErrNotApplied] mean that nothing was sent; after any other the program may have read the request.
func (c *conn) exchange(ctx context.Context, request *string, hold time.Duration) ([]byte, error) {
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
	c.request.Store(request)
	c.sent.Store(int64(time.Since(c.p.began)))
	c.lines.Add(1)
	line, sent, err := c.roundTrip()
	inTime := stop()
	if err == nil {
		c.lines.Add(1)
		if !inTime { // the answer is valid, but the connection is closed
			c.dead = errCancelled
		}
		return line, nil
	}
	err = c.fail(*request, err)
	if !sent {
		err = manager.NotApplied(err)
	}
	return nil, err
}

// roundTrip writes the request in one piece and reads until the answer's newline. sent reports whether the program may
// have received a part of the request.
func (c *conn) roundTrip() (line []byte, sent bool, err error) {
	n, err := c.nc.Write(c.out)
	if err != nil {
		return nil, n > 0, err
	}
	for have := 0; ; {
		if have == len(c.in) {
			if have == maxLine {
				return nil, true, protocolError(fmt.Sprintf(
					"an answer of more than %d bytes, which begins with %s", maxLine, excerpt(c.in[:64])))
			}
			c.in = append(c.in, make([]byte, min(max(have, 4<<10), maxLine-have))...)
		}
		n, err := c.nc.Read(c.in[have:])
		if at := bytes.IndexByte(c.in[have:have+n], '\n'); at >= 0 {
			if at+1 < n {
				return nil, true, protocolError("more than one line for one request: " + excerpt(c.in[:have+n]))
			}
			return c.in[:have+at], true, nil
		}
		if have += n; err != nil {
			return nil, true, err
		}
	}
}

// checkIdle returns an error if the connection has ended, or has data without a request. It separates a program that
// exited after the last answer from one that exits at the next request.
func (c *conn) checkIdle() error {
	const wait = time.Millisecond // data that has arrived is read at once
	_ = c.nc.SetReadDeadline(time.Now().Add(wait))
	defer func() { _ = c.nc.SetReadDeadline(time.Time{}) }() // both fail on a closed connection, as Read does
	var data [64]byte
	n, err := c.nc.Read(data[:])
	switch {
	case n > 0:
		return protocolError("a line without a request: " + excerpt(data[:n]))
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil
	}
	return err
}

// protocolError describes data that cannot be the line of an answer.
type protocolError string

func (e protocolError) Error() string { return string(e) }

// end closes the connection from another goroutine. The first reason is kept.
func (c *conn) end(reason error) {
	c.ended.CompareAndSwap(nil, &reason)
	c.nc.Close()
}

// fail closes the connection and returns why the request has no answer.
func (c *conn) fail(request string, err error) error {
	reason := c.ended.Load()
	c.nc.Close()
	defer c.p.watch.remove(c) // last: until then the request counts as in flight
	f := &failure{program: c.p.name, request: request, cause: err}
	_, protocol := errors.AsType[protocolError](err)
	switch {
	case protocol:
		c.dead = c.p.record(f)
	case reason == nil:
		if errors.Is(err, io.EOF) {
			err = errors.New("it closed the connection")
		}
		c.dead = c.p.lost(request, err)
	case errors.Is(*reason, errHang):
		f.silence, f.cause = c.p.watch.timeout, nil
		c.dead = c.p.record(f)
	case errors.Is(*reason, errStarved):
		f.silence, f.cause = starvationFactor*c.p.watch.timeout, errStarved
		c.dead = c.p.record(f)
	case errors.Is(*reason, errClosed):
		f.cause = errClosed
		c.dead = f
	default: // ctx ended
		c.dead = errCancelled
		return *reason
	}
	return c.dead
}

// violation closes the connection after an answer that violates the protocol.
func (c *conn) violation(request string, line []byte, err error) error {
	c.dead = c.p.record(&failure{program: c.p.name, request: request, cause: fmt.Errorf("its answer %s: %w", excerpt(line), err)})
	c.nc.Close()
	return c.dead
}

// decode parses the answer to census or reset.
func (c *conn) decode(request string, line []byte, into any) error {
	e, err := readError(line)
	if err == nil && e.code == nil {
		err = json.Unmarshal(line, into)
	}
	switch {
	case err != nil:
		return c.violation(request, line, err)
	case e.code != nil:
		return e.err(request)
	}
	return nil
}

// Close implements [scenarios.Conn].
func (c *conn) Close() error {
	c.p.watch.remove(c)
	if c.dead == nil {
		c.dead = &failure{program: c.p.name, cause: errors.New("the connection was closed")}
		c.nc.Close()
	}
	return nil
}
