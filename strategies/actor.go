package strategies

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/sessbench/sessbench/manager"
)

var _ = register(Strategy{
	Name:            "actor",
	Description:     "a goroutine owns each shard (or each session) and executes the requests sent to it over a channel",
	WaitsOnChannels: true,
	Guarantees: manager.Guarantees{
		Blocks:           manager.BlocksActor,
		ExclusiveUpdates: true,
		Cancellable:      manager.CancelQueued,
	},
	Params: []Param{
		{
			Name:    "shards",
			Default: strconv.Itoa(defaultOwners),
			Doc:     "number of shards, one goroutine each; ignored with per=session",
			Legal:   "a whole number from 1 to 1048576",
			Check:   positive,
		},
		{
			Name:    "per",
			Default: "shard",
			Doc:     "what a goroutine owns",
			Legal:   "shard or session",
			Check:   shardOrSession,
		},
	},
	Open: func(p Values) (manager.SessionStore[manager.Session], error) {
		return NewActor[manager.Session](actorOptions(p)), nil
	},
})

// defaultOwners is the number of shards of an Actor where none is given.
const defaultOwners = 64

func shardOrSession(value string) error {
	if value != "shard" && value != "session" {
		return errors.New("neither shard nor session")
	}
	return nil
}

func actorOptions(p Values) ActorOptions {
	return ActorOptions{Shards: p.Int("shards"), PerSession: p["per"] == "session"}
}

// ActorOptions sets what each goroutine of an [Actor] owns.
type ActorOptions struct {
	Shards     int  // goroutines to spread the sessions over; less than 1 means 64
	PerSession bool // one goroutine per session; Shards is then ignored
}

// mailboxSize is the capacity of a shard's mailbox, at 8 bytes per request. While there is room a caller waits once, for the
// answer, and not for the sending as well.
const mailboxSize = 64

// Actor has goroutines, the owners, each of which alone accesses some of the sessions (Hewitt, Bishop and Steiger, 1973). An
// operation is a request in the owner's mailbox, and its caller waits for the answer: two goroutine switches where an
// uncontended mutex costs none. Sessions have no locks.
//
// Every closure runs on the owner's goroutine, including create and Sweep's removed, except that with PerSession the creator of
// a session runs create and view. So a busy session delays operations on every session of the same owner. A panic in a closure
// is recovered there and raised again, with the same value, on the caller's goroutine (its trace shows the caller's stack);
// runtime.Goexit likewise ends the caller's goroutine. The owner continues.
//
// When ctx is done before the owner has started a request, the wait ends and the request is never executed.
//
// Inside a closure, operations on sessions of the same owner, and Sweep, block until that ctx is done; Close deadlocks. Other
// owners' sessions can be used; closures that use each other's owners deadlock.
//
// With PerSession each session costs a goroutine, at least 2 KB of stack.
// The goroutines keep an Actor reachable: it must be closed.
type Actor[T any] struct {
	gate       *gate           // every operation is inside from start to end
	shards     []*owner[T]     // nil with PerSession
	keys       hashKeys        // of shards
	index      index[owner[T]] // nil without PerSession
	requests   sync.Pool       // of *request[T]
	goroutines sync.WaitGroup  // of the owners
	running    atomic.Int64    // owners that have not stopped
	closing    sync.Once
}

var (
	_ manager.SessionStore[int] = (*Actor[int])(nil)
	_ manager.CensusReporter    = (*Actor[int])(nil)
)

// NewActor returns an empty store and, without PerSession, starts its goroutines.
func NewActor[T any](opts ActorOptions) *Actor[T] {
	s := &Actor[T]{gate: newGate(), keys: newHashKeys()}
	s.requests.New = func() any { return &request[T]{answered: make(chan struct{}, 1)} }
	if opts.PerSession {
		s.index = newRWIndex[owner[T]]()
		return s
	}
	if opts.Shards < 1 {
		opts.Shards = defaultOwners
	}
	s.shards = make([]*owner[T], opts.Shards)
	for i := range s.shards {
		s.shards[i] = &owner[T]{store: s, sessions: make(table[T]), mailbox: make(chan *request[T], mailboxSize)}
		s.start(s.shards[i])
	}
	return s
}

