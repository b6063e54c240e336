package httptarget

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// httpClient exchanges messages by net/http, for TLS and HTTP/2, with one connection to each worker.
//
// A [http.Transport] sends some requests again when a connection that was in use before fails, or when a service refuses a stream of
// HTTP/2 (REFUSED_STREAM, PROTOCOL_ERROR, GOAWAY): without a body, or with one that it can rewind. That cannot be switched off.
// The bodies here cannot be rewound, after a byte was written no other connection is opened, and none is used again.
type httpClient struct {
	clientOptions
	transport *http.Transport
	buf       []byte
	now       atomic.Pointer[trace] // of the exchange in progress or the last one
}

var _ exchanger = (*httpClient)(nil)

// newHTTPClient returns a client without a connection.
func newHTTPClient(o clientOptions) exchanger {
	c := &httpClient{clientOptions: o.withDefaults(), buf: make([]byte, 16<<10)}
	var protocols http.Protocols
	protocols.SetHTTP1(!o.http2)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(o.http2)
	c.transport = &http.Transport{
		DialContext:            c.dial,
		Protocols:              &protocols,
		MaxIdleConnsPerHost:    1,
		DisableCompression:     true,
		MaxResponseHeaderBytes: int64(c.maxHeader),
	}
	if o.tls != nil {
		c.transport.TLSClientConfig = o.tls.Clone() // the transport changes it
	}
	return c
}

// dial opens a connection, but none to send a request again.
func (c *httpClient) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if c.now.Load().sent() {
		return nil, &failure{problem: problemClosed, detail: mayHaveRead}
	}
	d := net.Dialer{KeepAlive: -1}
	nc, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &countedConn{Conn: nc}, nil
}

// close implements [exchanger].
func (c *httpClient) close() error {
	c.transport.CloseIdleConnections()
	return nil
}

// countedConn counts the writes to a connection, those in progress included: an answer may come before a write returns.
type countedConn struct {
	net.Conn
	writes atomic.Int64
}

// Write implements [net.Conn].
func (c *countedConn) Write(p []byte) (int, error) {
	c.writes.Add(1)
	n, err := c.Conn.Write(p)
	if n == 0 {
		c.writes.Add(-1)
	}
	return n, err
}

// trace observes one exchange. Its methods are called by goroutines of the transport.
type trace struct {
	conn     atomic.Pointer[countedConn] // nil: there was no connection yet
	before   atomic.Int64                // writes to conn before the exchange
	answered atomic.Bool
	stop     context.CancelCauseFunc
}

// gotConn is called before each attempt to send the request. A second one, after something was sent, is stopped: the transport looks at the
// context before it writes the header.
func (t *trace) gotConn(info httptrace.GotConnInfo) {
	if t.sent() {
		t.stop(&failure{problem: problemClosed, detail: mayHaveRead})
		return
	}
	nc := info.Conn
	if secured, ok := nc.(*tls.Conn); ok {
		nc = secured.NetConn()
	}
	if counted, ok := nc.(*countedConn); ok {
		t.before.Store(counted.writes.Load())
		t.conn.Store(counted)
	}
}

func (t *trace) gotFirstByte() { t.answered.Store(true) }

// sent reports whether something was written to the connection.
func (t *trace) sent() bool {
	c := t.conn.Load()
	return c != nil && c.writes.Load() > t.before.Load()
}

// exchange implements [exchanger].
func (c *httpClient) exchange(ctx context.Context, q *request, a *response) error {
	start := time.Now()
	a.status, a.header, a.body, a.firstEvent = 0, a.header[:0], a.body[:0], 0
	if err := checkRequest(q); err != nil {
		return err
	}
	t := new(trace)
	c.now.Store(t)
	x, err := c.roundTrip(ctx, q, a, start)
	if err == nil {
		return nil
	}
	x.connected, x.sent, x.limit = t.conn.Load() != nil, t.sent(), c.timeout
	if t.answered.Load() {
		x.received = -1
	}
	a.status, a.header, a.body, a.firstEvent = 0, a.header[:0], a.body[:0], 0
	return failed(ctx, err, x)
}

