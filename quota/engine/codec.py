"""Between the engine's values and what travels to and from the scripts (see `lua/fields.lua` for the places)."""

import struct
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from quota.engine.breaker import Breaker
from quota.engine.capacity import Amount, Counters
from quota.engine.holds import HoldKey, Holds
from quota.engine.learned_codec import said_part
from quota.engine.members import Books, Member
from quota.engine.types import (
    Account,
    Block,
    BreakerMode,
    BreakerSettings,
    BreakerState,
    Client,
    Event,
    Foreign,
    Lease,
    LeaseRequest,
    Limit,
    Metric,
    PoolSettings,
    Reason,
    Refusal,
    Scope,
    Settlement,
    Strategy,
    Usage,
    Window,
)

Part = bytes | str | int
_METRICS = (Metric.REQUESTS, Metric.TOKENS, Metric.COST)
_WINDOWS = (Window.MINUTE, Window.DAY, Window.MONTH)
_STATES = (BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN)
_MODES = (BreakerMode.AUTO, BreakerMode.FORCED_OPEN, BreakerMode.FORCED_CLOSED)
_SLOT = struct.Struct(">IIQQ")
_pack = msgspec.msgpack.encode
_unpack = msgspec.msgpack.decode


def settings_parts(settings: PoolSettings, *, pool: str, epoch: str, enabled: int) -> bytes:
    breaker = settings.breaker
    return _pack(
        (
            settings.version,
            settings.strategy.value,
            int(settings.affinity),
            settings.affinity_ttl_ms,
            settings.affinity_margin_ppm,
            breaker.threshold,
            breaker.open_ms,
            breaker.successes_to_close,
            int(breaker.early_probe),
            int(settings.outage_guard),
            pool,
            epoch,
            enabled,
            int(settings.serve_degraded),
            _limits(settings),
            int(settings.learning),
        )
    )


def read_settings(raw: bytes) -> PoolSettings:
    values = _unpack(raw)
    return PoolSettings(
        version=values[0],
        strategy=Strategy(values[1]),
        affinity=bool(values[2]),
        affinity_ttl_ms=values[3],
        affinity_margin_ppm=values[4],
        breaker=BreakerSettings(values[5], values[6], values[7], bool(values[8])),
        outage_guard=bool(values[9]),
        serve_degraded=bool(values[13]),
        limits=_read_limits(values[14] if len(values) > 14 else ()),  # noqa: PLR2004 - written by an older version
        learning=bool(values[15]) if len(values) > 15 else True,  # noqa: PLR2004 - likewise
    )


def read_epoch(raw: bytes) -> str:
    """The life of the store that holds these settings."""
    return str(_unpack(raw)[11])


def account_parts(account: Account, usage: Usage | None) -> tuple[Part, Part, Part]:
    models = False if account.models is None else dict.fromkeys(account.models, True)
    standing = (int(account.enabled), account.priority, account.weight)
    packed = _pack((*standing, _cap(account), models, _limits(account), account.organization))
    return account.id, packed, b"" if usage is None else _pack(_usage(usage))


def _cap(who: Account | Client) -> int:
    return -1 if who.max_concurrency is None else who.max_concurrency


def _limits(who: Account | Client | PoolSettings) -> list[int]:
    return [
        part
        for limit in who.limits
        for part in (_METRICS.index(limit.metric) + 1, _WINDOWS.index(limit.window) + 1, limit.amount)
    ]


def _usage(usage: Usage) -> tuple[int, ...]:
    day = (usage.day, usage.day_requests, usage.day_tokens, usage.day_cost)
    return (*day, usage.month_requests, usage.month_tokens, usage.month_cost)


def clients_usage(clients: Mapping[str, Usage]) -> bytes:
    return _pack({client: _usage(usage) for client, usage in clients.items()}) if clients else b""


def foreign_parts(used: Mapping[str, Foreign], *, day: int) -> list[Part]:
    parts: list[Part] = [day]
    for account, it in used.items():
        parts += (account, it.day_tokens, it.day_cost, it.month_tokens, it.month_cost)
    return parts


@lru_cache(maxsize=1024)
def _client(client: Client | None) -> bytes:
    """In the places of an account's configuration, of which a client has but cap and limits."""
    return b"" if client is None else _pack((client.id, (1, 0, 1, _cap(client), False, _limits(client), "")))


def lease_parts(request: LeaseRequest, *, draw: int) -> list[Part]:
    parts: list[Part] = [
        request.lease_id,
        request.model,
        request.group,
        request.tokens,
        request.cost,
        request.ttl_ms,
        1 if request.session else 0,
        request.only,
        request.note,
        draw,
        _client(request.client),
        request.input_tokens,
        len(request.tried),
        *request.tried,
    ]
    _add_events(parts, request.events)
    return parts


def _add_events(parts: list[Part], events: Iterable[Event]) -> None:
    for event in events:
        parts += (event.type, event.payload)


