"""Charging batches: Anthropic is asked what they used, the engine charges it, and the database remembers that it did.

No lease is taken for asking and no breaker hears of it, so an account is asked whatever state it is in. Two who look
after the same batch at once do no harm; see Note [How a batch is charged] in `gateway.batches.bills`.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.core.exceptions import ObjectDoesNotExist

from accounts.directory import Credential
from accounts.errors import AccountsError
from gateway.batches import bills
from gateway.batches.results import Part, Results
from gateway.batches.unbilled import Unbilled, UnbilledBatches
from gateway.clock import Clock
from gateway.errors import CallerRefused, GatewayError, OwnersUnavailable, UpstreamFault
from gateway.pacing import read_whole, read_within
from gateway.replies import Fault
from gateway.resources import is_batch, is_open, read
from gateway.wire import Exchange, Request, Upstream
from quota.engine.api import Engine
from quota.engine.errors import EngineError

EVERY_SECONDS: Final = 15.0
"""How often to look for batches that are due."""
AT_A_TIME: Final = 8
SOONEST: Final = timedelta(seconds=30)
LATEST: Final = timedelta(minutes=15)
PATIENCE: Final = timedelta(days=30)
"""Anthropic keeps results for 29 days; what nobody could find out by then stays unknown."""
FIRST_BYTE_SECONDS: Final = 30.0
GAP_SECONDS: Final = 60.0
_HEADERS: Final = (("anthropic-version", "2023-06-01"),)
_DOCUMENT_MAX: Final = 1024 * 1024
_OK: Final = 200
_GONE: Final = 404
_TROUBLE: Final = (GatewayError, AccountsError, EngineError, ObjectDoesNotExist)

UNWRITTEN: Final = CallerRefused(
    503,
    "api_error",
    "What this batch cost could not be written down yet, so it is kept. Try again in a moment.",
    headers=(("retry-after", "5"),),
)

logger = logging.getLogger(__name__)


class BatchCharges:
    """Looks after what batches cost. Belongs to one event loop."""

    def __init__(self, *, unbilled: UnbilledBatches, upstream: Upstream, engine: Engine, clock: Clock) -> None:
        """`engine` has to be one that says so when its store is away: what it takes is taken for charged."""
        self._unbilled = unbilled
        self._upstream = upstream
        self._engine = engine
        self._clock = clock

    async def round(self) -> None:
        """Look after those that are due, a few at a time. Raises `OwnersUnavailable`."""
        due = await self._unbilled.claim(most=AT_A_TIME)
        await asyncio.gather(*(self._look_after(one) for one in due))

    async def before_deletion(self, id_: str) -> None:
        """Charge a batch that is about to be deleted, and its results with it. Raises `CallerRefused` (503)."""
        try:
            one = await self._unbilled.find(id_)
            if one is not None:
                await self._charge(one)
        except _TROUBLE as trouble:
            _log_trouble(id_, trouble)
            raise UNWRITTEN from None

    async def _look_after(self, one: Unbilled) -> None:
        try:
            await self._charge(one)
        except _TROUBLE as trouble:
            _log_trouble(one.id, trouble)
            with suppress(OwnersUnavailable):  # then it is due again when the claim is over
                await self._not_now(one)

    async def _charge(self, one: Unbilled) -> None:
        """Charge a batch if it has ended, else say when to look again."""
        credential = await self._unbilled.credential(one.account)
        document = await self._document(one, credential)
        if not document:
            await self._not_now(one)
            return
        await self._unbilled.seen(one.id, document, look_again=next_look(one, self._now()))
        if not is_open(document):
            batch = _batch(one, document, now=self._now())
            await self._settle(batch, await self._parts(batch, credential))
            await self._unbilled.done(one.id)

    async def _not_now(self, one: Unbilled) -> None:
        """Come back later; what cannot be found out any more is let go of, loudly."""
        if one.deleted or self._now() > one.created_at + PATIENCE:
            logger.error("what %s cost could not be found out", one.id, extra={"action": "batch_bill"})
            await self._unbilled.done(one.id)
        else:
            await self._unbilled.later(one.id, at=next_look(one, self._now()))

    async def _settle(self, batch: bills.Batch, parts: tuple[Part, ...]) -> None:
        """Raises `EngineError`; what was charged before that is not charged again."""
        settlements = bills.settlements(batch, parts)
        ids = [bills.lease_id(batch, number) for number, _ in enumerate(settlements, start=1)]
        recorded = await self._unbilled.charged(ids)
        for id_, settlement in zip(ids, settlements, strict=True):
            if id_ not in recorded:
                await self._engine.settle(batch.pool, id_, settlement)

    # -- asking

    async def _document(self, one: Unbilled, credential: Credential) -> Mapping[str, Any]:
        """What Anthropic says of the batch; nothing if it does not know it."""
        exchange = await self._asked(f"/v1/messages/batches/{one.id}", credential)
        with closing(exchange):
            body = await read_whole(exchange, most=_DOCUMENT_MAX, seconds=GAP_SECONDS)
        document = read(body) if exchange.status == _OK else {}
        if exchange.status not in {_OK, _GONE} or not (document == {} or _is(document)):
            raise UpstreamFault(Fault.MALFORMED)
        return document

    async def _parts(self, batch: bills.Batch, credential: Credential) -> tuple[Part, ...]:
        results = Results(on=batch.ended_at.date())
        exchange = await self._asked(f"/v1/messages/batches/{batch.id}/results", credential)
        with closing(exchange):
            if exchange.status != _OK:
                raise UpstreamFault(Fault.MALFORMED)
            while chunk := await read_within(exchange, seconds=GAP_SECONDS):
                results.feed(chunk)
        results.end()
        if results.unreadable:
            said = "%d results of %s could not be read and are not charged"
            logger.error(said, results.unreadable, batch.id, extra={"action": "batch_bill"})
        return results.parts

    async def _asked(self, target: str, credential: Credential) -> Exchange:
        request = Request("GET", target, _HEADERS)
        return await self._upstream.open(request, credential, first_byte=FIRST_BYTE_SECONDS)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.now_ms() / 1_000, tz=UTC)


def next_look(one: Unbilled, now: datetime) -> datetime:
    """Say when to ask again: the older a batch is, the more rarely. Pure."""
    return now + min(LATEST, max(SOONEST, (now - one.created_at) / 10))


def _batch(one: Unbilled, document: Mapping[str, Any], *, now: datetime) -> bills.Batch:
    ended_at = _ended_at(one, document, now=now)
    return bills.Batch(one.id, one.account, one.pool, one.client, one.created_at, ended_at)


def _ended_at(one: Unbilled, document: Mapping[str, Any], *, now: datetime) -> datetime:
    """When Anthropic says that it ended, if that is possible."""
    try:
        said = datetime.fromisoformat(document["ended_at"])
    except (KeyError, TypeError, ValueError):
        return now
    return min(now, max(one.created_at, said)) if said.tzinfo else now


def _log_trouble(id_: str, trouble: Exception) -> None:
    logger.warning("%s could not be charged: %s", id_, type(trouble).__name__, extra={"action": "batch_bill"})


def _is(document: object) -> bool:
    return isinstance(document, dict) and is_batch(document)
