"""`POST /api/orchestrator/execute`, from the outside: Redis, database and SDK are real, only Anthropic is a double."""

import asyncio
import json
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import AsyncClient, override_settings

from accounts.access import issue_access_key
from accounts.database import in_database
from accounts.models import Pool
from accounts.services import create_account, update_account
from gateway.wiring import close_wiring, get_wiring
from quota.engine.stream import decode, stream_key
from quota.models import Activity
from quota.records import ActivityEnded
from quota.running import running_worker
from quota.wiring import close_engine, get_engine
from simulator.testing import running_simulator
from tests.journeys.pool import world_of

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/api/orchestrator/execute"
HELLO = {"message": "Hello", "max_tokens": 30}


@pytest.fixture
async def simulator():
    async with running_simulator(world_of("alpha", "beta", "gamma")) as running:
        with override_settings(ALLOWED_BASE_URLS=(running.url,)):
            yield running


@pytest.fixture
async def pool(simulator):
    pool = await in_database(lambda: make_pool(simulator))
    yield pool
    await close_wiring()
    await close_engine()


def allow_only(pool, *models):
    for account in pool.accounts.all():
        update_account(account, allowed_models=list(models))


def make_pool(simulator):
    pool = Pool.objects.create(name="default", simulated=True, queue_seconds=0)
    for name in simulator.world.accounts:
        create_account(pool=pool, name=name, api_key=simulator.key(name), base_url=simulator.url)
    return pool


@pytest.fixture
async def key(pool):
    return (await in_database(lambda: issue_access_key(name="app", scopes=["messages"])))[0]


def presented(key):
    return {"authorization": f"Bearer {key}"}


async def post(body, key=None, *, path=PATH, client=None, **options):
    data = body if isinstance(body, bytes | str) else json.dumps(body)
    headers = presented(key) if key else {}
    return await (client or AsyncClient()).post(
        path, data, content_type="application/json", headers={**headers, **options.pop("headers", {})}, **options
    )


async def test_an_order_is_answered_with_everything_it_took(key, simulator):
    response = await post({**HELLO, "session_id": "s1", "category": "it-test"}, key)
    answer = response.json()
    assert response.status_code == 200
    assert set(answer) == {
        "output", "model", "account", "usage", "cost", "attempts", "activity", "stop_reason", "simulated"
    }  # fmt: skip
    assert answer["account"] in simulator.world.accounts
    assert (answer["model"], answer["attempts"]) == ("claude-sonnet-5-5", 1)
    assert answer["output"]
    served = simulator.world.accounts[answer["account"]]
    assert answer["cost"] == {"usd": f"{served.cost / 10**9:.9f}".rstrip("0"), "nano_usd": served.cost, "known": True}
    assert answer["usage"]["total_tokens"] == served.tokens


@pytest.mark.parametrize("path", [PATH, PATH + "/"])
async def test_the_slash_at_the_end_does_not_matter(key, path):
    assert (await post(HELLO, key, path=path)).status_code == 200


async def test_a_request_moves_on_to_an_account_that_works(key, simulator):
    simulator.world.always("alpha", "internal")
    simulator.world.always("beta", "overloaded")
    for _ in range(6):
        response = await post(HELLO, key)
        assert (response.status_code, response.json()["account"]) == (200, "gamma")


async def test_a_session_stays_on_its_account(key):
    accounts = {(await post({**HELLO, "session_id": "s"}, key)).json()["account"] for _ in range(6)}
    assert len(accounts) == 1


async def test_the_activity_is_on_the_engines_stream(key, pool):
    answer = (await post(HELLO, key)).json()
    entries = await stream_of(pool)
    completed = [entry for entry in entries if entry.type == "activity.completed"]
    record = ActivityEnded.from_json(completed[0].fields["payload"])
    assert (record.activity, record.cost_nano) == (answer["activity"], answer["cost"]["nano_usd"])
    assert [entry.type for entry in entries if entry.type == "lease.settled"] == ["lease.settled"]


