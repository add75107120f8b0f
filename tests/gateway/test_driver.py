"""A request is carried out: leased, sent, judged, settled, whatever happens on the way."""

import asyncio
import json
from dataclasses import replace

import pytest

from accounts.errors import BaseUrlRefused, DirectoryUnavailable, UndecryptableKey, UnknownAccount
from gateway.errors import DeadlinePassed, UnableToConnect, UnusableRequest
from gateway.replies import Fault
from gateway.wire import Request
from quota.engine.errors import EngineUnavailable
from quota.engine.types import Account, BreakerState, Limit, Metric, PoolSettings, Strategy, Window
from quota.records import ActivityEnded, ActivityProgress, ActivityStarted
from tests.gateway.cast import CUT, MODEL, SECRET, Keyring, Stage, fails, ok, stage

IN_ORDER = PoolSettings(version=1, strategy=Strategy.PRIORITY)


def in_order(*names):
    return [Account(id=name, priority=place) for place, name in enumerate(names)]


def three(alpha, beta, gamma=None, **options):
    scripts = {"alpha": [alpha], "beta": [beta], "gamma": [gamma or ok("from gamma")]}
    return stage(**scripts, settings=IN_ORDER, accounts=in_order(*scripts), **options)


def text_of(response):
    return json.loads(response.body)["content"][0]["text"]


def error_of(response):
    return json.loads(response.body)["error"]


def ended(scene: Stage) -> ActivityEnded:
    return ActivityEnded.from_json(scene.events[-1].payload)


async def test_a_good_answer_comes_back_byte_for_byte():
    answer = ok("Hello")
    scene = stage(alpha=[answer])
    _, response = await scene.respond()
    assert (response.status, response.body) == (200, answer.chunks[0])
    assert dict(response.headers)["request-id"] == "req_1"


async def test_an_empty_engine_is_loaded_once_and_the_request_goes_on():
    scene = stage(alpha=[ok()])
    _, response = await scene.respond()
    assert (response.status, scene.loads) == (200, 1)


async def test_a_pool_that_cannot_be_loaded_answers_503():
    async def refuses(_pool):
        raise RuntimeError("no database")

    scene = stage(alpha=[ok()])
    _, response = await scene.respond(ports=replace(scene.ports, reload=refuses))
    assert (response.status, error_of(response)["type"]) == (503, "api_error")
    assert scene.types() == ["activity.started", "activity.failed"]


async def test_a_failure_moves_on_to_an_account_not_yet_tried():
    scene = three(fails(500), fails(503), ok("from gamma"))
    run, response = await scene.respond()
    assert text_of(response) == "from gamma"
    assert [account for account, _ in scene.upstream.sent] == ["alpha", "beta", "gamma"]
    assert len(run.ended.attempts) == 3


async def test_three_failures_are_enough():
    scene = three(fails(500), fails(502), fails(503))
    _, response = await scene.respond()
    assert (response.status, len(scene.upstream.sent)) == (502, 3)
    assert error_of(response)["type"] == "api_error"


async def test_an_account_at_its_limit_uses_up_no_attempt():
    names = ("a", "b", "c", "d", "e")
    scripts = dict(
        zip(names, ([fails(429, retry_after="9")], [fails(500)], [fails(401)], [fails(500)], [ok("e")]), strict=True)
    )
    scene = stage(**scripts, settings=IN_ORDER, accounts=in_order(*names))
    _, response = await scene.respond()
    assert text_of(response) == "e"


async def test_an_overload_is_tried_elsewhere_once():
    overloaded = fails(529, "overloaded_error")
    scene = three(overloaded, overloaded)
    _, response = await scene.respond()
    assert (response.status, len(scene.upstream.sent)) == (529, 2)
    assert dict(response.headers)["retry-after"] == "2"


async def test_the_callers_own_mistake_is_passed_on_unchanged_at_once():
    mistake = fails(400, "invalid_request_error", "messages: at least one is required")
    scene = three(mistake, ok())
    _, response = await scene.respond()
    assert (response.status, response.body, len(scene.upstream.sent)) == (400, mistake.chunks[0], 1)


async def test_when_all_are_throttled_the_caller_hears_the_soonest_time():
    scene = three(*(fails(429, "rate_limit_error", retry_after=wait) for wait in ("30", "8", "90")))
    _, response = await scene.respond()
    assert (response.status, dict(response.headers)["retry-after"]) == (429, "8")
    assert "x-should-retry" not in dict(response.headers)


