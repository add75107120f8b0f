"""Who waits is served in turn, at once when a place comes free, and never longer than he may wait."""

import asyncio
from dataclasses import replace
from heapq import heappop, heappush
from itertools import count

import pytest

from quota.engine.errors import EngineUnavailable
from quota.engine.types import Account, Hold, Limit, Metric, PoolSettings, Scope, Settlement, Strategy, Verdict, Window
from tests.gateway.cast import NOON, POOL, HandClock, fails, ok, stage

OPUS, SONNET = "opus-5", "sonnet-5-5"
ONE_AT_A_TIME = Account(id="alpha", max_concurrency=1)
LONG = 60_000


async def others_go_on():
    """Let everybody do what can be done without time passing."""
    for _ in range(100):
        await asyncio.sleep(0)


class Alarms(HandClock):
    """Who sleeps is woken when the clock has been wound so far, in the order of the alarms."""

    def __init__(self):
        super().__init__()
        self.alarms = []
        self.numbers = count()

    async def sleep(self, seconds):
        self.slept.append(seconds)
        alarm = asyncio.Event()
        heappush(self.alarms, (self.ms + round(seconds * 1_000), next(self.numbers), alarm))
        await alarm.wait()

    async def let_pass(self, seconds):
        until = self.ms + round(seconds * 1_000)
        await others_go_on()
        while self.alarms and self.alarms[0][0] <= until:
            self.ms, _, alarm = heappop(self.alarms)
            alarm.set()
            await others_go_on()
        self.ms = until


class Overheard:
    """An engine, and who has asked it in which order. `hears` and `records` may hold an ask and an end up, or raise."""

    def __init__(self, engine):
        self.engine = engine
        self.asked = []
        self.hears = None
        self.records = None

    async def lease(self, request):
        self.asked.append(request.lease_id)
        answer = await self.engine.lease(request)
        if self.hears is not None:
            await self.hears()
        return answer

    async def emit(self, pool, events):
        if self.records is not None:
            await self.records()
        await self.engine.emit(pool, events)

    def __getattr__(self, name):
        return getattr(self.engine, name)


class Counter:
    """A pool at which people queue: `served` and `turned_away` say who got what, in which order."""

    def __init__(self, *accounts, **scripts):
        self.accounts = list(accounts) or [ONE_AT_A_TIME]
        scripts = scripts or {account.id: [ok()] for account in self.accounts}
        settings = PoolSettings(version=1, strategy=Strategy.PRIORITY)
        self.scene = stage(**scripts, accounts=self.accounts, clock=Alarms(), settings=settings)
        self.clock = self.scene.clock
        self.engine = Overheard(self.scene.engine)
        self.ports = replace(self.scene.ports, engine=self.engine)
        self.room = self.ports.room
        self.served = []
        self.turned_away = {}
        self.runs = {}
        self.tasks = {}

    async def open(self, *, busy=True):
        """Open, with somebody being served for as long as `work` is not set."""
        await self.scene.load(POOL)
        self.work = asyncio.Event()
        if busy:
            await self.occupy()
        return self

    async def occupy(self, **options):
        answers, first = self.scene.upstream.scripts["alpha"], ok("first")

        async def works():
            await self.work.wait()
            return first

        answers.appendleft(works)
        await self.come("first", **options)

    async def come(self, *names, **options):
        for name in names:
            self.runs[name] = self.scene.run(ports=self.ports, **{"activity": name, "wait_ms": LONG, **options})
            self.tasks[name] = asyncio.create_task(self.attend(name))
            await others_go_on()

    async def attend(self, name):
        response = await self.runs[name].respond()
        if response.status == 200:
            self.served.append(name)
        else:
            self.turned_away[name] = response

    async def lend_elsewhere(self, **options):
        """Let another process take a place. What it gives back, nobody here is told."""
        return await self.scene.engine.lease(self.scene.run(**{"activity": "elsewhere", **options})._command.request)

    async def free_elsewhere(self, lease):
        await self.scene.engine.settle(POOL, lease.id, Settlement(verdict=Verdict.SUCCESS))
        await others_go_on()

    async def cool_down(self, account, *, group):
        """Let another process find that the account may not serve this model group for a while."""
        lease = await self.lend_elsewhere(only=account)
        hold = Hold(Scope.ACCOUNT, "throttle", for_ms=30_000, group=group)
        await self.scene.engine.settle(POOL, lease.id, Settlement(verdict=Verdict.ALIVE, holds=(hold,)))

    async def finish(self):
        """The one being served is done."""
        self.work.set()
        await others_go_on()

    async def leave(self, name):
        self.tasks[name].cancel()
        await others_go_on()

    def waiting(self):
        return [name for name, run in self.runs.items() if run.waiting]

    async def is_empty(self):
        await self.scene.background.drain(timeout=1)
        await others_go_on()
        self.ports.room.free(POOL)  # nobody is there to be called
        return (self.room.waiting(POOL), self.room._queues, await self.scene.leases()) == (0, {}, 0)