async def stream_of(pool):
    import redis.asyncio
    from django.conf import settings

    client: Any = redis.asyncio.Redis.from_url(settings.REDIS_URL)
    async with client:
        found = await client.xrange(stream_key(str(pool.pk)))
    return [decode(entry_id, fields) for entry_id, fields in found]


async def test_each_request_leaves_one_activity_whose_cost_is_what_anthropic_charged(key, simulator):
    simulator.world.always("alpha", "internal")
    answers = [(await post({**HELLO, "category": "it-test", "session_id": "s"}, key)).json() for _ in range(4)]
    async with running_worker() as worker:
        await worker.once()
    rows = {str(row.pk): row async for row in Activity.objects.all()}
    assert {answer["activity"] for answer in answers} == set(rows)
    assert {row.status for row in rows.values()} == {"completed"}
    assert {row.category for row in rows.values()} == {"it-test"}
    assert sum(row.cost_nano for row in rows.values()) == sum(a.cost for a in simulator.world.accounts.values())
    assert all(row.decision and row.request_id.startswith("req_") for row in rows.values())


async def test_a_refused_request_leaves_a_failed_activity(key, simulator):
    simulator.world.always(None, "overloaded")
    error = (await post(HELLO, key)).json()["error"]
    async with running_worker() as worker:
        await worker.once()
    row = await Activity.objects.aget()
    assert (str(row.pk), row.status, row.error_type) == (error["details"]["activity"], "failed", "overloaded_error")


# -- who may


async def test_nobody_in_particular_is_turned_away(pool):
    response = await post(HELLO)
    assert (response.status_code, response["www-authenticate"]) == (401, "Bearer")
    assert response.json()["error"]["code"] == "unauthenticated"


@pytest.mark.parametrize("key", ["nb_live_wrong", "sk-ant-api03-x", "'; DROP TABLE accounts_accesskey; --"])
async def test_a_wrong_key_is_turned_away(pool, key):
    assert (await post(HELLO, key)).status_code == 401


async def test_two_different_keys_are_turned_away(key):
    assert (await post(HELLO, key, headers={"x-api-key": "other"})).status_code == 401


