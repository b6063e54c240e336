package httptarget

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// source is where in an answer a value is: exactly one of its fields is set.
type source struct {
	jq      *expression    // of the body
	header  string         // name in canonical form
	cookie  string         // name of a cookie that the answer sets
	pattern *regexp.Regexp // of the body: the first group, or everything if there is no group
}

// capture keeps a value of an answer under a name for later requests of the session.
type capture struct {
	name string
	from source
}

// value returns what the source finds in the answer.
func (s *source) value(a *response, d *document) (value, error) {
	switch {
	case s.jq != nil:
		return s.jq.scalar(d)
	case s.header != "":
		if text, ok := headerValue(a.header, s.header); ok {
			return value{text: text}, nil
		}
		return value{}, fmt.Errorf("the answer has no header %s", s.header)
	case s.cookie != "":
		if text, ok := setCookie(a.header, s.cookie); ok {
			return value{text: text}, nil
		}
		return value{}, fmt.Errorf("the answer sets no cookie %s", s.cookie)
	case s.pattern != nil:
		found := s.pattern.FindSubmatch(a.body)
		if found == nil {
			return value{}, fmt.Errorf("the body does not match %q", s.pattern)
		}
		return value{text: string(found[min(1, len(found)-1)])}, nil
	}
	return value{}, errors.New("no source")
}

// headerValue returns the first header with this canonical name.
func headerValue(header []headerField, name string) (string, bool) {
	for i := range header {
		if header[i].name == name {
			return header[i].value, true
		}
	}
	return "", false
}

// setCookie returns the value of a cookie that an answer sets, the last one if it sets it several times.
func setCookie(header []headerField, name string) (text string, found bool) {
	for i := range header {
		if header[i].name != "Set-Cookie" {
			continue
		}
		pair, _, _ := strings.Cut(header[i].value, ";")
		if n, v, ok := strings.Cut(pair, "="); ok && strings.TrimSpace(n) == name {
			text, found = strings.TrimSpace(v), true
		}
	}
	return text, found
}

// capture calls set for each value that the step captures. An error is about the first one that the answer does not have.
func (s *step) capture(a *response, set func(name string, v value)) error {
	d := document{body: a.body, events: s.events}
	for i := range s.captures {
		c := &s.captures[i]
		v, err := c.from.value(a, &d)
		if err != nil {
			return fmt.Errorf("capture %s: %w", c.name, err)
		}
		set(c.name, v)
	}
	return nil
}

// identify returns the id of a new session in the answer to its creation. It fails if the id is neither in the body nor in a
// header: see cookie and client.
func (i *sessionIdentity) identify(a *response) (value, error) {
	d := document{body: a.body}
	v, err := i.from.value(a, &d)
	if err == nil && v.text == "" {
		err = errors.New("it is empty")
	}
	if err != nil {
		return v, fmt.Errorf("session id: %w", err)
	}
	return v, nil
}
