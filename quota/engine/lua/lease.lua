-- Choose an account, reserve the estimate on it, and say so, in one step; or refuse and change nothing.
-- requires: fields calendar store capacity clients breaker holds learned index expiry
--
-- ARGV 2 lease  3 model  4 group  5 tokens  6 cost (nano-dollars)  7 time to live (ms)  8 session given (0/1)
--      9 only (account or '')  10 note  11 draw (0 .. 2^31-1, for the random strategy)
--      12 client: '' or packed id, configuration as of an account (of which its limits and cap are read)
--      13 tokens of the prompt, of those of 5  14 number of accounts tried, then those, then the caller's events as type, payload ...
-- Returns {'EMPTY'}
--      or {'LEASE', account, generation, probe, granted, deadline, day, sticky, moved from, tokens, cost, epoch, client}
--      or {'REFUSED', now, retry at, account, reason, until, detail, account, reason, until, detail ...}
--      or {'LIMITED', now, until, reason, detail, pool or ''}: a limit of the client, or of the whole pool, is in the way

local id, model, group = ARGV[2], ARGV[3], ARGV[4]
local tokens, cost, ttl = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local session_given, only, note, draw = ARGV[8] == '1', ARGV[9], ARGV[10], tonumber(ARGV[11])
local EARLY_PROBE_EVERY_MS, MAX_BLOCKS, CONSIDERED = 5000, 64, 32
local METRIC_NAMES, WINDOW_NAMES = { 'requests', 'tokens', 'cost' }, { 'minute', 'day', 'month' }

local input, tried, tried_count = tonumber(ARGV[13]), {}, tonumber(ARGV[14])
for i = 15, 14 + tried_count do tried[ARGV[i]] = true end

-- Who asks, if that is somebody with limits of their own; the first lease of a request counts it for them.
local who = ARGV[12] ~= '' and unpack_(ARGV[12])
local first_lease = tried_count == 0 and 1 or 0

local function reply(l)
  return { 'LEASE', l[L_ACCOUNT], l[L_GENERATION], l[L_PROBE], l[L_GRANTED], l[L_DEADLINE], l[L_DAY], l[L_STICKY],
    l[L_MOVED], l[L_TOKENS], string.format('%.0f', l[L_COST]), l[L_EPOCH], l[L_CLIENT] or '' }
end

-- Calls meet(reason, until, words) for each limit that so much more does not fit, and for a full concurrency cap.
-- `free` lets pass what asks nothing of a limit, though that be overdrawn.
local function full(a, requests, free, meet)
  if a.c[CAP] >= 0 and a.s[IN_FLIGHT] >= a.c[CAP] then meet('concurrency', now + SOON_MS) end
  local limits = a.c[LIMITS]
  for i = 1, #limits, 3 do
    local metric, window, amount = limits[i], limits[i + 1], limits[i + 2]
    local asked = metric == 1 and requests or metric == 2 and tokens or cost
    if gone(a, metric, window) + asked > amount and not (free and asked == 0) then
      meet('limit', opens(a, metric, window, amount, asked), METRIC_NAMES[metric] .. ' per ' .. WINDOW_NAMES[window])
    end
  end
end

-- The obstacle between this account and this request that lasts longest; nil if there is none.
-- `details` fills in the words that only a refusal needs.
local function obstacle(a, details)
  local reason, latest, detail
  local function meet(why, until_ms, words)
    if not reason or until_ms > latest then reason, latest, detail = why, until_ms, words or '' end
  end
  local s, c = a.s, a.c
  if c[ENABLED] == 0 then meet('disabled', NEVER) end
  if c[MODELS] and not c[MODELS][model] then meet('model_not_allowed', NEVER) end
  if tried[a.id] or (only ~= '' and only ~= a.id) then meet('tried', NEVER) end
  local broken, until_ms = breaker_obstacle(s)
  if broken then meet(broken, until_ms, s[WHY]) end
  binding(a, group, model, function(held_until, key)
    meet('cooling', held_until, details and call('HGET', WHYS, key) or '')
  end)
  full(a, 1, false, meet)
  rate_limited(a, group, input, meet)
  return reason, latest, detail
end

