"""The door of `/v1/*`: who and what gets in, and how every answer leaves."""

import asyncio
import json
from dataclasses import replace

import pytest

from accounts.errors import AccessRefused, AccessUndecided, KeysDiffer
from accounts.principals import Kind, Principal
from accounts.scopes import Scope
from gateway.arriving import Patience
from gateway.asgi import Gateway
from gateway.body_memory import FREE
from gateway.errors import UnknownPool
from gateway.paths import MESSAGE_MAX
from gateway.preparing import PoolRules
from gateway.serving import service_over
from quota.engine.types import Client, Limit, Metric, Window
from quota.records import ActivityStarted
from tests.gateway.cast import (
    BLOCK,
    CUT,
    MODEL,
    POOL,
    START,
    Answers,
    fails,
    good_stream,
    ok,
    stage,
    streams,
    text_delta,
)

RULES = PoolRules(id=POOL, name="default")
KEY = ((b"authorization", b"Bearer nb_live_alice"),)
ALICE = Principal(kind=Kind.ACCESS_KEY, id="alice", name="Alice", scopes=frozenset({Scope.MESSAGES}))
READER = Principal(kind=Kind.ACCESS_KEY, id="bob", name="Bob", scopes=frozenset({Scope.ADMIN_READ}))


def body(**fields):
    said = {"model": MODEL, "max_tokens": 20, "messages": [{"role": "user", "content": "Hello"}], **fields}
    return json.dumps(said).encode()


class Caller:
    """Speaks ASGI: sends a body in pieces, hears the answer, hangs up when told to (after so many pieces heard)."""

    def __init__(self, *pieces, leaves_after=None):
        self.pieces = list(pieces)
        self.leaves_after = leaves_after
        self.left = asyncio.Event()
        self.heard = []

    async def receive(self):
        if self.pieces:
            piece = self.pieces.pop(0)
            if callable(piece):
                return await piece()
            return {"type": "http.request", "body": piece, "more_body": bool(self.pieces)}
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        self.heard.append(message)
        if self.leaves_after is not None and len(self.heard) > self.leaves_after:
            self.left.set()
            await asyncio.sleep(0)

    @property
    def status(self):
        return self.heard[0]["status"] if self.heard else None

    @property
    def headers(self):
        return {name.decode(): value.decode() for name, value in self.heard[0]["headers"]}

    @property
    def body(self):
        return b"".join(message["body"] for message in self.heard[1:])

    @property
    def error(self):
        document = json.loads(self.body)
        assert document["type"] == "error"
        assert document["request_id"] == self.headers["request-id"]
        return document["error"]["type"]

    @property
    def complete(self):
        return bool(self.heard) and self.heard[-1].get("more_body") is False


def gateway_over(pool, *, principal=ALICE, source=None, rules=RULES, **options):
    async def authenticate(headers):
        if isinstance(principal, Exception):
            raise principal
        return principal if {"authorization", "x-api-key"} & headers.keys() else None

    async def machinery():
        await pool.load(POOL)
        return pool.ports, rules

    service = service_over(pool.owners)
    return Gateway(
        authenticate=authenticate, machinery=lambda _: source or machinery, service=lambda: service, **options
    )


async def ask(gateway, *pieces, method="POST", target="/v1/messages", headers=KEY, caller=None, client=None):
    caller = caller or Caller(*(pieces or (body(),)))
    path, _, query = target.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": list(headers),
        "client": None if client is None else (client, 5),
    }
    await gateway(scope, caller.receive, caller.send)
    return caller


async def test_a_message_is_answered_byte_for_byte():
    pool = stage(alpha=[ok("Hi")])
    caller = await ask(gateway_over(pool))
    assert (caller.status, caller.body) == (200, ok("Hi").chunks[0])
    assert caller.headers["request-id"] == "req_1"
    assert caller.complete


