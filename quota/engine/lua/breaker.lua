-- The breaker of one account (see breaker.py): the same table of transitions, on the account's state.

local STATE_NAMES = { [CLOSED] = 'closed', [OPEN] = 'open', [HALF_OPEN] = 'half_open' }
local MODE_NAMES = { [AUTO] = 'auto', [FORCED_OPEN] = 'forced_open', [FORCED_CLOSED] = 'forced_closed' }

local function tell_breaker(a, from, actor)
  local s = a.s
  tell('breaker', 'account', a.id, 'gen', s[GENERATION], 'from', STATE_NAMES[from], 'to', STATE_NAMES[s[BREAKER]],
    'mode', MODE_NAMES[s[MODE]], 'why', s[WHY], 'until_ms', s[BREAKER] == OPEN and s[OPEN_UNTIL] or 0, 'actor', actor)
end

local function free_probe(s) s[PROBE], s[PROBE_DEADLINE] = '', 0 end

local function enter(s, state)
  s[BREAKER], s[GENERATION], s[SUCCESSES] = state, s[GENERATION] + 1, 0
  if state == CLOSED then s[FAILURES] = 0 end
  free_probe(s)
end

local function trip(s, why)
  enter(s, OPEN)
  s[OPEN_UNTIL], s[WHY] = now + pool[OPEN_MS], why
end

-- Why the breaker lets nothing through, and until when; nil if it does.
local function breaker_obstacle(s)
  if s[MODE] == FORCED_OPEN then return 'forced_open', NEVER end
  if s[MODE] == FORCED_CLOSED then return nil end
  if s[BREAKER] == OPEN and now < s[OPEN_UNTIL] then return 'breaker_open', s[OPEN_UNTIL] end
  if s[BREAKER] == HALF_OPEN and s[PROBE] ~= '' then return 'probing', s[PROBE_DEADLINE] end
  return nil
end

local function breaker_grant(a, lease, deadline)
  local s = a.s
  if s[MODE] ~= AUTO or s[BREAKER] == CLOSED then return end
  if s[BREAKER] == OPEN then
    enter(s, HALF_OPEN)
    tell_breaker(a, OPEN, '')
  end
  s[PROBE], s[PROBE_DEADLINE] = lease, deadline
end

local function probed(s, verdict, why)
  if verdict == 'failure' then return trip(s, why) end
  if verdict == 'neutral' then return free_probe(s) end
  if s[SUCCESSES] + 1 >= pool[SUCCESSES_TO_CLOSE] then
    enter(s, CLOSED)
    s[WHY] = ''
  else
    s[SUCCESSES] = s[SUCCESSES] + 1
    free_probe(s)
  end
end

local function counted(s, verdict, why)
  if verdict == 'success' then
    s[FAILURES] = 0
  elseif verdict == 'failure' then
    s[FAILURES] = s[FAILURES] + 1
    if s[FAILURES] >= pool[THRESHOLD] then trip(s, why) end
  end
end

-- verdict: success, failure, alive, neutral
local function breaker_settle(a, lease, generation, verdict, why)
  local s = a.s
  local state, before = s[BREAKER], s[GENERATION]
  if s[MODE] ~= AUTO then return end
  if state == HALF_OPEN and s[PROBE] == lease then
    probed(s, verdict, why)
  elseif state == CLOSED and s[GENERATION] == generation then
    counted(s, verdict, why)
  end
  if s[GENERATION] ~= before then tell_breaker(a, state, '') end
end
