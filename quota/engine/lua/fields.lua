-- Names of everything the scripts share: keys, places in packed records, numbers. Names of constants are replaced by
-- what they stand for, and functions gathered in one table, before Redis sees them (inlining.py, trimming.py).
--
-- KEYS of every script, in this order; all carry the pool's hash tag and so live on one node:
--   1 settings   string  packed pool settings; its absence means "not loaded", never "zero"
--   2 clock      string  packed: turn, virtual time, latest time seen, latest outage told, latest early probe
--   3 accounts   hash    c:<id> configuration, s:<id> state, m:<id> the last minute (see capacity.lua), f:<id> foreign.lua's
--   4 ready      zset    accounts that could serve somebody now, in the order of the strategy
--   5 wake       zset    account -> when time alone changes its place (parked ones; least loaded: ready ones too)
--   6 leases     zset    lease -> deadline
--   7 lease      hash    lease -> packed record, expired ones included
--   8 expired    zset    expired lease -> when to forget it
--   9 holds      zset    <scope>|<owner>|<group>|<model> -> until
--  10 whys       hash    the same -> why
--  11 waves      zset    o|<account> and r|<account> -> when it last saw a 529 / a rejected key
--  12 adopted    zset    foreign leases already charged -> when to forget them
--  13 events     stream  facts, appended in the step that made them true
--  14 clients    hash    s:<id> state, m:<id> the last minute, of those who ask (as of an account); '' is the whole pool
--  15 learned    hash    <scope>|<owner>|<group> -> what Anthropic said of its limits (see learned.lua)
--  16 session    string  (lease only) the account this session is on
-- ARGV[1] of every script: the time in milliseconds, or '' for the server's own clock (always, outside tests).

local SETTINGS, CLOCK, ACCOUNTS, READY, WAKE, LEASES, LEASE = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7]
local EXPIRED, HOLDS, WHYS, WAVES, ADOPTED, EVENTS = KEYS[8], KEYS[9], KEYS[10], KEYS[11], KEYS[12], KEYS[13]
local CLIENTS, LEARNED, SESSION = KEYS[14], KEYS[15], KEYS[16]

local NEVER = 4503599627370496
local SETTLEMENT = NEVER - 1 -- parked until a call under way ends: sorts before those that wait for a person
local DAY_MS = 86400000
local SOON_MS = 1000
local LATE_SETTLE_MS = 86400000
local CLOCK_SLACK_MS = 5000
local AT_ONCE = 100 -- overdue leases and due accounts handled by one call

-- settings
local VERSION, STRATEGY, AFFINITY, AFFINITY_TTL, AFFINITY_MARGIN = 1, 2, 3, 4, 5
local THRESHOLD, OPEN_MS, SUCCESSES_TO_CLOSE, EARLY_PROBE, OUTAGE_GUARD = 6, 7, 8, 9, 10
local POOL_NAME, EPOCH, ENABLED_COUNT = 11, 12, 13 -- and 14: whether to serve while the store is away
local POOL_LIMITS = 15 -- as in an account's configuration; they hold for all accounts and clients together
local LEARNING = 16 -- whether to go by what Anthropic says of its own limits

-- clock
local TURN, VIRTUAL_TIME, SEEN_MS, OUTAGE_TOLD, EARLY_PROBED = 1, 2, 3, 4, 5

-- an account's configuration; limits is a flat list of metric (1 requests, 2 tokens, 3 cost), window, amount
local ENABLED, PRIORITY, WEIGHT, CAP, MODELS, LIMITS, ORGANIZATION = 1, 2, 3, 4, 5, 6, 7
local MINUTE, DAY, MONTH = 1, 2, 3

-- an account's state; USED_*, HELD_* and LAST_MINUTE are the first of three: requests, tokens, cost
local MEMBER, WAKE_AT, IN_FLIGHT, PASSED, LAST_TURN, LAST_USED = 1, 2, 3, 4, 5, 6
local THIS_DAY, THIS_MONTH, USED_DAY, USED_MONTH, HELD_DAY, HELD_MONTH, LAST_MINUTE = 7, 8, 9, 12, 15, 18, 21
local BREAKER, MODE, GENERATION, FAILURES, SUCCESSES = 24, 25, 26, 27, 28
local OPEN_UNTIL, PROBE, PROBE_DEADLINE, WHY, LEARNED_ORG, OUT_UNTIL = 29, 30, 31, 32, 33, 34
local CLOSED, OPEN, HALF_OPEN = 0, 1, 2
local AUTO, FORCED_OPEN, FORCED_CLOSED = 0, 1, 2

-- a lease's record
local L_ACCOUNT, L_GENERATION, L_PROBE, L_GRANTED, L_DEADLINE, L_DAY = 1, 2, 3, 4, 5, 6
local L_STICKY, L_MOVED, L_TOKENS, L_COST, L_EPOCH, L_NOTE, L_EXPIRED, L_CLIENT = 7, 8, 9, 10, 11, 12, 13, 14
local L_TAKEN = 15 -- what it took of a record below: key, input, and the record's total with it; or nothing

-- what was learned of a group's limits; K_TOTAL is the first of three: requests, input, output; K_BUCKETS of four
-- times three: limit, window, full at; of requests, input tokens, output tokens, tokens
local K_AT, K_ANCHOR, K_FLYING, K_OUTPUT, K_SHARE, K_TOTAL, K_BUCKETS, K_SECONDS = 1, 2, 3, 4, 5, 6, 9, 21
