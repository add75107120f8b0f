"""Which batches have not been charged yet: the database's memory of it, in the rows of `gateway.models.Resource`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import QuerySet
from django.utils import timezone

from accounts.directory import Credential
from accounts.directory_rows import credential_of
from accounts.models import ClaudeAccount
from gateway.models import Resource
from gateway.owners import asked
from gateway.resources import is_open
from quota.models import Attempt

CLAIM: Final = timedelta(minutes=10)
"""Whoever looks after a batch has it to himself so long; if he dies, another does it after that."""


@dataclass(frozen=True, slots=True)
class Unbilled:
    """A batch that was made through us and is not charged yet."""

    id: str
    account: str
    pool: str
    client: str
    created_at: datetime
    deleted: bool = False


class UnbilledBatches:
    """The database, asked with a deadline. Every method raises `OwnersUnavailable` when it does not answer."""

    async def claim(self, *, most: int) -> tuple[Unbilled, ...]:
        """Take up to `most` that are due, longest due first; for `CLAIM` nobody else gets them."""
        return await asked(lambda: _claim(most, timezone.now()))

    async def find(self, id_: str) -> Unbilled | None:
        """Give one, if it is not charged yet."""
        return await asked(lambda: next(map(_unbilled, _all().filter(pk=id_)), None))

    async def credential(self, account: str) -> Credential:
        """Whose key to ask with, whatever state it is in. Raises accounts' errors; ObjectDoesNotExist if it is gone."""
        return await asked(lambda: _credential(account))

    async def seen(self, id_: str, document: Mapping[str, Any], *, look_again: datetime) -> None:
        """Remember what Anthropic says of it now, and when to ask next."""
        await asked(lambda: _seen(id_, document, look_again))

    async def charged(self, lease_ids: Iterable[str]) -> frozenset[str]:
        """Give those of the ids that the ledger has."""
        wanted = tuple(lease_ids)
        rows = Attempt.objects.filter(lease_id__in=wanted).values_list("lease_id", flat=True)
        return frozenset(await asked(lambda: list(rows)))

    async def later(self, id_: str, *, at: datetime) -> None:
        """Ask again then."""
        await asked(lambda: _all().filter(pk=id_).update(bill_due_at=at))

    async def done(self, id_: str) -> None:
        """Nothing (more) is to be charged."""
        await asked(lambda: _all().filter(pk=id_).update(bill_due_at=None, open_until=None))


def _all() -> QuerySet[Resource]:
    return Resource.objects.filter(bill_due_at__isnull=False)


def _claim(most: int, now: datetime) -> tuple[Unbilled, ...]:
    due = _all().filter(bill_due_at__lte=now).select_related("account").order_by("bill_due_at")[:most]
    return tuple(_unbilled(row) for row in due if _taken(row, now))


def _taken(row: Resource, now: datetime) -> bool:
    mine = Resource.objects.filter(pk=row.pk, bill_due_at=row.bill_due_at)
    return bool(mine.update(bill_due_at=now + CLAIM))


def _unbilled(row: Resource) -> Unbilled:
    return Unbilled(
        id=row.pk,
        account=str(row.account_id),
        pool=str(row.account.pool_id),
        client=row.client,
        created_at=row.created_at,
        deleted=row.deleted_at is not None,
    )


def _credential(account: str) -> Credential:
    return credential_of(ClaudeAccount.objects.select_related("pool").get(pk=account))


def _seen(id_: str, document: Mapping[str, Any], look_again: datetime) -> None:
    rows = _all().filter(pk=id_)
    rows.update(bill_due_at=look_again)
    still_open = {} if is_open(document) else {"open_until": None}
    rows.filter(deleted_at=None).update(document=dict(document), **still_open)
