package trace

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
)

// clfParser reads the Common Log Format and the Combined one, with any fields after it:
//
//	host ident user [02/Jan/2006:15:04:05 -0700] "request" status bytes "referer" "agent" ...
//
// The session is the host, or the value of a cookie in one of the quoted fields after the size. The request names no
// operation, because its HTTP method says little about what the server did to the session.
func clfParser(cookie string) parser {
	return func(line []byte, r *row) error {
		rest, err := parseCommon(line, r)
		if err != nil || cookie == "" {
			return err
		}
		r[roleSession] = findCookie(rest, cookie)
		if r[roleSession] == nil {
			return fmt.Errorf("no cookie %q in a quoted field", cookie)
		}
		return nil
	}
}

var errCLF = errors.New(`not the Common Log Format: want host ident user [time] "request" status bytes`)

// parseCommon reads the fields of the Common Log Format and returns what follows them.
func parseCommon(line []byte, r *row) (rest []byte, err error) {
	*r = row{}
	names, rest, ok := bytes.Cut(line, []byte(" ["))
	if !ok {
		return nil, errCLF
	}
	host, names, ok := bytes.Cut(names, []byte{' '})
	if ok && isVhost(host) && bytes.Count(names, []byte{' '}) >= 2 {
		host, names, ok = bytes.Cut(names, []byte{' '})
	}
	if !ok || bytes.IndexByte(names, ' ') < 0 { // ident and user, which may have any value
		return nil, errCLF
	}
	stamp, rest, ok := bytes.Cut(rest, []byte("] "))
	if !ok || len(rest) == 0 || rest[0] != '"' {
		return nil, errCLF
	}
	if _, rest, ok = field(rest); !ok { // the request
		return nil, errCLF
	}
	status, rest, ok := field(rest)
	if !ok || !isStatus(status) {
		return nil, errCLF
	}
	size, rest, ok := field(rest)
	if !ok || string(size) != "-" && !digits(size) {
		return nil, errCLF
	}
	r[roleSession], r[roleTime], r[roleBytes] = host, stamp, size
	return rest, nil
}

// isVhost distinguishes the server's name and port, which Apache's vhost_combined writes first, from a client's address.
func isVhost(word []byte) bool {
	colon := bytes.LastIndexByte(word, ':')
	if colon < 1 || !digits(word[colon+1:]) {
		return false
	}
	_, err := netip.ParseAddr(string(word))
	return err != nil
}

// field returns the next word, or what is between the next quotes, in which a backslash protects what follows it.
func field(s []byte) (value, rest []byte, ok bool) {
	s = bytes.TrimLeft(s, " ")
	if len(s) == 0 {
		return nil, nil, false
	}
	if s[0] != '"' {
		value, rest, _ = bytes.Cut(s, []byte{' '})
		return value, rest, true
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return s[1:i:i], s[i+1:], true
		}
	}
	return nil, nil, false
}

// findCookie looks for name=value among the pairs of the quoted fields, those set apart by semicolons. The last
// field that has it wins: the cookie is logged after the referer and the agent, which the client chooses.
func findCookie(s []byte, name string) (found []byte) {
	for {
		value, rest, ok := field(s)
		if !ok {
			return found
		}
		for pair := range bytes.SplitSeq(value, []byte{';'}) {
			key, cookie, ok := bytes.Cut(bytes.TrimSpace(pair), []byte{'='})
			if ok && string(key) == name && len(cookie) > 0 {
				found = cookie
			}
		}
		s = rest
	}
}

func isStatus(s []byte) bool { return string(s) == "-" || len(s) == 3 && digits(s) }

func digits(s []byte) bool {
	for _, c := range s {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(s) > 0
}
