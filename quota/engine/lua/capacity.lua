-- How much of an account's limits is gone (see capacity.py).
--
-- The last minute is a string of 24-byte records, one per second in which something was admitted, oldest first:
-- second (4 bytes), requests (4), tokens (8), cost (8). LAST_MINUTE in the state is their sum. A record counts for 61
-- seconds, so that no 60-second span escapes it.

local RECORD, SLOTS = 24, 61
local FORMAT = '>I4I4I8I8'

local function slot_end(slot) return (slot + SLOTS) * 1000 end

local function oldest_slot(a) return (struct.unpack('>I4', a.m)) end

local function clear_three(s, first) s[first], s[first + 1], s[first + 2] = 0, 0, 0 end

-- Leave behind the windows that have ended.
local function roll(a)
  local s, day = a.s, math.floor(now / DAY_MS)
  if s[THIS_DAY] ~= day then
    clear_three(s, USED_DAY)
    clear_three(s, HELD_DAY)
    local month = month_of(day)
    if s[THIS_MONTH] ~= month then
      clear_three(s, USED_MONTH)
      clear_three(s, HELD_MONTH)
    end
    s[THIS_DAY], s[THIS_MONTH] = day, month
  end
  local m, from = a.m, 1
  while from <= #m do
    local slot, requests, tokens, cost = struct.unpack(FORMAT, m, from)
    if slot_end(slot) > now then break end
    s[LAST_MINUTE] = s[LAST_MINUTE] - requests
    s[LAST_MINUTE + 1] = s[LAST_MINUTE + 1] - tokens
    s[LAST_MINUTE + 2] = s[LAST_MINUTE + 2] - cost
    from = from + RECORD
  end
  if from > 1 then a.m = string.sub(m, from) end
end

-- Adds (possibly negative) amounts to the record of a second; `create` makes one that is not there.
local function adjust_slot(a, slot, requests, tokens, cost, create)
  local m = a.m
  local from = #m - RECORD + 1
  while from > 0 do
    local at, r, t, c = struct.unpack(FORMAT, m, from)
    if at == slot then
      a.m = string.sub(m, 1, from - 1) .. struct.pack(FORMAT, slot, r + requests, t + tokens, c + cost)
        .. string.sub(m, from + RECORD)
      break
    elseif at < slot then
      if not create then return end
      a.m = string.sub(m, 1, from + RECORD - 1) .. struct.pack(FORMAT, slot, requests, tokens, cost)
        .. string.sub(m, from + RECORD)
      break
    end
    from = from - RECORD
  end
  if from <= 0 then
    if not create then return end
    a.m = struct.pack(FORMAT, slot, requests, tokens, cost) .. m
  end
  local s = a.s
  s[LAST_MINUTE], s[LAST_MINUTE + 1] = s[LAST_MINUTE] + requests, s[LAST_MINUTE + 1] + tokens
  s[LAST_MINUTE + 2] = s[LAST_MINUTE + 2] + cost
end

local function reserve(a, requests, tokens, cost)
  local s = a.s
  s[USED_DAY], s[USED_MONTH] = s[USED_DAY] + requests, s[USED_MONTH] + requests
  s[HELD_DAY + 1], s[HELD_DAY + 2] = s[HELD_DAY + 1] + tokens, s[HELD_DAY + 2] + cost
  s[HELD_MONTH + 1], s[HELD_MONTH + 2] = s[HELD_MONTH + 1] + tokens, s[HELD_MONTH + 2] + cost
  adjust_slot(a, math.floor(now / 1000), requests, tokens, cost, true)
end

-- Truth for estimate in the windows the lease was granted in. was_* is what was reserved (requests, tokens, cost).
local function replace(a, granted, held, was_r, was_t, was_c, r, t, c, create_slot)
  local s, day = a.s, math.floor(granted / DAY_MS)
  local function swap(used, hold)
    s[used] = s[used] + r - was_r
    if held then
      s[hold + 1], s[hold + 2] = s[hold + 1] - was_t, s[hold + 2] - was_c
      s[used + 1], s[used + 2] = s[used + 1] + t, s[used + 2] + c
    else
      s[used + 1], s[used + 2] = s[used + 1] + t - was_t, s[used + 2] + c - was_c
    end
  end
  if s[THIS_DAY] == day then swap(USED_DAY, HELD_DAY) end
  if s[THIS_MONTH] == month_of(day) then swap(USED_MONTH, HELD_MONTH) end
  local slot = math.floor(granted / 1000)
  if slot_end(slot) > now then adjust_slot(a, slot, r - was_r, t - was_t, c - was_c, create_slot) end
end

-- Used and held together.
local function gone(a, metric, window)
  local s, offset = a.s, metric - 1
  if window == MINUTE then return s[LAST_MINUTE + offset] end
  if window == DAY then return s[USED_DAY + offset] + s[HELD_DAY + offset] end
  return s[USED_MONTH + offset] + s[HELD_MONTH + offset]
end

local function window_end(a, window)
  if window == DAY then return day_end(a.s[THIS_DAY]) end
  return month_end(a.s[THIS_MONTH])
end

local function minute_opens(a, metric, asked, amount)
  local excess = gone(a, metric, MINUTE) + asked - amount
  for from = 1, #a.m, RECORD do
    local record = { struct.unpack(FORMAT, a.m, from) }
    excess = excess - record[metric + 1]
    if excess <= 0 then return slot_end(record[1]) end
  end
  return NEVER
end

-- The first instant at which a limit that does not fit may fit.
local function opens(a, metric, window, amount, asked)
  if asked > amount then return NEVER end
  if window == MINUTE then return minute_opens(a, metric, asked, amount) end
  local used = (window == DAY and USED_DAY or USED_MONTH) + metric - 1
  if a.s[used] + asked <= amount then return math.min(now + SOON_MS, window_end(a, window)) end
  return window_end(a, window)
end

local function share(part, whole)
  if whole <= 0 then return 1073741824 end
  return math.min(math.floor(part / whole * 1e6), 1073741824)
end

-- The fullest limit in parts per million, in-flight over cap among them.
local function load_of(a)
  local highest, limits = 0, a.c[LIMITS]
  for i = 1, #limits, 3 do
    local here = share(gone(a, limits[i], limits[i + 1]), limits[i + 2])
    if here > highest then highest = here end
  end
  if a.c[CAP] >= 0 then
    local here = share(a.s[IN_FLIGHT], a.c[CAP])
    if here > highest then highest = here end
  end
  return highest
end