-- Accounts found to be out altogether (a hold on their organization) leave `ready` after the search.
local to_park = {}
local function eligible(a)
  roll(a)
  if not obstacle(a) then return true end
  if a.s[OUT_UNTIL] > now then to_park[#to_park + 1] = a end
  return false
end

local function ready_ids(from, to)
  local ids = call('ZRANGE', READY, from, to)
  for i, member in ipairs(ids) do ids[i] = string.sub(member, ID_AT) end
  return ids
end

-- Calls visit(account) for the eligible in the strategy's order until it says true: a few first, larger pages after.
local function in_order(visit)
  local from, page = 0, 4
  while true do
    local ids = ready_ids(from, from + page - 1)
    for _, name in ipairs(ids) do
      local a = account(name)
      if a and eligible(a) and visit(a) then return end
    end
    if #ids < page then return end
    from, page = from + page, math.min(page * 4, 256)
  end
end

local function first_in_order()
  local found
  in_order(function(a) found = a; return true end)
  return found
end

-- Of the first eligible accounts by their own load, the one with the most room at Anthropic.
local function least_loaded()
  local found, lowest, seen = nil, nil, 0
  in_order(function(a)
    local own, whole = load_of(a), whole_load(a, group)
    if not found or whole < lowest then found, lowest = a, whole end
    seen = seen + 1
    return lowest <= own or seen == CONSIDERED -- nobody behind has less load than this account's own
  end)
  return found
end

-- Uniform over the eligible: draws that hit an ineligible one are thrown away; after eight, all are looked at.
local function any_one()
  local size = call('ZCARD', READY)
  if size == 0 then return nil end
  for _ = 1, 8 do
    local a = account(ready_ids(draw % size, draw % size)[1])
    if a and eligible(a) then return a end
    draw = (draw * 48271 + 1) % 2147483647 -- small enough a factor that doubles hold the product exactly
  end
  local found = {}
  for _, name in ipairs(ready_ids(0, -1)) do
    local a = account(name)
    if a and eligible(a) then found[#found + 1] = a end
  end
  return found[draw % math.max(#found, 1) + 1]
end

local function best()
  if only ~= '' then
    local a = account(only)
    return a and eligible(a) and a or nil
  end
  if pool[STRATEGY] == 'random' then return any_one() end
  return pool[STRATEGY] == 'least_loaded' and least_loaded() or first_in_order()
end

-- The account to take, whether it is the session's own, and which one the session leaves for it.
local function choose(own)
  local found = best()
  if not found or own == '' or own == found.id then return found, own ~= '' and found ~= nil, '' end
  local kept = account(own)
  if not kept or not eligible(kept) or whole_load(kept, group) > whole_load(found, group) + pool[AFFINITY_MARGIN] then
    return found, false, own
  end
  return kept, true, ''
end

local function all_open()
  for _, name in ipairs(account_ids()) do
    local a = account(name)
    if a.c[ENABLED] == 1 and a.s[BREAKER] ~= OPEN then return false end
  end
  return true
end

-- If every enabled account's breaker is open: the one closest to recovery that nothing else keeps away.
local function early_probe(blocks)
  if pool[EARLY_PROBE] == 0 or now < clock[EARLY_PROBED] + EARLY_PROBE_EVERY_MS then return nil end
  local found
  for _, b in ipairs(blocks) do
    local a = account(b[1])
    if a.c[ENABLED] == 1 then
      if a.s[BREAKER] ~= OPEN then return nil end
      if b.sole_open and (not found or a.s[OPEN_UNTIL] < found.s[OPEN_UNTIL]) then found = a end
    end
  end
  if not found or not all_open() then return nil end
  clock[EARLY_PROBED], clock_changed = now, true
  return found
end

local function only_breaker(a)
  local s = a.s
  if breaker_obstacle(s) ~= 'breaker_open' then return false end
  local until_ms = s[OPEN_UNTIL]
  s[OPEN_UNTIL] = 0
  local sole = obstacle(a) == nil
  s[OPEN_UNTIL] = until_ms
  return sole
end

local function block_of(name)
  local a = account(name)
  if not a then return nil end
  roll(a)
  local reason, until_ms, detail = obstacle(a, true)
  if not reason then return nil end
  return { name, reason, until_ms, detail, sole_open = pool[EARLY_PROBE] == 1 and only_breaker(a) }
end

-- Everybody's reason, soonest end first. Parked accounts are looked at in the order in which they come back, until
-- there are enough and none of the others can come back sooner; those that wait for a call to end have no time of
-- their own, so a few of them are looked at in any case.
local function blocks_of_all()
  local seen, blocks, soonest = {}, {}, NEVER
  local function look(names)
    for _, name in ipairs(names) do
      local block = not seen[name] and block_of(name)
      seen[name] = true
      if block then
        blocks[#blocks + 1] = block
        soonest = math.min(soonest, block[3])
      end
    end
  end
  if only ~= '' then look({ only }) end
  look(ready_ids(0, only ~= '' and MAX_BLOCKS - 1 or -1))
  look(call('ZRANGEBYSCORE', WAKE, SETTLEMENT, SETTLEMENT, 'LIMIT', 0, 16))
  local from = 0
  repeat
    local page = call('ZRANGE', WAKE, from, from + MAX_BLOCKS - 1)
    look(page)
    from = from + #page
    local following = call('ZRANGE', WAKE, from, from, 'WITHSCORES')
    local enough = #blocks >= MAX_BLOCKS and (only ~= '' or tonumber(following[2] or NEVER) >= soonest)
  until enough or #following == 0
  table.sort(blocks, function(x, y) return x[3] < y[3] or (x[3] == y[3] and x[1] < y[1]) end)
  return blocks
end

local function refusal(blocks)
  local answer = { 'REFUSED', now, blocks[1] and blocks[1][3] or NEVER }
  for i = 1, math.min(#blocks, MAX_BLOCKS) do
    for j = 1, 4 do answer[#answer + 1] = blocks[i][j] end
  end
  return answer
end

-- The limit of a client (or of the whole pool) that stands in the way longest, as an answer; nil if there is none.
local function limited(k)
  local reason, latest, detail
  full(k, first_lease, true, function(why, until_ms, words)
    if not reason or until_ms > latest then reason, latest, detail = why, until_ms, words or '' end
  end)
  return reason and { 'LIMITED', now, latest, reason, detail, k.id == '' and pool[POOL_NAME] or '' }
end

local function take_turn(a)
  local s = a.s
  clock[TURN], clock_changed = clock[TURN] + 1, true
  local start = math.max(s[PASSED], clock[VIRTUAL_TIME])
  s[PASSED], clock[VIRTUAL_TIME] = start + math.floor(1000000 / a.c[WEIGHT]), start
  s[LAST_TURN], s[LAST_USED], s[IN_FLIGHT] = clock[TURN], now, s[IN_FLIGHT] + 1
end

local function grant(a, sticky, moved)
  local deadline = now + ttl
  breaker_grant(a, id, deadline)
  take_turn(a)
  reserve(a, 1, tokens, cost)
  client_takes(whole_pool(), first_lease, tokens, cost)
  if who then client_takes(client(who[1]), first_lease, tokens, cost) end
  place(a)
  local l = { a.id, a.s[GENERATION], a.s[PROBE] == id and 1 or 0, now, deadline, math.floor(now / DAY_MS),
    sticky and 1 or 0, moved, tokens, cost, pool[EPOCH], note, 0, who and who[1] or '' }
  l[L_TAKEN] = learned_takes(a, group, input)
  call('HSET', LEASE, id, pack(l))
  call('ZADD', LEASES, deadline, id)
  if session_given and only == '' and pool[AFFINITY] == 1 then
    local until_ms = string.format('%.0f', now + pool[AFFINITY_TTL])
    call('SET', SESSION, pool[EPOCH] .. ' ' .. until_ms .. ' ' .. a.id, 'PX', pool[AFFINITY_TTL])
  end
  announce(15 + tried_count)
  return reply(l)
end

local function session_account()
  if not session_given or only ~= '' or pool[AFFINITY] == 0 then return '' end
  local epoch, until_ms, name = string.match(call('GET', SESSION) or '', '^(%S+) (%d+) (.*)$')
  return epoch == pool[EPOCH] and now < tonumber(until_ms) and name or ''
end

local function serve()
  local known = recall(id)
  if known then return reply(known) end
  reap()
  local refused = who and limited(client(who[1], who[2])) or limited(whole_pool())
  if refused then return refused end
  local chosen, sticky, moved, more
  repeat
    more = wake_due()
    chosen, sticky, moved = choose(session_account())
  until chosen or not more
  for _, a in ipairs(to_park) do
    if a ~= chosen then place(a) end
  end
  if chosen then return grant(chosen, sticky, moved) end
  local blocks = blocks_of_all()
  local probe = early_probe(blocks)
  if probe then
    local own = session_account()
    return grant(probe, own == probe.id, own ~= probe.id and own or '')
  end
  return refusal(blocks)
end

if not open() then return { 'EMPTY' } end
local answer = serve()
close()
return answer