func (s *Actor[T]) start(o *owner[T]) {
	s.running.Add(1)
	s.goroutines.Go(o.run)
}

// Shard implements [Sharder].
func (s *Actor[T]) Shard(id manager.ID) int {
	if s.index != nil {
		return -1
	}
	return s.slot(id)
}

// Shards implements [Sharder].
func (s *Actor[T]) Shards() int { return len(s.shards) }

// slot returns the index of the owner of an id's shard.
func (s *Actor[T]) slot(id manager.ID) int {
	return int(s.keys.hash(halves(&id)) * uint64(len(s.shards)) >> 32)
}

// owner returns the owner of a session, nil where it does not exist.
func (s *Actor[T]) owner(id manager.ID) *owner[T] {
	if s.index != nil {
		return s.index.load(id)
	}
	return s.shards[s.slot(id)]
}

func (s *Actor[T]) owners() iter.Seq[*owner[T]] {
	if s.index == nil {
		return slices.Values(s.shards)
	}
	return func(yield func(*owner[T]) bool) {
		for _, o := range s.index.all() {
			if !yield(o) {
				return
			}
		}
	}
}

// GetOrCreate implements [manager.SessionStore].
func (s *Actor[T]) GetOrCreate(ctx context.Context, id manager.ID, create func() T, view func(*T)) (bool, error) {
	in, err := s.gate.enter(ctx)
	if err != nil {
		return false, err
	}
	defer s.gate.leave(in)
	r := s.request(askGetOrCreate, ctx, id)
	r.create, r.view = create, view
	defer s.recycle(r)
	var fresh *owner[T]
	for {
		if o := s.owner(id); o != nil {
			if err := s.ask(o, r); err != errStopped {
				return r.created, err
			}
			continue
		}
		if fresh == nil {
			fresh = s.newSessionOwner(id, create)
		}
		if s.index.insert(id, fresh) {
			s.begin(fresh, view)
			return true, nil
		}
	}
}

// newSessionOwner returns the owner of one new session. Its creator uses it exclusively until begin.
func (s *Actor[T]) newSessionOwner(id manager.ID, create func() T) *owner[T] {
	return &owner[T]{
		store:    s,
		id:       id,
		sessions: table[T]{id: new(create())},
		mailbox:  make(chan *request[T]),
		stopped:  make(chan struct{}),
	}
}

// begin runs view on a new session before its owner serves any request, then starts the owner, even if view panics.
func (s *Actor[T]) begin(o *owner[T], view func(*T)) {
	defer s.start(o)
	if view != nil {
		view(o.sessions[o.id])
	}
}

// View implements [manager.SessionStore]. It holds the session exclusively, as Update does.
func (s *Actor[T]) View(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	return s.Update(ctx, id, fn)
}

// Update implements [manager.SessionStore].
func (s *Actor[T]) Update(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	in, err := s.gate.enter(ctx)
	if err != nil {
		return err
	}
	defer s.gate.leave(in)
	r := s.request(askUse, ctx, id)
	r.fn = fn
	err = s.askOwner(r)
	s.recycle(r)
	return err
}

// Delete implements [manager.SessionStore].
func (s *Actor[T]) Delete(ctx context.Context, id manager.ID) (last T, err error) {
	in, err := s.gate.enter(ctx)
	if err != nil {
		return last, err
	}
	defer s.gate.leave(in)
	r := s.request(askTake, ctx, id)
	err = s.askOwner(r)
	last = r.last
	s.recycle(r)
	return last, err
}

// Sweep implements [manager.SessionStore]. It sends a request to one owner after the other, and stops between two
// owners when ctx is done or the store is closed.
func (s *Actor[T]) Sweep(
	ctx context.Context, expired func(manager.ID, *T) bool, removed func(manager.ID, T),
) (n int, err error) {
	in, err := s.gate.enter(ctx)
	if err != nil {
		return 0, err
	}
	defer s.gate.leave(in)
	for o := range s.owners() {
		if err := s.gate.again(ctx); err != nil {
			return n, err
		}
		r := s.request(askSweep, ctx, manager.ID{})
		r.expired, r.removed = expired, removed
		err := s.ask(o, r)
		n += r.n
		s.recycle(r)
		if err != nil && err != errStopped {
			return n, err
		}
	}
	return n, nil
}

