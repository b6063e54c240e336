package httptarget

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"time"
)

// wireConn is a user's connection to a worker. It is opened at the first exchange, and again after the worker or a failure
// closed it.
type wireConn struct {
	clientOptions
	worker  *url.URL
	address string

	nc   net.Conn // nil: none
	look lookout  // on nc
	out  []byte   // buffer of the request

	writing chan error // result of writing the rest of a large request; nil: it has been written

	// Cancellation. One registration serves all exchanges whose contexts share a channel, as those of a run do.
	done       <-chan struct{}
	unregister func() bool

	// Time limit. The deadline of nc is that of an earlier exchange. It is moved when it has passed and the exchange has time
	// left: to move it at each exchange costs more than to look at the clock.
	start time.Time // of the exchange

	// Input. in[r:w] has been received and not been read yet.
	in       []byte
	r, w     int
	received int   // bytes since the request was written
	wanted   int64 // length of the body if it was declared, else -1

	text   string // status line and header of the last answer, from which head was parsed
	head   head
	events eventStream
}

// lineLimit is the maximum length of the line before a chunk.
const lineLimit = 4 << 10

// inlineLimit is the largest request that is written before the answer is read. A larger one might wait for a service that
// answers first, or that sends its answer while it reads: it is written by a goroutine.
const inlineLimit = 64 << 10

// exchange is the exchange of the client.
func (c *wireConn) exchange(ctx context.Context, q *request, a *response) error {
	c.start, c.received, c.wanted = time.Now(), 0, -1
	sent, err := c.send(ctx, q)
	if err == nil || sent {
		answerErr := c.answer(q, a)
		c.endWriting()
		if answerErr == nil {
			if err != nil { // answered before the request was complete
				c.hangUp()
			}
			return nil
		}
		if err == nil || c.received > 0 {
			err = answerErr
		}
	}
	x := extent{connected: c.nc != nil, sent: sent, received: c.received, wanted: c.wanted, body: len(a.body), limit: c.timeout}
	c.hangUp()
	a.status, a.header, a.body, a.firstEvent = 0, a.header[:0], a.body[:0], 0
	return failed(ctx, err, x)
}

// send writes q to an open connection, in one piece. sent reports whether the worker may have received a part of it.
func (c *wireConn) send(ctx context.Context, q *request) (sent bool, err error) {
	reused, err := c.open(ctx)
	if err != nil {
		return false, err
	}
	c.out = appendRequest(c.out[:0], q)
	sent, err = c.write()
	if reused && !sent && err != nil && ctx.Err() == nil && !timedOut(err) { // the worker closed it in this moment
		c.hangUp()
		if _, err = c.open(ctx); err != nil {
			return false, err
		}
		sent, err = c.write()
	}
	if err == nil && len(c.out) > inlineLimit {
		err = c.writeRest()
	}
	return sent, err
}

// open makes c ready for a request that ctx may cancel. A connection that the worker has closed, or on which it sent
// something after its last answer, is replaced.
func (c *wireConn) open(ctx context.Context) (reused bool, err error) {
	if ctx.Done() != nil && ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	if c.nc != nil && (c.r < c.w || !c.look.quiet() || !c.watches(ctx)) {
		c.hangUp()
	}
	if c.nc != nil {
		return true, nil
	}
	limit := c.start.Add(c.timeout)
	d := net.Dialer{Deadline: limit, KeepAlive: -1}
	nc, err := d.DialContext(ctx, "tcp", c.address)
	if err != nil {
		return false, err
	}
	if err := nc.SetDeadline(limit); err != nil {
		nc.Close()
		return false, err
	}
	c.nc, c.r, c.w = nc, 0, 0
	c.look.watch(nc)
	c.register(ctx)
	return false, nil
}

// register has the connection closed when ctx ends.
func (c *wireConn) register(ctx context.Context) {
	if c.done = ctx.Done(); c.done != nil {
		nc := c.nc
		c.unregister = context.AfterFunc(ctx, func() { nc.Close() })
	}
}

