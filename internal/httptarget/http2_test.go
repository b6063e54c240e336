package httptarget

import (
	"bufio"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/sessbench/sessbench/internal/chattest"
)

// fate2 is what a service over HTTP/2 does with a request.
type fate2 int

const (
	answered2      fate2 = iota
	refusedStream        // RST_STREAM with REFUSED_STREAM: it was not processed
	protocolError        // RST_STREAM with PROTOCOL_ERROR: it may have been
	cancelled            // RST_STREAM with CANCEL
	goAwayBefore         // GOAWAY, and the request is not processed
	goAwayAfter          // GOAWAY, and the request is answered
	goAwayHalfway        // GOAWAY, and the connection ends without an answer
	closedSilently       // the connection ends
	goAwayIdle           // the request is answered, and then the connection goes away
	numFates2
)

// The types and flags of frames that the service needs.
const (
	frameData, frameHeaders, frameReset, frameSettings, framePing, frameGoAway = 0, 1, 3, 4, 6, 7

	flagEndStream, flagAck, flagEndHeaders = 1, 1, 4
)

// serveHTTP2 starts a service that speaks HTTP/2 without TLS and does to its requests, in the order of their arrival, what draw says. It
// counts requests by s.requests.
func serveHTTP2(t *testing.T, draw func(n int64) fate2) *rawService {
	return serve(t, func(s *rawService, nc net.Conn, r *bufio.Reader) {
		preface := make([]byte, len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
		if _, err := io.ReadFull(r, preface); err != nil {
			return
		}
		frame := func(kind, flags byte, stream uint32, payload ...byte) {
			head := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, flags}
			_, _ = nc.Write(append(binary.BigEndian.AppendUint32(head, stream), payload...))
		}
		number := func(list ...uint32) (b []byte) {
			for _, n := range list {
				b = binary.BigEndian.AppendUint32(b, n)
			}
			return b
		}
		frame(frameSettings, 0, 0)
		for {
			var head [9]byte
			if _, err := io.ReadFull(r, head[:]); err != nil {
				return
			}
			payload := make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
			if _, err := io.ReadFull(r, payload); err != nil {
				return
			}
			stream := binary.BigEndian.Uint32(head[5:])
			answer := func() {
				frame(frameHeaders, flagEndHeaders, stream, 0x88) // :status 200
				frame(frameData, flagEndStream, stream, 'h', 'i')
			}
			switch kind, flags := head[3], head[4]; {
			case kind == frameSettings && flags&flagAck == 0:
				frame(frameSettings, flagAck, 0)
			case kind == framePing && flags&flagAck == 0:
				frame(framePing, flagAck, 0, payload...)
			case kind == frameHeaders:
				switch draw(s.requests.Add(1)) {
				case answered2:
					answer()
				case refusedStream:
					frame(frameReset, 0, stream, number(7)...)
				case protocolError:
					frame(frameReset, 0, stream, number(1)...)
				case cancelled:
					frame(frameReset, 0, stream, number(8)...)
				case goAwayBefore:
					frame(frameGoAway, 0, 0, number(stream-1, 0)...)
				case goAwayAfter:
					frame(frameGoAway, 0, 0, number(stream, 0)...)
					answer()
				case goAwayHalfway:
					frame(frameGoAway, 0, 0, number(stream, 0)...)
					return
				case closedSilently:
					return
				case goAwayIdle:
					answer()
					frame(frameGoAway, 0, 0, number(stream, 0)...)
				}
			}
		}
	})
}

// TestNothingIsSentTwiceOverHTTP2 has each fate between requests that are answered, with and without a body.
func TestNothingIsSentTwiceOverHTTP2(t *testing.T) {
	for fate := range numFates2 {
		for _, q := range []request{
			{method: "GET", target: []byte("/")}, {method: "DELETE", target: []byte("/")}, {method: "POST", target: []byte("/"), body: []byte("hi")},
			{method: "POST", target: []byte("/")}, {method: "PUT", target: []byte("/"), header: []headerField{{"Idempotency-Key", "a"}}},
		} {
			t.Run(fmt.Sprintf("%d %s %d bytes", fate, q.method, len(q.body)), func(t *testing.T) {
				if wrong := sentWronglyOverHTTP2(t, newHTTPClient, fate, q); wrong != "" {
					t.Error(wrong)
				}
			})
		}
	}
}

