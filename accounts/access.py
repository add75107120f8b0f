"""Access keys in use: issue, revoke, and find whom a key belongs to.

Note [Revocation]
    A key found in the database is remembered for less than a second, counted from before the query, so a revocation
    is effective everywhere within one second. Entries are found by the whole SHA-256, never by a part of the key.
    While the database does not answer, keys seen lately go on working for five minutes: nobody can revoke then either,
    and the pool should outlive a database restart.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from django.db import DatabaseError, transaction
from django.views.decorators.debug import sensitive_variables

from accounts import audit
from accounts.database import DEADLINE_SECONDS, in_database
from accounts.errors import AccessRefused, AccessUndecided
from accounts.keys import hash_key, looks_valid, new_access_key
from accounts.models import AccessKey, Pool
from accounts.principals import Kind, Principal
from accounts.roles import abilities_of_scopes
from accounts.scopes import Scope, checked_scopes

TRUSTED_SECONDS: Final = 0.9
FRESH_SECONDS: Final = 0.5
"""A key in use is asked for anew after this time while its requests go on."""
GRACE_SECONDS: Final = 300.0
KNOWN_DEADLINE_SECONDS: Final = 1.0
"""So long a key seen lately waits for the database; an answer that comes later still counts for those after it."""
TOUCH_EVERY: Final = timedelta(minutes=1)
REMEMBERED_KEYS: Final = 10_000

logger = logging.getLogger(__name__)


def issue_access_key(
    *,
    name: str,
    scopes: Iterable[str],
    pool: Pool | None = None,
    expires_at: datetime | None = None,
    models: Iterable[str] = (),
    networks: Iterable[str] = (),
    limits: Mapping[str, Any] = MappingProxyType({}),
) -> tuple[str, AccessKey]:
    """Make a key. The text is returned this once and kept nowhere. Raises ScopesRefused, ValidationError.

    `limits` are columns of `Limited`: amounts, dollars as Decimal.
    """
    key = AccessKey(name=name, scopes=checked_scopes(scopes), pool=pool, expires_at=expires_at, **limits)
    key.allowed_models, key.allowed_networks = list(models), list(networks)
    return store_new_key(key), key


@sensitive_variables("plain")
def store_new_key(key: AccessKey) -> str:
    """Give an unsaved key its secret, store it and return the text, this once. Raises ValidationError."""
    plain = draw_secret(key)
    key.full_clean()
    key.save(force_insert=True)
    return plain


@sensitive_variables("plain")
def draw_secret(key: AccessKey) -> str:
    """Give an unsaved key its secret and return the text, which is in no column."""
    plain, record = new_access_key()
    key.hint, key.sha256 = record.hint, record.sha256
    return plain


def revoke_access_key(key: AccessKey, *, now: datetime) -> bool:
    """Revoke for good; False if it was revoked already. Effective everywhere within a second."""
    with transaction.atomic():
        revoked = bool(AccessKey.objects.filter(pk=key.pk).revoke(now=now))
        if revoked:
            audit.note("revoked", key)
    return revoked


@dataclass(frozen=True, slots=True)
class _Known:
    principal: Principal
    expires_at: datetime | None
    asked_at: float


class AccessKeys:
    """Finds the principal of a key, remembering answers as Note [Revocation] says. Threads may share one."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, size: int = REMEMBERED_KEYS) -> None:
        self._clock = clock
        self._size = size
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._lookups: dict[str, asyncio.Task[Principal]] = {}

    def principal(self, plain: str, *, now: datetime) -> Principal:
        """Whose key this is. Raises AccessRefused, or AccessUndecided when the database does not answer."""
        digest = self._digest(plain)
        if known := self._remembered(digest, within=TRUSTED_SECONDS):
            return _unexpired(known, now=now)
        try:
            return self._looked_up(digest, now=now)
        except DatabaseError as trouble:
            return self._in_an_outage(digest, now=now, trouble=trouble)

    async def aprincipal(self, plain: str, *, now: datetime) -> Principal:
        """The same without blocking the event loop, and with a deadline."""
        digest = hash_key(plain)
        if known := self._remembered(digest, within=TRUSTED_SECONDS):
            if not self._remembered(digest, within=FRESH_SECONDS):
                self._asking(digest, now=now)  # whoever comes next need not wait
            return _unexpired(known, now=now)
        self._digest(plain)  # what is no key at all is not looked for
        patience = KNOWN_DEADLINE_SECONDS if self._remembered(digest, within=GRACE_SECONDS) else DEADLINE_SECONDS
        try:
            async with asyncio.timeout(patience):
                return await self._asked(digest, now=now)
        except (DatabaseError, TimeoutError) as trouble:
            return self._in_an_outage(digest, now=now, trouble=trouble)

    async def _asked(self, digest: str, *, now: datetime) -> Principal:
        """Ask the database, together with everybody who asks for the same key meanwhile."""
        under_way = digest in self._lookups
        principal = await asyncio.shield(self._asking(digest, now=now))
        if under_way and not self._remembered(digest, within=TRUSTED_SECONDS):
            return await asyncio.shield(self._asking(digest, now=now))  # that one had begun too long ago
        return principal

    def _asking(self, digest: str, *, now: datetime) -> "asyncio.Task[Principal]":
        lookup = self._lookups.get(digest)
        if lookup is None or lookup.done() or lookup.get_loop() is not asyncio.get_running_loop():
            lookup = asyncio.ensure_future(in_database(lambda: self._looked_up(digest, now=now)))
            self._lookups[digest] = lookup
            lookup.add_done_callback(lambda done: self._heard(digest, done))
        return lookup

    def _heard(self, digest: str, lookup: "asyncio.Task[Principal]") -> None:
        if self._lookups.get(digest) is lookup:
            del self._lookups[digest]
        if not lookup.cancelled():
            lookup.exception()  # who waits is told; nobody needs to wait

    def _digest(self, plain: str) -> str:
        if not looks_valid(plain):
            raise AccessRefused
        return hash_key(plain)

    def _remembered(self, digest: str, *, within: float) -> _Known | None:
        known = self._known.get(digest)
        return known if known and self._clock() - known.asked_at < within else None

    def _looked_up(self, digest: str, *, now: datetime) -> Principal:
        asked_at = self._clock()
        key = AccessKey.objects.filter(sha256=digest).first()
        if key is None or not key.is_usable(now=now):
            self._known.pop(digest, None)
            raise AccessRefused
        known = _Known(principal_of(key), key.expires_at, asked_at)
        self._remember(digest, known)
        _note_use(key, now=now)
        return known.principal

    def _remember(self, digest: str, known: _Known) -> None:
        self._known.pop(digest, None)  # the newest stand at the end
        self._known[digest] = known
        while len(self._known) > self._size:
            self._known.popitem(last=False)

    def _in_an_outage(self, digest: str, *, now: datetime, trouble: Exception) -> Principal:
        known = self._remembered(digest, within=GRACE_SECONDS)
        if known is None:
            raise AccessUndecided from trouble
        logger.warning("access keys: the database does not answer, using what was known", extra={"action": "grace"})
        return _unexpired(known, now=now)


