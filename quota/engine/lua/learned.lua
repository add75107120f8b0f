-- What Anthropic said of its own limits, and what has been taken since (see learned.py for how and why).
--
-- A record is kept for each model group of an organization (or of an account whose organization is not known). Its
-- places are named in fields.lua. The last is a string of 28-byte entries, one for each second in which something was
-- taken, oldest first: second (4 bytes), then what had been taken at its end: requests (8), input (8), output (8).
-- Stored is the length of that string (4 bytes), the string, and the other places packed.

local MAX_LEARNED = 10000
local ENTRY, KEPT_SECONDS, SAME_MS = 28, 61, 1000
local LOAD_STEPS, STEP_PPM, PACE, SHARE_MOST = 20, 50000, 8, 2
local ENTRY_FORMAT = '>I4I8I8I8'
local dimension_names = { 'requests', 'input tokens', 'output tokens', 'tokens' }

local function learned_key(a, of_group)
  local org = organization(a)
  return (org ~= '' and 'organization|' .. org or 'account|' .. a.id) .. '|' .. of_group
end

local records, any_records = {}, nil

-- A record, loaded once per call; nil if there is none.
local function record_at(key)
  local found = records[key]
  if found == nil then
    local raw = call('HGET', LEARNED, key)
    if raw then
      local length = struct.unpack('>I4', raw)
      found = unpack_(string.sub(raw, 5 + length))
      found[K_SECONDS] = string.sub(raw, 5, 4 + length)
    end
    found = found or false
    records[key] = found
  end
  return found or nil
end

