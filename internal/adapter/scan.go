package adapter

import (
	"unicode/utf8"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// scanAnswer parses an answer in the form that programs usually write, in a fraction of the time of encoding/json. It
// is not ok if the answer has anything else, such as an escape in a string or a key twice: then the answer must be
// parsed by [unmarshalAnswer], and the contents of a are undefined.
func scanAnswer(line []byte, op scenarios.Op, a *scenarios.Effect) (got part, e answerError, ok bool) {
	s := scanner{line: line}
	may := operations[op].may | errorParts
	if !s.next('{') {
		return 0, e, false
	}
	for more := !s.next('}'); more; {
		key, isKey := s.bytes()
		if !isKey || !s.next(':') {
			return 0, e, false
		}
		p := parts[string(key)] & may
		if got&p != 0 || !s.part(p, a, &e) {
			return 0, e, false
		}
		got |= p
		if more = s.next(','); !more && !s.next('}') {
			return 0, e, false
		}
	}
	return got, e, s.atEnd()
}

// scanner reads a line of JSON from left to right. Its methods report whether they found what they read.
type scanner struct {
	line []byte
	at   int
	text string // copy of line, made when the first string is kept: one allocation for all strings of an answer
}

// part reads the value of a member into a or e, and skips that of an unknown one.
func (s *scanner) part(p part, a *scenarios.Effect, e *answerError) (ok bool) {
	switch p {
	case 0:
		return s.skip()
	case partCreated:
		a.Created, ok = s.bool()
	case partFields:
		ok = s.fields(a)
	case partMessages:
		ok = s.messages(a)
	case partID:
		var text []byte
		if text, ok = s.bytes(); ok {
			var err error
			a.ID, err = parseID(text)
			ok = err == nil
		}
	case partError:
		e.code, ok = s.bytes()
	case partMessage:
		e.message, ok = s.bytes()
	default:
		var n uint64
		if n, ok = s.integer(); ok {
			setInteger(a, p, n)
		}
	}
	return ok
}

// next reads blanks and c.
func (s *scanner) next(c byte) bool {
	s.blanks()
	if s.at == len(s.line) || s.line[s.at] != c {
		return false
	}
	s.at++
	return true
}

func (s *scanner) blanks() {
	for s.at < len(s.line) && (s.line[s.at] == ' ' || s.line[s.at] == '\t' || s.line[s.at] == '\r') {
		s.at++
	}
}

func (s *scanner) atEnd() bool {
	s.blanks()
	return s.at == len(s.line)
}

// bytes reads a string without escapes. The result points into the line.
func (s *scanner) bytes() ([]byte, bool) {
	if !s.next('"') {
		return nil, false
	}
	from, ascii := s.at, true
	for ; s.at < len(s.line); s.at++ {
		switch c := s.line[s.at]; {
		case c == '"':
			text := s.line[from:s.at]
			s.at++
			return text, ascii || utf8.Valid(text)
		case c == '\\', c < ' ':
			return nil, false
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return nil, false
}

// string reads a string without escapes. The result may be kept.
func (s *scanner) string() (string, bool) {
	b, ok := s.bytes()
	if !ok {
		return "", false
	}
	if s.text == "" {
		s.text = string(s.line)
	}
	to := s.at - 1
	return s.text[to-len(b) : to], true
}

// integer reads a number that has no sign, no fraction and no exponent.
func (s *scanner) integer() (n uint64, ok bool) {
	s.blanks()
	from := s.at
	for ; s.at < len(s.line) && '0' <= s.line[s.at] && s.line[s.at] <= '9'; s.at++ {
		n = n*10 + uint64(s.line[s.at]-'0')
	}
	digits := s.at - from
	return n, digits > 0 && digits <= len("9007199254740992") && n <= maxInteger && (s.line[from] != '0' || digits == 1)
}

func (s *scanner) bool() (value, ok bool) {
	s.blanks()
	for _, word := range [...]string{"true", "false"} {
		if to := s.at + len(word); to <= len(s.line) && string(s.line[s.at:to]) == word {
			s.at = to
			return word == "true", true
		}
	}
	return false, false
}

// skip reads a string, a boolean or an integer.
func (s *scanner) skip() bool {
	s.blanks()
	if s.at == len(s.line) {
		return false
	}
	var ok bool
	switch s.line[s.at] {
	case '"':
		_, ok = s.bytes()
	case 't', 'f':
		_, ok = s.bool()
	default:
		_, ok = s.integer()
	}
	return ok
}

func (s *scanner) fields(a *scenarios.Effect) bool {
	if a.Fields == nil {
		a.Fields = map[string]string{}
	}
	if !s.next('{') {
		return false
	}
	for more := !s.next('}'); more; {
		key, ok := s.string()
		if !ok || !s.next(':') {
			return false
		}
		if a.Fields[key], ok = s.string(); !ok {
			return false
		}
		if more = s.next(','); !more && !s.next('}') {
			return false
		}
	}
	return true
}

func (s *scanner) messages(a *scenarios.Effect) bool {
	if !s.next('[') {
		return false
	}
	for more := !s.next(']'); more; {
		m, ok := s.message()
		if !ok {
			return false
		}
		a.Messages = append(a.Messages, m)
		if more = s.next(','); !more && !s.next(']') {
			return false
		}
	}
	return true
}

func (s *scanner) message() (m manager.Message, ok bool) {
	const seq, role, content = 1, 2, 4
	seen := 0
	if !s.next('{') {
		return m, false
	}
	for more := !s.next('}'); more; {
		key, isKey := s.bytes()
		if !isKey || !s.next(':') {
			return m, false
		}
		var what int
		switch string(key) {
		case "seq":
			what = seq
			m.Seq, ok = s.integer()
		case "role":
			what = role
			m.Role, ok = s.string()
		case "content":
			what = content
			m.Content, ok = s.string()
		default:
			ok = s.skip()
		}
		if !ok || seen&what != 0 {
			return m, false
		}
		seen |= what
		if more = s.next(','); !more && !s.next('}') {
			return m, false
		}
	}
	return m, seen&role != 0 && seen&content != 0
}
