"""What happened last to pools and accounts, read off the streams that the live view follows."""

import asyncio
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from asgiref.sync import async_to_sync
from redis.exceptions import RedisError

from accounts.models import ClaudeAccount
from notifications.kinds import Kind, Notice
from notifications.sentences import sentence
from notifications.translation import translate
from quota.streams import open_client
from quota.tail import Tail
from quota.wiring import redis_url

LOOKED_THROUGH: Final = 400
"""Stream entries per pool. Requests are most of them, so in a busy pool this reaches minutes back, not days."""
SECONDS: Final = 1.0
_OF_REQUESTS: Final = frozenset({Kind.AGENT_STARTED, Kind.AGENT_PROGRESS, Kind.AGENT_COMPLETED, Kind.AGENT_FAILED})
EVENT_TONES: Final = {
    Kind.BREAKER_OPENED: "danger",
    Kind.BREAKER_HALF_OPEN: "warning",
    Kind.BREAKER_CLOSED: "success",
    Kind.HOLD: "warning",
    Kind.ACCOUNT_OUT: "danger",
    Kind.ACCOUNT_BACK: "success",
    Kind.OUTAGE: "danger",
    Kind.COMMON_CAUSE: "danger",
    Kind.ALERT_OPENED: "warning",
    Kind.ALERT_ESCALATED: "danger",
    Kind.ALERT_RESOLVED: "success",
}
"""In the admin skin's words for colours; the live view's `feed.js` says the same."""


@dataclass(frozen=True, slots=True)
class Happened:
    """One event in words."""

    at: datetime
    kind: Kind
    text: str


def last_events(pools: Iterable[uuid.UUID], *, most: int) -> list[Happened]:
    """The newest of all these pools first, without those of requests. Empty while Redis is away.

    One query, for names.
    """
    try:
        notices = async_to_sync(_read)([str(pool) for pool in pools])
    except (RedisError, OSError, TimeoutError):
        return []
    telling = (one for one in notices if one.kind not in _OF_REQUESTS)
    latest = sorted(telling, key=lambda one: one.at_ms, reverse=True)[:most]
    names = _names(one.account for one in latest)
    return [
        Happened(datetime.fromtimestamp(one.at_ms / 1_000, tz=UTC), one.kind, sentence(one, names=names))
        for one in latest
    ]


def _names(accounts: Iterable[str]) -> dict[str, str]:
    wanted = {one for one in accounts if one}
    rows = ClaudeAccount.objects.filter(pk__in=wanted) if wanted else ClaudeAccount.objects.none()
    return {str(pk): name for pk, name in rows.values_list("pk", "name")}


async def _read(pools: list[str]) -> list[Notice]:
    tail = Tail(open_client(redis_url()))
    try:
        async with asyncio.timeout(SECONDS):
            batches = [await tail.before(pool, "", count=LOOKED_THROUGH) for pool in pools]
        notices = (translate(entry) for batch in batches for entry in batch.entries)
        return [notice for notice in notices if notice is not None]
    finally:
        await tail.close()
