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
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	maxLine = 16 << 20 // bytes of a line, its end included
	maxInt  = 1 << 53
)

// mismatch is an adapter's doing beside what the specification wants.
type mismatch struct {
	sent, got, want string
	hung            bool
}

func (m *mismatch) Error() string {
	return fmt.Sprintf("sent %s, got %s: want %s", m.sent, m.got, m.want)
}

// conn is a user's connection.
type conn struct {
	net.Conn
	p      *probe
	in     *bufio.Reader
	forget func() bool // it need not be closed any more when the examination's context ends
}

// try makes a request and reads its answer, which may be an error of the protocol.
func (c *conn) try(q request) (*answer, *mismatch) {
	if m := c.send(q, []byte(q.text+"\n")); m != nil {
		return nil, m
	}
	return c.receive(q)
}

// send sends a request, or a piece of it.
func (c *conn) send(q request, piece []byte) *mismatch {
	_ = c.SetDeadline(time.Now().Add(c.p.x.Timeout + q.hold)) // errs on a closed connection, which Write does, too
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
		want, line = "one line for one request, and nothing behind it", line+string(next)
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
			return "", fmt.Errorf("%s without a line end, and a closed connection", cut(string(line)))
		default:
			return "", err
		}
	}
}

// broken says what happened to a connection instead of an answer.
func (c *conn) broken(q request, err error) *mismatch {
	m := &mismatch{sent: cut(q.text), want: "an answer: one JSON object on one line"}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		m.hung = true
		m.got = fmt.Sprintf("no line within %v", c.p.x.Timeout+q.hold)
	case errors.Is(err, errLong):
		m.got, m.want = err.Error(), "an answer of at most 16 MiB"
	case errors.Is(err, io.EOF):
		m.got = "a closed connection" + c.p.x.obituary()
	default:
		m.got = err.Error() + c.p.x.obituary()
	}
	return m
}

// answer is a JSON object that came for a request.
type answer struct {
	p      *probe
	sent   request
	line   string
	fields map[string]json.RawMessage
	fault  string // the kind of error, empty: none
}

// faults are the kinds of errors.
var faults = []string{"not_found", "exists", "closed", "unsupported", "internal"}

// parse reads an answer's line; want says what it should have been if it is not what any answer has to be.
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
	maps.DeleteFunc(a.fields, func(_ string, raw json.RawMessage) bool { return string(raw) == "null" }) // as good as absent
	if fault, there := a.fields["error"]; there {
		if json.Unmarshal(fault, &a.fault) != nil || !slices.Contains(faults, a.fault) {
			return nil, `as "error" one of ` + strings.Join(faults, ", ")
		}
		return a, ""
	}
	for _, name := range []string{"seq", "version", "incarnation", "held_us", "removed", "sessions", "locks", "threads"} {
		if raw, there := a.fields[name]; there {
			if _, ok := whole(raw); !ok {
				return nil, wholeNumber(name)
			}
		}
	}
	return a, ""
}

// whole reads a number as the protocol writes it. JSON has no leading zeros and no plus.
func whole(raw json.RawMessage) (n uint64, ok bool) {
	n, err := strconv.ParseUint(string(raw), 10, 64)
	return n, err == nil && n <= maxInt
}

func wholeNumber(name string) string {
	return fmt.Sprintf("%q as a whole number from 0 to 2^53, in digits only", name)
}

// told is a number that an answer may leave out.
func (a *answer) told(name string) (n uint64, ok bool) {
	raw, there := a.fields[name]
	if !there {
		return 0, false
	}
	return whole(raw)
}

// number is a number that has to be there.
func (a *answer) number(name string) uint64 {
	n, ok := a.told(name)
	a.want(ok, "%s", wholeNumber(name))
	return n
}

// read reads a field that has to be there into v, a pointer; kind says what is wanted.
func (a *answer) read(name, kind string, v any) {
	raw, there := a.fields[name]
	err := json.Unmarshal(raw, v)
	a.want(there && err == nil, "%q as %s", name, kind)
}

func (a *answer) text(name string) (s string) {
	a.read(name, "a string", &s)
	return s
}

func (a *answer) flag(name string) (b bool) {
	a.read(name, "true or false", &b)
	return b
}

// strings are the fields of a session.
func (a *answer) strings(name string) (m map[string]string) {
	a.read(name, "an object of strings", &m)
	return m
}

// message is one of a history.
type message struct {
	Seq     *json.RawMessage `json:"seq"`
	Role    *string          `json:"role"`
	Content *string          `json:"content"`
}

// messages are those of a history.
func (a *answer) messages() (list []message) {
	const kind = `a list of {"seq","role","content"}`
	a.read("messages", kind, &list)
	for _, m := range list {
		a.want(m.Role != nil && m.Content != nil, `"messages" as %s`, kind)
		if m.Seq != nil {
			_, ok := whole(*m.Seq)
			a.want(ok, "%s", wholeNumber("seq"))
		}
	}
	return list
}

// want ends the check unless the answer is as it should be.
func (a *answer) want(ok bool, format string, args ...any) {
	if !ok {
		a.p.fail(&mismatch{sent: cut(a.sent.text), got: cut(a.line), want: fmt.Sprintf(format, args...)})
	}
}

// cut shortens a line to what a reader takes in, in the middle, and shows what is not printable as such.
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
			return '␀' + r // its picture
		case r != '\t' && !unicode.IsPrint(r) && !unicode.IsSpace(r):
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(line, "\uFFFD"))
}
