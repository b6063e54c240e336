package runner

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	runtimetrace "runtime/trace"
	"sync"
	"time"

	"github.com/sessbench/sessbench/internal/explain"
	"github.com/sessbench/sessbench/internal/outfile"
	"github.com/sessbench/sessbench/internal/scratch"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies"
)

// observer observes the operations of a trial that is not timed: it has every user note the moments that its operations pass, and
// records an execution trace meanwhile. Its methods may be called on nil, which observes nothing.
type observer struct {
	trial *trial
	dir   *scratch.Dir
	file  *os.File // the trace
	limit *time.Timer
	room  int // operations of each user

	mu      sync.Mutex // protects what follows
	tracing bool
	users   []*observed
}

// observedOps is the most operations that an observer keeps, of all users together. Of more than that every n-th is observed.
const observedOps = 50_000

func newObserver(tr *trial) *observer {
	users := max(1, tr.setup.scenario.Concurrency(tr.remote))
	return &observer{trial: tr, room: observedOps/users + 1} // one that does more than another needs more
}

// begin starts the trace.
func (o *observer) begin() (err error) {
	if o == nil {
		return nil
	}
	if o.dir, err = scratch.Make(tracePrefix); err == nil {
		o.file, err = os.Create(filepath.Join(o.dir.Path(), "trace.out"))
	}
	if err == nil {
		err = runtimetrace.Start(o.file)
	}
	if err != nil {
		return fmt.Errorf("temporary execution trace: %w", err)
	}
	o.tracing = true
	o.limit = time.AfterFunc(traceLimit, o.stop)
	return nil
}

// traceLimit is how long a trace becomes at most.
const traceLimit = 10 * explainWindow

// observes reports whether an operation that is called now is observed: in the window, and not after explainWindow of it, so that the trace of
// a long trial is bounded.
func (o *observer) observes(now int64) bool {
	phases := &o.trial.phases
	return phases.began(now) && now < phases.from+int64(explainWindow)
}

// stop ends the trace.
func (o *observer) stop() {
	if o == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.tracing {
		o.tracing = false
		runtimetrace.Stop()
	}
}

// end ends the trace and removes its file.
func (o *observer) end() {
	if o == nil || o.dir == nil {
		return
	}
	o.stop()
	if o.limit != nil {
		o.limit.Stop()
	}
	if o.file != nil {
		_ = o.file.Close()
	}
	_ = o.dir.Remove() // the next process tries again
	o.dir = nil
}

// tracePrefix begins the name of the directory of a trace.
const tracePrefix = "sessbench-trace-"

// of returns what observes a user; nil if nothing does.
func (o *observer) of(u *user) *observed {
	if o == nil || !u.works() {
		return nil
	}
	seen := &observed{user: u, every: o.trial.setup.every, ops: make([]explain.Operation, 0, o.room)}
	if st, ok := o.trial.system.(*storeSystem); ok {
		seen.shards, _ = st.store.(strategies.Sharder)
	}
	seen.ctx = manager.ObserveLock(context.Background(), seen.asked, seen.granted)
	o.mu.Lock()
	defer o.mu.Unlock()
	seen.name = fmt.Sprintf(explain.Hello, len(o.users))
	o.users = append(o.users, seen)
	return seen
}

// observed is what one user notes. Its methods may be called on nil, which notes nothing. What runs on other goroutines does so while
// the user waits for it.
type observed struct {
	user   *user
	ctx    context.Context // of operations that are observed
	shards strategies.Sharder
	name   string
	hello  explain.Reading // of the clock when the user's goroutine wrote its name into the trace
	every  int
	skip   int // operations until one is observed

	op    explain.Operation
	on    bool          // op is observed
	calls int           // of the store in op
	call  *explain.Call // the latest that can be noted
	runs  int           // of its closure
	ops   []explain.Operation
}

func (s *observed) now() int64 { return s.user.trial.phases.now() }

// begin notes that a call of the store begins.
func (s *observed) begin() {
	if s.calls++; s.calls <= explain.MostCalls {
		s.op.Calls, s.call = uint8(s.calls), &s.op.Call[s.calls-1]
		s.runs = 0
	}
}

func (s *observed) asked() {
	if s.call.Asked == 0 {
		s.call.Asked = s.now()
	}
}

func (s *observed) granted() { s.call.Granted = s.now() }

// entered notes that the closure starts.
func (s *observed) entered() {
	if s.runs++; s.runs == 1 {
		s.call.Entered = s.now()
	} else {
		s.call.Repeated = s.now()
	}
}

func (s *observed) left() { s.call.Left = s.now() }

// conn returns a driver that observes the operations of another one.
func (s *observed) conn(of scenarios.Conn) scenarios.Conn {
	if s == nil {
		return of
	}
	return &observedConn{of, s}
}

type observedConn struct {
	scenarios.Conn
	seen *observed
}

