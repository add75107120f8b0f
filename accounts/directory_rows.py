"""The database behind the directory: which pools were edited, and their accounts, keys still sealed."""

from collections.abc import Mapping
from functools import partial
from typing import Final

from accounts import wiring
from accounts.base_urls import checked_base_url
from accounts.database import in_database
from accounts.directory import Changes, Credential, Entry
from accounts.errors import BaseUrlRefused
from accounts.models import ClaudeAccount, Pool

LOAD_DEADLINE_SECONDS: Final = 2.0


async def load_changes(known: Mapping[str, int]) -> Changes:
    """What differs from the versions known. Raises TimeoutError and whatever the database raises."""
    return await in_database(partial(read_changes, known), deadline=LOAD_DEADLINE_SECONDS)


def read_changes(known: Mapping[str, int]) -> Changes:
    """One query when nothing was edited, else two. Versions are read first: see Note [Versions]."""
    versions = {str(pk): version for pk, version in Pool.objects.order_by().values_list("pk", "version")}
    edited = [pool for pool, version in versions.items() if known.get(pool) != version]
    if not edited:
        return Changes(versions=versions, entries={})
    accounts = ClaudeAccount.objects.filter(pool_id__in=edited).select_related("pool").order_by()
    return Changes(versions=versions, entries={str(account.pk): _entry(account) for account in accounts})


def _entry(account: ClaudeAccount) -> Entry:
    return Entry(pool_id=str(account.pool_id), name=account.name, open=partial(credential_of, account))


def credential_of(account: ClaudeAccount) -> Credential:
    """The account's credential. Raises UndecryptableKey; BaseUrlRefused if the row names a forbidden upstream.

    The address is checked here again, because whoever can write the table could otherwise have keys sent anywhere.
    """
    try:
        checked_base_url(account.base_url, allowed=wiring.allowed_base_urls(), demo=account.pool.simulated)
    except BaseUrlRefused as refused:
        message = f"account {account.name!r} gets no requests: {refused}"
        raise BaseUrlRefused(message, origin=account.base_url) from None
    return Credential(
        id=str(account.pk),
        name=account.name,
        pool_id=str(account.pool_id),
        base_url=account.base_url,
        api_key=account.reveal_key(),
        simulated=account.pool.simulated,
        workspace_id=account.workspace_id,
    )