async def test_what_was_sent_goes_on_unchanged_but_for_the_credential():
    pool = stage(alpha=[ok()])
    sent = body(odd={"unknown": [1, 2]})
    headers = (*KEY, (b"anthropic-beta", b"a-1"), (b"cookie", b"c=1"), (b"anthropic-beta", b"b-2"))
    await ask(gateway_over(pool), sent[:10], sent[10:], target="/v1/messages?beta=true", headers=headers)
    _account, request = pool.upstream.sent[0]
    assert (request.target, request.body) == ("/v1/messages?beta=true", sent)
    assert dict(request.headers)["anthropic-beta"] == "a-1, b-2"


async def test_a_stream_is_passed_on_as_it_comes():
    pool = stage(alpha=[good_stream("a", "b")])
    caller = await ask(gateway_over(pool), body(stream=True))
    assert caller.body == b"".join(good_stream("a", "b").chunks)
    assert caller.headers["x-accel-buffering"] == "no"
    assert len(caller.heard) > 4
    assert await pool.leases() == 0


async def test_a_failure_before_content_goes_to_the_next_account():
    pool = stage(alpha=[fails(500)], beta=[fails(529, "overloaded_error")], gamma=[ok("Hi")])
    caller = await ask(gateway_over(pool))
    assert caller.status == 200
    assert caller.headers["nubabel-account"] == "gamma"


async def test_an_overload_reaches_the_caller_as_529():
    pool = stage(alpha=[fails(529, "overloaded_error")])
    assert (await ask(gateway_over(pool))).status == 529


async def test_a_stream_that_breaks_ends_with_an_error_event():
    pool = stage(alpha=[streams(START, BLOCK, text_delta("a"), CUT)])
    caller = await ask(gateway_over(pool), body(stream=True))
    assert b"event: error" in caller.body
    assert b"message_stop" not in caller.body


async def test_a_caller_who_leaves_in_the_middle_leaves_no_lease():
    async def never():
        await asyncio.Event().wait()

    pool = stage(alpha=[streams(START, BLOCK, text_delta("a"), never)])
    caller = Caller(body(stream=True), leaves_after=1)
    await ask(gateway_over(pool), caller=caller)
    assert not caller.complete
    assert await pool.leases() == 0
    assert pool.upstream.exchanges[0].closed


async def test_a_caller_who_leaves_before_the_answer_leaves_no_lease():
    caller = Caller(body())

    async def leaves():
        caller.left.set()
        await asyncio.Event().wait()

    pool = stage(alpha=[leaves])
    await ask(gateway_over(pool), caller=caller)
    assert caller.heard == []
    assert await pool.leases() == 0


async def test_a_caller_who_leaves_while_sending_is_not_answered():
    pool = stage(alpha=[ok()])

    async def gone():
        return {"type": "http.disconnect"}

    caller = await ask(gateway_over(pool), b"{", gone)
    assert caller.heard == []
    assert pool.upstream.sent == []


@pytest.mark.parametrize(
    ("principal", "status", "type_"),
    [
        (None, 401, "authentication_error"),
        (AccessRefused(), 401, "authentication_error"),
        (AccessUndecided(), 503, "api_error"),
        (READER, 403, "permission_error"),
    ],
)
async def test_who_may_not_send_messages_is_told_why(principal, status, type_):
    pool = stage(alpha=[ok()])
    caller = await ask(gateway_over(pool, principal=principal))
    assert (caller.status, caller.error) == (status, type_)
    assert pool.upstream.sent == []


CAREFUL = replace(ALICE, models=("claude-haiku-*", "claude-opus-5"), networks=("10.0.0.0/8", "2001:db8::/32"))


@pytest.mark.parametrize(("model", "status"), [("claude-haiku-5-5", 200), ("claude-opus-5", 200), (MODEL, 403)])
async def test_a_key_may_use_its_models_only(model, status):
    pool = stage(alpha=[ok()])
    gateway = gateway_over(pool, principal=replace(CAREFUL, networks=()))
    assert (await ask(gateway, body(model=model))).status == status


def batched(*params):
    return json.dumps({"requests": [{"custom_id": "a", "params": one} for one in params]}).encode()


