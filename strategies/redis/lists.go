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

// Lists keeps conversations as Redis users do: the messages of a session are a list, and a script in the server appends to it
// and cuts it to the newest [manager.HistoryLimit], in one round trip. There is nothing to lock and nothing to
// try again, and no session to give to a closure: Lists is no [manager.SessionStore]. It is safe for concurrent use.
//
// Errors are those of [Store]. A write is never sent a second time while there is doubt about the first. A second
// copy that something on the way has made is known by its token, as long as it is among the last 8 of its session.
type Lists struct {
	*space
	*gate
	touch, ttl time.Duration
	pipelining bool
	removed    func(manager.ID, manager.Session) // nil: nobody wants to know
}

// ListsOption is a setting of [Lists].
type ListsOption func(*Lists)

// ListsTouch makes a read record a use when the last one recorded is older than d. The default, 0: only writes are uses.
func ListsTouch(d time.Duration) ListsOption { return func(l *Lists) { l.touch = d } }

// ListsTTL makes Redis itself remove a session that was not used for so long, in whole milliseconds; nobody is told.
func ListsTTL(d time.Duration) ListsOption { return func(l *Lists) { l.ttl = d } }

// ListsOnRemove has f called with the last state of each session that a [ListsUser] removes, after it was removed. f is
// called on any number of goroutines at once.
func ListsOnRemove(f func(id manager.ID, last manager.Session)) ListsOption {
	return func(l *Lists) { l.removed = f }
}

// ListsPipelining, when on, has concurrent operations share round trips: see [WithPipelining].
func ListsPipelining(on bool) ListsOption { return func(l *Lists) { l.pipelining = on } }

// NewLists keeps conversations below prefix; client and prefix are as for [New].
func NewLists(client goredis.UniversalClient, prefix string, opts ...ListsOption) (*Lists, error) {
	sp, err := newSpace(client, prefix)
	if err != nil {
		return nil, err
	}
	l := &Lists{space: sp, gate: newGate()}
	for _, o := range opts {
		o(l)
	}
	if l.pipelining {
		l.space = sp.pipelined()
	}
	if err := checkTTL(l.ttl); err != nil {
		return nil, err
	}
	return l, nil
}

// OpenLists connects to the Redis that o names, as [Connect] does; Close removes what was kept there.
func OpenLists(ctx context.Context, o Options, opts ...ListsOption) (*Lists, error) {
	server, err := Connect(ctx, o)
	if err != nil {
		return nil, err
	}
	l, err := NewLists(server.Client(), server.Prefix(), append([]ListsOption{ListsTTL(o.TTL)}, opts...)...)
	if err != nil {
		return nil, errors.Join(err, server.Close())
	}
	l.release = server.Close
	return l, nil
}

// newLife draws the number of an incarnation, which is also the token of the operation that begins it. It is not 0, and
// below 2⁵³, so that it is exact in JSON and Lua.
func newLife() uint64 { return 1 + rand.Uint64N(1<<53-1) }

func lifeWord(life uint64) string { return string(appendWord(nil, life)) }

// now is the time as the sessions keep it: Unix microseconds, which are exact in Lua.
func now() int64 { return time.Now().UnixMicro() }

// write runs a script that changes something, on the session under key, and returns what it answers where that is
// a list. Any other answer is an error.
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

// GetOrCreate makes sure that there is a session under id, and says whether it has begun its life.
func (l *Lists) GetOrCreate(ctx context.Context, id manager.ID) (created bool, life uint64, err error) {
	if err := l.enter(ctx); err != nil {
		return false, 0, err
	}
	defer l.leave()
	key := l.key(id)
	answer, err := l.write(ctx, createListScript, []string{key, tombstone(key)}, lifeWord(newLife()), now(), l.ttl.Milliseconds())
	if err != nil {
		return false, 0, err
	}
	var made uint64
	err = scanAnswer(answer, &made, hexWord{&life})
	return made == 1, life, err
}

// CreateSession begins a session under a new random id.
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

// message is an element of a list, in JSON. Its number follows from its place.
type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// AddMessage appends a message and returns its number in the session, from 1, and the session's incarnation.
func (l *Lists) AddMessage(ctx context.Context, id manager.ID, role, content string) (seq, life uint64, err error) {
	if err := l.enter(ctx); err != nil {
		return 0, 0, err
	}
	defer l.leave()
	text, err := json.Marshal(message{role, content})
	if err != nil {
		return 0, 0, manager.NotApplied(err)
	}
	key := l.key(id)
	answer, err := l.write(ctx, appendScript, []string{key, messages(key)}, newToken(), text, now(), manager.HistoryLimit, l.ttl.Milliseconds())
	if err != nil {
		return 0, 0, err
	}
	err = scanAnswer(answer, &seq, hexWord{&life})
	return seq, life, err
}

// Touch records a use of the session and returns its new version: the number of its messages and touches.
func (l *Lists) Touch(ctx context.Context, id manager.ID) (version, life uint64, err error) {
	if err := l.enter(ctx); err != nil {
		return 0, 0, err
	}
	defer l.leave()
	key := l.key(id)
	answer, err := l.write(ctx, touchScript, []string{key, messages(key)}, newToken(), now(), l.ttl.Milliseconds())
	if err != nil {
		return 0, 0, err
	}
	err = scanAnswer(answer, &version, hexWord{&life})
	return version, life, err
}

// History appends the session's newest messages, oldest first, to dst, and tells the session's incarnation.
func (l *Lists) History(ctx context.Context, id manager.ID, dst []manager.Message) (all []manager.Message, life uint64, err error) {
	all, life, _, err = l.history(ctx, id, dst)
	return all, life, err
}

