package httptarget

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// rawService is a TCP server on loopback that counts the requests that it read.
type rawService struct {
	base     *url.URL
	listener net.Listener
	requests atomic.Int64
	conns    atomic.Int64
	serving  sync.WaitGroup
	mu       sync.Mutex
	open     []net.Conn
}

// serve starts a service that handles each connection by a function. Handlers end with the test: their connections are closed.
func serve(tb testing.TB, handle func(s *rawService, nc net.Conn, r *bufio.Reader)) *rawService {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s := &rawService{listener: l, base: &url.URL{Scheme: "http", Host: l.Addr().String()}}
	s.serving.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			s.conns.Add(1)
			s.mu.Lock()
			s.open = append(s.open, nc)
			s.mu.Unlock()
			s.serving.Go(func() {
				defer nc.Close()
				handle(s, nc, bufio.NewReader(nc))
			})
		}
	})
	tb.Cleanup(func() {
		l.Close()
		s.cut()
		s.serving.Wait()
	})
	return s
}

// cut closes the connections.
func (s *rawService) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, nc := range s.open {
		nc.Close()
	}
	s.open = nil
}

// read reads a request and counts it.
func (s *rawService) read(r *bufio.Reader) (*http.Request, error) {
	q, err := http.ReadRequest(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return nil, err
	}
	q.Body = io.NopCloser(strings.NewReader(string(body)))
	s.requests.Add(1)
	return q, nil
}

// answers returns a handler that answers each request with the same text.
func answers(text string) func(*rawService, net.Conn, *bufio.Reader) {
	return func(s *rawService, nc net.Conn, r *bufio.Reader) {
		for {
			if _, err := s.read(r); err != nil {
				return
			}
			if _, err := io.WriteString(nc, text); err != nil {
				return
			}
		}
	}
}

// answersAndCloses returns a handler that answers the first request of each connection.
func answersAndCloses(text string) func(*rawService, net.Conn, *bufio.Reader) {
	return func(s *rawService, nc net.Conn, r *bufio.Reader) {
		if _, err := s.read(r); err == nil {
			_, _ = io.WriteString(nc, text)
		}
	}
}

// transports are the implementations of exchanger, of which each must be right on its own.
var transports = []struct {
	name string
	open func(clientOptions) exchanger
}{
	{"own", newClient},
	{"net/http", newHTTPClient},
}

func get(s *rawService) *request {
	return &request{method: "GET", base: s.base, target: []byte("/x?y=1")}
}

func post(s *rawService, body string) *request {
	return &request{method: "POST", base: s.base, target: []byte("/x"), body: []byte(body)}
}

const patience = time.Minute // of exchanges that must not reach their time limit

