package redis

import (
	"context"
	"fmt"
	"time"

	"github.com/sessbench/sessbench/manager"
)

// locker updates under a lock: a key with a token and an expiry (https://redis.io/docs/latest/commands/set/, "Patterns"),
// taken by the script that also reads the session, and released by the one that writes it: two round trips and the wait.
// A lock that expires is no lock, so the write asks whether it is still held, and compares the state besides:
// a Delete or a Sweep does not wait for the lock.
type locker struct {
	*space
	*gate
	ttl, expiry time.Duration
}

// fenceExpiry is how much longer than a lock its fence is remembered.
const fenceExpiry = 24 * time.Hour

type fenceKey struct{}

// Fence is the number of the lock under which fn was given ctx. It is higher in each later holder of the same session's lock,
// also across deletions, unless nobody took it for a day, so that a third party can turn away those who were overtaken
// (Kleppmann, "How to do distributed locking", 2016). There is none where the store does not lock.
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

// take waits for the lock and returns the session as it is under it.
func (l *locker) take(ctx context.Context, key, token string) (now record, number int64, err error) {
	var pause backoff
	keys := []string{key, lock(key), fence(key)}
	for {
		p := &parcel{bytes: []byte(token)}
		answer, err := lockScript.run(ctx, l.process, keys, p, l.expiry.Milliseconds(), (l.expiry + fenceExpiry).Milliseconds())
		if err != nil {
			if !p.refused(err) {
				l.drop(ctx, key, token) // it may be ours without our knowing
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
	return 0, "", manager.NotApplied(fmt.Errorf("a lock answered %v", answer))
}

// dropPatience bounds the attempt to give a lock back. What fails the lock's expiry does.
const dropPatience = time.Second

// drop gives the lock back, if token has it.
func (l *locker) drop(ctx context.Context, key, token string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropPatience)
	defer cancel()
	_, _ = unlockScript.run(ctx, l.client.Process, []string{lock(key)}, nil, token)
}