// watches makes sure that the connection is closed when ctx, and no other context, ends. It returns false if an earlier
// context has ended.
func (c *wireConn) watches(ctx context.Context) bool {
	if ctx.Done() == c.done {
		return true
	}
	if c.unregister != nil && !c.unregister() {
		return false
	}
	c.unregister = nil
	c.register(ctx)
	return true
}

// hangUp closes the connection. It is idempotent.
func (c *wireConn) hangUp() {
	if c.nc == nil {
		return
	}
	if c.unregister != nil {
		c.unregister()
	}
	c.nc.Close()
	c.nc, c.done, c.unregister, c.r, c.w = nil, nil, nil, 0, 0
}

// extend moves the deadline of the connection to the end of the exchange's time. It returns false if that has passed.
func (c *wireConn) extend() bool {
	limit := c.start.Add(c.timeout)
	return time.Now().Before(limit) && c.nc.SetDeadline(limit) == nil
}

// write writes the request, or the beginning of a large one.
func (c *wireConn) write() (sent bool, err error) {
	first, n := c.out[:min(len(c.out), inlineLimit)], 0
	for {
		var k int
		k, err = c.nc.Write(first[n:])
		if n += k; err == nil || !timedOut(err) || !c.extend() {
			return n > 0, err
		}
	}
}

// writeRest starts to write the rest of a large request.
func (c *wireConn) writeRest() error {
	if err := c.nc.SetDeadline(c.start.Add(c.timeout)); err != nil {
		return err
	}
	c.writing = make(chan error, 1)
	nc, rest, written := c.nc, c.out[inlineLimit:], c.writing
	go func() {
		_, err := nc.Write(rest)
		written <- err
	}()
	return nil
}

// endWriting closes the connection if the answer, or a failure, came before the request was written, and waits until c.out
// is unused.
func (c *wireConn) endWriting() {
	if c.writing == nil {
		return
	}
	select {
	case err := <-c.writing:
		if err != nil {
			c.hangUp()
		}
	default:
		c.hangUp()
		<-c.writing
	}
	c.writing = nil
}

// fill receives more input.
func (c *wireConn) fill() error {
	switch {
	case c.r == c.w:
		c.r, c.w = 0, 0
	case c.w == len(c.in) && c.r > 0:
		c.r, c.w = 0, copy(c.in, c.in[c.r:c.w])
	}
	if c.w == len(c.in) {
		c.in = append(c.in, make([]byte, max(len(c.in), 16<<10))...)
	}
	for {
		n, err := c.nc.Read(c.in[c.w:])
		c.w, c.received = c.w+n, c.received+n
		if n > 0 {
			return nil
		}
		if !timedOut(err) || !c.extend() {
			return err
		}
	}
}

// answer reads the answer to q.
func (c *wireConn) answer(q *request, a *response) error {
	h := &c.head
	for left := c.maxHeader; ; {
		n, err := c.readHead(left)
		if err != nil {
			return err
		}
		if left -= n; h.status >= 200 || h.status == 101 {
			break
		}
	}
	a.status, a.header = h.status, append(a.header[:0], h.header...)
	if err := c.readBody(q, a); err != nil {
		return err
	}
	if h.ends || h.status == 101 || c.r < c.w {
		c.hangUp()
	}
	return nil
}

// readHead reads a status line and a header of at most limit bytes, and returns their length.
func (c *wireConn) readHead(limit int) (n int, err error) {
	const start = "HTTP/1."
	lines, scanned := 0, 0 // length of the complete lines, and of what has been searched for the end of the next one
	for {
		have := c.in[c.r:c.w]
		if known := min(len(have), len(start)); lines == 0 && string(have[:known]) != start[:known] {
			return 0, notHTTP("it begins with %s", beginning(string(have)))
		}
		end := bytes.IndexByte(have[scanned:], '\n')
		if end < 0 {
			if scanned = len(have); scanned > limit {
				return 0, exceeds("a header", c.maxHeader)
			}
			if err := c.fill(); err != nil {
				return 0, err
			}
			continue
		}
		end += scanned + 1
		if line := have[lines:end]; len(line) == 1 || len(line) == 2 && line[0] == '\r' {
			if end > limit {
				return 0, exceeds("a header", c.maxHeader)
			}
			c.r += end
			return end, c.parseHead(have[:lines])
		}
		lines, scanned = end, end
	}
}

