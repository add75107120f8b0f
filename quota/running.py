"""A worker with everything it needs, opened and closed."""

import asyncio
import logging
import os
import socket
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from uuid import uuid4

from django.utils import timezone
from redis.exceptions import RedisError

from notifications.wiring import post_office
from quota.database_store import DatabaseStore
from quota.drain import Drain, Pace, Teller
from quota.engine.stream import StreamEntry
from quota.metrics.pulse import Pulse
from quota.organizations.sync import sync_due
from quota.records import QUOTA_ALERT, AlertMoved
from quota.streams import Lag, Streams, open_client
from quota.watch import Watch
from quota.wiring import open_patient_engine, redis_url
from quota.worker import Rhythm, Work, Worker

logger = logging.getLogger(__name__)

SYNC_SECONDS = 5.0
"""How often to look whether an organization is to be asked about; each is asked once a minute."""


@asynccontextmanager
async def running_worker(
    *, pace: Pace | None = None, rhythm: Rhythm | None = None, more: Iterable[Work] = ()
) -> AsyncIterator[Worker]:
    """Give a worker under a name of its own; what it has not acknowledged at the end others will take over.

    `more` are errands of those above the ledger.
    """
    streams = Streams(open_client(redis_url()), name=f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}")
    store = DatabaseStore()
    engine = open_patient_engine()
    pulse = asyncio.create_task(Pulse(url=redis_url(), role="worker").run())
    try:
        office = post_office(store.do)
        drain = Drain(streams=streams, store=store, clock=time.monotonic, pace=pace, teller=office.relay)
        tell = partial(tell_directly, office.relay, store)
        watch = Watch(engine=engine, store=store, clock=time.monotonic, tell=tell)
        errands = (*office.errands(), (_sync, SYNC_SECONDS), *more)
        yield Worker(drain=drain, engine=engine, source=store, watch=watch, errands=errands, rhythm=rhythm)
    finally:
        pulse.cancel()
        with suppress(asyncio.CancelledError):
            await pulse
        await _leave(streams)
        await engine.close()
        await store.close()


async def tell_directly(teller: Teller, store: DatabaseStore, moved: Sequence[AlertMoved]) -> None:
    """As if it had come through the stream."""
    fields = ({"pool": one.pool, "payload": one.to_json()} for one in moved)
    entries = [
        StreamEntry(f"{one.at_ms}-0", QUOTA_ALERT, one.at_ms, said) for one, said in zip(moved, fields, strict=True)
    ]
    await teller.publish(entries, names=store.names)


async def _sync() -> None:
    await sync_due(now=timezone.now())


async def ledger_lag(pool: str) -> Lag:
    """How far the ledger is behind this pool's stream. Raises redis-py's errors."""
    streams = Streams(open_client(redis_url()), name="")
    try:
        return await streams.lag(pool)
    finally:
        await streams.close()


async def _leave(streams: Streams) -> None:
    try:
        await streams.leave()
    except RedisError:
        logger.info("left without saying so; others will notice", extra={"action": "worker_left"})
    finally:
        await streams.close()