ALLOWED, FORBIDDEN = {"model": "claude-opus-5"}, {"model": MODEL}


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (batched(ALLOWED, ALLOWED), 200),
        (batched(ALLOWED, FORBIDDEN), 403),
        (batched(FORBIDDEN, []), 400),
        (batched(FORBIDDEN)[:-2] + b', {"custom_id": "b"}]}', 400),
        (batched(FORBIDDEN).replace(b'"a"', b'"\\ud800"'), 403),
        (batched(FORBIDDEN).decode().encode("utf-16"), 403),
        (b"\xef\xbb\xbf" + batched(FORBIDDEN), 403),
        (batched(FORBIDDEN)[:-1] + b', "requests": []}', 400),
        (b'{"requests": ' + b"[" * 5_000 + b"]" * 5_000 + b"}", 400),
    ],
)
async def test_a_batch_does_not_smuggle_a_model_in(sent, status):
    pool = stage(alpha=[ok()])
    gateway = gateway_over(pool, principal=replace(CAREFUL, networks=()))
    caller = await ask(gateway, sent, target="/v1/messages/batches")
    assert (caller.status, len(pool.upstream.sent)) == (status, int(status == 200))


async def test_a_message_that_names_two_models_is_refused():
    pool = stage(alpha=[ok()])
    both = body(model=MODEL)[:-1] + b', "model": "claude-opus-5"}'
    caller = await ask(gateway_over(pool, principal=replace(CAREFUL, networks=())), both)
    assert (caller.status, pool.upstream.sent) == (400, [])


async def test_a_restricted_key_may_use_what_names_no_model():
    gateway = gateway_over(stage(alpha=[ok()]), principal=replace(CAREFUL, networks=()))
    assert (await ask(gateway, b"", method="GET", target="/v1/models")).status == 200
    assert (await ask(gateway, b"--x\r\n", target="/v1/files")).status == 200


async def test_a_key_at_its_limit_hears_which_and_until_when_and_nothing_is_sent():
    pool = stage(alpha=[ok()], beta=[ok()])
    ann = Client("ann", (Limit(Metric.REQUESTS, Window.MINUTE, 2),))
    gateway = gateway_over(pool, principal=replace(ALICE, client=ann))
    assert [(await ask(gateway)).status for _ in range(2)] == [200, 200]
    caller = await ask(gateway)
    assert (caller.status, caller.error) == (429, "rate_limit_error")
    assert "limited to 2 requests per minute" in json.loads(caller.body)["error"]["message"]
    assert 59 <= int(caller.headers["retry-after"]) <= 61
    assert len(pool.upstream.sent) == 2


SPENDER = replace(ALICE, client=Client("ann", (Limit(Metric.COST, Window.DAY, 1_000_000_000),)))


async def test_a_key_with_a_limit_of_cost_makes_no_batches_which_it_could_not_be_held_to():
    pool = stage(alpha=[ok()])
    caller = await ask(gateway_over(pool, principal=SPENDER), batched(ALLOWED), target="/v1/messages/batches")
    assert (caller.status, caller.error, pool.upstream.sent) == (403, "permission_error", [])
    assert "to which batches cannot be held" in json.loads(caller.body)["error"]["message"]


async def test_a_key_with_a_limit_of_cost_cannot_ask_for_an_answer_that_might_exceed_it():
    pool = stage(alpha=[ok()])
    caller = await ask(gateway_over(pool, principal=SPENDER), body(max_tokens=128_000))
    assert (caller.status, pool.upstream.sent) == (429, [])
    assert (await ask(gateway_over(pool, principal=SPENDER), body(max_tokens=100))).status == 200


async def test_a_request_that_fails_over_counts_once_for_its_key():
    pool = stage(alpha=[fails(500)], beta=[ok()])
    ann = Client("ann", (Limit(Metric.REQUESTS, Window.MINUTE, 1),))
    caller = await ask(gateway_over(pool, principal=replace(ALICE, client=ann)))
    assert caller.status == 200
    assert len(pool.upstream.sent) == 2


