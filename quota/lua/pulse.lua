-- A process says that it lives, and hands over what it has counted since it last did.
--
-- KEYS  1 the tallies (a hash)   2 who is alive (a sorted set)   3 reports (a hash)
-- ARGV  1 the process   2 its report; empty: it leaves   3 for how many ms it counts as alive
--       then pairs: field, how much to add
-- Forgets processes that were not heard of in time.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 4, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
if ARGV[2] == '' then
  redis.call('ZREM', KEYS[2], ARGV[1])
  redis.call('HDEL', KEYS[3], ARGV[1])
else
  redis.call('ZADD', KEYS[2], now, ARGV[1])
  redis.call('HSET', KEYS[3], ARGV[1], ARGV[2])
end
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[3])) do
  redis.call('ZREM', KEYS[2], gone)
  redis.call('HDEL', KEYS[3], gone)
end
return redis.status_reply('OK')
