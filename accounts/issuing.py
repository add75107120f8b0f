"""Access keys handed out and changed by somebody who has rights of their own: nobody gives away more than they have."""

import uuid
from collections.abc import Iterable
from typing import Any

from django.db import transaction

from accounts.access import store_new_key
from accounts.editing import Versions, refuse_stale
from accounts.errors import GrantRefused
from accounts.models import AccessKey
from accounts.money import from_nano
from accounts.principals import Kind, Principal
from accounts.scopes import checked_scopes
from quota.engine.types import Limit, Metric


def issue_as(principal: Principal, *, scopes: Iterable[str], **columns: Any) -> tuple[str, AccessKey]:  # noqa: ANN401
    """Make a key in somebody's name and return its text, this once. Raises GrantRefused and more.

    Scopes are some of the giver's own. A key that is restricted in any way makes none that is less so.
    """
    key = AccessKey(scopes=checked_scopes(scopes), **columns)
    _refuse_more(principal, key)
    return store_new_key(key), key


def restrict_as(principal: Principal, key_id: uuid.UUID, *, expected: Versions, **columns: Any) -> AccessKey:  # noqa: ANN401
    """Change what a key may use, in somebody's name; what it may do is said once, when it is made.

    Raises EditConflict, GrantRefused and ValidationError; nothing is stored then. Effective within a second.
    """
    with transaction.atomic():
        key = AccessKey.objects.select_for_update().get(pk=key_id)
        refuse_stale(key, expected)
        for column, value in columns.items():
            setattr(key, column, value)
        _refuse_more(principal, key)
        key.full_clean()
        if columns:
            key.save(update_fields=set(columns))
    return key


def _refuse_more(giver: Principal, key: AccessKey) -> None:
    if lacking := sorted(set(key.scopes) - set(giver.scopes)):
        raise GrantRefused(f"You cannot give the scope {lacking[0]}, which you have not got.")
    if giver.kind is Kind.ACCESS_KEY:
        _refuse_elsewhere(giver, key)
        _refuse_longer(giver, key)
        _refuse_unlimited(giver, key)


def _refuse_elsewhere(giver: Principal, key: AccessKey) -> None:
    if giver.pool_id and str(key.pool_id) != giver.pool_id:
        raise GrantRefused("This access key belongs to one pool and makes keys for that pool only.")
    given = {"networks": key.allowed_networks, "models": key.allowed_models}
    for noun, own in (("networks", giver.networks), ("models", giver.models)):
        if own and not (given[noun] and set(given[noun]) <= set(own)):
            raise GrantRefused(f"This access key is restricted to some {noun}; name some of those: {', '.join(own)}.")


def _refuse_longer(giver: Principal, key: AccessKey) -> None:
    own = giver.expires_at
    if own is not None and (key.expires_at is None or key.expires_at > own):
        raise GrantRefused(f"This access key expires at {own:%Y-%m-%d %H:%M:%S} UTC and makes none that lasts longer.")


def _refuse_unlimited(giver: Principal, key: AccessKey) -> None:
    if giver.client is None:
        return
    amounts = {(one.metric, one.window): one.amount for one in key.enforced_limits()}
    for own in giver.client.limits:
        if not 0 < amounts.get((own.metric, own.window), 0) <= own.amount:
            raise GrantRefused(f"This access key is limited to {_said(own)}; name a limit of at most that.")
    cap = giver.client.max_concurrency
    if cap is not None and not 0 < (key.max_concurrency or 0) <= cap:
        raise GrantRefused(f"This access key is limited to {cap} requests at once; name a limit of at most that.")


def _said(limit: Limit) -> str:
    if limit.metric is Metric.COST:
        return f"{from_nano(limit.amount).normalize():f} US dollars per {limit.window}"
    return f"{limit.amount} {limit.metric} per {limit.window}"
