package httptarget

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sessbench/sessbench/manager"
)

// shape is a program of jq of one of the usual forms. Its values are read in a single pass over the body, in a fraction of the
// time that decoding it and running the program take. Whatever is not as expected is left to the program, which then has the
// same result or an error.
//
//	.a.b                         path
//	.a.b[]                       path, each
//	.a.b[] | {role, content: .c} path, each, members
type shape struct {
	path []string
	each bool // the values of a list

	seq, role, content string // names of the members of a message
}

var (
	shapeForm  = regexp.MustCompile(`^\s*(\.|(?:\.[A-Za-z_]\w*)+)(\[\])?\s*(?:\|\s*\{([^{}]+)\}\s*)?$`)
	memberForm = regexp.MustCompile(`^\s*(seq|role|content)\s*(?::\s*\.([A-Za-z_]\w*)\s*)?$`)
)

// shapeOf returns the form of a program. It is nil for a program of another form.
func shapeOf(program string) *shape {
	match := shapeForm.FindStringSubmatch(program)
	if match == nil {
		return nil
	}
	s := &shape{each: match[2] != "", seq: "seq", role: "role", content: "content"}
	if match[1] != "." {
		s.path = strings.Split(match[1][1:], ".")
	}
	if match[3] == "" {
		return s
	}
	if !s.each {
		return nil
	}
	const none = "\x00" // which no name in a body can be
	s.seq, s.role, s.content = none, none, none
	for member := range strings.SplitSeq(match[3], ",") {
		parts := memberForm.FindStringSubmatch(member)
		if parts == nil {
			return nil
		}
		from := parts[2]
		if from == "" {
			from = parts[1]
		}
		switch parts[1] {
		case "seq":
			s.seq = from
		case "role":
			s.role = from
		case "content":
			s.content = from
		}
	}
	return s
}

// find returns the value at the path in a body of valid JSON.
func (s *shape) find(body []byte) (raw []byte, ok bool) {
	c := scanner{body: body}
	raw, ok = c.find(s.path)
	return raw, ok && c.blanks() && c.at == len(body)
}

// integer returns a whole number.
func (s *shape) integer(body []byte) (uint64, bool) {
	if s.each {
		return 0, false
	}
	raw, ok := s.find(body)
	return digits(raw), ok && areDigits(raw)
}

// scalar returns a string or a whole number.
func (s *shape) scalar(body []byte) (v value, ok bool) {
	if s.each {
		return v, false
	}
	raw, ok := s.find(body)
	switch {
	case !ok:
		return v, false
	case raw[0] == '"':
		v.text, ok = unquote(raw)
		return v, ok
	}
	return value{text: string(raw), literal: true}, areDigits(raw)
}

// messages appends the newest messages to dst, which is empty.
func (s *shape) messages(body []byte, dst []manager.Message) ([]manager.Message, bool) {
	raw, ok := s.find(body)
	if !ok || raw[0] != '[' {
		return dst, false
	}
	c := scanner{body: raw}
	return dst, c.list(func() bool {
		m, ok := c.message(s)
		if ok {
			dst = addMessage(dst, m)
		}
		return ok
	})
}

// scanner reads JSON from left to right. Its methods report whether they found what they read.
type scanner struct {
	body  []byte
	at    int
	depth int
	text  string // copy of the body, made when the first string is kept: one allocation for all
}

const maxDepth = 1000

// blanks skips blanks. It is true.
func (c *scanner) blanks() bool {
	for c.at < len(c.body) && (c.body[c.at] == ' ' || c.body[c.at] == '\n' || c.body[c.at] == '\t' || c.body[c.at] == '\r') {
		c.at++
	}
	return true
}

// next reads blanks and b.
func (c *scanner) next(b byte) bool {
	c.blanks()
	if c.at == len(c.body) || c.body[c.at] != b {
		return false
	}
	c.at++
	return true
}

// list reads a list, each value with read.
func (c *scanner) list(read func() bool) bool {
	if !c.next('[') {
		return false
	}
	for more := !c.next(']'); more; {
		if !read() {
			return false
		}
		if more = c.next(','); !more && !c.next(']') {
			return false
		}
	}
	return true
}

// object reads an object, each value with read. It is not ok if a name has an escape.
func (c *scanner) object(read func(name []byte) bool) bool {
	if !c.next('{') {
		return false
	}
	for more := !c.next('}'); more; {
		raw, ok := c.string()
		if !ok || slices.Contains(raw, '\\') || !c.next(':') || !read(raw[1:len(raw)-1]) {
			return false
		}
		if more = c.next(','); !more && !c.next('}') {
			return false
		}
	}
	return true
}

