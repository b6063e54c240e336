package httptarget

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
)

// value is what a placeholder stands for.
type value struct {
	text    string
	literal bool              // text is JSON as it stands, such as a number: not a string
	fields  map[string]string // of {fields}; otherwise nil
}

// values is what placeholders stand for while a request is rendered. {uuid} and {env.NAME} are not asked for.
type values interface {
	value(name string) (v value, ok bool)
}

// place is where in a request a value stands. It decides how the value is encoded.
type place uint8

const (
	inText   place = iota // as it is
	inURL                 // a path segment, a name or value of a query or of a form
	inHeader              // as it is, without control characters
	inString              // inside a string of JSON
	inJSON                // a value of JSON
	inForm                // the pairs of a form or a query: {fields}
)

// template is text with placeholders, compiled. The zero value is empty.
type template []segment

// segment is text, and the placeholder behind it.
type segment struct {
	text  string // encoded
	name  string // of the placeholder; "": none
	place place
}

// resolver returns the constant that a placeholder stands for, or false if it is rendered, or an error if there is no such
// placeholder.
type resolver func(name string) (constant string, ok bool, err error)

// parse appends text to a template. literal encodes what is not a placeholder; {{ is a brace.
func (t template) parse(text string, at place, literal func(string) string, resolve resolver) (template, error) {
	for {
		before, rest, found := strings.Cut(text, "{")
		t = t.add(literal(before))
		if !found {
			return t, nil
		}
		if after, ok := strings.CutPrefix(rest, "{"); ok {
			t, text = t.add(literal("{")), after
			continue
		}
		name, after, ok := strings.Cut(rest, "}")
		if !ok {
			return t, fmt.Errorf("{%s: want a placeholder such as {id}, or {{ for a brace", rest)
		}
		var err error
		if t, err = t.insert(name, at, resolve); err != nil {
			return t, err
		}
		text = after
	}
}

// add appends encoded text.
func (t template) add(text string) template {
	if text == "" {
		return t
	}
	if n := len(t); n > 0 && t[n-1].name == "" {
		t[n-1].text += text
		return t
	}
	return append(t, segment{text: text})
}

// insert appends a placeholder.
func (t template) insert(name string, at place, resolve resolver) (template, error) {
	constant, ok, err := resolve(name)
	if err != nil {
		return t, err
	}
	if ok {
		text, err := value{text: constant}.append(nil, at)
		return t.add(string(text)), err
	}
	if n := len(t); n > 0 && t[n-1].name == "" {
		t[n-1].name, t[n-1].place = name, at
		return t, nil
	}
	return append(t, segment{name: name, place: at}), nil
}

// uses reports whether the template has the placeholder.
func (t template) uses(name string) bool {
	return slices.ContainsFunc(t, func(s segment) bool { return s.name == name })
}

// rendering is one request that is being rendered: {uuid} is the same in all of its parts.
type rendering struct {
	values values
	uuid   uuid.UUID // zero: not used yet
}

// append appends the template with its values to dst.
func (r *rendering) append(dst []byte, t template) ([]byte, error) {
	for i := range t {
		s := &t[i]
		dst = append(dst, s.text...)
		switch s.name {
		case "":
		case "uuid":
			dst = r.appendUUID(dst, s.place)
		default:
			v, ok := r.values.value(s.name)
			if !ok {
				return dst, missing(s.name)
			}
			var err error
			if dst, err = v.append(dst, s.place); err != nil {
				return dst, fmt.Errorf("{%s}: %w", s.name, err)
			}
		}
	}
	return dst, nil
}

func missing(name string) error {
	if strings.HasPrefix(name, accountPrefix) {
		return fmt.Errorf("{%s} has no value: there are more sessions than accounts", name)
	}
	return fmt.Errorf("{%s} has no value: it was not captured for this session", name)
}

func (r *rendering) appendUUID(dst []byte, at place) []byte {
	if r.uuid == uuid.Nil {
		r.uuid = uuid.New()
	}
	const digits = "0123456789abcdef"
	if at == inJSON {
		dst = append(dst, '"')
	}
	for i, b := range r.uuid {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = append(dst, digits[b>>4], digits[b&15])
	}
	if at == inJSON {
		dst = append(dst, '"')
	}
	return dst
}

// append appends the value as its place requires.
func (v value) append(dst []byte, at place) ([]byte, error) {
	if v.fields != nil {
		switch at {
		case inJSON:
			return v.appendObject(dst), nil
		case inForm:
			return v.appendForm(dst), nil
		}
		v = value{text: string(v.appendObject(nil))}
	}
	switch at {
	case inURL:
		return appendURL(dst, v.text), nil
	case inHeader:
		if i := strings.IndexFunc(v.text, control); i >= 0 {
			return dst, fmt.Errorf("a header cannot hold the character %q", v.text[i])
		}
	case inString:
		return appendEscaped(dst, v.text), nil
	case inJSON:
		if !v.literal {
			return appendString(dst, v.text), nil
		}
	}
	return append(dst, v.text...), nil
}

func (v value) appendObject(dst []byte) []byte {
	dst = append(dst, '{')
	for i, key := range slices.Sorted(maps.Keys(v.fields)) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, key), ':')
		dst = appendString(dst, v.fields[key])
	}
	return append(dst, '}')
}

func (v value) appendForm(dst []byte) []byte {
	for i, key := range slices.Sorted(maps.Keys(v.fields)) {
		if i > 0 {
			dst = append(dst, '&')
		}
		dst = append(appendURL(dst, key), '=')
		dst = appendURL(dst, v.fields[key])
	}
	return dst
}

func control(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

const hexDigits = "0123456789ABCDEF"

// appendURL escapes everything that RFC 3986 reserves, and blanks as %20, which a path, a query and a form all read.
func appendURL(dst []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; unreserved(c) {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return dst
}

func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}

func appendString(dst []byte, text string) []byte {
	return append(appendEscaped(append(dst, '"'), text), '"')
}

// appendEscaped appends the inside of a string of JSON. Invalid UTF-8 becomes U+FFFD, as in encoding/json.
func appendEscaped(dst []byte, text string) []byte {
	for i := 0; i < len(text); {
		from := i
		for i < len(text) && ' ' <= text[i] && text[i] < utf8.RuneSelf && text[i] != '"' && text[i] != '\\' {
			i++
		}
		dst = append(dst, text[from:i]...)
		if i == len(text) {
			break
		}
		switch c := text[i]; {
		case c == '"' || c == '\\':
			dst, i = append(dst, '\\', c), i+1
		case c < ' ':
			dst, i = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15]), i+1
		default:
			r, size := utf8.DecodeRuneInString(text[i:])
			dst, i = utf8.AppendRune(dst, r), i+size
		}
	}
	return dst
}
