package redis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/google/uuid"
	goredis "github.com/redis/go-redis/v9"

	"github.com/sessbench/sessbench/manager"
)

// Lists keeps conversations as Redis users do: the messages of a session are a list, and a script in the server appends to it and
// trims it to the newest [manager.HistoryLimit], in one round trip. There are no locks and no retries, and no session to pass to
// a closure: Lists is not a [manager.SessionStore]. It is safe for concurrent use.
//
// Errors are those of [Store]. A write is never sent again while the outcome of the first copy is unknown. A second copy made on
// the way to the server is recognized by its token, if that is among the last 8 of its session.
type Lists struct {
	*space
	*gate
	touch, ttl time.Duration
}

// ListsOptions are the settings of [Lists].
type ListsOptions struct {
	Touch      time.Duration // a read records a use if the last recorded use is older; 0: reads record no uses
	TTL        time.Duration // Redis removes sessions not used for this long, in whole milliseconds; 0: never
	Pipelining bool          // concurrent operations share round trips: see [WithPipelining]
}

// NewLists returns the conversations below prefix; client and prefix are as for [New].
func NewLists(client goredis.UniversalClient, prefix string, o ListsOptions) (*Lists, error) {
	sp, err := newSpace(client, prefix)
	if err != nil {
		return nil, err
	}
	if o.Pipelining {
		sp = sp.pipelined()
	}
	return &Lists{space: sp, gate: newGate(), touch: o.Touch, ttl: o.TTL}, checkTTL(o.TTL)
}

// OpenLists connects to the Redis that o selects, as [Connect] does, with the time-to-live of o. Close removes the sessions there.
func OpenLists(ctx context.Context, o Options, lists ListsOptions) (*Lists, error) {
	server, err := Connect(ctx, o)
	if err != nil {
		return nil, err
	}
	lists.TTL = o.TTL
	l, err := NewLists(server.Client(), server.Prefix(), lists)
	if err != nil {
		return nil, errors.Join(err, server.Close())
	}
	l.release = server.Close
	return l, nil
}

// newIncarnation returns a random incarnation, which is also the token of the operation that creates it. It is not 0, and below 2⁵³, so
// that it is exact in JSON and Lua.
func newIncarnation() uint64 { return 1 + rand.Uint64N(1<<53-1) }

func incarnationWord(incarnation uint64) string { return string(appendWord(nil, incarnation)) }

// now returns the time in Unix microseconds, which are exact in Lua.
func now() int64 { return time.Now().UnixMicro() }

// write runs a script that changes the session under key, and returns its reply if that is a list. Any other reply is an error.
func (l *Lists) write(ctx context.Context, sc *script, keys []string, token string, args ...any) ([]any, error) {
	p := &parcel{bytes: []byte(token), once: true}
	answer, err := sc.run(ctx, l.process, keys, p, args...)
	if err != nil {
		return nil, p.failed(ctx, err)
	}
	if list, ok := answer.([]any); ok {
		return list, nil
	}
	return nil, written(answer, p)
}

// change runs a script that changes a session and returns a number and the session's incarnation.
func (l *Lists) change(ctx context.Context, sc *script, keys []string, token string, args ...any) (n, incarnation uint64, err error) {
	if err := l.enter(ctx); err != nil {
		return 0, 0, err
	}
	defer l.leave()
	answer, err := l.write(ctx, sc, keys, token, args...)
	if err != nil {
		return 0, 0, err
	}
	err = scanAnswer(answer, &n, hexWord{&incarnation})
	return n, incarnation, err
}

// GetOrCreate creates the session if it is absent, and returns its incarnation.
func (l *Lists) GetOrCreate(ctx context.Context, id manager.ID) (created bool, incarnation uint64, err error) {
	key, token := l.key(id), incarnationWord(newIncarnation())
	n, incarnation, err := l.change(ctx, createListScript, []string{key, tombstone(key)}, token, now(), l.ttl.Milliseconds())
	return n == 1, incarnation, err
}

// CreateSession creates a session under a new random id.
func (l *Lists) CreateSession(ctx context.Context) (manager.ID, error) {
	id, err := uuid.NewRandom()
	if err != nil {
		return id, manager.NotApplied(err)
	}
	created, _, err := l.GetOrCreate(ctx, id)
	if err == nil && !created {
		err = manager.ErrExists
	}
	return id, err
}

// message is an element of a list, in JSON. Its number follows from its position.
type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// AddMessage appends a message and returns its number in the session, from 1, and the session's incarnation.
func (l *Lists) AddMessage(ctx context.Context, id manager.ID, role, content string) (seq, incarnation uint64, err error) {
	text, err := json.Marshal(message{role, content})
	if err != nil {
		return 0, 0, manager.NotApplied(err)
	}
	key := l.key(id)
	return l.change(ctx, appendScript, []string{key, messages(key)}, newToken(), text, now(), manager.HistoryLimit, l.ttl.Milliseconds())
}

