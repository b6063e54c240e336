package redis

// A conversation is a hash and a list. The hash has the fields
//
//	life     the incarnation, 16 hexadecimal digits
//	seq      messages ever appended
//	version  changes ever made: messages and touches
//	touched  last use, Unix microseconds
//	recent   the latest 8 changes, newest first: 16 digits of token, 16 decimal digits of the reply
//
// and a tombstone, which is the deleted hash under another name, has in addition
//
//	token    of the deletion
//	lives    removed incarnations under this id, newest first, at most 8

// createListScript returns 1 if it created the session, else 0, and the incarnation. A second copy of the command finds its token
// as an incarnation, in the session or the tombstone, and returns the same reply.
//
//	KEYS session, tombstone   ARGV life, now, time-to-live in ms or 0
var createListScript = newScript(`
local life = redis.call('HGET', KEYS[1], 'life')
if life then return {life == ARGV[1] and 1 or 0, life} end
local lives = redis.call('HGET', KEYS[2], 'lives')
if lives and string.find(lives, ARGV[1], 1, true) then return {1, ARGV[1]} end
redis.call('HSET', KEYS[1], 'life', ARGV[1], 'seq', 0, 'version', 0, 'touched', ARGV[2], 'recent', '')
if ARGV[3] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return {1, ARGV[1]}
`)

// appendScript returns the message's number and the session's incarnation; -1: there is no session.
//
//	KEYS session, messages   ARGV token, message, now, messages kept, time-to-live in ms or 0
var appendScript = newScript(`
local m = redis.call('HMGET', KEYS[1], 'life', 'recent', 'seq', 'version')
if not m[1] then return -1 end
local at = string.find(m[2], ARGV[1], 1, true)
if at then return {tonumber(string.sub(m[2], at + 16, at + 31)), m[1]} end
local seq = m[3] + 1
redis.call('RPUSH', KEYS[2], ARGV[2])
redis.call('LTRIM', KEYS[2], -ARGV[4], -1)
redis.call('HSET', KEYS[1], 'seq', seq, 'version', m[4] + 1, 'touched', ARGV[3],
  'recent', string.sub(ARGV[1] .. string.format('%016d', seq) .. m[2], 1, 256))
if ARGV[5] ~= '0' then
  redis.call('PEXPIRE', KEYS[1], ARGV[5])
  redis.call('PEXPIRE', KEYS[2], ARGV[5])
end
return {seq, m[1]}
`)

// touchScript returns the session's version and incarnation; -1: there is no session.
//
//	KEYS session, messages   ARGV token, now, time-to-live in ms or 0
var touchScript = newScript(`
local m = redis.call('HMGET', KEYS[1], 'life', 'recent', 'version')
if not m[1] then return -1 end
local at = string.find(m[2], ARGV[1], 1, true)
if at then return {tonumber(string.sub(m[2], at + 16, at + 31)), m[1]} end
local version = m[3] + 1
redis.call('HSET', KEYS[1], 'version', version, 'touched', ARGV[2],
  'recent', string.sub(ARGV[1] .. string.format('%016d', version) .. m[2], 1, 256))
if ARGV[3] ~= '0' then
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
end
return {version, m[1]}
`)

// readScript returns incarnation, seq, version, touched and the messages; -1: there is no session.
//
//	KEYS session, messages
var readScript = newScript(readSession + `
local m = state(KEYS[1], KEYS[2])
if not m[1] then return -1 end
return m
`)

// readSession is the part of scripts that reads a session.
const readSession = `
local function state(session, messages)
  local m = redis.call('HMGET', session, 'life', 'seq', 'version', 'touched')
  m[5] = redis.call('LRANGE', messages, 0, -1)
  return m
end
`

// deleteListScript removes a session and returns it as readScript does, also if this command has removed it before; 0: it is
// another incarnation, or was used since the deadline; -1: there is none.
//
//	KEYS session, messages, tombstone, its messages   ARGV token, life or nothing, deadline or nothing, tombstone's expiry in ms
var deleteListScript = newScript(readSession + `
local grave = redis.call('HMGET', KEYS[3], 'token', 'lives')
if grave[1] == ARGV[1] then return state(KEYS[3], KEYS[4]) end
local now = redis.call('HMGET', KEYS[1], 'life', 'touched')
if not now[1] then return -1 end
if ARGV[2] ~= '' and now[1] ~= ARGV[2] then return 0 end
if ARGV[3] ~= '' and tonumber(now[2]) > tonumber(ARGV[3]) then return 0 end
redis.call('DEL', KEYS[4])
if redis.call('EXISTS', KEYS[2]) == 1 then
  redis.call('RENAME', KEYS[2], KEYS[4])
  redis.call('PEXPIRE', KEYS[4], ARGV[4])
end
redis.call('RENAME', KEYS[1], KEYS[3])
redis.call('HSET', KEYS[3], 'token', ARGV[1], 'lives', string.sub(now[1] .. (grave[2] or ''), 1, 128))
redis.call('PEXPIRE', KEYS[3], ARGV[4])
return state(KEYS[3], KEYS[4])
`)
