-- The pool as it stands; changes nothing. The reader rolls windows and interprets (see codec.py).
-- requires: fields calendar store
--
-- ARGV 2 number of clients wanted, then those, then the accounts wanted (none: all)
-- Returns {'EMPTY'} or {now, packed settings, live leases, holds with scores, whys, {client, s, m, client ...},
--      {learned key, record ...}, account, c, s, m, account ...}. Clients that nothing is known of are left out.

if not open() then return { 'EMPTY' } end
local ids, clients, client_count = {}, {}, tonumber(ARGV[2])
for i = 3, 2 + client_count do
  local raw = call('HMGET', CLIENTS, 's:' .. ARGV[i], 'm:' .. ARGV[i])
  if raw[1] then
    local at = #clients
    clients[at + 1], clients[at + 2], clients[at + 3] = ARGV[i], raw[1], raw[2] or ''
  end
end
for i = 3 + client_count, #ARGV do ids[#ids + 1] = ARGV[i] end
if #ids == 0 then ids = account_ids() end
local answer = { now, call('GET', SETTINGS), call('ZCARD', LEASES),
  call('ZRANGEBYSCORE', HOLDS, '(' .. string.format('%.0f', now), '+inf', 'WITHSCORES'), call('HGETALL', WHYS), clients,
  call('HGETALL', LEARNED) }
for _, id in ipairs(ids) do
  local raw = call('HMGET', ACCOUNTS, 'c:' .. id, 's:' .. id, 'm:' .. id)
  if raw[1] then
    answer[#answer + 1], answer[#answer + 2], answer[#answer + 3], answer[#answer + 4] = id, raw[1], raw[2], raw[3] or ''
  end
end
return answer
