-- A person's order about one account.
-- requires: fields calendar store capacity clients breaker holds learned index expiry
--
-- ARGV 2 account  3 order: reset, force_open, force_closed, clear_cooldown  4 actor  5 why
-- Returns {'EMPTY'}, {0} no such account, {1} done

local order, actor, why = ARGV[3], ARGV[4], ARGV[5]

local function force(a, mode)
  local s = a.s
  s[MODE], s[GENERATION], s[WHY] = mode, s[GENERATION] + 1, why
  free_probe(s)
  tell_breaker(a, s[BREAKER], actor)
end

local function reset(a)
  local s, from = a.s, a.s[BREAKER]
  s[BREAKER], s[MODE], s[GENERATION], s[FAILURES], s[SUCCESSES] = CLOSED, AUTO, s[GENERATION] + 1, 0, 0
  s[OPEN_UNTIL], s[WHY] = 0, ''
  free_probe(s)
  tell_breaker(a, from, actor)
end

-- Others of the organization may have been parked by a hold that is now gone.
local function unpark_organization(org)
  for _, id in ipairs(account_ids()) do
    local other = account(id)
    if organization(other) == org and other.s[OUT_UNTIL] > now then
      roll(other)
      forget_out(other)
      place(other)
    end
  end
end

local function clear_cooldown(a)
  forget_past_holds()
  local owned, own, org = {}, 'account|' .. a.id .. '|', 'organization|' .. organization(a) .. '|'
  for _, key in ipairs(call('ZRANGE', HOLDS, 0, -1)) do
    local of_org = organization(a) ~= '' and string.sub(key, 1, #org) == org
    if of_org or string.sub(key, 1, #own) == own then owned[#owned + 1] = key end
  end
  drop_holds(owned)
  local forgotten = forget_learned(a)
  a.s[OUT_UNTIL] = 0
  if organization(a) ~= '' then unpark_organization(organization(a)) end
  if #owned > 0 or forgotten then tell('hold.cleared', 'account', a.id, 'actor', actor) end
end

if not open() then return { 'EMPTY' } end
local a = account(ARGV[2])
if not a then
  close()
  return { 0 }
end
roll(a)
if order == 'reset' then reset(a)
elseif order == 'force_open' then force(a, FORCED_OPEN)
elseif order == 'force_closed' then force(a, FORCED_CLOSED)
else clear_cooldown(a) end
place(a)
close()
return { 1 }