def said(response):
    return dict(response.headers).get("retry-after")


TEN = tuple(f"guest-{number}" for number in range(10))


async def test_ten_waiters_are_served_in_the_order_they_came():
    counter = await Counter().open()
    await counter.come(*TEN)
    assert counter.waiting() == list(TEN)
    await counter.finish()
    assert counter.served == ["first", *TEN]
    assert await counter.is_empty()


async def test_only_the_head_of_the_line_asks():
    counter = await Counter().open()
    await counter.come(*TEN)
    await counter.clock.let_pass(2)
    assert set(counter.engine.asked) == {"first.1", "guest-0.1"}
    assert counter.engine.asked.count("guest-0.1") == 1 + 8


async def test_those_behind_the_head_sleep_until_they_are_called():
    counter = await Counter().open()
    await counter.come(*TEN)
    await counter.clock.let_pass(2)
    assert counter.clock.slept.count(LONG / 1_000) == 9


async def test_who_is_being_served_is_in_nobodys_way():
    counter = await Counter(Account(id="alpha", max_concurrency=2)).open(busy=False)
    lent = [await counter.lend_elsewhere(activity=f"elsewhere-{number}") for number in range(2)]
    await counter.occupy()
    await counter.come("anna")
    for lease in lent:
        await counter.free_elsewhere(lease)
    await counter.clock.let_pass(0.25)
    assert (counter.served, counter.waiting()) == (["anna"], [])


async def test_those_who_come_later_hear_what_the_head_was_told_last():
    counter = await Counter(Account(id="alpha", max_concurrency=2)).open()
    lent = await counter.lend_elsewhere()
    await counter.come("anna")
    hold = Hold(Scope.ACCOUNT, "throttle", for_ms=30_000)
    await counter.scene.engine.settle(POOL, lent.id, Settlement(verdict=Verdict.ALIVE, holds=(hold,)))
    await counter.clock.let_pass(1)
    await counter.come("bert", wait_ms=0)
    assert said(counter.turned_away["bert"]) == "29"


async def test_a_settlement_wakes_the_head_without_a_poll():
    counter = await Counter().open()
    await counter.come("anna")
    before = counter.clock.now_ms()
    await counter.finish()
    assert (counter.served, counter.clock.now_ms()) == (["first", "anna"], before)


@pytest.mark.parametrize("polls", [0, 3])
async def test_a_settlement_made_while_somebody_is_being_refused_is_not_missed(polls):
    counter = await Counter().open()
    refused = asyncio.Event()
    if not polls:
        counter.engine.hears = refused.wait
    await counter.come("anna")
    counter.engine.hears = refused.wait
    await counter.clock.let_pass(polls * 0.25)
    before = counter.clock.now_ms()
    await counter.finish()
    refused.set()
    await others_go_on()
    assert (counter.served, counter.clock.now_ms()) == (["first", "anna"], before)


async def test_a_place_freed_by_another_process_is_found_by_the_poll():
    counter = await Counter().open(busy=False)
    lent = await counter.lend_elsewhere()
    await counter.come("anna", "bert")
    await counter.free_elsewhere(lent)
    assert counter.served == []
    await counter.clock.let_pass(0.25)
    assert counter.served == ["anna", "bert"]