// Touch records a use of the session and returns its new version: the number of its messages and touches.
func (l *Lists) Touch(ctx context.Context, id manager.ID) (version, incarnation uint64, err error) {
	key := l.key(id)
	return l.change(ctx, touchScript, []string{key, messages(key)}, newToken(), now(), l.ttl.Milliseconds())
}

// History appends the session's newest messages, oldest first, to dst, and returns the session's incarnation.
func (l *Lists) History(
	ctx context.Context, id manager.ID, dst []manager.Message,
) (messages []manager.Message, incarnation uint64, err error) {
	messages, s, err := l.read(ctx, id, dst)
	if err == nil {
		err = l.recordUse(ctx, id, s.touched)
	}
	if err != nil {
		return dst, 0, err
	}
	return messages, s.incarnation, nil
}

// read reads the whole session.
func (l *Lists) read(ctx context.Context, id manager.ID, dst []manager.Message) (all []manager.Message, s listState, err error) {
	if err := l.enter(ctx); err != nil {
		return dst, s, err
	}
	defer l.leave()
	key := l.key(id)
	answer, err := readScript.run(ctx, l.process, []string{key, messages(key)}, nil)
	if err != nil {
		return dst, s, notApplied(ctx, err)
	}
	if s, err = parseState(answer); err != nil {
		return dst, s, err
	}
	all, err = s.history(dst)
	return all, s, err
}

// Validate returns nil if the session exists, else [manager.ErrNotFound].
func (l *Lists) Validate(ctx context.Context, id manager.ID) error {
	touched, err := l.touched(ctx, id)
	if err != nil {
		return err
	}
	return l.recordUse(ctx, id, touched)
}

// Version returns the number of messages and touches of the session, and its incarnation. It records no use.
func (l *Lists) Version(ctx context.Context, id manager.ID) (version, incarnation uint64, err error) {
	if err := l.enter(ctx); err != nil {
		return 0, 0, err
	}
	defer l.leave()
	cmd := goredis.NewSliceCmd(ctx, "hmget", l.key(id), "version", "life")
	if err := l.process(ctx, cmd); err != nil {
		return 0, 0, notApplied(ctx, err)
	}
	parts := cmd.Val()
	if parts[0] == nil {
		return 0, 0, manager.ErrNotFound
	}
	err = scanAnswer(parts, &version, hexWord{&incarnation})
	return version, incarnation, err
}

// touched returns the last use of the session, in Unix microseconds.
func (l *Lists) touched(ctx context.Context, id manager.ID) (int64, error) {
	if err := l.enter(ctx); err != nil {
		return 0, err
	}
	defer l.leave()
	text, err := reply(ctx, l.ask(ctx, "hget", l.key(id), "touched"))
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(string(text), 10, 64)
}

// recordUse touches a session that was just read, if its last use, at touched in Unix microseconds, is older than l.touch. The
// session's removal since the read is no error of the read.
func (l *Lists) recordUse(ctx context.Context, id manager.ID, touched int64) error {
	if l.touch <= 0 || now()-touched <= l.touch.Microseconds() {
		return nil
	}
	if _, _, err := l.Touch(ctx, id); !errors.Is(err, manager.ErrNotFound) {
		return err
	}
	return nil
}

// DeleteSession removes the session, and returns the number of messages it ever had and its incarnation.
func (l *Lists) DeleteSession(ctx context.Context, id manager.ID) (seq, incarnation uint64, err error) {
	last, err := l.Delete(ctx, id)
	return last.Seq, last.Incarnation, err
}

// Delete removes the session and returns its last state.
func (l *Lists) Delete(ctx context.Context, id manager.ID) (last manager.Session, err error) {
	if err := l.enter(ctx); err != nil {
		return last, err
	}
	defer l.leave()
	key := l.key(id)
	incarnation, err := reply(ctx, l.ask(ctx, "hget", key, "life"))
	if err != nil {
		return last, err
	}
	last, err = l.remove(ctx, key, string(incarnation), "")
	if _, ok := err.(*again); ok {
		err = manager.ErrNotFound // that incarnation was removed and another created: in between there was no session
	}
	return last, err
}

// remove deletes a session if it is of this incarnation and was not used since deadline, in Unix microseconds. "" is any.
func (l *Lists) remove(ctx context.Context, key, incarnation, deadline string) (last manager.Session, err error) {
	keys := []string{key, messages(key), tombstone(key), messages(tombstone(key))}
	answer, err := l.write(ctx, deleteListScript, keys, newToken(), incarnation, deadline, tombstoneExpiry.Milliseconds())
	if err != nil {
		return last, err
	}
	s, err := parseState(answer)
	if err != nil {
		return last, err
	}
	return s.session()
}

