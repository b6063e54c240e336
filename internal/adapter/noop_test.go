package adapter

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// serving runs ServeNoop in this process. It returns a target, the writer of its stdin, and its result.
func serving(t *testing.T, ctx context.Context) (p *Program, in io.Closer, result <-chan error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	read, in := io.Pipe()
	stdout, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- ServeNoop(ctx, l, read, out) }()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	a, err := readAnnounced(line)
	if err != nil {
		t.Fatal(err)
	}
	p, err = Start(context.Background(), Spec{Network: a.Network, Address: a.Address}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.Close()
		in.Close()
	})
	return p, in, ended
}

func TestNoop(t *testing.T) {
	p, in, ended := serving(t, context.Background())
	c := connect(t, p)
	for op := range scenarios.NumOps {
		if !p.Supports(op) {
			t.Errorf("missing operation %v", op)
		}
		do(t, c, scenarios.Request{Op: op, ID: uuid.New(), Content: strings.Repeat("long ", MaxContent/5)})
	}
	hello := string(appendNoop(nil, []byte(`{"op":"hello"}`)))
	for _, op := range []string{"reset", "census"} {
		if !strings.Contains(hello, `"`+op+`"`) {
			t.Errorf("answer to hello %s: want it to list %s", hello, op)
		}
	}
	if err := p.Reset(context.Background()); err != nil {
		t.Error(err)
	}
	if census, err := p.Census(context.Background()); err != nil || census != (manager.Census{}) {
		t.Errorf("census %+v, %v", census, err)
	}
	in.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	var a scenarios.Effect
	err := c.Do(context.Background(), &scenarios.Request{Op: scenarios.Append}, &a)
	wantError(t, err, []error{scenarios.ErrUnavailable}, nil)
}

func TestNoopEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	_, _, ended := serving(t, ctx)
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestNoopAcceptsAnyRequest(t *testing.T) {
	for _, test := range []struct{ request, want string }{
		{`{ "id": "x", "op": "delete" }`, "{}\n"},
		{`{"op":"dance"}`, `{"error":"unsupported"}` + "\n"},
		{`not JSON`, `{"error":"unsupported"}` + "\n"},
	} {
		if got := string(appendNoop(nil, []byte(test.request))); got != test.want {
			t.Errorf("%s: %s, want %s", test.request, got, test.want)
		}
	}
}