// Do implements [scenarios.Conn].
func (c *observedConn) Do(ctx context.Context, q *scenarios.Request, e *scenarios.Effect) error {
	s := c.seen
	if s.hello.After == 0 {
		s.hello.Before = s.now()
		runtimetrace.Log(ctx, explain.Category, s.name)
		s.hello.After = s.now()
	}
	tr := s.user.trial
	if s.skip > 0 || q.Op == scenarios.Sweep || !tr.observer.observes(s.now()) {
		s.skip--
		return c.Conn.Do(ctx, q, e)
	}
	s.calls, s.call = 0, &s.op.Call[0]
	s.op = explain.Operation{Op: uint8(q.Op), Slot: s.user.slots.first + s.user.opSlot, Shard: -1}
	if s.shards != nil {
		s.op.Shard = int32(s.shards.Shard(q.ID))
	}
	s.on = true
	s.op.Called = s.now()
	err := c.Conn.Do(s.ctx, q, e)
	s.op.Returned = s.now()
	s.on = false
	if err == nil && s.calls <= explain.MostCalls {
		if e.Reported&scenarios.ReportsHeld != 0 {
			s.op.Held = int64(e.Held)
		}
		s.ops = append(s.ops, s.op)
		s.skip = s.every - 1
	}
	return err
}

// store returns a store for the user that notes when the closures of another one run.
func (s *observed) store(of manager.SessionStore[manager.Session]) manager.SessionStore[manager.Session] {
	if s == nil {
		return of
	}
	d := &observedStore{SessionStore: of, seen: s}
	d.run = func(ctx context.Context, session *manager.Session) error {
		s.entered()
		defer s.left()
		return d.fn(ctx, session)
	}
	d.look = func(session *manager.Session) {
		s.entered()
		defer s.left()
		d.view(session)
	}
	return d
}

// observedStore is a store for one user.
type observedStore struct {
	manager.SessionStore[manager.Session]
	seen *observed

	fn   func(context.Context, *manager.Session) error // of the current operation
	view func(*manager.Session)
	run  func(context.Context, *manager.Session) error // notes when fn runs
	look func(*manager.Session)                        // notes when view runs
}

// GetOrCreate implements [manager.SessionStore].
func (d *observedStore) GetOrCreate(ctx context.Context, id manager.ID, create func() manager.Session, view func(*manager.Session)) (bool, error) {
	if d.seen.on {
		d.seen.begin()
	}
	if !d.seen.on || view == nil {
		return d.SessionStore.GetOrCreate(ctx, id, create, view)
	}
	d.view = view
	return d.SessionStore.GetOrCreate(ctx, id, create, d.look)
}

// View implements [manager.SessionStore].
func (d *observedStore) View(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
	if !d.seen.on {
		return d.SessionStore.View(ctx, id, fn)
	}
	d.seen.begin()
	d.fn = fn
	return d.SessionStore.View(ctx, id, d.run)
}

// Update implements [manager.SessionStore].
func (d *observedStore) Update(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
	if !d.seen.on {
		return d.SessionStore.Update(ctx, id, fn)
	}
	d.seen.begin()
	d.fn = fn
	return d.SessionStore.Update(ctx, id, d.run)
}

// Delete implements [manager.SessionStore].
func (d *observedStore) Delete(ctx context.Context, id manager.ID) (manager.Session, error) {
	if d.seen.on {
		d.seen.begin()
	}
	return d.SessionStore.Delete(ctx, id)
}

// explanation puts what the users noted and the trace together.
func (o *observer) explanation() (*result.Explanation, error) {
	if _, err := o.file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	hellos, operations := map[int]explain.Reading{}, map[int][]explain.Operation{}
	for i, s := range o.users {
		if s.hello.After != 0 {
			hellos[i], operations[i] = s.hello, s.ops
		}
	}
	tr, err := explain.ReadTrace(bufio.NewReaderSize(o.file, 1<<20), hellos, runtime.GOMAXPROCS(0))
	if err != nil {
		return nil, fmt.Errorf("execution trace: %w", err)
	}
	a := explain.Analyse(tr, operations, readingCost(), o.trial.subject.Target != nil)
	x := a.Explanation(o.trial.setup.every, func(op uint8) string { return scenarios.Op(op).String() })
	if len(o.users) > 0 && o.users[0].shards != nil {
		x.ShardCount = o.users[0].shards.Shards()
	}
	if path := o.trial.setup.traceFile; path != "" {
		if _, err := o.file.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		if err := outfile.Write(path, func(w io.Writer) error { _, err := io.Copy(w, o.file); return err }); err != nil {
			return nil, err
		}
		x.Profiles = append(x.Profiles, result.Profile{Kind: "trace", File: path})
	}
	return x, nil
}

// readingCost is what a reading of a trial's clock costs, in nanoseconds.
func readingCost() float64 {
	const readings, tries = 1000, 9
	p := phases{base: time.Now()}
	least := math.Inf(1)
	for range tries {
		start := p.now()
		for range readings {
			p.now()
		}
		least = min(least, float64(p.now()-start)/(readings+1))
	}
	return least
}