local function save_record(key)
  local r = key and records[key]
  if not r then return end
  local m = r[K_SECONDS]
  r[K_SECONDS] = nil
  call('HSET', LEARNED, key, struct.pack('>I4', #m) .. m .. pack(r))
  r[K_SECONDS] = m
end

-- What was learned of this group for this account, if the pool goes by it.
local function learned_of(a, of_group)
  if pool[LEARNING] == 0 then return nil end
  if any_records == nil then any_records = call('EXISTS', LEARNED) == 1 end
  return any_records and record_at(learned_key(a, of_group)) or nil
end

-- Where the bucket of a dimension is in a record: its limit (0: not told), its window, when it will be full.
local function bucket_at(dimension) return K_BUCKETS + 3 * (dimension - 1) end

-- What remains beyond what calls under way are expected to bring.
local function room_of(r, dimension)
  local at = bucket_at(dimension)
  local remaining = r[at] - math.max(0, r[at + 2] - now) * r[at] / r[at + 1]
  return dimension >= 3 and remaining - r[K_FLYING] * r[K_OUTPUT] or remaining
end

-- Calls meet(reason, until, words) for each of Anthropic's limits that has no room for one more call with this input.
local function rate_limited(a, of_group, input, meet)
  local r = learned_of(a, of_group)
  if not r then return end
  for dimension = 1, 4 do
    local at = bucket_at(dimension)
    local limit, need = r[at], 1
    if dimension % 2 == 0 then need = math.min(math.max(1, math.ceil(input * r[K_SHARE])), limit) end
    local room = limit > 0 and room_of(r, dimension) + 0.01 or need
    if room < need then
      local reached = r[at + 2] - (limit - need + 0.01) * r[at + 1] / limit
      local until_ms = reached > now and math.ceil(reached) or now + SOON_MS
      meet('rate_limit', until_ms,
        string.format('%d of %d %s', math.floor(math.max(0, room)), limit, dimension_names[dimension]))
    end
  end
end

-- An account's load for this group in parts per million: its own fullest limit, or its organization's at Anthropic.
local function whole_load(a, of_group)
  local r, highest = learned_of(a, of_group), 0
  if not r then return load_of(a) end
  for dimension = 1, 4 do
    local limit = r[bucket_at(dimension)]
    if limit > 0 then
      highest = math.max(highest, math.floor((limit - room_of(r, dimension)) / limit * LOAD_STEPS))
    end
  end
  return math.max(load_of(a), math.min(highest * STEP_PPM, 1073741824))
end

local function amount_of(dimension, requests, input, output)
  if dimension == 1 then return requests end
  if dimension == 2 then return input end
  return dimension == 3 and output or input + output
end

local function spend(r, requests, input, output)
  for dimension = 1, 4 do
    local at, amount = bucket_at(dimension), amount_of(dimension, requests, input, output)
    if r[at] > 0 and amount > 0 then r[at + 2] = math.max(r[at + 2], now) + amount * r[at + 1] / r[at] end
  end
  r[K_TOTAL], r[K_TOTAL + 1], r[K_TOTAL + 2] = r[K_TOTAL] + requests, r[K_TOTAL + 1] + input, r[K_TOTAL + 2] + output
  local m, second = r[K_SECONDS], math.floor(now / 1000)
  -- The last one that is past says from where the others count.
  while #m > ENTRY and struct.unpack('>I4', m, ENTRY + 1) + KEPT_SECONDS <= second do m = string.sub(m, ENTRY + 1) end
  if #m > 0 and struct.unpack('>I4', m, #m - ENTRY + 1) == second then m = string.sub(m, 1, #m - ENTRY) end
  r[K_SECONDS] = m .. struct.pack(ENTRY_FORMAT, second, r[K_TOTAL], r[K_TOTAL + 1], r[K_TOTAL + 2])
end

-- A lease is granted: what it takes, for its record; nil if nothing is known.
local function learned_takes(a, of_group, input)
  local r, key = learned_of(a, of_group), learned_key(a, of_group)
  if not r then return nil end
  spend(r, 1, math.ceil(input * r[K_SHARE]), 0)
  r[K_FLYING] = r[K_FLYING] + 1
  save_record(key)
  return { key, input, r[K_TOTAL], r[K_TOTAL + 1], r[K_TOTAL + 2] }
end

-- A lease is over. Returns the record's key, which is to be saved.
local function learned_released(l)
  local taken = l[L_TAKEN]
  local r = taken and record_at(taken[1])
  if not r then return nil end
  r[K_FLYING] = math.max(0, r[K_FLYING] - 1)
  return taken[1]
end

-- What was taken after the call that told of `told_ms`, second by second: when, requests, input, output.
local function taken_since(r, taken, granted, told_ms)
  local m, told = r[K_SECONDS], math.floor(told_ms / 1000)
  local from, known, since = #m - ENTRY + 1, { 0, 0, 0, 0 }, {}
  while from > 0 and struct.unpack('>I4', m, from) >= told do from = from - ENTRY end
  if taken then known = { 0, taken[3], taken[4], taken[5] } end
  if from > 0 and (not taken or struct.unpack('>I4', m, from) >= math.floor(granted / 1000)) then
    known = { struct.unpack(ENTRY_FORMAT, m, from) }
  end
  for at = from + ENTRY, #m, ENTRY do
    local total = { struct.unpack(ENTRY_FORMAT, m, at) }
    since[#since + 1] = { math.min((total[1] + 1) * 1000, now), math.max(0, total[2] - known[2]),
      math.max(0, total[3] - known[3]), math.max(0, total[4] - known[4]) }
    known = total
  end
  return since
end

-- The headers of a call correct what was reckoned, unless they tell of an earlier time.
local function hear(r, said, taken, granted)
  local told_ms = math.min(granted + said[2], now)
  if told_ms < now - KEPT_SECONDS * 1000 or told_ms <= r[K_ANCHOR] - SAME_MS then return end
  local anew, since = told_ms >= r[K_ANCHOR] + SAME_MS, taken_since(r, taken, granted, told_ms)
  for i = 5, #said, 4 do
    local dimension, limit, remaining, window = said[i], said[i + 1], said[i + 2], said[i + 3]
    local full, at = math.min(told_ms + (limit - remaining) * window / limit, now + DAY_MS), bucket_at(dimension)
    for _, one in ipairs(since) do
      local amount = amount_of(dimension, one[2], one[3], one[4])
      if amount > 0 then full = math.max(full, one[1]) + amount * window / limit end
    end
    if r[at] > 0 and not anew then full = math.max(full, r[at + 2]) end
    r[at], r[at + 1], r[at + 2] = limit, window, full
  end
  if anew then r[K_ANCHOR] = told_ms end
  r[K_AT] = math.max(r[K_AT], told_ms)
end

-- An answer has come. `packed` is '' or group, after (ms), input that counted, output, then for each bucket:
-- dimension, limit, remaining, window. Returns the record's key, which is to be saved; nil if nothing was learned.
local function listen(a, l, packed)
  if packed == '' or pool[LEARNING] == 0 then return nil end
  local said, taken = unpack_(packed), l[L_TAKEN]
  local key = learned_key(a, said[1])
  local r = record_at(key)
  if not r then
    if call('HLEN', LEARNED) >= MAX_LEARNED then return nil end
    r = { 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '' }
    records[key] = r
  end
  if taken and taken[1] ~= key then taken = nil end
  hear(r, said, taken, l[L_GRANTED])
  spend(r, 0, 0, said[4])
  if said[4] > 0 then r[K_OUTPUT] = r[K_OUTPUT] + (said[4] - r[K_OUTPUT]) / PACE end
  if taken and taken[2] > 0 and said[3] > 0 then
    r[K_SHARE] = r[K_SHARE] + (math.min(said[3] / taken[2], SHARE_MOST) - r[K_SHARE]) / PACE
  end
  return key
end

-- Drop what was learned for an account and for its organization. Returns whether there was anything.
local function forget_learned(a)
  local own, owned = learned_key(a, ''), {}
  for _, key in ipairs(call('HKEYS', LEARNED)) do
    if string.sub(key, 1, #own) == own then owned[#owned + 1] = key end
  end
  for _, key in ipairs(owned) do call('HDEL', LEARNED, key) end
  return #owned > 0
end

-- Forget what nobody was told of for a day.
local function forget_idle_records()
  for _, key in ipairs(call('HKEYS', LEARNED)) do
    local r = record_at(key)
    if r[K_FLYING] == 0 and r[K_AT] + DAY_MS <= now then call('HDEL', LEARNED, key) end
  end
end