// ExpireIdle removes every session whose last recorded use is at least ttl ago, or all if ttl is zero or less. It calls removed,
// which may be nil, for each, and returns their number, also beside an error.
func (l *Lists) ExpireIdle(ctx context.Context, ttl time.Duration, removed func(manager.ID, manager.Session)) (n int, err error) {
	if err := l.enter(ctx); err != nil {
		return 0, err
	}
	defer l.leave()
	deadline := ""
	if ttl > 0 {
		deadline = strconv.FormatInt(now()-ttl.Microseconds(), 10)
	}
	err = l.scan(ctx, l.sessions(), func(keys []string) error {
		for _, key := range keys {
			if err := l.again(ctx); err != nil {
				return err
			}
			id, err := l.id(key)
			if err != nil {
				return err
			}
			last, err := l.remove(ctx, key, "", deadline)
			if _, used := err.(*again); used || err == manager.ErrNotFound {
				continue
			}
			if err != nil {
				return err
			}
			n++
			if removed != nil {
				removed(id, last)
			}
		}
		return nil
	})
	return n, err
}

// Len returns the number of sessions. It scans the whole database.
func (l *Lists) Len(ctx context.Context) (int, error) {
	if err := l.enter(ctx); err != nil {
		return 0, err
	}
	defer l.leave()
	return l.count(ctx, l.sessions())
}

// Reset removes every key below the prefix. No operation may be running.
func (l *Lists) Reset(ctx context.Context) error {
	if err := l.enter(ctx); err != nil {
		return err
	}
	defer l.leave()
	return l.clear(ctx)
}

// Close waits for running operations; later ones return [manager.ErrClosed]. It is idempotent.
func (l *Lists) Close() error { return l.gate.close() }

// listState is a session as a script returns it.
type listState struct {
	incarnation, seq, version uint64
	touched                   int64 // Unix microseconds
	messages                  []any // of string, JSON, oldest first
}

// parseState parses the reply of a script that returns a session.
func parseState(answer any) (s listState, _ error) {
	list, ok := answer.([]any)
	if !ok {
		return s, written(answer, &parcel{})
	}
	return s, scanAnswer(list, hexWord{&s.incarnation}, &s.seq, &s.version, &s.touched, &s.messages)
}

// history appends the messages to dst.
func (s *listState) history(dst []manager.Message) ([]manager.Message, error) {
	seq := s.seq - uint64(len(s.messages))
	all := dst
	for _, m := range s.messages {
		seq++
		var decoded message
		text, _ := m.(string)
		if err := json.Unmarshal([]byte(text), &decoded); err != nil {
			return dst, manager.NotApplied(fmt.Errorf("message %d in Redis: %w", seq, err))
		}
		all = append(all, manager.Message{Seq: seq, Role: decoded.Role, Content: decoded.Content})
	}
	return all, nil
}

// session returns the state as a manager.Session.
func (s *listState) session() (v manager.Session, err error) {
	history, err := s.history(nil)
	if err != nil {
		return v, err
	}
	text, err := json.Marshal(map[string]any{
		"seq": s.seq, "version": s.version, "incarnation": s.incarnation, "touched": s.touched * 1000, "messages": history,
	})
	if err != nil {
		return v, err
	}
	return v, json.Unmarshal(text, &v)
}

// hexWord is a destination of scanAnswer for a number in hexadecimal digits.
type hexWord struct{ to *uint64 }

// scanAnswer stores the parts of a script's reply in to.
func scanAnswer(answer []any, to ...any) error {
	if len(answer) != len(to) {
		return fmt.Errorf("reply of a script with %d parts: want %d", len(answer), len(to))
	}
	for i, part := range answer {
		var err error
		switch to := to[i].(type) {
		case *uint64:
			*to, err = strconv.ParseUint(digits(part), 10, 64)
		case *int64:
			*to, err = strconv.ParseInt(digits(part), 10, 64)
		case hexWord:
			*to.to, err = strconv.ParseUint(digits(part), 16, 64)
		case *[]any:
			*to, _ = part.([]any)
		}
		if err != nil {
			return fmt.Errorf("part %d of the reply of a script: %w", i+1, err)
		}
	}
	return nil
}

// digits returns a number in a script's reply as text: numbers from a hash are text already.
func digits(part any) string {
	if n, ok := part.(int64); ok {
		return strconv.FormatInt(n, 10)
	}
	text, _ := part.(string)
	return text
}
