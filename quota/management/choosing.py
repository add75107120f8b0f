"""Which pools and accounts a command means."""

import uuid
from collections.abc import Sequence

from django.core.management.base import CommandError
from django.db.models import Q

from accounts.models import ClaudeAccount, Pool


def pools(name: str | None) -> Sequence[Pool]:
    """All, or the one of that name. Raises CommandError."""
    if name is None:
        return list(Pool.objects.order_by("name"))
    return [the_pool(name)]


def the_pool(name: str | None) -> Pool:
    """The one of that name, or the only one there is. Raises CommandError."""
    found = list(Pool.objects.filter(**({"name": name} if name else {})).order_by("name")[:2])
    if not found:
        raise CommandError(f"There is no pool {name!r}." if name else "There is no pool yet: run init_multi_account.")
    if len(found) > 1:
        raise CommandError("There are several pools; name one with --pool.")
    return found[0]


def the_account(text: str, *, pool: str | None) -> ClaudeAccount:
    """By its name or id. Raises CommandError."""
    rows = ClaudeAccount.objects.select_related("pool").filter(_named(text))
    if pool is not None:
        rows = rows.filter(pool=the_pool(pool))
    found = list(rows[:2])
    if not found:
        raise CommandError(f"There is no account {text!r}.")
    if len(found) > 1:
        raise CommandError(f"Several pools have an account {text!r}; name the pool with --pool.")
    return found[0]


def _named(text: str) -> Q:
    try:
        return Q(name=text) | Q(pk=uuid.UUID(text))
    except ValueError:
        return Q(name=text)
