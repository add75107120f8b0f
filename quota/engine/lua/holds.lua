-- Cool-downs (see holds.py). A hold in force is never shortened by a later one.

local MAX_HOLDS = 10000

-- The holds that would keep the account from this group and model: whole-account and whole-organization ones first.
local function hold_keys(a, group, model)
  local own, org = 'account|' .. a.id, organization(a)
  local keys = { own .. '||', own .. '|' .. group .. '|', own .. '||' .. model }
  if org ~= '' then
    keys[4], keys[5] = 'organization|' .. org .. '||', 'organization|' .. org .. '|' .. group .. '|'
  end
  return keys
end

local any_holds

-- Calls visit(until, key) for each hold in force; remembers one that keeps the account from everything.
local function binding(a, group, model, visit)
  if any_holds == nil then any_holds = call('EXISTS', HOLDS) == 1 end
  if not any_holds then return end
  local keys = hold_keys(a, group, model)
  local untils = call('ZMSCORE', HOLDS, unpack(keys))
  for i, score in ipairs(untils) do
    local until_ms = score and tonumber(score) or 0
    if now < until_ms then
      visit(until_ms, keys[i])
      if i == 1 or i == 4 then a.s[OUT_UNTIL] = math.max(a.s[OUT_UNTIL], until_ms) end
    end
  end
end

-- What keeps the account itself from everything; an organization's hold is found again at the next lease.
local function forget_out(a)
  a.s[OUT_UNTIL] = tonumber(call('ZSCORE', HOLDS, 'account|' .. a.id .. '||') or 0)
end

local function learn_organization(a, org)
  if org == '' or org == organization(a) then return end
  a.s[LEARNED_ORG] = org
  forget_out(a)
end

local function put_hold(key, until_ms, why)
  call('ZADD', HOLDS, until_ms, key)
  call('HSET', WHYS, key, why)
end

local function drop_holds(keys)
  if #keys == 0 then return end
  call('ZREM', HOLDS, unpack(keys))
  call('HDEL', WHYS, unpack(keys))
end

local function forget_past_holds()
  drop_holds(call('ZRANGEBYSCORE', HOLDS, '-inf', now, 'LIMIT', 0, 1000))
end

-- An organization's hold binds the account alone while its organization is not known.
local function key_of(a, scope, group, model)
  local org = organization(a)
  if scope == 'organization' and org ~= '' then return 'organization|' .. org .. '|' .. group .. '|', scope, '' end
  return 'account|' .. a.id .. '|' .. group .. '|' .. model, 'account', model
end

local function add_hold(a, scope, group, model, until_ms, why)
  local key, bound, about = key_of(a, scope, group, model)
  local known = tonumber(call('ZSCORE', HOLDS, key) or 0)
  if until_ms <= now or known >= until_ms then return end
  -- Callers choose model names: what they can make us remember has an end.
  if model ~= '' and known == 0 and call('ZCARD', HOLDS) >= MAX_HOLDS then return end
  put_hold(key, until_ms, why)
  if bound == 'account' and group == '' and model == '' then a.s[OUT_UNTIL] = math.max(a.s[OUT_UNTIL], until_ms) end
  tell('hold', 'account', a.id, 'scope', bound, 'organization', organization(a), 'why', why, 'until_ms', until_ms,
    'group', group, 'model', about)
end