// history is History that tells whether it recorded a use.
func (l *Lists) history(
	ctx context.Context, id manager.ID, dst []manager.Message,
) (all []manager.Message, life uint64, used bool, err error) {
	all, s, err := l.read(ctx, id, dst)
	if err == nil {
		used, err = l.use(ctx, id, s.touched)
	}
	if err != nil {
		return dst, 0, false, err
	}
	return all, s.life, used, nil
}

// read reads all there is.
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

// Validate says whether the session is there: nil or [manager.ErrNotFound].
func (l *Lists) Validate(ctx context.Context, id manager.ID) error {
	_, err := l.validate(ctx, id)
	return err
}

// validate is Validate that tells whether it recorded a use.
func (l *Lists) validate(ctx context.Context, id manager.ID) (used bool, err error) {
	touched, err := l.touched(ctx, id)
	if err != nil {
		return false, err
	}
	return l.use(ctx, id, touched)
}

// Version tells how many messages and touches the session has had, and its incarnation. It is no use of the session.
func (l *Lists) Version(ctx context.Context, id manager.ID) (version, life uint64, err error) {
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
	err = scanAnswer(parts, &version, hexWord{&life})
	return version, life, err
}

// touched is when the session was last used, in Unix microseconds.
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

// use records a use of a session that was read a moment ago, where the last one, at touched in Unix microseconds, was too long
// ago. That the session has gone since is no error of the read.
func (l *Lists) use(ctx context.Context, id manager.ID, touched int64) (used bool, err error) {
	if l.touch <= 0 || now()-touched <= l.touch.Microseconds() {
		return false, nil
	}
	_, _, err = l.Touch(ctx, id)
	if errors.Is(err, manager.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// DeleteSession removes the session and tells the number of messages it ever had, and its incarnation.
func (l *Lists) DeleteSession(ctx context.Context, id manager.ID) (seq, life uint64, err error) {
	last, err := l.Delete(ctx, id)
	return last.Seq, last.Incarnation, err
}

// Delete removes the session and returns it as it last was.
func (l *Lists) Delete(ctx context.Context, id manager.ID) (last manager.Session, err error) {
	if err := l.enter(ctx); err != nil {
		return last, err
	}
	defer l.leave()
	key := l.key(id)
	life, err := reply(ctx, l.ask(ctx, "hget", key, "life"))
	if err != nil {
		return last, err
	}
	last, err = l.remove(ctx, key, string(life), "")
	if _, ok := err.(*again); ok {
		err = manager.ErrNotFound // that life has ended and another begun: in between there was no session
	}
	return last, err
}

// remove deletes a session if it still lives this life, and was not used since deadline, in Unix microseconds; "" is never.
func (l *Lists) remove(ctx context.Context, key, life, deadline string) (last manager.Session, err error) {
	keys := []string{key, messages(key), tombstone(key), messages(tombstone(key))}
	answer, err := l.write(ctx, deleteListScript, keys, newToken(), life, deadline, tombstoneExpiry.Milliseconds())
	if err != nil {
		return last, err
	}
	s, err := parseState(answer)
	if err != nil {
		return last, err
	}
	return s.session()
}

// ExpireIdle removes every session whose last recorded use is at least ttl ago, all of them where ttl is zero or less, hands
// each to removed (nil: nobody wants to know), and returns their number, also beside an error.
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

// Len is the number of sessions. It scans the whole database.
func (l *Lists) Len(ctx context.Context) (int, error) {
	if err := l.enter(ctx); err != nil {
		return 0, err
	}
	defer l.leave()
	return l.count(ctx, l.sessions())
}

// Reset removes every session and whatever else is below the prefix. Nobody may be using them.
func (l *Lists) Reset(ctx context.Context) error {
	if err := l.enter(ctx); err != nil {
		return err
	}
	defer l.leave()
	return l.clear(ctx)
}

// Close waits for running operations; later ones give [manager.ErrClosed]. It may be called again.
func (l *Lists) Close() error { return l.gate.close() }

// listState is a session as a script shows it.
type listState struct {
	life, seq, version uint64
	touched            int64 // Unix microseconds
	messages           []any // of string, JSON, oldest first
}

// parseState reads what a script that shows a session has answered.
func parseState(answer any) (s listState, _ error) {
	list, ok := answer.([]any)
	if !ok {
		return s, written(answer, &parcel{})
	}
	return s, scanAnswer(list, hexWord{&s.life}, &s.seq, &s.version, &s.touched, &s.messages)
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

// session is the state as a manager would keep it.
func (s *listState) session() (v manager.Session, err error) {
	history, err := s.history(nil)
	if err != nil {
		return v, err
	}
	text, err := json.Marshal(map[string]any{
		"seq": s.seq, "version": s.version, "incarnation": s.life, "touched": s.touched * 1000, "messages": history,
	})
	if err != nil {
		return v, err
	}
	return v, json.Unmarshal(text, &v)
}

// hexWord is where scanAnswer puts a number that comes in hexadecimal digits.
type hexWord struct{ to *uint64 }

// scanAnswer fills to with the parts of a script's answer.
func scanAnswer(answer []any, to ...any) error {
	if len(answer) != len(to) {
		return fmt.Errorf("a script answered %d parts: want %d", len(answer), len(to))
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
			return fmt.Errorf("part %d of a script's answer: %w", i+1, err)
		}
	}
	return nil
}

// digits is a number as a script answers it: what comes from a hash is text.
func digits(part any) string {
	if n, ok := part.(int64); ok {
		return strconv.FormatInt(n, 10)
	}
	text, _ := part.(string)
	return text
}
