"""The way from async code to the ORM: in the thread Django wants, with usable connections and a deadline."""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

from asgiref.sync import sync_to_async
from django.db import close_old_connections

DEADLINE_SECONDS: Final = 5.0

T = TypeVar("T")


async def in_database(work: Callable[[], T], *, deadline: float = DEADLINE_SECONDS) -> T:
    """Run blocking ORM work off the event loop. Raises TimeoutError after `deadline` seconds.

    The thread cannot be stopped; the work may still complete after the deadline.
    """

    def with_usable_connections() -> T:
        # Outside of a Django request nobody else drops dead connections before, or gives them back to the pool after.
        close_old_connections()
        try:
            return work()
        finally:
            close_old_connections()

    async with asyncio.timeout(deadline):
        return await sync_to_async(with_usable_connections)()
