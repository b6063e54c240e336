package httptarget

import (
	"bytes"
	"strings"
	"time"
)

// eventStream turns a stream of server-sent events (WHATWG HTML, 9.2) into the data of its events, one line for each line of
// data, while the stream is appended to the body of a response. The data of an event that no empty line ends is removed, as
// browsers do.
type eventStream struct {
	active bool      // the body is such a stream
	start  time.Time // of the exchange

	end      int  // the data of complete events is body[:end]
	next     int  // that of the event in progress is body[end:next]
	in       int  // body[in:] is the stream that has not been read yet
	searched int  // length of the part of it that has no line break
	skipLF   bool // the last line ended with a carriage return
}

// isEventStream reports whether a media type, without parameters, is that of server-sent events.
func isEventStream(media string) bool {
	return strings.EqualFold(strings.Trim(media, " \t"), "text/event-stream")
}

// read reads what has been appended to the body.
func (s *eventStream) read(a *response) {
	if !s.active {
		return
	}
	for s.in < len(a.body) {
		if s.skipLF && a.body[s.in] == '\n' {
			s.in++
		}
		s.skipLF = false
		n := bytes.IndexAny(a.body[s.in+s.searched:], "\r\n")
		if n < 0 {
			s.searched = len(a.body) - s.in
			return
		}
		line := a.body[s.in : s.in+s.searched+n]
		if s.in == 0 {
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
		}
		s.in, s.searched = s.in+s.searched+n+1, 0
		s.skipLF = a.body[s.in-1] == '\r'
		s.line(a, line)
	}
}

// line reads a line. Its data is shorter than the line, so that it does not reach what has not been read.
func (s *eventStream) line(a *response, line []byte) {
	if len(line) == 0 {
		if s.next > s.end && a.firstEvent == 0 {
			a.firstEvent = max(time.Since(s.start), 1)
		}
		s.end = s.next
		return
	}
	if name, value, _ := bytes.Cut(line, []byte(":")); string(name) == "data" {
		s.next += copy(a.body[s.next:], bytes.TrimPrefix(value, []byte(" ")))
		a.body[s.next] = '\n'
		s.next++
	}
}

// finish leaves the data of the complete events in the body.
func (s *eventStream) finish(a *response) {
	if s.active {
		a.body = a.body[:s.end]
	}
}
