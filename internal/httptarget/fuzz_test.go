package httptarget

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// recorded is a connection that yields recorded data in pieces, and then ends.
type recorded struct {
	net.Conn
	data  []byte
	piece int
}

func (r *recorded) Read(p []byte) (int, error) {
	if len(r.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.data[:min(r.piece, len(r.data))])
	r.data = r.data[n:]
	return n, nil
}

func (r *recorded) Close() error                { return nil }
func (r *recorded) SetDeadline(time.Time) error { return nil }

// FuzzAnswer compares answers with what net/http reads. What is accepted here, net/http accepts and reads alike, however the answer
// arrives in pieces; a connection that ends for net/http is not used again here.
func FuzzAnswer(f *testing.F) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for i, seed := range []string{
		ok + "Content-Length: 2\r\n\r\nhi",
		ok + "Content-Length: 2\r\n\r\nhi" + ok + "\r\n",
		ok + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
		ok + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi!",
		ok + "Content-Length: 02\r\n\r\nhi",
		ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nA: b\r\n\r\n",
		ok + "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n1;a=b\r\nh\r\n00 \r\n\r\n",
		ok + "Transfer-Encoding: chunked\n\n1\nh\n0\n\n",
		ok + "Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\n\r\n",
		ok + "Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
		ok + "Connection: close, x\r\nX: a\r\n  b\r\n\r\nhi",
		"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.0 200\nTransfer-Encoding: chunked\n\n0\n\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\n\r\nhi",
		"HTTP/1.1 304 Not Modified\r\n\r\nhi",
		"HTTP/1.1  200 OK\r\n\r\n", "HTTP/1.1 +20 OK\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1 200\r\nA : b\r\n\r\n",
		"HTTP/1.0 200\n0:000\n  \n\n0", "HTTP/1.1 200 OK\r\n A: b\r\n\r\n", "HTTP/1.1 200 OK\r\nA\r\n\r\n", "HTTP/1.1 200 OK\r\nA: \x00\r\n\r\n", "HTTP/1.1 200 OK\r\n: b\r\n\r\n",
	} {
		f.Add([]byte(seed), i%3, uint8(i))
	}
	f.Fuzz(func(t *testing.T, data []byte, method int, piece uint8) {
		q := &request{method: []string{"GET", "POST", "HEAD"}[uint(method)%3], base: &url.URL{Host: "a"}}
		nc := &recorded{data: data, piece: int(piece) + 1}
		c := &wireConn{clientOptions: clientOptions{}.withDefaults(), nc: nc}
		var a response
		if err := c.answer(q, &a); err != nil {
			if p := problemOf(err); p != problemMalformed && p != problemTooLarge && err != io.EOF {
				t.Fatalf("unexpected error %v", err)
			}
			return
		}
		theirs, body, err := readByNetHTTP(data, q.method)
		if err != nil {
			t.Fatalf("status %d and body %q, but net/http says %v", a.status, a.body, err)
		}
		if a.status != theirs.StatusCode || !bytes.Equal(a.body, body) && !c.head.events {
			t.Fatalf("status %d, body %q; net/http: %d, %q", a.status, a.body, theirs.StatusCode, body)
		}
		if theirs.Close && c.nc != nil {
			t.Fatal("net/http does not use the connection again")
		}
		for name, values := range theirs.Header {
			var own []string
			for _, h := range a.header {
				if h.name == name {
					own = append(own, blanks(h.value))
				}
			}
			for i := range values {
				values[i] = blanks(values[i]) // net/http keeps those of continued lines
			}
			if name != "Content-Length" && name != "Cache-Control" && !slices.Equal(own, values) { // net/http changes these two
				t.Fatalf("%s: %q; net/http: %q", name, own, values)
			}
		}
	})
}

// blanks has one blank for each row of blanks between words.
func blanks(text string) string { return strings.Join(strings.Fields(text), " ") }

// readByNetHTTP reads the first answer that is not an interim one.
func readByNetHTTP(data []byte, method string) (*http.Response, []byte, error) {
	r := bufio.NewReader(bytes.NewReader(data))
	for {
		a, err := http.ReadResponse(r, &http.Request{Method: method})
		if err != nil {
			return nil, nil, err
		}
		if a.StatusCode >= 200 || a.StatusCode == http.StatusSwitchingProtocols {
			body, err := io.ReadAll(a.Body)
			return a, body, err
		}
	}
}
