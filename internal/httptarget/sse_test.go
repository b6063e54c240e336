package httptarget

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

var streams = []struct{ why, stream, want string }{
	{"events", "data: a\n\ndata: b\n\n", "a\nb\n"},
	{"carriage returns", "data: a\r\rdata: b\r\r", "a\nb\n"},
	{"both", "data: a\r\n\r\ndata: b\r\n\r\n", "a\nb\n"},
	{"comments, names and ids", ": ping\n\nevent: token\nid: 1\nretry: 5\ndata: a\n\n", "a\n"},
	{"several lines", "data: a\ndata: b\n\n", "a\nb\n"},
	{"no blank after the colon", "data:a\n\ndata:  b\n\n", "a\n b\n"},
	{"no data", "event: x\n\ndata\n\ndata:\n\n", "\n\n"},
	{"the end within an event", "data: a\n\ndata: b\n", "a\n"},
	{"the end within a line", "data: a\n\ndata: b", "a\n"},
	{"other fields", "database: a\n\ndata: {\"x\": \"a:b\"}\n\n", "{\"x\": \"a:b\"}\n"},
	{"a byte order mark", "\xef\xbb\xbfdata: a\n\n", "a\n"},
	{"nothing", "", ""},
}

// TestEventStream appends each stream in pieces of every length.
func TestEventStream(t *testing.T) {
	for _, test := range streams {
		for size := 1; size <= max(len(test.stream), 1); size++ {
			var a response
			s := eventStream{active: true, start: time.Now()}
			for rest := test.stream; rest != ""; {
				n := min(size, len(rest))
				if strings.HasPrefix(rest, "\xef") {
					n = max(n, 3) // a byte order mark arrives whole with the line that it begins
				}
				a.body = append(a.body, rest[:n]...)
				rest = rest[n:]
				s.read(&a)
			}
			s.finish(&a)
			if string(a.body) != test.want || (a.firstEvent > 0) != (test.want != "") {
				t.Errorf("%s, in pieces of %d bytes: %q, first event after %v, want %q", test.why, size, a.body, a.firstEvent, test.want)
			}
		}
	}
}

// TestEvents has a service that pauses between two events: the time to the first one does not include the pause.
func TestEvents(t *testing.T) {
	const header = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
	for _, transport := range transports {
		for pause := 20 * time.Millisecond; ; pause *= 2 { // until it is longer than what else delays the client
			s := serve(t, func(s *rawService, nc net.Conn, r *bufio.Reader) {
				for {
					if _, err := s.read(r); err != nil {
						return
					}
					_, _ = io.WriteString(nc, header+"c\r\ndata: one\n\nd\r\n")
					time.Sleep(pause)
					_, _ = io.WriteString(nc, "e\r\nata: two\n\n: x\n\r\n0\r\n\r\n")
				}
			})
			c := transport.open(clientOptions{timeout: patience})
			early := 0
			for range 2 {
				q := get(s)
				q.events = true
				var a response
				start := time.Now()
				if err := c.exchange(t.Context(), q, &a); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); 0 < a.firstEvent && a.firstEvent < took-pause/2 {
					early++
				}
				if string(a.body) != "one\ntwo\n" {
					t.Errorf("%s: body %q", transport.name, a.body)
				}
			}
			c.close()
			if n := s.conns.Load(); n != 1 {
				t.Errorf("%s: %d connections, want 1", transport.name, n)
			}
			if early == 2 {
				break
			}
			if pause > patience/4 {
				t.Fatalf("%s: the time to the first event includes the pause of %v after it", transport.name, pause)
			}
		}
	}
}

// TestNoEvents has answers of other types: they are left as they are.
func TestNoEvents(t *testing.T) {
	s := serve(t, answers("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 9\r\n\r\ndata: a\n\n"))
	for _, transport := range transports {
		c := transport.open(clientOptions{timeout: patience})
		defer c.close()
		q := get(s)
		q.events = true
		var a response
		if err := c.exchange(t.Context(), q, &a); err != nil || string(a.body) != "data: a\n\n" || a.firstEvent != 0 {
			t.Errorf("%s: body %q, first event after %v, %v", transport.name, a.body, a.firstEvent, err)
		}
	}
}