// find reads a value and returns what is at the path in it.
func (c *scanner) find(path []string) (raw []byte, ok bool) {
	if len(path) == 0 {
		c.blanks()
		from := c.at
		ok = c.skip()
		return c.body[from:c.at], ok
	}
	found := c.object(func(name []byte) bool {
		if string(name) != path[0] {
			return c.skip()
		}
		raw, ok = c.find(path[1:]) // the last one of several with this name
		return ok
	})
	return raw, ok && found
}

// skip reads any value.
func (c *scanner) skip() (ok bool) {
	if c.blanks(); c.at == len(c.body) || c.depth == maxDepth {
		return false
	}
	c.depth++
	defer func() { c.depth-- }()
	switch c.body[c.at] {
	case '"':
		_, ok = c.string()
		return ok
	case '{':
		return c.object(func([]byte) bool { return c.skip() })
	case '[':
		return c.list(c.skip)
	case 't':
		return c.word("true")
	case 'f':
		return c.word("false")
	case 'n':
		return c.word("null")
	}
	return c.number()
}

func (c *scanner) word(word string) bool {
	to := c.at + len(word)
	if to > len(c.body) || string(c.body[c.at:to]) != word {
		return false
	}
	c.at = to
	return true
}

func (c *scanner) number() bool {
	c.one("-")
	if !c.one("0") && c.digits() == 0 {
		return false
	}
	if c.one(".") && c.digits() == 0 {
		return false
	}
	if c.one("eE") {
		c.one("+-")
		return c.digits() > 0
	}
	return true
}

// one reads one of the bytes, if it is there.
func (c *scanner) one(of string) bool {
	if c.at < len(c.body) && strings.IndexByte(of, c.body[c.at]) >= 0 {
		c.at++
		return true
	}
	return false
}

func (c *scanner) digits() int {
	from := c.at
	for c.at < len(c.body) && '0' <= c.body[c.at] && c.body[c.at] <= '9' {
		c.at++
	}
	return c.at - from
}

// string reads a string and returns it with its quotes.
func (c *scanner) string() (raw []byte, ok bool) {
	if !c.next('"') {
		return nil, false
	}
	from, ascii := c.at-1, true
	for c.at < len(c.body) {
		b := c.body[c.at]
		c.at++
		switch {
		case b == '"':
			raw = c.body[from:c.at]
			return raw, ascii || utf8.Valid(raw)
		case b == '\\':
			if !c.escape() {
				return nil, false
			}
		case b < ' ':
			return nil, false
		case b >= utf8.RuneSelf:
			ascii = false
		}
	}
	return nil, false
}

// escape reads what follows a backslash.
func (c *scanner) escape() bool {
	if !c.one("u") {
		return c.one(`"\/bfnrt`)
	}
	for range 4 {
		if !c.one("0123456789abcdefABCDEF") {
			return false
		}
	}
	return true
}

// message reads an object with the members of a message.
func (c *scanner) message(s *shape) (m manager.Message, ok bool) {
	seen := 0
	member := func(bit int, to *string) bool {
		raw, ok := c.string()
		if !ok || seen&bit != 0 {
			return false
		}
		seen |= bit
		if slices.Contains(raw, '\\') {
			*to, ok = unquote(raw)
			return ok
		}
		if c.text == "" {
			c.text = string(c.body)
		}
		*to = c.text[c.at-len(raw)+1 : c.at-1]
		return true
	}
	const role, content, seq = 1, 2, 4
	ok = c.object(func(name []byte) bool {
		switch string(name) {
		case s.role:
			return member(role, &m.Role)
		case s.content:
			return member(content, &m.Content)
		case s.seq:
			c.blanks()
			from := c.at
			n := c.digits()
			m.Seq = digits(c.body[from:c.at])
			again := seen&seq != 0
			seen |= seq
			return n > 0 && !again && areDigits(c.body[from:c.at]) && c.at < len(c.body) && strings.IndexByte(", }\n\t\r", c.body[c.at]) >= 0
		}
		return c.skip()
	})
	return m, ok && seen&(role|content) == role|content
}

// areDigits reports whether raw is a whole number that fits.
func areDigits(raw []byte) bool {
	for _, b := range raw {
		if b < '0' || b > '9' {
			return false
		}
	}
	const most = len("999999999999999999")
	return len(raw) > 0 && len(raw) <= most && (raw[0] != '0' || len(raw) == 1)
}

func digits(raw []byte) uint64 {
	n, _ := strconv.ParseUint(string(raw), 10, 64)
	return n
}

// unquote returns the text of a string of JSON.
func unquote(raw []byte) (string, bool) {
	if !slices.Contains(raw, '\\') {
		return string(raw[1 : len(raw)-1]), true
	}
	var text string
	err := json.Unmarshal(raw, &text)
	return text, err == nil
}
