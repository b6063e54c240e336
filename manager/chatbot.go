package manager

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Chatbot is the application's view on a store of conversations: the newest HistoryLimit messages of each.
// It mints every id itself, so no caller can choose one (session fixation). It is safe for concurrent use and keeps
// no session state of its own: several Chatbots over one store see the same conversations.
//
// In steady state (full history, dst reused) AddMessage and History allocate nothing on stores that do not either:
// the closures they hand to the store are the methods of pooled operations.
type Chatbot struct {
	store SessionStore[Session]
	opts  options
	pools *chatPools
}

// NewChatbot returns a chatbot over store. The store stays the caller's to close.
func NewChatbot(store SessionStore[Session], opts ...Option) *Chatbot {
	return &Chatbot{store: store, opts: newOptions(opts), pools: newChatPools()}
}

// Over returns a chatbot over store with its own options that shares c's pools. Over the same store it serves the same
// conversations.
func (c *Chatbot) Over(store SessionStore[Session], opts ...Option) *Chatbot {
	return &Chatbot{store: store, opts: newOptions(opts), pools: c.pools}
}

// chatPools keeps operations between their uses.
type chatPools struct {
	appends sync.Pool // of *appendOp
	reads   sync.Pool // of *historyOp
	checks  sync.Pool // of *validateOp
	touches sync.Pool // of *touchOp
}

func newChatPools() *chatPools {
	p := &chatPools{}
	p.appends.New = func() any { op := &appendOp{}; op.fn = op.run; return op }
	p.reads.New = func() any { op := &historyOp{}; op.fn = op.run; return op }
	p.checks.New = func() any { op := &validateOp{}; op.fn = op.run; return op }
	p.touches.New = func() any { op := &touchOp{}; op.fn = op.run; return op }
	return p
}

// IncarnationOf is the Incarnation of a session that a manager made under id. A minted id has one life only, so
// the id's last eight bytes serve.
func IncarnationOf(id ID) uint64 { return binary.LittleEndian.Uint64(id[8:]) }

// CreateSession makes an empty session under a new random id.
// Errors: the store's, ErrExists, and a failure of the operating system's random source.
func (c *Chatbot) CreateSession(ctx context.Context) (ID, error) {
	id, err := uuid.NewRandom()
	if err != nil {
		return ID{}, NotApplied(err)
	}
	return id, createAs(ctx, c.store, &c.opts, id)
}

// createAs makes an empty session under a minted id.
func createAs(ctx context.Context, store SessionStore[Session], o *options, id ID) error {
	fresh := func() Session { return Session{Incarnation: IncarnationOf(id), Touched: o.now()} }
	created, err := store.GetOrCreate(ctx, id, fresh, nil)
	if err == nil && !created {
		return ErrExists
	}
	return err
}

// AddMessage appends a message and returns its number in the session, from 1. The configured work is done under the
// session's lock. content is kept by reference.
// Errors: the store's.
func (c *Chatbot) AddMessage(ctx context.Context, id ID, role, content string) (seq uint64, err error) {
	op := c.pools.appends.Get().(*appendOp)
	op.opts = &c.opts
	op.role, op.content = role, content
	err = c.store.Update(ctx, id, op.fn)
	seq = op.seq
	op.role, op.content, op.seq = "", "", 0
	c.pools.appends.Put(op)
	return seq, err
}

// History appends the newest messages of the session, oldest first, to dst. What is handed out never changes
// afterwards. With a time-to-live a read is a use: it records a touch when one is due.
// Errors: the store's; dst then comes back as it was.
func (c *Chatbot) History(ctx context.Context, id ID, dst []Message) ([]Message, error) {
	op := c.pools.reads.Get().(*historyOp)
	op.opts = &c.opts
	op.base, op.out = dst, dst
	err := c.store.View(ctx, id, op.fn)
	out, due := op.out, op.due
	op.base, op.out, op.due = nil, nil, false
	c.pools.reads.Put(op)
	if err != nil {
		return dst, err
	}
	if due {
		if err := c.touchIfThere(ctx, id); err != nil {
			return dst, err
		}
	}
	return out, nil
}

// Validate reports whether the session is there: nil or ErrNotFound. It is a read, and with a
// time-to-live it records a touch when one is due.
// Errors: the store's.
func (c *Chatbot) Validate(ctx context.Context, id ID) error {
	op := c.pools.checks.Get().(*validateOp)
	op.opts = &c.opts
	err := c.store.View(ctx, id, op.fn)
	due := op.due
	op.due = false
	c.pools.checks.Put(op)
	if err == nil && due {
		err = c.touchIfThere(ctx, id)
	}
	return err
}

// Touch records a use of the session and returns its new version. It is the update that Validate makes when due.
// Errors: the store's.
func (c *Chatbot) Touch(ctx context.Context, id ID) (version uint64, err error) {
	op := c.pools.touches.Get().(*touchOp)
	op.opts = &c.opts
	err = c.store.Update(ctx, id, op.fn)
	version = op.version
	op.version = 0
	c.pools.touches.Put(op)
	return version, err
}

// touchIfThere touches a session that was seen a moment ago. That it has gone since is no error of the read.
func (c *Chatbot) touchIfThere(ctx context.Context, id ID) error {
	if _, err := c.Touch(ctx, id); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	return nil
}

// DeleteSession removes the session. The configured OnRemove gets its last state.
// Errors: the store's.
func (c *Chatbot) DeleteSession(ctx context.Context, id ID) error {
	last, err := c.store.Delete(ctx, id)
	if err == nil && c.opts.onRemove != nil {
		c.opts.onRemove(id, last)
	}
	return err
}

// ExpireIdle removes every session whose last use is at least ttl ago and returns their number, also beside an error.
// The configured OnRemove gets the last state of each. A ttl of zero or less removes all.
// Errors: the store's.
func (c *Chatbot) ExpireIdle(ctx context.Context, ttl time.Duration) (int, error) {
	return expireIdle(ctx, c.store, &c.opts, ttl, c.opts.onRemove)
}

func expireIdle(ctx context.Context, store SessionStore[Session], o *options, ttl time.Duration, removed func(ID, Session)) (int, error) {
	deadline := o.clock().Add(-ttl).UnixNano()
	return store.Sweep(ctx, func(_ ID, s *Session) bool { return ttl <= 0 || s.Touched <= deadline }, removed)
}

type appendOp struct {
	opts          *options
	role, content string
	seq           uint64
	fn            func(context.Context, *Session) error // run, bound once
}

func (op *appendOp) run(_ context.Context, s *Session) error {
	op.opts.doWork()
	if op.opts.ttl > 0 {
		s.Touched = op.opts.now()
	}
	op.seq = s.Append(op.role, op.content)
	return nil
}

type historyOp struct {
	opts      *options
	base, out []Message
	due       bool
	fn        func(context.Context, *Session) error
}

func (op *historyOp) run(_ context.Context, s *Session) error {
	op.out = s.History(op.base) // from base, so that a second run starts over
	op.due = op.opts.touchDue(s)
	return nil
}

type validateOp struct {
	opts *options
	due  bool
	fn   func(context.Context, *Session) error
}

func (op *validateOp) run(_ context.Context, s *Session) error {
	op.due = op.opts.touchDue(s)
	return nil
}

type touchOp struct {
	opts    *options
	version uint64
	fn      func(context.Context, *Session) error
}

func (op *touchOp) run(_ context.Context, s *Session) error {
	op.opts.doWork()
	op.version = s.Touch(op.opts.now())
	return nil
}
