"""What is looked at, in order. A step returns what it saw in a few words, or raises Failed or NotAsked."""

import json
import secrets
from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus
from typing import Any, Final

import aiohttp

from nubabel.smoke.hearing import SOCKET, STREAM, Ear, listening
from nubabel.smoke.visit import Answer, Failed, NotAsked, Visit

Step = Callable[[Visit], Awaitable[str]]
WORD: Final = "Say the one word: ready"
_NOT_ALLOWED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_MISSING: Final = "this deployment has no {path} (404); it is of a version before that, or another site answers there"


async def alive(visit: Visit) -> str:
    """The process answers."""
    answer = await visit.ask("GET", "/health/live", key=False)
    if answer.status != HTTPStatus.OK or not isinstance(answer.body, dict) or answer.body.get("status") != "ok":
        raise Failed(f"/health/live answered {answer.trouble}")
    return str(answer.body.get("timestamp", ""))


async def ready(visit: Visit) -> str:
    """Database, Redis, schema and engine are there."""
    checks: dict[str, str] = {}

    async def look() -> str:
        answer = await visit.ask("GET", "/health/ready", key=False)
        checks.update(answer.body.get("checks", {}) if isinstance(answer.body, dict) else {})
        wrong = sorted(name for name, word in checks.items() if word != "ok")
        return "" if answer.status == HTTPStatus.OK else f"not ready: {', '.join(wrong) or answer.trouble}"

    await visit.until(look)
    return ", ".join(sorted(checks))


async def guarded(visit: Visit) -> str:
    """Nobody gets in without a key."""
    answer = await visit.ask("POST", "/v1/messages", body=_message(visit), key=False)
    if answer.status != HTTPStatus.UNAUTHORIZED:
        raise Failed(f"a message without a key was answered with {answer.trouble}; it must be 401")
    return "401 without a key"


async def accounts(visit: Visit) -> str:
    """The REST API lists accounts."""
    answer = _rest(await visit.ask("GET", "/api/admin/accounts/"), "/api/admin/accounts/", scope="admin-read")
    rows = _rows(answer)
    visit.learned["accounts"] = {row["id"]: row["name"] for row in rows}
    visit.learned["pool"] = next((row["pool"] for row in rows), None)
    return f"{len(rows)} listed"


async def registering(visit: Visit) -> str:
    """An account can be made over REST. It is switched off and its key is good for nothing."""
    pool = visit.known("pool", of="accounts")
    if pool is None:
        raise Failed("there is no account, so no pool is known to put one into")
    made_up = f"sk-ant-api03-smoke-test-{secrets.token_hex(40)}"
    new = {"pool": pool, "name": f"smoke-test-{secrets.token_hex(4)}", "api_key": made_up, "enabled": False}
    visit.undo.append(("the test account", lambda: _deleted(visit, new["name"])))  # even if no answer ever comes
    answer = await visit.ask("POST", "/api/admin/accounts/", body=new)
    if answer.status in _NOT_ALLOWED:
        raise Failed(f"the key may not (scope admin-write): {answer.trouble}")
    if answer.status != HTTPStatus.CREATED:
        raise Failed(f"POST /api/admin/accounts/ answered {answer.trouble}")
    if made_up in json.dumps(answer.body):
        raise Failed("the answer repeats the account's key")
    return f"{new['name']}, switched off"


async def message(visit: Visit) -> str:
    """A message goes through the pool."""
    answer = await visit.ask("POST", "/v1/messages", body=_message(visit))
    if answer.status != HTTPStatus.OK:
        raise Failed(f"/v1/messages answered {answer.trouble}")
    for name in ("account", "activity", "attempts"):
        if not (value := answer.headers.get(f"nubabel-{name}", "")):
            raise Failed(f"the answer lacks the header nubabel-{name}")
        visit.learned[name] = value
    return f"account {_named(visit, visit.learned['account'])}, attempt {visit.learned['attempts']}"


async def selected(visit: Visit) -> str:
    """The account that served is one of the pool's."""
    account = visit.known("account", of="message")
    known = visit.known("accounts", of="accounts")
    if account not in known:
        raise Failed(f"the message was served by {account}, which the REST API does not list")
    return str(known[account])


async def streaming(visit: Visit) -> str:
    """A streamed answer comes in pieces and to its end."""
    pieces, text = 0, ""
    body = {**_message(visit), "stream": True}
    try:
        async with visit.http.post(visit.base_url + "/v1/messages", json=body, headers=visit.headers()) as answer:
            if answer.status != HTTPStatus.OK:
                raise Failed(f"/v1/messages, streamed, answered {answer.status}")
            async for piece in answer.content.iter_any():
                pieces, text = pieces + 1, text + piece.decode("utf-8", "replace")
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Failed(f"the stream broke ({type(error).__name__})") from None
    if "event: message_stop" not in text:
        raise Failed("the stream has no end (message_stop)")
    return f"{pieces} pieces"


async def orchestrator(visit: Visit) -> str:
    """The orchestrator answers. Meanwhile what is pushed is listened to, for the two steps after this."""
    async with listening(visit) as ears:
        body = {"message": WORD, "model": visit.model, "max_tokens": 16}
        answer = await visit.ask("POST", "/api/orchestrator/execute", body=body)
        if answer.status != HTTPStatus.OK:
            raise Failed(f"/api/orchestrator/execute answered {answer.trouble}")
        visit.learned["order"], visit.learned["order by"] = answer.body["activity"], answer.body["account"]
        for ear in ears:
            visit.learned[ear.path] = await _heard(visit, ear, answer.body["activity"])
    return f"account {answer.body['account']}, {answer.body['cost']['usd']} USD"


