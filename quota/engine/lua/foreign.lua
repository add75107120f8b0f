-- Make what was used of these accounts past the pool be exactly this. Other accounts have nothing of the kind.
-- requires: fields calendar store capacity clients breaker holds learned index expiry
--
-- ARGV 2 the UTC day it was counted on, then for each account: id, tokens and cost of that day, tokens and cost of its month
-- Kept as f:<id> in the hash of accounts: packed day and those four numbers; they are part of what is used.
-- Returns {'EMPTY'}, {0} that day is not today, nothing has changed, {1} in force

local day = tonumber(ARGV[2])

-- The same again changes nothing, less takes back what was too much, and what counted in a window that has ended is gone.
local function count_foreign(a, new)
  local raw, s = call('HGET', ACCOUNTS, 'f:' .. a.id), a.s
  local old = raw and unpack_(raw) or { day, 0, 0, 0, 0 }
  local of_today, of_month = old[1] == day, month_of(old[1]) == month_of(day)
  roll(a)
  for i = 0, 1 do
    s[USED_DAY + 1 + i] = s[USED_DAY + 1 + i] + new[2 + i] - (of_today and old[2 + i] or 0)
    s[USED_MONTH + 1 + i] = s[USED_MONTH + 1 + i] + new[4 + i] - (of_month and old[4 + i] or 0)
  end
  if new[2] + new[3] + new[4] + new[5] > 0 then
    call('HSET', ACCOUNTS, 'f:' .. a.id, pack(new))
  else
    call('HDEL', ACCOUNTS, 'f:' .. a.id)
  end
  place(a)
end

if not open() then return { 'EMPTY' } end
if math.floor(now / DAY_MS) ~= day then
  close()
  return { 0 }
end
local reported = {}
for i = 3, #ARGV, 5 do
  reported[ARGV[i]] = { day, tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3]), tonumber(ARGV[i + 4]) }
end
for _, field in ipairs(call('HKEYS', ACCOUNTS)) do
  local id = string.sub(field, 3)
  if string.sub(field, 1, 2) == 'f:' and not reported[id] then reported[id] = { day, 0, 0, 0, 0 } end
end
for id, new in pairs(reported) do
  local a = account(id)
  if a then count_foreign(a, new) end
end
close()
return { 1 }
