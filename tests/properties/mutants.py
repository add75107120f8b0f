"""Bugs planted in the scripts, one at a time. Each is one that somebody has shipped, or nearly did here."""

from dataclasses import dataclass

from quota.engine.scripts import Scripts, assemble, source


@dataclass(frozen=True)
class Mutant:
    """In `part`.lua, `old` (which must stand there once) becomes `new`."""

    name: str
    part: str
    old: str
    new: str

    def scripts(self) -> Scripts:
        text = source(self.part)
        assert text.count(self.old) == 1, f"{self.name}: {self.old!r} stands {text.count(self.old)} times"
        return assemble(lambda part: text.replace(self.old, self.new) if part == self.part else source(part))


MUTANTS = (
    Mutant(
        "a limit admits one too many",
        "lease",
        "+ asked > amount and not (free",
        "+ asked > amount + 1 and not (free",
    ),
    Mutant(
        "held tokens are not counted",
        "capacity",
        "return s[USED_DAY + offset] + s[HELD_DAY + offset]",
        "return s[USED_DAY + offset]",
    ),
    Mutant(
        "the minute forgets a second early",
        "capacity",
        "return (slot + SLOTS) * 1000",
        "return (slot + SLOTS - 1) * 1000",
    ),
    Mutant("the day does not roll", "capacity", "clear_three(s, USED_DAY)", ""),
    Mutant("held tokens cross midnight", "capacity", "clear_three(s, HELD_DAY)", ""),
    Mutant("usage past the pool counts anew each time it is told", "foreign", " - (of_today and old[2 + i] or 0)", ""),
    Mutant(
        "yesterday's usage past the pool is taken from today's",
        "foreign",
        "= old[1] == day, month_of",
        "= true, month_of",
    ),
    Mutant("the month rolls every day", "capacity", "if s[THIS_MONTH] ~= month then", "if true then"),
    Mutant("a refund lands in a later day", "capacity", "if s[THIS_DAY] == day then swap", "if true then swap"),
    Mutant(
        "the settled minute keeps the estimate",
        "capacity",
        "if slot_end(slot) > now then adjust_slot(a, slot, r - was_r, t - was_t, c - was_c, create_slot) end",
        "",
    ),
    Mutant(
        "the load ignores what is in flight",
        "capacity",
        "local here = share(a.s[IN_FLIGHT], a.c[CAP])",
        "local here = 0",
    ),
    Mutant(
        "retry-after of a full day is the minute's",
        "capacity",
        "return window_end(a, window)\nend\n\nlocal function share",
        "return now + SOON_MS\nend\n\nlocal function share",
    ),
    Mutant(
        "the breaker opens one failure late",
        "breaker",
        "if s[FAILURES] >= pool[THRESHOLD]",
        "if s[FAILURES] > pool[THRESHOLD]",
    ),
    Mutant(
        "a success does not end the run",
        "breaker",
        "if verdict == 'success' then\n    s[FAILURES] = 0",
        "if verdict == 'success' then\n    s[FAILURES] = s[FAILURES]",
    ),
    Mutant(
        "an answer that is no success ends the run",
        "breaker",
        "if verdict == 'success' then\n    s[FAILURES] = 0",
        "if verdict ~= 'failure' then\n    s[FAILURES] = 0",
    ),
    Mutant(
        "open lasts a millisecond longer",
        "breaker",
        "if s[BREAKER] == OPEN and now < s[OPEN_UNTIL]",
        "if s[BREAKER] == OPEN and now <= s[OPEN_UNTIL]",
    ),
    Mutant(
        "half-open lets everybody probe",
        "breaker",
        "if s[BREAKER] == HALF_OPEN and s[PROBE] ~= '' then return 'probing', s[PROBE_DEADLINE] end",
        "",
    ),
    Mutant(
        "a neutral probe holds its slot for ever",
        "breaker",
        "if verdict == 'neutral' then return free_probe(s) end",
        "if verdict == 'neutral' then return end",
    ),
    Mutant(
        "a neutral probe closes the breaker", "breaker", "if verdict == 'neutral' then return free_probe(s) end", ""
    ),
    Mutant(
        "anybody's result decides half-open",
        "breaker",
        "if state == HALF_OPEN and s[PROBE] == lease then",
        "if state == HALF_OPEN then",
    ),
    Mutant(
        "late results of an older generation count",
        "breaker",
        "elseif state == CLOSED and s[GENERATION] == generation then",
        "elseif state == CLOSED then",
    ),
    Mutant(
        "one success closes whatever the setting",
        "breaker",
        "if s[SUCCESSES] + 1 >= pool[SUCCESSES_TO_CLOSE] then",
        "if true then",
    ),
    Mutant(
        "transitions keep their generation",
        "breaker",
        "s[BREAKER], s[GENERATION], s[SUCCESSES] = state, s[GENERATION] + 1, 0",
        "s[BREAKER], s[SUCCESSES] = state, 0",
    ),
    Mutant("a dead prober blocks for ever", "expiry", "if a.s[PROBE] == id then free_probe(a.s) end", ""),
    Mutant("a dead holder's slot never returns", "expiry", "a.s[IN_FLIGHT] = a.s[IN_FLIGHT] - 1", ""),
    Mutant(
        "an expired estimate is given back",
        "expiry",
        "1, l[L_TOKENS], l[L_COST], 1, l[L_TOKENS], l[L_COST], false)",
        "1, l[L_TOKENS], l[L_COST], 0, 0, 0, false)",
    ),
    Mutant(
        "an expired lease cannot be corrected", "expiry", "call('HSET', LEASE, id, pack(l))", "call('HDEL', LEASE, id)"
    ),
    Mutant("a lease asked for twice is paid twice", "lease", "if known then return reply(known) end", ""),
    Mutant("accounts already tried come up again", "lease", "if tried[a.id] or", "if"),
    Mutant(
        "the model list is not looked at",
        "lease",
        "if c[MODELS] and not c[MODELS][model] then meet('model_not_allowed', NEVER) end",
        "",
    ),
    Mutant(
        "the concurrency cap admits one more",
        "lease",
        "if a.c[CAP] >= 0 and a.s[IN_FLIGHT] >= a.c[CAP] then meet",
        "if a.c[CAP] >= 0 and a.s[IN_FLIGHT] > a.c[CAP] then meet",
    ),
    Mutant(
        "returning accounts make up for their absence",
        "lease",
        "local start = math.max(s[PASSED], clock[VIRTUAL_TIME])",
        "local start = s[PASSED]",
    ),
    Mutant(
        "a session never moves",
        "lease",
        "or whole_load(kept, group) > whole_load(found, group) + pool[AFFINITY_MARGIN] then",
        "then",
    ),
    Mutant(
        "only the head of the index is looked at",
        "lease",
        "if #ids < page then return end",
        "if true then return end",
    ),
    Mutant(
        "an early probe goes out at once again",
        "lease",
        "now < clock[EARLY_PROBED] + EARLY_PROBE_EVERY_MS",
        "now < clock[EARLY_PROBED]",
    ),
    Mutant(
        "a client's limits are not looked at",
        "lease",
        "local refused = who and limited(client(who[1], who[2]))",
        "local refused = nil",
    ),
    Mutant("the pool's limits are not looked at", "lease", " or limited(whole_pool())\n", "\n"),
    Mutant("a lease costs the pool nothing", "lease", "client_takes(whole_pool(), first_lease, tokens, cost)", ""),
    Mutant("the pool is given nothing back", "clients", "  give_back(whole_pool())\n", ""),
    Mutant("the pool is charged for no foreign grant", "settle", "  charge(whole_pool())\n", ""),
    Mutant("what is free is refused", "lease", "and not (free and asked == 0) then", "then"),
    Mutant("a client's lease costs it nothing", "lease", "if who then client_takes(", "if false then client_takes("),
    Mutant(
        "every attempt counts as a client's request",
        "lease",
        "local first_lease = tried_count == 0 and 1 or 0",
        "local first_lease = 1",
    ),
    Mutant(
        "a client's late settlement frees a slot again",
        "settle",
        "client_returns(l, not late, t, c)",
        "client_returns(l, true, t, c)",
    ),
    Mutant("a client's dead request stays in flight", "expiry", "client_returns(l, true, l[L_TOKENS], l[L_COST])", ""),
    Mutant(
        "a client's request is given back",
        "clients",
        "held, 0, l[L_TOKENS], l[L_COST], 0, tokens, cost, false)",
        "held, 1, l[L_TOKENS], l[L_COST], 0, tokens, cost, false)",
    ),
    Mutant("a client's windows do not roll", "clients", "  roll(found)\n", ""),
    Mutant("busy clients are forgotten by an edit", "clients", "if left == 0 then call", "if true then call"),
    Mutant("a client is charged for no foreign grant", "settle", "if l[L_CLIENT] ~= '' then", "if false then"),
    Mutant(
        "clients come back with nothing used",
        "configure",
        "call('HSET', CLIENTS, 's:' .. id, pack(restored(used)))",
        "",
    ),
    Mutant("settling twice charges twice", "settle", "call('HDEL', LEASE, id)", ""),
    Mutant(
        "a late settlement frees a slot again",
        "settle",
        "if not late then a.s[IN_FLIGHT]",
        "if true then a.s[IN_FLIGHT]",
    ),
    Mutant(
        "a wave of 529s opens every breaker",
        "settle",
        "count < 2 or count * 2 < enabled then return 'failure' end",
        "true then return 'failure' end",
    ),
    Mutant("one account's 529 is an outage", "settle", "count < 2 or count * 2 < enabled", "count < 1"),
    Mutant("a common cause condemns every key", "settle", "if #names < 2 then", "if true then"),
    Mutant("a foreign grant is charged twice", "settle", "or call('ZSCORE', ADOPTED, id) then", "then"),
    Mutant(
        "a later hold shortens the one in force", "holds", "or known >= until_ms then return end", "then return end"
    ),
    Mutant(
        "cool-downs of the organization are not seen",
        "holds",
        "if org ~= '' then\n    keys[4]",
        "if false then\n    keys[4]",
    ),
    Mutant(
        "the index does not follow the sliding minute", "index", "set_wake(a, load_changes_at(a))", "set_wake(a, 0)"
    ),
    Mutant(
        "parked accounts are not woken",
        "index",
        "for _, id in ipairs(call('ZRANGEBYSCORE', WAKE, '-inf', now,",
        "for _, id in ipairs(call('ZRANGEBYSCORE', WAKE, '-inf', 0,",
    ),
    Mutant(
        "an old configuration overwrites a newer one",
        "configure",
        "if loaded_before and given[VERSION] < pool[VERSION] then",
        "if false then",
    ),
    Mutant(
        "a clock far back goes unnoticed", "store", "if now < clock[SEEN_MS] - CLOCK_SLACK_MS then", "if false then"
    ),
    Mutant("what remains at Anthropic is not looked at", "lease", "  rate_limited(a, group, input, meet)\n", ""),
    Mutant(
        "a lease takes nothing of what remains at Anthropic",
        "learned",
        "  spend(r, 1, math.ceil(input * r[K_SHARE]), 0)\n",
        "",
    ),
    Mutant(
        "an older answer overwrites a newer one",
        "learned",
        " or told_ms <= r[K_ANCHOR] - SAME_MS then return end",
        " then return end",
    ),
    Mutant(
        "an answer forgets the calls under way",
        "learned",
        "for _, one in ipairs(since) do",
        "for _, one in ipairs({}) do",
    ),
    Mutant(
        "answers that overtook each other give back what was taken",
        "learned",
        "if r[at] > 0 and not anew then",
        "if false then",
    ),
    Mutant("accounts of one organization learn apart", "learned", "return (org ~= '' and ", "return (false and "),
    Mutant(
        "a settled call is under way for ever",
        "learned",
        "r[K_FLYING] = math.max(0, r[K_FLYING] - 1)",
        "r[K_FLYING] = r[K_FLYING]",
    ),
    Mutant("a dead holder's call is under way for ever", "expiry", "  save_record(learned_released(l))\n", ""),
    Mutant(
        "least loaded does not care what Anthropic has left", "lease", "if not found or whole < lowest", "if not found"
    ),
    Mutant(
        "a session stays where Anthropic has little left",
        "lease",
        "or whole_load(kept, group) > whole_load(found, group) + pool",
        "or load_of(kept) > load_of(found) + pool",
    ),
    Mutant("learning cannot be switched off", "learned", "  if pool[LEARNING] == 0 then return nil end\n", ""),
    Mutant(
        "a call larger than a limit of Anthropic's waits for ever",
        "learned",
        "need = math.min(math.max(1, math.ceil(input * r[K_SHARE])), limit)",
        "need = math.max(1, math.ceil(input * r[K_SHARE]))",
    ),
    Mutant("all estimated input counts", "learned", "if taken and taken[2] > 0 and said[3] > 0 then", "if false then"),
    Mutant(
        "clearing leaves what was learned", "control", "local forgotten = forget_learned(a)", "local forgotten = false"
    ),
    Mutant("what was learned is never forgotten", "configure", "  forget_idle_records()\n", ""),
)