// Len implements [manager.SessionStore]. It reads the owners' counts without waiting for them.
func (s *Actor[T]) Len(ctx context.Context) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, manager.NotApplied(err)
	}
	return s.len(), nil
}

func (s *Actor[T]) len() (n int) {
	if s.index != nil {
		return s.index.len()
	}
	for _, o := range s.shards {
		n += int(o.count.Load())
	}
	return n
}

// Close implements [manager.SessionStore]. Once the gate is shut, owners reject requests that they have not started; once
// the last operation has left, no more requests are sent, and the mailboxes can be closed.
func (s *Actor[T]) Close() error {
	s.closing.Do(func() {
		s.gate.close()
		for o := range s.owners() {
			close(o.mailbox)
		}
		s.goroutines.Wait()
		if s.index != nil {
			s.index.clear()
		}
	})
	return nil
}

// Census implements [manager.CensusReporter]. With PerSession each session explains one mailbox and one goroutine.
func (s *Actor[T]) Census() manager.Census {
	running := int(s.running.Load())
	c := manager.Census{Sessions: s.len(), Goroutines: running}
	if s.index != nil {
		c.Locks = running
	}
	return c
}

// request returns a request of a kind, to which its caller adds the closures.
func (s *Actor[T]) request(k kind, ctx context.Context, id manager.ID) *request[T] {
	r := s.requests.Get().(*request[T])
	r.kind, r.ctx, r.id = k, ctx, id
	return r
}

// recycle keeps r for another operation, unless it was withdrawn: then it is still in a mailbox.
func (s *Actor[T]) recycle(r *request[T]) {
	if r.state.Load() == withdrawn {
		return
	}
	r.question, r.answer = question[T]{}, answer[T]{}
	r.state.Store(queued)
	s.requests.Put(r)
}

// askOwner sends r to the owner of r.id and waits for the answer.
func (s *Actor[T]) askOwner(r *request[T]) error {
	for {
		o := s.owner(r.id)
		if o == nil {
			return manager.ErrNotFound
		}
		if err := s.ask(o, r); err != errStopped {
			return err
		}
	}
}

// errStopped: the owner stopped before it received the request. It removed itself from the index before that.
var errStopped = errors.New("owner stopped")

// ask sends r to o, waits for the answer and returns its error. A panic or Goexit in a closure is repeated on the caller's
// goroutine.
func (s *Actor[T]) ask(o *owner[T], r *request[T]) error {
	manager.LockAsked(r.ctx)
	if err := o.send(r); err != nil {
		return err
	}
	if err := r.wait(); err != nil {
		return err
	}
	switch r.ended {
	case panicked:
		panic(r.value)
	case exited:
		runtime.Goexit()
	}
	return r.err
}

// request is one operation sent to an owner. Requests are pooled.
type request[T any] struct {
	question[T]
	answer[T]               // written by the owner until answered
	state     atomic.Uint32 // queued; then begun by the owner or withdrawn by the caller, whichever comes first
	answered  chan struct{} // capacity 1, so that the owner never waits for a caller
}

// The states of a request.
const (
	queued uint32 = iota
	begun
	withdrawn
)

// question is the arguments of an operation.
type question[T any] struct {
	kind    kind
	ctx     context.Context
	id      manager.ID
	create  func() T                        // getOrCreate
	view    func(*T)                        // getOrCreate
	fn      func(context.Context, *T) error // use
	expired func(manager.ID, *T) bool       // sweep
	removed func(manager.ID, T)             // sweep
}

// kind selects the method of [table] to call.
type kind uint8

const (
	askGetOrCreate kind = iota
	askUse
	askTake
	askSweep
)

// answer is the result of an operation.
type answer[T any] struct {
	last    T    // take
	created bool // getOrCreate
	n       int  // sweep
	err     error
	ended   ending
	value   any // of the panic
}

// ending is how the closures of an operation ended.
type ending uint8

