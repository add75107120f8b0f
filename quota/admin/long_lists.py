"""Lists of very many rows: no count that reads them all, no sort that no index serves.

# Note [Long lists]
#     A count of a million rows costs more than the page. Without a filter the database's own estimate is shown; with
#     one, rows are counted up to a bound. Beyond the bound one narrows the filter or takes the CSV file.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from django.core.paginator import Paginator
from django.db import connections

if TYPE_CHECKING:
    from django.db.models import QuerySet

COUNTED: Final = 5_000
"""Rows that can be reached by turning pages."""


class BoundedPaginator(Paginator):  # type: ignore[type-arg] # not subscriptable at runtime
    """See Note [Long lists]. `more` says whether there are rows beyond those counted."""

    object_list: Any

    @cached_property
    def count(self) -> int:
        found: int = self.object_list.order_by()[: COUNTED + 1].count()
        self.more = found > COUNTED
        return min(found, COUNTED)


def about_how_many(rows: QuerySet[Any]) -> int:
    """The table's size by the database's own estimate, which costs nothing and may be off."""
    connection, table = connections[rows.db], rows.model._meta.db_table  # noqa: SLF001 - documented API
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT GREATEST(reltuples, 0)::bigint FROM pg_class WHERE oid = %s::regclass", [table])
        else:
            cursor.execute(f"SELECT MAX(rowid) FROM {connection.ops.quote_name(table)}")  # noqa: S608 - our own table
        row = cursor.fetchone()
    return int(row[0] or 0) if row else 0