def principal_of(key: AccessKey) -> Principal:
    """What a key may do. Scopes that this version does not know give nothing."""
    scopes = frozenset(Scope(scope) for scope in key.scopes if scope in set(Scope))
    pool_id = str(key.pool_id) if key.pool_id else None
    return Principal(
        kind=Kind.ACCESS_KEY,
        id=str(key.pk),
        name=key.name,
        scopes=scopes,
        pool_id=pool_id,
        models=tuple(key.allowed_models),
        networks=tuple(key.allowed_networks),
        client=key.client(),
        expires_at=key.expires_at,
        abilities=abilities_of_scopes(scopes),
    )


def _unexpired(known: _Known, *, now: datetime) -> Principal:
    if known.expires_at is not None and known.expires_at <= now:
        raise AccessRefused
    return known.principal


def _note_use(key: AccessKey, *, now: datetime) -> None:
    if key.last_used_at is not None and key.last_used_at >= now - TOUCH_EVERY:
        return
    try:
        AccessKey.objects.filter(pk=key.pk).touch(now=now, unless_since=now - TOUCH_EVERY)
    except DatabaseError:
        # A busy database must not turn a good key away; the next request notes its use.
        logger.warning("access keys: the use of a key could not be noted", exc_info=True, extra={"action": "touch"})
