"""The routes under /_sim/, by which other processes direct the simulator."""

from collections.abc import Callable, Mapping
from typing import Any

from simulator.clock import InstantClock, ManualClock
from simulator.errors import ScriptError
from simulator.faults.registry import FAULTS, described, make_rule
from simulator.founding import open_account
from simulator.parties import Account
from simulator.reply import Reply
from simulator.scene import Incoming, json_reply
from simulator.times import rfc3339
from simulator.validation import json_object
from simulator.world import World

ControlHandler = Callable[[World, Incoming], Reply]

_SECRET_HEADERS = frozenset({"authorization", "x-api-key", "cookie"})


def state(world: World, _incoming: Incoming) -> Reply:
    """GET /_sim/state: what was asked, what was served, what is scripted."""
    return json_reply(
        {
            "now": rfc3339(world.clock.now()),
            "accounts": {account.name: _account(account) for account in world.accounts.values()},
            "faults": [rule.describe() for rule in world.script],
            "faults_played": world.script.played,
            "hanging": world.gate.waiting,
            "slack_messages": len(world.slack.messages),
        }
    )


def _account(account: Account) -> dict[str, Any]:
    return {
        "requests": account.requests,
        "statuses": {str(status): count for status, count in sorted(account.statuses.items())},
        "tokens": account.tokens,
        "cost_nano": account.cost,
        "status": account.status,
        "key_id": account.key_id,
        "organization": account.organization.name,
        "organization_id": account.organization.id,
        "workspace_id": account.workspace.id,
    }


def requests(world: World, incoming: Incoming) -> Reply:
    """GET /_sim/requests?account=&limit=: the latest requests, newest first, credentials left out."""
    account = incoming.first("account")
    limit = int(incoming.first("limit") or 50)
    rows = [
        {
            **exchange.summary,
            "at": rfc3339(exchange.at),
            "headers": {k.lower(): v for k, v in exchange.headers.items() if k.lower() not in _SECRET_HEADERS},
            "body": exchange.body.decode(errors="replace"),
        }
        for exchange in reversed(world.exchanges)
        if account in {None, exchange.account}
    ]
    return json_reply({"data": rows[:limit]})


def faults(world: World, _incoming: Incoming) -> Reply:
    """GET /_sim/faults: the rules in force, and the names there are."""
    return json_reply({"data": [rule.describe() for rule in world.script], "known": described()})


def add_faults(world: World, incoming: Incoming) -> Reply:
    """POST /_sim/faults: one rule, or {"faults": […]}, e.g. {"account": "alpha", "fault": "throttle", "times": 2}."""
    body = json_object(incoming.body)
    rules = [_rule(world, spec) for spec in body.get("faults", [body])]
    return json_reply({"data": [world.script.add(rule).describe() for rule in rules]})


def _rule(world: World, spec: Any) -> Any:  # noqa: ANN401
    if not isinstance(spec, Mapping) or not isinstance(spec.get("fault"), str):
        raise ScriptError(f"A rule needs the name of a fault. Known: {', '.join(sorted(FAULTS))}.")
    account = spec.get("account")
    if account is not None and account not in world.accounts:
        raise ScriptError(f"There is no account {account!r}. Known: {', '.join(world.accounts)}.")
    return make_rule(spec["fault"], **{key: value for key, value in spec.items() if key != "fault"})


def remove_faults(world: World, incoming: Incoming) -> Reply:
    """DELETE /_sim/faults?account=&id=: drop those rules, or all."""
    rule_id = incoming.first("id")
    removed = world.script.remove(
        rule_id=int(rule_id) if rule_id is not None else None, account=incoming.first("account")
    )
    return json_reply({"removed": removed})


def add_account(world: World, incoming: Incoming) -> Reply:
    """POST /_sim/accounts: open an account; the answer holds its key and its organization's Admin key."""
    account = open_account(world, json_object(incoming.body))
    keys = {"key": account.key, "admin_key": account.organization.admin_key}
    return json_reply({"name": account.name, **_account(account), **keys})


def release(world: World, _incoming: Incoming) -> Reply:
    """POST /_sim/release: let everything that hangs go on."""
    return json_reply({"released": world.gate.open()})


def advance(world: World, incoming: Incoming) -> Reply:
    """POST /_sim/clock {"seconds": 60}: move a clock that can be moved."""
    if not isinstance(world.clock, (ManualClock, InstantClock)):
        raise ScriptError("This simulator runs on the real time; its clock cannot be moved.")
    world.clock.advance(float(json_object(incoming.body)["seconds"]))
    return json_reply({"now": rfc3339(world.clock.now())})


def slack_messages(world: World, _incoming: Incoming) -> Reply:
    """GET /_sim/slack: the messages received, oldest first."""
    rows = [
        {"at": rfc3339(m.at), "via": m.via, "channel": m.channel, "text": m.text, "payload": dict(m.payload)}
        for m in world.slack.messages
    ]
    return json_reply({"data": rows})


def add_slack_fault(world: World, incoming: Incoming) -> Reply:
    """POST /_sim/slack {"error": "rate_limited", "channel": null, "times": 1, "retry_after": 3}."""
    spec = json_object(incoming.body)
    try:
        world.slack.fault(**spec)
    except TypeError as error:
        raise ScriptError(f"A Slack fault has error, channel, times and retry_after: {error}.") from error
    return json_reply({"faults": len(world.slack.faults)})


def clear_slack(world: World, _incoming: Incoming) -> Reply:
    """DELETE /_sim/slack: forget Slack's messages and faults."""
    world.slack.messages.clear()
    world.slack.faults.clear()
    return json_reply({"faults": 0})


ROUTES: tuple[tuple[str, str, ControlHandler], ...] = (
    ("GET", "/_sim/state", state),
    ("GET", "/_sim/requests", requests),
    ("GET", "/_sim/faults", faults),
    ("POST", "/_sim/faults", add_faults),
    ("DELETE", "/_sim/faults", remove_faults),
    ("POST", "/_sim/accounts", add_account),
    ("POST", "/_sim/release", release),
    ("POST", "/_sim/clock", advance),
    ("GET", "/_sim/slack", slack_messages),
    ("POST", "/_sim/slack", add_slack_fault),
    ("DELETE", "/_sim/slack", clear_slack),
    ("POST", "/slack/api/chat.postMessage", lambda world, incoming: world.slack.post_message(incoming)),
    ("POST", "/slack/api/auth.test", lambda world, incoming: world.slack.auth_test(incoming)),
    ("POST", "/slack/services/{team}/{hook}/{secret}", lambda world, incoming: world.slack.webhook(incoming)),
)
