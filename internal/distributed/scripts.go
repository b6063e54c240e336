package distributed

import "github.com/redis/go-redis/v9"

// The state is a hash:
//
//	settings        of the first participant, JSON: everybody's have to be the same
//	n, of           participants so far, and in all
//	token:T         the number of the participant that came with token T: who asks twice comes once
//	host:K          where participant K is
//	seen:K          when it was heard of last, on the server's clock, in µs
//	at:K            the last start it has come to
//	start:N         when start N is, on the server's clock, in µs
//	delay           how long a question takes the slowest of those that have come to the next start, in µs
//	done:K, lost:K  it has finished; it is lost, and why
//	writer          who merges the parts
//	over            they are merged, or it was given up before all had come
//
// Scripts are atomic, so that all participants agree on who is lost and when a start is.

// enter takes a place in the run. Once all are there nobody else gets in, with the same settings or without.
var enter = redis.NewScript(`
local run, token, of, host, settings, retention = KEYS[1], ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000000 + time[2])
local k = redis.call('HGET', run, 'token:' .. token)
if k then
	redis.call('HSET', run, 'seen:' .. k, now)
	return {'in', k}
end
if redis.call('HEXISTS', run, 'over') == 1 then
	return {'over', ''}
end
local theirs = redis.call('HGET', run, 'settings')
if theirs and theirs ~= settings then
	return {'different', theirs}
end
local n = tonumber(redis.call('HGET', run, 'n') or '0')
if n >= of then
	return {'full', ''}
end
redis.call('HSET', run, 'settings', settings, 'of', of, 'n', n + 1, 'token:' .. token, n, 'host:' .. n, host, 'seen:' .. n, now)
redis.call('PEXPIRE', run, retention)
return {'in', tostring(n)}`)

// step says that participant K is alive, where it has come to, and notes who is lost. Whoever leaves before all have come
// takes the run with it: its place is not free again. Who is lost stays so when the run is over. It returns
//
//	{status, now, start, n, writer, done, lost...}
//
// with the instant of the start it waits for, or 0; a digit a participant, 1 for one that has finished; and three words
// for each that is lost: number, host, why.
var step = redis.NewScript(`
local run, k, at, silence, why, lead = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local delay, doing, retention, unheard = tonumber(ARGV[6]), ARGV[7], ARGV[8], ARGV[9]
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local function get(name) return redis.call('HGET', run, name) end
local function set(name, value) redis.call('HSET', run, name, value) end
local n, of = tonumber(get('n') or '0'), tonumber(get('of') or '0')
if k >= n then
	return {'gone', now, 0, 0, -1, ''}
end
local status = 'in'
if get('lost:' .. k) then
	status = 'out'
else
	set('seen:' .. k, string.format('%.0f', now))
	redis.call('PEXPIRE', run, retention)
	if at >= 0 and delay > tonumber(get('delay') or '0') then set('delay', delay) end
	if at > tonumber(get('at:' .. k) or '-1') then set('at:' .. k, at) end
	if doing == 'finish' then set('done:' .. k, 1) end
	if doing == 'leave' and not get('done:' .. k) then set('lost:' .. k, why) end
	if doing == 'leave' then set('seen:' .. k, 0) end
	if doing == 'over' then set('over', 1) end
	if (doing == 'leave' or doing == 'give up') and n < of then set('over', 1) end
end
local function silent(i) return now - tonumber(get('seen:' .. i)) > silence end

local finished, lost, here, settled = '', {}, n == of, n == of
for i = 0, n - 1 do
	local done, gone, came = get('done:' .. i), get('lost:' .. i), tonumber(get('at:' .. i) or '-1')
	if not done and not gone and silent(i) then
		gone = unheard .. ', last seen before the first start'
		if came >= 0 then gone = unheard .. ', last seen in trial ' .. (came + 1) end
		set('lost:' .. i, gone)
	end
	finished = finished .. (done and '1' or '0')
	if gone then
		table.insert(lost, tostring(i))
		table.insert(lost, get('host:' .. i))
		table.insert(lost, gone)
	end
	if not done and not gone then
		settled = false
		if came < at then here = false end
	end
end

local start = 0
if at >= 0 then
	start = tonumber(get('start:' .. at) or '0')
	if start == 0 and here and status == 'in' then
		start = now + lead + 2 * tonumber(get('delay') or '0')
		set('start:' .. at, string.format('%.0f', start))
		set('delay', 0)
	end
end
local writer = tonumber(get('writer') or '-1')
if settled and doing == 'finish' and (writer < 0 or silent(writer)) then
	writer = k
	set('writer', k)
end
if get('over') and status ~= 'out' then status = 'over' end
local answer = {status, now, start, n, writer, finished}
for _, word in ipairs(lost) do table.insert(answer, word) end
return answer`)
