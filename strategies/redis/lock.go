package redis

import (
	"context"
	"fmt"
	"time"

	"github.com/sessbench/sessbench/manager"
)

// locker updates under a lock: a key with a token and an expiry (https://redis.io/docs/latest/commands/set/, "Patterns"), taken by
// the script that also reads the session, and released by the script that writes it: two round trips and the wait. Because a lock
// may expire, the write checks that it is still held. It also compares the state, because Delete and Sweep do not wait for the
// lock.
type locker struct {
	*space
	*gate
	ttl, expiry time.Duration
}

// fenceExpiry is how much longer than a lock its fence is kept.
const fenceExpiry = 24 * time.Hour

type fenceKey struct{}

// Fence returns the fencing token of the lock under which fn got ctx. It increases with each holder of the same session's lock, also
// across deletions, unless the lock was unused for a day, so that another service can reject writes of holders whose lock has
// expired (Kleppmann, "How to do distributed locking", 2016). ok is false if the store does not lock.
func Fence(ctx context.Context) (n int64, ok bool) {
	n, ok = ctx.Value(fenceKey{}).(int64)
	return n, ok
}

func (l *locker) update(ctx context.Context, key string, change change) error {
	token := newToken()
	now, fence, err := l.take(ctx, key, token)
	if err != nil {
		return err
	}
	held := true // also when fn panics or ends its goroutine
	defer func() {
		if held {
			l.drop(ctx, key, token)
		}
	}()
	next, err := change(context.WithValue(ctx, fenceKey{}, fence), now, token)
	if err != nil {
		return err
	}
	p := &parcel{bytes: []byte(token)}
	answer, err := lockedSetScript.run(ctx, l.process, []string{key, lock(key)}, p, now.identity(), []byte(next), l.ttl.Milliseconds())
	if err != nil {
		return p.failed(ctx, err)
	}
	held = false
	return written(answer, p)
}

// take waits for the lock and returns the session under it.
func (l *locker) take(ctx context.Context, key, token string) (now record, number int64, err error) {
	var pause backoff
	keys := []string{key, lock(key), fence(key)}
	for {
		p := &parcel{bytes: []byte(token)}
		answer, err := lockScript.run(ctx, l.process, keys, p, l.expiry.Milliseconds(), (l.expiry + fenceExpiry).Milliseconds())
		if err != nil {
			if !p.refused(err) {
				l.drop(ctx, key, token) // it may be held although the reply was lost
			}
			return nil, 0, notApplied(ctx, err)
		}
		switch answer := answer.(type) {
		case []any:
			number, value, err := lockReply(answer)
			if err != nil {
				l.drop(ctx, key, token)
				return nil, 0, err
			}
			now, err := parseRecord(key, []byte(value))
			if err != nil {
				l.drop(ctx, key, token)
				return nil, 0, manager.NotApplied(err)
			}
			return now, number, nil
		case int64:
			if answer == absent {
				return nil, 0, manager.ErrNotFound
			}
		}
		if err := pause.wait(ctx, l.gate); err != nil {
			return nil, 0, err
		}
	}
}

func lockReply(answer []any) (number int64, value string, err error) {
	if len(answer) == 2 {
		number, isNumber := answer[0].(int64)
		value, isText := answer[1].(string)
		if isNumber && isText {
			return number, value, nil
		}
	}
	return 0, "", manager.NotApplied(fmt.Errorf("unexpected reply %v of the lock script", answer))
}

// dropPatience bounds the attempt to release a lock. If it fails the lock expires.
const dropPatience = time.Second

// drop releases the lock if token holds it.
func (l *locker) drop(ctx context.Context, key, token string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropPatience)
	defer cancel()
	_, _ = unlockScript.run(ctx, l.client.Process, []string{lock(key)}, nil, token)
}
