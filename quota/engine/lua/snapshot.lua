-- The pool as it stands; changes nothing. The reader rolls windows and interprets (see codec.py).
-- requires: fields calendar store
--
-- ARGV 2.. accounts wanted (none: all)
-- Returns {'EMPTY'} or {now, packed settings, live leases, holds with scores, whys, account, c, s, m, account ...}

if not open() then return { 'EMPTY' } end
local ids = {}
for i = 2, #ARGV do ids[#ids + 1] = ARGV[i] end
if #ids == 0 then ids = account_ids() end
local answer = { now, call('GET', SETTINGS), call('ZCARD', LEASES),
  call('ZRANGEBYSCORE', HOLDS, '(' .. string.format('%.0f', now), '+inf', 'WITHSCORES'), call('HGETALL', WHYS) }
for _, id in ipairs(ids) do
  local raw = call('HMGET', ACCOUNTS, 'c:' .. id, 's:' .. id, 'm:' .. id)
  if raw[1] then
    answer[#answer + 1], answer[#answer + 2], answer[#answer + 3], answer[#answer + 4] = id, raw[1], raw[2], raw[3] or ''
  end
end
return answer
