package redis

import (
	"context"
	"crypto/sha1"
	"encoding/hex"

	goredis "github.com/redis/go-redis/v9"
)

// script is a Lua script, which Redis executes atomically (https://redis.io/docs/latest/develop/programmability/eval-intro/). It is
// sent by its digest, and in full if the server does not have it.
type script struct{ source, digest string }

func newScript(source string) *script {
	sum := sha1.Sum([]byte(source))
	return &script{source, hex.EncodeToString(sum[:])}
}

// run runs a script in one round trip, by process. p, if not nil, becomes its first argument.
func (sc *script) run(ctx context.Context, process process, keys []string, p *parcel, args ...any) (any, error) {
	words := make([]any, 0, 4+len(keys)+len(args))
	words = append(words, "evalsha", sc.digest, len(keys))
	for _, k := range keys {
		words = append(words, k)
	}
	if p != nil {
		words = append(words, p)
	}
	words = append(words, args...)
	cmd := goredis.NewCmd(ctx, words...)
	if p != nil {
		p.move(cmd)
	}
	err := process(ctx, cmd)
	if err != nil && goredis.HasErrorPrefix(err, "NOSCRIPT") {
		words[0], words[1] = "eval", sc.source
		cmd = goredis.NewCmd(ctx, words...)
		if p != nil {
			p.move(cmd)
		}
		err = process(ctx, cmd)
	}
	return cmd.Val(), err
}

// Replies of scripts without a value.
const (
	applied  = int64(1)
	conflict = int64(0)  // the session is not in the compared state, or of another incarnation
	absent   = int64(-1) // there is no session
	lockLost = int64(-2)
	busy     = int64(-3) // another operation holds the lock
)

// A tombstone is kept after a deletion under the session's second key, for as long as a copy of a command may still arrive: the
// deletion's token, the removed incarnations (lives) under this id, newest first, and the last record.
//
//	token life*8 record

// setRecord is the part of scripts that stores a record under KEYS[1], with a time-to-live in ms, or 0.
const setRecord = `
local function set(record, ttl)
  if ttl == '0' then
    redis.call('SET', KEYS[1], record)
  else
    redis.call('SET', KEYS[1], record, 'PX', ttl)
  end
end
`

// createScript returns the existing record, or 1 after storing ARGV[2]. A second copy of the command finds its token as an
// incarnation, in the record or the tombstone, and returns the same reply: it creates nothing.
//
//	KEYS session, tombstone   ARGV token, record, time-to-live in ms or 0
var createScript = newScript(setRecord + `
local now = redis.call('GET', KEYS[1])
if now then
  if string.sub(now, 1, 16) == ARGV[1] then return 1 end
  return now
end
if string.find(redis.call('GETRANGE', KEYS[2], 16, 143), ARGV[1], 1, true) then return 1 end
set(ARGV[2], ARGV[3])
return 1
`)

// setScript replaces the record whose identity is ARGV[2] and returns 1, also if this command has done so before; 0: there is
// another record; -1: none.
//
//	KEYS session   ARGV token, identity, record, time-to-live in ms or 0
var setScript = newScript(setRecord + `
local identity = redis.call('GETRANGE', KEYS[1], 0, 31)
if identity ~= ARGV[2] then
  if identity == '' then return -1 end
  if string.find(redis.call('GETRANGE', KEYS[1], 32, 95), ARGV[1], 1, true) then return 1 end
  return 0
end
set(ARGV[3], ARGV[4])
return 1
`)

// deleteScript removes the record that begins with ARGV[2], an incarnation or identity, and returns it, also if this command has
// done so before; 0: there is another record; -1: none.
//
//	KEYS session, tombstone   ARGV token, life or identity, tombstone's expiry in ms
var deleteScript = newScript(`
local grave = redis.call('GET', KEYS[2])
if grave and string.sub(grave, 1, 16) == ARGV[1] then return string.sub(grave, 145) end
local now = redis.call('GET', KEYS[1])
if not now then return -1 end
if string.sub(now, 1, #ARGV[2]) ~= ARGV[2] then return 0 end
local lives = string.sub(now, 1, 16) .. (grave and string.sub(grave, 17, 128) or string.rep('0', 112))
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[2], ARGV[1] .. lives .. now, 'PX', ARGV[3])
return now
`)

// lockScript takes the lock of a session for ARGV[1], and returns its fence and the session's record; -3: another operation holds
// it; -1: there is no session. The fence only increases: it is kept when the session is deleted.
//
//	KEYS session, lock, fence   ARGV token, lock's expiry in ms, fence's expiry in ms
var lockScript = newScript(`
local now = redis.call('GET', KEYS[1])
if not now then return -1 end
if not redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then
  if redis.call('GET', KEYS[2]) ~= ARGV[1] then return -3 end
end
local fence = redis.call('INCR', KEYS[3])
redis.call('PEXPIRE', KEYS[3], ARGV[3])
return {fence, now}
`)

// lockedSetScript is setScript for the holder of the lock, which it releases; -2: the lock has another holder, or none.
//
//	KEYS session, lock   ARGV token, identity, record, time-to-live in ms or 0
var lockedSetScript = newScript(setRecord + `
local head = redis.call('GETRANGE', KEYS[1], 0, 95)
if redis.call('GET', KEYS[2]) ~= ARGV[1] then
  if string.find(string.sub(head, 33), ARGV[1], 1, true) then return 1 end
  return -2
end
if head == '' or string.sub(head, 1, 32) ~= ARGV[2] then
  redis.call('DEL', KEYS[2])
  if head == '' then return -1 end
  return 0
end
set(ARGV[3], ARGV[4])
redis.call('DEL', KEYS[2])
return 1
`)

// unlockScript releases a lock if ARGV[1] holds it.
//
//	KEYS lock   ARGV token
var unlockScript = newScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
`)
