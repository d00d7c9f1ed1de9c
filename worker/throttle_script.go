package worker

import "github.com/redis/go-redis/v9"

// What the workers share is one hash for each mail server. Redis tells the time, in microseconds, so that clocks need not agree.
//
//	all, urgent     until when mails are spoken for at the rate in force (the generic cell rate algorithm): all of them, the urgent ones
//	base, peak, at  after a slow-down: the rate it fell to, the rate before the first, and when; absent at full rate
//	w:<id>          a process: connections it holds, mails it sent in the last second, and until when it is believed
//
// KEYS[1] is the hash; ARGV[1] the rate of the configuration, 0 for none.
const throttleState = `
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
local limit = tonumber(ARGV[1])

local function get(field) return tonumber(redis.call('HGET', KEYS[1], field) or '0') end

local recovery, episode, lowest = 120 * 1000000, 5 * 1000000, 1

local function rate()
	local base, peak = get('base'), get('peak')
	if base == 0 then return limit end
	local grown = base + peak * (now - get('at')) / recovery
	if grown >= peak then
		redis.call('HDEL', KEYS[1], 'base', 'peak', 'at')
		return limit
	end
	if limit > 0 then grown = math.min(grown, limit) end
	return grown
end
`

// throttleTake takes mails: ARGV lane, how many. It returns how many were taken, microseconds until there is one, and the rate.
//
// Bulk mail may be ahead of the rate by a tenth of a second, urgent mail of its own by a second and at least five mails.
var throttleTake = redis.NewScript(throttleState + `
local urgent, wanted = ARGV[2] == 'URGENT', tonumber(ARGV[3])
local inForce = rate()
if inForce == 0 then return {tostring(wanted), '0', '0'} end
local each = 1000000 / inForce
local ahead = math.max(100000, each)
local all = math.max(get('all'), now)
local own = all
if urgent then
	ahead = math.max(1000000, 5 * each)
	own = math.max(get('urgent'), now)
end
local taken = math.min(wanted, math.floor((ahead - (own - now)) / each + 0.001))
if taken < 1 then
	return {'0', string.format('%.0f', math.ceil(own - now + each - ahead)), tostring(inForce)}
end
redis.call('HSET', KEYS[1], 'all', string.format('%.0f', all + taken * each))
if urgent then redis.call('HSET', KEYS[1], 'urgent', string.format('%.0f', own + taken * each)) end
redis.call('PEXPIRE', KEYS[1], 3600000)
return {string.format('%.0f', taken), '0', tostring(inForce)}
`)

// throttleSlow halves the rate, unless that was done a moment ago: ARGV mails that this process sent since its last beat. It returns
// 1 if it did, and the rate.
//
// Without a limit the rate before is what all processes sent lately.
var throttleSlow = redis.NewScript(throttleState + `
local current = rate()
local peak = get('peak')
if peak > 0 and now - get('at') < episode then return {'0', tostring(current)} end
if current == 0 then
	local all = redis.call('HGETALL', KEYS[1])
	for i = 1, #all, 2 do
		local sent = all[i]:sub(1, 2) == 'w:' and all[i + 1]:match('^%d+ (%d+) ') or '0'
		current = current + tonumber(sent)
	end
	current = math.max(current, tonumber(ARGV[2]), 20)
end
if peak == 0 then peak = current end
local base = math.max(current / 2, lowest)
redis.call('HSET', KEYS[1], 'base', tostring(base), 'peak', tostring(math.max(peak, base)), 'at', string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[1], 3600000)
return {'1', tostring(base)}
`)

// throttleBeat shares the connections: ARGV process, connections of all, how many this one has open, mails it sent since its last
// beat, and for how many microseconds it is believed. It returns how many connections it may have, and the rate.
//
// Each process gets an equal share as the others let go of theirs, and one at least.
var throttleBeat = redis.NewScript(throttleState + `
local me, total, open = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local processes, before, held = 1, 0, 0
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
	local id = all[i]:match('^w:(.*)')
	if id and id ~= me then
		local has, until_ = all[i + 1]:match('^(%d+) %d+ (%d+)')
		if tonumber(until_) < now then
			redis.call('HDEL', KEYS[1], all[i])
		else
			processes, held = processes + 1, held + tonumber(has)
			if id < me then before = before + 1 end
		end
	end
end
local share = math.floor(total / processes)
if before < total % processes then share = share + 1 end
local seats = math.max(1, math.min(share, total - held))
redis.call('HSET', KEYS[1], 'w:' .. me, string.format('%.0f %s %.0f', math.max(seats, open), ARGV[5], now + tonumber(ARGV[6])))
redis.call('PEXPIRE', KEYS[1], 3600000)
return {string.format('%.0f', seats), tostring(rate())}
`)