// parseHead parses a status line and a header, unless they are those of the last answer.
func (c *wireConn) parseHead(text []byte) error {
	if string(text) == c.text && c.text != "" {
		return nil
	}
	c.text = string(text)
	err := c.head.parse(c.text)
	if err != nil {
		c.text = ""
	}
	return err
}

// readBody reads the body of the answer to q, and removes the frames of server-sent events.
func (c *wireConn) readBody(q *request, a *response) error {
	h := &c.head
	if !h.hasBody(q.method) {
		return nil
	}
	c.events = eventStream{active: h.events, start: c.start}
	var err error
	switch c.wanted = h.length; {
	case h.chunked:
		err = c.readChunks(a)
	case h.length > int64(c.maxBody):
		err = exceeds("a body", c.maxBody)
	case h.length >= 0:
		err = c.readBytes(a, h.length)
	default:
		err = c.readToEnd(a)
	}
	if err == nil {
		c.events.finish(a)
	}
	return err
}

// readToEnd reads a body that ends with the connection.
func (c *wireConn) readToEnd(a *response) error {
	for {
		if err := c.readBytes(a, int64(c.w-c.r)); err != nil {
			return err
		}
		if err := c.fill(); err != nil {
			if errors.Is(err, io.EOF) {
				c.hangUp()
				return nil
			}
			return err
		}
	}
}

// readBytes reads the next n bytes of the body.
func (c *wireConn) readBytes(a *response, n int64) error {
	for n > 0 {
		if c.r == c.w {
			if err := c.fill(); err != nil {
				return err
			}
		}
		k := int(min(n, int64(c.w-c.r)))
		if len(a.body)+k > c.maxBody {
			return exceeds("a body", c.maxBody)
		}
		a.body = append(a.body, c.in[c.r:c.r+k]...)
		c.r, n = c.r+k, n-int64(k)
		c.events.read(a)
	}
	return nil
}

// readChunks reads a chunked body and its trailer.
func (c *wireConn) readChunks(a *response) error {
	for {
		line, err := c.readLine(lineLimit)
		if err != nil {
			return err
		}
		n, err := parseChunkSize(line)
		switch {
		case err != nil:
			return err
		case n == 0:
			return c.skipTrailer()
		}
		if err := c.readBytes(a, n); err != nil {
			return err
		}
		end, err := c.readLine(lineLimit)
		if err != nil {
			return err
		}
		if string(end) != "\r\n" {
			return notHTTP("a chunk is longer than its size of %d bytes", n)
		}
	}
}

// skipTrailer reads the header fields after a chunked body.
func (c *wireConn) skipTrailer() error {
	for left := c.maxHeader; ; {
		line, err := c.readLine(left)
		if err != nil {
			return err
		}
		left -= len(line)
		text, ok := strings.CutSuffix(string(line), "\r\n")
		switch {
		case !ok:
			return notHTTP("trailer line %s", beginning(text))
		case text == "":
			return nil
		}
		var fields head
		if err := fields.parseFields(text); err != nil {
			return err
		}
	}
}

// readLine reads a line of at most limit bytes, which includes its line break. It is valid until more is read.
func (c *wireConn) readLine(limit int) ([]byte, error) {
	for scanned := 0; ; {
		have := c.in[c.r:c.w]
		if end := bytes.IndexByte(have[scanned:], '\n'); end >= 0 {
			c.r += scanned + end + 1
			return have[:scanned+end+1], nil
		}
		if scanned = len(have); scanned >= limit {
			return nil, exceeds("a line between chunks", limit)
		}
		if err := c.fill(); err != nil {
			return nil, err
		}
	}
}
