package httptarget

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"
)

// problem says why an exchange has no usable answer.
type problem uint8

// The problems of exchanges.
const (
	problemRefused   problem = iota + 1 // no connection: no process listens at the address
	problemUnreached                    // no connection for another reason
	problemInvalid                      // the request cannot be sent as it is
	problemReset                        // the connection was reset before the answer began
	problemClosed                       // the connection was closed before the answer began
	problemHalf                         // the connection ended within the answer
	problemTooSlow                      // the answer was not complete within the time limit
	problemMalformed                    // what arrived is not an answer in HTTP
	problemTooLarge                     // the body or the header exceeds the limit
	problemCancelled                    // the context of the exchange ended
)

// String is the problem in words, for lists and counts.
func (p problem) String() string {
	return [...]string{
		problemRefused:   "connection refused",
		problemUnreached: "no connection",
		problemInvalid:   "request cannot be sent",
		problemReset:     "connection reset before the answer",
		problemClosed:    "connection closed before the answer",
		problemHalf:      "connection closed within the answer",
		problemTooSlow:   "time limit exceeded",
		problemMalformed: "malformed answer",
		problemTooLarge:  "answer too large",
		problemCancelled: "cancelled",
	}[p]
}

// failure is the error of an exchange without a usable answer. It wraps errNotSent if no byte of the request was written,
// and its cause.
type failure struct {
	problem problem
	detail  string // may be empty
	notSent bool
	cause   error // may be nil
}

// Error is one sentence that begins with the problem.
func (f *failure) Error() string {
	text := f.problem.String()
	switch {
	case f.detail != "":
		text += ": " + f.detail
	case f.cause != nil:
		text += ": " + f.cause.Error()
	}
	return text
}

// Unwrap returns errNotSent, if nothing was sent, and the cause.
func (f *failure) Unwrap() (errs []error) {
	if f.notSent {
		errs = append(errs, errNotSent)
	}
	if f.cause != nil {
		errs = append(errs, f.cause)
	}
	return errs
}

// problemOf returns the problem of an error of exchange, and 0 of any other error.
func problemOf(err error) problem {
	if f, ok := errors.AsType[*failure](err); ok {
		return f.problem
	}
	return 0
}

// extent is how far an exchange came before it failed.
type extent struct {
	connected bool
	sent      bool          // a byte of the request was written
	received  int           // bytes of the answer; -1: some
	wanted    int64         // length of the body if it was declared, else -1
	body      int           // bytes of the body
	limit     time.Duration // of the exchange
}

// failed returns the failure of an exchange whose connection returned err.
func failed(ctx context.Context, err error, p extent) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	f := &failure{cause: err, notSent: !p.sent}
	switch {
	case ctx.Err() != nil:
		f.problem, f.cause = problemCancelled, context.Cause(ctx)
	case timedOut(err):
		f.problem, f.detail = problemTooSlow, fmt.Sprintf("no complete answer within %v; %s arrived", p.limit, p.arrived())
		if !p.connected {
			f.detail = fmt.Sprintf("no connection within %v", p.limit)
		}
	case errors.Is(err, syscall.ECONNREFUSED):
		f.problem = problemRefused
		if op, ok := errors.AsType[*net.OpError](err); ok && op.Addr != nil {
			f.detail = "no process listens at " + op.Addr.String()
		}
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		f.problem = problemUnreached
		f.detail = err.Error() + ": no port is free; does the service close the connection after each answer?"
	case !p.connected:
		f.problem = problemUnreached
	case p.received != 0:
		f.problem, f.detail = problemHalf, p.arrived()+" arrived"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		f.problem = problemClosed
	default:
		f.problem = problemReset
	}
	if p.sent && (f.problem == problemClosed || f.problem == problemReset) {
		f.detail = mayHaveRead
	}
	return f
}

const mayHaveRead = "the service may have read the request"

// timedOut reports whether an error is a time-out of this process: of a deadline, of dialling or of a context.
func timedOut(err error) bool {
	t, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && t.Timeout()
}

// arrived says which part of the answer arrived.
func (p extent) arrived() string {
	switch {
	case p.received == 0:
		return "nothing"
	case p.wanted >= 0:
		return fmt.Sprintf("%d of %d bytes of the body", p.body, p.wanted)
	case p.body > 0:
		return fmt.Sprintf("%d bytes of the body", p.body)
	case p.received < 0:
		return "a part"
	}
	return fmt.Sprintf("%d bytes", p.received)
}

// notHTTP returns the failure of an answer that breaks the rules of HTTP.
func notHTTP(format string, args ...any) error {
	return &failure{problem: problemMalformed, detail: fmt.Sprintf(format, args...)}
}

// exceeds returns the failure of an answer that is larger than a limit.
func exceeds(part string, limit int) error {
	return &failure{problem: problemTooLarge, detail: fmt.Sprintf("%s of more than %s", part, byteCount(limit))}
}

// byteCount formats a number of bytes.
func byteCount(n int) string {
	if n >= 1<<20 && n%(1<<20) == 0 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d bytes", n)
}
