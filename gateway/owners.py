"""Who holds a resource: the durable memory of id → account, namespaced by access key."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, TypeVar

from django.db import DatabaseError
from django.utils import timezone

from accounts.database import in_database
from gateway.errors import OwnersUnavailable
from gateway.models import Resource

T = TypeVar("T")

BATCH_LIFE: Final = timedelta(hours=24)
"""Anthropic ends a batch by then, whatever it has done."""
PLACE_LIFE: Final = timedelta(days=1)
PAGE_MAX: Final = 1_000
FIRST_LOOK: Final = timedelta(seconds=30)
"""After so long a new batch is asked about for the first time, in order to charge it."""


@dataclass(frozen=True, slots=True)
class Owned:
    """One resource as it was last seen."""

    id: str
    kind: str
    account: str
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)
    open: bool = False
    client: str = ""
    """Whose limits a batch's cost counts against; read when it is made."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which part of a list. `after` and `before` are ids; a list begins with the newest."""

    limit: int = 20
    after: str = ""
    before: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list, and whether more follows in the direction asked for."""

    items: tuple[Owned, ...]
    has_more: bool


class Owners:
    """The database, asked with a deadline. Every method raises `OwnersUnavailable` when it does not answer."""

    async def note(self, owned: Owned, *, principal: str) -> None:
        """Remember a resource, or what has become of it. Somebody else's of the same id stays as it is."""
        await asked(lambda: _note(owned, principal))

    async def find(self, ids: Iterable[str], *, principal: str) -> Mapping[str, Owned]:
        """Give those of `ids` that are this principal's; another's are as unknown as any."""
        wanted = tuple(ids)
        rows = await asked(lambda: list(_alive(principal).filter(pk__in=wanted)))
        return {row.pk: _owned(row) for row in rows}

    async def forget(self, id_: str, *, principal: str) -> None:
        """Drop what was deleted. As a place to go on from in a list it is known for another day."""
        await asked(lambda: _forget(id_, principal))

    async def page(self, kind: str, wanted: Wanted, *, principal: str) -> Page:
        """List a principal's resources of one kind. Raises LookupError for a cursor that is not in the list."""
        return await asked(lambda: _page(kind, wanted, principal))


async def asked(work: Callable[[], T]) -> T:
    """Do blocking work in the database. Raises `OwnersUnavailable` when it does not answer in time, or not well."""
    try:
        return await in_database(work)
    except (DatabaseError, TimeoutError) as trouble:
        raise OwnersUnavailable from trouble


def _note(owned: Owned, principal: str) -> None:
    now = timezone.now()
    news = {"document": dict(owned.document), "open_until": now + BATCH_LIFE if owned.open else None}
    due = {"bill_due_at": now + FIRST_LOOK} if owned.kind == Resource.Kind.BATCH else {}
    made = {"kind": owned.kind, "account_id": owned.account, "principal": principal, "client": owned.client}
    row, created = Resource.objects.get_or_create(pk=owned.id, defaults={**made, **news, **due})
    if created or row.principal != principal:
        return
    if owned.open and row.open_until:
        news.pop("open_until")  # counts from its creation
    if not owned.open and row.bill_due_at:
        news["bill_due_at"] = now  # it has ended: what it cost can be found out
    _alive(principal).filter(pk=owned.id).update(**news)


def _alive(principal: str) -> Any:  # noqa: ANN401 - a queryset
    return Resource.objects.filter(principal=principal, deleted_at=None)


def _forget(id_: str, principal: str) -> None:
    now = timezone.now()
    Resource.objects.filter(principal=principal, deleted_at__lt=now - PLACE_LIFE).delete()
    _alive(principal).filter(pk=id_).update(deleted_at=now, open_until=None, document={})


def _page(kind: str, wanted: Wanted, principal: str) -> Page:
    rows = _alive(principal).filter(kind=kind)
    limit = min(wanted.limit, PAGE_MAX)
    if cursor := wanted.before or wanted.after:
        at = Resource.objects.filter(principal=principal, kind=kind, pk=cursor).first()
        if at is None:
            raise LookupError(cursor)
        rows = _newer(rows, at) if wanted.before else _older(rows, at)
    found = list(rows[: limit + 1])
    items = tuple(_owned(row) for row in found[:limit])
    return Page(items[::-1] if wanted.before else items, has_more=len(found) > limit)


def _older(rows: Any, at: Resource) -> Any:  # noqa: ANN401 - a queryset
    same_instant = rows.filter(created_at=at.created_at, pk__lt=at.pk)
    return rows.filter(created_at__lt=at.created_at) | same_instant


def _newer(rows: Any, at: Resource) -> Any:  # noqa: ANN401 - a queryset
    same_instant = rows.filter(created_at=at.created_at, pk__gt=at.pk)
    return (rows.filter(created_at__gt=at.created_at) | same_instant).order_by("created_at", "pk")


def _owned(row: Resource) -> Owned:
    running = row.open_until is not None and row.open_until > timezone.now()
    return Owned(row.pk, row.kind, str(row.account_id), row.document, open=running)
