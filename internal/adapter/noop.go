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

// ServeNoop runs an adapter without sessions: each answer is the shortest that the protocol allows. A run against it
// measures the protocol and the harness. ServeNoop announces the listener on out and serves until in ends or ctx is
// done; then it closes the listener and all connections.
func ServeNoop(ctx context.Context, l net.Listener, in io.Reader, out io.Writer) error {
	defer l.Close()
	listen := l.Addr().String()
	if l.Addr().Network() == "unix" {
		listen = "unix:" + listen
	}
	if err := json.NewEncoder(out).Encode(map[string]any{"sessbench": version, "listen": listen, "name": "noop"}); err != nil {
		return fmt.Errorf("noop adapter: announce: %w", err)
	}
	var serving sync.WaitGroup
	defer serving.Wait()
	ctx, end := context.WithCancel(ctx)
	defer end()
	context.AfterFunc(ctx, func() { l.Close() })
	go func() { // until in ends: a read of it cannot be interrupted
		_, _ = io.Copy(io.Discard, in)
		end()
	}()
	for {
		c, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil:
			return fmt.Errorf("noop adapter: %w", err)
		}
		serving.Go(func() {
			defer c.Close()
			defer context.AfterFunc(ctx, func() { c.Close() })()
			_ = answerNoop(c) // the error ends only this connection
		})
	}
}

// answerNoop answers the requests of one connection.
func answerNoop(c net.Conn) error {
	in := bufio.NewReaderSize(c, 16<<10)
	var out []byte
	for {
		request, err := in.ReadSlice('\n')
		out = appendNoop(out[:0], request)
		for errors.Is(err, bufio.ErrBufferFull) { // the operation is at the beginning of the line
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

// noopAnswers are the shortest legal answers, except to create, which needs an id.
var noopAnswers = map[string]string{
	"hello": `{"sessbench":1,"name":"noop","ops":["create","get_or_create","add_message",` +
		`"history","update","get","delete","sweep","reset","census"]}`,
	"get_or_create": `{"created":true}`,
	"add_message":   `{"seq":1}`,
	"history":       `{"messages":[]}`,
	"update":        `{"version":1}`,
	"get":           `{"fields":{},"version":1}`,
	"sweep":         `{"removed":0}`,
	"delete":        `{}`,
	"reset":         `{}`,
	"census":        `{"sessions":0,"locks":0,"threads":0}`,
}

// appendNoop appends the answer to a request.
func appendNoop(b, request []byte) []byte {
	op := opOf(request)
	answer, known := noopAnswers[string(op)]
	switch {
	case string(op) == "create":
		answer = `{"id":"` + uuid.NewString() + `"}`
	case !known:
		answer = `{"error":"unsupported"}`
	}
	return append(append(b, answer...), '\n')
}

// opOf returns a request's operation. sessbench's own requests begin with it.
func opOf(request []byte) []byte {
	if after, ok := bytes.CutPrefix(request, []byte(`{"op":"`)); ok {
		op, _, _ := bytes.Cut(after, []byte{'"'})
		return op
	}
	var r struct{ Op string }
	_ = json.Unmarshal(request, &r) // an invalid request has no operation
	return []byte(r.Op)
}
