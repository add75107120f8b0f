-- Make the pool be exactly this: settings, and the accounts with their configuration.
-- requires: fields calendar store capacity clients breaker holds learned index expiry
--
-- ARGV 2 packed settings (the epoch in it is used only if the store is empty)
--      3 '' or packed map of client -> usage (used only if the store is empty)
--      then for each account: id, packed configuration, packed usage or '' (used only if the account is not known)
-- Usage is day, day requests, tokens, cost, month requests, tokens, cost.
-- Returns {1} in force, {0} a newer version is

local function restored(u)
  local s = new_state(clock[VIRTUAL_TIME])
  if u then
    s[THIS_DAY], s[THIS_MONTH] = u[1], month_of(u[1])
    for i = 0, 2 do s[USED_DAY + i], s[USED_MONTH + i] = u[2 + i], u[5 + i] end
  end
  return s
end

local given = cmsgpack.unpack(ARGV[2])
local loaded_before = open()
if loaded_before and given[VERSION] < pool[VERSION] then
  close()
  return { 0 }
end

if loaded_before then
  given[EPOCH] = pool[EPOCH]
else
  call('DEL', CLOCK, ACCOUNTS, READY, WAKE, LEASES, LEASE, EXPIRED, HOLDS, WHYS, WAVES, ADOPTED, CLIENTS, LEARNED)
  clock = { 0, 0, 0, 0, 0 }
end
pool, clock_changed = given, true
call('SET', SETTINGS, pack(pool))
call('SET', CLOCK, pack(clock))
if loaded_before then
  forget_idle_clients()
  forget_idle_records()
else
  open()
  for id, used in pairs(ARGV[3] ~= '' and unpack_(ARGV[3]) or {}) do
    call('HSET', CLIENTS, 's:' .. id, pack(restored(used)))
  end
end

local kept = {}
for i = 4, #ARGV, 3 do
  local id = ARGV[i]
  kept[id] = true
  local a = account(id)
  if a then
    local before = organization(a)
    a.c = unpack_(ARGV[i + 1])
    a.s[LEARNED_ORG] = before
    learn_organization(a, a.c[ORGANIZATION])
  else
    a = { id = id, c = unpack_(ARGV[i + 1]), s = restored(ARGV[i + 2] ~= '' and unpack_(ARGV[i + 2])), m = '', m_stored = '' }
    loaded[id] = a
  end
  call('HSET', ACCOUNTS, 'c:' .. id, ARGV[i + 1])
  roll(a)
  place(a)
end

for _, id in ipairs(account_ids()) do
  if not kept[id] then
    local a = account(id)
    if a.s[IN_FLIGHT] > 0 then
      -- Removed with calls under way: it takes no more, and goes when they have ended.
      a.c[ENABLED] = 0
      call('HSET', ACCOUNTS, 'c:' .. id, pack(a.c))
      roll(a)
      place(a)
    else
      leave_ready(a)
      call('ZREM', WAKE, id)
      call('HDEL', ACCOUNTS, 'c:' .. id, 's:' .. id, 'm:' .. id, 'f:' .. id)
    end
  end
end
close()
return { 1 }
