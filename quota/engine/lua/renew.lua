-- Move a lease's deadline; optionally tell the breaker that the call has begun to answer well.
-- requires: fields calendar store capacity clients breaker holds learned index expiry
--
-- ARGV 2 lease  3 time to live (ms)  4 alive (0/1)
-- Returns {'EMPTY'} or {1} renewed, {0} gone

local id, ttl, alive = ARGV[2], tonumber(ARGV[3]), ARGV[4] == '1'

local function renew()
  reap()
  local l = recall(id)
  if not l or l[L_EXPIRED] > 0 then return { 0 } end
  l[L_DEADLINE] = now + ttl
  local a = account(l[L_ACCOUNT])
  if a then
    if a.s[PROBE] == id then a.s[PROBE_DEADLINE] = l[L_DEADLINE] end
    if alive then
      breaker_settle(a, id, l[L_GENERATION], 'success', '')
      l[L_GENERATION] = a.s[GENERATION]
    end
    roll(a)
    place(a)
  end
  call('HSET', LEASE, id, pack(l))
  call('ZADD', LEASES, l[L_DEADLINE], id)
  return { 1 }
end

if not open() then return { 'EMPTY' } end
local answer = renew()
close()
return answer
