package adapter

import (
	"context"
	"errors"
	"maps"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// Err returns the first crash, hang or violation of the protocol, or nil.
func (p *Program) Err() error {
	if f := p.failed.Load(); f != nil {
		return f
	}
	return nil
}

func connect(t *testing.T, p scenarios.Target) scenarios.Conn {
	t.Helper()
	c, err := p.Connect(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// do sends a request that must succeed.
func do(t *testing.T, c scenarios.Conn, q scenarios.Request) scenarios.Effect {
	t.Helper()
	var a scenarios.Effect
	if err := c.Do(context.Background(), &q, &a); err != nil {
		t.Fatalf("%v: %v", q.Op, err)
	}
	return a
}

func TestAllOperations(t *testing.T) {
	for _, name := range []string{"memory", "in-pieces", "chatty"} {
		t.Run(name, func(t *testing.T) { testAllOperations(t, start(t, name, Options{})) })
	}
}

func testAllOperations(t *testing.T, p *Program) {
	if p.Name() != "memory" {
		t.Errorf("name %q", p.Name())
	}
	for op := range scenarios.NumOps {
		if !p.Supports(op) {
			t.Errorf("missing operation %v", op)
		}
	}
	c, id := connect(t, p), manager.ID(uuid.New())
	told := scenarios.ReportsIncarnation | scenarios.ReportsSeq | scenarios.ReportsVersion
	odd := "a \"quoted\" \\ line\n and \x00 é 😀 \u2028"
	for i, step := range []struct {
		q    scenarios.Request
		want scenarios.Effect
	}{
		{scenarios.Request{Op: scenarios.GetOrCreate}, scenarios.Effect{Reported: told, Created: true, Incarnation: 1}},
		{scenarios.Request{Op: scenarios.GetOrCreate}, scenarios.Effect{Reported: told, Incarnation: 1}},
		{scenarios.Request{Op: scenarios.Append, Role: "user", Content: odd}, scenarios.Effect{Reported: told | scenarios.ReportsHeld, Incarnation: 1, Seq: 1, Version: 1}},
		{scenarios.Request{Op: scenarios.History}, scenarios.Effect{Reported: told, Incarnation: 1, Seq: 1, Version: 1,
			Messages: []manager.Message{{Seq: 1, Role: "user", Content: odd}}}},
		{scenarios.Request{Op: scenarios.Update, Fields: map[string]string{"a": odd}}, scenarios.Effect{Reported: told | scenarios.ReportsHeld, Incarnation: 1, Seq: 1, Version: 2}},
		{scenarios.Request{Op: scenarios.Touch}, scenarios.Effect{Reported: told | scenarios.ReportsHeld, Incarnation: 1, Seq: 1, Version: 3}},
		{scenarios.Request{Op: scenarios.Read}, scenarios.Effect{Reported: told, Incarnation: 1, Seq: 1, Version: 3, Fields: map[string]string{"a": odd}}},
		{scenarios.Request{Op: scenarios.Validate}, scenarios.Effect{Reported: told, Incarnation: 1, Seq: 1, Version: 3}},
		{scenarios.Request{Op: scenarios.Delete}, scenarios.Effect{Reported: told, Incarnation: 1, Seq: 1, Version: 3}},
		{scenarios.Request{Op: scenarios.GetOrCreate}, scenarios.Effect{Reported: told, Created: true, Incarnation: 2}},
		{scenarios.Request{Op: scenarios.Sweep, Idle: time.Hour}, scenarios.Effect{}},
		{scenarios.Request{Op: scenarios.Sweep}, scenarios.Effect{Removed: 1}},
	} {
		step.q.ID = id
		a := do(t, c, step.q)
		a.Held = 0
		if diff := cmp.Diff(step.want, a, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("step %d, %v (-want +got):\n%s", i+1, step.q.Op, diff)
		}
	}
	for _, op := range []scenarios.Op{scenarios.Append, scenarios.History, scenarios.Update, scenarios.Touch, scenarios.Read, scenarios.Validate, scenarios.Delete} {
		var a scenarios.Effect
		if err := c.Do(context.Background(), &scenarios.Request{Op: op, ID: id}, &a); !errors.Is(err, manager.ErrNotFound) {
			t.Errorf("%v of a removed session: %v", op, err)
		}
	}
	if p.Err() != nil {
		t.Errorf("failure: %v", p.Err())
	}
}

func TestResetAndCensus(t *testing.T) {
	ctx := context.Background()
	p := start(t, "memory", Options{})
	c := connect(t, p)
	ids := map[manager.ID]bool{}
	for range 3 {
		ids[do(t, c, scenarios.Request{Op: scenarios.Create}).ID] = true
	}
	if len(ids) != 3 {
		t.Errorf("3 sessions have the ids %v", ids)
	}
	for _, want := range []int{3, 0} {
		if got, err := p.Census(ctx); err != nil || got != (manager.Census{Sessions: want, Locks: 1, Goroutines: 2}) {
			t.Errorf("census %+v, %v: want %d sessions", got, err, want)
		}
		if err := p.Reset(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCensusIsOptional(t *testing.T) {
	if _, err := start(t, "no-census", Options{}).Census(context.Background()); !errors.Is(err, scenarios.ErrUnsupported) {
		t.Errorf("census: %v: want %v", err, scenarios.ErrUnsupported)
	}
	_, err := start(t, "odd-census", Options{}).Census(context.Background())
	if !errors.Is(err, scenarios.ErrUnavailable) || !strings.Contains(err.Error(), `want "sessions"`) {
		t.Errorf("census: %v: want it to miss the sessions", err)
	}
}

func TestHold(t *testing.T) {
	p := start(t, "memory", Options{})
	c, id := connect(t, p), manager.ID(uuid.New())
	do(t, c, scenarios.Request{Op: scenarios.GetOrCreate, ID: id})
	for _, spin := range []bool{false, true} {
		a := do(t, c, scenarios.Request{Op: scenarios.Append, ID: id, Hold: 3 * time.Millisecond, Spin: spin})
		if a.Held < 3*time.Millisecond {
			t.Errorf("spin %v: held for %v: want 3ms or more", spin, a.Held)
		}
		if got := time.Duration(c.(*conn).hold.Load()); got != 3*time.Millisecond {
			t.Errorf("spin %v: the watchdog reads %v: want 3ms", spin, got)
		}
	}
}

func TestConcurrentUsers(t *testing.T) {
	const users, each = 20, 50
	p := start(t, "memory", Options{})
	id := manager.ID(uuid.New())
	do(t, connect(t, p), scenarios.Request{Op: scenarios.GetOrCreate, ID: id})
	seqs := make([][]uint64, users)
	var working sync.WaitGroup
	for u := range users {
		c := connect(t, p)
		working.Go(func() {
			q, a := scenarios.Request{Op: scenarios.Append, ID: id, Content: "x"}, scenarios.Effect{}
			for range each {
				if err := c.Do(context.Background(), &q, &a); err != nil {
					t.Error(err)
					return
				}
				seqs[u] = append(seqs[u], a.Seq)
			}
		})
	}
	working.Wait()
	seen := map[uint64]bool{}
	for _, s := range seqs {
		for _, seq := range s {
			seen[seq] = true
		}
	}
	if len(seen) != users*each {
		t.Errorf("%d numbers, want %d", len(seen), users*each)
	}
}

func TestLongLines(t *testing.T) {
	t.Parallel()
	p := start(t, "memory", Options{})
	c, id := connect(t, p), manager.ID(uuid.New())
	do(t, c, scenarios.Request{Op: scenarios.GetOrCreate, ID: id})
	role, content := strings.Repeat("\x01", MaxRole), strings.Repeat("\x02", MaxContent) // each byte is escaped in six
	for range 15 {
		do(t, c, scenarios.Request{Op: scenarios.Append, ID: id, Role: role, Content: content})
	}
	a := do(t, c, scenarios.Request{Op: scenarios.History, ID: id})
	if len(a.Messages) != 15 || a.Messages[0].Role != role || a.Messages[14].Content != content {
		t.Errorf("%d messages: want 15 of %d bytes, as they were sent", len(a.Messages), MaxContent)
	}
	fields := map[string]string{"a": strings.Repeat("\x03", MaxFields-1)}
	do(t, c, scenarios.Request{Op: scenarios.Update, ID: id, Fields: fields})
	if a := do(t, c, scenarios.Request{Op: scenarios.Read, ID: id}); !maps.Equal(a.Fields, fields) {
		t.Errorf("fields of %d bytes came back as something else", MaxFields)
	}
}

// A request beyond the limits is not sent, and its error is not one of a rejected operation.
func TestTooLargeIsNotSent(t *testing.T) {
	t.Parallel()
	p := start(t, "memory", Options{})
	c, id := connect(t, p), manager.ID(uuid.New())
	do(t, c, scenarios.Request{Op: scenarios.GetOrCreate, ID: id})
	for _, test := range []struct {
		q       scenarios.Request
		message string
	}{
		{scenarios.Request{Op: scenarios.Append, Content: strings.Repeat("x", MaxContent+1)}, "content of 131073 bytes: want at most 131072"},
		{scenarios.Request{Op: scenarios.Append, Role: strings.Repeat("x", MaxRole+1)}, "role of 1025 bytes: want at most 1024"},
		{scenarios.Request{Op: scenarios.Update, Fields: map[string]string{"a": strings.Repeat("x", MaxFields)}}, "fields of 1048577 bytes"},
	} {
		var a scenarios.Effect
		test.q.ID = id
		err := c.Do(context.Background(), &test.q, &a)
		if !errors.Is(err, errTooLarge) || !strings.Contains(err.Error(), test.message) ||
			errors.Is(err, manager.ErrNotApplied) || errors.Is(err, manager.ErrIndeterminate) {
			t.Errorf("%v: want %q, and neither not applied nor indeterminate", err, test.message)
		}
	}
	if a := do(t, c, scenarios.Request{Op: scenarios.History, ID: id}); len(a.Messages) != 0 {
		t.Errorf("%d messages were added", len(a.Messages))
	}
	do(t, c, scenarios.Request{Op: scenarios.Validate, ID: id}) // the connection is still usable
}

func TestNameIsPrintable(t *testing.T) {
	t.Parallel()
	p := start(t, "evil-name", Options{})
	if want := "evil[31m row " + strings.Repeat("x", 86) + "…"; p.Name() != want {
		t.Errorf("name %q: want %q", p.Name(), want)
	}
}

// A joined program keeps running after Close.
func TestJoin(t *testing.T) {
	for _, name := range []string{"noop", "noop-unix"} {
		t.Run(name, func(t *testing.T) {
			started, err := Launch(context.Background(), adapter(t, name).Command, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer started.Close()
			spec := Spec{Network: started.Announced.Network, Address: started.Announced.Address}
			for range 2 { // the first Close leaves it running
				p, err := Start(context.Background(), spec, Options{})
				if err != nil {
					t.Fatal(err)
				}
				if p.Name() != "noop" {
					t.Errorf("name %q", p.Name())
				}
				do(t, connect(t, p), scenarios.Request{Op: scenarios.Append})
				if _, err := p.Usage(); !errors.Is(err, scenarios.ErrUnsupported) {
					t.Errorf("usage of a joined program: %v", err)
				}
				if err := p.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	_, err := Start(context.Background(), Spec{Network: "unix", Address: filepath.Join(t.TempDir(), "s")}, Options{})
	if !errors.Is(err, scenarios.ErrUnavailable) || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("no listener: %v", err)
	}
}

func TestStartErrors(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		messages []string
	}{
		{"silent", []string{"did not announce itself within 300ms", announcement}},
		{"no-stdout", []string{"closed its stdout", announcement}},
		{"dies", []string{"ended before it announced itself: exit status 1", announcement, "its stderr:\n  no module named sessions"}},
		{"first-line", []string{"`Listening on port 8080...`", announcement}},
		{"version-2", []string{"version 2 of the protocol: want 1"}},
		{"everywhere", []string{`"0.0.0.0:8080"`, "not a loopback address"}},
		{"no-listener", []string{"connect: no such file or directory"}},
		{"odd-hello", []string{"its answer to hello is `{\"name\":\"odd\"}`: want {"}},
		{"hello-2", []string{"version 2 of the protocol: want 1"}},
		{"hang-hello", []string{"hang: no answer to hello for 1s (--target-timeout)", "waiting for a lock"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var o Options
			switch test.name {
			case "silent":
				o.StartTimeout = 300 * time.Millisecond
			case "hang-hello":
				o.Timeout = time.Second
			}
			p, err := Start(context.Background(), adapter(t, test.name), o)
			if err == nil {
				p.Close()
				t.Fatal("no error")
			}
			for _, part := range test.messages {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%v: want it to contain %q", err, part)
				}
			}
		})
	}
	_, err := Start(context.Background(), Spec{Command: []string{"no-such-program"}}, Options{})
	if err == nil || !strings.Contains(err.Error(), `"no-such-program": executable file not found`) {
		t.Errorf("missing program: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Start(ctx, adapter(t, "silent"), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled start: %v", err)
	}
}

func TestFailureDuringRequest(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		op       scenarios.Op
		want     []error
		messages []string
	}{
		{"crash", scenarios.Append, []error{manager.ErrIndeterminate, scenarios.ErrUnavailable},
			[]string{"memory: crashed at add_message: exit status 2", "its stderr:\n  working on it 0\n", "  …\n", "panic: index out of range"}},
		{"hang", scenarios.Append, []error{manager.ErrIndeterminate, scenarios.ErrUnavailable},
			[]string{"memory: hang: no answer to add_message for 1s (--target-timeout)\nits stderr:\n  waiting for a lock"}},
		{"hang-up", scenarios.Append, []error{manager.ErrIndeterminate, scenarios.ErrUnavailable}, []string{"at add_message: it closed the connection"}},
		{"garbage", scenarios.Append, []error{manager.ErrIndeterminate, scenarios.ErrUnavailable},
			[]string{"at add_message: its answer `this is not JSON`: want a JSON object"}},
		{"not-utf8", scenarios.Append, []error{manager.ErrIndeterminate, scenarios.ErrUnavailable}, []string{"not valid UTF-8"}},
		{"odd-error", scenarios.Append, []error{manager.ErrIndeterminate, scenarios.ErrUnavailable}, []string{`"error" "oops": want not_found, exists, `}},
		{"two-lines", scenarios.Append, []error{manager.ErrIndeterminate, scenarios.ErrUnavailable}, []string{"more than one line for one request"}},
		{"huge-line", scenarios.History, []error{manager.ErrNotApplied, scenarios.ErrUnavailable},
			[]string{"at history: an answer of more than 16777216 bytes, which begins with `xxx"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var o Options
			if test.name == "hang" {
				o.Timeout = time.Second
			}
			p := start(t, test.name, o)
			c, id := connect(t, p), manager.ID(uuid.New())
			do(t, c, scenarios.Request{Op: scenarios.GetOrCreate, ID: id})
			var a scenarios.Effect
			err := c.Do(context.Background(), &scenarios.Request{Op: test.op, ID: id}, &a)
			wantError(t, err, test.want, test.messages)
			wantError(t, p.Err(), []error{scenarios.ErrUnavailable}, test.messages)
			err = c.Do(context.Background(), &scenarios.Request{Op: test.op, ID: id}, &a)
			wantError(t, err, []error{manager.ErrNotApplied, scenarios.ErrUnavailable}, test.messages)
		})
	}
}

func wantError(t *testing.T, err error, want []error, messages []string) {
	t.Helper()
	for _, w := range want {
		if !errors.Is(err, w) {
			t.Errorf("%v: want one that wraps %v", err, w)
		}
	}
	for _, part := range messages {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v: want it to contain %q", err, part)
		}
	}
}

// The error "internal" does not end the connection.
func TestInternalError(t *testing.T) {
	p := start(t, "internal", Options{})
	c, id := connect(t, p), manager.ID(uuid.New())
	do(t, c, scenarios.Request{Op: scenarios.GetOrCreate, ID: id})
	var a scenarios.Effect
	err := c.Do(context.Background(), &scenarios.Request{Op: scenarios.Append, ID: id}, &a)
	wantError(t, err, []error{manager.ErrIndeterminate}, []string{"memory: internal error at add_message: disk full"})
	do(t, c, scenarios.Request{Op: scenarios.Validate, ID: id})
	if p.Err() != nil {
		t.Errorf("failure: %v", p.Err())
	}
}

// All users of a crashed program get an error with the cause.
func TestCrashWithManyUsers(t *testing.T) {
	p := start(t, "crash", Options{})
	id := manager.ID(uuid.New())
	do(t, connect(t, p), scenarios.Request{Op: scenarios.GetOrCreate, ID: id})
	conns := make([]scenarios.Conn, 10)
	for i := range conns { // before the first request, which crashes the program
		conns[i] = connect(t, p)
	}
	var working sync.WaitGroup
	for _, c := range conns {
		working.Go(func() {
			q, a := scenarios.Request{Op: scenarios.Append, ID: id}, scenarios.Effect{}
			err := c.Do(context.Background(), &q, &a)
			wantError(t, err, []error{scenarios.ErrUnavailable}, []string{"add_message", ": exit status 2", "panic: index out of range"})
		})
	}
	working.Wait()
	_, err := p.Connect(context.Background())
	wantError(t, err, []error{manager.ErrNotApplied, scenarios.ErrUnavailable}, []string{"add_message", ": exit status 2"})
	wantError(t, p.Reset(context.Background()), []error{scenarios.ErrUnavailable}, []string{"add_message", ": exit status 2"})
}

// A crash is described by the requests in flight at that moment, not by the next request.
func TestCrashNamesRequestsInFlight(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		why, adapter string
		ops          []scenarios.Op
		message      string
	}{
		{"crash after the answer", "crash-after", []scenarios.Op{scenarios.Append},
			"memory: crashed between requests: exit status 2"},
		{"two requests wait when a third one crashes it", "crash-while", []scenarios.Op{scenarios.History, scenarios.History, scenarios.Append},
			"memory: crashed with 3 requests in flight (add_message, history): exit status 2"},
	} {
		p := start(t, test.adapter, Options{})
		id := manager.ID(uuid.New())
		do(t, connect(t, p), scenarios.Request{Op: scenarios.GetOrCreate, ID: id})
		late := connect(t, p)
		conns := make([]scenarios.Conn, len(test.ops))
		for i := range conns {
			conns[i] = connect(t, p)
		}
		var requests sync.WaitGroup
		for i, op := range test.ops {
			c := conns[i]
			requests.Go(func() {
				q := scenarios.Request{Op: op, ID: id}
				_ = c.Do(context.Background(), &q, new(scenarios.Effect)) // fails or succeeds
			})
		}
		requests.Wait()
		<-p.process.Exited()
		q := scenarios.Request{Op: scenarios.Delete, ID: id}
		err := late.Do(context.Background(), &q, new(scenarios.Effect))
		wantError(t, err, []error{scenarios.ErrUnavailable}, []string{test.message})
		wantError(t, p.Reset(context.Background()), []error{scenarios.ErrUnavailable}, []string{test.message})
	}
}

// waitLines waits until a connection has sent and received so many lines.
func waitLines(c scenarios.Conn, lines uint64) {
	for c.(*conn).lines.Load() < lines {
		time.Sleep(time.Millisecond)
	}
}

func TestContext(t *testing.T) {
	p := start(t, "hang", Options{})
	c, id := connect(t, p), manager.ID(uuid.New())
	ctx, cancel := context.WithCancelCause(context.Background())
	var a scenarios.Effect
	q := scenarios.Request{Op: scenarios.GetOrCreate, ID: id}
	if err := c.Do(ctx, &q, &a); err != nil { // a context that can be cancelled
		t.Fatal(err)
	}
	why := errors.New("enough")
	before := c.(*conn).lines.Load()
	go func() {
		waitLines(c, before+1)
		cancel(why)
	}()
	q.Op = scenarios.Append
	wantError(t, c.Do(ctx, &q, &a), []error{manager.ErrIndeterminate, why}, nil)
	wantError(t, c.Do(ctx, &q, &a), []error{manager.ErrNotApplied}, nil)
	err := c.Do(context.Background(), &q, &a)
	wantError(t, err, []error{manager.ErrNotApplied}, []string{"an earlier request was cancelled"})
	if errors.Is(err, scenarios.ErrUnavailable) {
		t.Errorf("%v: the target is not gone", err)
	}
	wantError(t, connect(t, p).Do(ctx, &q, &a), []error{manager.ErrNotApplied, why}, nil)
	wantError(t, p.Reset(ctx), []error{manager.ErrNotApplied, why}, nil)
	if err := p.Reset(context.Background()); err != nil {
		t.Errorf("a reset that was cancelled was the last: %v", err)
	}
	if p.Err() != nil {
		t.Errorf("a cancelled request made the target fail: %v", p.Err())
	}
}

// lateCancel is a connection that cancels its user's context after the answer has arrived and before Read returns.
type lateCancel struct {
	net.Conn
	cancel context.CancelFunc
	once   sync.Once
	closed chan struct{}
}

func (l *lateCancel) Read(b []byte) (int, error) {
	n, err := l.Conn.Read(b)
	l.cancel()
	<-l.closed
	return n, err
}

func (l *lateCancel) Close() error {
	defer l.once.Do(func() { close(l.closed) })
	return l.Conn.Close()
}

// An answer that has arrived is returned although ctx is cancelled. The next request does not fail with ctx's error.
func TestContextEndsAfterTheAnswer(t *testing.T) {
	p := start(t, "memory", Options{})
	user, err := p.connect(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer user.Close()
	ctx, cancel := context.WithCancel(context.Background())
	user.nc = &lateCancel{Conn: user.nc, cancel: cancel, closed: make(chan struct{})}
	q, a := scenarios.Request{Op: scenarios.GetOrCreate, ID: manager.ID(uuid.New())}, scenarios.Effect{}
	if err := user.Do(ctx, &q, &a); err != nil || !a.Created {
		t.Errorf("answer %+v, %v", a, err)
	}
	q.Op = scenarios.Append
	err = user.Do(context.Background(), &q, &a)
	wantError(t, err, []error{manager.ErrNotApplied}, []string{"an earlier request was cancelled"})
	if errors.Is(err, context.Canceled) || errors.Is(err, scenarios.ErrUnavailable) {
		t.Errorf("%v: this request was not cancelled, and the target is not gone", err)
	}
}

func TestStarvedRequestIsAHang(t *testing.T) {
	p := start(t, "memory", Options{})
	c := connect(t, p)
	c.(*conn).end(errStarved)
	err := c.Do(context.Background(), &scenarios.Request{Op: scenarios.Sweep}, &scenarios.Effect{})
	messages := []string{"memory: hang: no answer to sweep for 5m0s (10 × --target-timeout), while other requests were answered"}
	wantError(t, err, []error{scenarios.ErrUnavailable}, messages)
	wantError(t, p.Err(), []error{scenarios.ErrUnavailable}, messages)
}

// A cancelled control request ends only its connection.
func TestControlConnectionIsReopened(t *testing.T) {
	p := start(t, "memory", Options{})
	p.control.end(errors.New("enough"))
	wantError(t, p.Reset(context.Background()), []error{manager.ErrNotApplied}, nil)
	if err := p.Reset(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestUnknownOperation(t *testing.T) {
	p := start(t, "memory", Options{})
	p.supports[scenarios.Sweep] = false
	var a scenarios.Effect
	q := scenarios.Request{Op: scenarios.Sweep}
	if err := connect(t, p).Do(context.Background(), &q, &a); !errors.Is(err, scenarios.ErrUnsupported) {
		t.Errorf("unsupported operation: %v", err)
	}
}

// Close ends the requests of waiting users.
func TestCloseWithWaitingUsers(t *testing.T) {
	p := start(t, "hang", Options{})
	c, id := connect(t, p), manager.ID(uuid.New())
	do(t, c, scenarios.Request{Op: scenarios.GetOrCreate, ID: id})
	before, result := c.(*conn).lines.Load(), make(chan error, 1)
	go func() {
		q, a := scenarios.Request{Op: scenarios.Append, ID: id}, scenarios.Effect{}
		result <- c.Do(context.Background(), &q, &a)
	}()
	waitLines(c, before+1)
	for range 2 {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	wantError(t, <-result, []error{scenarios.ErrUnavailable}, []string{"the target was closed"})
	_, err := p.Connect(context.Background())
	wantError(t, err, []error{scenarios.ErrUnavailable}, nil)
}
