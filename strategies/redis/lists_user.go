package redis

import (
	"context"
	"errors"
	"time"

	"github.com/sessbench/sessbench/manager"
)

// ListsUser drives [Lists] for one goroutine at a time, as [manager.ChatUser] drives a store: a read that finds a touch due
// makes it.
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
	all, s, err := u.lists.read(ctx, id, dst)
	if err == nil && u.lists.due(s.touched) {
		err = u.touchIfThere(ctx, id)
	}
	if err != nil {
		return dst, err
	}
	return all, nil
}

// Validate is [Lists.Validate].
func (u *ListsUser) Validate(ctx context.Context, id manager.ID) error {
	touched, err := u.lists.touched(ctx, id)
	if err == nil && u.lists.due(touched) {
		err = u.touchIfThere(ctx, id)
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

// touchIfThere touches a session that was seen a moment ago. That it has gone since is no error of the read.
func (u *ListsUser) touchIfThere(ctx context.Context, id manager.ID) error {
	if _, err := u.Touch(ctx, id); err != nil && !errors.Is(err, manager.ErrNotFound) {
		return err
	}
	return nil
}

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