async def pushed(visit: Visit, *, path: str) -> str:
    """What the orchestrator did was told there."""
    if complaint := visit.known(path, of="orchestrator"):
        raise Failed(complaint)
    return f"the order's events came over {path}"


async def recorded(visit: Visit) -> str:
    """The message and the order are recorded, each with the account that served."""
    message = await _ended(visit, visit.known("activity", of="message"))
    order = await _ended(visit, visit.known("order", of="orchestrator"))
    for seen, field, account in ((message, "account", "account"), (order, "account_name", "order by")):
        if seen["status"] != "completed" or seen[field] != visit.learned[account]:
            raise Failed(f"{seen['id']} is recorded as {seen['status']} on account {seen[field]}")
    return f"both completed, {message['cost']['usd']} and {order['cost']['usd']} USD"


async def metrics(visit: Visit) -> str:
    """The metrics count."""
    seen = {"text": ""}

    async def look() -> str:
        answer = _rest(await visit.ask("GET", "/metrics"), "/metrics", scope="admin-read")
        seen["text"] = str(answer.body)
        return "" if "nubabel_requests_total{" in seen["text"] else "/metrics counts no requests (does a worker run?)"

    await visit.until(look)
    return f"{seen['text'].count('# TYPE')} metrics"


async def slack(visit: Visit) -> str:
    """Slack took the message about the order, where Slack hears of requests."""
    order = visit.known("order", of="orchestrator")
    seen: dict[str, Any] = {}

    async def look() -> str:
        for told in (await _ended(visit, order))["told"]:
            if told["destination"].startswith("Slack"):
                seen.update(told)
        if not seen:
            raise NotAsked("not configured here: no SLACK_* variable names a place for requests")
        if seen["state"] == "failed":
            raise Failed(f"{seen['destination']} did not take the message: {seen['why']}")
        return "" if seen["state"] == "sent" else _delay(seen)

    await visit.until(look)
    return f"the order's message was taken by {seen['destination']}"


STEPS: Final[tuple[tuple[str, Step], ...]] = (
    ("alive", alive),
    ("ready", ready),
    ("guarded", guarded),
    ("accounts", accounts),
    ("registering", registering),
    ("message", message),
    ("selected", selected),
    ("streaming", streaming),
    ("orchestrator", orchestrator),
    ("live", partial(pushed, path=STREAM)),
    ("websocket", partial(pushed, path=SOCKET)),
    ("recorded", recorded),
    ("metrics", metrics),
    ("slack", slack),
)


def _message(visit: Visit) -> dict[str, Any]:
    return {"model": visit.model, "max_tokens": 16, "messages": [{"role": "user", "content": WORD}]}


def _rest(answer: Answer, path: str, *, scope: str) -> Answer:
    if answer.status == HTTPStatus.NOT_FOUND:
        raise Failed(_MISSING.format(path=path))
    if answer.status in _NOT_ALLOWED:
        raise Failed(f"the key may not (scope {scope}): {answer.trouble}")
    if answer.status != HTTPStatus.OK:
        raise Failed(f"{path} answered {answer.trouble}")
    return answer


def _named(visit: Visit, account: str) -> str:
    return str(visit.learned.get("accounts", {}).get(account, account))


async def _ended(visit: Visit, activity: str) -> dict[str, Any]:
    """The record of that request, once it has ended."""
    path = f"/api/admin/activities/{activity}/"
    seen: dict[str, Any] = {}

    async def look() -> str:
        answer = await visit.ask("GET", path)
        if answer.status == HTTPStatus.NOT_FOUND and not await _has_activities(visit):
            raise Failed(_MISSING.format(path="/api/admin/activities/"))
        if answer.status == HTTPStatus.NOT_FOUND:
            return "the worker has not recorded it (does one run?)"
        seen.update(_rest(answer, path, scope="admin-read").body)
        return "" if seen["status"] in {"completed", "failed"} else f"it is said to be {seen['status']}"

    await visit.until(look)
    return seen


def _delay(told: dict[str, Any]) -> str:
    word = "no message was written for" if told["state"] == "none" else f"the message is {told['state']} for"
    return f"{word} {told['destination']}" + (f" ({told['why']})" if told["why"] else "")


async def _has_activities(visit: Visit) -> bool:
    return (await visit.ask("GET", "/api/admin/activities/")).status != HTTPStatus.NOT_FOUND


async def _deleted(visit: Visit, name: str) -> str:
    found = _rest(
        await visit.ask("GET", f"/api/admin/accounts/?search={name}"), "/api/admin/accounts/", scope="admin-read"
    )
    for row in _rows(found):
        answer = await visit.ask("DELETE", f"/api/admin/accounts/{row['id']}/")
        if answer.status not in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND}:
            raise Failed(f"{name} could not be deleted, delete it by hand: {answer.trouble}")
    return "deleted" if _rows(found) else "was never made"


def _rows(answer: Answer) -> list[dict[str, Any]]:
    """Of a list, whether it comes in pages or whole."""
    rows: list[dict[str, Any]] = answer.body["results"] if isinstance(answer.body, dict) else answer.body
    return rows


async def _heard(visit: Visit, ear: Ear, activity: str) -> str:
    """Nothing to complain about, or what."""
    try:
        await visit.until(partial(ear.complaint, activity))
    except Failed as failed:
        return str(failed)
    return ""
