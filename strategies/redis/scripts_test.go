package redis

import (
	"testing"

	"github.com/google/uuid"
	goredis "github.com/redis/go-redis/v9"
)

// commands runs scripts against one session as a client does that may send each of them twice.
type commands struct {
	t      *testing.T
	client *goredis.Client
	key    string
}

func newCommands(t *testing.T) *commands {
	_, client, _ := newServer(t)
	return &commands{t, client, "test:{" + uuid.NewString() + "}"}
}

func (c *commands) run(sc *script, keys []string, args ...any) any {
	c.t.Helper()
	answer, err := sc.run(background, c.client.Process, keys, nil, args...)
	if err != nil {
		c.t.Fatal(err)
	}
	return answer
}

func (c *commands) create(token, session string) any {
	return c.run(createScript, []string{c.key, tombstone(c.key)}, token, []byte(firstRecord(token, []byte(session))), 0)
}

// now is the record that is there, "" for none.
func (c *commands) now() string { return c.client.Get(background, c.key).Val() }

// follow makes the record that follows now.
func (c *commands) follow(now, token, session string) []byte {
	next, err := record(now).next(token, []byte(session))
	if err != nil {
		c.t.Fatal(err)
	}
	return next
}

func (c *commands) set(now, token, session string) any {
	return c.run(setScript, []string{c.key}, token, record(now).identity(), c.follow(now, token, session), 0)
}

func (c *commands) delete(token, state string) any {
	return c.run(deleteScript, []string{c.key, tombstone(c.key)}, token, state, 60_000)
}

// session is what the record that is there holds, "" for none.
func (c *commands) session() string {
	if r := c.now(); r != "" {
		return string(record(r).session())
	}
	return ""
}

func (c *commands) want(what string, got, want any) {
	c.t.Helper()
	if got != want {
		c.t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestRepeatedCreationCreatesOnce(t *testing.T) {
	c, a, b := newCommands(t), newToken(), newToken()
	c.want("the first copy", c.create(a, "A"), applied)
	c.want("the second, at once", c.create(a, "A"), applied)
	c.want("another client's", c.create(b, "B"), c.now())
	for range 6 {
		c.want("a change", c.set(c.now(), newToken(), "changed"), applied)
	}
	c.want("a copy after more changes than tokens are kept", c.create(a, "A"), applied)
	c.want("the session", c.session(), "changed")

	c.delete(newToken(), record(c.now()).incarnation())
	c.want("a copy after deletion", c.create(a, "A"), applied)
	c.want("the session", c.session(), "")

	c.want("a creation after that", c.create(b, "B"), applied)
	c.delete(newToken(), record(c.now()).incarnation())
	c.want("a copy after two deletions", c.create(a, "A"), applied)
	c.want("the session", c.session(), "")
}

func TestRepeatedChangeIsMadeOnce(t *testing.T) {
	c, token := newCommands(t), newToken()
	c.create(newToken(), "0")
	begin := c.now()
	c.want("the first copy", c.set(begin, token, "1"), applied)
	c.want("the second, at once", c.set(begin, token, "1"), applied)
	c.want("another client's on the same state", c.set(begin, newToken(), "x"), conflict)

	for range tokensKept - 1 {
		c.want("a later change", c.set(c.now(), newToken(), "2"), applied)
	}
	c.want("a copy after later changes", c.set(begin, token, "1"), applied)
	c.want("a later change", c.set(c.now(), newToken(), "3"), applied)
	c.want("a copy whose token is no longer kept", c.set(begin, token, "1"), conflict)
	c.want("the session", c.session(), "3")

	c.delete(newToken(), record(c.now()).incarnation())
	c.want("a copy after deletion", c.set(begin, token, "1"), absent)
	c.create(newToken(), "new")
	c.want("a copy in the next incarnation", c.set(begin, token, "1"), conflict)
	c.want("the session", c.session(), "new")
}

// A version alone would be fooled: the new life has the same one.
func TestChangeOfAnEarlierIncarnationIsRefused(t *testing.T) {
	c := newCommands(t)
	c.create(newToken(), "old")
	old := c.now()
	c.delete(newToken(), record(old).incarnation())
	c.create(newToken(), "new")
	if old[wordLen:identityLen] != c.now()[wordLen:identityLen] {
		t.Fatal("the two lives differ in version: this tests nothing")
	}
	c.want("a change of the old incarnation", c.set(old, newToken(), "old+1"), conflict)
	c.want("a deletion of the old incarnation", c.delete(newToken(), record(old).incarnation()), conflict)
	c.want("the session", c.session(), "new")
}

func TestRepeatedDeletionDeletesOnce(t *testing.T) {
	c, token := newCommands(t), newToken()
	c.create(newToken(), "old")
	old := c.now()
	c.want("the first copy", c.delete(token, record(old).incarnation()), old)
	c.want("the second, at once", c.delete(token, record(old).incarnation()), old)
	c.want("another client's", c.delete(newToken(), record(old).incarnation()), absent)

	c.create(newToken(), "new")
	c.want("a copy in the next incarnation", c.delete(token, record(old).incarnation()), old)
	c.want("the session", c.session(), "new")
	c.delete(newToken(), record(c.now()).incarnation())
	c.create(newToken(), "newest")
	c.want("a copy in the incarnation after that", c.delete(token, record(old).incarnation()), conflict)
	c.want("the session", c.session(), "newest")
}

func TestTombstonesExpire(t *testing.T) {
	server, client, _ := newServer(t)
	s := newStore(t, client)
	id := create(t, s)
	if _, err := s.Delete(background, id); err != nil {
		t.Fatal(err)
	}
	server.FastForward(tombstoneExpiry)
	if keys := server.Keys(); len(keys) != 0 {
		t.Errorf("after %v there is still %v", tombstoneExpiry, keys)
	}
}

func TestLockedChange(t *testing.T) {
	c, mine, theirs := newCommands(t), newToken(), newToken()
	c.create(newToken(), "0")
	begin := c.now()
	take := func(token string) any {
		answer := c.run(lockScript, []string{c.key, lock(c.key), fence(c.key)}, token, 10_000, 60_000)
		if list, ok := answer.([]any); ok {
			return list[0]
		}
		return answer
	}
	set := func(now, token, session string) any {
		return c.run(lockedSetScript, []string{c.key, lock(c.key)}, token, record(now).identity(), c.follow(now, token, session), 0)
	}
	c.want("a change without the lock", set(begin, mine, "1"), lockLost)
	c.want("the lock", take(mine), int64(1))
	c.want("a second copy of the request", take(mine), int64(2))
	c.want("another client's", take(theirs), busy)
	c.want("their change", set(begin, theirs, "x"), lockLost)
	c.want("the change", set(begin, mine, "1"), applied)
	c.want("its second copy", set(begin, mine, "1"), applied)
	c.want("their turn", take(theirs), int64(3))
	c.want("a copy while they have the lock", set(begin, mine, "1"), applied)
	c.want("giving back what is theirs", c.run(unlockScript, []string{lock(c.key)}, mine), int64(0))
	c.want("their change of an old state", set(begin, theirs, "x"), conflict)
	c.want("the lock after that", c.client.Exists(background, lock(c.key)).Val(), int64(0))
	c.want("the session", c.session(), "1")

	c.delete(newToken(), record(c.now()).incarnation())
	c.want("the lock of nothing", take(mine), absent)
	c.create(newToken(), "new")
	c.want("the fence in the next incarnation", take(mine), int64(4))
}

func (r record) incarnation() string { return string(r[:wordLen]) }