// TestRequestsSentAgainOverHTTP2AreFound has net/http as it is.
func TestRequestsSentAgainOverHTTP2AreFound(t *testing.T) {
	naive := func(clientOptions) exchanger {
		var protocols http.Protocols
		protocols.SetUnencryptedHTTP2(true)
		return naiveClient{&http.Transport{Protocols: &protocols}}
	}
	for _, fate := range []fate2{refusedStream, protocolError, goAwayBefore} {
		if sentWronglyOverHTTP2(t, naive, fate, request{method: "POST", target: []byte("/")}) == "" {
			t.Errorf("fate %d: a request that was sent again is not found", fate)
		}
	}
}

// sentWronglyOverHTTP2 returns what is wrong with requests of which the second, the third and the sixth meet a fate.
func sentWronglyOverHTTP2(t *testing.T, open func(clientOptions) exchanger, fate fate2, q request) (wrong string) {
	t.Helper()
	s := serveHTTP2(t, func(n int64) fate2 {
		if slices.Contains([]int64{2, 3, 6}, n) {
			return fate
		}
		return answered2
	})
	c := open(clientOptions{timeout: patience, http2: true})
	defer c.close()
	q.base = s.base
	const operations = 8
	failed, unsent := 0, 0
	for i := range operations {
		var a response
		err := c.exchange(t.Context(), &q, &a)
		if err == nil && (a.status != 200 || string(a.body) != "hi") {
			t.Errorf("operation %d: status %d, body %q", i, a.status, a.body)
		}
		if err != nil {
			failed++
			t.Logf("operation %d: %v", i, err)
		}
		if errors.Is(err, errNotSent) {
			unsent++
		}
	}
	if sent := int(s.requests.Load()); sent > operations-unsent || sent < operations-failed {
		wrong = fmt.Sprintf("%d requests arrived of %d operations, of which %d failed and %d were not sent", sent, operations, failed, unsent)
	}
	if fails := fate != answered2 && fate != goAwayAfter; wrong == "" && fate != goAwayIdle && fails != (failed > 0) { // a request may cross with GOAWAY
		wrong = fmt.Sprintf("%d operations failed", failed)
	}
	return wrong
}

// TestTargetOverTLS: the whole of a target over each version, with certificates that only the mapping knows. As many requests arrive as
// were sent.
func TestTargetOverTLS(t *testing.T) {
	for _, test := range []struct {
		keys, proto string
		enabled     bool
	}{
		{"tls: {ca: ca.pem}\n", "HTTP/1.1", false},
		{"tls: {ca: ca.pem}\n", "HTTP/2.0", true},
		{"tls: {ca: ca.pem}\nhttp2: true\n", "HTTP/2.0", true},
		{"tls: {ca: ca.pem}\nhttp2: true\n", "", false},
		{"", "", true},
	} {
		t.Run(test.keys+test.proto, func(t *testing.T) {
			service := chattest.New()
			service.Bend = func(_ int64, _ http.ResponseWriter, r *http.Request) bool {
				if r.Proto != test.proto {
					t.Errorf("%s, want %s", r.Proto, test.proto)
				}
				return false
			}
			s := httptest.NewUnstartedServer(service)
			s.Config.ErrorLog = log.New(io.Discard, "", 0)
			s.EnableHTTP2 = test.enabled
			s.StartTLS()
			defer s.Close()
			dir := t.TempDir()
			certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
			if err := errors.Join(os.WriteFile(filepath.Join(dir, "ca.pem"), certificate, 0o600),
				os.WriteFile(filepath.Join(dir, "chat.yaml"), []byte(chattest.Mapping(s.URL)+test.keys), 0o600)); err != nil {
				t.Fatal(err)
			}
			m, err := Load(filepath.Join(dir, "chat.yaml"), nil)
			if err != nil {
				t.Fatal(err)
			}
			target, err := Start(t.Context(), m, Options{Timeout: patience})
			if err != nil {
				t.Fatal(err)
			}
			defer target.Close()
			sent := 0
			_, err = target.Rehearse(t.Context(), func(*Exchange) { sent++ })
			arrived := int(service.Requests.Load())
			if (err == nil) != (test.proto != "") || err != nil && arrived != sent || err == nil && arrived != 7+15 { // 14 messages and a history are not shown
				t.Errorf("%d requests, %d exchanges, %v", service.Requests.Load(), sent, err)
			}
		})
	}
}
