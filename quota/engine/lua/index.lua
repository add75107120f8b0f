-- Where an account stands: in `ready`, ordered by the strategy, or parked in `wake` until time may change its mind.
--
-- Parked are accounts that could serve nobody: a lease never looks at them. What depends on the request (its model,
-- its estimate) is checked when an account comes up. A ready account of a least-loaded pool is in `wake` too, for the
-- moment when its minute slides or its day ends and its load with it. A member of `ready` is virtual time (15 digits),
-- latest turn (12 digits) and id, so that equal scores fall in the order of strategies.rank.

local ID_AT = 28

local function member_of(a)
  local passed = pool[STRATEGY] == 'least_loaded' and 0 or a.s[PASSED]
  return string.format('%015d%012d', passed, a.s[LAST_TURN]) .. a.id
end

local function score_of(a)
  if pool[STRATEGY] == 'least_loaded' then return load_of(a) * 65536 + math.min(a.s[IN_FLIGHT], 65535) end
  return pool[STRATEGY] == 'priority' and a.c[PRIORITY] or 0
end

-- When to look again at a parked account; nil if it is not to be parked.
local function parked_until(a)
  local s, latest = a.s, 0
  if a.c[ENABLED] == 0 then return NEVER end
  local reason, until_ms = breaker_obstacle(s)
  -- A probe ends by its settlement or its lease's deadline, and both come by here.
  if reason then latest = reason == 'probing' and SETTLEMENT or until_ms end
  if a.c[CAP] >= 0 and s[IN_FLIGHT] >= a.c[CAP] then latest = math.max(latest, SETTLEMENT) end
  if s[OUT_UNTIL] > now then latest = math.max(latest, s[OUT_UNTIL]) end
  local limits = a.c[LIMITS]
  for i = 1, #limits, 3 do
    local metric, window = limits[i], limits[i + 1]
    if gone(a, metric, window) + (metric == 1 and 1 or 0) > limits[i + 2] then
      local change = window == MINUTE and #a.m > 0 and slot_end(oldest_slot(a)) or day_end(s[THIS_DAY])
      latest = math.max(latest, change)
    end
  end
  return latest > now and latest or nil
end

-- When time alone changes a ready account's score; 0 if it never does.
local function load_changes_at(a)
  if pool[STRATEGY] ~= 'least_loaded' then return 0 end
  local change, limits = 0, a.c[LIMITS]
  for i = 1, #limits, 3 do
    local minute = limits[i + 1] == MINUTE
    if not minute or #a.m > 0 then
      local at = minute and slot_end(oldest_slot(a)) or day_end(a.s[THIS_DAY])
      if gone(a, limits[i], limits[i + 1]) > 0 and (change == 0 or at < change) then change = at end
    end
  end
  return change
end

local function set_wake(a, at)
  if a.s[WAKE_AT] == at then return end
  if at == 0 then call('ZREM', WAKE, a.id) else call('ZADD', WAKE, at, a.id) end
  a.s[WAKE_AT] = at
end

local function leave_ready(a)
  if a.s[MEMBER] ~= '' then call('ZREM', READY, a.s[MEMBER]) end
  a.s[MEMBER] = ''
end

-- Puts the account where it belongs now and stores it. Its windows must have been rolled.
local function place(a)
  local parked = parked_until(a)
  if parked then
    leave_ready(a)
    set_wake(a, parked)
  else
    local member = member_of(a)
    if a.s[MEMBER] ~= member then leave_ready(a) end
    call('ZADD', READY, score_of(a), member)
    a.s[MEMBER] = member
    set_wake(a, load_changes_at(a))
  end
  save(a)
end

-- Accounts whose time has come. Returns whether more of them may be waiting.
local function wake_due()
  local woken = 0
  for _, id in ipairs(call('ZRANGEBYSCORE', WAKE, '-inf', now, 'LIMIT', 0, AT_ONCE)) do
    local a = account(id)
    if a then
      roll(a)
      a.s[WAKE_AT] = -1 -- whatever place() finds must be written
      place(a)
    else
      call('ZREM', WAKE, id)
    end
    woken = woken + 1
  end
  return woken == AT_ONCE
end
