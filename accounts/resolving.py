"""From an upstream's name to the addresses it may be reached at, and to no others. For accounts' keys and Admin keys.

Note [Pinned addresses]
    That a name is on the allow-list says nothing about where it leads when a connection is made: whoever answers for it
    can say "your own network" a moment after it was looked at. So the addresses are judged where they are used:
    aiohttp connects to what this resolver gives, and asks nobody again. Names are remembered for `NAMES_SECONDS`.
"""

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult

NAMES_SECONDS: Final = 30
ANSWER_SECONDS: Final = 4.0
"""So long a name server gets; less than the time for a connection, so that it is known what did not answer."""

May = Callable[[str, str], bool]
"""Whether an upstream of that name may be reached at that address: see `accounts.base_urls.may_be_reached`."""

logger = logging.getLogger(__name__)


class AddressRefused(OSError):
    """The name leads to no address that keys may be sent to."""


class CheckedResolver(AbstractResolver):
    """Asks another resolver and keeps of its answer what is allowed. See Note [Pinned addresses]."""

    def __init__(self, asked: AbstractResolver, *, may: May, seconds: float = ANSWER_SECONDS) -> None:
        self._asked = asked
        self._may = may
        self._seconds = seconds

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Raises AddressRefused if nothing of the answer is allowed, another OSError if there is none in time."""
        found = await self._answer(host, port, family)
        allowed = [address for address in found if self._may(host, address["host"])]
        if found and not allowed:
            where = ", ".join(sorted({address["host"] for address in found}))
            said = "%s leads to %s, where keys are not sent. If that is right, see ANTHROPIC_PRIVATE_NETWORKS."
            logger.error(said, host, where, extra={"action": "address_refused"})
            raise AddressRefused(None, "the name leads to no address that keys may be sent to")
        return allowed

    async def close(self) -> None:
        await self._asked.close()

    async def _answer(self, host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult]:
        try:
            async with asyncio.timeout(self._seconds):
                return await self._asked.resolve(host, port, family)
        except TimeoutError:
            raise OSError(None, "the name was not resolved in time") from None
