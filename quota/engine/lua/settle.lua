-- End a lease: the truth replaces the estimate, the breaker hears the verdict, holds and events are made.
-- requires: fields calendar store capacity clients breaker holds learned index expiry
--
-- ARGV 2 lease  3 verdict  4 tokens  5 cost (nano-dollars)  6 sent (0/1)  7 why  8 organization  9 note
--      10 the grant, if the store may have lost it: '' or packed account, granted, day, tokens, cost, epoch, client
--      11 what was said of Anthropic's limits (see learned.lua)
--      12 number of holds, then for each: scope, group, model, until (0: use the next), for (ms), why
--      then the caller's events as type, payload ...
-- Returns {'EMPTY'} or {changed, late, account}

local id, verdict, tokens, cost, sent = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6] == '1'
local why, learned, note, grant = ARGV[7], ARGV[8], ARGV[9], ARGV[10]
local said, hold_count = ARGV[11], tonumber(ARGV[12])
local OUTAGE_WINDOW_MS, OUTAGE_ANNOUNCE_MS, OUTAGE_MIN_ACCOUNTS = 10000, 60000, 3
local COMMON_CAUSE_WINDOW_MS, COMMON_CAUSE_HOLD_MS = 60000, 60000

-- Take note that an account is in a wave of trouble; returns the accounts in it.
local function report(kind, name, window)
  call('ZADD', WAVES, now, kind .. '|' .. name)
  local names = {}
  for _, member in ipairs(call('ZRANGEBYSCORE', WAVES, '(' .. string.format('%.0f', now - window), '+inf')) do
    if string.sub(member, 1, 1) == kind then names[#names + 1] = string.sub(member, 3) end
  end
  call('ZREMRANGEBYSCORE', WAVES, '-inf', now - COMMON_CAUSE_WINDOW_MS)
  table.sort(names)
  return names
end

-- A 529 is the account's failure, unless it comes in a wave: then it is Anthropic's and moves no breaker.
local function overloaded(a)
  local count = #report('o', a.id, OUTAGE_WINDOW_MS)
  local enabled = pool[ENABLED_COUNT]
  if pool[OUTAGE_GUARD] == 0 or enabled < OUTAGE_MIN_ACCOUNTS or count < 2 or count * 2 < enabled then return 'failure' end
  if now >= clock[OUTAGE_TOLD] + OUTAGE_ANNOUNCE_MS then
    clock[OUTAGE_TOLD], clock_changed = now, true
    tell('pool.outage', 'accounts', count)
  end
  return 'neutral'
end

-- Hold the whole account, unless something other than an earlier condemnation holds it as long.
local function condemn(a, until_ms, reason)
  local key = 'account|' .. a.id .. '||'
  if tonumber(call('ZSCORE', HOLDS, key) or 0) < until_ms or call('HGET', WHYS, key) == 'invalid_key' then
    put_hold(key, until_ms, reason)
    forget_out(a)
  end
end

-- One dead key waits for a person; several within a minute have a cause in common, and nobody is condemned.
local function rejected(a)
  local names = report('r', a.id, COMMON_CAUSE_WINDOW_MS)
  if #names < 2 then
    condemn(a, NEVER, 'invalid_key')
    return tell('account.rejected', 'account', a.id, 'why', why)
  end
  for _, name in ipairs(names) do
    local other = account(name)
    if other then
      roll(other)
      condemn(other, now + COMMON_CAUSE_HOLD_MS, 'common_cause')
      if other ~= a then place(other) end
    end
  end
  tell('pool.common_cause', 'accounts', table.concat(names, ','), 'why', why)
end

local function judge(a, l)
  local judged = verdict
  if judged == 'overloaded' then judged = overloaded(a) end
  if judged == 'rejected' then
    rejected(a)
    judged = 'neutral'
  end
  breaker_settle(a, id, l[L_GENERATION], judged, why)
end

local function add_holds(a)
  if hold_count == 0 then return end
  forget_past_holds()
  for i = 13, 12 + hold_count * 6, 6 do
    local until_ms, for_ms = tonumber(ARGV[i + 3]), tonumber(ARGV[i + 4])
    if until_ms == 0 then until_ms = now + for_ms end
    add_hold(a, ARGV[i], ARGV[i + 1], ARGV[i + 2], math.min(until_ms, NEVER), ARGV[i + 5])
  end
end

local function tell_settled(l, late)
  tell('lease.settled', 'lease', id, 'account', l[L_ACCOUNT], 'day', l[L_DAY], 'verdict', verdict, 'tokens', tokens,
    'cost', cost, 'est_tokens', l[L_TOKENS], 'est_cost', l[L_COST], 'late', late and 1 or 0, 'sent', sent and 1 or 0,
    'granted_ms', l[L_GRANTED], 'organization', learned, 'note', note, 'client', l[L_CLIENT] or '')
  announce(13 + hold_count * 6)
end

local function actual()
  if sent then return 1, tokens, cost end
  return 0, 0, 0
end

local function forget(late)
  call('HDEL', LEASE, id)
  call('ZREM', late and EXPIRED or LEASES, id)
end

local function settle_known(l)
  local late, a = l[L_EXPIRED] > 0, account(l[L_ACCOUNT])
  forget(late)
  local released, heard = not late and learned_released(l), nil
  if a then
    roll(a)
    replace(a, l[L_GRANTED], not late, 1, l[L_TOKENS], l[L_COST], actual())
    if not late then a.s[IN_FLIGHT] = a.s[IN_FLIGHT] - 1 end
    learn_organization(a, learned)
    judge(a, l)
    add_holds(a)
    heard = listen(a, l, said)
    place(a)
  end
  save_record(released)
  if heard ~= released then save_record(heard) end
  local _, t, c = actual()
  client_returns(l, not late, t, c)
  tell_settled(l, late)
  return { 1, late and 1 or 0, l[L_ACCOUNT] }
end

-- A grant of another life of the store: charge and record it once; its verdict is history.
local function adopt()
  local g = grant ~= '' and unpack_(grant)
  if not g or g[6] == pool[EPOCH] or call('ZSCORE', ADOPTED, id) then return { 0, 0, '' } end
  call('ZADD', ADOPTED, now + LATE_SETTLE_MS, id)
  call('ZREMRANGEBYSCORE', ADOPTED, '-inf', now)
  local l, a = { g[1], 0, 0, g[2], 0, g[3], 0, '', g[4], g[5], '', '', 0, g[7] or '' }, account(g[1])
  local r, t, c = actual()
  if a then
    roll(a)
    replace(a, l[L_GRANTED], false, 0, 0, 0, r, t, c, true)
    add_holds(a)
    place(a)
  end
  local function charge(k)
    replace(k, l[L_GRANTED], false, 0, 0, 0, r, t, c, true)
    save_in(CLIENTS, k)
  end
  charge(whole_pool())
  if l[L_CLIENT] ~= '' then charge(client(l[L_CLIENT])) end
  tell_settled(l, true)
  return { 1, 1, l[L_ACCOUNT] }
end

if not open() then return { 'EMPTY' } end
reap()
local known = recall(id)
local answer = known and settle_known(known) or adopt()
close()
return answer
