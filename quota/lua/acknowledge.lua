-- Acknowledge entries of a pool's stream, and count what they told in the same step: once, or not at all.
--
-- KEYS  1 the stream   2 the counts (a hash)
-- ARGV  1 the group   2 n: how many ids   3 … 2+n the ids   then pairs: field, how much to add
-- returns how many of the entries were not acknowledged before; if none, nothing is counted

local n = tonumber(ARGV[2])
local ids = {}
for i = 1, n do ids[i] = ARGV[2 + i] end
local fresh = redis.call('XACK', KEYS[1], ARGV[1], unpack(ids))
if fresh > 0 then
  for i = 3 + n, #ARGV, 2 do redis.call('HINCRBY', KEYS[2], ARGV[i], ARGV[i + 1]) end
end
return fresh
