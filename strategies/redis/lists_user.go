package redis

import (
	"context"
	"time"

	"github.com/sessbench/sessbench/manager"
)

// ListsUser drives [Lists] for one goroutine at a time, as [manager.ChatUser] drives a store, and counts the touches that this
// makes.
type ListsUser struct {
	lists   *Lists
	touches uint64
}

// User returns a way to l for one goroutine.
func (l *Lists) User() *ListsUser { return &ListsUser{lists: l} }

// CreateSession is [Lists.CreateSession].
func (u *ListsUser) CreateSession(ctx context.Context) (manager.ID, error) {
	return u.lists.CreateSession(ctx)
}

// AddMessage is [Lists.AddMessage].
func (u *ListsUser) AddMessage(ctx context.Context, id manager.ID, role, content string) (seq uint64, err error) {
	seq, _, err = u.lists.AddMessage(ctx, id, role, content)
	return seq, err
}

// History is [Lists.History].
func (u *ListsUser) History(ctx context.Context, id manager.ID, dst []manager.Message) ([]manager.Message, error) {
	all, _, used, err := u.lists.history(ctx, id, dst)
	if used {
		u.touches++
	}
	return all, err
}

// Validate is [Lists.Validate].
func (u *ListsUser) Validate(ctx context.Context, id manager.ID) error {
	used, err := u.lists.validate(ctx, id)
	if used {
		u.touches++
	}
	return err
}

// Touch is [Lists.Touch].
func (u *ListsUser) Touch(ctx context.Context, id manager.ID) (version uint64, err error) {
	version, _, err = u.lists.Touch(ctx, id)
	if err == nil {
		u.touches++
	}
	return version, err
}

// Touches is the number of touches this user has made, those that its reads found due included.
func (u *ListsUser) Touches() uint64 { return u.touches }

// DeleteSession is [Lists.Delete].
func (u *ListsUser) DeleteSession(ctx context.Context, id manager.ID) error {
	last, err := u.lists.Delete(ctx, id)
	if err == nil && u.lists.removed != nil {
		u.lists.removed(id, last)
	}
	return err
}

// ExpireIdle is [Lists.ExpireIdle].
func (u *ListsUser) ExpireIdle(ctx context.Context, ttl time.Duration) (int, error) {
	return u.lists.ExpireIdle(ctx, ttl, u.lists.removed)
}