// TestAnswers has services that answer in every form which HTTP/1.1 allows, and in forms which it does not. Each is asked twice: the
// number of requests and of connections shows that nothing was sent again, and whether the connection was used again.
func TestAnswers(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	tests := []struct {
		why, raw string
		method   string // default GET
		closes   bool
		unasked  bool // a second answer follows, which no request asked for
		status   int
		body     string
		conns    int64 // after two exchanges
		problem  problem
		text     string  // part of the error
		theirs   problem // of net/http, where it differs
		lenient  bool    // net/http accepts it
	}{
		{why: "a length", raw: ok + "Content-Length: 2\r\n\r\nhi", status: 200, body: "hi", conns: 1},
		{why: "an empty body", raw: ok + "Content-Length: 0\r\n\r\n", status: 200, conns: 1},
		{why: "chunks", raw: ok + "Transfer-Encoding: chunked\r\n\r\n1\r\nh\r\n01;a=b\r\ni\r\n0\r\n\r\n", status: 200,
			body: "hi", conns: 1},
		{why: "chunks with a trailer", raw: ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nDigest: x\r\nA: b\r\n\r\n",
			status: 200,
			body:   "hi", conns: 1},
		{why: "a body that ends with the connection", raw: ok + "\r\nhi", closes: true, status: 200, body: "hi", conns: 2},
		{why: "an announced end of the connection", raw: ok + "Connection: x, Close\r\nContent-Length: 2\r\n\r\nhi",
			status: 200, body: "hi", conns: 2},
		{why: "an end of the connection that was not announced", raw: ok + "Content-Length: 2\r\n\r\nhi", closes: true,
			status: 200,
			body:   "hi", conns: 2},
		{why: "HTTP/1.0", raw: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", status: 200, body: "hi", conns: 2},
		{why: "HTTP/1.0 that keeps the connection",
			raw: "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi", status: 200,
			body: "hi", conns: 1},
		{why: "HEAD", method: "HEAD", raw: ok + "Content-Length: 2\r\n\r\n", status: 200, conns: 1},
		{why: "204", raw: "HTTP/1.1 204 No Content\r\n\r\n", status: 204, conns: 1},
		{why: "304 with the length of what is not sent", raw: "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n",
			status: 304, conns: 1},
		{why: "no reason", raw: "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", status: 200, conns: 1},
		{why: "interim answers",
			raw:    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok + "Content-Length: 2\r\n\r\nhi",
			status: 200, body: "hi", conns: 1},
		{why: "line feeds only", raw: "HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", status: 200, body: "hi", conns: 1},
		{why: "a continued header line", raw: ok + "X: a\r\n  b\r\nContent-Length: 2\r\n\r\nhi", status: 200, body: "hi",
			conns: 1},
		{why: "a length twice", raw: ok + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi", status: 200, body: "hi",
			conns: 1},
		{why: "a redirection to itself", raw: "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", status: 302,
			conns: 1},
		{why: "401 on everything", raw: "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
			status: 401, conns: 1},
		{why: "503 with a moment for the next attempt", raw: "HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n",
			status: 503, conns: 1},
		{why: "408 and the end of the connection",
			raw: "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", closes: true,
			status: 408, conns: 2},
		{why: "an answer too many", raw: ok + "Content-Length: 2\r\n\r\nhi" + ok + "Content-Length: 2\r\n\r\nno", unasked: true,
			status: 200, body: "hi", conns: 2},
		{why: "a length and chunks", raw: ok + "Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
			status: 200,
			body:   "hi", conns: 2},

		{why: "half a status line", raw: "HTTP/1.1 2", closes: true, problem: problemHalf, text: "10 bytes arrived", conns: 2,
			theirs: problemMalformed},
		{why: "half a header", raw: ok + "Content-", closes: true, problem: problemHalf, conns: 2, theirs: problemMalformed},
		{why: "half a body", raw: ok + "Content-Length: 4\r\n\r\nhi", closes: true, problem: problemHalf,
			text: "2 of 4 bytes of the body", conns: 2},
		{why: "half a chunk", raw: ok + "Transfer-Encoding: chunked\r\n\r\n4\r\nhi", closes: true, problem: problemHalf,
			text: "2 bytes of the body", conns: 2},
		{why: "no last chunk", raw: ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", closes: true, problem: problemHalf,
			conns: 2},
		{why: "half a trailer", raw: ok + "Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n", closes: true, problem: problemHalf,
			conns:  2,
			theirs: problemMalformed},
		{why: "no answer", closes: true, problem: problemClosed, text: "may have read the request", conns: 2},
		{why: "another protocol", raw: "SSH-2.0-OpenSSH_9.7\r\n", closes: true, problem: problemMalformed, text: "SSH-2.0",
			conns: 2},
		{why: "HTML only", raw: "<html><body>hi</body></html>", closes: true, problem: problemMalformed, text: "<html>",
			conns: 2},
		{why: "noise without a line", raw: strings.Repeat("\x00\xff", 100), closes: true, problem: problemMalformed, conns: 2},
		{why: "HTTP/2", raw: "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", problem: problemMalformed, conns: 2,
			lenient: true},
		{why: "a status of two digits", raw: "HTTP/1.1 20 OK\r\n\r\n", problem: problemMalformed, text: "HTTP/1.1 20 OK",
			conns: 2},
		{why: "a negative length", raw: ok + "Content-Length: -1\r\n\r\n", problem: problemMalformed, text: `"-1"`, conns: 2},
		{why: "a length with a sign", raw: ok + "Content-Length: +2\r\n\r\nhi", problem: problemMalformed, conns: 2},
		{why: "a length with leading zeros", raw: ok + "Content-Length: 02\r\n\r\nhi", problem: problemMalformed, conns: 2,
			lenient: true},
		{why: "an empty length", raw: ok + "Content-Length:\r\n\r\n", problem: problemMalformed, conns: 2},
		{why: "two lengths", raw: ok + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi!", problem: problemMalformed,
			text: "2 and 3", conns: 2},
		{why: "two lengths in one line", raw: ok + "Content-Length: 2, 2\r\n\r\nhi", problem: problemMalformed, conns: 2},
		{why: "another transfer coding", raw: ok + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
			problem: problemMalformed, conns: 2},
		{why: "chunked twice", raw: ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
			problem: problemMalformed, conns: 2},
		{why: "a negative chunk", raw: ok + "Transfer-Encoding: chunked\r\n\r\n-1\r\n", problem: problemMalformed, conns: 2},
		{why: "a chunk of more than any number", raw: ok + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
			problem: problemMalformed, conns: 2},
		{why: "a chunk that is longer than its size", raw: ok + "Transfer-Encoding: chunked\r\n\r\n1\r\nhi\r\n0\r\n\r\n",
			problem: problemMalformed,
			text:    "longer than its size of 1", conns: 2},
		{why: "a header line without a colon", raw: ok + "nonsense\r\n\r\n", problem: problemMalformed, text: "nonsense",
			conns: 2},
		{why: "a blank before the colon", raw: ok + "Content-Length : 2\r\n\r\nhi", problem: problemMalformed, conns: 2,
			lenient: true, closes: true},
		{why: "a control character in a header", raw: ok + "A: \x01\r\nContent-Length: 0\r\n\r\n", problem: problemMalformed,
			conns: 2},
		{why: "a body beyond the limit, announced", raw: ok + "Content-Length: 99999999999\r\n\r\n", problem: problemTooLarge,
			conns:  2,
			closes: true, theirs: problemHalf},
		{why: "a body beyond the limit, in chunks",
			raw:     ok + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("800\r\n"+strings.Repeat("x", 2048)+"\r\n", 50),
			problem: problemTooLarge, text: "a body of more than 65536 bytes", conns: 2},
		{why: "a header beyond the limit", raw: ok + "A: " + strings.Repeat("x", 1<<20), problem: problemTooLarge,
			text:  "a header of more than 65536 bytes",
			conns: 2, theirs: problemMalformed},
		{why: "header lines beyond the limit", raw: ok + strings.Repeat("A: b\r\n", 1<<15), problem: problemTooLarge, conns: 2,
			theirs: problemMalformed},
	}
	for _, test := range tests {
		for _, transport := range transports {
			t.Run(transport.name+"/"+test.why, func(t *testing.T) {
				handle := answers(test.raw)
				if test.closes {
					handle = answersAndCloses(test.raw)
				}
				s := serve(t, handle)
				options := clientOptions{timeout: patience, maxBody: 64 << 10, maxHeader: 64 << 10}
				c := transport.open(options)
				defer c.close()
				q := get(s)
				if test.method != "" {
					q.method = test.method
				}
				for i := range 2 {
					var a response
					err := c.exchange(t.Context(), q, &a)
					theirs := transport.name == "net/http"
					if test.closes && i == 0 && !theirs {
						closesSoon(c)
					} else if (test.closes || test.unasked) && i == 0 && theirs { // nothing shows whether net/http has seen what follows
						c.close()
						c = transport.open(options)
						defer c.close()
					}
					if theirs && test.lenient {
						if err != nil {
							t.Fatal(err)
						}
						continue
					}
					want := test.problem
					if theirs && test.theirs != 0 {
						want = test.theirs
					}
					if got := problemOf(err); got != want || (err == nil) != (want == 0) {
						t.Fatalf("problem %d (%v), want %d", got, err, want)
					}
					if errors.Is(err, errNotSent) {
						t.Errorf("%v: the service has read the request", err)
					}
					if err != nil && !theirs && !strings.Contains(err.Error(), test.text) {
						t.Errorf("error %q, want %q in it", err, test.text)
					}
					if a.status != test.status || string(a.body) != test.body {
						t.Errorf("status %d, body %q, want %d, %q", a.status, a.body, test.status, test.body)
					}
				}
				if n := s.requests.Load(); n != 2 {
					t.Errorf("the service read %d requests, want 2", n)
				}
				if n := s.conns.Load(); n != test.conns && (transport.name == "own" || n > 2) {
					t.Errorf("%d connections, want %d", n, test.conns)
				}
			})
		}
	}
}

// closesSoon waits until the client can see that the service has closed its connections.
func closesSoon(e exchanger) {
	for _, k := range e.(*client).conns {
		for k.nc != nil && k.look.quiet() {
			time.Sleep(100 * time.Microsecond)
		}
	}
}

func TestHeaderOfAnswer(t *testing.T) {
	s := serve(t, answers("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Folded: a\r\n\tb \r\nContent-Length: 0\r\n\r\n"))
	for _, transport := range transports {
		c := transport.open(clientOptions{timeout: patience})
		defer c.close()
		want := []headerField{{"Content-Length", "0"}, {"Content-Type", "text/plain"}, {"Set-Cookie", "a=1"}, {"Set-Cookie", "b=2"}, {"X-Folded", "a b"}}
		for range 2 { // the second time the header is that of the last answer
			var a response
			if err := c.exchange(t.Context(), get(s), &a); err != nil {
				t.Fatal(err)
			}
			got := map[headerField]bool{}
			for _, f := range a.header {
				got[f] = true
			}
			for _, f := range want {
				if !got[f] || len(a.header) != len(want) {
					t.Errorf("%s: header %q, want %q", transport.name, a.header, want)
				}
			}
		}
	}
}

// TestRequestOnTheWire compares what the service receives, byte by byte.
func TestRequestOnTheWire(t *testing.T) {
	base := &url.URL{Scheme: "http", Host: "127.0.0.1:80"}
	for _, test := range []struct {
		why  string
		q    request
		want string
	}{
		{"no body", request{method: "GET", target: []byte("/a?b=c%20d")}, "GET /a?b=c%20d HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n"},
		{"a body", request{method: "POST", target: []byte("/"), header: []headerField{{"content-TYPE", "x"}}, body: []byte("hi")},
			"POST / HTTP/1.1\r\nHost: 127.0.0.1:80\r\ncontent-TYPE: x\r\nContent-Length: 2\r\n\r\nhi"},
		{"an empty body", request{method: "PUT", target: []byte("/")}, "PUT / HTTP/1.1\r\nHost: 127.0.0.1:80\r\nContent-Length: 0\r\n\r\n"},
		{"a body of a method that seldom has one", request{method: "DELETE", target: []byte("/"), body: []byte("x")},
			"DELETE / HTTP/1.1\r\nHost: 127.0.0.1:80\r\nContent-Length: 1\r\n\r\nx"},
		{"another host", request{method: "GET", target: []byte("/"), header: []headerField{{"host", "a.test"}, {"A", "b"}}},
			"GET / HTTP/1.1\r\nHost: a.test\r\nA: b\r\n\r\n"},
	} {
		test.q.base = base
		if err := checkRequest(&test.q); err != nil {
			t.Errorf("%s: %v", test.why, err)
		}
		if diff := cmp.Diff(test.want, string(appendRequest(nil, &test.q))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.why, diff)
		}
	}
}