@pytest.mark.parametrize(
    ("address", "status"),
    [("10.1.2.3", 200), ("::ffff:10.1.2.3", 200), ("2001:db8::5", 200), ("192.0.2.1", 403), ("", 403), (None, 403)],
)
async def test_a_key_may_come_from_its_networks_only(address, status):
    gateway = gateway_over(stage(alpha=[ok()]), principal=replace(CAREFUL, models=()))
    assert (await ask(gateway, client=address)).status == status


async def test_two_different_keys_are_refused():
    pool = stage(alpha=[ok()])
    twice = (*KEY, (b"authorization", b"Bearer nb_live_mallory"))
    caller = await ask(gateway_over(pool), headers=twice)
    assert (caller.status, caller.error) == (401, "authentication_error")


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/v1/messages", 405),
        ("POST", "/v1/models", 405),
        ("POST", "/v1/complete", 404),
        ("POST", "/v1//messages", 404),
        ("POST", "/v1/messages/", 404),
        ("POST", "/v1/../v1/messages", 404),
        ("GET", "/v1/models/a/b", 404),
        ("GET", "/v1/organizations/api_keys", 404),
    ],
)
async def test_what_is_no_address_of_ours_is_refused(method, target, status):
    pool = stage(alpha=[ok()])
    caller = await ask(gateway_over(pool), b"", method=method, target=target)
    assert caller.status == status
    assert pool.upstream.sent == []


async def test_models_are_listed():
    pool = stage(alpha=[ok()])
    caller = await ask(gateway_over(pool), b"", method="GET", target="/v1/models?limit=1000")
    assert caller.status == 200
    assert pool.upstream.sent[0][1].target == "/v1/models?limit=1000"


@pytest.mark.parametrize("sent", [b"", b"{", b"[]", b'{"max_tokens": 5}', b'{"model": ""}', b"\xff\xfe"])
async def test_a_body_that_cannot_be_served_is_a_clear_400(sent):
    pool = stage(alpha=[ok()])
    caller = await ask(gateway_over(pool), sent)
    assert (caller.status, caller.error) == (400, "invalid_request_error")
    assert pool.upstream.sent == []
    assert await pool.leases() == 0


async def test_a_header_that_no_header_may_be_is_a_clear_400():
    pool = stage(alpha=[ok()])
    caller = await ask(gateway_over(pool), headers=(*KEY, (b"anthropic-beta", b"a\x00b")))
    assert (caller.status, caller.error) == (400, "invalid_request_error")
    assert await pool.leases() == 0


async def test_a_declared_body_that_is_too_large_is_not_read():
    pool = stage(alpha=[ok()])
    declared = (*KEY, (b"content-length", str(MESSAGE_MAX + 1).encode()))
    caller = Caller(body())
    await ask(gateway_over(pool), headers=declared, caller=caller)
    assert (caller.status, caller.error) == (413, "request_too_large")
    assert caller.pieces


