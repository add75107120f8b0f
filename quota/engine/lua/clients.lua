-- Those who ask, with limits of their own (see clients.py): the books of an account without the account.
--
-- Limits come with each lease, because whoever asks knows them; what is used of them is remembered here, in the form of
-- an account's state. A request counts when its first lease is granted and stays counted; tokens and cost follow the
-- truth, whichever account they came from.

-- A client in hand: { id, c = limits as in an account's configuration, s = state, m = the last minute }, windows rolled.
local function client(id, conf)
  local slot = 'client|' .. id -- no account is called so
  local found = loaded[slot]
  if not found then
    local raw = call('HMGET', CLIENTS, 's:' .. id, 'm:' .. id)
    found = { id = id, s = raw[1] and unpack_(raw[1]) or new_state(0), m = raw[2] or '' }
    found.m_stored = found.m
    loaded[slot] = found
  end
  found.c = conf or found.c
  roll(found)
  return found
end

-- The whole pool, whom every lease counts for; its limits stand in the settings.
local function whole_pool()
  return client('', { 1, 0, 1, -1, false, pool[POOL_LIMITS] or {}, '' })
end

local function client_takes(k, requests, tokens, cost)
  reserve(k, requests, tokens, cost)
  k.s[IN_FLIGHT], k.s[LAST_USED] = k.s[IN_FLIGHT] + 1, now
  save_in(CLIENTS, k)
end

-- A lease is over: truth for estimate, unless its deadline was (then `held` is false and only the difference counts).
local function client_returns(l, held, tokens, cost)
  local function give_back(k)
    replace(k, l[L_GRANTED], held, 0, l[L_TOKENS], l[L_COST], 0, tokens, cost, false)
    if held then k.s[IN_FLIGHT] = k.s[IN_FLIGHT] - 1 end
    save_in(CLIENTS, k)
  end
  give_back(whole_pool())
  if (l[L_CLIENT] or '') ~= '' then give_back(client(l[L_CLIENT])) end
end

-- Forget those of whom nothing counts any more.
local function forget_idle_clients()
  for _, field in ipairs(call('HKEYS', CLIENTS)) do
    if string.sub(field, 1, 2) == 's:' then
      local k = client(string.sub(field, 3))
      local left = k.s[IN_FLIGHT] + #k.m
      for i = USED_DAY, HELD_MONTH + 2 do left = left + math.abs(k.s[i]) end
      if left == 0 then call('HDEL', CLIENTS, field, 'm:' .. k.id) end
    end
  end
end