// TestNetHTTPSendsTheSame sends requests through both transports to one service.
func TestNetHTTPSendsTheSame(t *testing.T) {
	type seen struct {
		Method, URI, Host, Body string
		Header                  http.Header
		Length                  int64
		Coding                  []string
	}
	var mu sync.Mutex
	var got []seen
	s := serve(t, func(s *rawService, nc net.Conn, r *bufio.Reader) {
		for {
			q, err := s.read(r)
			if err != nil {
				return
			}
			body, _ := io.ReadAll(q.Body)
			mu.Lock()
			got = append(got, seen{q.Method, q.RequestURI, q.Host, string(body), q.Header, q.ContentLength, q.TransferEncoding})
			mu.Unlock()
			_, _ = io.WriteString(nc, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
	})
	for _, q := range []request{
		{method: "GET", target: []byte("/a%2Fb?c=d%20e&f")},
		{method: "GET", target: []byte(`/a"b`), header: []headerField{{"Cookie", "a=b"}, {"Accept", "x"}, {"Accept", "y"}}},
		{method: "POST", target: []byte("/"), body: []byte("hi")},
		{method: "POST", target: []byte("/")},
		{method: "DELETE", target: []byte("/")},
		{method: "HEAD", target: []byte("/")},
		{method: "GET", target: []byte("/"), header: []headerField{{"Host", "a.test"}, {"User-Agent", "x"}}},
	} {
		q.base, got = s.base, nil
		for _, transport := range transports {
			c := transport.open(clientOptions{timeout: patience})
			if err := c.exchange(t.Context(), &q, new(response)); err != nil {
				t.Fatal(err)
			}
			c.close()
		}
		if diff := cmp.Diff(got[0], got[1]); diff != "" {
			t.Errorf("%s %s: net/http sends something else (-own +net/http):\n%s", q.method, q.target, diff)
		}
	}
}

func TestRequestsThatCannotBeSent(t *testing.T) {
	s := serve(t, answers("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
	for _, test := range []struct {
		why string
		q   request
	}{
		{"a line break in a header", request{method: "GET", target: []byte("/"), header: []headerField{{"A", "b\r\nC: d"}}}},
		{"a line break in the name of a header", request{method: "GET", target: []byte("/"), header: []headerField{{"A\n", "b"}}}},
		{"a length of its own", request{method: "POST", target: []byte("/"), header: []headerField{{"content-length", "1"}}}},
		{"a coding of its own", request{method: "POST", target: []byte("/"), header: []headerField{{"transfer-encoding", "chunked"}}}},
		{"a blank in the path", request{method: "GET", target: []byte("/a HTTP/1.1\r\nA: b")}},
		{"no path", request{method: "GET"}},
		{"a blank in the method", request{method: "GET /", target: []byte("/")}},
	} {
		for _, transport := range transports {
			c := transport.open(clientOptions{timeout: patience})
			defer c.close()
			test.q.base = s.base
			err := c.exchange(t.Context(), &test.q, new(response))
			if problemOf(err) != problemInvalid || !errors.Is(err, errNotSent) {
				t.Errorf("%s: %s: got %v", transport.name, test.why, err)
			}
		}
	}
	if n := s.conns.Load(); n != 0 {
		t.Errorf("%d connections", n)
	}
}

// TestTimeLimit has services that never finish: the limit is that of the whole exchange, however often a byte arrives.
func TestTimeLimit(t *testing.T) {
	slowly := func(text string) func(*rawService, net.Conn, *bufio.Reader) {
		return func(s *rawService, nc net.Conn, r *bufio.Reader) {
			if _, err := s.read(r); err != nil {
				return
			}
			for i := 0; ; i++ {
				if _, err := nc.Write([]byte{text[min(i, len(text)-1)]}); err != nil {
					return
				}
				time.Sleep(time.Millisecond)
			}
		}
	}
	for _, test := range []struct {
		why, text string
		handle    func(*rawService, net.Conn, *bufio.Reader)
	}{
		{"no answer", "nothing arrived", answers("")},
		{"a header byte by byte", "bytes arrived", slowly("HTTP/1.1 200 OK\r\nA: x")},
		{"an endless body byte by byte", "bytes of the body arrived", slowly("HTTP/1.1 200 OK\r\n\r\nx")},
		{"less than its length", "2 of 4 bytes of the body arrived", answers("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhi")},
		{"endless interim answers", "", func(s *rawService, nc net.Conn, r *bufio.Reader) {
			_, err := s.read(r)
			for err == nil {
				_, err = io.WriteString(nc, "HTTP/1.1 102 Processing\r\n\r\n")
				time.Sleep(time.Millisecond)
			}
		}},
	} {
		for _, transport := range transports {
			t.Run(transport.name+"/"+test.why, func(t *testing.T) {
				for limit := 50 * time.Millisecond; ; limit *= 2 { // until the service gets as far as it should
					s := serve(t, test.handle)
					c := transport.open(clientOptions{timeout: limit})
					arrived := true
					for range 2 {
						err := c.exchange(t.Context(), get(s), new(response))
						if problemOf(err) != problemTooSlow && !(transport.name == "net/http" && strings.Contains(test.why, "interim")) {
							t.Errorf("got %v", err)
						}
						arrived = arrived && err != nil && (transport.name == "net/http" || strings.Contains(err.Error(), test.text))
					}
					c.close()
					n := s.requests.Load()
					if n > 2 {
						t.Errorf("%d requests, want 2", n)
					}
					if arrived && n == 2 {
						return
					}
					if limit > patience || t.Failed() {
						t.Fatalf("%d requests within %v, want 2", n, limit)
					}
				}
			})
		}
	}
}

// TestLateAnswer has a service whose answers take longer than what earlier exchanges left of the deadline of the connection.
func TestLateAnswer(t *testing.T) {
	s := serve(t, func(s *rawService, nc net.Conn, r *bufio.Reader) {
		for {
			if _, err := s.read(r); err != nil {
				return
			}
			time.Sleep(60 * time.Millisecond)
			_, _ = io.WriteString(nc, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
	})
	c := newClient(clientOptions{timeout: patience}).(*client)
	defer c.close()
	for range 5 {
		if err := c.exchange(t.Context(), get(s), new(response)); err != nil {
			t.Fatal(err)
		}
		if err := c.conns[0].nc.SetDeadline(time.Now().Add(time.Millisecond)); err != nil { // as an earlier exchange could have left it
			t.Fatal(err)
		}
	}
	if n := s.conns.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

func TestCancel(t *testing.T) {
	s := serve(t, answers(""))
	for _, transport := range transports {
		c := transport.open(clientOptions{timeout: patience})
		defer c.close()
		reason := errors.New("the run was stopped")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(10*time.Millisecond, func() { cancel(reason) })
		err := c.exchange(ctx, get(s), new(response))
		if problemOf(err) != problemCancelled || !errors.Is(err, reason) {
			t.Errorf("%s: got %v, want %v", transport.name, err, reason)
		}
		if err = c.exchange(ctx, get(s), new(response)); !errors.Is(err, reason) || !errors.Is(err, errNotSent) {
			t.Errorf("%s: with an ended context: %v", transport.name, err)
		}
	}
}

// TestContexts has exchanges with one context after another: only the last one may close the connection.
func TestContexts(t *testing.T) {
	s := serve(t, answers("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
	c := newClient(clientOptions{timeout: patience})
	defer c.close()
	for range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		for range 2 {
			if err := c.exchange(ctx, get(s), new(response)); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.exchange(context.Background(), get(s), new(response)); err != nil {
			t.Fatal(err)
		}
		cancel()
	}
	if n := s.conns.Load(); n != 1 {
		t.Errorf("%d connections, want 1: a context that had ended closed one", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := c.exchange(ctx, get(s), new(response)); err != nil {
		t.Fatal(err)
	}
	cancel() // closes the connection between exchanges
	if err := c.exchange(t.Context(), get(s), new(response)); err != nil {
		t.Errorf("after the end of an earlier context: %v", err)
	}
	if n := s.requests.Load(); n != 11 {
		t.Errorf("%d requests, want 11", n)
	}
}

func TestNoConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &rawService{base: &url.URL{Scheme: "http", Host: l.Addr().String()}}
	l.Close()
	for _, transport := range transports {
		c := transport.open(clientOptions{timeout: patience})
		defer c.close()
		if err := c.exchange(t.Context(), get(s), new(response)); problemOf(err) != problemRefused || !errors.Is(err, errNotSent) {
			t.Errorf("%s: got %v", transport.name, err)
		}
	}
}

// TestClosesAtOnce has a service that closes each connection before it reads.
func TestClosesAtOnce(t *testing.T) {
	s := serve(t, func(*rawService, net.Conn, *bufio.Reader) {})
	for _, transport := range transports {
		c := transport.open(clientOptions{timeout: patience})
		defer c.close()
		for range 20 {
			err := c.exchange(t.Context(), get(s), new(response))
			if p := problemOf(err); p != problemClosed && p != problemReset {
				t.Errorf("%s: got %v", transport.name, err)
			}
		}
	}
	if n := s.conns.Load(); n != 40 {
		t.Errorf("%d connections, want 40", n)
	}
}

// TestIdleConnectionIsReplaced closes connections between exchanges, or sends an answer without a request.
func TestIdleConnectionIsReplaced(t *testing.T) {
	for _, test := range []struct {
		why       string
		interrupt func(net.Conn)
	}{
		{"closed", func(nc net.Conn) { nc.Close() }},
		{"reset", func(nc net.Conn) { _ = nc.(*net.TCPConn).SetLinger(0); nc.Close() }},
		{"an answer without a request", func(nc net.Conn) {
			_, _ = io.WriteString(nc, "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
		}},
	} {
		t.Run(test.why, func(t *testing.T) {
			s := serve(t, answers("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"))
			c := newClient(clientOptions{timeout: patience})
			defer c.close()
			for range 5 {
				var a response
				if err := c.exchange(t.Context(), get(s), &a); err != nil || a.status != 200 {
					t.Fatalf("status %d, %v", a.status, err)
				}
				s.mu.Lock()
				test.interrupt(s.open[len(s.open)-1])
				s.mu.Unlock()
				closesSoon(c)
			}
			if s.requests.Load() != 5 || s.conns.Load() != 5 {
				t.Errorf("%d requests, %d connections, want 5 and 5", s.requests.Load(), s.conns.Load())
			}
		})
	}
}

// TestServiceIsGone closes the connection and the listener between exchanges: nothing was sent.
func TestServiceIsGone(t *testing.T) {
	s := serve(t, answers("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"))
	c := newClient(clientOptions{timeout: patience})
	defer c.close()
	if err := c.exchange(t.Context(), get(s), new(response)); err != nil {
		t.Fatal(err)
	}
	s.listener.Close()
	s.cut()
	closesSoon(c)
	if err := c.exchange(t.Context(), get(s), new(response)); problemOf(err) != problemRefused || !errors.Is(err, errNotSent) {
		t.Errorf("got %v", err)
	}
}

// TestAnswerBeforeTheRequestIsComplete has services that answer a large request when they have read its header: the answer counts.
func TestAnswerBeforeTheRequestIsComplete(t *testing.T) {
	for _, test := range []struct {
		why    string
		closes bool
	}{{"and close", true}, {"and read no more", false}} {
		t.Run(test.why, func(t *testing.T) {
			s := serve(t, func(s *rawService, nc net.Conn, r *bufio.Reader) {
				if _, err := http.ReadRequest(r); err != nil {
					return
				}
				s.requests.Add(1)
				_, _ = io.WriteString(nc, "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
				if test.closes {
					_ = nc.(*net.TCPConn).CloseWrite()
				}
				time.Sleep(50 * time.Millisecond)
			})
			for _, transport := range transports {
				s.requests.Store(0)
				c := transport.open(clientOptions{timeout: patience})
				defer c.close()
				for range 2 {
					var a response
					err := c.exchange(t.Context(), post(s, strings.Repeat("x", 15<<20)), &a)
					if transport.name == "net/http" && err != nil && !errors.Is(err, errNotSent) {
						continue // net/http may report that it could not write the rest, though the answer was there
					}
					if err != nil || a.status != 413 || string(a.body) != "no" {
						t.Errorf("%s: status %d, body %q, %v", transport.name, a.status, a.body, err)
					}
				}
				if n := s.requests.Load(); n != 2 {
					t.Errorf("%s: %d requests, want 2", transport.name, n)
				}
			}
		})
	}
}

// TestLargeBodies sends 2 MiB back and forth, more than the buffers of a connection hold.
func TestLargeBodies(t *testing.T) {
	body := strings.Repeat("0123456789abcdef", 2<<20/16)
	s := serve(t, func(s *rawService, nc net.Conn, r *bufio.Reader) {
		for {
			q, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			s.requests.Add(1)
			fmt.Fprintf(nc, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", q.ContentLength)
			if _, err := io.Copy(nc, q.Body); err != nil {
				return
			}
		}
	})
	for _, transport := range transports {
		c := transport.open(clientOptions{timeout: patience})
		defer c.close()
		for range 3 {
			var a response
			if err := c.exchange(t.Context(), post(s, body), &a); err != nil || string(a.body) != body {
				t.Errorf("%s: %d bytes, %v", transport.name, len(a.body), err)
			}
		}
	}
	if n := s.requests.Load(); n != 6 {
		t.Errorf("%d requests, want 6", n)
	}
}

// TestWorkers sends requests to two services in turn: one connection to each.
func TestWorkers(t *testing.T) {
	a := serve(t, answers("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"))
	b := serve(t, answers("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb"))
	for _, transport := range transports {
		c := transport.open(clientOptions{timeout: patience})
		defer c.close()
		for range 3 {
			for want, s := range map[string]*rawService{"a": a, "b": b} {
				var answer response
				if err := c.exchange(t.Context(), get(s), &answer); err != nil || string(answer.body) != want {
					t.Errorf("%s: %q, %v, want %q", transport.name, answer.body, err, want)
				}
			}
		}
	}
	if a.conns.Load() != 2 || b.conns.Load() != 2 {
		t.Errorf("%d and %d connections of two clients", a.conns.Load(), b.conns.Load())
	}
}

// TestTLSAndHTTP2 has exchanges over each protocol for which net/http is needed.
func TestTLSAndHTTP2(t *testing.T) {
	var requests atomic.Int64
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %s", r.Proto, r.Method, r.RequestURI, body)
	})
	for _, test := range []struct {
		name                string
		secured, http2, h2c bool
		proto               string
	}{
		{"https", true, false, false, "HTTP/1.1"},
		{"https, HTTP/2", true, true, false, "HTTP/2.0"},
		{"http, HTTP/2", false, true, true, "HTTP/2.0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			requests.Store(0)
			var conns atomic.Int64
			s := httptest.NewUnstartedServer(handler)
			s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				if state == http.StateNew {
					conns.Add(1)
				}
			}
			s.EnableHTTP2 = test.http2
			o := clientOptions{timeout: patience, http2: test.h2c}
			if test.secured {
				s.StartTLS()
				o.tls = &tls.Config{RootCAs: s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
			} else {
				s.Config.Protocols = new(http.Protocols)
				s.Config.Protocols.SetUnencryptedHTTP2(true)
				s.Start()
			}
			defer s.Close()
			base, err := url.Parse(s.URL)
			if err != nil {
				t.Fatal(err)
			}
			c := newExchanger([]*url.URL{base}, o)
			defer c.close()
			for i, q := range []request{
				{method: "GET", target: []byte("/a%2Fb?c")}, {method: "POST", target: []byte("/"), body: []byte("hi")},
				{method: "POST", target: []byte("/")}, {method: "DELETE", target: []byte("/")},
			} {
				q.base = base
				var a response
				if err := c.exchange(t.Context(), &q, &a); err != nil {
					t.Fatal(err)
				}
				if want := fmt.Sprintf("%s %s %s %s", test.proto, q.method, q.target, q.body); string(a.body) != want || a.status != 200 {
					t.Errorf("exchange %d: %d %q, want %q", i, a.status, a.body, want)
				}
			}
			if requests.Load() != 4 || conns.Load() != 1 {
				t.Errorf("%d requests, %d connections, want 4 and 1", requests.Load(), conns.Load())
			}
		})
	}
}

// TestCertificate refuses a service whose certificate is not trusted, before a request is sent.
func TestCertificate(t *testing.T) {
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	base, _ := url.Parse(s.URL)
	c := newExchanger([]*url.URL{base}, clientOptions{timeout: patience})
	defer c.close()
	err := c.exchange(t.Context(), &request{method: "GET", base: base, target: []byte("/")}, new(response))
	if problemOf(err) != problemUnreached || !errors.Is(err, errNotSent) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("got %v", err)
	}
}