async def test_a_throttle_is_a_more_useful_answer_than_the_failure_after_it():
    scene = three(fails(429, "rate_limit_error", retry_after="8"), fails(500), fails(503))
    _, response = await scene.respond()
    assert (response.status, dict(response.headers)["retry-after"]) == (429, "8")


async def test_retrying_is_discouraged_where_it_is_pointless():
    limit = "You have reached your specified API usage limits."
    scene = stage(alpha=[fails(400, "invalid_request_error", limit)])
    _, response = await scene.respond()
    assert (response.status, dict(response.headers)["x-should-retry"]) == (429, "false")
    assert int(dict(response.headers)["retry-after"]) > 86_400


async def test_callers_never_see_that_our_key_was_refused():
    scene = stage(alpha=[fails(401, "authentication_error", f"invalid x-api-key {SECRET}")])
    _, response = await scene.respond()
    assert (response.status, error_of(response)["type"]) == (503, "api_error")
    assert SECRET not in str(response)


async def test_a_request_that_no_account_may_serve_is_not_found():
    scene = stage(alpha=[ok()], accounts=[Account(id="alpha", models=("claude-opus-5",))])
    _, response = await scene.respond()
    assert (response.status, error_of(response)["type"]) == (404, "not_found_error")
    assert dict(response.headers)["x-should-retry"] == "false"


async def test_a_request_waits_until_a_limit_lets_it_through():
    limited = Account(id="alpha", limits=(Limit(Metric.REQUESTS, Window.MINUTE, 1),))
    scene = stage(alpha=[ok()], accounts=[limited])
    await scene.respond()
    _, response = await scene.respond(activity="activity-2", wait_ms=61_000)
    assert response.status == 200
    assert 59 <= sum(scene.clock.slept) <= 61


async def test_a_request_that_would_wait_too_long_hears_when_to_come_back():
    limited = Account(id="alpha", limits=(Limit(Metric.REQUESTS, Window.DAY, 1),))
    scene = stage(alpha=[ok()], accounts=[limited])
    await scene.respond()
    _, response = await scene.respond(activity="activity-2", wait_ms=1_000)
    headers = dict(response.headers)
    assert (response.status, headers["x-should-retry"]) == (429, "false")
    assert 43_000 <= int(headers["retry-after"]) <= 43_200
    assert sum(scene.clock.slept) <= 1.1


async def test_when_too_many_wait_already_a_request_is_refused_at_once():
    limited = Account(id="alpha", limits=(Limit(Metric.REQUESTS, Window.MINUTE, 1),))
    scene = stage(alpha=[ok()], accounts=[limited])
    await scene.respond()
    _, response = await scene.respond(activity="activity-2", wait_ms=61_000, seats=0)
    assert (response.status, scene.clock.slept) == (429, [])
    assert "too many wait already" in ended(scene).decision[0]


async def test_who_has_waited_leaves_the_room():
    limited = Account(id="alpha", limits=(Limit(Metric.REQUESTS, Window.MINUTE, 1),))
    scene = stage(alpha=[ok()], accounts=[limited])
    for number in range(3):
        _, response = await scene.respond(activity=f"activity-{number}", wait_ms=61_000, seats=1)
        assert response.status == 200
    assert scene.ports.room.waiting("pool") == 0


async def test_an_engine_that_is_gone_answers_503():
    class Gone:
        async def lease(self, _request):
            raise EngineUnavailable

        async def settle(self, *_):
            raise EngineUnavailable

        async def emit(self, *_):
            raise EngineUnavailable

    scene = stage(alpha=[ok()])
    _, response = await scene.respond(ports=replace(scene.ports, engine=Gone()))
    assert response.status == 503
    assert scene.upstream.sent == []
    await scene.background.drain(timeout=1)


async def test_a_refusal_s_end_is_told_though_the_engine_was_gone_at_that_moment():
    scene = stage(alpha=[ok()])

    class GoneForAMoment:
        settle = scene.engine.settle
        told = 0

        async def lease(self, _request):
            raise EngineUnavailable

        async def emit(self, pool, events):
            self.told += 1
            if self.told == 1:
                raise EngineUnavailable
            await scene.engine.emit(pool, events)

    await scene.respond(ports=replace(scene.ports, engine=GoneForAMoment()))
    await scene.background.drain(timeout=1)
    assert ended(scene).ok is False


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UnableToConnect(Fault.CONNECT), 503),
        (UnableToConnect(Fault.CONNECT_TIMEOUT), 503),
        (DeadlinePassed(Fault.FIRST_BYTE_TIMEOUT), 504),
        (CUT, 502),
    ],
)
async def test_a_network_fault_counts_against_the_account_and_moves_on(error, status):
    scene = three(error, ok("from beta"))
    _, response = await scene.respond()
    assert text_of(response) == "from beta"
    assert (await scene.state("alpha")).failures == 1
    lonely = stage(alpha=[error])
    _, response = await lonely.respond()
    assert response.status == status


