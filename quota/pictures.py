"""A pool as the live view shows it: what the engine knows and what the database says, as plain JSON values."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from notifications.live.board import Picture
from quota.engine.api import Engine
from quota.engine.errors import EngineEmpty
from quota.engine.types import Window
from quota.engine.views import AccountState, LimitState
from quota.roster import Roster, Rosters, Row
from quota.status import UNKNOWN, Status, status_of
from quota.summary import summary_of


class Pictures:
    """Takes pictures of pools. Belongs to one event loop."""

    def __init__(self, *, engine: Engine, rosters: Rosters) -> None:
        self._engine = engine
        self._rosters = rosters

    async def __call__(self, pool: str) -> Picture:
        """Raises the engine's errors and the database's."""
        roster = await self._rosters.get(pool)
        try:
            snapshot = await self._engine.snapshot(pool)
        except EngineEmpty:  # nobody has leased from it yet
            return picture_of(roster, {}, now_ms=0)
        return picture_of(roster, snapshot.accounts, now_ms=snapshot.now_ms)


def picture_of(roster: Roster, states: Mapping[str, AccountState], *, now_ms: int) -> Picture:
    """Put both together. An account that was deleted is not shown, whatever the engine still knows of it."""
    statuses = {row.id: _status(row, states.get(row.id), now_ms=now_ms) for row in roster.rows}
    known = [states[row.id] for row in roster.rows if row.id in states]
    return Picture(
        pool={
            "name": roster.name,
            "strategy": roster.strategy,
            "simulated": roster.simulated,
            **asdict(summary_of(list(statuses.values()), known, now_ms=now_ms)),
        },
        accounts={
            row.id: _account(row, states.get(row.id), statuses[row.id], place=place)
            for place, row in enumerate(roster.rows)
        },
        names=roster.names,
    )


def _status(row: Row, state: AccountState | None, *, now_ms: int) -> Status:
    if state is None:
        return UNKNOWN
    return status_of(
        state,
        enabled=row.enabled,
        readable=row.readable,
        now_ms=now_ms,
        disabled_for=row.disabled_for,
        cap=row.cap,
    )


def _account(row: Row, state: AccountState | None, status: Status, *, place: int) -> dict[str, Any]:
    told = {"word": status.word, "text": status.template, "tone": status.tone, "why": status.why}
    who = {"id": row.id, "name": row.name, "place": place, "status": {**told, "until_ms": status.until_ms}}
    return who if state is None else {**who, "cap": row.cap, **_numbers(state)}


def _numbers(state: AccountState) -> dict[str, Any]:
    return {
        "in_flight": state.in_flight,
        "limits": [_limit(one) for one in state.limits],
        "today": {"requests": state.day_requests, "tokens": state.day_tokens, "cost_nano": state.day_cost},
        "breaker": {
            "state": state.breaker,
            "mode": state.mode,
            "failures": state.failures,
            "until_ms": state.open_until_ms,
            "why": state.breaker_why,
        },
        "holds": [asdict(hold) for hold in state.holds],
        "priority": state.priority,
        "organization": state.organization,
        "last_used_ms": state.last_used_ms,
    }


def _limit(one: LimitState) -> dict[str, Any]:
    # Where nothing counts against a minute, its end is "now", which would be news at every look.
    idle = one.limit.window is Window.MINUTE and not one.used
    resets_ms = 0 if idle else one.resets_ms
    limit = {"metric": one.limit.metric, "window": one.limit.window, "amount": one.limit.amount}
    return {**limit, "used": one.used, "reserved": one.reserved, "resets_ms": resets_ms}
