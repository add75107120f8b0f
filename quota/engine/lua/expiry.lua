-- Leases whose holders are gone: the estimate stays charged, the probe is freed, the fact is told.

local function expire_one(id)
  local l = unpack_(call('HGET', LEASE, id))
  call('ZREM', LEASES, id)
  l[L_EXPIRED] = now
  call('HSET', LEASE, id, pack(l))
  call('ZADD', EXPIRED, now + LATE_SETTLE_MS, id)
  save_record(learned_released(l))
  local a = account(l[L_ACCOUNT])
  if a then
    roll(a)
    a.s[IN_FLIGHT] = a.s[IN_FLIGHT] - 1
    replace(a, l[L_GRANTED], true, 1, l[L_TOKENS], l[L_COST], 1, l[L_TOKENS], l[L_COST], false)
    if a.s[PROBE] == id then free_probe(a.s) end
    place(a)
  end
  client_returns(l, true, l[L_TOKENS], l[L_COST])
  tell('lease.expired', 'lease', id, 'account', l[L_ACCOUNT], 'day', l[L_DAY], 'tokens', l[L_TOKENS],
    'cost', l[L_COST], 'granted_ms', l[L_GRANTED], 'note', l[L_NOTE], 'client', l[L_CLIENT] or '')
end

-- What is remembered of a lease, live or expired; nil if nothing.
local function recall(id)
  local raw = call('HGET', LEASE, id)
  local l = raw and unpack_(raw)
  if l and l[L_EXPIRED] > 0 and now >= l[L_EXPIRED] + LATE_SETTLE_MS then return nil end
  return l or nil
end

-- Returns how many leases were settled by their deadline.
local function reap()
  local overdue = call('ZRANGEBYSCORE', LEASES, '-inf', now, 'LIMIT', 0, AT_ONCE)
  for _, id in ipairs(overdue) do expire_one(id) end
  if #overdue > 0 then
    for _, id in ipairs(call('ZRANGEBYSCORE', EXPIRED, '-inf', now, 'LIMIT', 0, AT_ONCE)) do
      call('HDEL', LEASE, id)
      call('ZREM', EXPIRED, id)
    end
  end
  return #overdue
end