// roundTrip sends q and reads the answer.
func (c *httpClient) roundTrip(ctx context.Context, q *request, a *response, start time.Time) (x extent, err error) {
	x.wanted = -1
	if bytes.HasPrefix(q.target, []byte("//")) { // [url.URL] would write it as a host
		return x, &failure{problem: problemInvalid, detail: "path with two leading slashes", notSent: true}
	}
	if ctx.Err() != nil {
		return x, context.Cause(ctx)
	}
	limited, release := context.WithTimeout(ctx, c.timeout)
	defer release()
	t := c.now.Load()
	limited, t.stop = context.WithCancelCause(limited)
	defer t.stop(nil)
	answer, err := c.transport.RoundTrip(ofNetHTTP(q).WithContext(httptrace.WithClientTrace(limited, &httptrace.ClientTrace{
		GotConn:              t.gotConn,
		GotFirstResponseByte: t.gotFirstByte,
	})))
	if err != nil {
		if again, ok := errors.AsType[*failure](context.Cause(limited)); ok {
			err = again
		} else if t.answered.Load() {
			err = orMalformed(err)
		}
		return x, err
	}
	defer answer.Body.Close()
	a.status = answer.StatusCode
	for _, name := range slices.Sorted(maps.Keys(answer.Header)) {
		for _, value := range answer.Header[name] {
			a.header = append(a.header, headerField{name, value})
		}
	}
	if q.method != "HEAD" {
		x.wanted = answer.ContentLength
	}
	if err = c.readBody(answer, a, start); err != nil && answer.ProtoMajor == 1 {
		err = orMalformed(err)
	}
	x.body = len(a.body)
	return x, err
}

// readBody reads the body of the answer.
func (c *httpClient) readBody(answer *http.Response, a *response, start time.Time) error {
	media, _, _ := strings.Cut(answer.Header.Get("Content-Type"), ";")
	events := eventStream{active: isEventStream(media), start: start}
	for {
		n, err := answer.Body.Read(c.buf)
		if len(a.body)+n > c.maxBody {
			return exceeds("a body", c.maxBody)
		}
		a.body = append(a.body, c.buf[:n]...)
		events.read(a)
		if errors.Is(err, io.EOF) {
			events.finish(a)
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// orMalformed returns a failure of an answer that net/http cannot read, unless err is the end of a connection, of time or of
// a context.
func orMalformed(err error) error {
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE, net.ErrClosed, context.Canceled} {
		if errors.Is(err, end) {
			return err
		}
	}
	if _, known := errors.AsType[*failure](err); known || timedOut(err) {
		return err
	}
	const most = 200 // it quotes what the service sent
	text := err.Error()
	if len(text) > most {
		text = text[:most] + "…"
	}
	return &failure{problem: problemMalformed, detail: text, cause: err}
}

// once is a body that cannot be rewound.
type once struct{ io.Reader }

// Close implements [io.Closer].
func (once) Close() error { return nil }

// ofNetHTTP returns q for net/http. The names of header fields are written as they are, and no others are added.
func ofNetHTTP(q *request) *http.Request {
	path, query, _ := bytes.Cut(q.target, []byte("?"))
	r := &http.Request{
		Method:        q.method,
		URL:           &url.URL{Scheme: q.base.Scheme, Host: q.base.Host, Opaque: string(path), RawQuery: string(query)},
		Host:          hostOf(q),
		Header:        make(http.Header, len(q.header)+1),
		Body:          once{bytes.NewReader(q.body)},
		ContentLength: int64(len(q.body)),
	}
	if len(q.body) == 0 && usuallyHasBody(q.method) {
		r.Body = http.NoBody // the length of another empty body would be unknown
	}
	r.Header["User-Agent"] = nil // not that of net/http
	for _, f := range q.header {
		if !isName(f.name, "Host") {
			r.Header[f.name] = append(r.Header[f.name], f.value)
		}
	}
	return r
}
