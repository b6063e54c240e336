package manager

import (
	"context"
	"encoding/binary"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Chatbot is a manager of conversations in a store: the newest HistoryLimit messages of each. It generates every id, so no caller
// can choose one (session fixation). It is safe for concurrent use and has no session state: several Chatbots on one store see
// the same conversations.
//
// In steady state (full history, dst reused) AddMessage and History allocate nothing beyond what the store allocates: the closures
// they pass to it belong to a pooled [ChatUser].
type Chatbot struct {
	store SessionStore[Session]
	opts  options
	users sync.Pool // of *ChatUser
}

// NewChatbot returns a chatbot on store. The caller closes the store.
func NewChatbot(store SessionStore[Session], opts ...Option) *Chatbot {
	c := &Chatbot{store: store, opts: newOptions(opts)}
	c.users.New = func() any { return c.User() }
	return c
}

// IncarnationOf returns the Incarnation of a session that a manager created under id: the id's last eight bytes, because a manager
// uses an id only once.
func IncarnationOf(id ID) uint64 { return binary.LittleEndian.Uint64(id[8:]) }

// CreateSession creates an empty session under a new random id.
// Errors: the store's, ErrExists, and a failure of the operating system's random source.
func (c *Chatbot) CreateSession(ctx context.Context) (ID, error) {
	id, err := uuid.NewRandom()
	if err != nil {
		return ID{}, NotApplied(err)
	}
	return id, createAs(ctx, c.store, &c.opts, id)
}

// createAs creates an empty session under a new id.
func createAs(ctx context.Context, store SessionStore[Session], o *options, id ID) error {
	fresh := func() Session { return Session{Incarnation: IncarnationOf(id), Touched: o.now()} }
	created, err := store.GetOrCreate(ctx, id, fresh, nil)
	if err == nil && !created {
		return ErrExists
	}
	return err
}

// AddMessage appends a message and returns its number in the session, from 1. The configured work runs under the
// session's lock.
// Errors: the store's.
func (c *Chatbot) AddMessage(ctx context.Context, id ID, role, content string) (seq uint64, err error) {
	u := c.users.Get().(*ChatUser)
	seq, err = u.AddMessage(ctx, id, role, content)
	c.release(u)
	return seq, err
}

// History appends the newest messages of the session, oldest first, to dst. Later writes do not change them. With a time-to-live
// it records a touch when one is due.
// Errors: the store's; dst is then returned unchanged.
func (c *Chatbot) History(ctx context.Context, id ID, dst []Message) ([]Message, error) {
	u := c.users.Get().(*ChatUser)
	dst, err := u.History(ctx, id, dst)
	c.release(u)
	return dst, err
}

// Validate returns nil if the session exists, else ErrNotFound. With a time-to-live it records a touch when one is due.
// Errors: the store's.
func (c *Chatbot) Validate(ctx context.Context, id ID) error {
	u := c.users.Get().(*ChatUser)
	err := u.Validate(ctx, id)
	c.release(u)
	return err
}

// Touch records a use of the session and returns its new version. Validate and History make it when due.
// Errors: the store's.
func (c *Chatbot) Touch(ctx context.Context, id ID) (version uint64, err error) {
	u := c.users.Get().(*ChatUser)
	version, err = u.Touch(ctx, id)
	c.release(u)
	return version, err
}

// release returns a user to the pool after its operation. After a panic it is left to the garbage collector.
func (c *Chatbot) release(u *ChatUser) {
	u.forget()
	c.users.Put(u)
}

// DeleteSession removes the session. The configured OnRemove gets its final state.
// Errors: the store's.
func (c *Chatbot) DeleteSession(ctx context.Context, id ID) error {
	last, err := c.store.Delete(ctx, id)
	if err == nil && c.opts.onRemove != nil {
		c.opts.onRemove(id, last)
	}
	return err
}

// ExpireIdle removes every session whose last use is at least ttl ago and returns their number, also beside an error.
// The configured OnRemove gets the final state of each. A ttl of zero or less removes all.
// Errors: the store's.
func (c *Chatbot) ExpireIdle(ctx context.Context, ttl time.Duration) (int, error) {
	return expireIdle(ctx, c.store, &c.opts, ttl, c.opts.onRemove)
}

func expireIdle(ctx context.Context, store SessionStore[Session], o *options, ttl time.Duration, removed func(ID, Session)) (int, error) {
	deadline := o.clock().Add(-ttl).UnixNano()
	return store.Sweep(ctx, func(_ ID, s *Session) bool { return ttl <= 0 || s.Touched <= deadline }, removed)
}