async def test_what_never_left_us_is_given_back():
    scene = stage(alpha=[UnableToConnect(Fault.CONNECT)])
    await scene.respond()
    state = await scene.state("alpha")
    assert (state.day_requests, state.day_tokens, state.day_cost) == (0, 0, 0)


async def test_what_may_have_been_billed_is_charged_as_estimated():
    scene = stage(alpha=[DeadlinePassed(Fault.FIRST_BYTE_TIMEOUT)])
    await scene.respond()
    state = await scene.state("alpha")
    assert (state.day_requests, state.day_tokens, state.day_cost) == (1, 100, 1_000)


async def test_an_estimate_is_told_apart_from_what_was_reported():
    scene = three(DeadlinePassed(Fault.FIRST_BYTE_TIMEOUT), ok(input_tokens=10, output_tokens=5))
    run, _ = await scene.respond()
    late, good = run.ended.attempts
    assert (late.usage.total, late.estimated_tokens, late.charged_tokens) == (0, 100, 100)
    assert (good.usage.total, good.estimated_tokens, good.charged_tokens) == (15, 0, 15)
    assert run.ended.usage == good.usage
    assert run.ended.cost_nano == late.cost_nano + good.cost_nano


async def test_what_was_refused_counts_as_a_request_and_costs_nothing():
    scene = stage(alpha=[fails(500)])
    await scene.respond()
    state = await scene.state("alpha")
    assert (state.day_requests, state.day_tokens, state.day_cost) == (1, 0, 0)


async def test_what_was_answered_is_charged_as_reported():
    scene = stage(alpha=[ok(input_tokens=10, output_tokens=5)])
    run, _ = await scene.respond()
    state = await scene.state("alpha")
    assert (state.day_tokens, state.day_cost) == (15, 10 * 2_000 + 5 * 10_000)
    assert run.ended.price_known


async def test_an_unknown_model_is_priced_visibly_at_the_highest_price():
    body = {"model": "claude-unheard-of", "usage": {"input_tokens": 1_000, "output_tokens": 0}}
    answer = ok()
    answer.chunks = [json.dumps(body).encode()]
    scene = stage(alpha=[answer])
    run, _ = await scene.respond(model="claude-unheard-of")
    assert not run.ended.price_known
    assert run.ended.cost_nano >= 1_000 * 10_000


async def test_an_activity_starts_progresses_and_completes():
    scene = three(fails(500), ok("from beta"))
    await scene.respond()
    started, progress, completed = scene.events
    assert ActivityStarted.from_json(started.payload).model == MODEL
    assert ActivityProgress.from_json(progress.payload).outcome == "server_error"
    record = ActivityEnded.from_json(completed.payload)
    assert (record.ok, record.account, [a.account for a in record.attempts]) == (True, "beta", ["alpha", "beta"])


async def test_the_decision_chain_says_who_was_chosen_why_and_what_came_of_it():
    scene = three(fails(500), ok("from beta"))
    await scene.respond(strategy="priority")
    assert list(ended(scene).decision) == [
        "attempt 1: account alpha (priority), server_error: http 500 api_error, 0 ms, next account",
        "attempt 2: account beta (priority), success: http 200, 0 ms, the end",
    ]


async def test_a_refusal_is_in_the_decision_chain_with_each_accounts_reason():
    scene = three(ok(), ok())
    await scene.respond()
    for name in ("alpha", "beta", "gamma"):
        await scene.engine.force_open("pool", name, actor="alice")
    scene.events.clear()
    _, response = await scene.respond(activity="activity-2")
    assert response.status == 503
    assert scene.types() == ["activity.started", "activity.failed"]
    assert "alpha forced_open" in ended(scene).decision[0]


async def test_no_key_is_in_any_event():
    scene = stage(alpha=[fails(500, message=f"echo {SECRET}"), fails(400, "invalid_request_error", SECRET)])
    await scene.respond()
    await scene.respond(activity="activity-2")
    assert SECRET not in str(scene.events)
    assert "CANARY" not in str(scene.events)