async def test_a_newcomer_does_not_overtake():
    counter = await Counter().open(busy=False)
    lent = await counter.lend_elsewhere()
    await counter.come("anna")
    await counter.free_elsewhere(lent)
    await counter.come("bert")  # there is a place now, and only anna's next look will show it
    assert counter.waiting() == ["anna", "bert"]
    await counter.clock.let_pass(0.25)
    assert counter.served == ["anna", "bert"]


async def test_a_newcomer_who_may_not_wait_does_not_overtake_either():
    counter = await Counter().open(busy=False)
    lent = await counter.lend_elsewhere()
    await counter.come("anna")
    await counter.free_elsewhere(lent)
    await counter.come("bert", wait_ms=0)
    assert counter.turned_away["bert"].status == 429
    assert "bert.1" not in counter.engine.asked


@pytest.mark.parametrize("leaver", ["anna", "bert", "carl"])
async def test_a_cancelled_waiter_lets_the_next_go_on(leaver):
    counter = await Counter().open()
    await counter.come("anna", "bert", "carl")
    await counter.leave(leaver)
    await counter.finish()
    assert counter.served == ["first", *(name for name in ("anna", "bert", "carl") if name != leaver)]
    assert await counter.is_empty()


async def test_when_the_head_leaves_the_next_asks_at_once():
    counter = await Counter().open()
    await counter.come("anna", "bert")
    await counter.leave("anna")
    assert counter.engine.asked[-1] == "bert.1"
    assert counter.clock.now_ms() == NOON


async def test_when_the_head_gives_up_the_next_does_not_wait_for_its_record():
    counter = await Counter().open()
    await counter.come("anna", wait_ms=1_000)
    await counter.come("bert")
    recorded = asyncio.Event()
    counter.engine.records = recorded.wait
    await counter.clock.let_pass(1)
    assert (counter.engine.asked[-1], counter.waiting()) == ("bert.1", ["bert"])
    recorded.set()


async def test_a_head_called_at_the_moment_it_leaves_passes_the_call_on():
    counter = await Counter().open()
    await counter.come("anna", "bert")
    counter.room.free(POOL)
    counter.tasks["anna"].cancel()
    await counter.finish()
    assert counter.served == ["first", "bert"]


async def test_a_head_that_leaves_while_it_asks_gives_back_what_it_was_granted():
    counter = await Counter().open()
    await counter.come("anna", "bert")
    counter.engine.hears = asyncio.Event().wait  # granted, and nobody hears of it
    await counter.finish()
    assert counter.engine.asked[-1] == "anna.1"
    counter.engine.hears = None
    await counter.leave("anna")
    assert counter.served == ["first", "bert"]
    assert await counter.is_empty()


async def test_a_line_for_one_model_group_does_not_hold_up_another():
    counter = await Counter(Account(id="alpha", max_concurrency=2)).open()
    await counter.cool_down("alpha", group=OPUS)
    await counter.come("anna", "bert", group=OPUS)
    await counter.come("carl", group=SONNET)
    assert (counter.served, counter.waiting()) == (["carl"], ["anna", "bert"])


async def test_who_may_go_to_one_account_only_does_not_hold_up_the_others():
    counter = await Counter(ONE_AT_A_TIME, Account(id="beta", priority=200)).open()
    await counter.come("anna", only="alpha")
    await counter.come("bert")
    assert (counter.served, counter.waiting()) == (["bert"], ["anna"])


async def test_who_has_failed_on_an_account_does_not_keep_others_from_it():
    counter = await Counter(ONE_AT_A_TIME, Account(id="beta", max_concurrency=1, priority=200)).open(busy=False)
    lent = await counter.lend_elsewhere(only="beta")
    counter.scene.upstream.scripts["alpha"].appendleft(fails(500))
    await counter.come("anna")  # fails on alpha, and waits for beta
    await counter.come("bert")
    assert (counter.served, counter.waiting()) == (["bert"], ["anna"])
    await counter.free_elsewhere(lent)
    await counter.clock.let_pass(0.25)
    assert counter.served == ["bert", "anna"]


