"""From the engine's stream entries to notices: one row per entry type, pure, and never raising.

Entries come as text from a store that older and newer versions share, so a field that is missing or odd reads
as empty or zero, and an entry nobody need hear of gives None.
"""

import json
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from notifications.kinds import (
    NEVER_MS,
    AccountFreed,
    AccountHeld,
    AgentEnded,
    AgentProgress,
    AgentStarted,
    AlertStep,
    BreakerMoved,
    DailySummary,
    Kind,
    Notice,
    PoolTroubled,
)

ROUTINE_HOLDS: Final = frozenset({"throttle", "ramp", "used_up", "model", "retry_after"})
"""Why an account pauses in the normal course of a day."""
LONG_MS: Final = 600_000
"""A whole account away for at least this long is out, not pausing."""
REJECTED: Final = "invalid_key"
_HUGE: Final = 1 << 63
"""No count, cost or time of ours gets here; such a number is a fault and must not reach a page."""

Fields = Mapping[str, str]


class Entry(Protocol):
    """A stream entry as the engine decodes it."""

    @property
    def id(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def at_ms(self) -> int: ...
    @property
    def fields(self) -> Fields: ...


def translate(entry: Entry) -> Notice | None:
    """The notice an entry gives, or None if people need not hear of it."""
    make = _ENTRIES.get(entry.type)
    if make is not None:
        return make(entry)
    record = _RECORDS.get(entry.type)
    payload = _object(entry.fields.get("payload", ""))
    return record(entry, payload) if record is not None and payload is not None else None


def _breaker(entry: Entry) -> Notice | None:
    fields = entry.fields
    fact = BreakerMoved(
        pool=fields.get("pool", ""),
        account=fields.get("account", ""),
        gen=_int(fields.get("gen")),
        before=fields.get("from", ""),
        after=fields.get("to", ""),
        why=fields.get("why", ""),
        until_ms=_int(fields.get("until_ms")),
        actor=fields.get("actor", ""),
        mode=fields.get("mode", ""),
    )
    kind = _BREAKER_MODES.get(fact.mode) or _BREAKER_STATES.get(fact.after)
    return Notice(entry.id, kind, entry.at_ms, fact) if kind else None


def _hold(entry: Entry) -> Notice:
    fields = entry.fields
    fact = AccountHeld(
        pool=fields.get("pool", ""),
        account=fields.get("account", ""),
        scope=fields.get("scope", ""),
        organization=fields.get("organization", ""),
        why=fields.get("why", ""),
        until_ms=_int(fields.get("until_ms")),
        group=fields.get("group", ""),
        model=fields.get("model", ""),
    )
    kind = Kind.ACCOUNT_OUT if _out(fact, at_ms=entry.at_ms) else Kind.HOLD
    return Notice(entry.id, kind, entry.at_ms, fact)


def _out(fact: AccountHeld, *, at_ms: int) -> bool:
    if fact.group or fact.model:
        return False
    return fact.why not in ROUTINE_HOLDS or fact.until_ms - at_ms >= LONG_MS


def _rejected(entry: Entry) -> Notice:
    fields = entry.fields
    fact = AccountHeld(
        pool=fields.get("pool", ""),
        account=fields.get("account", ""),
        scope="account",
        organization="",
        why=REJECTED,
        until_ms=NEVER_MS,
        detail=fields.get("why", ""),
    )
    return Notice(entry.id, Kind.ACCOUNT_OUT, entry.at_ms, fact)


def _freed(entry: Entry) -> Notice:
    fields = entry.fields
    fact = AccountFreed(fields.get("pool", ""), fields.get("account", ""), fields.get("actor", ""))
    return Notice(entry.id, Kind.ACCOUNT_BACK, entry.at_ms, fact)


def _troubled(kind: Kind) -> Callable[[Entry], Notice]:
    def make(entry: Entry) -> Notice:
        fields = entry.fields
        said = fields.get("accounts", "")  # either how many, or which
        accounts = () if said.isdecimal() else tuple(it for it in said.split(",") if it)
        fact = PoolTroubled(fields.get("pool", ""), _int(said) or len(accounts), accounts, fields.get("why", ""))
        return Notice(entry.id, kind, entry.at_ms, fact)

    return make


def _started(entry: Entry, said: Mapping[str, object]) -> Notice:
    fact = AgentStarted(
        activity=_text(said.get("activity")),
        pool=_text(said.get("pool")),
        source=_text(said.get("source")),
        model=_text(said.get("model")),
        category=_text(said.get("category")),
        session=_text(said.get("session")),
        stream=said.get("stream") is True,
    )
    return Notice(entry.id, Kind.AGENT_STARTED, entry.at_ms, fact)


def _progress(entry: Entry, said: Mapping[str, object]) -> Notice:
    fact = AgentProgress(
        activity=_text(said.get("activity")),
        number=_int(said.get("number")),
        account=_text(said.get("account")),
        outcome=_text(said.get("outcome")),
        why=_text(said.get("why")),
    )
    return Notice(entry.id, Kind.AGENT_PROGRESS, entry.at_ms, fact)


def _ended(kind: Kind) -> Callable[[Entry, Mapping[str, object]], Notice]:
    def make(entry: Entry, said: Mapping[str, object]) -> Notice:
        tries = said.get("attempts")
        attempts = [it for it in tries if isinstance(it, dict)] if isinstance(tries, list) else []
        fact = AgentEnded(
            activity=_text(said.get("activity")),
            account=_text(said.get("account")),
            model=_text(said.get("model")),
            tokens=_tokens(said.get("usage")),
            cost_nano=_int(said.get("cost_nano")),
            price_known=said.get("price_known") is True,
            attempts=len(attempts),
            duration_ms=_duration_ms(attempts, ended_ms=_int(said.get("at_ms"))),
            error_type=_text(said.get("error_type")),
            error_message=_text(said.get("error_message")),
        )
        return Notice(entry.id, kind, entry.at_ms, fact)

    return make


def _alert(entry: Entry, said: Mapping[str, object]) -> Notice | None:
    kind = _ALERT_STEPS.get(_text(said.get("step")))
    fact = AlertStep(
        alert=_text(said.get("alert")),
        number=_int(said.get("number")),
        pool=_text(said.get("pool")),
        cause=_text(said.get("kind")),
        level=_text(said.get("level")),
        about=_text(said.get("subject")),
        subject_id=_text(said.get("subject_id")),
        title=_text(said.get("title")),
        text=_text(said.get("text")),
        since_ms=_int(said.get("since_ms")),
        by=_text(said.get("by")),
    )
    return Notice(entry.id, kind, _int(said.get("at_ms")) or entry.at_ms, fact) if kind else None


def _summary(entry: Entry, said: Mapping[str, object]) -> Notice:
    alerts = said.get("open_alerts")
    fact = DailySummary(
        pool=_text(said.get("pool")),
        day=_text(said.get("day")),
        requests=_int(said.get("requests")),
        failures=_int(said.get("failures")),
        tokens=_int(said.get("tokens")),
        cost_nano=_int(said.get("cost_nano")),
        month_cost_nano=_int(said.get("month_cost_nano")),
        open_alerts=tuple(map(_text, alerts)) if isinstance(alerts, list) else (),
        outlook=_text(said.get("outlook")),
    )
    return Notice(entry.id, Kind.DAILY_SUMMARY, entry.at_ms, fact)


def _tokens(usage: object) -> int:
    """All tokens of a usage record; web searches are no tokens."""
    counts = usage.items() if isinstance(usage, dict) else ()
    return sum(_int(count) for name, count in counts if isinstance(name, str) and "token" in name)


def _duration_ms(attempts: list[dict[str, object]], *, ended_ms: int) -> int:
    starts = [start for it in attempts if (start := _int(it.get("started_ms"))) > 0]
    return max(0, ended_ms - min(starts)) if starts else 0


def _object(text: str) -> Mapping[str, object] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _int(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return 0
    try:
        number = int(value)
    except ValueError:
        return 0
    return number if abs(number) < _HUGE else 0


_BREAKER_MODES: Final = {"forced_open": Kind.BREAKER_OPENED, "forced_closed": Kind.BREAKER_CLOSED}
_BREAKER_STATES: Final = {
    "open": Kind.BREAKER_OPENED,
    "half_open": Kind.BREAKER_HALF_OPEN,
    "closed": Kind.BREAKER_CLOSED,
}
_ENTRIES: Final[Mapping[str, Callable[[Entry], Notice | None]]] = {
    "breaker": _breaker,
    "hold": _hold,
    "hold.cleared": _freed,
    "account.rejected": _rejected,
    "pool.outage": _troubled(Kind.OUTAGE),
    "pool.common_cause": _troubled(Kind.COMMON_CAUSE),
}
_ALERT_STEPS: Final = {
    "opened": Kind.ALERT_OPENED,
    "escalated": Kind.ALERT_ESCALATED,
    "resolved": Kind.ALERT_RESOLVED,
    "acknowledged": Kind.ALERT_ACKNOWLEDGED,
}
_RECORDS: Final[Mapping[str, Callable[[Entry, Mapping[str, object]], Notice | None]]] = {
    "activity.started": _started,
    "activity.progress": _progress,
    "activity.completed": _ended(Kind.AGENT_COMPLETED),
    "activity.failed": _ended(Kind.AGENT_FAILED),
    "quota.alert": _alert,
    "quota.summary": _summary,
}
