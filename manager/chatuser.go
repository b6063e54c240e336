package manager

import (
	"context"
	"errors"
)

// ChatUser is a [Chatbot] for one goroutine at a time, at less cost: it has its closures and their arguments and results, which a
// Chatbot has to get from a pool.
type ChatUser struct {
	*Chatbot

	// Arguments and results of the closures, for one operation at a time. A store may run a closure more than once.
	role, content string
	base, out     []Message
	n             uint64
	due           bool
	touches       uint64

	append, read, check, touch func(context.Context, *Session) error
}

// User returns a ChatUser of c, for one goroutine.
func (c *Chatbot) User() *ChatUser {
	u := &ChatUser{Chatbot: c}
	u.append, u.read, u.check, u.touch = u.runAppend, u.runRead, u.runCheck, u.runTouch
	return u
}

// AddMessage is [Chatbot.AddMessage].
func (u *ChatUser) AddMessage(ctx context.Context, id ID, role, content string) (seq uint64, err error) {
	u.role, u.content, u.n = role, content, 0
	err = u.store.Update(ctx, id, u.append)
	return u.n, err
}

func (u *ChatUser) runAppend(_ context.Context, s *Session) error {
	u.opts.doWork()
	if u.opts.ttl > 0 {
		s.Touched = u.opts.now()
	}
	u.n = s.Append(u.role, u.content)
	return nil
}

// History is [Chatbot.History].
func (u *ChatUser) History(ctx context.Context, id ID, dst []Message) ([]Message, error) {
	u.base, u.out, u.due = dst, dst, false
	if err := u.store.View(ctx, id, u.read); err != nil {
		return dst, err
	}
	out := u.out
	if u.due {
		if err := u.touchIfPresent(ctx, id); err != nil {
			return dst, err
		}
	}
	return out, nil
}

func (u *ChatUser) runRead(_ context.Context, s *Session) error {
	u.out = s.History(u.base) // from base, so that a second run replaces the result of the first
	u.due = u.opts.touchDue(s)
	return nil
}

// Validate is [Chatbot.Validate].
func (u *ChatUser) Validate(ctx context.Context, id ID) error {
	u.due = false
	err := u.store.View(ctx, id, u.check)
	if err == nil && u.due {
		err = u.touchIfPresent(ctx, id)
	}
	return err
}

func (u *ChatUser) runCheck(_ context.Context, s *Session) error {
	u.due = u.opts.touchDue(s)
	return nil
}

// Touch is [Chatbot.Touch].
func (u *ChatUser) Touch(ctx context.Context, id ID) (version uint64, err error) {
	u.n = 0
	if err = u.store.Update(ctx, id, u.touch); err == nil {
		u.touches++
	}
	return u.n, err
}

// Touches returns the number of touches of this user, including those that its reads made.
func (u *ChatUser) Touches() uint64 { return u.touches }

func (u *ChatUser) runTouch(_ context.Context, s *Session) error {
	u.opts.doWork()
	u.n = s.Touch(u.opts.now())
	return nil
}

// touchIfPresent touches a session that was just read. Its removal since then is no error of the read.
func (u *ChatUser) touchIfPresent(ctx context.Context, id ID) error {
	if _, err := u.Touch(ctx, id); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	return nil
}

// forget drops references to arguments and results.
func (u *ChatUser) forget() { u.role, u.content, u.base, u.out = "", "", nil, nil }
