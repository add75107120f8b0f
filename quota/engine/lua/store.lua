-- Reading and writing the pool and its accounts; one clock for all of a call.

local call, pack, unpack_ = redis.call, cmsgpack.pack, cmsgpack.unpack
local pool, clock, now
local clock_changed = false

-- Loads settings and clock. False: nothing is loaded (or the clock jumped back so far that windows mean nothing).
local function open()
  local raw = call('MGET', SETTINGS, CLOCK)
  if not raw[1] then return false end
  pool, clock = unpack_(raw[1]), unpack_(raw[2])
  if ARGV[1] ~= '' then
    now = tonumber(ARGV[1])
  else
    local time = call('TIME')
    now = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  if now < clock[SEEN_MS] - CLOCK_SLACK_MS then
    call('DEL', SETTINGS)
    return false
  end
  if now > clock[SEEN_MS] then
    clock[SEEN_MS], clock_changed = now, true
  else
    now = clock[SEEN_MS]
  end
  return true
end

local function close()
  if clock_changed then call('SET', CLOCK, pack(clock)) end
end

local function new_state(passed)
  return { '', 0, 0, passed, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '', 0, '', '', 0 }
end

-- An account in hand: { id, c = configuration, s = state, m = the last minute }. Nil if the pool has none such.
-- Loaded once per call, so that every part of a script sees and changes the same one.
local loaded = {}
local function account(id)
  local found = loaded[id]
  if found ~= nil then return found or nil end
  local raw = call('HMGET', ACCOUNTS, 'c:' .. id, 's:' .. id, 'm:' .. id)
  found = raw[1] and { id = id, c = unpack_(raw[1]), s = unpack_(raw[2]), m = raw[3] or '' } or false
  if found then found.m_stored = found.m end
  loaded[id] = found
  return found or nil
end

local function save_in(home, a)
  if a.m == a.m_stored then
    call('HSET', home, 's:' .. a.id, pack(a.s))
  else
    call('HSET', home, 's:' .. a.id, pack(a.s), 'm:' .. a.id, a.m)
    a.m_stored = a.m
  end
end

local function save(a) save_in(ACCOUNTS, a) end

local function organization(a)
  return a.s[LEARNED_ORG] ~= '' and a.s[LEARNED_ORG] or a.c[ORGANIZATION]
end

local function tell(kind, ...)
  call('XADD', EVENTS, '*', 'type', kind, 'pool', pool[POOL_NAME], ...)
end

-- The caller's own events: ARGV from `first` on holds type, payload, type, payload ...
local function announce(first)
  for i = first, #ARGV, 2 do tell(ARGV[i], 'payload', ARGV[i + 1]) end
end

local function account_ids()
  local ids = {}
  for _, field in ipairs(call('HKEYS', ACCOUNTS)) do
    if string.sub(field, 1, 2) == 'c:' then ids[#ids + 1] = string.sub(field, 3) end
  end
  return ids
end
