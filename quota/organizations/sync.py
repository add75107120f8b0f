"""One organization's round: ask Anthropic, write down what it says, and say how it went.

One poller at a time: whoever moves an organization's `next_at` first asks; the others find it in the future. A poller
that dies has moved it by a minute and no more.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final

import aiohttp
from aiohttp import ThreadedResolver
from aiohttp.abc import AbstractResolver
from django.db import IntegrityError
from django.db.models import Q

from accounts.credentials import Secret
from accounts.database import in_database
from accounts.errors import BaseUrlRefused, UndecryptableKey
from accounts.resolving import NAMES_SECONDS, CheckedResolver
from accounts.wiring import reachable
from quota.errors import AdminApiError, AdminKeyRefused, AdminThrottled
from quota.models import Organization
from quota.models.organizations import SyncState, checked_address
from quota.organizations.client import AdminClient
from quota.organizations.keeping import Heard, keep
from quota.wiring import anthropic_admin_api_key

logger = logging.getLogger(__name__)

EVERY: Final = timedelta(minutes=1)
"""Anthropic supports being asked once a minute; its reports lag by some five minutes."""
AFTER_REFUSAL: Final = timedelta(minutes=15)
"""A refused key is not likely to get better soon."""
WHOLE_EVERY: Final = timedelta(hours=1)
"""How often the month so far is read again; in between, today and yesterday are."""
LONGEST_WAIT: Final = timedelta(hours=1)
ROUND_SECONDS: Final = 120.0
KEEP_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one organization's round went. `mend` says what to do, if anything is to be done."""

    organization: str
    ok: bool
    why: str = ""
    mend: str = ""
    keys: int = 0
    matched: int = 0


async def sync_due(*, now: datetime) -> list[Outcome]:
    """Ask for every organization whose time has come and that no other poller asks for. Raises database errors."""
    return await sync_these(await in_database(lambda: claim_due(now=now)), now=now)


async def sync_these(
    organizations: Sequence[Organization], *, now: datetime, names: Callable[[], AbstractResolver] = ThreadedResolver
) -> list[Outcome]:
    """Ask for these, one after another. `names` says where names lead."""
    if not organizations:
        return []
    async with _session(names()) as session:
        return [await _round(session, organization, now=now) for organization in organizations]


def _session(names: AbstractResolver) -> aiohttp.ClientSession:
    """An Admin key goes to addresses that are judged as they are connected to: see Note [Pinned addresses]."""
    resolver = CheckedResolver(names, may=reachable())
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(resolver=resolver, ttl_dns_cache=NAMES_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
    )


def claim_due(*, now: datetime) -> list[Organization]:
    """Take those whose time has come, so that no other poller does."""
    ensure_environment_organization()
    due = Organization.objects.filter(Q(next_at=None) | Q(next_at__lte=now))
    return [organization for organization in due if claim(organization, now=now)]


def claim(organization: Organization, *, now: datetime) -> bool:
    """Whether it was nobody else's first."""
    mine = Organization.objects.filter(pk=organization.pk, next_at=organization.next_at)
    return bool(mine.update(next_at=now + EVERY))


def ensure_environment_organization() -> None:
    """Make the row of ANTHROPIC_ADMIN_API_KEY's organization, or drop it when that is no longer set."""
    if anthropic_admin_api_key():
        named = {"name": "of ANTHROPIC_ADMIN_API_KEY"}
        Organization.objects.get_or_create(from_environment=True, defaults=named)
    else:
        Organization.objects.filter(from_environment=True).delete()


async def _round(session: aiohttp.ClientSession, organization: Organization, *, now: datetime) -> Outcome:
    try:
        client = AdminClient(session, key=_key(organization), base_url=_address(organization))
        async with asyncio.timeout(ROUND_SECONDS):
            heard = await _heard(client, organization, now=now)
        await in_database(lambda: keep(organization, heard, now=now), deadline=KEEP_SECONDS)
    except (AdminApiError, TimeoutError) as error:
        return await in_database(partial(_note_trouble, organization, error, now=now))
    except IntegrityError:
        twin = AdminKeyRefused("another entry here has a key of the same organization; delete one of the two")
        return await in_database(partial(_note_trouble, organization, twin, now=now))
    return await in_database(lambda: _went_well(organization))


def _address(organization: Organization) -> str:
    """Checked here again: whoever can write the table could otherwise have keys sent anywhere."""
    try:
        return checked_address(organization.base_url)
    except BaseUrlRefused as refused:
        raise AdminKeyRefused(f"its Admin key is not sent anywhere: {refused}") from None


def _key(organization: Organization) -> Secret:
    if organization.from_environment:
        return Secret(anthropic_admin_api_key())
    if organization.admin_key is None:
        raise AdminKeyRefused("it has no Admin key")
    try:
        secret: Secret = organization.admin_key.reveal()
    except UndecryptableKey:
        raise AdminKeyRefused("its Admin key cannot be decrypted with the ENCRYPTION_KEY in force") from None
    return secret


async def _heard(client: AdminClient, organization: Organization, *, now: datetime) -> Heard:
    facts = await client.organization()
    if organization.anthropic_id not in {None, facts.id}:
        raise AdminKeyRefused(f"its Admin key belongs to another organization: {facts.name} ({facts.id})")
    first, whole = _since(organization, now=now)
    return Heard(
        facts, await client.keys(), await client.rate_limits(), await client.report(first=first, last=now.date()), whole
    )


def _since(organization: Organization, *, now: datetime) -> tuple[date, bool]:
    """The first day to read, and whether that is the whole month (with yesterday's end, on the 1st)."""
    yesterday, month = now.date() - timedelta(days=1), now.date().replace(day=1)
    if organization.whole_at is None or now - organization.whole_at >= WHOLE_EVERY:
        return min(yesterday, month), True
    return yesterday, False


def _note_trouble(organization: Organization, error: Exception, *, now: datetime) -> Outcome:
    refused = isinstance(error, AdminKeyRefused)
    organization.state = SyncState.REFUSED if refused else SyncState.TROUBLE
    organization.why = str(error)[:500] or "it took too long"
    organization.next_at = now + _pause(error)
    organization.save(update_fields=["state", "why", "next_at"])
    logger.warning("organization %s: %s", organization.pk, organization.why, extra={"action": "organization_sync"})
    return Outcome(organization.name, ok=False, why=organization.why, mend=getattr(error, "mend", AdminApiError.mend))


def _pause(error: Exception) -> timedelta:
    if isinstance(error, AdminThrottled) and error.retry_after is not None:
        return min(max(EVERY, timedelta(seconds=error.retry_after)), LONGEST_WAIT)
    return AFTER_REFUSAL if isinstance(error, AdminKeyRefused) else EVERY


def _went_well(organization: Organization) -> Outcome:
    keys = organization.keys.count()
    return Outcome(organization.name, ok=True, keys=keys, matched=organization.keys.exclude(account=None).count())