async def test_a_body_that_grows_too_large_is_cut_off():
    pool = stage(alpha=[ok()])
    caller = Caller(*[b"x" * (MESSAGE_MAX // 4)] * 6)
    await ask(gateway_over(pool), caller=caller)
    assert (caller.status, caller.error) == (413, "request_too_large")
    assert len(caller.pieces) == 1


async def test_a_sender_that_stalls_is_refused():
    async def stalls():
        await asyncio.Event().wait()

    pool = stage(alpha=[ok()])
    caller = await ask(gateway_over(pool, patience=Patience(gap=0.01, total=1)), b"{", stalls)
    assert (caller.status, caller.error) == (408, "timeout_error")
    assert caller.headers["connection"] == "close"


async def test_a_pool_that_is_not_there_is_said_so():
    async def source():
        raise UnknownPool("nowhere")

    caller = await ask(gateway_over(stage(alpha=[ok()]), source=source))
    assert (caller.status, caller.error) == (503, "api_error")


async def test_what_nobody_foresaw_is_logged_and_tells_nothing(caplog):
    async def source():
        raise RuntimeError("secret detail")

    caller = await ask(gateway_over(stage(alpha=[ok()]), source=source))
    assert (caller.status, caller.error) == (503, "api_error")
    assert b"secret detail" not in caller.body
    assert "could not be served" in caplog.text


async def test_a_claude_code_session_stays_on_its_account():
    pool = stage(alpha=[ok()], beta=[ok()])
    gateway = gateway_over(pool)
    headers = (*KEY, (b"x-claude-code-session-id", b"s-1"))
    for _ in range(4):
        await ask(gateway, headers=headers)
    assert len({account for account, _ in pool.upstream.sent}) == 1


async def test_which_of_a_sessions_agents_asks_is_recorded():
    pool = stage(alpha=[ok()])
    headers = (
        *KEY,
        (b"x-claude-code-session-id", b"s-1"),
        (b"x-claude-code-agent-id", b"explorer\x85\xad-1" + b"x" * 200),
        (b"x-claude-code-parent-agent-id", b"main"),
    )
    await ask(gateway_over(pool), headers=headers)
    (told,) = [fields["payload"] for kind, fields in pool.engine.events(POOL) if kind == "activity.started"]
    record = ActivityStarted.from_json(told)
    assert (record.session, record.agent, record.parent_agent) == ("s-1", "explorer-1" + "x" * 90, "main")


async def test_a_thread_goes_on_at_the_account_that_holds_it():
    pool = stage(alpha=[ok()], beta=[ok()], gamma=[ok()])
    gateway = gateway_over(pool)
    await ask(gateway, body(thread={"type": "create"}))
    await ask(gateway, body())  # another one comes between
    for _ in range(3):
        await ask(gateway, body(thread={"type": "continue", "previous_message_id": "msg_1"}))
    holder, between, *later = [account for account, _ in pool.upstream.sent]
    assert later == [holder] * 3
    assert between != holder


async def test_a_thread_that_an_account_does_not_hold_is_told_to_the_caller_and_costs_the_account_nothing():
    details = {"error_code": "thread_not_found"}
    said = {"type": "not_found_error", "message": "no thread for this model", "details": details}
    gone = json.dumps({"type": "error", "error": said}).encode()
    pool = stage(alpha=[Answers(404, chunks=[gone]), ok()])
    gateway = gateway_over(pool)
    caller = await ask(gateway, body(thread={"type": "continue", "previous_message_id": "msg_1"}))
    assert (caller.status, caller.body) == (404, gone)
    assert (await ask(gateway, body(thread={"type": "create"}))).status == 200


# -- memory for bodies


async def test_a_body_is_counted_while_its_request_runs_and_no_longer():
    gateway = gateway_over(stage(alpha=[ok()]))
    await ask(gateway, body(padding="x" * 2 * FREE))
    assert gateway.memory.held == 0


async def test_a_body_for_which_there_is_no_room_is_refused_before_anything_is_leased():
    pool = stage(alpha=[ok()])
    gateway = gateway_over(pool)
    gateway.memory.held = gateway.memory.limit
    caller = await ask(gateway, *[b"x" * FREE] * 3)
    assert (caller.status, caller.error, caller.headers["retry-after"]) == (529, "overloaded_error", "2")
    assert (pool.upstream.sent, gateway.memory.held) == ([], gateway.memory.limit)


async def test_a_declared_length_for_which_there_is_no_room_is_refused_unread():
    gateway = gateway_over(stage(alpha=[ok()]))
    gateway.memory.held = gateway.memory.limit
    caller = Caller(body(), b"never asked for")
    await ask(gateway, headers=(*KEY, (b"content-length", str(4 * FREE).encode())), caller=caller)
    assert (caller.status, len(caller.pieces)) == (529, 2)


async def test_a_small_request_always_gets_in():
    gateway = gateway_over(stage(alpha=[ok()]))
    gateway.memory.held = gateway.memory.limit
    assert (await ask(gateway)).status == 200


# -- models that a restricted key is shown


def a_list_of(*models):
    data = [{"type": "model", "id": name} for name in models]
    document = {"data": data, "has_more": False, "first_id": models[0], "last_id": models[-1]}
    return Answers(200, {}, [json.dumps(document).encode()])


MODELS = ("claude-opus-5-5", "claude-haiku-5-5", "claude-haiku-4-5", "claude-sonnet-5-5")
HAIKU_ONLY = replace(ALICE, models=("claude-haiku-*",))


async def models_of(principal, query="", pool=None):
    pool = pool or stage(alpha=[a_list_of(*MODELS)])
    return await ask(gateway_over(pool, principal=principal), b"", method="GET", target=f"/v1/models{query}")


async def test_a_restricted_key_is_shown_the_models_that_it_may_use():
    shown = json.loads((await models_of(HAIKU_ONLY)).body)
    assert [model["id"] for model in shown["data"]] == ["claude-haiku-5-5", "claude-haiku-4-5"]
    assert (shown["has_more"], shown["first_id"], shown["last_id"]) == (False, "claude-haiku-5-5", "claude-haiku-4-5")


async def test_a_key_without_restrictions_gets_anthropics_own_bytes():
    pool = stage(alpha=[a_list_of(*MODELS)])
    assert (await models_of(ALICE, "?limit=3", pool)).body == a_list_of(*MODELS).chunks[0]
    assert pool.upstream.sent[0][1].target == "/v1/models?limit=3"


async def test_pages_of_a_restricted_list_leave_nothing_out():
    pool = stage(alpha=[a_list_of(*MODELS)])
    first = json.loads((await models_of(HAIKU_ONLY, "?limit=1", pool)).body)
    second = json.loads((await models_of(HAIKU_ONLY, f"?limit=1&after_id={first['last_id']}", pool)).body)
    back = json.loads((await models_of(HAIKU_ONLY, f"?limit=1&before_id={second['first_id']}", pool)).body)
    assert [first["has_more"], second["has_more"], back["has_more"]] == [True, False, False]
    assert [page["data"][0]["id"] for page in (first, second, back)] == [MODELS[1], MODELS[2], MODELS[1]]
    assert {request.target for _, request in pool.upstream.sent} == {"/v1/models?limit=1000"}


async def test_a_filter_of_the_list_is_passed_on():
    pool = stage(alpha=[a_list_of(*MODELS)])
    await models_of(HAIKU_ONLY, "?lifecycle=active&limit=5", pool)
    assert pool.upstream.sent[0][1].target == "/v1/models?limit=1000&lifecycle=active"


@pytest.mark.parametrize("query", ["?limit=0", "?after_id=claude-opus-5-5"])
async def test_a_page_that_is_none_is_refused(query):
    caller = await models_of(HAIKU_ONLY, query)
    assert (caller.status, caller.error) == (400, "invalid_request_error")


async def test_what_went_wrong_with_a_restricted_list_is_passed_on():
    caller = await models_of(HAIKU_ONLY, pool=stage(alpha=[fails(400, "invalid_request_error")]))
    assert (caller.status, json.loads(caller.body)["error"]["message"]) == (400, "no")


@pytest.mark.parametrize(("model", "status"), [("claude-opus-5-5", 403), ("claude-haiku-5-5", 200)])
async def test_a_restricted_key_looks_up_only_what_it_may_use(model, status):
    gateway = gateway_over(stage(alpha=[ok()]), principal=HAIKU_ONLY)
    assert (await ask(gateway, b"", method="GET", target=f"/v1/models/{model}")).status == status


# -- what our own answers are called


async def test_an_error_of_ours_has_a_request_id_by_which_the_request_can_be_found():
    caller = await ask(gateway_over(stage(alpha=[fails(500)])))
    activity = caller.headers["nubabel-activity"]
    assert (caller.headers["request-id"], caller.error) == (f"req_{activity.replace('-', '')}", "api_error")


@pytest.mark.parametrize("stranger", [None, AccessRefused(), KeysDiffer()], ids=["no key", "a wrong key", "two keys"])
async def test_whoever_presents_no_good_key_is_told_that_trying_again_is_pointless(stranger):
    caller = await ask(gateway_over(stage(alpha=[ok()]), principal=stranger))
    assert (caller.status, caller.headers["x-should-retry"]) == (401, "false")
