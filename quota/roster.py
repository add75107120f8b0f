"""What the database says of a pool's accounts, for those who show it: read again when something was edited."""

import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from accounts.database import in_database
from accounts.models import ClaudeAccount, Pool

FRESH_SECONDS: Final = 1.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Row:
    """One account. `readable`: its key can be decrypted. `cap`: requests at once, if limited."""

    id: str
    name: str
    enabled: bool
    readable: bool
    disabled_for: str = ""
    cap: int | None = None


@dataclass(frozen=True, slots=True)
class Roster:
    """A pool, with its accounts in the order in which people see them."""

    pool: str
    name: str
    strategy: str
    version: int
    simulated: bool = False
    rows: tuple[Row, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)


def read_roster(pool_id: str, known: Roster | None = None) -> Roster:
    """Read a pool; one small query when nothing was edited. Raises Pool.DoesNotExist."""
    pool = Pool.objects.get(pk=uuid.UUID(pool_id))
    if known is not None and known.version == pool.version:
        return known
    accounts = ClaudeAccount.objects.filter(pool=pool).order_by("priority", "name")
    rows = tuple(_row(account) for account in accounts)
    names = {pool_id: pool.name, **{row.id: row.name for row in rows}}
    return Roster(pool_id, pool.name, pool.get_strategy_display(), pool.version, pool.simulated, rows, names)


def _row(account: ClaudeAccount) -> Row:
    return Row(
        id=str(account.pk),
        name=account.name,
        enabled=account.enabled,
        readable=account.has_readable_key,
        disabled_for=account.disabled_reason,
        cap=account.max_concurrency,
    )


Read = Callable[[str, Roster | None], Awaitable[Roster]]


async def _from_the_database(pool_id: str, known: Roster | None) -> Roster:
    return await in_database(lambda: read_roster(pool_id, known))


class Rosters:
    """Rosters from memory, a moment behind the database. While that does not answer, what is known goes on."""

    def __init__(self, *, read: Read = _from_the_database, clock: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._clock = clock
        self._known: dict[str, tuple[Roster, float]] = {}

    async def get(self, pool_id: str) -> Roster:
        """Raises what the database raises, if nothing is known."""
        known, at = self._known.get(pool_id, (None, float("-inf")))
        if known is not None and self._clock() - at < FRESH_SECONDS:
            return known
        try:
            roster = await self._read(pool_id, known)
        except Exception:
            if known is None:
                raise
            logger.info("live view: the accounts cannot be read anew", extra={"action": "roster"})
            roster = known
        self._known[pool_id] = (roster, self._clock())
        return roster
