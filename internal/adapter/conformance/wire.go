package conformance

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	maxLine = 16 << 20 // bytes of a line with its newline
	maxInt  = 1 << 53
)

// mismatch is a violation of the specification.
type mismatch struct {
	sent, got, want string
	hung            bool
	closed          bool // the connection ended: [probe.fail] says whether the program has, too
}

// conn is a user's connection.
type conn struct {
	net.Conn
	p      *probe
	in     *bufio.Reader
	forget func() bool // stops closing the connection at the end of the context
}

// try sends a request and reads its answer, which may be an error.
func (c *conn) try(q request) (*answer, *mismatch) {
	if m := c.send(q, []byte(q.text+"\n")); m != nil {
		return nil, m
	}
	return c.receive(q)
}

// send sends a request, or a piece of it.
func (c *conn) send(q request, piece []byte) *mismatch {
	_ = c.SetDeadline(time.Now().Add(c.p.x.Timeout + q.hold)) // fails on a closed connection, as Write does
	if _, err := c.Write(piece); err != nil {
		return c.broken(q, err)
	}
	return nil
}

// receive reads the answer to a request.
func (c *conn) receive(q request) (*answer, *mismatch) {
	line, err := c.line()
	if err != nil {
		return nil, c.broken(q, err)
	}
	a, want := parse(line)
	if want == "" && c.in.Buffered() > 0 {
		next, _ := c.in.Peek(c.in.Buffered())
		want, line = "one line for one request, and nothing after it", line+string(next)
	}
	if want != "" {
		return nil, &mismatch{sent: cut(q.text), got: cut(line), want: want}
	}
	a.p, a.sent = c.p, q
	return a, nil
}

var errLong = errors.New("a line longer than 16 MiB")

func (c *conn) line() (string, error) {
	var line []byte
	for {
		piece, err := c.in.ReadSlice('\n')
		line = append(line, piece...)
		switch {
		case len(line) > maxLine:
			return "", errLong
		case err == nil:
			return string(line), nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(line) > 0:
			return "", fmt.Errorf("%s without a newline, and a closed connection", cut(string(line)))
		default:
			return "", err
		}
	}
}

// broken describes the error of a connection.
func (c *conn) broken(q request, err error) *mismatch {
	m := &mismatch{sent: cut(q.text), want: "an answer: one JSON object on one line"}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		m.hung = true
		m.got = fmt.Sprintf("no line within %v", c.p.x.Timeout+q.hold)
	case errors.Is(err, errLong):
		m.got, m.want = err.Error(), "an answer of at most 16 MiB"
	case errors.Is(err, io.EOF):
		m.got, m.closed = "a closed connection", true
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE): // closed with the request unread, or before it
		m.got, m.closed = fmt.Sprintf("a closed connection (%v)", err), true
	default:
		m.got, m.closed = err.Error(), true
	}
	return m
}

// answer is the answer to a request.
type answer struct {
	p         *probe
	sent      request
	line      string
	fields    map[string]json.RawMessage
	errorCode string // empty: no error
}

var errorCodes = []string{"not_found", "exists", "closed", "unsupported", "internal"}

// parse parses the line of an answer. want is what was expected if the line is not a legal answer to any request.
func parse(line string) (a *answer, want string) {
	a = &answer{line: line}
	if !utf8.ValidString(line) {
		return nil, "valid UTF-8"
	}
	if err := json.Unmarshal([]byte(line), &a.fields); err != nil {
		return nil, fmt.Sprintf("a JSON object (%v)", err)
	}
	if a.fields == nil {
		return nil, "a JSON object"
	}
	maps.DeleteFunc(a.fields, func(_ string, raw json.RawMessage) bool { return string(raw) == "null" }) // same as absent
	if code, ok := a.fields["error"]; ok {
		if json.Unmarshal(code, &a.errorCode) != nil || !slices.Contains(errorCodes, a.errorCode) {
			return nil, `as "error" one of ` + strings.Join(errorCodes, ", ")
		}
		return a, ""
	}
	for _, name := range []string{"seq", "version", "incarnation", "held_us", "removed", "sessions", "locks", "threads"} {
		if raw, ok := a.fields[name]; ok {
			if _, ok := integer(raw); !ok {
				return nil, wantInteger(name)
			}
		}
	}
	return a, ""
}

// integer parses an integer in digits only. Legal JSON has neither leading zeros nor a plus sign.
func integer(raw json.RawMessage) (n uint64, ok bool) {
	n, err := strconv.ParseUint(string(raw), 10, 64)
	return n, err == nil && n <= maxInt
}

func wantInteger(name string) string {
	return fmt.Sprintf("%q as a whole number from 0 to 2^53, in digits only", name)
}

// optional returns an optional integer.
func (a *answer) optional(name string) (n uint64, ok bool) { return integer(a.fields[name]) }

// number returns a required integer.
func (a *answer) number(name string) uint64 {
	n, ok := a.optional(name)
	a.want(ok, "%s", wantInteger(name))
	return n
}

// read unmarshals a required field into v. kind describes its type.
func (a *answer) read(name, kind string, v any) {
	err := json.Unmarshal(a.fields[name], v) // fails for an absent field
	a.want(err == nil, "%q as %s", name, kind)
}

func (a *answer) text(name string) (s string) {
	a.read(name, "a string", &s)
	return s
}

func (a *answer) flag(name string) (b bool) {
	a.read(name, "true or false", &b)
	return b
}

// strings returns the fields of a session.
func (a *answer) strings(name string) (m map[string]string) {
	a.read(name, "an object of strings", &m)
	return m
}

// message is a message of a history.
type message struct {
	Seq     *json.RawMessage `json:"seq"`
	Role    *string          `json:"role"`
	Content *string          `json:"content"`
}

// messages returns the messages of a history.
func (a *answer) messages() (list []message) {
	const kind = `a list of {"seq","role","content"}`
	a.read("messages", kind, &list)
	for _, m := range list {
		a.want(m.Role != nil && m.Content != nil, `"messages" as %s`, kind)
		if m.Seq != nil {
			_, ok := integer(*m.Seq)
			a.want(ok, "%s", wantInteger("seq"))
		}
	}
	return list
}

// want ends the check unless ok. The format describes the expected answer.
func (a *answer) want(ok bool, format string, args ...any) {
	if !ok {
		a.p.fail(&mismatch{sent: cut(a.sent.text), got: cut(a.line), want: fmt.Sprintf(format, args...)})
	}
}

// cut removes the middle of a long line, and replaces unprintable characters.
func cut(line string) string {
	const end, longest = 80, 400
	line = strings.TrimSuffix(line, "\n")
	if line == "" {
		return "nothing"
	}
	if len(line) > longest {
		line = fmt.Sprintf("%s … (%d bytes) … %s", line[:longest-end], len(line), line[len(line)-end:])
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r < ' ' && r != '\t':
			return '␀' + r // its symbol
		case r != '\t' && !unicode.IsPrint(r) && !unicode.IsSpace(r):
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(line, "\uFFFD"))
}
