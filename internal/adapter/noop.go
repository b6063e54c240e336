package adapter

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/google/uuid"
)

// ServeNoop is an adapter that keeps no sessions: it answers every request at once, with as little as the protocol allows.
// What a run on it costs, the protocol costs, and the harness. It announces the listener on out, and serves it until in ends
// or ctx does. The listener and all connections are closed when it returns.
func ServeNoop(ctx context.Context, l net.Listener, in io.Reader, out io.Writer) error {
	listen := l.Addr().String()
	if l.Addr().Network() == "unix" {
		listen = "unix:" + listen
	}
	if err := json.NewEncoder(out).Encode(map[string]any{"sessbench": version, "listen": listen, "name": "noop"}); err != nil {
		l.Close()
		return fmt.Errorf("noop adapter: announce: %w", err)
	}
	n := noop{conns: map[net.Conn]bool{}}
	stop := context.AfterFunc(ctx, func() { n.close(l) })
	defer stop()
	go func() { // as long as in is open: nobody can end a read of it
		_, _ = io.Copy(io.Discard, in) // an end is an end
		n.close(l)
	}()
	defer n.serving.Wait()
	for {
		c, err := l.Accept()
		switch {
		case err == nil:
			n.serve(c)
		case errors.Is(err, net.ErrClosed):
			return nil
		default:
			n.close(l)
			return fmt.Errorf("noop adapter: %w", err)
		}
	}
}

// noop is a running adapter.
type noop struct {
	serving sync.WaitGroup

	mu     sync.Mutex // protects what follows
	conns  map[net.Conn]bool
	closed bool
}

// serve begins to serve a connection, unless it comes too late.
func (n *noop) serve(c net.Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		c.Close()
		return
	}
	n.conns[c] = true
	n.serving.Go(func() {
		_ = answerNoop(c) // whoever asked is gone, or will see it
		c.Close()
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.conns, c)
	})
}

func (n *noop) close(l net.Listener) {
	l.Close()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	for c := range n.conns {
		c.Close()
	}
}

// answerNoop answers the requests of one connection.
func answerNoop(c net.Conn) error {
	in := bufio.NewReaderSize(c, 16<<10)
	var out []byte
	for {
		request, err := in.ReadSlice('\n')
		out = appendNoop(out[:0], request)
		for errors.Is(err, bufio.ErrBufferFull) { // what asks for the operation stands at the beginning
			_, err = in.ReadSlice('\n')
		}
		if err != nil {
			return err
		}
		if _, err := c.Write(out); err != nil {
			return err
		}
	}
}

// appendNoop appends the answer to a request: the least that its operation allows.
func appendNoop(b, request []byte) []byte {
	switch op := opOf(request); string(op) {
	case "hello":
		b = append(b, `{"sessbench":1,"name":"noop","ops":["create","get_or_create","add_message","history","update","get","delete","sweep","reset","census"]}`...)
	case "create":
		id := uuid.New()
		b = append(b, `{"id":"`...)
		b = append(b, id.String()...)
		b = append(b, `"}`...)
	case "get_or_create":
		b = append(b, `{"created":true}`...)
	case "add_message":
		b = append(b, `{"seq":1}`...)
	case "history":
		b = append(b, `{"messages":[]}`...)
	case "update":
		b = append(b, `{"version":1}`...)
	case "get":
		b = append(b, `{"fields":{},"version":1}`...)
	case "sweep":
		b = append(b, `{"removed":0}`...)
	case "delete", "reset":
		b = append(b, `{}`...)
	case "census":
		b = append(b, `{"sessions":0,"locks":0,"threads":0}`...)
	default:
		b = append(b, `{"error":"unsupported"}`...)
	}
	return append(b, '\n')
}

// opOf is the operation that a request asks for. Our own requests begin with it.
func opOf(request []byte) []byte {
	if after, ours := bytes.CutPrefix(request, []byte(`{"op":"`)); ours {
		op, _, _ := bytes.Cut(after, []byte{'"'})
		return op
	}
	var r struct{ Op string }
	_ = json.Unmarshal(request, &r) // what is no request is an unknown one
	return []byte(r.Op)
}