const (
	returned ending = iota
	panicked
	exited // by runtime.Goexit
)

// wait returns nil once r is answered, or an error if ctx was done before the owner started r.
func (r *request[T]) wait() error {
	if done := r.ctx.Done(); done != nil {
		select {
		case <-r.answered:
			return nil
		case <-done:
			if r.state.CompareAndSwap(queued, withdrawn) {
				return manager.NotApplied(r.ctx.Err())
			}
		}
	}
	<-r.answered
	return nil
}

// owner is a goroutine and the sessions that it alone accesses: those of a shard, or a single session, after whose removal the
// owner stops.
//
// Most of an operation is the two switches, to the owner and back: 2,600 instructions in channels and the scheduler. The switch of
// [iter.Pull] takes a seventh of that, but is a fatal error where the caller is locked to its thread ([runtime.LockOSThread], callbacks
// from C).
type owner[T any] struct {
	store    *Actor[T]
	mailbox  chan *request[T] // closed by Close. Unbuffered for a single session, so that no request is left in it when the owner stops
	sessions table[T]         // nil once the owner has stopped
	count    atomic.Int64     // len(sessions), readable by other goroutines

	// For the owner of a single session only.
	id      manager.ID
	stopped chan struct{} // closed when the owner takes no more requests; nil for a shard, which stops only on Close
}

// send puts r in o's mailbox; after an error it is not there. It first tries to send without waiting, and waits without a select where
// it can: a select of several channels costs about as much as the send.
func (o *owner[T]) send(r *request[T]) error {
	select {
	case o.mailbox <- r:
		return nil
	default:
	}
	done := r.ctx.Done()
	if done == nil && o.stopped == nil {
		o.mailbox <- r
		return nil
	}
	select {
	case o.mailbox <- r:
		return nil
	case <-o.stopped:
		return errStopped
	case <-done:
		return manager.NotApplied(r.ctx.Err())
	}
}

// run serves requests until the owner stops. When a closure ends the goroutine by runtime.Goexit, a new one continues with the
// same mailbox. The WaitGroup counts it before this one ends, so that Close joins it too.
func (o *owner[T]) run() {
	defer func() {
		if o.sessions != nil {
			o.store.goroutines.Go(o.run)
		}
	}()
	for o.sessions != nil {
		r, open := <-o.mailbox
		if !open {
			o.stop()
			return
		}
		o.serve(r)
	}
}

// serve executes r and answers it. The answer comes last, so that the count and the index are up to date once the caller has it.
func (o *owner[T]) serve(r *request[T]) {
	if !r.state.CompareAndSwap(queued, begun) {
		return
	}
	r.ended = exited // until the end of this function or a panic changes it
	defer func() {
		if r.ended != returned {
			if v := recover(); v != nil {
				r.ended, r.value = panicked, v
			}
		}
		o.settle()
		r.answered <- struct{}{}
	}()
	if o.store.gate.shut.Load() {
		r.err = manager.ErrClosed
	} else {
		manager.LockGranted(r.ctx)
		o.do(r)
	}
	r.ended = returned
}

func (o *owner[T]) do(r *request[T]) {
	switch r.kind {
	case askGetOrCreate:
		r.created = o.sessions.getOrCreate(r.id, r.create, r.view)
	case askUse:
		r.err = o.sessions.use(r.ctx, r.id, r.fn)
	case askTake:
		r.last, r.err = o.sessions.take(r.id)
	case askSweep:
		r.n = o.sessions.sweep(r.expired, r.removed)
	}
}

// settle updates the count after a request, and stops an owner whose single session was removed.
func (o *owner[T]) settle() {
	if n := int64(len(o.sessions)); n != o.count.Load() {
		o.count.Store(n)
	}
	if o.stopped != nil && len(o.sessions) == 0 {
		o.store.index.remove(o.id, o)
		o.stop()
	}
}

// stop marks the owner dead and releases callers that wait at its mailbox; they look the session up again.
func (o *owner[T]) stop() {
	o.sessions = nil
	o.count.Store(0)
	o.store.running.Add(-1)
	if o.stopped != nil {
		close(o.stopped)
	}
}