async def test_five_failures_in_a_row_open_the_breaker():
    scene = stage(alpha=[fails(500)])
    for number in range(5):
        await scene.respond(activity=f"activity-{number}")
    state = await scene.state("alpha")
    assert (state.breaker, state.breaker_why) == (BreakerState.OPEN, "http 500 api_error")


@pytest.mark.parametrize("why", [UndecryptableKey("alpha", "another key"), UnknownAccount("alpha")])
async def test_an_account_without_a_usable_key_is_passed_over(why):
    scene = three(ok("from alpha"), ok("from beta"), keyring=Keyring(alpha=why))
    _, response = await scene.respond()
    assert text_of(response) == "from beta"
    assert (await scene.state("alpha")).day_requests == 0


FOREIGN = BaseUrlRefused("account 'alpha' names a foreign address", origin="https://proxy.example:8443")
SEALED = UndecryptableKey("account 'alpha'", "another key")


@pytest.mark.parametrize("why", [SEALED, FOREIGN])
async def test_what_only_this_process_cannot_use_is_left_as_it_was_for_the_others(why):
    scene = three(ok("from alpha"), ok("from beta"), keyring=Keyring(alpha=why))
    await scene.load("pool")
    before = await scene.state("alpha")
    for number in range(6):
        await scene.respond(activity=f"activity-{number}")
    assert replace(await scene.state("alpha"), last_used_ms=0, last_turn=0, passed=0) == before
    assert await scene.leases() == 0


@pytest.mark.parametrize("why", [SEALED, FOREIGN])
async def test_what_only_this_process_cannot_use_costs_no_attempt(why):
    names = ("a", "b", "c", "d", "e")
    keyring = Keyring(**dict.fromkeys("abcd", why))
    scene = stage(**{n: [ok(n)] for n in names}, settings=IN_ORDER, accounts=in_order(*names), keyring=keyring)
    _, response = await scene.respond()
    assert text_of(response) == "e"


@pytest.mark.parametrize(
    ("why", "words"),
    [
        (SEALED, "Keys cannot be decrypted with this process's ENCRYPTION_KEY."),
        (FOREIGN, "This process may not call https://proxy.example:8443: see ANTHROPIC_BASE_URLS."),
        (BaseUrlRefused("x", origin="https://a:secret@b"), "This process may not call the account's address: see"),
    ],
)
async def test_if_this_process_can_use_no_account_the_answer_names_its_setting(why, words):
    scene = stage(alpha=[ok()], keyring=Keyring(alpha=why))
    _, response = await scene.respond()
    assert response.status == 503
    assert error_of(response)["message"].startswith(words)
    assert "secret" not in str(response)


@pytest.mark.parametrize("why", [SEALED, FOREIGN])
async def test_what_this_process_cannot_use_is_an_error_in_the_log_once(why, caplog):
    scene = stage(alpha=[ok()], keyring=Keyring(alpha=why))
    for number in range(3):
        await scene.respond(activity=f"activity-{number}")
    assert [record.levelname for record in caplog.records if record.name == "gateway.complaints"] == ["ERROR"]
    assert str(why) in caplog.text


async def test_without_a_directory_nothing_can_be_done():
    scene = three(ok(), ok(), keyring=Keyring(alpha=DirectoryUnavailable("no database")))
    _, response = await scene.respond()
    assert response.status == 503
    assert await scene.leases() == 0


async def test_an_unforeseen_error_settles_the_lease_and_ends_the_activity(caplog):
    scene = stage(alpha=[ValueError("a bug")])
    _, response = await scene.respond()
    assert response.status == 503
    assert await scene.leases() == 0
    assert (await scene.state("alpha")).failures == 0
    assert "a bug" in caplog.text


async def test_a_call_that_may_have_left_before_an_unforeseen_error_is_charged_as_estimated():
    answer = ok()
    answer.chunks = [ValueError("a bug")]
    scene = stage(alpha=[answer])
    await scene.respond()
    await scene.leases()
    state = await scene.state("alpha")
    assert (state.day_requests, state.day_tokens, state.day_cost) == (1, 100, 1_000)


async def test_a_request_that_cannot_be_put_on_the_wire_costs_nothing():
    scene = stage(alpha=[UnusableRequest("a header")])
    await scene.respond()
    await scene.leases()
    assert (await scene.state("alpha")).day_requests == 0


