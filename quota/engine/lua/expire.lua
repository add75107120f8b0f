-- Settle overdue leases and wake due accounts without waiting for a lease to do it.
-- requires: fields calendar store capacity clients breaker holds learned index expiry
--
-- Returns {'EMPTY'} or {number of leases settled}

if not open() then return { 'EMPTY' } end
local count = reap()
wake_due()
close()
return { count }
