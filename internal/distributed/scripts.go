package distributed

import "github.com/redis/go-redis/v9"

// The state is a hash:
//
//	settings        of the first participant, JSON: those of the others must be equal
//	n, of           number of participants so far, and in all
//	token:T         index of the participant that joined with token T: a repeated request joins once
//	host:K          host of participant K
//	seen:K          its last heartbeat, on the server's clock, in µs
//	at:K            the last start it has come to
//	start:N         the instant of start N, on the server's clock, in µs
//	delay           the longest round trip of the participants that have come to the next start, in µs
//	done:K, lost:K  it has finished; it is lost, with the reason
//	writer          the participant that merges the parts
//	over            the parts are merged, or the run was cancelled before all had joined
//
// Scripts are atomic, so that all participants agree on the losses and starts.

// enterScript registers a participant. When all have joined it admits no other, whatever its settings.
var enterScript = redis.NewScript(`
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

// stepScript records a heartbeat of participant K and the start it has come to, and finds lost participants. A participant that
// leaves before all have joined cancels the run: its index is not free again. Losses stay when the run is over. It returns
//
//	{status, now, start, n, writer, done, lost...}
//
// with the instant of the start it waits for, or 0; one digit per participant, 1 for one that has finished; and three words
// for each lost one: index, host, reason.
var stepScript = redis.NewScript(`
local run, k, at, silence, why, lead = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local delay, action, retention, unheard = tonumber(ARGV[6]), ARGV[7], ARGV[8], ARGV[9]
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
	if action == 'finish' then set('done:' .. k, 1) end
	if action == 'leave' and not get('done:' .. k) then set('lost:' .. k, why) end
	if action == 'leave' then set('seen:' .. k, 0) end
	if action == 'over' then set('over', 1) end
	if (action == 'leave' or action == 'give up') and n < of then set('over', 1) end
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
if settled and action == 'finish' and (writer < 0 or silent(writer)) then
	writer = k
	set('writer', k)
end
if get('over') and status ~= 'out' then status = 'over' end
local answer = {status, now, start, n, writer, finished}
for _, word in ipairs(lost) do table.insert(answer, word) end
return answer`)