async def test_who_waited_keeps_the_lease_id_of_his_attempt():
    counter = await Counter().open()
    await counter.come("anna", "bert")
    await counter.clock.let_pass(1)
    await counter.finish()
    assert set(counter.engine.asked) == {"first.1", "anna.1", "bert.1"}


async def test_when_the_time_is_up_all_hear_the_soonest_time_to_come_back():
    counter = await Counter(Account(id="alpha", limits=(Limit(Metric.REQUESTS, Window.MINUTE, 1),))).open(busy=False)
    await counter.come("first")
    await counter.come("anna", "bert", "carl", wait_ms=5_000)
    await counter.clock.let_pass(5)
    answers = [counter.turned_away[name] for name in ("anna", "bert", "carl")]
    assert [response.status for response in answers] == [429] * 3
    assert len({said(response) for response in answers}) == 1
    assert 54 <= int(said(answers[0])) <= 56
    assert await counter.is_empty()


async def test_who_has_less_time_than_the_head_leaves_before_it():
    counter = await Counter().open()
    await counter.come("anna")
    await counter.come("bert", wait_ms=1_000)
    await counter.come("carl")
    await counter.clock.let_pass(1)
    assert counter.turned_away["bert"].status == 429
    await counter.finish()
    assert counter.served == ["first", "anna", "carl"]
    assert await counter.is_empty()


async def test_a_head_that_hangs_keeps_nobody_beyond_his_time():
    counter = await Counter().open()
    await counter.come("anna")
    counter.engine.hears = asyncio.Event().wait
    await counter.come("bert", wait_ms=2_000)
    await counter.clock.let_pass(2)
    assert counter.turned_away["bert"].status == 429
    await counter.leave("anna")


async def test_an_engine_that_goes_away_turns_the_line_away_instead_of_keeping_it():
    async def gone():
        raise EngineUnavailable

    counter = await Counter().open()
    await counter.come("anna", "bert", "carl")
    counter.engine.hears = gone
    await counter.clock.let_pass(0.25)
    assert [response.status for response in counter.turned_away.values()] == [503] * 3
    assert counter.waiting() == []


async def test_a_full_room_turns_newcomers_away_with_what_the_line_was_told():
    limited = Account(id="alpha", limits=(Limit(Metric.REQUESTS, Window.MINUTE, 1),))
    counter = await Counter(limited).open(busy=False)
    await counter.come("first")
    await counter.come("anna", "bert", seats=2, wait_ms=LONG)
    await counter.clock.let_pass(10)
    await counter.come("carl", seats=2)
    assert counter.turned_away["carl"].status == 429
    assert 49 <= int(said(counter.turned_away["carl"])) <= 51
    assert "too many wait already" in counter.runs["carl"].ended.decision[0]
    assert "carl.1" not in counter.engine.asked


async def test_the_seats_of_a_pool_are_shared_by_its_lines():
    counter = await Counter().open()
    await counter.come("anna", group=OPUS, seats=1)
    await counter.come("bert", group=SONNET, seats=1)
    assert (counter.waiting(), list(counter.turned_away)) == (["anna"], ["bert"])


async def test_when_nobody_waits_nobody_sleeps_and_nothing_is_kept():
    counter = await Counter(Account(id="alpha")).open(busy=False)
    await counter.come(*TEN)
    assert counter.served == list(TEN)
    assert len(counter.engine.asked) == 10
    assert await counter.is_empty()


async def test_whatever_comes_of_them_no_place_stays_taken():
    counter = await Counter().open()
    await counter.come(*TEN[:5], wait_ms=2_000)
    await counter.come(*TEN[5:])
    for name in ("guest-1", "guest-5", "guest-7"):
        await counter.leave(name)
    await counter.clock.let_pass(2)
    assert sorted(counter.turned_away) == ["guest-0", "guest-2", "guest-3", "guest-4"]
    await counter.finish()
    assert counter.served == ["first", "guest-6", "guest-8", "guest-9"]
    assert await counter.is_empty()
