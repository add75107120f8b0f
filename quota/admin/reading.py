"""What the read-only pages share: nobody edits history, and names come from ids that may point nowhere any more."""

from __future__ import annotations

import re
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar, cast

from django.db.models import OuterRef, Subquery
from unfold import decorators
from unfold.admin import ModelAdmin

from accounts.models import ClaudeAccount, Pool

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from django.db.models import Model, QuerySet
    from django.http import HttpRequest

GONE = "deleted"
NOTHING = "–"
_BEGINNING = re.compile(r"[0-9a-f]{8,32}")

Method = TypeVar("Method", bound="Callable[..., object]")


def display(
    *, description: str, ordering: str | None = None, label: Mapping[Any, str] | None = None
) -> Callable[[Method], Method]:
    """Unfold's decorator with types."""
    return cast(
        "Callable[[Method], Method]", decorators.display(description=description, ordering=ordering, label=label)
    )


class ReadOnlyAdmin(ModelAdmin):  # type: ignore[misc] # unfold is untyped
    """A list and a page that show, and do nothing else."""

    actions: tuple[str, ...] | None = None
    show_full_result_count = False  # counting a table of millions only to say so
    list_per_page = 50

    def has_add_permission(self, *_: object, **__: object) -> bool:
        return False

    def has_change_permission(self, *_: object, **__: object) -> bool:
        return False

    def has_delete_permission(self, *_: object, **__: object) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        # A join would drop the rows whose account is gone, for which the ledger is all there is.
        names = {"account_name": name_of(ClaudeAccount, "account_id"), "pool_name": name_of(Pool, "pool_id")}
        return cast("QuerySet[Model]", super().get_queryset(request).annotate(**names))

    @display(description="account", ordering="account_name")
    def shown_account(self, row: Any) -> str:  # noqa: ANN401 - any of the ledger's tables
        return _name(row.account_name, row.account_id)

    @display(description="pool", ordering="pool_name")
    def shown_pool(self, row: Any) -> str:  # noqa: ANN401
        return _name(row.pool_name, row.pool_id)

    @display(description="cost", ordering="cost_nano")
    def shown_cost(self, row: Any) -> str:  # noqa: ANN401
        return dollars(row.cost)


def dollars(amount: Decimal) -> str:
    """Write US dollars with four digits, more only where four would show nothing."""
    if not amount:
        return "$0"
    return f"${amount:.4f}" if amount >= Decimal("0.0001") else f"${amount.normalize():f}"


def took(begin: datetime | None, end: datetime | None) -> str:
    """Write the seconds between, if both are known."""
    return f"{(end - begin).total_seconds():.2f} s" if begin and end else NOTHING


def as_id(text: str) -> uuid.UUID | None:
    """Read a search for an id; anything else is none."""
    try:
        return uuid.UUID(text.strip())
    except ValueError:
        return None


def as_ids(text: str) -> tuple[uuid.UUID, uuid.UUID] | None:
    """Read a search for an id or its beginning (eight digits or more): the first and the last id it may mean."""
    digits = text.strip().lower().replace("-", "")
    if not _BEGINNING.fullmatch(digits):
        return None
    return uuid.UUID(digits.ljust(32, "0")), uuid.UUID(digits.ljust(32, "f"))


def name_of(table: type[ClaudeAccount | Pool], column: str) -> Subquery:
    return Subquery(table._default_manager.filter(pk=OuterRef(column)).values("name")[:1])  # noqa: SLF001 - Django's name


def _name(name: str | None, key: uuid.UUID | None) -> str:
    if key is None:
        return NOTHING
    return name or f"{GONE} ({key})"