@pytest.mark.parametrize("target", ["/v1/../admin", "http://evil/v1/messages", "/v1/%2e%2e/x", "/other", "/v1/a b"])
async def test_a_path_that_is_no_api_path_leases_nothing(target):
    scene = stage(alpha=[ok()])
    run = scene.run()
    run._request = Request("POST", target)
    with pytest.raises(UnusableRequest):
        await run.respond()
    assert scene.types() == []


async def test_a_caller_who_leaves_while_claude_works_is_settled_and_charged():
    working = asyncio.Event()

    async def works():
        working.set()
        await asyncio.Event().wait()

    scene = stage(alpha=[works])
    await scene.load("pool")
    task = asyncio.create_task(scene.run().respond())
    await working.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await scene.leases() == 0
    state = await scene.state("alpha")
    assert (state.day_tokens, state.failures) == (100, 0)


async def test_a_long_call_without_a_stream_keeps_its_lease():
    async def thinks_for_five_minutes():
        for _ in range(6):
            scene.clock.wind(50)
            await scene.ports.renewals.renew_due()
            assert await scene.engine.expire("pool") == 0
        return ok()

    scene = stage(alpha=[thinks_for_five_minutes])
    _, response = await scene.respond(lease_ms=120_000)
    assert response.status == 200
    assert scene.ports.renewals.watched == 0


async def test_the_lease_of_a_caller_who_left_is_not_kept():
    working = asyncio.Event()

    async def works():
        working.set()
        await asyncio.Event().wait()

    scene = stage(alpha=[works])
    await scene.load("pool")
    task = asyncio.create_task(scene.run().respond())
    await working.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert scene.ports.renewals.watched == 0


async def test_a_caller_who_leaves_while_waiting_leaves_an_ended_activity():
    limited = Account(id="alpha", limits=(Limit(Metric.REQUESTS, Window.DAY, 0),), max_concurrency=1)
    scene = stage(alpha=[ok()], accounts=[limited])
    waiting = asyncio.Event()

    async def sleep(_seconds):
        waiting.set()
        await asyncio.Event().wait()

    scene.clock.sleep = sleep
    task = asyncio.create_task(scene.run(wait_ms=5_000).respond())
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await scene.background.drain(timeout=1)
    assert scene.types() == ["activity.started", "activity.failed"]
    assert (ended(scene).error_type, ended(scene).error_message) == ("caller_left", "The caller went away.")


async def test_a_caller_who_leaves_during_the_settlement_does_not_undo_it():
    scene = stage(alpha=[ok()])
    await scene.load("pool")
    settling, settle = asyncio.Event(), scene.engine.settle

    async def slow(*arguments):
        if not settling.is_set():
            settling.set()
            await asyncio.Event().wait()
        return await settle(*arguments)

    scene.engine.settle = slow
    task = asyncio.create_task(scene.run().respond())
    await settling.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await scene.leases() == 0
    assert (await scene.state("alpha")).day_tokens == 15


async def test_a_settlement_the_engine_did_not_take_is_tried_again():
    scene = stage(alpha=[ok()])
    await scene.load("pool")
    settle, failures = scene.engine.settle, [1, 1]

    async def flaky(*arguments):
        if failures:
            failures.pop()
            raise EngineUnavailable
        return await settle(*arguments)

    scene.engine.settle = flaky
    _, response = await scene.respond()
    assert response.status == 200
    assert await scene.leases() == 0
    assert (await scene.state("alpha")).day_tokens == 15


async def test_a_caller_who_leaves_while_asking_gives_a_lease_back_that_was_granted_meanwhile():
    scene = stage(alpha=[ok()])
    await scene.load("pool")
    granted, lease = asyncio.Event(), scene.engine.lease

    async def granted_but_unheard(request):
        await lease(request)
        granted.set()
        await asyncio.Event().wait()

    scene.engine.lease = granted_but_unheard
    task = asyncio.create_task(scene.run().respond())
    await granted.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await scene.leases() == 0
    assert (await scene.state("alpha")).day_requests == 0


async def test_a_store_that_lost_its_memory_during_a_call_is_told_of_it_all_the_same():
    async def lose_everything():
        scene.engine.forget()
        return ok()

    scene = stage(alpha=[lose_everything])
    await scene.load("pool")
    _, response = await scene.respond()
    assert response.status == 200
    assert (await scene.state("alpha")).day_tokens == 15
    assert [kind for kind, _ in scene.engine.events("pool")].count("lease.settled") == 1