def read_lease(request: LeaseRequest, reply: Sequence[Any]) -> Lease | Refusal:
    if reply[0] == b"REFUSED":
        return _read_refusal(request.pool, reply)
    if reply[0] == b"LIMITED":
        limited = Block(reply[5].decode(), Reason(reply[3].decode()), reply[2], reply[4].decode())
        return Refusal(pool=request.pool, now_ms=reply[1], retry_at_ms=reply[2], blocks=(), limited=limited)
    return Lease(
        id=request.lease_id,
        pool=request.pool,
        account=reply[1].decode(),
        generation=reply[2],
        probe=reply[3] == 1,
        granted_ms=reply[4],
        deadline_ms=reply[5],
        day=reply[6],
        sticky=reply[7] == 1,
        moved_from=reply[8].decode(),
        tokens=reply[9],
        cost=int(reply[10]),
        epoch=reply[11].decode(),
        client=reply[12].decode(),
    )


def _read_refusal(pool: str, reply: Sequence[Any]) -> Refusal:
    blocks = tuple(
        Block(reply[i].decode(), Reason(reply[i + 1].decode()), reply[i + 2], reply[i + 3].decode())
        for i in range(3, len(reply), 4)
    )
    return Refusal(pool=pool, now_ms=reply[1], retry_at_ms=reply[2], blocks=blocks)


def settle_parts(lease_id: str, settlement: Settlement) -> list[Part]:
    parts: list[Part] = [
        lease_id,
        settlement.verdict.value,
        settlement.tokens,
        settlement.cost,
        1 if settlement.sent else 0,
        settlement.why,
        settlement.organization,
        settlement.note,
        b"" if settlement.granted is None else _grant(settlement.granted),
        b"" if settlement.said is None else said_part(settlement.said),
        len(settlement.holds),
    ]
    for hold in settlement.holds:
        parts += (hold.scope.value, hold.group, hold.model, hold.until_ms, hold.for_ms, hold.why)
    _add_events(parts, settlement.events)
    return parts


def _grant(lease: Lease) -> bytes:
    return _pack((lease.account, lease.granted_ms, lease.day, lease.tokens, lease.cost, lease.epoch, lease.client))


def read_holds(scores: Sequence[bytes], whys: Sequence[bytes]) -> Holds:
    reasons = dict(zip(whys[::2], whys[1::2], strict=True))
    entries = {}
    for key, score in zip(scores[::2], scores[1::2], strict=True):
        scope, owner, group, model = key.decode().split("|", 3)
        why = reasons.get(key, b"").decode()
        entries[HoldKey(Scope(scope), owner, group, model)] = (int(float(score)), why)
    return Holds(entries)


def read_members(rows: Sequence[Any]) -> Mapping[str, Member]:
    """`rows`: id, configuration, state, last minute, id, …"""
    members = (
        _read_member(rows[i].decode(), _unpack(rows[i + 1]), _unpack(rows[i + 2]), rows[i + 3])
        for i in range(0, len(rows), 4)
    )
    return {member.account.id: member for member in members}


def read_clients(rows: Sequence[bytes]) -> Mapping[str, Books]:
    """`rows`: id, state, last minute, id, …"""
    return {rows[i].decode(): _read_books(_unpack(rows[i + 1]), rows[i + 2]) for i in range(0, len(rows), 3)}


def _read_books(state: list[Any], minute: bytes) -> Books:
    return Books(counters=_read_counters(state, minute), in_flight=state[2])


def _read_member(name: str, conf: list[Any], state: list[Any], minute: bytes) -> Member:
    return Member(
        account=_read_account(name, conf, organization=state[32] or conf[6]),
        breaker=_read_breaker(state),
        counters=_read_counters(state, minute),
        in_flight=state[2],
        passed=state[3],
        last_turn=state[4],
        last_used_ms=state[5],
    )


def _read_account(name: str, conf: list[Any], *, organization: str) -> Account:
    return Account(
        id=name,
        enabled=bool(conf[0]),
        priority=conf[1],
        weight=conf[2],
        limits=_read_limits(conf[5] or ()),
        max_concurrency=None if conf[3] < 0 else conf[3],
        models=tuple(conf[4]) if conf[4] else None,
        organization=organization,
    )


def _read_limits(flat: Sequence[int]) -> tuple[Limit, ...]:
    return tuple(Limit(_METRICS[flat[i] - 1], _WINDOWS[flat[i + 1] - 1], flat[i + 2]) for i in range(0, len(flat), 3))


def _read_breaker(state: list[Any]) -> Breaker:
    return Breaker(
        state=_STATES[state[23]],
        mode=_MODES[state[24]],
        generation=state[25],
        failures=state[26],
        successes=state[27],
        until_ms=state[28],
        probe=state[29],
        probe_deadline_ms=state[30],
        why=state[31],
    )


def _read_counters(state: list[Any], minute: bytes) -> Counters:
    def amount(place: int) -> Amount:
        return Amount(*state[place : place + 3])

    slots = {slot: Amount(requests, tokens, cost) for slot, requests, tokens, cost in _SLOT.iter_unpack(minute)}
    return Counters(
        day=state[6],
        month=state[7],
        used={Window.DAY: amount(8), Window.MONTH: amount(11)},
        held={Window.DAY: amount(14), Window.MONTH: amount(17)},
        slots=slots,
    )