async def test_a_key_without_the_scope_is_turned_away(pool):
    reader = (await in_database(lambda: issue_access_key(name="r", scopes=["admin-read", "admin-write"])))[0]
    response = await post(HELLO, reader)
    assert (response.status_code, response.json()["error"]["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    ("restriction", "words"),
    [({"models": ["claude-haiku-*"]}, "may not use the model"), ({"networks": ["192.0.2.0/24"]}, "from this address")],
    ids=["model", "network"],
)
async def test_a_restricted_key_is_turned_away(pool, restriction, words):
    key = (await in_database(lambda: issue_access_key(name="r", scopes=["messages"], **restriction)))[0]
    response = await post(HELLO, key)
    assert (response.status_code, response.json()["error"]["code"]) == (403, "forbidden")
    assert words in response.json()["error"]["message"]


def staff(*, superuser):
    user = get_user_model().objects.create_user("alice", password="pw", is_staff=True, is_superuser=superuser)
    client = AsyncClient(enforce_csrf_checks=True)
    client.force_login(user)
    return client


async def test_a_session_without_its_csrf_token_is_turned_away(pool):
    client = await in_database(lambda: staff(superuser=True))
    assert (await post(HELLO, client=client)).status_code == 401


async def test_a_staff_session_with_its_csrf_token_may(pool):
    client = await in_database(lambda: staff(superuser=True))
    client.cookies["csrftoken"] = token = "a" * 32
    assert (await post(HELLO, client=client, headers={"x-csrftoken": token})).status_code == 200


async def test_a_staff_session_without_permission_is_turned_away(pool):
    client = await in_database(lambda: staff(superuser=False))
    client.cookies["csrftoken"] = token = "a" * 32
    assert (await post(HELLO, client=client, headers={"x-csrftoken": token})).status_code == 403


async def test_nothing_is_read_of_a_request_that_may_not(pool):
    assert (await post(b"{", None)).status_code == 401


# -- what is wrong with it


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
async def test_only_post_will_do(pool, method):
    response = await getattr(AsyncClient(), method)(PATH)
    assert (response.status_code, response["allow"]) == (405, "POST")


async def test_a_wrong_body_is_explained_field_by_field(key):
    error = (await post({"message": "", "max_tokens": 0}, key)).json()["error"]
    assert (error["code"], set(error["details"])) == ("invalid_request", {"message", "max_tokens"})


async def test_a_form_is_no_order(key):
    response = await AsyncClient().post(PATH, {"message": "Hi"}, headers=presented(key))
    assert (response.status_code, response.json()["error"]["code"]) == (415, "unsupported_media_type")


async def test_a_body_that_is_too_large_is_refused(key, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    response = await post({"message": "x" * 200}, key)
    assert (response.status_code, response.json()["error"]["code"]) == (413, "too_large")


# -- what the pool says


async def test_when_all_are_throttled_the_caller_hears_when_to_come_back(key, simulator):
    for name, wait in (("alpha", 40), ("beta", 7), ("gamma", 30)):
        simulator.world.always(name, "throttle", retry_after=wait)
    response = await post(HELLO, key)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (429, "rate_limit_error")
    assert 6 <= int(response["retry-after"]) == error["details"]["retry_after"] <= 7


async def test_an_access_key_at_its_limit_hears_which_and_until_when(pool, simulator):
    limits = {"limit_requests_day": 1}
    key = (await in_database(lambda: issue_access_key(name="app", scopes=["messages"], limits=limits)))[0]
    assert (await post(HELLO, key)).status_code == 200
    error = (await post(HELLO, key)).json()["error"]
    assert (error["code"], "limited to 1 requests per day" in error["message"]) == ("rate_limit_error", True)


async def test_an_overload_is_told_as_such(key, simulator):
    simulator.world.always(None, "overloaded")
    response = await post(HELLO, key)
    assert (response.status_code, response.json()["error"]["code"]) == (529, "overloaded_error")
    assert response["retry-after"] == "2"


@pytest.mark.parametrize("fault", ["internal", "bad_gateway", "gateway_timeout", "invalid_key", "credit", "html_200"])
async def test_any_other_trouble_is_unavailable(key, simulator, fault):
    simulator.world.always(None, fault)
    response = await post(HELLO, key)
    assert response.status_code == 503
    assert response.json()["error"]["details"]["activity"]


async def test_what_anthropic_refuses_of_the_order_itself_is_the_callers_mistake(key, simulator):
    simulator.world.always(None, "bad_request")
    response = await post(HELLO, key)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_request_error")


async def test_an_unknown_model_is_not_found(key, simulator):
    response = await post({**HELLO, "model": "claude-unheard-of"}, key)
    assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found_error")


@pytest.mark.parametrize("model", ["claude-unheard-of", "claude-3-5-sonnet-20241022", "gpt-4o"])
async def test_an_unknown_models_name_is_in_the_answer(model, key, simulator):
    error = (await post({**HELLO, "model": model}, key)).json()["error"]
    assert model in error["message"]


async def test_a_model_that_no_account_may_serve_is_named(key, pool):
    await in_database(lambda: allow_only(pool, "claude-opus-5"))
    response = await post({**HELLO, "model": "gpt-4o"}, key)
    assert (response.status_code, response.json()["error"]["message"]) == (404, "model: gpt-4o")


async def test_what_this_process_may_not_call_is_said_with_the_setting(key, simulator):
    with override_settings(ALLOWED_BASE_URLS=("https://api.anthropic.com",)):
        response = await post(HELLO, key)
    words = f"This process may not call {simulator.url}: see ANTHROPIC_BASE_URLS."
    assert (response.status_code, response.json()["error"]["message"]) == (503, words)


async def test_no_key_of_an_account_is_in_an_error(key, simulator):
    canary = simulator.key("alpha")
    simulator.world.always(None, "bad_request", message=f"your key {canary} is odd")
    assert canary not in (await post(HELLO, key)).content.decode()


async def test_without_a_pool_there_is_nothing_to_ask(db_key):
    response = await post(HELLO, db_key)
    assert (response.status_code, response.json()["error"]["code"]) == (503, "no_pool")
    await close_wiring()
    await close_engine()


@pytest.fixture
async def db_key():
    return (await in_database(lambda: issue_access_key(name="app", scopes=["messages"])))[0]


# -- as a stream


async def events_of(response):
    text = b"".join([chunk async for chunk in response.streaming_content]).decode()
    frames = [frame for frame in text.split("\n\n") if frame.startswith("event: ")]
    return [(frame.split("\n")[0][7:], json.loads(frame.split("\n")[1][6:])) for frame in frames]


async def test_a_streamed_order_tells_what_happens(key, simulator):
    response = await post({**HELLO, "stream": True}, key)
    assert (response["content-type"], response["x-accel-buffering"]) == ("text/event-stream", "no")
    events = await events_of(response)
    assert events[0][0] == "started"
    assert events[-1][0] == "completed"
    assert "".join(data["text"] for name, data in events if name == "delta") == events[-1][1]["output"]
    assert events[-1][1]["activity"] == events[0][1]["activity"]


async def test_a_streamed_order_tells_of_each_further_attempt(key, simulator):
    for name in ("alpha", "beta"):
        simulator.world.always(name, "internal")
    names = set()
    for _ in range(3):
        events = await events_of(await post({**HELLO, "stream": True}, key))
        assert events[-1][0] == "completed"
        names |= {name for name, _ in events}
    assert "progress" in names


async def test_a_streamed_order_that_fails_says_why(key, simulator):
    simulator.world.always(None, "throttle", retry_after=9)
    events = await events_of(await post({**HELLO, "stream": True}, key))
    assert [name for name, _ in events][-1] == "failed"
    assert events[-1][1]["error"]["code"] == "rate_limit_error"


async def test_a_stream_that_breaks_in_the_middle_fails(key, simulator):
    simulator.world.always(None, "stream_error", frames=5)
    events = await events_of(await post({**HELLO, "stream": True}, key))
    assert events[-1][0] == "failed"
    assert events[-1][1]["error"]["code"] == "overloaded_error"


async def test_a_reader_who_leaves_ends_the_call(key, pool, simulator):
    simulator.world.always(None, "hang_after_headers", frames=5)
    response = await post({**HELLO, "stream": True}, key)
    reading = asyncio.Event()

    async def read():
        async for chunk in response.streaming_content:
            if b"event: delta" in chunk:
                reading.set()

    reader = asyncio.create_task(read())
    await reading.wait()
    reader.cancel()
    await asyncio.wait([reader])
    await get_wiring().ports.background.drain(timeout=2)
    assert (await get_engine().snapshot(str(pool.pk))).leases == 0


async def test_a_quiet_stream_has_a_heartbeat(key, pool, simulator):
    from accounts.authentication import authenticate
    from gateway.orders import Order
    from gateway.wiring import orchestrator_for

    simulator.world.always(None, "hang_after_headers", frames=0)
    principal = await authenticate(presented(key))
    assert principal is not None
    orchestrator = orchestrator_for(principal)
    told = orchestrator.stream(Order(message="Hi"), heartbeat=0.01)
    names = [(await anext(told)).name for _ in range(3)]
    assert "heartbeat" in names
    await told.aclose()
    await asyncio.sleep(0)
