"""Account id → what is needed to call Anthropic with it, from memory, a moment behind the database.

Note [Freshness]
    A lookup on the hot path costs no query. Behind it one small query at a time compares the pools' versions, started
    by lookups and at most once a second, and only pools that were edited are loaded again (see Note [Versions] in
    `accounts.models.pools`). What is served is at most two seconds old; an id that is not known is asked for at once,
    because the engine may hear of a new account first. Keys are decrypted when first used. While the database does
    not answer, what is known goes on being served for five minutes: whether an account may be used at all is the
    engine's business.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from accounts.credentials import Secret
from accounts.errors import DirectoryUnavailable, UnknownAccount
from accounts.loops import PerLoop

REFRESH_SECONDS: Final = 1.0
MAX_AGE_SECONDS: Final = 2.0
GRACE_SECONDS: Final = 300.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Credential:
    """Everything needed for one upstream call."""

    id: str
    name: str
    pool_id: str
    base_url: str
    api_key: Secret
    simulated: bool
    workspace_id: str = ""


@dataclass(slots=True)
class Entry:
    """One account as loaded; `open` decrypts and checks, and is asked once."""

    pool_id: str
    name: str
    open: Callable[[], Credential]
    credential: Credential | None = None

    def revealed(self) -> Credential:
        if self.credential is None:
            self.credential = self.open()
        return self.credential


@dataclass(frozen=True, slots=True)
class Changes:
    """The versions of all pools, and every account of those whose version was not the one known."""

    versions: Mapping[str, int]
    entries: Mapping[str, Entry]


Load = Callable[[Mapping[str, int]], Awaitable[Changes]]
"""Versions known (pool id → version) → what is new. May raise anything; that means "not now"."""


class Directory:
    """Looks accounts up. Belongs to one event loop; see Note [Freshness]."""

    def __init__(self, *, load: Load, clock: Callable[[], float] = time.monotonic) -> None:
        self._load = load
        self._clock = clock
        self._versions: Mapping[str, int] = {}
        self._entries: dict[str, Entry] = {}
        self._loaded_at = float("-inf")
        self._failed_at = float("-inf")
        self._refreshing: asyncio.Task[None] | None = None

    async def get(self, account_id: str) -> Credential:
        """The account's credential.

        Raises UnknownAccount, UndecryptableKey, BaseUrlRefused (its address left the allow-list), and
        DirectoryUnavailable when nothing recent enough is known.
        """
        await self._freshen()
        entry = self._entries.get(account_id) or await self._asked_for(account_id)
        return entry.revealed()

    def name_of(self, account_id: str) -> str:
        """The account's name as far as it is known here; else the id."""
        entry = self._entries.get(account_id)
        return account_id if entry is None else entry.name

    def forget(self) -> None:
        """Believe nothing that was loaded before now; the next lookup loads."""
        self._loaded_at = min(self._loaded_at, self._clock() - MAX_AGE_SECONDS)
        self._failed_at = float("-inf")
        self._refreshing = None

    async def _freshen(self) -> None:
        now = self._clock()
        age = now - self._loaded_at
        if age < REFRESH_SECONDS:
            return
        waiting_is_worth_it = now - self._failed_at >= REFRESH_SECONDS
        if age >= GRACE_SECONDS or (age >= MAX_AGE_SECONDS and waiting_is_worth_it):
            await self._refresh()
        elif waiting_is_worth_it:
            self._start()
        if self._clock() - self._loaded_at >= GRACE_SECONDS:
            raise DirectoryUnavailable("the accounts cannot be loaded: the database does not answer")

    async def _asked_for(self, account_id: str) -> Entry:
        # A load under way may have begun before the account existed; the one after it has not.
        for _ in range(2):
            await self._refresh()
            if entry := self._entries.get(account_id):
                return entry
        raise UnknownAccount(account_id)

    async def _refresh(self) -> None:
        look = None
        while look is None or look is not self._refreshing:  # forget() may have made a look worthless meanwhile
            look = self._start()
            # Shielded: a caller that leaves must not take the others' refresh with it.
            await asyncio.shield(look)

    def _start(self) -> asyncio.Task[None]:
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.ensure_future(self._refreshed())
        return self._refreshing

    async def _refreshed(self) -> None:
        asked_at = self._clock()
        try:
            changes = await self._load(self._versions)
        except Exception:
            self._failed_at = self._clock()
            logger.warning("directory: the accounts could not be loaded", exc_info=True, extra={"action": "directory"})
            return
        if asyncio.current_task() is not self._refreshing:
            return  # begun before forget(); what it saw counts no more
        self._apply(changes)
        self._loaded_at = max(self._loaded_at, asked_at)

    def _apply(self, changes: Changes) -> None:
        kept = {pool for pool, version in changes.versions.items() if self._versions.get(pool) == version}
        entries = {id_: entry for id_, entry in self._entries.items() if entry.pool_id in kept}
        self._entries = {**entries, **changes.entries}
        self._versions = changes.versions


def get_directory() -> Directory:
    """The running loop's directory of the accounts in the database."""
    return _directories.get()


def _of_the_database() -> Directory:
    from accounts.directory_rows import load_changes  # needs Django's apps, which this module does not

    return Directory(load=load_changes)


_directories: Final = PerLoop[Directory](make=_of_the_database)
