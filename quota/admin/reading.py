"""What the read-only pages share: nobody edits history, and names come from ids that may point nowhere any more."""

from __future__ import annotations

import re
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar, cast

from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, Q, Subquery
from unfold import decorators
from unfold.admin import ModelAdmin

from accounts.models import AccessKey, ClaudeAccount, Pool
from quota.admin.csv_answer import csv_answer
from quota.admin.long_lists import BoundedPaginator, about_how_many

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from django.contrib.admin.views.main import ChangeList
    from django.db.models import Model, QuerySet
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from quota.csv_export import Cell

GONE = "deleted"
NOTHING = "–"
_OWN_REQUEST = "req_"
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
    paginator = BoundedPaginator
    sortable_by: Any = ()  # but for the order they come in, no index serves any
    list_per_page = 25
    list_before_template = "admin/quota/before_list.html"
    empty_says = "Nothing has been written here yet."
    empty_link = True
    """Whether sending a request would change that."""
    csv_columns: tuple[str, ...] = ()
    """Columns of the CSV file; none: there is no file."""

    def has_add_permission(self, *_: object, **__: object) -> bool:
        return False

    def has_change_permission(self, *_: object, **__: object) -> bool:
        return False

    def has_delete_permission(self, *_: object, **__: object) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        # A join would drop the rows whose account is gone, for which the ledger is all there is.
        tables: dict[str, type[ClaudeAccount | Pool]] = {"account_id": ClaudeAccount, "pool_id": Pool}
        columns = {field.attname for field in self.opts.fields}
        names = {f"{key[:-3]}_name": name_of(table, key) for key, table in tables.items() if key in columns}
        return cast("QuerySet[Model]", super().get_queryset(request).annotate(**names))

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """See Note [Long lists]. Access keys on the page get their names in one query."""
        changelist: ChangeList = super().get_changelist_instance(request)
        changelist.more = getattr(changelist.paginator, "more", False)  # type: ignore[attr-defined]
        narrowed = changelist.has_active_filters or changelist.query
        changelist.about = about_how_many(changelist.queryset) if changelist.more and not narrowed else 0  # type: ignore[attr-defined]
        changelist.empty_says = self.empty_says  # type: ignore[attr-defined]
        changelist.csv = self._csv_query(request) if self.csv_columns else ""  # type: ignore[attr-defined]
        name_keys(changelist.result_list)
        return changelist

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        if self.csv_columns and request.GET.get("format") == "csv":
            return self._csv(request)
        response: HttpResponseBase = super().changelist_view(request, extra_context)
        return response

    def _csv_query(self, request: HttpRequest) -> str:
        asked = request.GET.copy()
        asked["format"] = "csv"
        return f"?{asked.urlencode()}"

    def _csv(self, request: HttpRequest) -> HttpResponseBase:
        """Everything that the list's filters and search leave, not only the page."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        asked = request.GET.copy()
        asked.pop("format", None)
        request.GET = asked  # type: ignore[assignment] # Django would take it for a filter
        changelist = super().get_changelist_instance(request)
        header = (*self.csv_columns, "cost_usd")
        return csv_answer(request, str(self.opts.verbose_name_plural), header, self._csv_rows(changelist.queryset))

    def _csv_rows(self, rows: QuerySet[Model]) -> Iterator[list[Cell]]:
        for row in in_batches(rows, by=self.opts.ordering[0].removeprefix("-")):
            yield [*(plain(getattr(row, name)) for name in self.csv_columns), row.cost]

    @display(description="access key")
    def shown_key(self, row: Any) -> str:  # noqa: ANN401 - any of the ledger's tables
        return getattr(row, "key_name", "") or row.access_key or NOTHING

    @display(description="account", ordering="account_name")
    def shown_account(self, row: Any) -> str:  # noqa: ANN401 - any of the ledger's tables
        return _name(row.account_name, row.account_id)

    @display(description="pool", ordering="pool_name")
    def shown_pool(self, row: Any) -> str:  # noqa: ANN401
        return _name(row.pool_name, row.pool_id)

    @display(description="cost", ordering="cost_nano")
    def shown_cost(self, row: Any) -> str:  # noqa: ANN401
        return dollars(row.cost) + (" (estimate)" if getattr(row, "cost_is_estimate", False) else "")


def name_keys(rows: Iterable[Any]) -> None:
    """Hang on each row the name of its access key, in one query for all."""
    listed = [row for row in rows if as_id(getattr(row, "access_key", ""))]
    if not listed:
        return
    wanted = {row.access_key for row in listed}
    names = {str(pk): name for pk, name in AccessKey.objects.filter(pk__in=wanted).values_list("pk", "name")}
    for row in listed:
        row.key_name = names.get(row.access_key, "")


def in_batches(rows: QuerySet[Any], *, by: str, size: int = 1_000) -> Iterator[Any]:
    """All rows, latest first by this column and the key: each batch goes on behind the last row of the one before.

    No cursor is held and no more than one batch is in memory, however many there are.
    """
    ordered, beyond = rows.order_by(f"-{by}", "-pk"), Q()
    while batch := list(ordered.filter(beyond)[:size]):
        yield from batch
        at, pk = getattr(batch[-1], by), batch[-1].pk
        beyond = Q(**{f"{by}__lt": at}) | Q(**{by: at, "pk__lt": pk})


def plain(value: Any) -> Cell:  # noqa: ANN401 - of a row
    """A column's value as a cell of a file."""
    if isinstance(value, uuid.UUID):
        return str(value)
    return "; ".join(map(str, value)) if isinstance(value, list) else value


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
    """Read a search for an id or its beginning (eight digits or more): the first and the last id it may mean.

    The gateway's own answers give a request's id in the form of Anthropic's.
    """
    digits = text.strip().lower().removeprefix(_OWN_REQUEST).replace("-", "")
    if not _BEGINNING.fullmatch(digits):
        return None
    return uuid.UUID(digits.ljust(32, "0")), uuid.UUID(digits.ljust(32, "f"))


def name_of(table: type[ClaudeAccount | Pool], column: str) -> Subquery:
    return Subquery(table._default_manager.filter(pk=OuterRef(column)).values("name")[:1])  # noqa: SLF001 - Django's name


def _name(name: str | None, key: uuid.UUID | None) -> str:
    if key is None:
        return NOTHING
    return name or f"{GONE} ({key})"
